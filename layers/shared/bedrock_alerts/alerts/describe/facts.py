"""The labelled lines of a message about an alarm, the most important first."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from bedrock_alerts.alerts.alert import (
    Fact,
    Notification,
)
from bedrock_alerts.alerts.describe.trailers import is_link
from bedrock_alerts.alerts.events import (
    AlarmDefinition,
    StateChange,
)
from bedrock_alerts.alerts.formatting import lasting, measured, recent, watched
from bedrock_alerts.text import shorten

_MAX_ATTRIBUTES: Final = 3
_MAX_VALUE: Final = 400
_EVALUATIONS: Final = {
    "PARTIAL_DATA": "partial data: CloudWatch did not evaluate everything this alarm watches"
}


def facts_of(
    change: StateChange,
    notification: Notification,
    trailers: Mapping[str, str],
    definition: AlarmDefinition | None,
) -> Iterator[Fact]:
    """Yield the facts, the most important first: a channel may omit the last ones."""
    yield from _values(change)
    if change.contributor:
        for name, text in change.contributor.attributes[:_MAX_ATTRIBUTES]:
            yield Fact(name, text)
    yield from _children(change)
    what = watched(change)
    if what:
        yield Fact("Metric", what)
    if notification.acked_by and notification.kind != "acknowledged":
        yield Fact("Acknowledged by", notification.acked_by)
    yield from _before(change, notification)
    if "team" in trailers:
        yield Fact("Team", trailers["team"])
    if definition is not None:
        yield from _set_to(definition)
    # A runbook that is not a link is still useful.
    if "runbook" in trailers and not is_link(trailers["runbook"]):
        yield Fact("Runbook", trailers["runbook"])


def _values(change: StateChange) -> Iterator[Fact]:
    """Yield the value, the values before it, and whether the data is partial."""
    value = measured(change, change.threshold, change.operator)
    if value:
        yield value
    trend = recent(change)
    if trend:
        yield Fact("Recent", trend)
    if change.evaluation:
        yield Fact("Evaluation", _EVALUATIONS.get(change.evaluation, _plainly(change.evaluation)))


def _before(change: StateChange, notification: Notification) -> Iterator[Fact]:
    """Return the previous state of a new alarm, and its duration."""
    is_new = notification.kind == "firing" and change.previous_state not in {None, "ALARM"}
    if is_new and change.previous_state and change.previous_at:
        before = "OK" if change.previous_state == "OK" else _plainly(change.previous_state)
        yield Fact("Before", f"{before} for {lasting(change.at - change.previous_at)}")


def _set_to(definition: AlarmDefinition) -> Iterator[Fact]:
    if definition.period and definition.periods:
        least = definition.to_alarm or definition.periods
        length = lasting(timedelta(seconds=definition.period))
        yield Fact("Evaluated", f"{least} of {definition.periods} periods of {length}")
    if not definition.actions_enabled:
        yield Fact("Actions", "disabled on this alarm")


def _plainly(word: str) -> str:
    return word.replace("_", " ").lower()


def _children(change: StateChange) -> Iterator[Fact]:
    """Return the alarms that a composite fires for, or its rule if the event names none."""
    stack = "".join(change.alarm_name.rpartition(".")[:2])
    in_alarm = [
        child.name.removeprefix(stack) for child in change.children if child.state == "ALARM"
    ]
    if in_alarm and change.state == "ALARM":
        yield Fact("In alarm", shorten(", ".join(in_alarm), _MAX_VALUE))
    elif change.alarm_rule:
        yield Fact("Rule", shorten(change.alarm_rule, _MAX_VALUE))
