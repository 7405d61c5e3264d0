"""Who spent what: sums that add up, duplicates that count once, tables, JSON, CSV, a page."""

import csv
import importlib
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import pytest
from syrupy.assertion import SnapshotAssertion

from bedrock_alerts.invocations.collector import CollectOptions
from bedrock_alerts.invocations.identity import Naming
from bedrock_alerts.invocations.invocation import Invocation
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.invocations.pricing import Prices, cost_of
from bedrock_alerts.invocations.usage_book import USAGE, USAGE_BY_DAY
from bedrock_alerts.invocations.usage_lines import UsageLines
from bedrock_alerts.weekly.read_week import read_week
from bedrock_alerts_cli import parallel
from bedrock_alerts_cli.counting import count
from bedrock_alerts_cli.log_files import Sources
from bedrock_alerts_cli.main import main
from bedrock_alerts_cli.usage_report.deployed import read_stack
from bedrock_alerts_cli.user_errors import InputError
from tests.records import ACCOUNT, HAIKU, Json, content, converse, converse_trace, failed
from tests.support.sample_weeks import BEFORE_CALLS, NOW_CALLS, WEEK, insights, ports

report_command: Final = importlib.import_module("bedrock_alerts_cli.commands.report")

NASTY: Final = "=cmd|' /C calc'!A0<script>"


class Outcome(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Json:
        found: Json = json.loads(self.out)
        return found


Run: TypeAlias = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process."""

    def run_it(*words: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["bedrock-alerts", "report", *map(str, words)])
        code = main()
        return Outcome(code, *capfd.readouterr())

    return run_it


def by(caller: str, number: int, **more: Any) -> Json:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{caller}/session"
    return {**converse(**{"identity": {"arn": arn}, **more}), "requestId": f"r{number}"}


BLOCKED: Final = by(
    "chat",
    7,
    stop="guardrail_intervened",
    tokens=(0, 0),
    trace=converse_trace(
        {
            **content(kind="PROMPT_ATTACK"),
            "invocationMetrics": {"usage": {"contentPolicyUnits": 1000}},
        }
    ),
)
LOG: Final = [
    by("chat", 1, tokens=(1_000_000, 0)),
    by("chat", 2, tokens=(1, 1_000_000), timestamp="2026-03-03T10:15:00Z"),
    by("batch", 3, model="amazon.nova-lite-v1:0", requestMetadata={"team": "search"}),
    {**failed(modelId=HAIKU), "requestId": "r4"},
    by("batch", 5, model="tuned-model"),
    BLOCKED,
]


def written(folder: Path, *records: Json | str, name: str = "calls.ndjson") -> Path:
    path = folder / name
    texts = (one if isinstance(one, str) else json.dumps(one) for one in records)
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def test_everything_adds_up(run: Run, tmp_path: Path) -> None:
    found = run(written(tmp_path, *LOG), "--json", "--application", "team").document
    assert (found["from"], found["to"]) == ("2026-03-02", "2026-03-03")
    assert (found["calls"], found["errors"], found["blocked"], found["unpriced"]) == (6, 1, 1, 1)
    for name in ("by_caller", "by_model", "by_application", "by_day"):
        for figure in ("calls", "errors", "unpriced", "input_tokens", "total_usd"):
            together = sum(row[figure] for row in found[name])
            assert together == pytest.approx(found[figure])
    assert found["guardrail_cost_usd"] == pytest.approx(0.15)
    assert found["by_caller"][0]["name"] == "chat"
    assert found["by_caller"][0]["total_usd"] == pytest.approx(1.1 + 5.5 + 0.15)
    assert [row["name"] for row in found["by_application"]] == ["(none)", "search"]
    assert found["by_policy"] == [
        {"policy": "content", "category": "PROMPT_ATTACK", "action": "BLOCKED", "findings": 1}
    ]
    assert found["unpriced_models"] == {"tuned-model": 1}


def test_what_is_there_twice_counts_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = run(written(tmp_path, *LOG), "--json").document
    monkeypatch.setattr("bedrock_alerts_cli.logs.log_blocks.BLOCK_BYTES", 900)  # several blocks
    twice = run(written(tmp_path, *LOG, *LOG, name="twice.ndjson"), "--json").document
    assert twice.pop("duplicates") == len(LOG)
    assert once.pop("duplicates") == 0
    assert twice == once


def test_on_all_cores_it_is_the_same(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [by(f"caller-{number % 7}", number) for number in range(3_000)]
    log = written(tmp_path, *records, *records[:50])
    alone = run(log, "--json").document
    monkeypatch.setattr(parallel, "POOL_AFTER_BYTES", 1)
    assert run(log, "--json").document == alone
    assert (alone["calls"], alone["duplicates"]) == (3_000, 50)


VARIED: Final[list[Json]] = [
    {"requestId": "r2"},
    {"requestId": ""},
    {"timestamp": "2026-03-02T10:15:01Z"},
    {"timestamp": "2026-03-02T10:15:00+00:00"},
    {"accountId": "444455556666"},
    {"operation": "ConverseStream"},
    {"region": "eu-west-1"},
    {"modelId": "amazon.nova-lite-v1:0"},
    {"identity": {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/other/session"}},
    {"errorCode": "ThrottlingException"},
    {"requestMetadata": {"team": "search"}},
    converse(tokens=(5, 6)),
    converse(tokens=(0, 0)),
    converse(tokens=(0, 0), stop="max_tokens"),
    converse(trace=converse_trace(content(kind="HATE"))),
    {"operation": "ConverseStream", "input": {}, "output": {}},
    {"input": {"inputTokenCount": 0}, "output": {"outputTokenCount": 0}},
    {"input": {"inputTokenCount": 7}, "output": {"outputTokenCount": 0}},
]


def both_counts(folder: Path, records: list[Json], run: Run) -> None:
    """Check that `report` and `metrics` count the same calls, duplicates and skipped lines."""
    log = written(folder, *records, by("last", 999))
    found = run(log, "--json").document
    options = CollectOptions(naming=Naming("auto"))
    counted = count(Sources([str(log)], lambda _: None), Prices.load(), options, shown=False)
    shown = (found["calls"], found["duplicates"], sum(found["skipped"].values()))
    assert shown == (counted.processed, counted.duplicates, counted.skipped)
    assert sum(found["rejected"].values()) == counted.rejected


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("first", range(len(VARIED)))
def test_it_counts_what_metrics_counts(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int, order: int
) -> None:
    monkeypatch.setattr("bedrock_alerts_cli.logs.log_blocks.BLOCK_BYTES", 2_000)  # several blocks
    base = by("chat", 1)
    records = [base, *({**base, **more, "requestId": "r1"} for more in VARIED), base]
    records[1] = {**base, **VARIED[first]}
    both_counts(tmp_path, records[::order], run)
    both_counts(tmp_path, [base, {**base, **VARIED[first]}][::order], run)
    both_counts(tmp_path, [{**base, **VARIED[first]}] * 2, run)


def test_an_empty_record_and_then_its_totals_are_one_call(run: Run, tmp_path: Path) -> None:
    empty = {**by("chat", 1, tokens=(0, 0)), "requestId": "r1"}
    found = run(written(tmp_path, empty, by("chat", 1), empty), "--json").document
    assert (found["calls"], found["skipped"]) == (1, {"superseded": 1})
    assert found["duplicates"] == 1


def test_an_event_that_is_there_twice_counts_once(run: Run, tmp_path: Path) -> None:
    event = {
        "eventId": "e1",
        "timestamp": 1,
        "message": json.dumps({**by("x", 1), "requestId": ""}),
    }
    other = {**event, "message": "broken"}
    both_counts(tmp_path, [event, event, other, {**event, "eventId": "e2"}], run)


def test_approximate_prices_are_marked_and_counted(run: Run, tmp_path: Path) -> None:
    known, approximate = "batch", "chat"
    records = [by(known, 1), by(known, 2), by(approximate, 3, region="xx-west-9", serviceTier="x")]
    records[2]["modelId"] = "zz.anthropic.claude-haiku-4-5-20251001-v1:0"
    page = tmp_path / "page.html"
    log = written(tmp_path, *records)
    outcome = run(log, "--by", "caller", "--html", page)
    costs = dict(line.split()[:2] for line in outcome.out.splitlines()[1:3])
    assert costs[approximate].startswith("~$")
    assert costs[known].startswith("$")
    assert "~ approximate: $" in outcome.out
    assert " for 1 call whose exact price is not known" in outcome.out
    found = run(log, "--json").document
    assert found["approximate"] == 1
    assert {row["name"]: row["approximate"] for row in found["by_caller"]} == {
        known: 0,
        approximate: 1,
    }
    rows = list(csv.DictReader(io.StringIO(run(log, "--csv").out)))
    assert sorted(row["approximate"] for row in rows) == ["0", "1"]
    text = page.read_text()
    assert text.count(">~$") == 2 + 1 + 1 + 1  # the totals, a day, a caller and a model
    assert "1 call whose exact price is not known" in text


def test_without_approximate_prices_nothing_is_marked(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    outcome = run(written(tmp_path, by("chat", 1)), "--html", page)
    assert "~" not in outcome.out
    assert ">~" not in page.read_text()


def test_calls_with_findings_are_counted_apart_from_findings(run: Run, tmp_path: Path) -> None:
    masked = by("chat", 8, trace=converse_trace(content("NONE", kind="HATE"), content("NONE")))
    found = run(written(tmp_path, BLOCKED, masked), "--json").document
    assert (found["blocked"], found["findings"]) == (1, 1)
    assert sum(row["findings"] for row in found["by_policy"]) == 2


def test_a_tiny_amount_is_not_shown_as_nothing(run: Run, tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"entries": [{"model": "tiny", "rates": {"input": 400, "output": 400}}]}')
    page = tmp_path / "page.html"
    record = by("chat", 1, model="tiny", tokens=(1000, 0))
    outcome = run(written(tmp_path, record), "--prices", prices, "--html", page)
    assert "<$0.000001 for 1 call," in outcome.out
    assert "0.000000" not in outcome.out
    assert "&lt;$0.000001" in page.read_text()


def test_json_and_csv_together_are_bad_usage(run: Run, tmp_path: Path) -> None:
    outcome = run(written(tmp_path, *LOG), "--json", "--csv")
    assert (outcome.code, outcome.out) == (2, "")
    assert "give --json or --csv, not both" in outcome.err


def test_below_the_tables_stands_what_it_comes_to(run: Run, tmp_path: Path) -> None:
    outcome = run(written(tmp_path, *LOG), "--by", "caller", "--by", "day", "--by", "policy")
    assert outcome.code == 0
    assert "without a known price, not in the cost: 1 call (tuned-model 1)" in outcome.out
    assert "$6.75 for 6 calls, 2026-03-02 to 2026-03-03 (UTC)" in outcome.out
    assert "Prices: the list of " in outcome.out


def test_what_a_table_has_no_room_for_is_added_up(run: Run, tmp_path: Path) -> None:
    records = [by(f"caller-{number}", number) for number in range(20)]
    outcome = run(written(tmp_path, *records), "--by", "caller", "--top", 3)
    (others,) = [line for line in outcome.out.splitlines() if "others" in line]
    assert others.split()[:2] == ["17", "others"]


def test_the_rows_of_the_table_for_spreadsheets_add_up_and_run_nothing(
    run: Run, tmp_path: Path
) -> None:
    log = written(tmp_path, *LOG, by("x", 9, requestMetadata={"team": NASTY}))
    outcome = run(log, "--csv", "--application", "team")
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    assert sum(int(row["calls"]) for row in rows) == 7
    assert f"'{NASTY}" in {row["application"] for row in rows}
    assert not any(value.startswith("=") for row in rows for value in row.values())


def test_the_page_needs_nothing_else_and_escapes_names(run: Run, tmp_path: Path) -> None:
    log = written(tmp_path, *LOG, by("x", 9, requestMetadata={"team": NASTY}))
    page = tmp_path / "page.html"
    outcome = run(log, "--html", page, "--application", "team")
    assert f"page: {page}" in outcome.out
    text = page.read_text()
    for word in (
        "By day",
        "By caller",
        "By application",
        "By model",
        "tuned-model",
        "PROMPT_ATTACK",
    ):
        assert word in text
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert "A short answer" not in text


def test_where_no_application_is_named_there_is_no_chart_of_them(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run(written(tmp_path, by("a", 1)), "--html", page)
    assert "By application" not in page.read_text()


def test_bad_lines_are_said_and_end_with_1(run: Run, tmp_path: Path) -> None:
    outcome = run(written(tmp_path, *LOG, '{"broken', '{"schemaType": "other"}'))
    assert outcome.code == 1
    assert "rejected: 1 not_json" in outcome.out
    assert "skipped: 1 foreign_record" in outcome.out


@pytest.mark.parametrize("words", [(), ("--html", "/no/such/folder/x.html")])
def test_nothing_to_report_ends_with_2(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    path = written(tmp_path) if not words else written(tmp_path, *LOG)
    outcome = run(path, *words)
    assert (outcome.code, outcome.out) == (2, "")


# ---- a deployed stack ----------------------------------------------------------------------------


class Logs:
    """CloudWatch Logs, as far as the report asks it."""

    def __init__(
        self, *statuses: str, groups: tuple[str, ...] = ("collect-logs",), kept: int = 3
    ) -> None:
        self.statuses = list(statuses)
        self.groups = groups
        self.kept = kept
        self.queries: list[Json] = []

    def describe_log_groups(self, *, logGroupNamePrefix: str) -> Json:  # noqa: N803 - AWS's
        prefix = logGroupNamePrefix.removesuffix("collect-")
        names = [f"{prefix}{name}" for name in self.groups]
        return {
            "logGroups": [{"logGroupName": name, "retentionInDays": self.kept} for name in names]
        }

    def start_query(self, **query: Any) -> Json:
        self.queries.append(query)
        return {"queryId": str(len(self.queries) - 1)}

    def get_query_results(self, *, queryId: str) -> Json:  # noqa: N803
        query = self.queries[int(queryId)]["queryString"]
        row = {
            "day": "2026-11-20 00:00:00.000", "principal": "chat", "model": HAIKU,
            "all_calls": "7", "all_blocked": "1", "all_cost": "1.25", "all_guardrail_cost": "0.5",
        }  # fmt: skip
        if "unnest" in query:
            row = {"policy": "content", "category": "HATE", "action": "BLOCKED", "findings": "2"}
        if "error_code" in query:
            row = {"error_code": "ThrottlingException", "calls": "1"}
        fields = [{"field": name, "value": value} for name, value in row.items()]
        status = self.statuses.pop(0) if self.statuses else "Complete"
        return {"status": status, "results": [fields]}

    def stop_query(self, **_: str) -> None:
        """Stop nothing."""


def clients(logs: Logs) -> Callable[[str], Any]:
    """Return the services that the report asks; those without an answer are missing in it."""
    found = {"logs": logs, "cloudwatch": object(), "bedrock": object()}
    return lambda service: found[service]


def test_a_deployed_stack_is_asked_for_its_usage_lines() -> None:
    logs = Logs("Running")
    week = read_stack("mine", 3, clients(logs), now=lambda: 1_000_000.0, sleep=lambda _: None)
    asked = logs.queries[0]
    assert asked["logGroupIdentifiers"] == ["/aws/lambda/mine-collect-logs"]
    assert (asked["startTime"], asked["endTime"]) == (740_800, 999_999)
    (key,) = week.now.book.sums
    assert key == ("2026-11-20", "chat", "(none)", HAIKU)
    total = week.total
    assert (total.calls, total.blocked, total.total / 10**12) == (7, 1, 1.75)
    assert week.now.book.policies == {("content", "HATE", "BLOCKED"): 2}
    assert week.now.throttled == 1
    assert week.before is None
    assert set(week.missing) == {"alarms", "latency", "models near their end"}


def test_a_log_that_reaches_back_far_enough_is_compared() -> None:
    logs = Logs(kept=30)
    week = read_stack("mine", 3, clients(logs), now=lambda: 1_000_000.0, sleep=lambda _: None)
    assert week.before is not None
    assert {query["endTime"] for query in logs.queries} == {999_999, 740_799}


def test_the_query_asks_for_fields_that_usage_lines_have() -> None:
    usage = UsageLines(None)
    call = parse(json.dumps(converse()))
    assert isinstance(call, Invocation)
    usage.add([(call, cost_of(call, Prices.load()))])
    line = json.loads(next(usage.lines()))
    asked = set(re.findall(r"sum\((\w+)\)", USAGE)) | set(re.findall(r"sum\((\w+)\)", USAGE_BY_DAY))
    assert asked <= line.keys()
    assert {"principal", "application", "model"} <= line.keys()


@pytest.mark.parametrize(
    ("logs", "why"),
    [
        (Logs(groups=()), "no collector of a stack named mine"),
        (Logs("Failed"), "could not be queried for mine: the query ended as Failed"),
    ],
)
def test_a_stack_that_cannot_be_asked_is_said(logs: Logs, why: str) -> None:
    with pytest.raises(InputError, match=why):
        read_stack("mine", 3, clients(logs), sleep=lambda _: None)


@pytest.fixture
def of_sample_weeks(monkeypatch: pytest.MonkeyPatch) -> None:
    week = read_week(WEEK, 30, ports(insights(NOW_CALLS, BEFORE_CALLS)), 1e9)
    monkeypatch.setattr(report_command, "_of_stack", lambda *_: week)


@pytest.mark.usefixtures("of_sample_weeks")
def test_a_stack_shows_what_its_weekly_report_does(run: Run, snapshot: SnapshotAssertion) -> None:
    outcome = run("--stack", "mine")
    assert outcome.code == 0
    assert outcome.out == snapshot


@pytest.mark.usefixtures("of_sample_weeks")
def test_the_sections_of_a_stack_are_in_its_json_and_page_too(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    found = run("--stack", "mine", "--json", "--html", page).document
    assert found["totals"]["Spend"] == "$60.19 (before: $40.12, +50%)"
    assert "Guardrail findings" in [section["title"] for section in found["sections"]]
    assert found["total_usd"] == pytest.approx(60.19, abs=0.01)
    assert "Largest changes" in page.read_text()


@pytest.mark.usefixtures("of_sample_weeks")
def test_tables_that_are_asked_for_stand_in_for_the_sections(run: Run) -> None:
    outcome = run("--stack", "mine", "--by", "day")
    assert "Largest changes" not in outcome.out
    assert "2026-03-09" in outcome.out
    assert "Forecast March:" in outcome.out


@pytest.mark.parametrize("words", [(), ("--stack", "mine", "-")])
def test_it_is_files_or_a_stack(run: Run, words: tuple[str, ...]) -> None:
    outcome = run(*words)
    assert outcome.code == 2
    assert "give files, or --stack NAME" in outcome.err


def test_callers_are_named_as_wanted(run: Run, tmp_path: Path) -> None:
    found = run(written(tmp_path, *LOG), "--json", "--caller-detail", "session").document
    assert {row["name"] for row in found["by_caller"]} >= {"chat/session", "batch/session"}
