"""The backtest: evaluates the alarms on a history, and their changes with the notifier."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bedrock_alerts.alerts.describe import split_description
from bedrock_alerts.metrics import METRICS
from bedrock_alerts_cli.alarm_files import alerts_in
from bedrock_alerts_cli.backtest.history import BEDROCK, MADE_UP, History
from bedrock_alerts_cli.backtest.offenders import Callers
from bedrock_alerts_cli.backtest.outcome import AlarmHistory, ChangeOfState
from bedrock_alerts_cli.simulator import (
    Alarm,
    Change,
    CompositeAlarm,
    Datapoint,
    Lateness,
    MetricAlarm,
    Timeline,
    read_alarms,
    simulate,
)
from bedrock_alerts_cli.simulator.rules import named
from bedrock_alerts_cli.simulator.store import PUNCTUAL
from bedrock_alerts_cli.template.load import load

_SET: Final = "AlarmSet"
_HOUR: Final = 3600
# Metrics about the notifier and the pipeline, which are not in a log of calls.
_NOT_IN_A_LOG: Final = frozenset(
    {"StateChanges", "NotificationsSent", "NotificationsFailed", "NotificationsSuppressed"}
    | {"Heartbeat", "RecordAge"}
)


class Setup(NamedTuple):
    """A template with parameters, as it would be deployed."""

    template: Path
    parameters: Mapping[str, str]
    stack_name: str

    def alarms(self, **changed: str) -> tuple[Alarm, ...]:
        """Return the alarms, with some parameters `changed`. Raises TemplateError or AlarmError.

        A template with alarm sets returns all alarms, whichever set is deployed.
        """
        parameters = {**self.parameters, **changed}
        if _SET in load(self.template).get("Parameters", {}):
            parameters[_SET] = "all"
        return read_alarms(self.template, parameters, self.stack_name)

    def deployed(self) -> frozenset[str]:
        """Return the names of the alarms that would be deployed."""
        alarms = read_alarms(self.template, self.parameters, self.stack_name)
        return frozenset(alarm.name for alarm in alarms)


def replay(
    alarms: Sequence[Alarm], history: History, namespace: str, lateness: Lateness = PUNCTUAL
) -> Timeline:
    """Evaluate the alarms on the history; our metrics are in `namespace`.

    Alarms on data that is not in a log are left out: some treat missing data as breaching.
    """
    needed = set(judged_alarms(alarms, namespace))
    for alarm in alarms:
        if isinstance(alarm, CompositeAlarm) and alarm.name in needed:
            needed.update(named(alarm.rule))
    alarms = [alarm for alarm in alarms if alarm.name in needed]
    return _simulate(alarms, history.datapoints(namespace), history, lateness)


def _simulate(
    alarms: Iterable[Alarm], points: Iterable[Datapoint], history: History, lateness: Lateness
) -> Timeline:
    # The last values are visible only later.
    end = history.end + lateness.minutes * 60
    return simulate(alarms, points, history.start, end, lateness)


def alarm_histories(
    alarms: Sequence[Alarm],
    timeline: Timeline,
    namespace: str,
    deployed: frozenset[str],
    callers: Callers,
) -> tuple[AlarmHistory, ...]:
    """Return each alarm's results, in the template's order, and whether it is deployed."""
    by_name: dict[str, list[Change]] = {alarm.name: [] for alarm in alarms}
    for change in timeline.changes:
        by_name[change.alarm_name].append(change)
    judged = judged_alarms(alarms, namespace)
    return tuple(
        _history(
            alarm,
            by_name[alarm.name],
            timeline,
            callers,
            is_judged=alarm.name in judged,
            is_deployed=alarm.name in deployed,
        )
        for alarm in alarms
    )


def judged_alarms(alarms: Sequence[Alarm], namespace: str) -> frozenset[str]:
    """Return the names of the alarms that a log can fire.

    Their metrics are all in the log, and they do not compare our counts with Bedrock's own, which
    are rebuilt from the same log.
    """
    judged = set()
    for alarm in alarms:
        if isinstance(alarm, MetricAlarm):
            watched = set(_watched(alarm))
            spaces = {space for space, _ in watched}
            if spaces != {BEDROCK, namespace} and all(_tells(*one, namespace) for one in watched):
                judged.add(alarm.name)
    for alarm in alarms:
        if isinstance(alarm, CompositeAlarm) and judged.intersection(named(alarm.rule)):
            judged.add(alarm.name)
    return frozenset(judged)


def times_fired(changes: Iterable[Change]) -> int:
    """Return how often an alarm, or its contributors if it has some, went to ALARM."""
    fired = [change for change in changes if change.to_state == "ALARM" != change.from_state]
    contributors = [change for change in fired if change.contributor is not None]
    return len(contributors or fired)


def _tells(space: str, metric: str, namespace: str) -> bool:
    if space == namespace:
        return metric in METRICS and metric not in _NOT_IN_A_LOG
    return space == BEDROCK and metric in MADE_UP


def _watched(alarm: MetricAlarm) -> Iterable[tuple[str, str]]:
    for item in alarm.items:
        if item.signal is not None:
            yield item.signal.namespace, item.signal.metric
        elif item.query is not None:
            yield item.query.namespace, item.query.metric


def _history(
    alarm: Alarm,
    changes: Sequence[Change],
    timeline: Timeline,
    callers: Callers,
    *,
    is_judged: bool,
    is_deployed: bool,
) -> AlarmHistory:
    text, trailers = split_description(alarm.description or "")
    return AlarmHistory(
        name=alarm.name,
        severity=trailers.get("severity", "warning"),
        about=text,
        changes=tuple(_change(change, callers) for change in changes),
        stretches=_stretches(timeline.of(alarm.name), timeline),
        seconds_in_alarm=timeline.seconds_in_alarm(alarm.name),
        fired=times_fired(changes),
        is_judged=is_judged,
        is_deployed=is_deployed,
    )


def _change(change: Change, callers: Callers) -> ChangeOfState:
    attributes = change.contributor.attributes if change.contributor else ()
    headline = value = who = ""
    if change.to_state == "ALARM" != change.from_state:
        (alert,) = alerts_in(json.dumps(change.event()), change.alarm_name)
        headline = alert.headline or alert.title
        value = next((fact.value for fact in alert.facts if fact.label == "Value"), "")
        end = int(change.at.timestamp())
        who = callers.top(change.alarm_name, end - _seconds_looked_at(change.alarm), end)
    return ChangeOfState(
        at=int(change.at.timestamp()),
        from_state=change.from_state,
        to_state=change.to_state,
        reason=change.reason,
        contributor=" ".join(f"{name}={text}" for name, text in attributes),
        headline=headline,
        value=value,
        who=who,
    )


def _seconds_looked_at(alarm: Alarm) -> int:
    """Return the time span of an alarm in seconds; an hour for a composite alarm."""
    return alarm.period * alarm.rules.periods if isinstance(alarm, MetricAlarm) else _HOUR


def _stretches(changes: Sequence[Change], timeline: Timeline) -> tuple[tuple[int, int], ...]:
    stretches, since = [], None
    for change in changes:
        at = int(change.at.timestamp())
        if change.to_state == "ALARM":
            since = at if since is None else since
        elif since is not None:
            stretches.append((since, at))
            since = None
    if since is not None:
        stretches.append((since, int(timeline.end.timestamp())))
    return tuple(stretches)


Fired = Callable[[str, Mapping[str, str]], int]


def fired_with(setup: Setup, history: History, namespace: str, lateness: Lateness) -> Fired:
    """Return a function that counts an alarm's firings with other parameters."""
    points = tuple(history.datapoints(namespace))

    def fired(name: str, changed: Mapping[str, str]) -> int:
        alarms = [alarm for alarm in setup.alarms(**changed) if alarm.name == name]
        return times_fired(_simulate(alarms, points, history, lateness).changes)

    return fired
