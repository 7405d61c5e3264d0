"""Make strict JSON of what only the standard library reads, so that one fast parser is enough.

Half an emoji, NaN, a number of 5,000 digits or a byte that is no UTF-8 may stand anywhere in what
a user or a model wrote. None of that may cost the record, and none of it gets past here: every
text that comes out can be encoded, every number is finite.
"""

import json
import re
from typing import Final

# Deep in what the parser takes for a whole number, far above every count and time there is.
_MAX_DIGITS: Final = 20
# Building objects takes many times the text's size. Genuine records are at most 1 MB, and batches
# of them hardly ever need mending, so that more than this is refused.
_MAX_CHARS: Final = 8 * 1024 * 1024
# Nothing that is read of a record lies half as deep, and every parser gets down so far.
_MAX_DEPTH: Final = 100
# A text takes one attempt, also one that never ends: possessive, so that nothing is tried again.
_TEXT_OR_BRACKET: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


def mend(text: str | bytes) -> bytes:
    """Return `text` as strict JSON; numbers out of range become null, lone surrogates `?`.

    Raises ValueError for what is not JSON at all, RecursionError for what is nested too deeply: see
    `shallow`.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if len(text) > _MAX_CHARS:
        raise ValueError("too long to be mended")
    document = json.loads(
        text.removeprefix("\ufeff"),
        strict=False,
        parse_int=_whole,
        parse_float=_finite,
        parse_constant=_nothing,
    )
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def shallow(text: str | bytes) -> bytes:
    """Return JSON without what is nested so deeply that parsers refuse it: it becomes null.

    Raises ValueError for what is too long.
    """
    if len(text) > _MAX_CHARS:
        raise ValueError("too long to be mended")
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogatepass")
    pieces: list[bytes] = []
    depth = start = 0
    for found in _TEXT_OR_BRACKET.finditer(text):
        mark = found[0]
        if mark in (b"{", b"["):
            depth += 1
            if depth == _MAX_DEPTH:
                pieces.append(text[start : found.start()])
                start = len(text)  # what is never closed is left out to the end
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == _MAX_DEPTH - 1:
                pieces.append(b"null")
                start = found.end()
    return b"".join((*pieces, text[start:]))


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MAX_DIGITS else None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if abs(number) < float("inf") else None


def _nothing(_word: str) -> None:
    """Read NaN and Infinity, which JSON does not have, as null."""
