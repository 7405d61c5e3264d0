"""`bedrock-alerts render`: every event in every channel's words, and nothing else on stdout."""

import json
from typing import Any, get_args

import pytest
from click.testing import CliRunner, Result

from bedrock_alerts.alerts.channels.slack import render as slack
from bedrock_alerts.alerts.model import ChannelKind, Reason
from bedrock_alerts_cli.commands.render import RENDERERS, render
from bedrock_alerts_cli.user_errors import InputError
from tests.support.events import ROUTE_EVENTS, alert_of, sample_body

SAMPLES = sorted(path.stem for path in ROUTE_EVENTS.glob("*.json"))
NOTES = {"timer", "heartbeat"}


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(render, arguments, input=given, catch_exceptions=False)


def sample(name: str) -> str:
    return str(ROUTE_EVENTS / f"{name}.json")


def test_every_channel_has_a_renderer() -> None:
    assert set(RENDERERS) == set(get_args(ChannelKind))


@pytest.mark.parametrize("channel", RENDERERS)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_rendered_for_every_channel(name: str, channel: str) -> None:
    if name in NOTES:  # nothing rendered is no success
        with pytest.raises(InputError, match="no event that people are notified of"):
            run(sample(name), "--channel", channel, "--json")
        return
    result = run(sample(name), "--channel", channel, "--json")
    lines = result.stdout.splitlines()
    messages = json.loads((ROUTE_EVENTS / f"{name}.json").read_text())["Records"]
    assert result.exit_code == 0
    assert len(lines) == len(messages)
    assert all(json.loads(line) for line in lines)


def test_the_message_is_the_very_one_that_is_sent() -> None:
    result = run(sample("throttling"), "--channel", "slack", "--json")
    assert json.loads(result.stdout) == slack.render(alert_of(sample_body("throttling")))


def test_an_email_reads_as_one() -> None:
    result = run(sample("throttling"), "--channel", "email")
    assert result.stdout.startswith(
        "Subject: [Warning] 12 Bedrock calls throttled in 1 min - 111122223333 eu-west-1\n\n"
        "Warning: 12 Bedrock calls throttled in 1 min · 111122223333 eu-west-1\n"
    )


def test_a_payload_is_shown_so_that_it_can_be_read() -> None:
    result = run(sample("throttling"), "--channel", "teams")
    assert result.stdout.startswith('{\n  "')
    assert "·" in result.stdout


def test_an_event_is_read_from_standard_input() -> None:
    result = run("-", "--channel", "email", given=sample_body("throttling_sns"))
    assert "bedrock-alerts.Throttling" in result.stdout


@pytest.mark.parametrize("reason", get_args(Reason))
def test_an_alarm_is_written_for_any_reason(reason: str) -> None:
    arguments = (
        sample("throttling"),
        "--channel",
        "webhook",
        "--reason",
        reason,
        "--json",
    )
    message: dict[str, Any] = json.loads(run(*arguments).stdout)
    assert message["data"]["kind"] == reason


def test_a_reminder_and_a_recovery_say_how_long() -> None:
    for name, reason, words in (
        ("throttling", "still_firing", "Still firing after 2 h (warning)"),
        ("resolved", "resolved", "Back to normal after 14 min."),
    ):
        result = run(sample(name), "--channel", "email", "--reason", reason)
        assert words in result.stdout


def test_what_has_no_life_is_told_plainly_whatever_is_asked_for() -> None:
    arguments = ("--channel", "webhook", "--reason", "still_firing", "--json")
    message: dict[str, Any] = json.loads(run(sample("logging_deleted"), *arguments).stdout)
    assert message["data"]["kind"] == "notice"


def test_what_is_no_json_is_bad_input() -> None:
    with pytest.raises(InputError, match="<stdin> is not valid JSON"):
        run("-", "--channel", "email", given="ALARM")


@pytest.mark.parametrize(
    "arguments", [(), ("--channel", "pigeon"), ("--channel", "email", "--reason", "rumour")]
)
def test_bad_usage_is_said(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(render, ("-", *arguments), input="{}")
    assert result.exit_code == 2
