"""From an event to an alert: the words and facts that every channel shows.

In order of need: severity, what, how much, where, what to do, who.
"""

from typing import Final

import msgspec

from bedrock_alerts.alerts.alert import (
    Alert,
    Notification,
)
from bedrock_alerts.alerts.describe.alarm_changes import Details, state_change
from bedrock_alerts.alerts.describe.other_alerts import (
    configuration_change,
    tampering,
    unrecognised,
)
from bedrock_alerts.alerts.describe.trailers import severity_of, split_description
from bedrock_alerts.alerts.events import (
    ConfigurationChange,
    News,
    StateChange,
    Unrecognised,
)
from bedrock_alerts.alerts.formatting import lasting, place, time_label, utc
from bedrock_alerts.alerts.found import Found

__all__ = [
    "Details",
    "Found",
    "describe",
    "lasting",
    "place",
    "severity_of",
    "split_description",
    "time_label",
    "utc",
    "without_memory",
]

_NOTHING: Final = Found()


def describe(
    event: News,
    notification: Notification,
    details: Details | None = None,
    found: Found = _NOTHING,
) -> Alert:
    """Return the alert for an event, written once from all known facts."""
    if isinstance(event, StateChange):
        return state_change(event, notification, details or Details(), found)
    if isinstance(event, Unrecognised):
        alert = unrecognised(event)
    elif isinstance(event, ConfigurationChange):
        alert = configuration_change(event, notification)
    else:
        alert = tampering(event)
    return msgspec.structs.replace(alert, account_alias=found.account_alias)


def without_memory(event: News) -> Notification:
    """Return the notification for an event without a stored incident."""
    if not isinstance(event, StateChange):
        return Notification(kind="notice")
    if event.state == "OK":
        # A new composite alarm goes from OK to OK: nothing was wrong.
        if event.previous_state in {"INSUFFICIENT_DATA", "OK"}:
            return Notification(kind="notice")
        began = event.previous_at if event.previous_state == "ALARM" else None
        return Notification(kind="resolved", opened_at=began, ended_at=event.at)
    if event.state == "INSUFFICIENT_DATA":
        return Notification(kind="no_data")
    if event.state == "ALARM":
        return Notification(kind="firing", opened_at=event.at)
    return Notification(kind="notice")
