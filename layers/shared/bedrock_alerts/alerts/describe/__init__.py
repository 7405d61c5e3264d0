"""From an event to an alert: the words and facts that every channel shows.

Read by somebody who was asleep a minute ago: what, where, who, how bad, since when, what next.
"""

from bedrock_alerts.alerts.describe.alarms import Details, home_links, state_change
from bedrock_alerts.alerts.describe.others import configuration_change, tampering, unrecognised
from bedrock_alerts.alerts.describe.trailers import severity_of, split_description
from bedrock_alerts.alerts.model import (
    Alert,
    ConfigurationChange,
    News,
    StateChange,
    Tampering,
    Telling,
    Unrecognised,
)
from bedrock_alerts.alerts.words import lasting, place, sent_late, time_label, utc

__all__ = [
    "Details",
    "describe",
    "home_links",
    "lasting",
    "place",
    "sent_late",
    "severity_of",
    "split_description",
    "time_label",
    "utc",
    "without_memory",
]


def describe(event: News, telling: Telling, details: Details | None = None) -> Alert:
    """Say what happened in words a tired person understands, with the facts and links that help."""
    if isinstance(event, Unrecognised):
        return unrecognised(event)
    if isinstance(event, ConfigurationChange):
        return configuration_change(event, telling)
    if isinstance(event, Tampering):
        return tampering(event)
    return state_change(event, telling, details or Details())


def without_memory(event: News) -> Telling:
    """Return what is to be told of an event when nothing is known of what came before it."""
    if not isinstance(event, StateChange):
        return Telling(kind="plain")
    if event.state == "OK":
        if event.previous_state == "INSUFFICIENT_DATA":
            return Telling(kind="plain")
        began = event.previous_at if event.previous_state == "ALARM" else None
        return Telling(kind="resolved", opened_at=began, ended_at=event.at)
    if event.state == "INSUFFICIENT_DATA":
        return Telling(kind="no_data")
    if event.state == "ALARM":
        return Telling(kind="first", opened_at=event.at)
    return Telling(kind="plain")
