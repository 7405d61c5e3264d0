"""Ctrl-C is answered by the process that it is meant for, whenever it is pressed."""

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from bedrock_alerts_cli import parallel


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_is_not_lost_while_workers_are_being_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[str] = []

    class Pool:
        def __init__(self, *_: Any, **__: Any) -> None:
            signal.raise_signal(signal.SIGINT)
            started.append("pool")

        def submit(self, *_: Any) -> None:
            started.append("worker")

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", Pool)
    with pytest.raises(KeyboardInterrupt):
        parallel._started(2)  # noqa: SLF001 - the moment cannot be met from outside
    assert started == ["pool", "worker", "worker"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


_MASKS = """
from pathlib import Path
from bedrock_alerts_cli import parallel

if __name__ == "__main__":
    pool = parallel._started(2)
    for pid in pool._processes:
        status = Path(f"/proc/{pid}/status").read_text()
        print(next(line.split()[1] for line in status.splitlines() if line.startswith("SigBlk")))
    pool.shutdown()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads a process's signals from /proc")
def test_a_worker_that_is_still_starting_does_not_hear_ctrl_c() -> None:
    # In a process of its own: what starts with the first worker is still missing there.
    done = subprocess.run(
        [sys.executable, "-c", _MASKS],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    masks = [int(word, 16) for word in done.stdout.split()]
    assert len(masks) == 2
    assert all(mask >> (signal.SIGINT - 1) & 1 for mask in masks)
