"""A command whose name is mistyped is suggested, as an option is."""

import sys

import pytest

from bedrock_alerts_cli.main import main


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["reprot"], "report"),
        (["routes", "chekc"], "check"),
        (["prices", "shwo"], "show"),
        (["incidents", "clsoe", "Throttling"], "close"),
        (["silence", "ad"], "add"),
    ],
)
def test_a_command_that_was_perhaps_meant_is_named(
    words: list[str],
    meant: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["bedrock-alerts", *words])
    assert main() == 2
    assert f"Did you mean {meant}?" in capsys.readouterr().err


def test_a_word_that_is_like_none_gets_no_suggestion(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bedrock-alerts", "xyzzy"])
    assert main() == 2
    assert "Did you mean" not in capsys.readouterr().err
