"""The alert of one alarm, at its beginning and its end."""

from datetime import UTC, datetime
from typing import Any, Final

from bedrock_alerts.alerts.alert import Alert

OPENED: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ENDED: Final = datetime(2026, 11, 23, 8, 14, tzinfo=UTC)
ARN: Final = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:chat-blocks"


def alarm(key: str = "opening", **changes: Any) -> Alert:
    """Return an alarm that has just begun."""
    given: dict[str, Any] = {
        "key": key,
        "tone": "critical",
        "status": "ALARM · critical",
        "title": "chat-blocks",
        "summary": "A guardrail blocked calls.",
        "account_id": "111122223333",
        "region": "eu-west-1",
        "at": OPENED,
        "kind": "firing",
        "severity": "critical",
        "state": "ALARM",
        "incident": ARN,
        "alarm_arn": ARN,
        "opened_at": OPENED,
    }
    return Alert(**{**given, **changes})


def recovery(key: str = "end", **changes: Any) -> Alert:
    """Return the end of that alarm."""
    given: dict[str, Any] = {
        "kind": "resolved",
        "tone": "ok",
        "status": "RESOLVED",
        "state": "OK",
        "at": ENDED,
        "ended_at": ENDED,
    }
    return alarm(key, **{**given, **changes})
