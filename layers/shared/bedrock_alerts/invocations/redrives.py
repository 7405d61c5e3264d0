"""What `bedrock-alerts redrive` has a collector count again, and the line that proves it was.

A redriven batch has a name, and a time until which it may be counted. The collector writes the name
as the last line of the output that holds the metrics. So what has the line was counted, and what
has no line, some minutes after that time, was not and never will be.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from bedrock_alerts.errors import BatchError
from bedrock_alerts.invocations.decode import LogBatch
from bedrock_alerts.invocations.s3_notifications import LogObject

COUNTED: Final = "batch_counted"
"""The event of the line that proves it."""

_NAME_CHARS: Final = 32
_KEY: Final = "bedrock_alerts"
_encode: Final = msgspec.json.Encoder().encode


class Redrive(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted again: its name, empty at a first try, and until when (s since 1970)."""

    batch: str = ""
    until: float = 0.0

    def proof(self) -> tuple[bytes, ...]:
        """Return the line that proves that it was counted."""
        return (counted_line(self.batch),) if self.batch else ()

    def answer(self) -> dict[str, str]:
        """Return what the function adds to its response, for the caller to see that it was read."""
        return {"counted": self.batch} if self.batch else {}


class _Marked(msgspec.Struct, frozen=True):
    redrive: Redrive = Redrive()


def redrive_of(event: object, now: float) -> Redrive:
    """Return what an event says about its redrive.

    Raises BatchError if it is too late for it: someone else may have been allowed to count it.
    """
    marked = event.get(_KEY) if isinstance(event, Mapping) else None
    if marked is None:
        return Redrive()
    try:
        redrive = msgspec.convert(marked, _Marked).redrive
    except msgspec.ValidationError:
        redrive = Redrive(batch="unreadable")
    if redrive.batch and now > redrive.until:
        raise BatchError("the redrive came too late: run it again, with the clock set right")
    return redrive


def marked(event: Mapping[str, object], redrive: Redrive) -> dict[str, object]:
    """Return an event that is to be counted once more, with what the collector needs to know."""
    return {**event, _KEY: {"redrive": msgspec.to_builtins(redrive)}}


def counted_line(batch: str) -> bytes:
    """Return the line that says that a batch or an object was counted."""
    return _encode({"event": COUNTED, "batch": batch})


def batch_name(batch: LogBatch) -> str:
    """Return the name of a batch: the same whenever it holds the same log events.

    Empty where an event has no id.
    """
    ids = sorted(event.id for event in batch.log_events)
    return _name(ids) if ids and ids[0] else ""


def data_name(data: str) -> str:
    """Return the name of a batch that cannot be opened, or whose events have no ids."""
    return _name([data])


def object_name(found: LogObject) -> str:
    """Return the name of a log object: the same for the same content at the same place."""
    return _name([found.bucket, found.key, found.version.strip('"')])


def objects_name(found: Iterable[LogObject]) -> str:
    """Return the name of all objects of one message."""
    names = [object_name(one) for one in found]
    return names[0] if len(names) == 1 else _name(names)


def _name(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:_NAME_CHARS]
