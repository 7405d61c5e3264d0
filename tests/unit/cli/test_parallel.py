"""Ctrl-C is answered by the process that it is meant for, whenever it is pressed."""

import signal
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
