"""Items of one sample alarm, made of minutes: the facts for the notifier's pure core."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from bedrock_alerts.alerts.events import (
    ConfigurationChange,
    Contributor,
    StateChange,
)
from bedrock_alerts.alerts.incidents.item import AlarmItem, Policy, Rule, View
from bedrock_alerts.alerts.incidents.learn import learn_change, learn_configuration
from bedrock_alerts.alerts.incidents.settle import settle

ZERO: Final = datetime(2026, 11, 23, 8, tzinfo=UTC)
ARN: Final = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:orders-errors"
POLICY: Final = Policy()
CHANNELS: Final = ("email", "slack", "pagerduty")


def minute(number: float) -> float:
    """Return a minute in seconds since 1970."""
    return ZERO.timestamp() + 60 * number


def moment(number: float) -> datetime:
    """Return a minute as a moment."""
    return ZERO + timedelta(minutes=number)


def event(state: str, at: float, **changes: Any) -> StateChange:
    """Return a change of state at a minute; no data is `NO DATA`."""
    given: dict[str, Any] = {
        "alarm_name": "orders-errors",
        "alarm_arn": ARN,
        "account_id": "111122223333",
        "region": "eu-west-1",
        "state": "INSUFFICIENT_DATA" if state == "NO DATA" else state,
        "at": moment(at),
        "reason": "Threshold Crossed",
        "description": "Severity: critical",
        "sent_at": moment(at),
    }
    return StateChange(**{**given, **changes})


def series(name: str, state: str, at: float) -> StateChange:
    """Return a contributor's change of state at a minute."""
    who = Contributor(id=name, attributes=(("Principal", f"role/{name}"),))
    return event(state, at, contributor=who)


def configured(operation: str, at: float, **changes: Any) -> ConfigurationChange:
    """Return a change of how the alarm is set up, at a minute."""
    given: dict[str, Any] = {
        "alarm_name": "orders-errors",
        "alarm_arn": ARN,
        "account_id": "111122223333",
        "region": "eu-west-1",
        "at": moment(at),
        "operation": operation,
        "description": "Severity: critical",
    }
    return ConfigurationChange(**{**given, **changes})


def empty(rule: Rule | None = Rule()) -> AlarmItem:  # noqa: B008 - frozen
    """Return an item of which nothing is known, with a view for each channel."""
    return AlarmItem(arn=ARN, views={channel: View(rule=rule) for channel in CHANNELS})


def learn(item: AlarmItem, *events: StateChange | ConfigurationChange, now: float) -> AlarmItem:
    """Learn events that arrive at a minute, as route does."""
    at = minute(now)
    for one in events:
        item = settle(item, at, POLICY)
        if isinstance(one, StateChange):
            item = learn_change(item, one, at)
        else:
            item = learn_configuration(item, one, at)
        item = settle(item, at, POLICY)
    return item


def lived(*course: tuple[str, float], item: AlarmItem | None = None) -> AlarmItem:
    """Learn states, each at its minute."""
    found = item or empty()
    for state, at in course:
        found = learn(found, event(state, at), now=at)
    return found


def settled(item: AlarmItem, at: float) -> AlarmItem:
    """Return the item as it is at a minute."""
    return settle(item, minute(at), POLICY)


def with_view(item: AlarmItem, channel: str, **changes: Any) -> AlarmItem:
    """Return the item with another view of a channel."""
    return item.with_view(channel, msgspec.structs.replace(item.view(channel), **changes))
