"""The week is read as `report` reads the same log; what cannot be read is named, not guessed."""

import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_alerts.invocations.usage_book import MOST_ROWS, Book, Key
from bedrock_alerts.invocations.usage_lines import Used
from bedrock_alerts.weekly.read_week import read_week
from bedrock_alerts.weekly.week import Half, Span, Week, forecast, last_days
from bedrock_alerts_cli.main import main
from tests.records import HAIKU
from tests.support.sample_weeks import BEFORE_CALLS, END, NOW_CALLS, OPUS, WEEK, insights, ports

FAR: Final = 1e9


def read(**more: Any) -> Week:
    return read_week(WEEK, 30, ports(insights(NOW_CALLS, BEFORE_CALLS), **more), FAR)


@pytest.mark.parametrize(("half", "calls"), [("now", NOW_CALLS), ("before", BEFORE_CALLS)])
def test_its_numbers_are_those_of_report_on_the_same_log(
    half: str,
    calls: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    log = tmp_path / "calls.ndjson"
    log.write_text("".join(f"{json.dumps(record)}\n" for record in calls))
    words = ["bedrock-alerts", "report", str(log), "--json", "--application", "team"]
    monkeypatch.setattr(sys, "argv", words)
    assert main() == 0
    report = json.loads(capfd.readouterr().out)
    found: Half = getattr(read(), half)
    of = {
        "by_caller": lambda key: key.caller,
        "by_model": lambda key: key.model,
        "by_application": lambda key: key.application,
        "by_day": lambda key: key.day,
    }
    for name, part in of.items():
        rows = [{"name": label, **sums.document()} for label, sums in found.book.by(part)]
        # Usage lines do not say which prices are approximate.
        assert rows == [
            {figure: value for figure, value in row.items() if figure != "approximate"}
            for row in report[name]
        ]
    assert found.book.total().document() == {
        name: report[name] for name in found.book.total().document()
    }
    assert found.findings == {
        (row["policy"], row["category"], row["action"]): row["findings"]
        for row in report["by_policy"]
    }
    assert sum((found.errors or Counter()).values()) == report["errors"] == found.throttled


def test_what_can_be_known_is_read() -> None:
    week = read()
    assert week.missing == ()
    assert week.before is not None
    assert week.before.latency == {HAIKU: 1_700.0}
    assert week.ends is not None
    assert [(one.model, f"{one.ends}") for one in week.ends] == [(OPUS, "2026-08-05")]
    assert week.ends[0].calls == sum(record["modelId"] == OPUS for record in NOW_CALLS)


def test_without_usage_lines_there_is_no_report() -> None:
    lines = insights(NOW_CALLS)
    lines.fails_at = ("event = 'usage'",)
    with pytest.raises(TimeoutError):
        read_week(WEEK, 30, ports(lines), FAR)


def test_what_cannot_be_read_is_named_and_the_rest_is_there() -> None:
    def refuse(*_: object) -> Any:
        raise PermissionError("no")

    left_out: list[str] = []
    lines = insights(NOW_CALLS, BEFORE_CALLS)
    lines.fails_at = ("unnest", "by day |")
    week = read_week(
        WEEK,
        30,
        ports(lines, alarms=refuse, legacy=refuse, latencies=refuse,
              left_out=lambda piece, _: left_out.append(piece)),
        FAR,
    )  # fmt: skip
    assert set(week.missing) == {
        "alarms", "models near their end", "latency", "latency before",
        "guardrail findings", "guardrail findings before", "the month so far",
    }  # fmt: skip
    assert list(week.missing) == left_out
    assert (week.alarms, week.ends, week.by_day, week.now.findings) == (None,) * 4
    assert forecast(week) is None
    assert week.now.errors
    assert week.total == read().total


def test_after_the_deadline_nothing_more_is_asked() -> None:
    lines = insights(NOW_CALLS, BEFORE_CALLS)
    week = read_week(WEEK, 30, ports(lines, clock=lambda: FAR), FAR)
    assert len(lines.asked) == 1
    assert week.total == read().total
    assert "the time before" in week.missing


@pytest.mark.parametrize(("kept", "is_compared"), [(14, False), (15, True)])
def test_a_week_that_the_log_no_longer_has_in_full_is_not_compared(
    kept: int, *, is_compared: bool
) -> None:
    week = read_week(WEEK, kept, ports(insights(NOW_CALLS, BEFORE_CALLS)), FAR)
    assert (week.before is not None) is is_compared
    assert week.missing == ()


def test_a_stack_in_its_first_week_has_nothing_to_compare_with() -> None:
    assert read_week(WEEK, 30, ports(insights(NOW_CALLS)), FAR).before is None


def test_an_empty_week_is_a_report_too() -> None:
    week = read_week(WEEK, 30, ports(insights()), FAR)
    assert week.total == Used()


def test_the_last_whole_days_end_at_midnight() -> None:
    now = datetime(2026, 3, 16, 7, 3, tzinfo=UTC)
    assert last_days(now, 7) == WEEK == Span(END - timedelta(days=7), END)
    assert WEEK.before.end == WEEK.start
    assert WEEK.days == WEEK.before.days == 7


def used(dollars: float) -> Used:
    return Used(calls=1, picodollars=round(dollars * 10**12))


def week_of(span: Span, by_day: dict[str, float], kept: int = 30) -> Week:
    """Return a week whose days cost a dollar."""
    book = Book({Key("", "chat", "(none)", "m"): used(span.days)})
    sums = {day: used(dollars) for day, dollars in by_day.items()}
    half = Half(book=book)
    return Week(span=span, now=half, before=None, by_day=sums, reaches_back=kept)


def of_march(*days: int) -> dict[str, float]:
    return {f"2026-03-{day:02}": 2.0 for day in days}


@pytest.mark.parametrize(
    ("end", "by_day", "kept", "so_far", "whole"),
    [
        pytest.param((2026, 3, 16), of_march(*range(1, 16)), 30, 30, 30 + 16, id="in mid-month"),
        pytest.param((2026, 3, 16), of_march(1, 2, 15), 30, 6, 6 + 16, id="days without calls"),
        pytest.param((2026, 3, 16), of_march(*range(9, 16)), 7, 14, 14 + 24, id="a short log"),
        pytest.param((2026, 3, 1), {}, 30, 0, 31, id="on the first day"),
        pytest.param((2026, 2, 28), {}, 30, 0, 1, id="a month of 28 days"),
    ],
)
def test_the_month_is_what_it_has_cost_and_its_other_days_at_the_weeks_rate(
    end: tuple[int, int, int], by_day: dict[str, float], kept: int, so_far: float, whole: float
) -> None:
    at = datetime(*end, tzinfo=UTC)
    found = forecast(week_of(Span(at - timedelta(days=7), at), by_day, kept))
    assert found is not None
    assert (found.so_far / 10**12, found.whole / 10**12) == (so_far, whole)


def test_callers_beyond_the_rows_of_a_query_are_in_the_total() -> None:
    week = week_of(WEEK, {"2026-03-09": 40.0, "2026-03-15": 2.0, "2026-03-16": 7.0})
    for number in range(MOST_ROWS):
        week.now.book.sums[Key("", f"caller-{number}", "(none)", "m")] = Used()
    assert week.is_cut
    assert week.total.total == 42 * 10**12
