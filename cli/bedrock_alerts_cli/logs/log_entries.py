"""Opens a line or a value: a record, or any of the wrappers that records come in."""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import msgspec

from bedrock_alerts.errors import BatchError
from bedrock_alerts.invocations.decode import decode_event
from bedrock_alerts.invocations.gunzip import inflated
from bedrock_alerts.invocations.invocation import Rejected, Skipped
from bedrock_alerts_cli.logs.log_json import encoded, loaded, values

GZIP_MAGIC: Final = b"\x1f\x8b"

_LAST_MILLISECOND: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1000
# Every record has this key, and Bedrock writes it first.
_RECORD: Final = "schemaType"
_RECORD_START: Final = re.compile(rb'\{\s*"schemaType"')
# The field with the record in exports of CloudWatch Logs Insights.
_MESSAGE: Final = "@message"
# The keys with the records in events of Kinesis and Firehose, and in query results.
_CARRIERS: Final = ("Records", "records", "results")
# Two records on a line, as Firehose writes them, and `--output text`; or the field with a record.
_MORE_THAN_A_RECORD: Final = (b'}{"', b'}\t{"', b'"@message"')
# An export of CloudWatch Logs puts the time before each event, `aws logs tail` also the stream.
_STAMP: Final = re.compile(
    rb"(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)\s+(?:[^\s{]+\s+)?(?=\{)"
)


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of the log; `event_id` is CloudWatch's, empty if the source has none."""

    text: str | bytes
    where: str
    event_id: str = ""
    logged_at: float | None = None


Entry: TypeAlias = Line | Rejected | Skipped


def starts_a_record(text: bytes | bytearray) -> bool:
    """Whether a text begins like a record, not like a wrapper of records."""
    return _RECORD_START.match(text) is not None


def entries(text: bytes, where: str) -> Iterator[Entry]:
    """Open one line or value: a record, or a wrapper of records."""
    if text.startswith(b"{"):
        # Nearly every line of a large file returns here, so nothing is parsed twice.
        if starts_a_record(text) and not any(sign in text for sign in _MORE_THAN_A_RECORD):
            yield Line(text, where)
            return
    elif stamp := _STAMP.match(text):
        yield Line(text[stamp.end() :], where, "", _seconds(stamp[1].decode()))
        return
    document = loaded(text)
    if isinstance(document, dict):
        yield from _of_object(document, text, where)
    elif isinstance(document, list):
        yield from _of_list(document, where)
    elif isinstance(document, str):
        yield Line(document, where)
    elif text.startswith(b"{") and len(found := list(values(text))) > 1:
        for number, value in enumerate(found, 1):
            yield from entries(value, f"{where}: record {number}")
    else:
        yield Line(text, where)  # to be rejected with the collector's reason


def _of_object(document: dict[str, Any], text: bytes, where: str) -> Iterator[Entry]:
    """Return the events in a delivery, an export or an output."""
    if _MESSAGE in document:
        yield _event(document, where)
        return
    if _RECORD in document:
        yield Line(text, where)
        return
    carried = next(filter(None, map(document.get, _CARRIERS)), None)
    if isinstance(carried, list):
        yield from _carried(carried, where)
        return
    events: Any = document.get("logEvents", document.get("events"))
    is_control = document.get("messageType") == "CONTROL_MESSAGE"
    if "awslogs" in document:
        try:
            batch = decode_event(document)
        except BatchError:
            yield Rejected("unreadable_batch", where)
            return
        is_control = batch.is_control_message
        events = msgspec.to_builtins(batch.log_events)
    if isinstance(events, list | tuple):
        for number, event in enumerate(events, 1):
            place = f"{where}: event {number}"
            yield Skipped("control_message", place) if is_control else _event(event, place)
    else:
        yield _shipped(document, text, where)


def _shipped(document: dict[str, Any], text: bytes, where: str) -> Line:
    """Return the record in a line of a log shipper: Vector's `message`, Fluent Bit's `log`."""
    for key in ("message", "log"):
        if isinstance(document.get(key), str):
            return _line(document[key], document, where)
    for value in document.values():
        if isinstance(value, dict) and _RECORD in value:
            return _line(encoded(value), document, where)
    return Line(text, where)


def _of_list(document: list[Any], where: str) -> Iterator[Entry]:
    """Open a row of a query's results, or the values of a list in a list."""
    if _is_row(document):
        yield _event(_fields(document), where)
        return
    for number, value in enumerate(document, 1):
        yield from entries(encoded(value), f"{where}: record {number}")


def _is_row(document: list[Any]) -> bool:
    return bool(document) and isinstance(document[0], dict) and "field" in document[0]


def _fields(row: list[Any]) -> dict[Any, Any]:
    return {one.get("field"): one.get("value") for one in row if isinstance(one, dict)}


def _carried(records: list[Any], where: str) -> Iterator[Entry]:
    """Open the records of a Kinesis or Firehose event, or of query results."""
    for number, record in enumerate(records, 1):
        place = f"{where}: record {number}"
        if isinstance(record, list):
            yield _event(_fields(record), place)
            continue
        facts = record if isinstance(record, dict) else {}
        kinesis = facts.get("kinesis")
        data = kinesis.get("data") if isinstance(kinesis, dict) else facts.get("data")
        data = facts.get("Data") if data is None else data  # `aws kinesis get-records`
        if isinstance(data, str):
            yield from _packed(data, place)
        else:
            kind = "cloudtrail_event" if "eventName" in facts else "foreign_event"
            yield Skipped(kind, place)


def _packed(data: str, where: str) -> Iterator[Entry]:
    """Open a payload: base64 of a record or of a gzipped delivery."""
    try:
        text = base64.b64decode(data, validate=True)
        if text.startswith(GZIP_MAGIC):
            text = b"".join(inflated(iter((text,))))
    except (binascii.Error, ValueError, BatchError):
        yield Rejected("unreadable_batch", where)
        return
    yield from entries(text.strip(), where)


def _event(event: Any, where: str) -> Entry:
    facts = event if isinstance(event, dict) else {}
    message = facts.get(_MESSAGE, facts.get("message"))
    if isinstance(message, dict):
        message = encoded(message)
    if not isinstance(message, str | bytes):
        return Rejected("wrong_shape", where)
    return _line(message, facts, where)


def _line(message: str | bytes, facts: dict[Any, Any], where: str) -> Line:
    """Return a line with the id and the time of its event, if it has them."""
    event_id = facts.get("id") or facts.get("eventId")
    logged_at = _moment(facts.get("@timestamp", facts.get("timestamp")))
    return Line(message, where, event_id if isinstance(event_id, str) else "", logged_at)


def _moment(stamp: Any) -> float | None:
    """Return a time as seconds since 1970: milliseconds since then, or a date; None if neither."""
    if isinstance(stamp, str):
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):  # noqa: PLR2004
            return _seconds(stamp)
        stamp = int(stamp)
    is_time = isinstance(stamp, int | float) and 0 <= stamp <= _LAST_MILLISECOND
    return stamp / 1000 if is_time else None


def _seconds(stamp: str) -> float | None:
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
