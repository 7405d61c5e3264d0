"""`--prices` puts a person's own prices into every command that tells what calls cost."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bedrock_alerts_cli import parallel
from bedrock_alerts_cli.main import main
from tests.records import converse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODEL = "example.model-v1:0"
OWN = {"entries": [{"model": MODEL, "rates": {"input": 250_000, "output": 1_250_000}}]}
CALL = converse(model=MODEL, tokens=(4, 0))


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    log = tmp_path / "calls.ndjson"
    log.write_text(f"{json.dumps(CALL)}\n" * 3)

    def run(command: str, *arguments: object) -> tuple[int, str, str]:
        argv = ["bedrock-alerts", command, str(log), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", argv)
        capfd.readouterr()
        code = main()
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(OWN))
    return file


def documents(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_inspect_charges_the_given_price(run: Any, own: Path) -> None:
    code, out, _ = run("inspect", "--json")
    assert code == 0
    assert [call["priced"] for call in documents(out)] == ["unpriced"] * 3
    code, out, _ = run("inspect", "--json", "--prices", own)
    assert code == 0
    assert [(call["priced"], call["cost_usd"]) for call in documents(out)] == [("exact", 1e-6)] * 3


def test_the_table_shows_the_given_price(run: Any, own: Path) -> None:
    _, out, _ = run("inspect", "--prices", own)
    assert "$0.000001" in out
    assert "unpriced" not in out


def test_other_processes_charge_the_given_price_too(
    run: Any, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def start(workers: int) -> Any:
        started.append(workers)
        return start_really(workers)

    start_really = parallel._started  # noqa: SLF001
    monkeypatch.setattr(parallel, "_started", start)
    monkeypatch.setattr(parallel, "POOL_AFTER_BYTES", 1)
    monkeypatch.setattr(parallel, "available_cores", lambda: 2)
    monkeypatch.setattr("bedrock_alerts_cli.logs.log_blocks.BLOCK_BYTES", 1000)
    _, out, _ = run("inspect", "--json", "--prices", own)
    assert started == [2]
    assert [call["priced"] for call in documents(out)] == ["exact"] * 3


def test_metrics_adds_up_the_given_price(run: Any, own: Path) -> None:
    code, out, _ = run("metrics", "--json", "--prices", own)
    assert code == 0
    points = [point for point in documents(out) if not point["dimensions"]]
    found = {point["metric"]: point["sum"] for point in points}
    assert found["EstimatedCost"] == pytest.approx(1e-6)
    assert found.get("UnpricedInvocations", 0) == 0


@pytest.mark.parametrize("command", ["inspect", "metrics"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("no JSON", "price overrides: JSON is malformed", id="no JSON"),
        pytest.param("[" * 100_000, "price overrides: ", id="nested too deeply"),
        pytest.param(
            json.dumps(OWN).replace("output", "outptu"),
            f"price overrides, entry 0 ({MODEL}): Object contains unknown field `outptu`",
            id="a misspelt field",
        ),
    ],
)
def test_a_price_list_that_cannot_be_used_is_bad_usage(
    run: Any, own: Path, command: str, text: str, said: str
) -> None:
    own.write_text(text)
    code, out, err = run(command, "--prices", own)
    assert code == 2
    assert out == ""
    assert f"{own}: {said}" in " ".join(err.split())


@pytest.mark.parametrize("command", ["inspect", "metrics"])
def test_a_price_list_that_cannot_be_read_is_bad_usage(
    run: Any, own: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    code, _, err = run(command, "--prices", own.with_name("missing.json"))
    assert code == 2
    assert "does not exist" in err
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    code, _, err = run(command, "--prices", own)
    assert code == 2
    assert "cannot be read: Permission denied" in err
