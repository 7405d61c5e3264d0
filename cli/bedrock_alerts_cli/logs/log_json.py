"""JSON that may be damaged, concatenated, or nested more deeply than parsers allow.

How deep a parser goes depends on the version of Python. Values are therefore found by their
brackets, without recursion: a value that no parser can read costs only itself.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

# No value that is read is half as deep, and every parser supports this depth.
_MAX_DEPTH: Final = 100
_MAX_DIGITS: Final = 20
# A string takes one attempt, even if unterminated: possessive, so without backtracking.
_TEXT_OR_BRACKET: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_NAME_OR_NUMBER: Final = re.compile(rb'[^,\[\]{}"]++')
# Between values; also the brackets of arrays, but not those of a row of a query's results.
_BETWEEN: Final = re.compile(rb'(?:[\s,\]]|\[(?!\s*\{\s*"(?:field|value)"))*+')


def values(text: bytes) -> Iterator[bytes]:
    """Yield the values of arrays, or of concatenated documents, as far as brackets go.

    If the last one does not end, it is all of the rest.
    """
    place = 0
    while True:
        between = _BETWEEN.match(text, place)
        place = place if between is None else between.end()
        if place == len(text):
            return
        end = _end(text, place)
        yield text[place:end].rstrip()
        place = end


def _end(text: bytes, start: int) -> int:
    """Return where the value that begins at `start` ends."""
    if plain := _NAME_OR_NUMBER.match(text, start):
        return plain.end()
    depth = 0
    for found in _TEXT_OR_BRACKET.finditer(text, start):
        depth += _step(text[found.start()])
        if depth <= 0:
            return found.end()
    return len(text)


def without_depth(text: bytes) -> bytes:
    """Return JSON with null for values that are nested too deeply for parsers."""
    pieces: list[bytes] = []
    depth = start = 0
    for found in _TEXT_OR_BRACKET.finditer(text):
        step = _step(text[found.start()])
        depth += step
        if step > 0 and depth == _MAX_DEPTH:
            pieces.append(text[start : found.start()])
            start = len(text)  # an unclosed value is left out to the end
        elif step < 0 and depth == _MAX_DEPTH - 1:
            pieces.append(b"null")
            start = found.end()
    return b"".join((*pieces, text[start:]))


def _step(mark: int) -> int:
    if mark in b"[{":
        return 1
    return -1 if mark in b"]}" else 0


def is_json(text: bytes | bytearray) -> bool:
    """Whether a text is one JSON value, however deep."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return loaded(bytes(text)) is not None
    return True


def loaded(text: bytes) -> Any:
    """Return the JSON value without what is nested too deeply; None if there is none, or null."""
    try:
        return _loaded(text)
    except RecursionError:
        return _loaded(without_depth(text))


def _loaded(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # the standard library is less strict, and so is the collector
    try:
        return json.loads(text.decode("utf-8", "replace"), strict=False, parse_int=_number)
    except ValueError:
        return None


def _number(digits: str) -> float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def encoded(value: Any) -> bytes:
    """Return a loaded value as JSON; it may contain half an emoji."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value).encode()
    except RecursionError:  # loaded at the limit of the parser
        return b"null"
