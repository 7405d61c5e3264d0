"""Alarm events in files, as the alerts that would be told of them."""

import json
from datetime import timedelta
from typing import Final

from bedrock_alerts.alerts.describe import describe, without_memory
from bedrock_alerts.alerts.model import Alert, News, StateChange, Telling, TellingKind
from bedrock_alerts.alerts.normalise import normalise
from bedrock_alerts_lab.errors import InputError

# What a memory might know, for tellings that need one.
_STANDING: Final = timedelta(hours=2)
_LASTED: Final = timedelta(minutes=14)
_TRANSITIONS: Final = 6


def alerts_in(text: str, name: str, telling: TellingKind | None = None) -> tuple[Alert, ...]:
    """Read an alarm event of any transport, or a batch of them as `events/route/` has it.

    Each is told as `telling` says, with an invented memory, or as if nothing were remembered. Notes
    that the functions send to themselves are left out. Raises InputError for what is no JSON;
    `name` is the file's.
    """
    try:
        event = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is no JSON: {error}") from error
    records = event.get("Records") if isinstance(event, dict) else None
    bodies = [
        record["body"]
        for record in (records if isinstance(records, list) else ())
        if isinstance(record, dict) and isinstance(record.get("body"), str)
    ]
    return tuple(
        describe(news, _telling(news, telling))
        for body in bodies or [text]
        for news in normalise(body)
        if isinstance(news, News)
    )


def _telling(event: News, kind: TellingKind | None) -> Telling:
    if kind is None or not isinstance(event, StateChange):
        return without_memory(event)
    is_over = kind in {"resolved", "late", "settled"}
    opened_at = event.at - (_LASTED if is_over else _STANDING)
    if kind == "first":
        opened_at = event.at
    return Telling(
        kind=kind,
        at=event.at,
        opened_at=opened_at,
        ended_at=event.at if is_over else None,
        transitions=_TRANSITIONS if kind in {"flapping", "settled"} else 0,
        reminders=1 if kind == "reminder" else 0,
        held_by={"release": "a mute rule", "silenced": "Sam"}.get(kind, ""),
        acked_by="Sam" if kind == "acknowledged" else "",
        until=event.at + _STANDING if kind == "silenced" else None,
    )
