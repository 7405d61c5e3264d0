"""Reads JSON into typed structs, although values may have unexpected types.

A parser that checks types while it reads is the fastest, but refuses the whole text for one
unexpected value. Only then is the text read here, value by value: a value of another type counts as
absent, and only that one. The result needs no more type checks.

Half an emoji, NaN, a number of 5,000 digits or a byte that is not UTF-8 may occur anywhere in the
text of a user or a model. `mend` turns what only the standard library reads into strict JSON: every
text can be encoded, every number is finite.
"""

import json
import re
from functools import cache
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import inspect

from bedrock_alerts.text import clean

T = TypeVar("T")

_MAX_DIGITS: Final = 12
# Within the range of the parser's integers, far above every real count and time.
_MOST_DIGITS: Final = 20
# Building objects takes many times the text's size. Genuine records are at most 1 MB, and batches
# of them rarely need repair, so more than this is refused.
_MAX_CHARS: Final = 8 * 1024 * 1024
# No value of a record that is read is half as deep, and every parser supports this depth.
_MAX_DEPTH: Final = 100
# A string takes one attempt, even if unterminated: possessive, so without backtracking.
_TEXT_OR_BRACKET: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text: Final = msgspec.json.Decoder(str).decode
_number: Final = msgspec.json.Decoder(int | float | str).decode
_null: Final = msgspec.json.Decoder(None).decode
_anything: Final = msgspec.json.Decoder().decode


class Reader(Generic[T]):
    """Reads JSON as a `kind`, a struct or a union of types."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._decode = msgspec.json.Decoder(kind).decode

    def read(self, text: str | bytes) -> T | None:
        """Return the value of `text` without parts of other types; None if nothing is left.

        Texts that are too long are cut, and numbers written as text are read as numbers. Values
        nested deeper than ours are not read. Raises ValueError for what is not JSON.
        """
        try:
            found: T = self._decode(text)
        except ValueError:  # all of msgspec's errors are
            return self._read_patiently(text)
        except RecursionError:
            return self.read(shallow(text))
        return found

    def _read_patiently(self, text: str | bytes) -> T | None:
        shape = _shape(self._kind)
        try:
            found = _fitting(text, shape)
        except ValueError:
            found = msgspec.UNSET
        except RecursionError:
            return self._read_patiently(shallow(text))
        if found is msgspec.UNSET:
            try:
                found = _fitting(mend(text), shape)
            except RecursionError:
                return self._read_patiently(shallow(text))
        return None if found is msgspec.UNSET else found


@cache  # type annotations; read at the first unexpected value, to keep cold starts short
def _shape(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


@cache
def _decoder(kind: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _fitting(text: Any, shape: inspect.Type) -> Any:
    """Return the value as the first type that it fits, UNSET if it fits none."""
    for option in shape.types if isinstance(shape, inspect.UnionType) else (shape,):
        try:
            value = _value(text, option)
        except msgspec.ValidationError:
            continue
        if value is not msgspec.UNSET:
            return value
    return msgspec.UNSET


def _value(text: Any, shape: inspect.Type) -> Any:
    """Return the value as this type; raises ValidationError or returns UNSET if it does not fit."""
    match shape:
        case inspect.StructType():
            return _object(text, shape)
        case inspect.ListType():
            values = [_fitting(item, shape.item_type) for item in _items(text)]
            return [value for value in values if value is not msgspec.UNSET]
        case inspect.StrType():
            found = _text(text)
            return found if shape.max_length is None else clean(found, shape.max_length)
        case inspect.IntType():
            return _count(_number(text), shape.le)
        case inspect.NoneType():
            return _null(text)
    return text if isinstance(shape, inspect.RawType) else _anything(text)


def _object(text: Any, shape: inspect.StructType) -> Any:
    try:
        return _decoder(shape.cls).decode(text)
    except msgspec.ValidationError:
        members = _members(text)
    fitting = {
        field.name: _fitting(members[field.encode_name], field.type)
        for field in shape.fields
        if field.encode_name in members
    }
    return shape.cls(
        **{name: value for name, value in fitting.items() if value is not msgspec.UNSET}
    )


def _count(value: float | str, most: int | None) -> Any:
    """Return a plausible count: whole, not negative, bounded; UNSET for anything else."""
    if isinstance(value, str):
        is_number = value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS
        return int(value) if is_number else msgspec.UNSET
    return int(value) if value >= 0 and (most is None or value <= most) else msgspec.UNSET


def mend(text: str | bytes) -> bytes:
    """Return `text` as strict JSON; numbers out of range become null, lone surrogates `?`.

    Raises ValueError if it is not JSON, RecursionError if it is nested too deeply: see `shallow`.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if len(text) > _MAX_CHARS:
        raise ValueError("too long to be repaired")
    document = json.loads(
        text.removeprefix("\ufeff"),
        strict=False,
        parse_int=_whole,
        parse_float=_finite,
        parse_constant=_nothing,
    )
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def shallow(text: str | bytes) -> bytes:
    """Return JSON with null for values that are nested too deeply for parsers.

    Raises ValueError for a text that is too long.
    """
    if len(text) > _MAX_CHARS:
        raise ValueError("too long to be repaired")
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
                start = len(text)  # an unclosed value is left out to the end
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == _MAX_DEPTH - 1:
                pieces.append(b"null")
                start = found.end()
    return b"".join((*pieces, text[start:]))


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MOST_DIGITS else None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if abs(number) < float("inf") else None


def _nothing(_word: str) -> None:
    """Read NaN and Infinity, which JSON does not have, as null."""
