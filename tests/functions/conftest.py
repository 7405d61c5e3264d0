"""What the handlers' tests share: AWS at moto, and what the functions write."""

import logging
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_sqs import SQSClient

from tests.support.queues import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("moto.sqs.models.unix_time_millis", clock)
    # By this one it drops what is older than a queue's retention.
    monkeypatch.setattr("moto.sqs.models.unix_time", lambda: clock.seconds)
    return clock


@pytest.fixture
def sqs(clock: Clock) -> Iterator[SQSClient]:
    """Put all of AWS at moto, its queues at our clock."""
    assert clock() > 0
    with mock_aws():
        yield boto3.client("sqs")


class Output:
    """What a function has written to standard output so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    @property
    def text(self) -> str:
        lines = self._capsys.readouterr().out.splitlines(keepends=True)
        # On a later day the price list is old; its own test is in tests/unit/invocations.
        self._text += "".join(line for line in lines if '"event":"prices_old"' not in line)
        return self._text


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Output:
    # A logger keeps the stream it was made with: let the function make a new one.
    for service in ("route", "deliver", "collect-objects", "collect-stream", "configure-logging"):
        logging.Logger.manager.loggerDict.pop(service, None)
    return Output(capsys)
