"""What is read of every shape of record: each sample beside the whole invocation it comes to."""

import json
import time
from typing import Any

import msgspec
import pytest

from bedrock_alerts.invocations.invocation import (
    UNKNOWN_TIER,
    Billing,
    GuardrailResult,
    GuardrailUnits,
    Hit,
    Invocation,
    Rejected,
    Skipped,
    Usage,
)
from bedrock_alerts.invocations.parse import parse
from tests import records
from tests.records import (
    ACCOUNT,
    CALLER,
    EPOCH,
    GUARDRAIL,
    HAIKU,
    REGION,
    TIMESTAMP,
    Json,
    anthropic,
    anthropic_chunks,
    chat_chunks,
    chat_completion,
    cohere,
    cohere_generations,
    converse,
    converse_trace,
    deepseek,
    failed,
    hollow,
    invoke,
    invoke_keys,
    llama,
    metadata_only,
    mistral,
    nova,
    nova_chunks,
    offloaded,
    record,
    stream,
    titan,
    titan_chunks,
)

NOTHING_SEEN = GuardrailResult(verdict="none")
# The invocation of `converse()`; the expectations below name what is different.
CONVERSE = Invocation(
    request_id="req-0001",
    timestamp=TIMESTAMP,
    epoch=EPOCH,
    account_id=ACCOUNT,
    region=REGION,
    operation="Converse",
    model_id=HAIKU,
    model=HAIKU,
    inference_profile=None,
    principal="search-app",
    principal_arn=CALLER,
    status="ok",
    error_code=None,
    stop_reason="end_turn",
    usage=Usage(input_tokens=12, output_tokens=34),
    billing=Billing(),
    modality="text",
    latency_ms=640,
    first_byte_ms=None,
    guardrail=NOTHING_SEEN,
    body="inline",
    metadata=(),
)
UNREAD = Billing(service_tier=UNKNOWN_TIER)
UNREAD_CACHE = Billing(service_tier=UNKNOWN_TIER, counts="no-cache")
REFUSED = Billing(counts="refused")
INVOKE = msgspec.structs.replace(CONVERSE, operation="InvokeModel", latency_ms=None)
STREAM = msgspec.structs.replace(
    CONVERSE,
    operation="InvokeModelWithResponseStream",
    latency_ms=800,
    first_byte_ms=300,
)


def read(document: Any, **arguments: Any) -> Invocation:
    outcome = parse(json.dumps(document), **arguments)
    assert isinstance(outcome, Invocation), outcome
    return outcome


def case(document: Json, base: Invocation, *, id: str, **different: Any) -> Any:  # noqa: A002
    """Pair a record with the invocation it comes to."""
    return pytest.param(document, msgspec.structs.replace(base, **different), id=id)


TITAN = "amazon.titan-text-express-v1"
NOVA = "amazon.nova-lite-v1:0"
OPERATIONS = [
    case(converse(), CONVERSE, id="Converse"),
    case(
        converse(operation="ConverseStream"),
        CONVERSE,
        operation="ConverseStream",
        id="ConverseStream, which is logged assembled",
    ),
    case(
        converse(operation="Responses", output={"outputTokenCount": 34}),
        CONVERSE,
        operation="Responses",
        stop_reason=None,
        latency_ms=None,
        body="absent",
        billing=UNREAD,
        id="Responses, with counters and no body",
    ),
    case(
        invoke(chat_completion(), operation="ChatCompletions"),
        INVOKE,
        operation="ChatCompletions",
        stop_reason="stop",
        id="ChatCompletions",
    ),
    case(
        converse(operation="ConverseAgain"),
        CONVERSE,
        operation="ConverseAgain",
        id="an operation unknown today",
    ),
    case(
        {key: value for key, value in converse().items() if key != "operation"},
        CONVERSE,
        id="no operation, told by the metrics to be Converse",
    ),
    case(
        {key: value for key, value in invoke(nova()).items() if key != "operation"},
        INVOKE,
        id="no operation and a stop reason, but nothing of Bedrock's beside it",
    ),
    case(
        {key: value for key, value in stream(nova_chunks()).items() if key != "operation"},
        STREAM,
        stop_reason="max_tokens",
        id="no operation, told by the list of chunks to be a stream",
    ),
    case(
        {key: value for key, value in failed().items() if key != "operation"},
        CONVERSE,
        operation="unknown",
        status="error",
        error_code="ThrottlingException",
        stop_reason=None,
        usage=Usage(),
        latency_ms=None,
        body="absent",
        billing=REFUSED,
        id="no operation and nothing to tell it by",
    ),
]
PROVIDERS = [
    case(invoke(anthropic()), INVOKE, id="Anthropic"),
    case(
        invoke(anthropic(stop_reason="tool_use")),
        INVOKE,
        stop_reason="tool_use",
        id="Anthropic, calling a tool",
    ),
    case(invoke(nova(), model=NOVA), INVOKE, model_id=NOVA, model=NOVA, id="Nova"),
    case(
        invoke(titan(), model=TITAN),
        INVOKE,
        model_id=TITAN,
        model=TITAN,
        stop_reason="FINISH",
        id="Titan",
    ),
    case(invoke(llama()), INVOKE, stop_reason="stop", id="Llama"),
    case(invoke(mistral()), INVOKE, stop_reason="stop", id="Mistral, completing a text"),
    case(invoke(chat_completion()), INVOKE, stop_reason="stop", id="Mistral, AI21, Qwen, gpt-oss"),
    case(invoke(deepseek()), INVOKE, stop_reason="length", id="DeepSeek"),
    case(invoke(cohere()), INVOKE, stop_reason="COMPLETE", id="Cohere"),
    case(
        invoke(cohere_generations()),
        INVOKE,
        stop_reason="MAX_TOKENS",
        id="Cohere, several answers",
    ),
    case(
        invoke({"seeds": [1], "finish_reasons": [None], "images": ["aGVsbG8="]}, tokens=(9, None)),
        INVOKE,
        stop_reason=None,
        usage=Usage(input_tokens=9),
        billing=Billing(images=1),
        modality="image",
        id="Stability, one picture and no counter",
    ),
    case(stream(anthropic_chunks()), STREAM, id="Anthropic, in chunks"),
    case(stream([*anthropic_chunks(), "[DONE]"]), STREAM, id="Anthropic, with a last word"),
    case(stream(nova_chunks()), STREAM, stop_reason="max_tokens", id="Nova, in chunks"),
    case(stream(titan_chunks()), STREAM, stop_reason="FINISH", id="Titan, in chunks"),
    case(stream(chat_chunks()), STREAM, stop_reason="stop", id="OpenAI's chunks"),
    case(
        stream([{"stop_reason": "first"}, *anthropic_chunks(), {"delta": {"stop_reason": "last"}}]),
        STREAM,
        stop_reason="last",
        id="chunks that name several reasons: the last one counts",
    ),
]
EMBED = "amazon.titan-embed-text-v2:0"
MEDIA = [
    case(
        invoke({"embedding": [0.1, 0.2], "inputTextTokenCount": 6}, model=EMBED, tokens=(6, None)),
        INVOKE,
        model_id=EMBED,
        model=EMBED,
        stop_reason=None,
        usage=Usage(input_tokens=6),
        modality="embedding",
        id="a Titan embedding",
    ),
    case(
        invoke({"embeddingsByType": {"binary": [0, 1]}}, tokens=(6, None)),
        INVOKE,
        stop_reason=None,
        usage=Usage(input_tokens=6),
        modality="embedding",
        id="a Titan embedding in other types",
    ),
    case(
        invoke({"embeddings": [[0.1], [0.2]], "response_type": "embeddings_floats"}),
        INVOKE,
        stop_reason=None,
        modality="embedding",
        id="Cohere embeddings as a list",
    ),
    case(
        invoke({"embeddings": {"float": [[0.1]]}}),
        INVOKE,
        stop_reason=None,
        modality="embedding",
        id="Cohere embeddings as a map",
    ),
    case(
        invoke({}, tokens=(6, None), output={"outputContentType": "application/json"}),
        INVOKE,
        stop_reason=None,
        usage=Usage(input_tokens=6),
        modality="embedding",
        body="absent",
        billing=UNREAD_CACHE,
        id="an embedding whose body is left out",
    ),
    case(
        invoke({"embedding": None, "embeddings": None, "images": None, "text": "x"}),
        INVOKE,
        stop_reason=None,
        id="null where an embedding or pictures could be is a text",
    ),
    case(
        invoke(
            {"images": ["aGVsbG8="] * 3, "error": None},
            tokens=(9, None),
            counters={"outputImagesCount": 2, "outputImageHeight": 512, "outputImageWidth": 512},
        ),
        INVOKE,
        stop_reason=None,
        usage=Usage(input_tokens=9),
        billing=Billing(images=2),
        modality="image",
        id="pictures: the record's own counter is believed first",
    ),
    case(
        invoke({"images": ["aGVsbG8="]}, counters={"outputImageCount": 1}),
        INVOKE,
        stop_reason=None,
        billing=Billing(images=1),
        modality="image",
        id="pictures, the counter in its other spelling",
    ),
    case(
        metadata_only(output={"outputImageHeight": 512, "outputImageBucketedStepSize": 50}),
        INVOKE,
        operation="Converse",
        stop_reason=None,
        usage=Usage(input_tokens=12),
        billing=Billing(images=1, service_tier=UNKNOWN_TIER, counts="no-cache"),
        modality="image",
        body="absent",
        id="a picture's size without a counter is one picture",
    ),
    case(
        invoke({"images": "none"}),
        INVOKE,
        stop_reason=None,
        id="`images` that is no list is no picture",
    ),
    case(
        invoke({}, counters={"outputVideoDurationSeconds": 6}),
        INVOKE,
        stop_reason=None,
        modality="video",
        id="a video",
    ),
    case(
        invoke({}, counters={"outputVideoHeight": 720}),
        INVOKE,
        stop_reason=None,
        modality="video",
        id="a video told by its size",
    ),
    case(
        invoke({}, counters={"outputAudioDurationSeconds": 2.5}),
        INVOKE,
        stop_reason=None,
        modality="audio",
        id="a sound",
    ),
]
BODIES = [
    case(
        metadata_only(),
        CONVERSE,
        stop_reason=None,
        latency_ms=None,
        body="absent",
        billing=UNREAD_CACHE,
        id="delivery of texts switched off",
    ),
    case(
        offloaded(output=False),
        CONVERSE,
        id="the request in S3, the answer here",
    ),
    case(
        offloaded(),
        CONVERSE,
        stop_reason=None,
        latency_ms=None,
        body="offloaded",
        billing=UNREAD,
        id="request and answer in S3",
    ),
    case(
        invoke({}, tokens=(6, None), output={"outputBodyS3Path": "s3://example-bodies/x"}),
        INVOKE,
        stop_reason=None,
        usage=Usage(input_tokens=6),
        body="offloaded",
        billing=UNREAD_CACHE,
        modality="unknown",
        id="an answer in S3 is not taken for an embedding",
    ),
    case(
        hollow(output={"outputContentType": "application/json"}),
        CONVERSE,
        operation="ConverseStream",
        stop_reason=None,
        usage=Usage(),
        latency_ms=None,
        body="absent",
        id="the empty first record of a stream is not taken for an embedding",
    ),
    case(
        invoke(None, output={"outputBodyJson": None, "outputTokenCount": 34}),
        INVOKE,
        stop_reason=None,
        body="absent",
        billing=UNREAD_CACHE,
        id="a body that is null",
    ),
    case(
        stream([], tokens=(0, 0)),
        STREAM,
        stop_reason=None,
        usage=Usage(),
        latency_ms=None,
        first_byte_ms=None,
        body="absent",
        id="a stream without a chunk",
    ),
    case(
        stream(anthropic_chunks()[2:5]),
        STREAM,
        stop_reason=None,
        latency_ms=None,
        first_byte_ms=None,
        id="a stream cut after some text",
    ),
    case(
        stream(["[DONE]", 7, None, [1], "text"]),
        STREAM,
        stop_reason=None,
        latency_ms=None,
        first_byte_ms=None,
        body="absent",
        billing=UNREAD_CACHE,
        id="a stream of anything but chunks",
    ),
]
FAILED = {
    "status": "error",
    "stop_reason": None,
    "usage": Usage(),
    "latency_ms": None,
    "body": "absent",
}
ERRORS = [
    case(
        failed(),
        CONVERSE,
        operation="ConverseStream",
        error_code="ThrottlingException",
        **FAILED,
        billing=REFUSED,
        id="throttled, without input and output",
    ),
    case(
        failed("com.amazonaws.bedrock#ValidationException", operation="InvokeModel"),
        INVOKE,
        error_code="ValidationException",
        **FAILED,
        billing=REFUSED,
        id="an error with a name space is no embedding",
    ),
    case(
        failed("Access denied: <b>you</b>", operation="Converse"),
        CONVERSE,
        error_code="OTHER",
        **FAILED,
        billing=REFUSED,
        id="a sentence in place of a name",
    ),
    case(
        failed(operation="Converse") | {"errorCode": 403},
        CONVERSE,
        error_code="OTHER",
        **FAILED,
        billing=REFUSED,
        id="a number in place of a name",
    ),
    case(failed("") | converse(), CONVERSE, id="an empty error code is none"),
    case(
        converse(errorCode="ModelStreamErrorException"),
        CONVERSE,
        status="error",
        error_code="ModelStreamErrorException",
        id="an error after an answer keeps the answer's tokens",
    ),
]
STOPS = [
    case(converse(stop=word), CONVERSE, stop_reason=word, id=word)
    for word in (
        "tool_use",
        "max_tokens",
        "stop_sequence",
        "content_filtered",
        "malformed_model_output",
        "malformed_tool_use",
        "model_context_window_exceeded",
        "a_reason_unknown_today",
    )
]
CACHE = [
    case(
        converse(
            input=records.input_part(
                {}, inputTokenCount=1, cacheReadInputTokenCount=120000, cacheWriteInputTokenCount=9
            )
        ),
        CONVERSE,
        usage=Usage(
            input_tokens=1, output_tokens=34, cache_read_tokens=120000, cache_write_tokens=9
        ),
        billing=Billing(cache_write_1h_tokens=None),  # no one says for how long
        id="one token beside a large cache read",
    ),
    case(
        converse(
            input=records.input_part({}, inputTokenCount=12, cacheWriteInputTokenCount=900),
            usage={
                "cacheDetails": [
                    {"ttl": "1h", "inputTokens": 500},
                    {"ttl": "5m", "inputTokens": 300},
                    {"ttl": "1h", "inputTokens": 100},
                ]
            },
        ),
        CONVERSE,
        usage=Usage(input_tokens=12, output_tokens=34, cache_write_tokens=900),
        billing=Billing(cache_write_1h_tokens=600),
        id="cache writes of one hour, in Converse's spelling",
    ),
    case(
        stream(
            anthropic_chunks(usage={"cache_creation": {"ephemeral_1h_input_tokens": 700}}),
            input=records.input_part({}, inputTokenCount=12, cacheWriteInputTokenCount=700),
        ),
        STREAM,
        usage=Usage(input_tokens=12, output_tokens=34, cache_write_tokens=700),
        billing=Billing(cache_write_1h_tokens=700),
        id="cache writes of one hour, in a chunk of Anthropic's",
    ),
    case(
        invoke(anthropic(usage={"cache_creation": {"ephemeral_1h_input_tokens": 70}})),
        INVOKE,
        usage=Usage(input_tokens=12, output_tokens=34, cache_write_tokens=70),
        billing=Billing(cache_write_1h_tokens=70),
        id="cache writes of one hour, in Anthropic's own answer",
    ),
    case(
        converse(
            usage={"cacheReadInputTokens": 5, "cacheWriteInputTokens": 6},
            input=records.input_part({}),
            output=records.output_part(
                {
                    "stopReason": "end_turn",
                    "metrics": {"latencyMs": 640},
                    "usage": {
                        "inputTokens": 12,
                        "outputTokens": 34,
                        "cacheReadInputTokens": 5,
                        "cacheWriteInputTokens": 6,
                    },
                }
            ),
        ),
        CONVERSE,
        usage=Usage(
            input_tokens=12, output_tokens=34, cache_read_tokens=5, cache_write_tokens=6
        ),
        id="counters that only the answer has",
    ),
    case(
        stream(
            [{"amazon-bedrock-invocationMetrics": records.METRICS | {
                "cacheReadInputTokenCount": 5, "cacheWriteInputTokenCount": 6}}],
            tokens=(None, None),
        ),
        STREAM,
        stop_reason=None,
        usage=Usage(
            input_tokens=40, output_tokens=9, cache_read_tokens=5, cache_write_tokens=6
        ),
        billing=Billing(cache_write_1h_tokens=None),  # it does not say for how long
        id="counters that only the last chunk has",
    ),
    case(
        invoke(nova(usage={"inputTokens": 12}), tokens=(12, None)),
        INVOKE,
        usage=Usage(input_tokens=12),
        id="a usage without output tokens",
    ),
]  # fmt: skip
TIERS = [
    case(
        converse(body={"serviceTier": {"type": "flex"}}),
        CONVERSE,
        billing=Billing(service_tier="flex"),
        id="the tier that served the call",
    ),
    case(
        converse(input=records.input_part(
            {"serviceTier": {"type": "priority"}, "performanceConfig": {"latency": "optimized"}},
            inputTokenCount=12,
        )),
        CONVERSE,
        billing=Billing(service_tier="priority", latency_mode="optimized"),
        id="tier and latency that were asked for, when the answer is silent",
    ),
    case(
        converse(
            input=records.input_part({"serviceTier": {"type": "priority"}}, inputTokenCount=12),
            body={"serviceTier": {"type": "default"}},
        ),
        CONVERSE,
        billing=Billing(service_tier="default"),
        id="the tier that served the call is believed before the one asked for",
    ),
    case(
        invoke(chat_completion(service_tier="flex")),
        INVOKE,
        stop_reason="stop",
        billing=Billing(service_tier="flex"),
        id="the tier in OpenAI's spelling",
    ),
    case(
        invoke(chat_completion(service_tier="auto")),
        INVOKE,
        stop_reason="stop",
        id="`auto` is no tier",
    ),
    case(
        converse(body={"performanceConfig": {"latency": "optimized"}}),
        CONVERSE,
        billing=Billing(latency_mode="optimized"),
        id="optimized latency",
    ),
    case(
        converse(performanceConfig={"latency": "standard"}),
        CONVERSE,
        billing=Billing(latency_mode="standard"),
        id="standard latency at the top of the record",
    ),
]  # fmt: skip
PROFILE = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"
CALLS = [
    case(
        converse(modelId=f"eu.{HAIKU}", inferenceRegion="eu-north-1"),
        CONVERSE,
        model_id=f"eu.{HAIKU}",
        inference_profile=f"eu.{HAIKU}",
        id="through a geography",
    ),
    case(
        converse(modelId=f"{PROFILE}:application-inference-profile/ab12cd34ef56"),
        CONVERSE,
        model_id=f"{PROFILE}:application-inference-profile/ab12cd34ef56",
        model="ab12cd34ef56",
        inference_profile="ab12cd34ef56",
        id="through an application's inference profile",
    ),
    case(
        converse(
            modelId=f"{PROFILE}:prompt-router/router1",
            trace={
                "promptRouter": {
                    "invokedModelId": f"{PROFILE}:inference-profile/us.{HAIKU}",
                }
            },
        ),
        CONVERSE,
        model_id=f"{PROFILE}:prompt-router/router1",
        inference_profile=f"us.{HAIKU}",
        id="through a prompt router: the model it chose is what was called",
    ),
    case(
        converse(
            modelId=f"{PROFILE}:prompt-router/router1",
            trace={"promptRouter": {"invokedModelId": 7}},
        ),
        CONVERSE,
        model_id=f"{PROFILE}:prompt-router/router1",
        model="router1",
        id="through a prompt router that does not say what it chose",
    ),
    case(
        converse(requestMetadata={"team": "search", "cost-centre": "42", "": "no", "n": 1}),
        CONVERSE,
        metadata=(("cost-centre", "42"), ("team", "search")),
        id="request metadata: texts under names",
    ),
    case(
        converse(requestMetadata={f"k{number:02}": "v" for number in range(20)}),
        CONVERSE,
        metadata=tuple((f"k{number:02}", "v") for number in range(16)),
        id="request metadata: sixteen pairs",
    ),
    case(
        converse(requestMetadata={"a\u202eb": "x\n\x1b[31my", "long": "v" * 300}),
        CONVERSE,
        metadata=(("a b", "x [31my"), ("long", "v" * 255 + "…")),
        id="request metadata: cleaned and cut",
    ),
    case(
        converse(identity=[{"arn": f"arn:aws:iam::{ACCOUNT}:user/batch"}]),
        CONVERSE,
        principal="user/batch",
        principal_arn=f"arn:aws:iam::{ACCOUNT}:user/batch",
        id="the caller in a list",
    ),
    case(
        {key: value for key, value in converse().items() if key != "identity"},
        CONVERSE,
        principal="unknown",
        principal_arn="",
        id="no caller",
    ),
    case(
        converse(timestamp="2026-03-02T11:15:00.123+01:00"),
        CONVERSE,
        timestamp="2026-03-02T10:15:00.123000Z",
        epoch=EPOCH + 0.123,
        id="milliseconds and an offset",
    ),
    case(
        converse(timestamp="2026-03-02T10:15:00.123456789Z"),
        CONVERSE,
        timestamp="2026-03-02T10:15:00.123456Z",
        epoch=EPOCH + 0.123456,
        id="nanoseconds",
    ),
    case(
        converse(timestamp="2026-03-02T10:15:00"),
        CONVERSE,
        id="a time without a zone is UTC",
    ),
]
GUARDED = [
    case(
        converse(
            stop="guardrail_intervened",
            tokens=(0, 0),
            trace=converse_trace(
                records.assessment(
                    records.topic(),
                    records.invocation_metrics(topicPolicyUnits=1, wordPolicyUnits=2),
                    records.details(),
                )
            ),
        ),
        CONVERSE,
        stop_reason="guardrail_intervened",
        usage=Usage(),
        billing=Billing(counts="blocked"),
        guardrail=GuardrailResult(
            verdict="blocked",
            ids=(GUARDRAIL,),
            hits=(
                Hit(
                    guardrail_id=GUARDRAIL,
                    guardrail_version="3",
                    policy="topic",
                    category="Refund advice",
                    action="BLOCKED",
                    source="input",
                    confidence=None,
                ),
            ),
            latency_ms=210,
            units=GuardrailUnits(topic=1, word=2),
        ),
        id="Converse, a blocked question with no token",
    ),
    case(
        invoke(anthropic(**invoke_keys(None, records.pii()))),
        INVOKE,
        guardrail=GuardrailResult(
            verdict="masked",
            ids=(GUARDRAIL,),
            hits=(
                Hit(
                    guardrail_id=GUARDRAIL,
                    guardrail_version=None,
                    policy="sensitive_information",
                    category="EMAIL",
                    action="ANONYMIZED",
                    source="output",
                    confidence=None,
                ),
            ),
        ),
        id="InvokeModel, a masked answer",
    ),
    case(
        stream([*anthropic_chunks(first=invoke_keys(), last={}), "[DONE]"]),
        STREAM,
        guardrail=GuardrailResult(verdict="unexplained"),
        id="a stream with the action on one chunk and no trace",
    ),
    case(
        converse(stop="content_filtered"),
        CONVERSE,
        stop_reason="content_filtered",
        id="the model's own filter is no guardrail",
    ),
    case(
        invoke(titan(reason="CONTENT_FILTERED")),
        INVOKE,
        stop_reason="CONTENT_FILTERED",
        id="Titan's own filter is no guardrail",
    ),
]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        *OPERATIONS, *PROVIDERS, *MEDIA, *BODIES, *ERRORS, *STOPS, *CACHE, *TIERS, *CALLS, *GUARDED,
    ],
)  # fmt: skip
def test_a_record_comes_to_exactly_this_invocation(document: Json, expected: Invocation) -> None:
    assert read(document) == expected


@pytest.mark.parametrize(
    ("timestamp", "logged_at", "expected"),
    [
        pytest.param(None, EPOCH, ("2026-03-02T10:15:00Z", EPOCH), id="it has none"),
        pytest.param("today", EPOCH, ("2026-03-02T10:15:00Z", EPOCH), id="it is a word"),
        pytest.param(EPOCH, EPOCH + 9, ("2026-03-02T10:15:09Z", EPOCH + 9), id="a number"),
    ],
)
def test_the_time_of_logging_stands_in_for_a_record_without_a_readable_time(
    timestamp: Any, logged_at: float, expected: tuple[str, float]
) -> None:
    invocation = read(converse(timestamp=timestamp), logged_at=logged_at)
    assert (invocation.timestamp, invocation.epoch) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("", Rejected("not_json", "here"), id="an empty line"),
        pytest.param("{ this is no JSON", Rejected("not_json", "here"), id="no JSON"),
        pytest.param('{"schemaType":"Model', Rejected("not_json", "here"), id="half a record"),
        pytest.param("{} {}", Rejected("not_json", "here"), id="two documents"),
        pytest.param("[]", Rejected("not_an_object", "here"), id="a list"),
        pytest.param('"text"', Rejected("not_an_object", "here"), id="a text"),
        pytest.param("null", Rejected("not_an_object", "here"), id="null"),
        pytest.param(
            json.dumps(converse(timestamp="today")), Rejected("no_timestamp", "here"), id="no time"
        ),
        pytest.param(json.dumps(record(model="")), Rejected("no_model", "here"), id="no model"),
        pytest.param(
            json.dumps(record(model="\u200b")), Rejected("no_model", "here"), id="no visible model"
        ),
        pytest.param(json.dumps(record() | {"modelId": 7}), Rejected("no_model", "here"), id="7"),
        pytest.param("{}", Skipped("foreign_record", "here"), id="an empty object"),
        pytest.param(
            json.dumps(converse(schemaType="AgentTrace")),
            Skipped("foreign_record", "here"),
            id="another kind of record",
        ),
        pytest.param(
            json.dumps(converse(schemaType=["ModelInvocationLog"])),
            Skipped("foreign_record", "here"),
            id="the kind in a list",
        ),
    ],
)
def test_what_is_no_invocation_says_why(line: str, expected: Rejected | Skipped) -> None:
    assert parse(line, where="here") == expected
    assert parse(line.encode(), where="here") == expected


def test_where_the_function_runs_changes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "JST-9")
        time.tzset()
        invocation = read(converse(timestamp="2026-03-02T10:15:00"))
        logged = read(converse(timestamp=None), logged_at=EPOCH)
    time.tzset()
    assert (invocation.epoch, logged.epoch) == (EPOCH, EPOCH)
    assert logged.timestamp == "2026-03-02T10:15:00Z"


@pytest.mark.parametrize("logged_at", [None, float("nan"), float("inf"), 1e300])
def test_without_any_readable_time_a_record_cannot_be_counted(logged_at: float | None) -> None:
    line = json.dumps(converse(timestamp="today"))
    assert parse(line, where="here", logged_at=logged_at) == Rejected("no_timestamp", "here")


FAKES = {
    "inputTokenCount": 999999,
    "outputTokenCount": 999999,
    "stopReason": "guardrail_intervened",
    "amazon-bedrock-guardrailAction": "INTERVENED",
    "amazon-bedrock-trace": {"guardrail": {"input": {GUARDRAIL: records.topic()}}},
    "trace": converse_trace(records.topic()),
    "errorCode": "ThrottlingException",
    "serviceTier": {"type": "flex"},
    "embedding": [1],
    "images": ["x"],
    "metrics": {"latencyMs": 1},
    "usage": {"cacheDetails": [{"ttl": "1h", "inputTokens": 5}]},
}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(converse(text=json.dumps(FAKES)), CONVERSE, id="in an answer's text"),
        pytest.param(
            converse(
                body={
                    "output": {"message": {"content": [{"toolUse": {"input": FAKES}}], **FAKES}},
                    "additionalModelResponseFields": FAKES,
                }
            ),
            CONVERSE,
            id="in a tool's input",
        ),
        pytest.param(
            converse(
                input=records.input_part(
                    {
                        "messages": [{"content": [{"text": json.dumps(FAKES)}, FAKES]}],
                        "additionalModelRequestFields": FAKES,
                        "requestMetadata": FAKES,
                        **{k: v for k, v in FAKES.items() if k != "serviceTier"},
                    },
                    inputTokenCount=12,
                )
            ),
            CONVERSE,
            id="in a request",
        ),
        pytest.param(
            invoke(anthropic(content=[{"type": "tool_use", "input": FAKES}, FAKES])),
            INVOKE,
            id="in a provider's answer",
        ),
        pytest.param(
            invoke(chat_completion(choices=[{"message": FAKES, "finish_reason": "end_turn"}])),
            INVOKE,
            id="in one of several answers",
        ),
        pytest.param(
            stream(
                [
                    {"type": "content_block_delta", "delta": {"partial_json": "{", "input": FAKES}},
                    {"type": "content_block_start", "content_block": FAKES},
                    {"message": {"content": [FAKES], **FAKES, "usage": {}}},
                    *anthropic_chunks(),
                ]
            ),
            STREAM,
            id="in a stream's chunks",
        ),
        pytest.param(
            converse(requestMetadata={"errorCode": "x", "INTERVENED": 'inputTokenCount":9'}),
            msgspec.structs.replace(
                CONVERSE, metadata=(("INTERVENED", 'inputTokenCount":9'), ("errorCode", "x"))
            ),
            id="in request metadata",
        ),
    ],
)  # fmt: skip
def test_what_only_looks_like_a_field_changes_nothing(document: Json, expected: Invocation) -> None:
    assert read(document) == expected


def test_the_order_of_keys_means_nothing() -> None:
    def reversed_keys(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: reversed_keys(node[key]) for key in reversed(node)}
        return [reversed_keys(item) for item in node] if isinstance(node, list) else node

    for document in (converse(requestMetadata={"a": "1"}), stream(anthropic_chunks())):
        assert read(reversed_keys(document)) == read(document)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("12", 12, id="digits in a text are a number"),
        pytest.param(12.0, 12, id="a whole float is a number"),
        pytest.param(-1, 0, id="less than nothing is nothing"),
        pytest.param(10**13, 0, id="more than any call has is nothing"),
        pytest.param("1" * 13, 0, id="more than any call has, in a text, is nothing"),
        pytest.param("1e3", 0, id="a power in a text is nothing"),
        pytest.param("١٢", 0, id="other people's digits are nothing"),
        pytest.param(True, 0, id="true is nothing"),
        pytest.param([12], 0, id="a list is nothing"),
        pytest.param({"n": 12}, 0, id="an object is nothing"),
        pytest.param(None, 0, id="null is nothing"),
    ],
)
def test_a_counter_is_a_believable_whole_number_or_nothing(value: Any, expected: int) -> None:
    usage = read(invoke({}, tokens=(None, None), counters={"outputTokenCount": value})).usage
    assert usage == Usage(output_tokens=expected)


@pytest.mark.parametrize(
    ("keys", "verdict"),
    [
        pytest.param({"amazon-bedrock-guardrailAction": "NONE"}, "clean", id="it did nothing"),
        pytest.param(
            {"amazon-bedrock-guardrailAction": "PONDERED"}, "clean", id="a word nobody knows yet"
        ),
        pytest.param({"amazon-bedrock-guardrailAction": 7}, "none", id="no word at all"),
        pytest.param({"action": "search"}, "none", id="somebody else's action"),
    ],
)
def test_an_action_that_is_no_intervention_shows_at_most_that_a_guardrail_ran(
    keys: dict[str, Any], verdict: str
) -> None:
    found = parse(json.dumps(invoke({**anthropic(), **keys})))
    assert isinstance(found, Invocation)
    assert found.guardrail.verdict == verdict


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        pytest.param({"arn": CALLER}, CALLER, id="an object"),
        pytest.param([{"arn": CALLER}], CALLER, id="a list of one"),
        pytest.param([7, {}, {"arn": None}, {"arn": CALLER}, {"arn": "x"}], CALLER,
            id="the first of a list that has one"),
        pytest.param({"arn": "a\nb\u202e"}, "a b", id="control characters"),
        pytest.param({"arn": 7}, "", id="a number"),
        pytest.param([], "", id="an empty list"),
        pytest.param(CALLER, "", id="a text, which no record has"),
        pytest.param(None, "", id="nothing"),
    ],
)  # fmt: skip
def test_the_caller_is_found_wherever_it_stands(identity: Any, expected: str) -> None:
    outcome = parse(json.dumps(converse(identity=identity)))
    assert isinstance(outcome, Invocation)
    assert outcome.principal_arn == expected
