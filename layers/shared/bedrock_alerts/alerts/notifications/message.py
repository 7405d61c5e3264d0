"""From a plan to the alert that a channel shows, as true at the time of sending."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from bedrock_alerts.alerts.alert import (
    Alert,
    Fact,
    Notification,
    Reason,
)
from bedrock_alerts.alerts.describe import Details, describe
from bedrock_alerts.alerts.describe.trailers import key_of
from bedrock_alerts.alerts.events import (
    ConfigurationChange,
    News,
    StateChange,
)
from bedrock_alerts.alerts.found import Found
from bedrock_alerts.alerts.incidents.item import AlarmItem, Incident, View, is_of_test
from bedrock_alerts.alerts.incidents.settle import on_and_off
from bedrock_alerts.alerts.notifications.plan import Send

_LATE_SECONDS: Final = 300.0
_NO_END: Final = "No recovery will be reported: this alarm has no OK action."
_UNKNOWN_END: Final = "The previous incident has ended; the time is not known."


def message(
    item: AlarmItem, view: View, send: Send, found: Found, details: Details, now: float
) -> Alert | None:
    """Return the alert, None if the item has no event to describe."""
    about = _about(item, send)
    if about is None:
        return None
    name = item.account_name or found.account_alias
    if send.reason == "resolved":
        shown = view.shown or view.sending
        is_late = shown is None or shown.number < send.shows.number
        end = _end(send, now, is_late=is_late)
        alert = describe(about, _marked(end, item), details, Found(account_alias=name))
    else:
        found = msgspec.structs.replace(found, account_alias=name)
        alert = describe(about, _marked(_notification(item, send, now), item), details, found)
    facts = alert.facts
    if send.new and send.reason != "firing":
        facts = (Fact("New", ", ".join(_labels(item, send.new))), *facts)
    if view.undelivered:
        facts = (*facts, Fact("Not delivered", view.undelivered))
    return msgspec.structs.replace(
        alert,
        key=_key(item, view, send),
        incident=item.arn,
        number=send.shows.number,
        facts=facts,
        severity=send.shows.severity if item.notice is None else alert.severity,
    )


def _marked(notification: Notification, item: AlarmItem) -> Notification:
    """Mark what a test sends, also where its event no longer says so."""
    return msgspec.structs.replace(notification, is_test=is_of_test(item))


def _key(item: AlarmItem, view: View, send: Send) -> str:
    """Return the key of this message: the same for every attempt to send it."""
    shows = msgspec.json.encode(send.shows).decode()
    return key_of(item.arn, send.reason, shows, repr(view.last_noisy))


def _about(item: AlarmItem, send: Send) -> News | None:
    if item.notice is not None:
        return item.notice
    if send.ended is not None and send.ended.is_deleted and send.reason == "resolved":
        of_alarm = item.latest or item.about or item.series
        return of_alarm if send.ended.by and of_alarm else item.change or of_alarm
    if send.reason == "resolved":
        return item.latest or item.about or item.series
    if send.reason == "contributors" and len(send.new) == 1:
        return item.series or item.about
    if send.reason == "no_data":
        return item.latest or item.about
    return item.about or item.series  # a headline names none of many contributors


def _labels(item: AlarmItem, names: tuple[str, ...]) -> list[str]:
    labels = [item.contributors[name].label for name in names if name in item.contributors]
    more = len(labels) - 10
    return labels[:10] + ([f"{more} more"] if more > 0 else [])


def _notification(item: AlarmItem, send: Send, now: float) -> Notification:
    incident, ended = item.incident, send.ended
    if incident is None:
        return Notification(kind=send.reason, at=_moment(now))
    times, share = _on_and_off(item, incident, send.reason, now)
    silence = item.silence
    former = ""
    if ended is not None:
        former = _UNKNOWN_END if ended.is_time_unknown else _former(ended.since, ended.at)
    return Notification(
        kind=send.reason,
        at=_moment(now),
        opened_at=_moment(incident.since),
        ended_at=_moment(incident.recovered_at) if send.reason == "recovering" else None,
        transitions=times,
        share=share,
        acked_by=incident.acknowledged_by,
        held_by=silence.by if silence and send.reason == "silenced" else "",
        until=_moment(silence.until) if silence and send.reason == "silenced" else None,
        former_end=former,
        note=_NO_END if item.reports_no_end and send.reason == "firing" else "",
    )


def _end(send: Send, now: float, *, is_late: bool) -> Notification:
    ended = send.ended
    is_known = ended is not None and ended.since > 0
    return Notification(
        kind="resolved",
        at=_moment(now),
        opened_at=_moment(ended.since) if ended is not None and is_known else None,
        ended_at=_moment(ended.at) if ended is not None and is_known else None,
        is_late=is_late,
        note=_UNKNOWN_END if ended is not None and ended.is_time_unknown else "",
        closed_by=ended.by if ended is not None else "",
    )


def _former(since: float, at: float) -> str:
    return f"The previous incident lasted from {_moment(since):%H:%M} to {_moment(at):%H:%M UTC}."


def _on_and_off(
    item: AlarmItem, incident: Incident, reason: Reason, now: float
) -> tuple[int, float]:
    """Return how often the alarm fired in this incident, and for what share of the time."""
    if reason not in ("still_firing", "undelivered"):
        return 0, 0.0
    times, share = on_and_off(item, incident.since, now)
    return (times, share) if times > 1 else (0, 0.0)


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def latency_ms(item: AlarmItem, send: Send, now: float) -> float | None:
    """Return the delay between state change and firing message, None for anything else."""
    about = item.about
    if send.reason != "firing" or not isinstance(about, StateChange):
        return None
    return max(0.0, (now - about.at.timestamp()) * 1000)


def is_worth_a_notice(event: ConfigurationChange) -> bool:
    """Whether an alarm may notify less from now on than its owners expect."""
    is_disabled = event.actions_enabled is False and event.previous_actions_enabled is not False
    thresholds = (event.previous_threshold, event.threshold)
    is_moved = None not in thresholds and thresholds[0] != thresholds[1]
    return event.operation == "delete" or is_disabled or is_moved
