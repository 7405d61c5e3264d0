"""An invocation as a line of the log: everything that is documented, and never too long."""

import json
from typing import Any

import msgspec

from bedrock_alerts.invocations.event_lines import event_line, report
from bedrock_alerts.invocations.invocation import Cost, Hit, Invocation
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.limits import EMF_LINE_BYTES
from tests.records import converse, converse_trace, topic

COST = Cost(model_picodollars=10**10, guardrail_picodollars=0, priced="exact")


def blocked() -> Invocation:
    outcome = parse(
        json.dumps(converse(stop="guardrail_intervened", trace=converse_trace(topic())))
    )
    assert isinstance(outcome, Invocation)
    return outcome


def with_hits(count: int) -> Invocation:
    found = blocked()
    ids = tuple(f"{number}{'🦆' * 100}" for number in range(count))
    hits = tuple(
        Hit(
            guardrail_id=guardrail_id,
            guardrail_version=None,
            policy="topic",
            category="🦆" * 100,
            action="BLOCKED",
            source="input",
            confidence=None,
        )
        for guardrail_id in ids
    )
    guardrail = msgspec.structs.replace(found.guardrail, ids=ids, hits=hits)
    return msgspec.structs.replace(found, guardrail=guardrail)


def plain(node: Any) -> Any:
    return json.loads(msgspec.json.encode(node))


def line_of(invocation: Invocation) -> dict[str, Any]:
    line = event_line(invocation, COST)
    assert len(line) <= EMF_LINE_BYTES
    assert b"\n" not in line
    document: dict[str, Any] = json.loads(line)
    return document


def test_a_line_is_the_report_and_says_what_it_is() -> None:
    document = line_of(blocked())
    assert document == {"event": "invocation"} | plain(report(blocked(), COST))
    assert next(iter(document)) == "event"


def test_a_line_of_more_hits_than_it_can_hold_is_cut_and_says_so() -> None:
    assert "hits_left_out" not in line_of(with_hits(60))["guardrail"]
    invocation = with_hits(1000)
    document = line_of(invocation)
    assert document["guardrail"]["hits"] == plain(invocation.guardrail.hits[:50])
    assert document["guardrail"]["hits_left_out"] == 950
    assert document["guardrail"]["ids"] == list(invocation.guardrail.ids[:50])
    rest = plain(report(invocation, COST))
    del document["guardrail"], document["event"], rest["guardrail"]
    assert document == rest


def test_a_line_of_too_many_guardrails_without_hits_is_cut_too() -> None:
    crowd = with_hits(1500)
    quiet = msgspec.structs.replace(crowd.guardrail, hits=())
    document = line_of(msgspec.structs.replace(crowd, guardrail=quiet))
    assert len(document["guardrail"]["ids"]) == 50
    assert document["guardrail"]["hits_left_out"] == 0
