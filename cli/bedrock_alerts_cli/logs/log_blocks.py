"""Blocks of about a megabyte: consecutive lines, or values, of one file."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from bedrock_alerts.invocations.invocation import Rejected
from bedrock_alerts_cli.logs.log_entries import Entry, entries

BLOCK_BYTES: Final = 1024 * 1024


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
                yield from entries(text, self._where(number))

    def _where(self, number: int) -> str:
        return f"{self.name}{self.label}{number}" if self.label else self.name


def grouped(name: str, label: str, values: Iterable[bytes | msgspec.Raw]) -> Iterator[Block]:
    """Yield blocks of values, numbered from 1."""
    group: list[bytes] = []
    size, first = 0, 1
    for number, value in enumerate(values, 1):
        group.append(bytes(value))
        size += len(group[-1])
        if size >= BLOCK_BYTES:
            yield Block(name=name, label=label, first=first, content=tuple(group))
            group, size, first = [], 0, number + 1
    if group:
        yield Block(name=name, label=label, first=first, content=tuple(group))


def sliced(text: bytes) -> Iterator[bytes]:
    """Yield a text in pieces of a block's size."""
    for start in range(0, len(text), BLOCK_BYTES):
        yield text[start : start + BLOCK_BYTES]
