"""A sample event has the present time, and the function that it is for takes it."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from bedrock_alerts.adapters.slack_signature import signed_body
from bedrock_alerts.alerts.button_presses import read_answers
from bedrock_alerts.alerts.normalise import normalise
from bedrock_alerts_cli.commands.generate_event import generate_event
from functions.collect_logs import handler as collect_logs
from tests.support.apps import built_anew


def run(*arguments: str) -> str:
    result = CliRunner().invoke(generate_event, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def event_of(*arguments: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(run(*arguments))
    return event


@pytest.mark.parametrize(
    "function",
    ["collect-logs", "collect-objects", "collect-stream", "configure-logging", "deliver", "route"],
)
def test_every_function_has_events_and_each_is_json(function: str) -> None:
    names = run(function, "--list").split()
    assert names
    for name in names:
        assert isinstance(event_of(function, name), dict)


def test_the_calls_of_a_generated_batch_are_counted_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_NAMESPACE", "BedrockAlerts")
    with built_anew(collect_logs):
        answer = collect_logs.handler(event_of("collect-logs"), None)
    assert answer["processed"] == 12
    assert answer["skipped"] == 0


def test_a_generated_alarm_is_read_as_one() -> None:
    (record,) = event_of("route")["Records"]
    (event,) = normalise(record["body"])
    assert type(event).__name__ == "StateChange"


def test_a_generated_press_is_signed_with_the_secret_that_is_given() -> None:
    event = event_of("slack-button", "--signing-secret", "invented")
    (answer,) = read_answers(signed_body(event, "invented"))
    assert answer.kind == "acknowledge"


def test_an_event_that_does_not_exist_is_refused_with_those_that_do() -> None:
    result = CliRunner().invoke(generate_event, ["route", "nothing"])
    assert result.exit_code == 2
    assert "throttling" in result.output
