"""The beginning of a message: severity or state, and what happened in a few words."""

import re
from datetime import datetime
from typing import Final

from bedrock_alerts.alerts.alert import (
    Notification,
    Severity,
)
from bedrock_alerts.alerts.describe.trailers import split_description
from bedrock_alerts.alerts.events import (
    Contributor,
    StateChange,
)
from bedrock_alerts.alerts.formatting import Measured, caller_name, lasting, utc
from bedrock_alerts.alerts.next_steps import CatalogueEntry, entry_of, suffix_of
from bedrock_alerts.alerts.test_marks import is_name_of_test, is_test
from bedrock_alerts.text import clean, shorten

_MAX_ATTRIBUTES: Final = 3
_MAX_SERIES: Final = 100
# A first sentence longer than this is too long for a headline.
_MAX_SENTENCE: Final = 80
_MAX_HEADLINE: Final = 200
_SENTENCE: Final = re.compile(r"(.+?)(?:[.!](?:\s|$)|$)")
_PLURAL: Final = re.compile(r"\b[A-Za-z]{3,}s\b")


def label_of(
    change: StateChange, notification: Notification, severity: Severity, *, is_seen: bool
) -> str:
    """Return severity or state; `is_seen` is False for an end without data.

    A test says that it is one, before everything else.
    """
    label = _label(change, notification, severity, is_seen=is_seen)
    if not (notification.is_test or is_test(change)):
        return label
    return "Test" if notification.kind == "firing" else f"Test {label[:1].lower()}{label[1:]}"


def _label(
    change: StateChange, notification: Notification, severity: Severity, *, is_seen: bool
) -> str:
    if not is_seen:
        return "No data"
    standing = {
        "escalated": f"Escalated to {severity}",
        "still_firing": _still_firing(notification, severity),
        "undelivered": _still_firing(notification, severity),
        "recovering": "Recovering",
        "acknowledged": f"Acknowledged by {notification.acked_by or 'someone'}",
        "silenced": f"Silenced by {notification.held_by or 'someone'}{_until(notification)}",
    }
    closed = f"Closed by {notification.closed_by}" if notification.closed_by else "Resolved"
    over = {"resolved": closed, "no_data": "No data"}
    if change.state == "INSUFFICIENT_DATA" and notification.kind == "notice":
        return "No data"
    label = over.get(notification.kind) or standing.get(notification.kind)
    if label:
        return label
    return severity.capitalize() if change.state == "ALARM" else change.state


def _still_firing(notification: Notification, severity: Severity) -> str:
    if notification.transitions:
        return f"Still firing, on and off ({severity})"
    return f"Still firing{after(notification.opened_at, notification.at)} ({severity})"


def _until(notification: Notification) -> str:
    if notification.until is None:
        return ""
    until = utc(notification.until)
    is_today = notification.at is not None and notification.at.date() == notification.until.date()
    return f" until {until.partition(' ')[2] if is_today else until}"


def headline_of(change: StateChange, notification: Notification, found: Measured) -> str:
    """Return what happened: `14 prompt attacks blocked in 5 min`, `Throttling lasted 14 min`."""
    if notification.kind == "resolved":
        return _end(change, notification)
    if notification.kind in {"no_data", "notice"} or change.state != "ALARM":
        return name_of(change)
    entry = entry_of(change.alarm_name)
    text = _of_catalogue(change, entry, found) if entry and entry.headline else ""
    text = text or _of_others(change, found)
    series = _series(change.contributor)
    text = f"{text}: {series}" if series else text
    if is_name_of_test(change.alarm_name):
        text = "Nothing is wrong, this is a test alert"
    elif is_test(change):
        text = f"Nothing is wrong, a person set {name_of(change)} to ALARM"
    return shorten(text, _MAX_HEADLINE)


def name_of(change: StateChange) -> str:
    """Return the name of an alarm, ours without the stack, and of its contributor."""
    if is_name_of_test(change.alarm_name):
        return "Test alert"
    is_ours = entry_of(change.alarm_name) is not None
    name = suffix_of(change.alarm_name) if is_ours else change.alarm_name
    series = _series(change.contributor)
    return f"{name} ({series})" if series else name


def after(began: datetime | None, now: datetime | None) -> str:
    """Return the elapsed time as `after …`, empty if unknown."""
    return "" if began is None or now is None else f" after {lasting(now - began)}"


def _end(change: StateChange, notification: Notification) -> str:
    began, ended = notification.opened_at, notification.ended_at
    name = name_of(change)
    text = f"{name} lasted {lasting(ended - began)}" if began and ended else name
    return f"{text} (delivered late)" if notification.is_late else text


def _of_catalogue(change: StateChange, entry: CatalogueEntry, found: Measured) -> str:
    """Return the value in the words of the catalogue."""
    words, period = entry.headline, f" in {found.period}" if found.period else ""
    main, comma, rest = words.partition(", ")
    tail = f"{comma}{rest}"
    if not entry.unit:
        return words
    if not found.value:
        is_lack = entry.unit == "count" and (change.operator or "").startswith("LessThan")
        text = f"No {words}{period}" if is_lack else words.removeprefix("of ").removeprefix("the ")
        return text[:1].upper() + text[1:]
    if entry.unit == "percent" and not found.value.endswith("%"):
        return f"{found.value} {words.removeprefix('of ')}{period}"
    if entry.unit == "percent":
        text = f"{found.value} {main}{period}{tail}"
        return f"{text}: {found.dollars}" if found.dollars else text
    if entry.unit == "count":
        return f"{found.value} {singular(main) if found.is_one else main}{period}{tail}"
    return f"{main[:1].upper()}{main[1:]} {found.value}{period}{tail}"


def _of_others(change: StateChange, found: Measured) -> str:
    """Return the owner's first sentence if it is short enough, else the alarm's name."""
    text, _ = split_description(change.description)
    first = _SENTENCE.match(clean(text.partition("\n")[0], 2 * _MAX_SENTENCE))
    is_short = first is not None and 0 < len(first[1]) <= _MAX_SENTENCE
    what = first[1] if first and is_short else change.alarm_name
    if not found.value:
        return what
    return f"{what}: {found.value} in {found.period}" if found.period else f"{what}: {found.value}"


def _series(contributor: Contributor | None) -> str:
    """Return the name of a contributor: its distinguishing attributes."""
    if contributor is None:
        return ""
    values = [caller_name(value) for _, value in contributor.attributes[:_MAX_ATTRIBUTES]]
    return shorten(", ".join(values) or contributor.id, _MAX_SERIES)


def singular(words: str) -> str:
    """Return a headline for one of what it counts: `prompt attack blocked`."""

    def one(found: re.Match[str]) -> str:
        word = found[0]
        if word.endswith("ies"):
            return f"{word[:-3]}y"
        return word[:-2] if word.endswith(("ches", "shes", "xes")) else word[:-1]

    return _PLURAL.sub(one, words, count=1)
