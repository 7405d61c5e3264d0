"""Records of one call are one call, however a tool has copied them; those that differ are not."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_alerts.invocations.invocation import Invocation
from bedrock_alerts.invocations.parse import parse
from tests.records import converse

RECORDS: Final = sorted((Path(__file__).parents[2] / "fixtures" / "records").glob("*.json*"))


def read(document: Any) -> Invocation:
    found = parse(json.dumps(document))
    assert isinstance(found, Invocation)
    return found


def with_keys_reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: with_keys_reversed(value[key]) for key in reversed(value)}
    return [with_keys_reversed(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_the_order_of_keys_changes_nothing(path: Path) -> None:
    for line in path.read_text().splitlines():
        found = parse(line)
        if isinstance(found, Invocation):
            assert parse(json.dumps(with_keys_reversed(json.loads(line)))) == found


def test_the_order_of_keys_changes_no_finding_and_no_metadata() -> None:
    trace = {
        "guardrail": {
            "inputAssessment": {
                name: {
                    "topicPolicy": {"topics": [{"name": "Law", "action": "BLOCKED"}]},
                    "contentPolicy": {"filters": [{"type": "HATE", "action": "BLOCKED"}]},
                    "wordPolicy": {
                        "customWords": [{"action": "BLOCKED"}],
                        "managedWordLists": [{"type": "PROFANITY", "action": "BLOCKED"}],
                    },
                }
                for name in ("gr1", "gr2")
            }
        }
    }
    document = converse(trace=trace, requestMetadata={"team": "search", "app": "chat"})
    found = read(document)
    assert len(found.guardrail.hits) == 8
    again = read(with_keys_reversed(document))
    assert again == found
    assert hash(again) == hash(found)


@pytest.mark.parametrize(
    "timestamp",
    ["2026-03-02T10:15:00.000Z", "2026-03-02T10:15:00+00:00", "2026-03-02T11:15:00+01:00"],
)
def test_the_form_of_the_time_changes_nothing(timestamp: str) -> None:
    assert read(converse(timestamp=timestamp)) == read(converse(timestamp="2026-03-02T10:15:00Z"))


def test_what_differs_stays_separate() -> None:
    documents = [
        converse(),
        converse(timestamp="2026-03-02T10:15:01Z"),
        converse(region="eu-central-1"),
        converse(requestMetadata={"team": "search"}),
        converse(accountId="444455556666"),
    ]
    assert len({read(document) for document in documents}) == len(documents)
