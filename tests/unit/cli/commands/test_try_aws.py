"""`try-aws` says what it will do before it does anything, and what it prints is not private."""

import json
import signal
import sys
from typing import Any, Final

import boto3
import pytest

from bedrock_alerts_cli.commands import try_aws as module
from bedrock_alerts_cli.deployed.aws_trial import Checked
from bedrock_alerts_cli.main import main
from bedrock_alerts_cli.user_errors import CommandError

ACCOUNT: Final = "111122223333"


class Session:
    """boto3's, of an account in which nothing is made."""

    region_name = "eu-west-1"
    asked: Final[list[str]] = []

    def __init__(self, region_name: str | None = None) -> None:
        self.region_name = region_name or self.region_name

    def client(self, _service: str, **_settings: Any) -> "Session":
        return self

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        if name != "get_caller_identity":
            raise CommandError(f"{name} is not allowed")
        return lambda: {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/alex"}


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "Session", Session)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    Session.asked.clear()


def ran(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bedrock-alerts", "try-aws", *words])
    return main()


def test_a_dry_run_says_account_region_what_is_made_and_the_cost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(monkeypatch, "--email", "you@example.com", "--dry-run", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["is_dry_run"]
    for part in (ACCOUNT, "eu-west-1", "bedrock-alerts-trial-", "guardrail", "invocation logging",
                 "US cents", "then delete it all"):  # fmt: skip
        assert part in said.err
    assert Session.asked == ["get_caller_identity"]


def test_someone_has_to_be_notified(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ran(monkeypatch, "--yes") == 2


def test_without_a_terminal_and_yes_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert ran(monkeypatch, "--email", "you@example.com") == 2
    assert Session.asked == ["get_caller_identity"]


def test_a_trial_whose_checks_fail_deploys_nothing_and_prints_no_account(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [Checked("Credentials", f"account {ACCOUNT}", "ask you@example.com")]
    monkeypatch.setattr(module, "checks", lambda *_: found)
    monkeypatch.setattr(module, "run_sam_aside", lambda *_, **__: pytest.fail("deployed"))
    assert ran(monkeypatch, "--email", "you@example.com", "--yes") == 1
    out = capsys.readouterr().out
    assert "✗ Credentials: account 1111…3333" in out
    assert "nothing was made" in out
    assert ACCOUNT not in out
    assert "you@" not in out


def test_the_stack_is_built_and_deployed_with_the_channels_that_were_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[tuple[str, ...]] = []

    def sam(*words: str, **_: Any) -> None:
        called.append(words)
        if words[0] == "deploy":
            raise CommandError("`sam deploy` failed; what to do is above")

    monkeypatch.setattr(module, "checks", lambda *_: [])
    monkeypatch.setattr(module, "run_sam_aside", sam)
    monkeypatch.setattr(
        "bedrock_alerts_cli.deployed.trial_cleanup.TrialStack.look_before", lambda _: None
    )
    monkeypatch.setattr(
        "bedrock_alerts_cli.deployed.trial_cleanup.TrialStack.deletions", lambda _: iter(())
    )
    assert ran(monkeypatch, "--email", "you@example.com", "--yes", "--json") == 1
    assert [words[0] for words in called] == ["build", "deploy"]
    assert 'AlertEmail="you@example.com"' in called[1]
    assert 'AlarmSet="all"' in called[1]
    document = json.loads(capsys.readouterr().out)
    assert [step["result"] for step in document["steps"]] == ["ok", "failed", "ok"]
