"""Hours of spend that alarms once did not see, and what is no spend."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from bedrock_alerts_cli.main import main
from tests.records import ACCOUNT, HAIKU, Json, assessment, converse, converse_trace, invoke

Fired: TypeAlias = Callable[..., set[str]]
PROFILE: Final = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:application-inference-profile/k7w2m9q4t1zx"


@pytest.fixture
def fired(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Fired:
    """Play two hours of calls through all alarms, and return those that fired."""

    def play(calls: Iterator[Json], *words: str) -> set[str]:
        log = tmp_path / "calls.ndjson"
        log.write_text("".join(json.dumps(call) + "\n" for call in calls))
        command = ["bedrock-alerts", "backtest", str(log), "--json"]
        command += ["--parameter", "AlarmSet=all", *words]
        monkeypatch.setattr(sys, "argv", command)
        assert main() == 0
        found = json.loads(capfd.readouterr().out)
        return {
            alarm["name"].rpartition(".")[2]
            for alarm in found["alarms"]
            if any(change["to"] == "ALARM" for change in alarm["state_changes"])
        }

    return play


def two_hours(call: Callable[..., Json], **more: Any) -> Iterator[Json]:
    """Call every six seconds in the first of two hours, then every ten minutes."""
    for number in (*range(0, 3600, 6), *range(3600, 7200, 600)):
        stamp = f"2026-03-02T{8 + number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
        yield {**call(**more), "timestamp": stamp, "requestId": f"r{number}"}


def nova() -> Json:
    record = converse(model="amazon.nova-pro-v1:0", tokens=(60_000, 100))
    record["input"]["cacheWriteInputTokenCount"] = 4_000
    return record


def test_an_hour_of_nova_with_cache_writes_is_seen(fired: Fired) -> None:
    assert "SpendHour" in fired(two_hours(nova))


def test_an_hour_through_an_inference_profile_is_seen(fired: Fired, tmp_path: Path) -> None:
    listed = tmp_path / "profiles.json"
    listed.write_text(json.dumps({PROFILE: f"eu.{HAIKU}"}))
    calls = two_hours(converse, model=PROFILE, tokens=(40_000, 200))
    assert "SpendHour" in fired(calls, "--profiles", str(listed))


def test_an_hour_of_guardrails_is_seen_although_the_model_costs_little(fired: Fired) -> None:
    checked = {**assessment(), "invocationMetrics": {"usage": {"contentPolicyUnits": 300}}}
    calls = two_hours(converse, tokens=(10, 10), trace=converse_trace(checked))
    assert "SpendHour" in fired(calls)


def test_an_ordinary_hour_is_not(fired: Fired) -> None:
    assert "SpendHour" not in fired(two_hours(converse, tokens=(1_000, 100)))


def test_filling_a_knowledge_base_is_no_bypass_of_guardrails(fired: Fired) -> None:
    def embed() -> Json:
        body = {"embedding": [0.1], "inputTextTokenCount": 900}
        return invoke(body, model="amazon.titan-embed-text-v2:0", tokens=(900, None))

    assert "GuardrailBypass" not in fired(two_hours(embed))
