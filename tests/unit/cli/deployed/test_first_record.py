"""After a deployment the terminal waits until a call is counted, and says so."""

from typing import Any

import pytest

from bedrock_alerts_cli.deployed.first_record import has_record, saw_first_record
from tests.support.account_in_memory import DENIED, AccountInMemory

COUNTED = '{"_aws":{"Timestamp":1},"Invocations":1,"RecordsReceived":1}'


class Time:
    """A clock that moves when someone waits."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.naps = 0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.naps += 1


def waited(answer: Any, patience: float = 600.0) -> tuple[bool, Time, AccountInMemory]:
    account, time = AccountInMemory(), Time()
    account.answers["FilterLogEvents"] = answer(time) if callable(answer) else answer
    return saw_first_record(account.stack, patience, time, time.sleep), time, account


def after(naps: int) -> Any:
    def answers(time: Time) -> Any:
        return lambda **_: {"events": [{"message": COUNTED}] if time.naps >= naps else []}

    return answers


def test_a_record_that_comes_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    found, time, account = waited(after(naps=26))
    assert found
    assert time.naps == 26
    assert "✓ First record after 2 min.\n" in capsys.readouterr().out
    (asked, *_) = [given for name, given in account.asked if name == "FilterLogEvents"]
    assert asked["logGroupName"] == "/aws/lambda/bedrock-alerts-collect-logs"
    assert asked["startTime"] == 1_800_000_000_000


def test_no_record_ends_the_wait(capsys: pytest.CaptureFixture[str]) -> None:
    found, time, _ = waited({"events": []}, patience=60.0)
    assert not found
    assert time.naps == 12
    assert "Ctrl-C ends the wait, and changes nothing" in capsys.readouterr().out


def test_a_line_that_is_not_a_call_is_no_record() -> None:
    skipped = '{"_aws":{"Timestamp":1},"RecordsSkipped":1,"RecordsReceived":1}'
    found, *_ = waited({"events": [{"message": skipped}]}, patience=60.0)
    assert not found


def test_the_log_group_is_the_one_of_the_stack() -> None:
    account = AccountInMemory()
    account.resources["CollectLogsLogGroup"] = "/aws/lambda/shortened"
    account.answers["FilterLogEvents"] = {"events": [{"message": COUNTED}]}
    assert has_record(account.stack, 0.0)
    assert account.asked[-1][1]["logGroupName"] == "/aws/lambda/shortened"


def test_a_log_that_cannot_be_read_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    found, time, _ = waited(DENIED)
    assert not found
    assert time.naps == 0
    assert "the collector's log: AWS refused FilterLogEvents" in capsys.readouterr().out
