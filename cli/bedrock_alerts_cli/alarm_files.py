"""Alarm events in files, as the alerts that people would be notified of."""

import json
from datetime import timedelta
from typing import Any, Final

from bedrock_alerts.alerts.alert import (
    Alert,
    Notification,
    Reason,
)
from bedrock_alerts.alerts.describe import describe, without_memory
from bedrock_alerts.alerts.events import (
    News,
    StateChange,
)
from bedrock_alerts.alerts.normalise import normalise
from bedrock_alerts.invocations.parse import SCHEMA_TYPE
from bedrock_alerts_cli.user_errors import InputError

# Sample incident facts, for reasons that need them.
_FIRING_FOR: Final = timedelta(hours=2)
_LASTED: Final = timedelta(minutes=14)
_BY: Final = "Sam"


def alerts_in(text: str, name: str, reason: Reason | None = None) -> tuple[Alert, ...]:
    """Read an alarm event of any transport, or a batch of them as `events/route/` has it.

    Each is rendered for `reason`, with a sample incident, or without a stored one. Internal
    messages are left out. Raises InputError for what is not valid JSON, and for a batch of the
    invocation log; `name` is the file's.
    """
    try:
        event = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not valid JSON: {error}") from error
    if _is_of_the_log(event):
        raise InputError(
            f"{name} is a batch of the invocation log, not an alarm event: give one such as"
            " events/route/alarm.json, or what `bedrock-alerts generate-event route` prints"
        )
    records = event.get("Records") if isinstance(event, dict) else None
    bodies = [
        record["body"]
        for record in (records if isinstance(records, list) else ())
        if isinstance(record, dict) and isinstance(record.get("body"), str)
    ]
    return tuple(
        describe(news, _notification(news, reason))
        for body in bodies or [text]
        for news in normalise(body)
        if isinstance(news, News)
    )


def _is_of_the_log(event: Any) -> bool:
    """Whether it is what a collector is invoked with, or a record of the log."""
    if not isinstance(event, dict):
        return False
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records else None
    return (
        "awslogs" in event
        or event.get("schemaType") == SCHEMA_TYPE
        or (isinstance(first, dict) and "kinesis" in first)
    )


def _notification(event: News, reason: Reason | None) -> Notification:
    if reason is None or not isinstance(event, StateChange):
        return without_memory(event)
    is_over = reason in {"resolved", "recovering"}
    opened_at = event.at - (_LASTED if is_over else _FIRING_FOR)
    return Notification(
        kind=reason,
        at=event.at,
        opened_at=event.at if reason == "firing" else opened_at,
        ended_at=event.at if is_over else None,
        held_by=_BY if reason == "silenced" else "",
        acked_by=_BY if reason == "acknowledged" else "",
        until=event.at + _FIRING_FOR if reason == "silenced" else None,
    )
