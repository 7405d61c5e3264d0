"""Runs the same work over many blocks, on all cores if there is enough work."""

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, resource_tracker
from types import ModuleType
from typing import Final, TypeVar

from bedrock_alerts_cli.log_files import Block
from bedrock_alerts_cli.user_errors import CommandError

POOL_AFTER_BYTES: Final = 16 * 1024 * 1024
"""Work done in one process first: starting others takes about as long."""

_MAX_WORKERS: Final = 8  # one process reads for all of them, and can supply this many
_BLOCKS_PER_WORKER: Final = 3

_T = TypeVar("_T")


def in_order(work: Callable[[Block], _T], blocks: Iterator[Block]) -> Iterator[_T]:
    """Yield the result of each block, in order.

    Only a few blocks are read ahead of the results. `work` must be a module's function. Errors of
    `blocks` are raised after the results of all blocks before them.
    """
    done = 0
    workers = min(available_cores(), _MAX_WORKERS)
    for block in blocks:
        yield work(block)
        done += block.size
        if workers > 1 and done >= POOL_AFTER_BYTES:
            yield from _on_all_cores(work, blocks, workers)


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # pragma: no cover - if the system does not report it


def _on_all_cores(
    work: Callable[[Block], _T], blocks: Iterator[Block], workers: int
) -> Iterator[_T]:
    pending: deque[Future[_T]] = deque()
    failure: CommandError | None = None
    pool = _started(workers)
    try:
        while True:
            try:
                block = next(blocks, None)
            except CommandError as error:
                failure = error
                break
            if block is None:
                break
            pending.append(pool.submit(work, block))
            while pending and (pending[0].done() or len(pending) >= workers * _BLOCKS_PER_WORKER):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool as error:
        raise CommandError("a worker process ended, perhaps because memory ran out") from error
    finally:
        pool.shutdown(cancel_futures=True)
    if failure is not None:
        raise failure


def _started(workers: int) -> ProcessPoolExecutor:
    """Start all workers, ignoring Ctrl-C in them: this process handles it.

    A Ctrl-C meanwhile is handled after they have started.
    """
    # It is started with the first worker otherwise, and lets signals through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited by the workers
    program = sys.modules["__main__"]
    # A new process imports the program's main file. That is not needed here, and an installed
    # script would run the whole command again.
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        # Spawned, as a fork of a process with threads (the progress bar's) can hang.
        pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_ignore_interrupts)
        for _ in range(workers):
            pool.submit(_ignore_interrupts)  # a worker is started when there is work for it
    finally:
        sys.modules["__main__"] = program
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pool


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
