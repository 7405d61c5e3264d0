"""`invoke` runs what `sam build` has made, and shows what came of it."""

import json
import platform
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_alerts_cli.commands.invoke import invoke

pytestmark = [
    pytest.mark.build,
    pytest.mark.skipif(
        platform.machine() != "x86_64" or not sys.platform.startswith("linux"),
        reason="the runtime interface emulator is run on x86_64 Linux only",
    ),
]

EVENTS: Final = Path(__file__).resolve().parents[2] / "events"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = invoke.main([*arguments], standalone_mode=False)
    printed = capsys.readouterr()
    return code or 0, printed.out, printed.err


def test_answer_metrics_and_measures_are_shown(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = str(EVENTS / "collect_logs" / "traffic.json")
    where = ("--build-dir", str(built))
    code, out, _ = run(capsys, "collect-logs", "-e", event, "--json", *where)
    document: dict[str, Any] = json.loads(out)
    assert (code, document["error"], document["answer"]["received"]) == (0, False, 12)
    (received,) = (one for one in document["metrics"] if one["metric"] == "RecordsReceived")
    assert received["sum"] == 12
    assert document["duration_ms"] > 0
    assert document["peak_memory_bytes"] > 1_000_000
    assert not any('"_aws"' in line for line in document["log"])
    assert document["refused_calls"] == {}


def test_calls_to_aws_are_refused_and_named(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = str(EVENTS / "route" / "alarm.json")
    code, out, err = run(capsys, "RouteFunction", "-e", event, "--build-dir", str(built))
    assert code == 1
    assert "batchItemFailures" in out
    assert "refused calls to AWS: dynamodb GetItem" in err
    assert err.rstrip().endswith("Give --endpoint-url")


def test_an_error_of_the_function_is_its_answer(
    built: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    event = tmp_path / "event.json"
    event.write_text("{}")
    code, out, _ = run(
        capsys, "collect-logs", "-e", str(event), "--build-dir", str(built), "--json"
    )
    assert code == 1
    assert json.loads(out)["answer"]["errorType"] == "BatchError"


def test_a_variable_can_be_given(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    event = str(EVENTS / "collect_logs" / "traffic.json")
    given = ("--env", "METRICS_NAMESPACE=", "--build-dir", str(built))
    code, out, _ = run(capsys, "collect-logs", "-e", event, "--json", *given)
    assert code == 1
    assert "METRICS_NAMESPACE" in json.loads(out)["answer"]["errorMessage"]
