"""Opens logs in any known form, and splits them into lines.

The form is detected from the content, never the name. Text that has one record a line is read in
blocks of about a megabyte, so a file may be of any size; only a JSON document that spans lines must
fit into memory.
"""

import base64
import binascii
import codecs
import csv
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, pairwise
from pathlib import Path, PurePath
from typing import Any, Final, TypeAlias

import click
import msgspec

from bedrock_alerts.errors import BatchError
from bedrock_alerts.invocations.decode import decode_event
from bedrock_alerts.invocations.gunzip import inflated
from bedrock_alerts.invocations.invocation import Rejected, Skipped
from bedrock_alerts.limits import MAX_RECORD_BYTES
from bedrock_alerts.text import clean
from bedrock_alerts_cli.user_errors import InputError

STDIN: Final = "-"
BLOCK_BYTES: Final = 1024 * 1024
DOCUMENT_BYTES: Final = 256 * 1024 * 1024
"""The largest JSON document that spans lines; one record a line has no such limit."""

_MEBIBYTE: Final = 1024 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"
_MAX_LAYERS: Final = 4  # a gzipped export of gzipped data, with a margin
_UTF16_MARKS: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_LAST_MILLISECOND: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1000

# Written by Bedrock when logging to S3 is turned on, to check its permission.
_PERMISSION_CHECK: Final = "amazon-bedrock-logs-permission-check"
_BODIES: Final = "data"
_LOGS: Final = "BedrockModelInvocationLogs"
_HOUR: Final = re.compile(r"\d\d")

# Every record has this key; in a wrapper of records it is escaped, inside a string.
_RECORD_KEY: Final = b'"schemaType"'
# The field with the record in exports of CloudWatch Logs Insights.
_MESSAGE: Final = "@message"
_MESSAGE_KEY: Final = b'"@message"'
# The keys with the records in events of Kinesis and Firehose, and in query results.
_CARRIERS: Final = ("Records", "records", "results")
_CSV_HEADER: Final = re.compile(rb'"?@?[\w.]+"?(?:,"?@?[\w.]+"?)*\s*')
KNOWN_FORMS: Final = (
    "one record a line; a JSON array of records; what Logs Insights exports (JSON, CSV,"
    " `get-query-results`); `filter-log-events`; export tasks; deliveries to Lambda, Kinesis and"
    " Firehose; Fluent Bit's and Vector's lines; folders of a bucket; each also gzipped"
)
"""The forms of logs that can be read, for a person."""

# Two records without a line break between them, as Firehose writes them.
_SEAM: Final = b'}{"'
# An export of CloudWatch Logs puts the time before each event, `aws logs tail` also the stream.
_STAMP: Final = re.compile(
    rb"(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)\s+(?:[^\s{]+\s+)?(?=\{)"
)
_OBJECT_ON_A_LINE: Final = re.compile(rb'^\{[ \t]*".*\}[ \t\r]*$', re.MULTILINE)
_BETWEEN: Final = re.compile(r"[\s,\[\]]*")


def nothing_read(skipped: Mapping[str, int] | int) -> str:
    """Return a message that there was no record, what was found, and the known forms."""
    if isinstance(skipped, int):
        found = f"{skipped:,} of another kind" if skipped else "nothing"
    else:
        found = ", ".join(f"{count:,} {reason}" for reason, count in skipped.items()) or "nothing"
    return f"no invocation record was found, but {found}. Known forms: {KNOWN_FORMS}"


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of the log; `event_id` is CloudWatch's, empty if the source has none."""

    text: str | bytes
    where: str
    event_id: str = ""
    logged_at: float | None = None


Entry: TypeAlias = Line | Rejected | Skipped
Chunks: TypeAlias = Iterator[bytes]


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive lines, or values of one document, that can be handed to another process.

    `content` is whole lines, or values; `label` is between `name` and the number of each (the first
    is `first`), and is empty for a single value. A block with a `rejected` is one line that could
    not be read at all.
    """

    name: str
    label: str = ":"
    first: int = 1
    content: bytes | tuple[bytes, ...] = b""
    rejected: str = ""

    @property
    def size(self) -> int:
        """Bytes of text."""
        if isinstance(self.content, bytes):
            return len(self.content)
        return sum(map(len, self.content))

    def entries(self) -> Iterator[Entry]:
        """Yield each line or value as the collector receives it, without blank lines."""
        if self.rejected:
            yield Rejected(self.rejected, self._where(self.first))
            return
        parts = self.content
        for number, part in enumerate(
            parts.split(b"\n") if isinstance(parts, bytes) else parts, self.first
        ):
            text = part.strip()
            if text:
                yield from _entries(text, self._where(number))

    def _where(self, number: int) -> str:
        return f"{self.name}{self.label}{number}" if self.label else self.name


class Sources:
    """The files, folders and standard input of a command, in order.

    `note` receives a sentence on each deliberate omission. `bytes_read` grows as blocks are taken,
    and counts what is on disk: compressed bytes where a file is compressed.
    """

    def __init__(self, paths: Sequence[str], note: Callable[[str], None]) -> None:
        self._paths = paths
        self._note = note
        self.bytes_read = 0

    @property
    def is_live(self) -> bool:
        """Whether a part comes from standard input, perhaps while it is written."""
        return STDIN in self._paths

    def total_bytes(self) -> int | None:
        """Return the total size on disk in bytes, None if unknown."""
        if self.is_live:
            return None
        return sum(
            path.stat().st_size for path in _files(self._paths, lambda _: None) if path.is_file()
        )

    def blocks(self) -> Iterator[Block]:
        """Yield all blocks; raises InputError at unreadable input, after all blocks before it."""
        for path in _files(self._paths, self._note):
            if str(path) == STDIN:
                # `read1` returns a pipe's data at once.
                read = click.get_binary_stream("stdin").read1  # type: ignore[attr-defined]
                yield from _blocks("stdin", _text("stdin", self._chunks(read)))
                continue
            name = clean(str(path), 4096)
            with _told_as_input_error(name), path.open("rb", buffering=0) as file:
                yield from _blocks(name, _text(name, self._chunks(file.read)))

    def entries(self) -> Iterator[Entry]:
        """Like `blocks`, line by line."""
        for block in self.blocks():
            yield from block.entries()

    def _chunks(self, read: Callable[[int], bytes]) -> Chunks:
        while chunk := read(BLOCK_BYTES):
            self.bytes_read += len(chunk)
            yield chunk


@contextmanager
def _told_as_input_error(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from error


def _files(paths: Iterable[str], note: Callable[[str], None]) -> Iterator[Path]:
    for path in paths:
        if path != STDIN and Path(path).is_dir():
            yield from _files_below(path, note)
        else:
            yield Path(path)


def _files_below(folder: str, note: Callable[[str], None]) -> Iterator[Path]:
    """Yield a folder's files in sorted order, such as a synchronized log bucket."""
    bodies = checks = 0
    shown = clean(folder, 4096)
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders.sort()
        inside = PurePath(place).relative_to(folder).parts
        for name in sorted(files):
            if any(part.startswith(_PERMISSION_CHECK) for part in (*inside, name)):
                checks += 1
            elif _is_body(Path(place)):
                bodies += 1
            elif not name.startswith("."):
                yield Path(place, name)
    if bodies:
        note(f"{shown}: left out {bodies} under {_BODIES}/, which are bodies and no records")
    if checks:
        note(f"{shown}: left out {checks} that Bedrock wrote to check its permission")


def _is_body(folder: Path) -> bool:
    """Whether a folder holds bodies: Bedrock names it `data`, below the folder of an hour.

    A bucket's prefix may also be `data`.
    """
    parts = folder.resolve().parts
    if _LOGS in parts:
        parts = parts[parts.index(_LOGS) :]
    return any(part == _BODIES and _HOUR.fullmatch(before) for before, part in pairwise(parts))


def _refuse(error: OSError) -> None:
    # `os.walk` would skip an unreadable folder.
    raise InputError(f"{clean(str(error.filename), 4096)}: {error.strerror}") from error


def _text(name: str, chunks: Chunks) -> Chunks:
    """Undo compression and UTF-16, as often as they were applied."""
    for _ in range(_MAX_LAYERS):
        head, chunks = _peek(chunks, 3)
        if head.startswith(_GZIP_MAGIC):
            chunks = _inflated(name, chunks)
        elif encoding := _UTF16_MARKS.get(head[:2]):
            # What a redirection in PowerShell writes.
            chunks = _recoded(chunks, encoding)
        elif head.startswith(codecs.BOM_UTF8):
            return chain((head[3:],), _without_first(chunks))
        elif b"\0" in head:
            break
        else:
            return chunks
    raise InputError(f"{name}: this is neither text nor gzip")


def _without_first(chunks: Chunks) -> Chunks:
    next(chunks)
    return chunks


def _peek(chunks: Chunks, size: int) -> tuple[bytes, Chunks]:
    """Return the first chunk, of at least `size` bytes if there are as many, and all chunks."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= size:
            break
    return head, chain((head,), chunks)


def _inflated(name: str, chunks: Chunks) -> Chunks:
    """Inflate every member of a gzip stream; raises InputError if it is damaged or cut off."""
    try:
        yield from inflated(chunks)
    except BatchError as error:
        raise InputError(f"{name}: {error}") from error


def _recoded(chunks: Chunks, encoding: str) -> Chunks:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "replace")


def _blocks(name: str, chunks: Chunks) -> Iterator[Block]:
    """Return whether the text is lines or a document, reading no more than needed."""
    head = bytearray()
    patience = 0
    for chunk in chunks:
        head += chunk
        if len(head) < patience and len(head) <= DOCUMENT_BYTES:
            continue
        if _is_csv(head):
            yield from _grouped_rows(name, chain(_sliced(bytes(head)), chunks))
            return
        if _is_lines(head):
            yield from _lines(name, chain(_sliced(bytes(head)), chunks))
            return
        if len(head) > DOCUMENT_BYTES:
            raise InputError(
                f"{name}: a JSON document of more than {DOCUMENT_BYTES // _MEBIBYTE} MiB; "
                "write one record a line instead, for example with `jq -c '.[]'`"
            )
        # Checked again only when it has doubled, or a large document would take very long.
        patience = 2 * len(head)
    text = bytes(head)
    head.clear()
    yield from _whole(name, text)


def _is_lines(head: bytearray) -> bool:
    """Whether this beginning of a text proves that it has one record a line."""
    text = head.lstrip()
    if not text or text.startswith(b"["):
        return False
    if not text.startswith(b"{"):
        return True
    first, line_break, _ = text.partition(b"\n")
    if line_break and _RECORD_KEY in first and _is_json(first):
        return True
    # An apparently broken first line may be a document of many lines. Whole objects further down
    # decide: in a document they would be indented, or followed by a comma.
    return len(_OBJECT_ON_A_LINE.findall(text[: text.rfind(b"\n") + 1])) > 1


def _is_csv(head: bytearray) -> bool:
    """Whether a text begins with the header of a table with records."""
    first, line_break, _ = head.lstrip().partition(b"\n")
    return bool(line_break and _MESSAGE.encode() in first and _CSV_HEADER.fullmatch(first.strip()))


def _grouped_rows(name: str, chunks: Chunks) -> Iterator[Block]:
    """Yield blocks of a table's rows, each row as an object by column."""
    csv.field_size_limit(MAX_RECORD_BYTES)
    rows = csv.reader(_decoded_lines(chunks))
    titles = next(rows, [])
    group: list[bytes] = []
    size, first = 0, 1
    try:
        for number, row in enumerate(rows, 1):
            group.append(msgspec.json.encode(dict(zip(titles, row, strict=False))))
            size += len(group[-1])
            if size >= BLOCK_BYTES:
                yield Block(name=name, label=": row ", first=first, content=tuple(group))
                group, size, first = [], 0, number + 1
    except csv.Error as error:
        raise InputError(f"{name}: {error}") from error
    if group:
        yield Block(name=name, label=": row ", first=first, content=tuple(group))


def _decoded_lines(chunks: Chunks) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace") + "\n"
    if rest:
        yield rest.decode("utf-8", "replace")


def _whole(name: str, text: bytes) -> Iterator[Block]:
    """Yield the blocks of a complete text within the document limit."""
    beginning = text.lstrip()[:1]
    if beginning == b"[":
        yield from _grouped(name, ": record ", _elements(text))
        return
    if beginning == b"{":
        values = [text] if _is_json(text) else list(_values(text))
        if _is_document(text, values):
            yield from _grouped(name, ": record " if len(values) > 1 else "", values)
            return
    yield from _lines(name, _sliced(text))


def _is_document(text: bytes, values: Sequence[bytes]) -> bool:
    """Whether a text consists of these values, not of lines."""
    lines = sum(1 for line in text.split(b"\n") if line.strip())
    if lines == 1:
        # A wrapper of records is a document, a single record is a line.
        return _RECORD_KEY not in text
    if _is_json(values[-1]):
        return len(values) != lines
    return _OBJECT_ON_A_LINE.search(text) is None


def _elements(array: bytes) -> Sequence[bytes | msgspec.Raw]:
    try:
        # Views of the text: copies are made of a few at a time.
        return msgspec.json.decode(array, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return list(_values(array))


def _is_json(text: bytes | bytearray) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return _loaded(bytes(text)) is not None
    return True


def _values(text: bytes) -> Iterator[bytes]:
    """Yield the values of a damaged array, or of concatenated documents.

    If the last one cannot be read, it is all of the rest.
    """
    decoder = json.JSONDecoder()
    document = text.decode("utf-8", "replace")
    place = 0
    while True:
        separator = _BETWEEN.match(document, place)
        place = place if separator is None else separator.end()
        if place == len(document):
            return
        try:
            _, end = decoder.raw_decode(document, place)
        except (ValueError, RecursionError):
            end = len(document)
        yield document[place:end].encode()
        place = end


def _grouped(name: str, label: str, values: Sequence[bytes | msgspec.Raw]) -> Iterator[Block]:
    group: list[bytes] = []
    size = 0
    first = 1
    for number, value in enumerate(values, 1):
        group.append(bytes(value))
        size += len(group[-1])
        if size >= BLOCK_BYTES or number == len(values):
            yield Block(name=name, label=label, first=first, content=tuple(group))
            group, size, first = [], 0, number + 1


def _sliced(text: bytes) -> Chunks:
    for start in range(0, len(text), BLOCK_BYTES):
        yield text[start : start + BLOCK_BYTES]


def _lines(name: str, chunks: Chunks) -> Iterator[Block]:
    """Yield blocks of whole lines; a line above `MAX_RECORD_BYTES` is rejected unread."""
    number = 1
    rest: list[bytes] = []
    held = 0
    for chunk in chunks:
        end = chunk.find(b"\n") + 1
        if not end:
            held += len(chunk)
            if held <= MAX_RECORD_BYTES:
                rest.append(chunk)
            else:
                rest.clear()  # only its length still matters
            continue
        cut = chunk.rfind(b"\n") + 1
        if held + end > MAX_RECORD_BYTES:
            yield Block(name=name, first=number, rejected="too_large")
            number += 1
            text = chunk[end:cut]
        else:
            text = b"".join((*rest, chunk[:cut]))
        if text:
            yield Block(name=name, first=number, content=text)
            number += text.count(b"\n")
        rest, held = [chunk[cut:]], len(chunk) - cut
    if held > MAX_RECORD_BYTES:
        yield Block(name=name, first=number, rejected="too_large")
    elif held:
        yield Block(name=name, first=number, content=b"".join(rest))


def _entries(text: bytes, where: str) -> Iterator[Entry]:
    """Open one line or value: a record, or a wrapper of records."""
    if text.startswith(b"{"):
        # Nearly every line of a large file returns here, so nothing is parsed twice.
        if _RECORD_KEY in text and _SEAM not in text and _MESSAGE_KEY not in text:
            yield Line(text, where)
            return
    elif stamp := _STAMP.match(text):
        yield Line(text[stamp.end() :], where, "", _seconds(stamp[1].decode()))
        return
    document = _loaded(text)
    if isinstance(document, dict):
        yield from _unpacked(document, text, where)
    elif isinstance(document, str):
        yield Line(document, where)
    elif text.startswith(b"{") and len(values := list(_values(text))) > 1:
        for number, value in enumerate(values, 1):
            yield from _entries(value, f"{where}: record {number}")
    else:
        yield Line(text, where)  # to be rejected with the collector's reason


def _loaded(text: bytes) -> Any:
    """Return the JSON value, None if there is none (or it is `null`)."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the standard library is less strict, and so is the collector
    try:
        return json.loads(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _unpacked(document: dict[str, Any], text: bytes, where: str) -> Iterator[Entry]:
    """Return the events in a delivery, an export or an output."""
    if "schemaType" in document:
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
    elif _MESSAGE in document or isinstance(document.get("message"), str):
        yield _event(document, where)
    elif isinstance(document.get("log"), str):  # Fluent Bit's
        yield _event({"message": document["log"]}, where)
    else:
        yield Line(text, where)


def _carried(records: list[Any], where: str) -> Iterator[Entry]:
    """Open the records of a Kinesis or Firehose event, or of query results."""
    for number, record in enumerate(records, 1):
        place = f"{where}: record {number}"
        if isinstance(record, list):  # a row of a query's results, field by field
            fields = [one for one in record if isinstance(one, dict)]
            yield _event({one.get("field"): one.get("value") for one in fields}, place)
            continue
        facts = record if isinstance(record, dict) else {}
        kinesis = facts.get("kinesis")
        data = kinesis.get("data") if isinstance(kinesis, dict) else facts.get("data")
        if isinstance(data, str):
            yield from _packed(data, place)
        else:
            kind = "cloudtrail_event" if "eventName" in facts else "foreign_event"
            yield Skipped(kind, place)


def _packed(data: str, where: str) -> Iterator[Entry]:
    """Open a payload: base64 of a record or of a gzipped delivery."""
    try:
        text = base64.b64decode(data, validate=True)
        if text.startswith(_GZIP_MAGIC):
            text = b"".join(inflated(iter((text,))))
    except (binascii.Error, ValueError, BatchError):
        yield Rejected("unreadable_batch", where)
        return
    yield from _entries(text.strip(), where)


def _event(event: Any, where: str) -> Entry:
    facts = event if isinstance(event, dict) else {}
    message = facts.get(_MESSAGE, facts.get("message"))
    if isinstance(message, dict):
        message = msgspec.json.encode(message).decode()
    if not isinstance(message, str):
        return Rejected("wrong_shape", where)
    if isinstance(facts.get("@timestamp"), str):
        return Line(message, where, "", _seconds(facts["@timestamp"]))
    event_id = event.get("id") or event.get("eventId")
    timestamp = event.get("timestamp")
    is_time = isinstance(timestamp, int | float) and 0 <= timestamp <= _LAST_MILLISECOND
    return Line(
        message,
        where,
        event_id if isinstance(event_id, str) else "",
        timestamp / 1000 if is_time else None,
    )


def _seconds(stamp: str) -> float | None:
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
