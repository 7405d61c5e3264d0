"""An alert as an event of PagerDuty's Events API v2: trigger, acknowledge or resolve.

https://developer.pagerduty.com/docs/send-alert-event
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

from bedrock_alerts.alerts.alert import (
    Alert,
    Evidence,
)
from bedrock_alerts.alerts.channels.layout import bounded, headline, in_columns, links, rows
from bedrock_alerts.alerts.describe import place
from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.formatting import spot
from bedrock_alerts.limits import PAGERDUTY_SUMMARY_CHARS
from bedrock_alerts.text import clean, clean_lines

Action = Literal["trigger", "acknowledge", "resolve"]
_TEXT_CHARS: Final = 4000
_VALUE_CHARS: Final = 1000
_LABEL_CHARS: Final = 100
_MAX_FACTS: Final = 30
_MAX_STEPS: Final = 10
_MAX_TABLES: Final = 6
_MAX_ROWS: Final = 20
_MAX_LINKS: Final = 10
_MAX_URL_CHARS: Final = 4000


def action_of(alert: Alert) -> Action:
    """Return what happens to PagerDuty's alert.

    It depends on the alert's kind, not its color: an end resolves, including one without data, one
    that is reported late (`late`), and a deletion. A change of an alarm is not an incident.
    """
    if alert.kind in ("acknowledged", "silenced"):
        return "acknowledge"
    is_over = alert.tone == "ok" or alert.kind == "resolved" or alert.ends_by_deletion
    return "resolve" if is_over or is_change(alert) else "trigger"


def is_change(alert: Alert) -> bool:
    """Whether it is about an alarm, such as a changed threshold, and not about an incident."""
    is_notice = alert.kind == "notice" and bool(alert.alarm_arn) and alert.state in ("", "OK")
    return is_notice and not alert.ends_by_deletion


def render(
    alert: Alert,
    routing_key: str,
    notes: Sequence[str] = (),
    *,
    action: str = "",
    key: str = "",
) -> dict[str, Any]:
    """Return the event.

    `action` and `key` default to those of the alert alone. A change of an alarm has its own key,
    which it resolves: no one is paged for it.
    """
    action = action or action_of(alert)
    own_key = alert.key if is_change(alert) else alert.incident or alert.key
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": key or incident_id(own_key),
    }
    if action != "trigger":
        return event
    payload: dict[str, Any] = {
        "summary": summary_of(alert),
        "source": clean(place(alert), _LABEL_CHARS) or "Bedrock Alerts",
        "severity": alert.severity,
        "component": clean(alert.title, _VALUE_CHARS),
        "group": clean(alert.team, _LABEL_CHARS) or "Amazon Bedrock",
        "class": alert.kind,
        "custom_details": _details(alert, notes),
    }
    if alert.at is not None:
        payload["timestamp"] = alert.at.isoformat()
    return {**event, "payload": payload, "client": "Bedrock Alerts", "links": _links(alert)}


def change_event(alert: Alert, routing_key: str, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return a change event for `/v2/change/enqueue`, which pages no one."""
    payload: dict[str, Any] = {
        "summary": summary_of(alert),
        "source": clean(place(alert), _LABEL_CHARS) or "Bedrock Alerts",
        "custom_details": _details(alert, notes),
    }
    if alert.at is not None:
        payload["timestamp"] = alert.at.isoformat()
    return {"routing_key": routing_key, "payload": payload, "links": _links(alert)}


def summary_of(alert: Alert) -> str:
    """Return PagerDuty's summary line: headline and place."""
    where = spot(alert)
    head = headline(alert, PAGERDUTY_SUMMARY_CHARS // 2)
    return clean(f"{head} · {where}" if where else head, PAGERDUTY_SUMMARY_CHARS)


def _links(alert: Alert) -> list[dict[str, str]]:
    found = links(alert, _MAX_URL_CHARS)[:_MAX_LINKS]
    return [{"href": link.url, "text": link.label} for link in found]


def _details(alert: Alert, notes: Sequence[str]) -> dict[str, Any]:
    """Return PagerDuty's table of details, in order; two facts may have the same label."""
    found: list[tuple[str, Any]] = [("Summary", clean_lines(alert.summary, _TEXT_CHARS))]
    found += [(row.label, clean(row.value, _VALUE_CHARS)) for row in [*rows(alert)][:_MAX_FACTS]]
    found.append(("What to do", bounded(alert.next_steps, _MAX_STEPS, _VALUE_CHARS)))
    found.append(("Who", clean(alert.who, _VALUE_CHARS)))
    evidence = alert.evidence or Evidence()
    found.append(("Evidence", clean(evidence.summary, _TEXT_CHARS)))
    found += [
        (table.title, in_columns(table, _MAX_ROWS)) for table in evidence.tables[:_MAX_TABLES]
    ]
    found.append(("Notes", bounded(notes, _MAX_STEPS, _VALUE_CHARS)))
    details: dict[str, Any] = {}
    for label, value in found:
        name = clean(label, _LABEL_CHARS)
        number = 1
        while name in details:
            number += 1
            name = f"{clean(label, _LABEL_CHARS)} ({number})"
        if value:
            details[name] = value
    return details
