"""The first step: from a delivery of CloudWatch Logs to its lines.

Errors raised here have no parser error as cause, because those contain the whole text, including
users' prompts.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
import pybase64

from bedrock_alerts.errors import BatchError
from bedrock_alerts.invocations.gunzip import inflate
from bedrock_alerts.invocations.lenient_json import mend
from bedrock_alerts.limits import MAX_BATCH_BASE64_BYTES, MAX_BATCH_INFLATED_BYTES


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """One log event of a batch; `timestamp` is in milliseconds since 1970."""

    message: str
    id: str = ""
    timestamp: float | None = None


class LogBatch(msgspec.Struct, frozen=True, rename="camel"):
    """The content of one subscription delivery."""

    log_events: tuple[LogLine, ...]
    message_type: str = ""
    log_group: str = ""
    owner: str = ""

    @property
    def is_control_message(self) -> bool:
        """Whether CloudWatch Logs only checks the destination."""
        return self.message_type == "CONTROL_MESSAGE"


class _LooseBatch(msgspec.Struct, frozen=True, rename="camel"):
    """A batch whose values may have any type."""

    log_events: list[Any]
    message_type: Any = ""
    log_group: Any = ""
    owner: Any = ""


_batch_decoder: Final = msgspec.json.Decoder(LogBatch)
_loose_decoder: Final = msgspec.json.Decoder(_LooseBatch)


def decode_event(event: object) -> LogBatch:
    """Open the event that CloudWatch Logs invokes a function with.

    Raises BatchError if the event cannot be opened, or is larger than any genuine one
    (`MAX_BATCH_BASE64_BYTES`, `MAX_BATCH_INFLATED_BYTES`).
    """
    envelope = event.get("awslogs") if isinstance(event, Mapping) else None
    data = envelope.get("data") if isinstance(envelope, Mapping) else None
    if not isinstance(data, str):
        raise BatchError("the event is not a CloudWatch Logs batch: `awslogs.data` is missing")
    if len(data) > MAX_BATCH_BASE64_BYTES:
        raise BatchError(f"the batch is larger than {MAX_BATCH_BASE64_BYTES} bytes of base64")
    return decode_batch(_from_base64(data))


def decode_batch(packed: bytes) -> LogBatch:
    """Open one gzipped batch, as a subscription puts it into an event or a Kinesis record."""
    inflated = inflate(packed, MAX_BATCH_INFLATED_BYTES)
    try:
        return _batch_decoder.decode(inflated)
    except (ValueError, RecursionError):  # all of msgspec's errors are ValueErrors
        batch = _decode_loosely(inflated)
    if batch is None:
        raise BatchError("the batch holds no CloudWatch Logs JSON")
    return batch


class StreamRecords(NamedTuple):
    """The batches of a Kinesis event, up to the first record that cannot be opened.

    `failure` is the reason, `sequence_number` identifies the record; None if all could be opened.
    """

    batches: tuple[LogBatch, ...]
    sequence_number: str | None = None
    failure: str | None = None

    def response(self) -> dict[str, Any]:
        """Return the partial batch response: Lambda returns this record and those after it."""
        failed = [] if self.sequence_number is None else [{"itemIdentifier": self.sequence_number}]
        return {"batchItemFailures": failed}


def decode_records(event: object) -> StreamRecords:
    """Open the records of a Kinesis event: each holds one batch, gzipped, in base64.

    Raises BatchError if the first cannot be opened, or a bad one has no number to report. Then
    nothing has been counted yet, and an error makes Lambda split the batch until the bad record is
    alone; reporting the first record might only return the same batch.
    """
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list):
        raise BatchError("the event is not a stream batch: `Records` is missing")
    batches: list[LogBatch] = []
    for record in records:
        kinesis = record.get("kinesis") if isinstance(record, Mapping) else None
        facts = kinesis if isinstance(kinesis, Mapping) else {}
        try:
            batches.append(decode_batch(_from_base64(facts.get("data"))))
        except BatchError as error:
            number = _text(facts.get("sequenceNumber"))
            if not (batches and number):
                raise
            return StreamRecords(tuple(batches), number, str(error))
    return StreamRecords(tuple(batches))


def _from_base64(data: Any) -> bytes:
    try:
        return pybase64.b64decode(data, validate=True)
    except (TypeError, ValueError):
        pass  # raised outside, so that the error has no context with the data
    raise BatchError("the batch is not valid base64")


def _decode_loosely(inflated: bytes) -> LogBatch | None:
    """Read a batch that the fast parser refuses: one bad event must not affect the others."""
    try:
        loose = _loose_decoder.decode(mend(inflated))
    except (ValueError, RecursionError):
        return None
    return LogBatch(
        log_events=tuple(_line(item) for item in loose.log_events),
        message_type=_text(loose.message_type),
        log_group=_text(loose.log_group),
        owner=_text(loose.owner),
    )


def _line(item: Any) -> LogLine:
    """Return a log event; without a message it becomes an empty line, to be counted as rejected."""
    if not isinstance(item, dict):
        return LogLine("")
    at = item.get("timestamp")
    return LogLine(
        _text(item.get("message")),
        _text(item.get("id")),
        at if isinstance(at, (int, float)) else None,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
