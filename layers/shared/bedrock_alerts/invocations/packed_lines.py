"""Stores any number of log lines until a whole object has been read."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, overload

from isal import isal_zlib

from bedrock_alerts.errors import BatchError

_BLOCK_BYTES: Final = 1024 * 1024
# Event lines shrink to about a tenth. This limit fits into a function of 256 MB.
MOST_PACKED_BYTES: Final = 48 * 1024 * 1024


class PackedLines(Sequence[bytes]):
    """Lines without line breaks, in order; beyond the last megabyte they are compressed."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._lines: list[bytes] = []
        self._packed_bytes = self._bytes = self._packed_lines = 0

    def extend(self, lines: Iterable[bytes]) -> None:
        """Add lines. Raises BatchError if they no longer fit into memory."""
        for line in lines:
            self._lines.append(line)
            self._bytes += len(line)
            if self._bytes >= _BLOCK_BYTES:
                self._pack()

    def _pack(self) -> None:
        block = isal_zlib.compress(b"\n".join(self._lines), 1)
        self._packed_bytes += len(block)
        if self._packed_bytes > MOST_PACKED_BYTES:
            raise BatchError("its event lines do not fit into memory")
        self._blocks.append(block)
        self._packed_lines += len(self._lines)
        self._lines, self._bytes = [], 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            yield from isal_zlib.decompress(block).split(b"\n")
        yield from self._lines

    def __len__(self) -> int:
        return self._packed_lines + len(self._lines)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        """Unpacks everything: for few lines only."""
        return tuple(self)[index]
