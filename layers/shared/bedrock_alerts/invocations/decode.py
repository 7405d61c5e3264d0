"""The first step: from what CloudWatch Logs delivers to the lines it carries."""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pybase64
from isal import isal_zlib

from bedrock_alerts.errors import BatchError
from bedrock_alerts.limits import MAX_BATCH_BASE64_BYTES, MAX_BATCH_INFLATED_BYTES

_GZIP: Final = 31  # zlib's window bits for "gzip header expected"
_FOREIGN: Final = "the event is no CloudWatch Logs batch: `awslogs.data` is missing"


class LogLine(msgspec.Struct, frozen=True):
    """One log event of a batch; `timestamp` is in milliseconds since 1970."""

    message: str
    id: str = ""
    timestamp: float | None = None


class LogBatch(msgspec.Struct, frozen=True, rename="camel"):
    """What one subscription delivery holds."""

    log_events: tuple[LogLine, ...] = ()
    message_type: str = ""
    log_group: str = ""
    owner: str = ""

    @property
    def is_control_message(self) -> bool:
        """Whether CloudWatch Logs only checks that the destination can be reached."""
        return self.message_type == "CONTROL_MESSAGE"


_batch_decoder: Final = msgspec.json.Decoder(LogBatch)


def decode_event(event: Mapping[str, Any]) -> LogBatch:
    """Open the event that CloudWatch Logs invokes a function with.

    Raises BatchError when the event cannot be opened, or would be larger than any genuine one
    (`MAX_BATCH_BASE64_BYTES`, `MAX_BATCH_INFLATED_BYTES`).
    """
    envelope = event.get("awslogs")
    data = envelope.get("data") if isinstance(envelope, Mapping) else None
    if not isinstance(data, str):
        raise BatchError(_FOREIGN)
    if len(data) > MAX_BATCH_BASE64_BYTES:
        raise BatchError(f"the batch is larger than {MAX_BATCH_BASE64_BYTES} bytes of base64")
    try:
        packed = pybase64.b64decode(data, validate=True)
    except ValueError as error:
        raise BatchError("the batch is no valid base64") from error
    return decode_batch(packed)


def decode_batch(packed: bytes) -> LogBatch:
    """Open one gzipped batch, as a subscription puts it into an event or a Kinesis record."""
    inflated = inflate(packed, MAX_BATCH_INFLATED_BYTES)
    try:
        return _batch_decoder.decode(inflated)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _decode_leniently(inflated)


def _decode_leniently(inflated: bytes) -> LogBatch:
    """Read with the standard library what the fast parser refuses, such as half an emoji."""
    try:
        return msgspec.convert(json.loads(inflated), LogBatch)
    except (ValueError, RecursionError) as error:  # msgspec's ValidationError is a ValueError
        raise BatchError("the batch holds no CloudWatch Logs JSON") from error


def inflate(packed: bytes, limit: int) -> bytes:
    """Inflate every member of a gzip stream, `limit` bytes at the most.

    Raises BatchError for anything that is not a whole gzip stream within the limit.
    """
    parts: list[bytes] = []
    room = limit + 1
    while packed:
        member = isal_zlib.decompressobj(wbits=_GZIP)
        try:
            part = member.decompress(packed, max_length=room)
        except isal_zlib.error as error:  # type: ignore[misc] # its stubs call it a value
            raise BatchError("the batch is no valid gzip") from error
        room -= len(part)
        if room <= 0:
            raise BatchError(f"the batch inflates to more than {limit} bytes")
        if not member.eof:
            raise BatchError("the gzip of the batch ends too early")
        parts.append(part)
        packed = member.unused_data.lstrip(b"\0")
    if not parts:
        raise BatchError("the batch is empty")
    return parts[0] if len(parts) == 1 else b"".join(parts)
