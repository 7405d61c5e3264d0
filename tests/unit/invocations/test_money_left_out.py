"""What a record leaves out, or says in an unusual place, is never $0 or `exact` by omission."""

from typing import Any, Final

import msgspec
import pytest

from bedrock_alerts.invocations.invocation import Cost, Invocation, Usage
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.invocations.pricing import Prices, cost_of

SHIPPED: Final = Prices.load()


def read(operation: str, model: str, **parts: Any) -> Invocation:
    record = {
        "schemaType": "ModelInvocationLog",
        "timestamp": "2026-11-23T02:30:00Z",
        "accountId": "111122223333",
        "region": "us-east-1",
        "requestId": "0a1b2c3d",
        "operation": operation,
        "modelId": model,
        "identity": {"arn": "arn:aws:sts::111122223333:assumed-role/app/i-0f00d"},
        **parts,
    }
    found = parse(msgspec.json.encode(record))
    assert isinstance(found, Invocation)
    return found


def priced(call: Invocation, prices: Prices = SHIPPED) -> Cost:
    return cost_of(call, prices)


def dollars(call: Invocation) -> float | None:
    cost = priced(call)
    return None if cost.model_picodollars is None else cost.model_picodollars / 1e12


# ---- streams that are logged as events: the last one is `metadata` ---------------------------------

# Nova's stream: https://docs.aws.amazon.com/nova/latest/userguide/invoke.html and the converse event
# `ConverseStreamMetadataEvent` of the service model `bedrock-runtime`.
ASSESSED: Final = {
    "guardrail": {
        "inputAssessment": {
            "gr0example": {
                "topicPolicy": {"topics": [{"name": "Loans", "type": "DENY", "action": "BLOCKED"}]}
            }
        }
    }
}


@pytest.mark.parametrize("cache", ["cacheReadInputTokenCount", "cacheReadInputTokens"])
@pytest.mark.parametrize("measured", [True, False])
def test_a_stream_counts_its_cache_in_its_metadata(cache: str, *, measured: bool) -> None:
    metadata: dict[str, Any] = {"usage": {"inputTokens": 44, "outputTokens": 120, cache: 7600}}
    last: dict[str, Any] = {"metadata": metadata}
    if measured:
        last["amazon-bedrock-invocationMetrics"] = {
            "inputTokenCount": 44, "outputTokenCount": 120, "invocationLatency": 900,
        }  # fmt: skip
    chunks = [{"messageStart": {"role": "assistant"}}, {"messageStop": {"stopReason": "end_turn"}}]
    call = read(
        "InvokeModelWithResponseStream",
        "us.amazon.nova-pro-v1:0",
        input={"inputTokenCount": 44},
        output={"outputTokenCount": 120, "outputBodyJson": [*chunks, last]},
    )
    assert call.usage == Usage(44, 120, 7600, 0)
    assert call.stop_reason == "end_turn"
    assert dollars(call) == pytest.approx(0.0019392)


def test_a_streams_metadata_has_its_latency_tier_and_guardrail_trace() -> None:
    metadata: dict[str, Any] = {
        "usage": {"inputTokens": 10, "outputTokens": 0},
        "metrics": {"latencyMs": 812},
        "serviceTier": {"type": "flex"},
        "performanceConfig": {"latency": "standard"},
        "trace": ASSESSED,
    }
    call = read(
        "ConverseStream",
        "amazon.nova-pro-v1:0",
        output={"outputBodyJson": [{"messageStart": {}}, {"metadata": metadata}]},
    )
    assert call.latency_ms == 812
    assert (call.billing.service_tier, call.billing.latency_mode) == ("flex", "standard")
    assert call.guardrail.verdict == "blocked"
    assert call.usage.input_tokens == 10


def test_metadata_of_another_kind_is_passed_over() -> None:
    kinds: tuple[Any, ...] = ("x", 7, [{"usage": {}}], None)
    for metadata in kinds:
        call = read(
            "InvokeModel",
            "amazon.nova-pro-v1:0",
            input={"inputTokenCount": 5},
            output={"outputTokenCount": 6, "outputBodyJson": {"metadata": metadata}},
        )
        assert call.usage == Usage(5, 6)


# ---- cached tokens inside the input ------------------------------------------------------------------


@pytest.mark.parametrize("counted", [0, None, 2300])
def test_cached_tokens_taken_out_of_the_input_are_charged_as_cached(counted: int | None) -> None:
    usage = {
        "input_tokens": 2600, "input_tokens_details": {"cached_tokens": 2300}, "output_tokens": 150,
    }  # fmt: skip
    source = {"inputTokenCount": 2600}
    if counted is not None:
        source["cacheReadInputTokenCount"] = counted
    call = read(
        "Responses",
        "us.openai.gpt-5.6-sol",
        input=source,
        output={"outputTokenCount": 150, "outputBodyJson": {"usage": usage}},
    )
    assert call.usage == Usage(300, 150, 2300, 0)


# ---- nothing counted ---------------------------------------------------------------------------------

AWAY: Final = {"outputBodyS3Path": "s3://example-bucket/body.json.gz"}


@pytest.mark.parametrize(
    ("model", "output"),
    [
        ("amazon.nova-canvas-v1:0", AWAY),
        ("us.stability.stable-outpaint-v1:0", AWAY),
        ("amazon.nova-canvas-v1:0", {}),
        ("cohere.embed-v4:0", {"outputBodyJson": {"embeddings": [[0.1]]}}),
        ("cohere.embed-english-v3", AWAY),
        ("amazon.nova-lite-v1:0", {"outputBodyJson": {"stopReason": "end_turn"}}),
    ],
)
def test_an_answer_for_which_nothing_is_counted_is_unpriced(
    model: str, output: dict[str, Any]
) -> None:
    call = read("InvokeModel", model, input={"inputTokenCount": 0}, output=output)
    assert priced(call).priced == "unpriced"


def test_an_override_by_the_token_prices_no_call_without_tokens() -> None:
    override = b'{"entries": [{"model": "cohere.rerank-v3-5:0", "rates": {"input": 1000000, "output": 0}}]}'
    call = read(
        "InvokeModel",
        "cohere.rerank-v3-5:0",
        input={"inputTokenCount": 0},
        output={"outputBodyJson": {"results": [{"index": 0}]}},
    )
    assert priced(call, Prices.load(override)).priced == "unpriced"


@pytest.mark.parametrize("model", ["amazon.nova-lite-v1:0", "acme.unknown-v1:0", "abcdefghij01"])
@pytest.mark.parametrize(
    "output",
    [
        {"outputTokenCount": 0, "outputBodyJson": {"stopReason": "guardrail_intervened"}},
        {"outputTokenCount": 0, "outputBodyJson": {"amazon-bedrock-guardrailAction": "INTERVENED"}},
    ],
)
def test_a_blocked_input_costs_nothing_whatever_its_model(
    model: str, output: dict[str, Any]
) -> None:
    call = read("InvokeModel", model, input={"inputTokenCount": 0}, output=output)
    assert (priced(call).model_picodollars, priced(call).priced) == (0, "exact")


@pytest.mark.parametrize("count", [None, -5, 10**15, "many"])
def test_an_answer_whose_input_is_not_counted_is_unpriced(count: Any) -> None:
    call = read(
        "InvokeModel",
        "anthropic.claude-3-haiku-20240307-v1:0",
        input={"inputTokenCount": count},
        output={"outputTokenCount": 100, "outputBodyJson": {"stop_reason": "end_turn"}},
    )
    assert priced(call).priced == "unpriced"


def test_a_failed_call_whose_input_is_not_counted_is_free() -> None:
    call = read(
        "InvokeModel", "anthropic.claude-3-haiku-20240307-v1:0", errorCode="ThrottlingException"
    )
    assert priced(call).model_picodollars == 0


# ---- the tier ----------------------------------------------------------------------------------------


def answered(operation: str, model: str, body: dict[str, Any], asked: dict[str, Any]) -> Cost:
    return priced(
        read(
            operation,
            model,
            input={"inputTokenCount": 1000, "inputBodyJson": asked},
            output={"outputTokenCount": 10, "outputBodyJson": body},
        )
    )


def test_converse_names_every_tier_but_the_default() -> None:
    found = answered("Converse", "us.amazon.nova-2-lite-v1:0", {"stopReason": "end_turn"}, {})
    assert (found.priced, found.fallback) == ("exact", None)


@pytest.mark.parametrize("operation", ["InvokeModel", "ChatCompletions", "Responses"])
def test_openais_requests_name_the_tier_in_their_body(operation: str) -> None:
    model = "openai.gpt-oss-120b-1:0"
    flex = answered(operation, model, {"choices": []}, {"service_tier": "flex"})
    default = answered(operation, model, {"choices": [], "service_tier": "default"}, {})
    assert flex.priced == default.priced == "exact"
    assert (flex.model_picodollars or 0) * 2 == default.model_picodollars
    auto = answered(operation, model, {"choices": []}, {"service_tier": "auto"})
    assert auto.model_picodollars == default.model_picodollars


# ---- prices as they are written ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "region"),
    [("amazon.nova-lite-v1:0", "eu-west-2"), ("us.amazon.nova-lite-v1:0", "us-west-1")],
)
def test_what_costs_nothing_costs_nothing_in_every_region(model: str, region: str) -> None:
    call = read(
        "Converse",
        model,
        region=region,
        input={"inputTokenCount": 10, "cacheWriteInputTokenCount": 900},
        output={"outputTokenCount": 1, "outputBodyJson": {"stopReason": "end_turn"}},
    )
    without = msgspec.structs.replace(call, usage=Usage(10, 1))
    assert priced(call) == priced(without)


def test_an_override_of_an_id_with_its_suffix_is_used() -> None:
    override = (
        b'{"entries": [{"model": "amazon.nova-lite-v1:0:300k",'
        b' "rates": {"input": 9000000, "output": 9000000}}]}'
    )
    call = read(
        "Converse",
        "amazon.nova-lite-v1:0:300k",
        input={"inputTokenCount": 10},
        output={"outputTokenCount": 0, "outputBodyJson": {"stopReason": "end_turn"}},
    )
    assert priced(call, Prices.load(override)).model_picodollars == 90_000_000


def test_images_that_were_all_filtered_out_are_still_images() -> None:
    call = read(
        "InvokeModel",
        "stability.sd3-5-large-v1:0",
        output={"outputBodyJson": {"images": [None], "finish_reasons": ["Filter reason: output"]}},
    )
    assert (call.modality, call.billing.images) == ("image", 0)
    assert priced(call).model_picodollars == 0
