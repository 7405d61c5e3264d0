"""The local stack's Logs Insights answers every query that the functions ask, and no other."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import boto3
import pytest
from moto import mock_aws

from bedrock_alerts.alerts.questions import SUBJECTS, Question
from bedrock_alerts_cli.local_stack.engine import Engine
from bedrock_alerts_cli.local_stack.log_queries import LogQueries, QueryError, answer

START: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
END: Final = datetime(2026, 11, 23, 8, 10, tzinfo=UTC)
HIT: Final = {"policy": "content", "category": "PROMPT_ATTACK", "action": "BLOCKED"}


def call(caller: str, verdict: str = "blocked", **more: Any) -> dict[str, Any]:
    return {
        "event": "invocation",
        "timestamp": "2026-11-23T08:05:00Z",
        "principal": caller,
        "model": "claude",
        "status": "ok",
        "error_code": None,
        "usage": {"input_tokens": 10, "output_tokens": 2},
        "cost_usd": 0.5,
        "guardrail": {"verdict": verdict, "ids": ["gr1"], "hits": [HIT]},
        **more,
    }


QUESTIONS: Final = [
    (name, is_of_usage)
    for name, subject in SUBJECTS.items()
    for is_of_usage in (False, True)
    if subject.used or not is_of_usage
]


@pytest.mark.parametrize(("name", "is_of_usage"), QUESTIONS)
def test_every_question_of_the_notifier_is_understood(name: str, *, is_of_usage: bool) -> None:
    subject = SUBJECTS[name]
    narrow = (
        'principal = "app"',
        '(model = "claude" or inference_profile = "claude")',
        '@message like /"category":"PROMPT_ATTACK"/',
    )
    question = Question(subject, (subject.filter, *narrow), START, END, is_of_usage)
    used = {"event": "usage", "principal": "app", "model": "claude", "calls": 3, "total_usd": 1.5}
    for query in (question.evidence, question.callers):
        answer(query, [call("app"), {**used, "answered": 3, "unpriced": 1}])


def test_lines_are_filtered_added_up_sorted_and_cut() -> None:
    question = Question(
        SUBJECTS["ContentFilteredCount"], ('guardrail.verdict = "blocked"',), START, END
    )
    lines = [call("a"), call("b"), call("b"), call("c", "clean"), {"event": "other"}]
    assert answer(question.evidence, lines) == [
        {
            "principal": caller,
            "model": "claude",
            "guardrail.ids.0": "gr1",
            "guardrail.hits.0.policy": "content",
            "guardrail.hits.0.category": "PROMPT_ATTACK",
            "calls": calls,
            "input_tokens": tokens,
            "output_tokens": written,
            "dollars": dollars,
        }
        for caller, calls, tokens, written, dollars in (
            ("b", "2", "20", "4", "1"),
            ("a", "1", "10", "2", "0.5"),
        )
    ]
    assert answer(f"{question.callers} | limit 1", lines) == [
        {"principal": "b", "model": "claude", "calls": "2"}
    ]


@pytest.mark.parametrize(
    "query", ["parse @message /x/", "filter a ~ 1", "filter status", "fields @timestamp | limit 3"]
)
def test_another_query_fails(query: str) -> None:
    with pytest.raises(QueryError):
        answer(query, [call("a")])


@mock_aws
def test_it_is_asked_as_aws_is_and_counts_a_line_at_the_time_of_its_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = boto3.client("logs", region_name="eu-west-1")
    client.create_log_group(logGroupName="/collector")
    client.create_log_stream(logGroupName="/collector", logStreamName="one")
    lines = [call("a"), call("late", timestamp="2026-11-23T09:00:00Z"), call("odd", timestamp="x")]
    now = int(datetime.now(UTC).timestamp() * 1000)
    client.put_log_events(
        logGroupName="/collector",
        logStreamName="one",
        logEvents=[
            {"timestamp": now, "message": text}
            for text in (*map(json.dumps, lines), "no JSON", "[]")
        ],
    )
    engine = Engine(1)
    monkeypatch.setattr(engine, "client", lambda _service: client)
    operations = LogQueries(engine).operations()

    def ask(query: str) -> Any:
        asked = {
            "logGroupIdentifiers": ["arn:aws:logs:eu-west-1:111122223333:log-group:/collector:*"],
            "startTime": START.timestamp(),
            "endTime": END.timestamp(),
            "queryString": query,
        }
        return operations["GetQueryResults"](operations["StartQuery"](asked))

    counted = 'filter event = "invocation" | stats count(*) as calls by principal'
    assert ask(counted) == {
        "status": "Complete",
        "results": [[{"field": "principal", "value": "a"}, {"field": "calls", "value": "1"}]],
    }
    assert ask("dedup principal") == {"status": "Failed", "results": []}
    assert operations["StopQuery"]({}) == {"success": True}
