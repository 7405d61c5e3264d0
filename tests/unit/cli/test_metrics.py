"""`metrics` shows the data points that the collector would publish."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bedrock_alerts.invocations.collector import CollectOptions, Collector, Parts
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts_cli.main import main
from tests.records import (
    awslogs,
    batch,
    content,
    converse,
    converse_trace,
    failed,
    hollow,
    log_events,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

FIELDS = ["namespace", "metric", "dimensions", "timestamp", "unit", "sum", "count", "min", "max"]
BLOCKED = converse(
    requestId="req-0002",
    timestamp="2026-03-02T10:16:30Z",
    stop="guardrail_intervened",
    trace=converse_trace(content(kind="PROMPT_ATTACK")),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the command left behind."""

    code: int
    out: str
    err: str

    @property
    def points(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def find(self, metric: str, **dimensions: str) -> list[dict[str, Any]]:
        return [
            point
            for point in self.points
            if (point["metric"], point["dimensions"]) == (metric, dimensions)
        ]

    def total(self, metric: str, **dimensions: str) -> float:
        return sum(float(point["sum"]) for point in self.find(metric, **dimensions))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["bedrock-alerts", "metrics", *map(str, arguments)])
        code = main()
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


if TYPE_CHECKING:
    Run = Callable[..., Outcome]


def written(folder: Path, records: Iterable[Any], name: str = "calls.ndjson") -> Path:
    path = folder / name
    lines = (one if isinstance(one, str) else json.dumps(one) for one in records)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_a_data_point_has_the_documented_fields_in_their_order(run: Run, tmp_path: Path) -> None:
    slow = converse(requestId="req-0003")
    slow["output"]["outputBodyJson"]["metrics"]["latencyMs"] = 2000
    outcome = run(written(tmp_path, [converse(), slow]), "--json")
    assert {tuple(point) for point in outcome.points} == {tuple(FIELDS)}
    assert outcome.find("Latency") == [
        {
            "namespace": "BedrockAlerts",
            "metric": "Latency",
            "dimensions": {},
            "timestamp": "2026-03-02T10:15:00Z",
            "unit": "Milliseconds",
            "sum": 2640,
            "count": 2,
            "min": 640,
            "max": 2000,
        }
    ]
    assert (outcome.code, outcome.err) == (0, "")


def test_minutes_are_those_of_the_records(run: Run, tmp_path: Path) -> None:
    outcome = run(written(tmp_path, [BLOCKED, converse()]), "--json")
    assert [(point["timestamp"], point["sum"]) for point in outcome.find("Invocations")] == [
        ("2026-03-02T10:15:00Z", 1),
        ("2026-03-02T10:16:00Z", 1),
    ]
    assert outcome.find("RecordAge") == []


def test_what_was_delivered_twice_counts_once(run: Run, tmp_path: Path) -> None:
    delivery = awslogs(batch(log_events([converse(), BLOCKED, hollow(requestId="req-0002")])))
    paths = [written(tmp_path, [delivery], name) for name in ("a.json", "b.json")]
    outcome = run(*paths, written(tmp_path, [converse()]), "--json")
    assert outcome.total("Invocations") == 2
    assert outcome.total("RecordsSkipped", Reason="superseded") == 1


def test_the_conservation_law_holds(run: Run, tmp_path: Path) -> None:
    outcome = run(
        written(tmp_path, ['{"broken', converse(), {"level": "INFO"}, failed(), BLOCKED]), "--json"
    )
    assert outcome.total("RecordsReceived") == 5
    parts = ("RecordsProcessed", "RecordsRejected", "RecordsSkipped")
    assert [outcome.total(part) for part in parts] == [3, 1, 1]
    assert outcome.code == 1


def test_a_line_without_a_time_counts_at_the_end_of_its_log(run: Run, tmp_path: Path) -> None:
    outcome = run(written(tmp_path, ['{"broken', BLOCKED, converse(), {"level": "INFO"}]), "--json")
    for metric, reason in (("RecordsRejected", "not_json"), ("RecordsSkipped", "foreign_record")):
        (point,) = outcome.find(metric, Reason=reason)
        assert point["timestamp"] == "2026-03-02T10:16:00Z"


def test_an_event_without_a_message_is_counted_as_rejected(run: Run, tmp_path: Path) -> None:
    outcome = run(written(tmp_path, [converse(), batch([{"id": "1"}])]), "--json")
    assert outcome.total("RecordsRejected", Reason="wrong_shape") == 1
    assert outcome.code == 1


@pytest.mark.parametrize(
    ("scope", "invocations", "blocked"),
    [("none", 0, 0), ("violations", 0, 1), ("all", 2, 1)],
)
def test_principals_are_counted_as_far_as_wanted(
    run: Run, tmp_path: Path, scope: str, invocations: int, blocked: int
) -> None:
    path = written(tmp_path, [converse(), BLOCKED])
    outcome = run(path, "--json", "--principals", scope)
    assert outcome.total("Invocations", Principal="search-app") == invocations
    assert outcome.total("ContentFilteredCount", Principal="search-app") == blocked
    if scope == "violations":
        assert run(path, "--json") == outcome


def test_applications_are_counted_by_the_key_that_is_chosen(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, [converse(requestMetadata={"team": "search", "stage": "live"})])
    assert run(path, "--json", "--application", "team").total("Invocations", Application="search")
    assert not any("Application" in point["dimensions"] for point in run(path, "--json").points)


def test_the_namespace_can_be_chosen(run: Run, tmp_path: Path) -> None:
    outcome = run(written(tmp_path, [converse()]), "--json", "--namespace", "Mine")
    assert {point["namespace"] for point in outcome.points} == {"Mine"}


def test_many_points_are_all_printed(run: Run, tmp_path: Path) -> None:
    records = [
        converse(
            requestId=f"req-{hour}-{minute}", timestamp=f"2026-03-02T{hour:02}:{minute:02}:00Z"
        )
        for hour in range(4)
        for minute in range(60)
    ]
    outcome = run(written(tmp_path, records), "--json")
    assert len(outcome.find("Invocations")) == 240
    keys = Counter(
        (point["metric"], str(point["dimensions"]), point["timestamp"]) for point in outcome.points
    )
    assert len(keys) > 1000
    assert set(keys.values()) == {1}


def test_in_a_pipe_the_table_is_plain_and_aligned(run: Run, tmp_path: Path) -> None:
    outcome = run(written(tmp_path, [converse(), failed(), BLOCKED, '{"broken']))
    lines = outcome.out.splitlines()
    assert "\x1b" not in outcome.out
    assert lines[0] == (
        "metric                    dimensions                                            minutes     total  average   highest  unit"
    )
    assert lines[1] == (
        "Invocations                                                                           2         3                  2"
    )
    assert (
        "PolicyHits                Policy=content Category=PROMPT_ATTACK Action=BLOCKED        1         1                  1"
        in lines
    )
    assert (
        "Latency                                                                               2                640       640  ms"
        in lines
    )
    assert any(
        line.split() == ["EstimatedCost", "2", "0.000400", "0.000200", "USD"] for line in lines
    )
    points = len(run(tmp_path / "calls.ndjson", "--json").points)
    assert lines[-4:] == [
        "",
        f"{points} data points in BedrockAlerts, minutes with any: 2, from 2026-03-02 10:15 to 2026-03-02 10:16 UTC",
        "highest: in one minute; for times, in one call",
        "lines: 4 received, 3 processed, 1 rejected, 0 skipped, 0 duplicates",
    ]
    assert (outcome.code, outcome.err) == (1, "")


def test_nothing_at_all_is_an_error(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, [])
    for outcome in (run(path, "--json"), run(path)):
        assert (outcome.code, outcome.out) == (2, "")
        assert "no invocation record was found, but nothing" in outcome.err


@pytest.mark.parametrize("arguments", [(), ("no-such-file",), ("--principals", "some", "x")])
def test_bad_usage_ends_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).code == 2


def test_an_unreadable_file_ends_with_2(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad"
    path.write_bytes(b"\0")
    outcome = run(path, "--json")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"bedrock-alerts: {path}: this is neither text nor gzip. Known")


def test_a_folders_bodies_are_left_out_with_a_note(run: Run, tmp_path: Path) -> None:
    (tmp_path / "09" / "data").mkdir(parents=True)
    written(tmp_path, ["a body"], "09/data/x")
    outcome = run(tmp_path, "--json")
    assert (outcome.code, outcome.out) == (2, "")
    assert "left out 1 under data/" in outcome.err


@pytest.mark.parametrize("keep_events", [True, False])
def test_events_are_kept_only_by_those_who_want_them(*, keep_events: bool) -> None:
    collector = Collector(Parts(Prices.load(), CollectOptions()), now=None, keep_events=keep_events)
    collector.add(json.dumps(BLOCKED))
    assert len(collector.finish().events) == int(keep_events)


def test_a_log_has_as_many_values_an_hour_as_the_collector_publishes(
    run: Run, tmp_path: Path
) -> None:
    calls = [
        converse(modelId=f"m{number}", requestId=f"r{number}", timestamp=f"2026-03-02T{at}:00Z")
        for number, at in enumerate(["10:15"] * 40 + ["10:59"] * 40 + ["11:00"] * 50)
    ]
    outcome = run(written(tmp_path, calls), "--json")
    models = {point["dimensions"].get("ModelId") for point in outcome.points} - {None}
    assert len(models - {"__other__"}) == 50 + 50
    assert outcome.total("Invocations", ModelId="__other__") == 30
