"""Internal messages: timers, button presses from Slack, the scheduled heartbeat."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import msgspec

from bedrock_alerts.alerts.events import (
    Answer,
    Heartbeat,
    Kept,
    Timer,
)
from bedrock_alerts.alerts.normalise.fields import mapping, word

MARK: Final = "bedrock_alerts"
Note: TypeAlias = Timer | Answer | Kept | Heartbeat


def encode_note(note: Note) -> str:
    """Return the queue message that carries this to `route`."""
    content: dict[str, Any] = {"heartbeat": True}
    if isinstance(note, Timer):
        content = {"timer": note}
    elif isinstance(note, Answer):
        content = {"answer": note}
    elif isinstance(note, Kept):
        content = {"kept": note}
    return msgspec.json.encode({MARK: content}).decode()


def note_in(event: Mapping[str, Any]) -> Note | None:
    """Return an internal message, None if it was not written here."""
    content = mapping(event.get(MARK))
    if content.get("heartbeat") is True:
        return Heartbeat()
    try:
        if "answer" in content:
            answer = msgspec.convert(content["answer"], Answer)
            name, user = word(answer.name), word(answer.user)
            return msgspec.structs.replace(answer, name=name, user=user, at=_aware(answer.at))
        if "kept" in content:
            return msgspec.convert(content["kept"], Kept)
        timer = msgspec.convert(content.get("timer"), Timer)
        return msgspec.structs.replace(timer, due=_aware(timer.due))
    except msgspec.ValidationError:
        return None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
