"""An alert as a CloudEvent, for any endpoint.

docs/webhook.md describes its fields, which change only with a new `dataschema`.
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from bedrock_alerts.alerts.alert import Alert
from bedrock_alerts.alerts.channels.layout import headline
from bedrock_alerts.alerts.events import incident_id

_HEADLINE_CHARS: Final = 400
SCHEMA: Final = "urn:bedrock-alerts:alert:2"


def render(alert: Alert, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the event in the structured JSON format; its id is the alert's key."""
    where = ":".join(part for part in (alert.account_id, alert.region) if part)
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": alert.key,
        "source": f"urn:bedrock-alerts:{where}" if where else "urn:bedrock-alerts",
        "type": f"bedrock-alerts.{alert.kind}",
        "datacontenttype": "application/json",
        "dataschema": SCHEMA,
        "subject": alert.title or alert.status or alert.key,
        "data": _data(alert, notes),
    }
    if alert.at is not None:
        event["time"] = _moment(alert.at)
    return event


def _data(alert: Alert, notes: Sequence[str]) -> dict[str, Any]:
    return {
        "kind": alert.kind,
        "status": alert.status,
        "state": alert.state or None,
        "severity": alert.severity,
        "headline": headline(alert, _HEADLINE_CHARS),
        "title": alert.title,
        "summary": alert.summary,
        "reason": alert.reason,
        "account_id": alert.account_id,
        "account_alias": alert.account_alias or None,
        "region": alert.region,
        "team": alert.team or None,
        "alarm_arn": alert.alarm_arn or None,
        "incident": incident_id(alert.incident) if alert.incident else None,
        "at": alert.at and _moment(alert.at),
        "opened_at": alert.opened_at and _moment(alert.opened_at),
        "ended_at": alert.ended_at and _moment(alert.ended_at),
        "threshold": alert.threshold,
        "recent_values": list(alert.recent_values),
        "facts": [{"label": fact.label, "value": fact.value} for fact in alert.facts],
        "links": [{"label": link.label, "url": link.url} for link in alert.links],
        "next_steps": list(alert.next_steps),
        "who": alert.who or None,
        "evidence": msgspec.to_builtins(alert.evidence),
        "notes": list(notes),
    }


def _moment(moment: Any) -> str:
    text: str = moment.isoformat()
    return text.replace("+00:00", "Z")
