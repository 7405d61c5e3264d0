"""Tables with a column of records: commas, semicolons or tabs between the columns."""

import csv
from collections.abc import Iterator
from typing import Final

import msgspec

from bedrock_alerts.limits import MAX_RECORD_BYTES
from bedrock_alerts_cli.user_errors import InputError

_RECORDS: Final = frozenset({"@message", "message"})
_DELIMITERS: Final = ",;\t"
_LONGEST_HEADER: Final = 64 * 1024


def delimiter_of(head: bytes | bytearray) -> str | None:
    """Return what separates the columns if a text begins with the header of such a table."""
    first, line_break, _ = head.lstrip().partition(b"\n")
    if not line_break or b"message" not in first or b"{" in first or len(first) > _LONGEST_HEADER:
        return None
    header = first.decode("utf-8", "replace").strip()
    for delimiter in _DELIMITERS:
        titles = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True))
        if not _RECORDS.isdisjoint(titles):
            return delimiter
    return None


def rows(name: str, chunks: Iterator[bytes], delimiter: str) -> Iterator[bytes]:
    """Yield each row of a table as a JSON object by column. Raises InputError."""
    csv.field_size_limit(MAX_RECORD_BYTES)
    table = csv.reader(_decoded_lines(chunks), delimiter=delimiter, skipinitialspace=True)
    try:
        titles = next(filter(None, table), [])
        for row in filter(None, table):
            yield msgspec.json.encode(dict(zip(titles, row, strict=False)))
    except csv.Error as error:
        raise InputError(f"{name}: {error}") from error


def _decoded_lines(chunks: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace") + "\n"
    if rest:
        yield rest.decode("utf-8", "replace")
