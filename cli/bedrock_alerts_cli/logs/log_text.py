"""The text of a file: without compression, byte order mark and UTF-16."""

import codecs
from collections.abc import Iterator
from itertools import chain
from typing import Final

from bedrock_alerts.errors import BatchError
from bedrock_alerts.invocations.gunzip import inflated
from bedrock_alerts_cli.logs.known_forms import KNOWN_FORMS
from bedrock_alerts_cli.logs.log_entries import GZIP_MAGIC
from bedrock_alerts_cli.user_errors import InputError

_MAX_LAYERS: Final = 4  # a gzipped export of gzipped data, with a margin
_UTF16_MARKS: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def plain_text(name: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Undo compression and UTF-16, as often as they were applied. Raises InputError."""
    for _ in range(_MAX_LAYERS):
        head, chunks = _peek(chunks, 3)
        if head.startswith(GZIP_MAGIC):
            chunks = _inflated(name, chunks)
        elif encoding := _UTF16_MARKS.get(head[:2]):
            # What a redirection in PowerShell writes.
            chunks = _recoded(chunks, encoding)
        elif head.startswith(codecs.BOM_UTF8):
            return chain((head[3:],), _without_first(chunks))
        elif b"\0" in head and not head.lstrip().startswith((b"{", b"[")):
            break  # in JSON it spoils its line only
        else:
            return chunks
    raise InputError(f"{name}: this is neither text nor gzip. Known forms: {KNOWN_FORMS}")


def _without_first(chunks: Iterator[bytes]) -> Iterator[bytes]:
    next(chunks)
    return chunks


def _peek(chunks: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """Return the first chunk, of at least `size` bytes if there are as many, and all chunks."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= size:
            break
    return head, chain((head,), chunks)


def _inflated(name: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Inflate every member of a gzip stream; raises InputError if it is damaged or cut off."""
    try:
        yield from inflated(chunks)
    except BatchError as error:
        raise InputError(f"{name}: {error}") from error


def _recoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "replace")
