"""A bar on standard error for work whose number of steps is known."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from bedrock_alerts_cli.terminal import barred, started_bar

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_T = TypeVar("_T")


def with_bar(items: Iterable[tuple[int, _T]], total: int | None, about: str) -> Iterator[_T]:
    """Pass on what comes, with how many steps each is; a bar appears on a terminal if it lasts."""
    done = 0

    def counted() -> Iterator[_T]:
        nonlocal done
        for steps, item in items:
            done += steps
            yield item

    def start() -> "tuple[Progress, TaskID]":
        # ruff: noqa: PLC0415 - rich takes long to load
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
        )
        return started_bar(columns, about, total, done)

    return barred(counted(), start, lambda: done)
