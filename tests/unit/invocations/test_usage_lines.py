"""Who used what: a line a batch for each caller, application and model, that adds up."""

import json
from typing import Any

from bedrock_alerts.invocations.aggregate import AggregateOptions
from bedrock_alerts.invocations.collector import CollectOptions, Collector, Parts
from bedrock_alerts.invocations.identity import OTHER_VALUES
from bedrock_alerts.invocations.pricing import Prices
from tests.records import ACCOUNT, HAIKU, Json, content, converse, converse_trace, failed, topic

PRICES = Prices.load()
BLOCKED = converse(
    stop="guardrail_intervened", tokens=(0, 0), trace=converse_trace(content(kind="PROMPT_ATTACK"))
)


def collected(*records: Json, key: str | None = "app", **more: Any) -> list[Json]:
    options = CollectOptions(aggregate=AggregateOptions(application_key=key), **more)
    collector = Collector(Parts(PRICES, options), now=None)
    for number, record in enumerate(records):
        collector.add(json.dumps({**record, "requestId": f"r{number}"}))
    found = collector.finish()
    lines = [json.loads(line) for line in found.usage]
    assert sum(line["calls"] for line in lines) == found.processed
    return lines


def by(caller: str, **more: Any) -> Json:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{caller}/session"
    return converse(**{"identity": {"arn": arn}, **more})


def test_calls_add_up_by_caller_application_and_model() -> None:
    lines = collected(
        by("a"),
        by("a", tokens=(1000, 1000)),
        by("a", requestMetadata={"app": "shop"}),
        by("b", model=f"us.{HAIKU}"),
    )
    told = [(line["principal"], line["application"], line["calls"]) for line in lines]
    assert told == [("a", None, 2), ("a", "shop", 1), ("b", None, 1)]
    first = lines[0]
    assert (first["input_tokens"], first["output_tokens"]) == (1012, 1034)
    assert first["cost_usd"] == first["total_usd"] == (1012 * 1.1 + 1034 * 5.5) / 1e6
    assert [line["inference_profile"] for line in lines] == [None, None, f"us.{HAIKU}"]
    assert {line["model"] for line in lines} == {HAIKU}


def test_failures_blocks_findings_and_guardrails_cost_are_in_it() -> None:
    found = converse(trace=converse_trace(content("NONE")))
    lines = collected(BLOCKED, found, failed(modelId=HAIKU), converse(model="tuned"))
    (line, tuned) = sorted(lines, key=lambda line: line["unpriced"])
    assert (line["errors"], line["answered"]) == (1, 2)
    assert (line["blocked"], line["findings"]) == (1, 1)
    assert (tuned["unpriced"], tuned["cost_usd"]) == (1, 0.0)


def test_the_cost_of_guardrails_is_in_the_total() -> None:
    usage = {"contentPolicyUnits": 4}
    assessed = {**content(), "invocationMetrics": {"usage": usage}}
    (line,) = collected(converse(tokens=(0, 0), trace=converse_trace(assessed)))
    assert (line["cost_usd"], line["guardrail_cost_usd"], line["total_usd"]) == (
        0.0,
        0.0006,
        0.0006,
    )


def test_callers_cannot_fill_the_log_with_names() -> None:
    lines = collected(*(by(f"caller-{number}") for number in range(1_700)))
    assert len(lines) == 1_001
    assert lines[-1]["principal"] == OTHER_VALUES
    assert lines[-1]["calls"] == 700


def test_who_invents_applications_and_models_hides_no_one() -> None:
    invented = [by("a", requestMetadata={"app": f"app-{number}"}) for number in range(600)]
    refused = [failed(modelId=f"acme.model-{number}") for number in range(600)]
    lines = collected(*refused, *invented, *(by("b", tokens=(1000, 1000)) for _ in range(5)))
    (b,) = [line for line in lines if line["principal"] == "b"]
    assert (b["calls"], b["total_usd"] > 0) == (5, True)
    assert len(lines) < 600


def test_nothing_that_people_wrote_is_in_it() -> None:
    trace = converse_trace(topic(name="a secret topic"))
    (line,) = collected(converse("a secret answer", trace=trace, requestMetadata={"x": "secret"}))
    assert "secret" not in json.dumps(line)
