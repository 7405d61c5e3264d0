"""What the event lines answered becomes a line of totals and a few small tables."""

from datetime import timedelta
from typing import Any

import pytest

from bedrock_alerts.alerts.alert import (
    Evidence,
    Table,
)
from bedrock_alerts.alerts.events import MetricRef
from bedrock_alerts.alerts.evidence import Row, evidence
from bedrock_alerts.alerts.questions import Question, question
from tests.support.changes import change_with


def asked(metric: str) -> Question:
    change = change_with(metrics=(MetricRef(name=metric, period=300),))
    found = question(change, every_call=True)
    assert found is not None
    return found


def row(**fields: Any) -> Row:
    """Return a group of calls; `guardrail`, `policy` and `category` are those of the first."""
    names = {
        "guardrail": "guardrail.ids.0",
        "policy": "guardrail.hits.0.policy",
        "category": "guardrail.hits.0.category",
    }
    return {names.get(name, name): str(value) for name, value in fields.items()}


BLOCKED = asked("ContentFilteredCount")
ROWS = [
    row(
        principal="role/bot",
        model="a.model",
        guardrail="gr1",
        policy="content",
        category="VIOLENCE",
        calls=7,
        input_tokens=1200,
        output_tokens=30,
        dollars="0.0125",
    ),
    row(principal="role/web", model="a.model", guardrail="gr1", policy="topic", calls=4),
    row(principal="role/bot", model="b.other", calls=1, dollars="1.5E-3"),
]
BEFORE = [row(principal="role/bot", model="a.model", calls=3), row(principal="role/old", calls=2)]


def test_the_answer_is_summed_up_and_compared_with_the_day_before() -> None:
    assert evidence(BLOCKED, ROWS, BEFORE) == Evidence(
        summary="12 calls blocked by a guardrail since 08:05 UTC (yesterday: 5); model 11, other 1",
        who="bot 8, web 4",
        tables=(
            Table(
                title="Callers",
                columns=("caller", "calls", "yesterday"),
                rows=(("role/bot", "8", "3"), ("role/web", "4", "0")),
            ),
            Table(
                title="First finding of each call",
                columns=("finding", "calls", "yesterday"),
                rows=(
                    ("VIOLENCE · content · gr1", "7", "0"),
                    ("topic · gr1", "4", "0"),
                    ("unknown", "1", "5"),
                ),
            ),
            Table(
                title="Models",
                columns=("model", "calls", "yesterday"),
                rows=(("a.model", "11", "3"), ("b.other", "1", "0")),
            ),
        ),
    )


def test_tokens_are_counted_where_all_calls_have_a_line() -> None:
    found = evidence(asked("InvocationLatency"), ROWS, None)
    assert found.summary.endswith("; model 11, other 1; 1,200 tokens in, 30 out")


def test_without_the_day_before_nothing_is_compared() -> None:
    found = evidence(BLOCKED, ROWS, None)
    assert "yesterday" not in repr(found)
    assert found.tables[0].rows == (("role/bot", "8"), ("role/web", "4"))


def test_a_quiet_day_before_is_worth_saying() -> None:
    found = evidence(BLOCKED, ROWS, [])
    assert "(yesterday: 0)" in found.summary
    assert found.tables[0].rows[0] == ("role/bot", "8", "0")


def test_what_has_no_line_yet_is_said_and_not_taken_for_nothing() -> None:
    assert evidence(BLOCKED, [], BEFORE) == Evidence(
        summary="No call blocked by a guardrail is in the collectors' log yet."
    )


def test_only_the_biggest_are_shown_and_all_others_are_counted() -> None:
    rows = [row(principal=f"role/{number}", calls=10 - number) for number in range(9)]
    before = [row(principal="role/0", calls=1), row(principal="role/gone", calls=6)]
    found = evidence(BLOCKED, rows, before)
    (callers, *_) = found.tables
    assert found.who == "0 10, 1 9, 2 8, 6 others 27"
    assert callers.rows == (
        ("role/0", "10", "1"),
        ("role/1", "9", "0"),
        ("role/2", "8", "0"),
        ("role/3", "7", "0"),
        ("role/4", "6", "0"),
        ("4 others", "14", "6"),
    )


def test_where_it_is_about_money_the_dearest_come_first() -> None:
    rows = [
        row(principal="role/cheap", calls=100, dollars="0.5"),
        row(principal="role/dear", calls=2, dollars="12.25"),
    ]
    found = evidence(asked("EstimatedCost"), rows, [row(calls=1, dollars="6.2")])
    (callers, *_) = found.tables
    assert callers.columns == ("caller", "cost", "calls")
    assert callers.rows == (("role/dear", "$12.25", "2"), ("role/cheap", "$0.50", "100"))
    assert found.who == "dear $12.25, cheap $0.50"
    assert found.summary.startswith(
        "102 calls made since 08:05 UTC: $12.75 (yesterday: $6.20), all on unknown"
    )


def test_applications_are_shown_where_calls_name_them() -> None:
    rows = [
        row(principal="role/chat", application="shop", calls=2, dollars="3"),
        row(principal="role/chat", application="support", calls=1, dollars="9"),
    ]
    found = evidence(asked("EstimatedCost"), rows, None)
    assert [table.title for table in found.tables] == ["Callers", "Applications", "Models"]
    assert found.tables[1].rows == (("support", "$9.00", "1"), ("shop", "$3.00", "2"))
    nameless = evidence(asked("EstimatedCost"), [row(principal="a", calls=1)], None)
    assert [table.title for table in nameless.tables] == ["Callers", "Models"]


def test_one_call_is_one_call_and_a_cut_answer_is_at_least_that() -> None:
    one = evidence(BLOCKED, [row(principal="a", calls=1)], None)
    assert one.summary == "1 call blocked by a guardrail since 08:05 UTC, all on unknown"
    many = evidence(BLOCKED, [row(principal=str(n), calls=1) for n in range(1000)], None)
    assert many.summary.startswith("at least 1,000 calls ")


def test_of_a_long_window_the_day_is_said() -> None:
    long = BLOCKED._replace(start=BLOCKED.end - timedelta(days=1))
    found = evidence(long, [row(calls=2)], None)
    assert found.summary == (
        "2 calls blocked by a guardrail since 2026-11-22 08:11 UTC, all on unknown"
    )


@pytest.mark.parametrize("value", ["", "x", "nan", "inf", "1e400"])
def test_what_is_no_number_counts_nothing(value: str) -> None:
    found = evidence(BLOCKED, [row(calls=3, dollars=value, input_tokens=value)], None)
    assert found.summary == "3 calls blocked by a guardrail since 08:05 UTC, all on unknown"


def test_hostile_text_is_cleaned_and_cut() -> None:
    found = evidence(BLOCKED, [row(principal="\u202egnp\n" + "x" * 500, calls=1)], None)
    (label, _) = found.tables[0].rows[0]
    assert label.startswith("gnp x")
    assert len(label) == 80
