"""An alert as an event of PagerDuty's Events API v2: trigger, acknowledge or resolve.

https://developer.pagerduty.com/docs/send-alert-event
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

from bedrock_alerts.alerts.describe import place
from bedrock_alerts.alerts.model import Alert, incident_id
from bedrock_alerts.limits import PAGERDUTY_SUMMARY_CHARS
from bedrock_alerts.text import shorten

Action = Literal["trigger", "acknowledge", "resolve"]
_TEXT_CHARS: Final = 4000
_VALUE_CHARS: Final = 1000
_MAX_FACTS: Final = 30
_MAX_LINKS: Final = 10
_MAX_URL_CHARS: Final = 4000


def action_of(alert: Alert) -> Action:
    """Say what becomes of PagerDuty's alert.

    What is over is resolved, also when its beginning comes only now (`late`): nobody shall be
    called for it any more.
    """
    if alert.kind in ("acknowledged", "silenced"):
        return "acknowledge"
    return "resolve" if alert.tone == "ok" or alert.kind == "late" else "trigger"


def render(alert: Alert, routing_key: str, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the event. All events of one incident have one `dedup_key`."""
    action = action_of(alert)
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": incident_id(alert.incident or alert.key),
    }
    if action != "trigger":
        return event
    details = {shorten(fact.label, 100): shorten(fact.value, _VALUE_CHARS) for fact in alert.facts}
    payload: dict[str, Any] = {
        "summary": shorten(f"{alert.status}: {alert.title}", PAGERDUTY_SUMMARY_CHARS),
        "source": place(alert) or "Bedrock Alerts",
        "severity": alert.severity,
        "component": alert.title,
        "group": alert.team or "Amazon Bedrock",
        "class": alert.kind,
        "custom_details": {
            "Summary": shorten(alert.summary, _TEXT_CHARS),
            "CloudWatch says": shorten(alert.reason, _TEXT_CHARS),
            **dict(list(details.items())[:_MAX_FACTS]),
            "Next steps": [shorten(step, _VALUE_CHARS) for step in alert.next_steps[:_MAX_FACTS]],
            "Notes": [shorten(note, _VALUE_CHARS) for note in notes[:_MAX_FACTS]],
        },
    }
    if alert.at is not None:
        payload["timestamp"] = alert.at.isoformat()
    links = [link for link in alert.links if len(link.url) <= _MAX_URL_CHARS][:_MAX_LINKS]
    return {
        **event,
        "payload": payload,
        "client": "Bedrock Alerts",
        "links": [{"href": link.url, "text": shorten(link.label, 100)} for link in links],
    }
