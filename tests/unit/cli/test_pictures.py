"""The README's pictures show what the senders really send, and say so when they cannot be taken."""

import json
import shutil
from pathlib import Path

import pytest

from bedrock_alerts_cli.fake_slack.blocks import payload_problem
from bedrock_alerts_cli.maintain.pictures import IMAGES, PICTURES, alarm, life, photograph, storm
from bedrock_alerts_cli.user_errors import CommandError


def test_an_alarm_is_shown_with_evidence_and_buttons() -> None:
    (message,) = alarm().messages()
    assert message.payload["text"].startswith("Critical: 14 prompt attacks blocked in 20 min · ")
    assert "chat-backend 9, batch-summaries 4, ci 1" in json.dumps(message.payload)
    assert "acknowledge:" in json.dumps(message.payload)


def test_an_alarm_that_is_over_is_shown_in_its_place_with_its_story() -> None:
    message, *thread = life().messages()
    assert message.edited
    assert message.payload["text"].startswith("Resolved: PromptAttack lasted 14 min")
    said = ["".join(reply.payload["text"].split("*")[1:2]) for reply in thread]
    assert [text.partition(":")[0] for text in said] == ["", "Acknowledged by Alex Doe", "Resolved"]
    assert {reply.thread_ts for reply in thread} == {message.ts}


def test_a_storm_is_one_message() -> None:
    (message,) = storm().messages()
    assert "7 alerts" in message.payload["text"]


@pytest.mark.parametrize("name", PICTURES)
def test_slack_would_take_what_is_shown(name: str) -> None:
    for message in PICTURES[name]().messages():
        assert payload_problem(dict(message.payload)) is None


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_there_and_in_the_readme(name: str) -> None:
    path = IMAGES / f"slack-{name}.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert f"docs/images/{path.name}" in (IMAGES.parents[1] / "README.md").read_text()


def test_without_a_browser_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(CommandError, match="Chromium"):
        photograph(storm(), tmp_path / "x.png")


@pytest.mark.parametrize(
    ("script", "complaint"),
    [("echo cannot start >&2; exit 3", "cannot start"), ("echo '<html></html>'", "measured")],
)
def test_a_browser_that_fails_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, complaint: str
) -> None:
    browser = tmp_path / "chromium"
    browser.write_text(f"#!/bin/sh\n{script}\n")
    browser.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(CommandError, match=complaint):
        photograph(storm(), tmp_path / "x.png")
