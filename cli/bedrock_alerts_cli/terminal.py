"""Terminal output of commands: tables, a progress bar, and a quiet end if the reader stops."""

import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import click
import msgspec

from bedrock_alerts_cli.log_files import Sources
from bedrock_alerts_cli.short_figures import RULE, shortened
from bedrock_alerts_cli.user_errors import OutputError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, TaskID

PATIENCE_SECONDS: Final = 0.7
"""Delay before a progress bar appears, in seconds."""

_GAP: Final = 2
_LEAST: Final = 4
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)

Row: TypeAlias = tuple[str, ...]
_T = TypeVar("_T")


def moment(seconds: float) -> str:
    """Return seconds since 1970 as `2026-03-02 10:15:00`, UTC, within the years 1 to 9999."""
    try:
        found = _EPOCH + timedelta(seconds=int(seconds))
    except OverflowError:
        found = _FIRST if seconds < 0 else _LAST
    return found.isoformat(" ")[:19]


def write(text: bytes | str) -> None:
    """Write to standard output at once; characters outside its encoding become question marks."""
    if isinstance(text, str):
        text = text.encode(sys.stdout.encoding or "utf-8", "replace")
    stream = click.get_binary_stream("stdout")
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"the output cannot be written: {error.strerror}") from error


@contextmanager
def until_cut_off() -> Iterator[None]:
    """Continue until the reader of the output stops, as in `| head`, which is not an error."""
    try:
        yield
    except BrokenPipeError:
        _forget_output()
    except OutputError:
        _forget_output()
        raise


def _forget_output() -> None:
    # The interpreter flushes again when it exits, and would report an error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def watched(items: Iterable[_T], sources: Sources, *, shown: bool) -> Generator[_T, None, None]:
    """Yield `items`, with a progress bar on standard error if `shown`, on a terminal, and slow."""
    if not shown:
        yield from items
        return

    def start() -> "tuple[Progress, TaskID]":
        # ruff: noqa: PLC0415 - rich takes as long to load as most files take to read
        from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn

        columns = (
            BarColumn(),
            DownloadColumn(binary_units=True),
            TimeRemainingColumn(compact=True),
        )
        return started_bar(columns, "reading", sources.total_bytes(), sources.bytes_read)

    yield from barred(items, start, lambda: sources.bytes_read)


def barred(
    items: Iterable[_T], start: "Callable[[], tuple[Progress, TaskID]]", done: Callable[[], int]
) -> Iterator[_T]:
    """Yield `items`; on a terminal, `start` starts a bar if they take long, and `done` moves it."""
    if not sys.stderr.isatty():
        yield from items
        return
    started = time.monotonic()
    bar: tuple[Progress, TaskID] | None = None
    try:
        for item in items:
            if bar is not None:
                bar[0].update(bar[1], completed=done())
            elif time.monotonic() - started >= PATIENCE_SECONDS:
                bar = start()
            yield item
    finally:
        if bar is not None:
            bar[0].stop()


def started_bar(
    columns: "tuple[ProgressColumn, ...]", about: str, total: int | None, completed: int
) -> "tuple[Progress, TaskID]":
    """Start a bar on standard error with these columns, and return it with its task."""
    from rich.console import Console
    from rich.progress import Progress

    progress = Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=False
    )
    task = progress.add_task(about, total=total, completed=completed)
    progress.start()
    return progress, task


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a table.

    `least` is the minimum width on a small terminal (0: not narrowed). Before that, columns are
    left out, the one with the lowest `rank` first (0: never). Text that is too long is cut, or
    continued below if it `wraps`. Times (`is_whole`) and figures, which are to the right, are never
    cut: where there is no room, figures are rounded. `style` gives rich's style for a cell's text.
    """

    title: str
    is_right: bool = False
    least: int = 0
    rank: int = 0
    wraps: bool = False
    is_whole: bool = False
    style: Callable[[str], str] = lambda _: ""


class Table:
    """A table that is printed as it grows: colored on a terminal, plain anywhere else.

    The first `hold` rows are printed together, so that they share their widths; later rows may
    widen a column, never narrow it.
    """

    def __init__(self, columns: Sequence[Column], *, hold: int = 0) -> None:
        self._columns = columns
        self._widths = [len(column.title) for column in columns]
        self._short_widths = list(self._widths)
        self._is_short = False
        self._hold = hold
        self._held: list[Row] = []
        self._shown: list[int] = []
        self._console = _console() if sys.stdout.isatty() else None

    def add(self, rows: Sequence[Row]) -> None:
        """Print more rows; the first ones include the titles."""
        self._held += rows
        if len(self._held) >= self._hold:
            self._hold = 0
            self.finish()

    def finish(self) -> None:
        """Print the rows that are still buffered."""
        rows, self._held = self._held, []
        if not rows:
            return
        is_first = not self._shown
        self._widths = _widest(self._widths, rows)
        if self._console is None:
            self._shown = list(range(len(self._columns)))
            titles = (tuple(column.title for column in self._columns),) if is_first else ()
            write("".join(self._line(row) for row in (*titles, *rows)))
        else:
            if is_first:
                self._shown = _shown(self._columns, self._widths, self._console.width)
                self._say_what_is_left_out()
            self._print(self._console, rows, is_first=is_first)

    def _with_short_figures(self, rows: Sequence[Row]) -> list[Row]:
        if not self._is_short:
            self._is_short = True
            click.secho(f"{RULE} (exact: a wider terminal or --json)", dim=True, err=True)
        return [
            tuple(
                shortened(cell) if column.is_right else cell
                for cell, column in zip(row, self._columns, strict=True)
            )
            for row in rows
        ]

    def _say_what_is_left_out(self) -> None:
        left_out = [
            column.title for place, column in enumerate(self._columns) if place not in self._shown
        ]
        if left_out:
            text = f"columns left out (see a wider terminal or --json): {', '.join(left_out)}"
            click.secho(text, dim=True, err=True)

    def _line(self, row: Row) -> str:
        cells = (
            cell.rjust(width) if column.is_right else cell.ljust(width)
            for cell, width, column in zip(row, self._widths, self._columns, strict=True)
        )
        return (" " * _GAP).join(cells).rstrip() + "\n"

    def _print(self, console: "Console", rows: Sequence[Row], *, is_first: bool) -> None:
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(
            box=None,
            pad_edge=False,
            padding=(0, _GAP, 0, 0),
            header_style="bold",
            show_header=is_first,
        )
        columns = [self._columns[place] for place in self._shown]
        widths = self._widths
        if not _fits(columns, [widths[place] for place in self._shown], console.width):
            rows = self._with_short_figures(rows)
            self._short_widths = widths = _widest(self._short_widths, rows)
        widths = _fitted(columns, [widths[place] for place in self._shown], console.width)
        for column, width in zip(columns, widths, strict=True):
            table.add_column(
                Text(column.title),
                justify="right" if column.is_right else "left",
                width=width,
                no_wrap=not column.wraps,
                overflow="fold" if column.wraps else "ellipsis",
            )
        for row in rows:
            # As `Text`, a cell is never read as markup.
            table.add_row(
                *(
                    Text(row[place], style=self._columns[place].style(row[place]))
                    for place in self._shown
                )
            )
        # If even the figures do not fit, the terminal continues them below.
        room, least = console.width, sum(widths) + _GAP * len(widths)
        console.width = max(room, least)
        console.print(table)
        console.width = room


def _console() -> "Console":
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False)


def _widest(widths: Sequence[int], rows: Sequence[Row]) -> list[int]:
    """Return the widths that these rows need too."""
    return [max(width, *(len(row[place]) for row in rows)) for place, width in enumerate(widths)]


def _fits(columns: Sequence[Column], widths: Sequence[int], room: int) -> bool:
    """Whether columns fit, if those that may be narrowed are."""
    least = [
        min(column.least or width, width) for column, width in zip(columns, widths, strict=True)
    ]
    return sum(least) + _GAP * len(columns) <= room


def _shown(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Return the columns that fit."""
    shown = list(range(len(columns)))
    for place in sorted(shown, key=lambda place: columns[place].rank):
        if _fits([columns[i] for i in shown], [widths[i] for i in shown], room):
            break
        if columns[place].rank:
            shown.remove(place)
    return shown


def _fitted(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Narrow the widest column that may be narrowed, until all fit.

    First down to their least width, then further, then also the others; never figures.
    """
    both = list(zip(columns, widths, strict=True))
    fitted = list(widths)
    for floors in (
        [column.least or width for column, width in both],
        [_LEAST if column.least else width for column, width in both],
        [width if column.is_right or column.is_whole else _LEAST for column, width in both],
    ):
        while sum(fitted) + _GAP * len(fitted) > room:
            cuttable = [place for place, floor in enumerate(floors) if fitted[place] > floor]
            if not cuttable:
                break
            fitted[max(cuttable, key=fitted.__getitem__)] -= 1
    return fitted
