"""Lines of the collectors' own log that are about no single call: JSON, like the event lines."""

from typing import Any, Final, Literal, TypeAlias

import msgspec

Level: TypeAlias = Literal["WARNING", "ERROR"]

_encode: Final = msgspec.json.Encoder().encode


def notice(event: str, level: Level, message: str, **facts: Any) -> bytes:
    """Return one line; its keys are all ours, so that it can never be taken for metrics."""
    return _encode({"event": event, "level": level, "message": message, **facts})
