"""Splits the text of a file into blocks: lines, rows of a table, or values of a document.

The form is detected from the content, never the name. Text that has one record a line is read in
blocks of about a megabyte, so a file may be of any size; only a JSON document that spans lines must
fit into memory.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

import msgspec

from bedrock_alerts.limits import MAX_RECORD_BYTES
from bedrock_alerts_cli.logs.log_blocks import Block, grouped, sliced
from bedrock_alerts_cli.logs.log_entries import starts_a_record
from bedrock_alerts_cli.logs.log_json import is_json, values
from bedrock_alerts_cli.logs.log_tables import delimiter_of, rows
from bedrock_alerts_cli.user_errors import InputError

DOCUMENT_BYTES: Final = 256 * 1024 * 1024
"""The largest JSON document that spans lines; one record a line has no such limit."""

_MEBIBYTE: Final = 1024 * 1024
# Every record has this key; in a wrapper of records it may be escaped, inside a string.
_RECORD_KEY: Final = b'"schemaType"'
_OBJECT_ON_A_LINE: Final = re.compile(rb'^\{[ \t]*".*\}[ \t\r]*$', re.MULTILINE)
# `aws logs tail --format json`: time and stream on a line, the record indented below.
_STAMP: Final = rb"\d{4}-\d\d-\d\dT\d\d:"
_STAMP_AT_START: Final = re.compile(rb"\s*" + _STAMP)
_BEFORE_STAMP: Final = re.compile(rb"^(?=" + _STAMP + rb")", re.MULTILINE)
_MOST_UNDECIDED: Final = 64 * 1024


def blocks(name: str, chunks: Iterator[bytes]) -> Iterator[Block]:
    """Yield the blocks of a text, reading no more of it than needed. Raises InputError."""
    head = bytearray()
    patience = 0
    for chunk in chunks:
        head += chunk
        if len(head) < patience and len(head) <= DOCUMENT_BYTES:
            continue
        if found := _streamed(name, head, chunks):
            yield from found
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


def _streamed(name: str, head: bytearray, chunks: Iterator[bytes]) -> Iterator[Block] | None:
    """Return the blocks of a text whose beginning shows that it can be split as it is read."""
    if delimiter := delimiter_of(head):
        all_chunks = chain(sliced(bytes(head)), chunks)
        return grouped(name, ": row ", rows(name, all_chunks, delimiter))
    if _is_stamped(head):
        return _stamped(name, chain(sliced(bytes(head)), chunks))
    if _is_lines(head):
        return _lines(name, chain(sliced(bytes(head)), chunks))
    return None


def _is_stamped(head: bytearray) -> bool:
    """Whether records begin on the lines below their times."""
    brace = head.find(b"{")
    before = head[head.rfind(b"\n", 0, brace) + 1 : brace]
    return brace > 0 and not before.strip() and _STAMP_AT_START.match(head) is not None


def _is_lines(head: bytearray) -> bool:
    """Whether this beginning of a text proves that it has one record a line."""
    text = head.lstrip()
    if not text or text.startswith(b"["):
        return False
    if not text.startswith(b"{"):
        if len(text) > _MOST_UNDECIDED:
            return True
        # A time may have its record below.
        return b"\n" in text and (b"{" in text or not _STAMP_AT_START.match(text))
    first, line_break, _ = text.partition(b"\n")
    if line_break and _RECORD_KEY in first and is_json(first):
        return True
    # An apparently broken first line may be a document of many lines. Whole objects further down
    # decide: in a document they would be indented, or followed by a comma.
    return len(_OBJECT_ON_A_LINE.findall(text[: text.rfind(b"\n") + 1])) > 1


def _whole(name: str, text: bytes) -> Iterator[Block]:
    """Yield the blocks of a complete text within the document limit."""
    beginning = text.lstrip()[:1]
    if beginning == b"[":
        yield from grouped(name, ": record ", _elements(text))
        return
    if beginning == b"{":
        found = [text] if is_json(text) else list(values(text))
        if _is_document(text, found):
            yield from grouped(name, ": record " if len(found) > 1 else "", found)
            return
    yield from _lines(name, sliced(text))


def _is_document(text: bytes, found: Sequence[bytes]) -> bool:
    """Whether a text consists of these values, not of lines."""
    lines = sum(1 for line in text.split(b"\n") if line.strip())
    if lines == 1:
        # A wrapper of records is a document, a single record is a line.
        is_long = len(text) > MAX_RECORD_BYTES and (
            len(found) > 1 or not starts_a_record(text.lstrip())
        )
        return _RECORD_KEY not in text or is_long
    if all(map(is_json, found)):
        return len(found) != lines
    return _OBJECT_ON_A_LINE.search(text) is None


def _elements(array: bytes) -> Iterable[bytes | msgspec.Raw]:
    try:
        # Views of the text: copies are made of a few at a time.
        return msgspec.json.decode(array, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return values(array)


def _stamped(name: str, chunks: Iterator[bytes]) -> Iterator[Block]:
    """Yield blocks of records below their times, each as soon as the next begins."""
    number, rest = 1, b""
    for chunk in chain(chunks, (b"",)):
        parts = _BEFORE_STAMP.split(rest + chunk)
        rest = parts.pop() if chunk else b""
        if found := tuple(part for part in parts if part.strip()):
            yield Block(name=name, label=": record ", first=number, content=found)
            number += len(found)
        if len(rest) > MAX_RECORD_BYTES:
            yield Block(name=name, label=": record ", first=number, rejected="too_large")
            number, rest = number + 1, b""


def _lines(name: str, chunks: Iterator[bytes]) -> Iterator[Block]:
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
