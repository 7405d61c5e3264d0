"""A bar on standard error for work whose number of steps is known."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from bedrock_alerts_cli.terminal import PATIENCE_SECONDS

_T = TypeVar("_T")


def with_bar(items: Iterable[tuple[int, _T]], total: int | None, about: str) -> Iterator[_T]:
    """Pass on what comes, with how many steps each is; a bar appears on a terminal if it lasts."""
    if not sys.stderr.isatty():
        yield from (item for _, item in items)
        return
    # ruff: noqa: PLC0415 - rich takes long to load
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
    )
    task = progress.add_task(about, total=total)
    started = time.monotonic()
    is_shown = False
    try:
        for steps, item in items:
            progress.advance(task, steps)
            if not is_shown and time.monotonic() - started >= PATIENCE_SECONDS:
                progress.start()
                is_shown = True
            yield item
    finally:
        if is_shown:
            progress.stop()
