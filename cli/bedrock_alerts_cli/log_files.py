"""The logs that a command was given, in any known form, as blocks of lines."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from bedrock_alerts.text import clean
from bedrock_alerts_cli.logs import log_blocks
from bedrock_alerts_cli.logs.known_forms import KNOWN_FORMS, nothing_read
from bedrock_alerts_cli.logs.log_blocks import Block
from bedrock_alerts_cli.logs.log_entries import Entry, Line
from bedrock_alerts_cli.logs.log_folders import files_below
from bedrock_alerts_cli.logs.log_splitting import blocks
from bedrock_alerts_cli.logs.log_text import plain_text
from bedrock_alerts_cli.user_errors import InputError

__all__ = ["KNOWN_FORMS", "STDIN", "Block", "Entry", "Line", "Sources", "nothing_read"]

STDIN: Final = "-"


class Sources:
    """The files, folders and standard input of a command, in order.

    `note` receives a sentence on each deliberate omission. `bytes_read` grows as blocks are taken,
    and counts what is on disk: compressed bytes where a file is compressed. `lines` is the number
    of lines and values that `entries` has returned.
    """

    def __init__(self, paths: Sequence[str], note: Callable[[str], None]) -> None:
        self._paths = paths
        self._note = note
        self.bytes_read = self.lines = 0

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
                yield from blocks("stdin", plain_text("stdin", self._chunks(read)))
                continue
            name = clean(str(path), 4096)
            with _told_as_input_error(name), path.open("rb", buffering=0) as file:
                yield from blocks(name, plain_text(name, self._chunks(file.read)))

    def entries(self) -> Iterator[Entry]:
        """Like `blocks`, line by line."""
        for block in self.blocks():
            for entry in block.entries():
                self.lines += 1
                yield entry

    def _chunks(self, read: Callable[[int], bytes]) -> Iterator[bytes]:
        while chunk := read(log_blocks.BLOCK_BYTES):
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
            yield from files_below(path, note)
        else:
            yield Path(path)
