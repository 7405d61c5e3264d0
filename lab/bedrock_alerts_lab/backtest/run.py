"""The backtest itself: a history goes through the alarms, their changes through the notifier."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bedrock_alerts.alerts.describe import split_description
from bedrock_alerts.metrics import METRICS
from bedrock_alerts_lab.backtest.history import BEDROCK, MADE_UP, History
from bedrock_alerts_lab.backtest.outcome import AlarmHistory, ChangeOfState
from bedrock_alerts_lab.simulator import (
    Alarm,
    Change,
    CompositeAlarm,
    MetricAlarm,
    Timeline,
    read_alarms,
    simulate,
)
from bedrock_alerts_lab.simulator.rules import named

# What is published about the notifier and the machinery: no log of calls tells of it.
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
        """Return the alarms, with some parameters `changed`. Raises TemplateError or AlarmError."""
        return read_alarms(self.template, {**self.parameters, **changed}, self.stack_name)


def replay(alarms: Sequence[Alarm], history: History, namespace: str) -> Timeline:
    """Let the alarms live through the history; metrics of ours are in `namespace`.

    Those that watch what no log tells are left out: some take the absence of data for an alarm.
    """
    needed = set(judged_alarms(alarms, namespace))
    for alarm in alarms:
        if isinstance(alarm, CompositeAlarm) and alarm.name in needed:
            needed.update(named(alarm.rule))
    alarms = [alarm for alarm in alarms if alarm.name in needed]
    return simulate(alarms, history.datapoints(namespace), history.start, history.end)


def alarm_histories(
    alarms: Sequence[Alarm], timeline: Timeline, namespace: str
) -> tuple[AlarmHistory, ...]:
    """Say of each alarm what it did, in the template's order."""
    by_name: dict[str, list[Change]] = {alarm.name: [] for alarm in alarms}
    for change in timeline.changes:
        by_name[change.alarm_name].append(change)
    judged = judged_alarms(alarms, namespace)
    return tuple(
        _history(alarm, by_name[alarm.name], timeline, is_judged=alarm.name in judged)
        for alarm in alarms
    )


def judged_alarms(alarms: Sequence[Alarm], namespace: str) -> frozenset[str]:
    """Return the names of the alarms that watch something that the log tells."""
    judged = {
        alarm.name
        for alarm in alarms
        if isinstance(alarm, MetricAlarm)
        and any(_tells(*one, namespace) for one in _watched(alarm))
    }
    for alarm in alarms:
        if isinstance(alarm, CompositeAlarm) and judged.intersection(named(alarm.rule)):
            judged.add(alarm.name)
    return frozenset(judged)


def times_fired(changes: Iterable[Change]) -> int:
    """Count how often an alarm went to ALARM; where it has contributors, how often they did."""
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
    alarm: Alarm, changes: Sequence[Change], timeline: Timeline, *, is_judged: bool
) -> AlarmHistory:
    text, trailers = split_description(alarm.description or "")
    return AlarmHistory(
        name=alarm.name,
        severity=trailers.get("severity", "warning"),
        about=text,
        changes=tuple(_change(change) for change in changes),
        stretches=_stretches(timeline.of(alarm.name), timeline),
        seconds_in_alarm=timeline.seconds_in_alarm(alarm.name),
        fired=times_fired(changes),
        is_judged=is_judged,
    )


def _change(change: Change) -> ChangeOfState:
    attributes = change.contributor.attributes if change.contributor else ()
    return ChangeOfState(
        at=int(change.at.timestamp()),
        from_state=change.from_state,
        to_state=change.to_state,
        reason=change.reason,
        contributor=" ".join(f"{name}={value}" for name, value in attributes),
    )


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


def fired_with(setup: Setup, history: History, namespace: str) -> Fired:
    """Return a function that says how often an alarm would have fired with other parameters."""
    points = tuple(history.datapoints(namespace))

    def fired(name: str, changed: Mapping[str, str]) -> int:
        alarms = [alarm for alarm in setup.alarms(**changed) if alarm.name == name]
        return times_fired(simulate(alarms, points, history.start, history.end).changes)

    return fired
