"""The types that the parser fills: the parts of a record that are read.

Fields that they do not name (messages, contents, completions) are skipped by the parser and never
become objects. Values with other types are read leniently, so no value below needs a second check.

Sources: the record shapes are those of AWS's "Monitor model invocation using CloudWatch Logs and
Amazon S3" and of the ConverseResponse and InvokeModel service models of `bedrock-runtime`.
"""

from typing import Annotated, Any, Final, TypeAlias

import msgspec

# All JSON values except objects: a union with one object type accepts any value.
NotObject: TypeAlias = list[Any] | str | int | float | bool | None
# No call has this many tokens; it keeps sums far inside a float's range.
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10**12)] | None
Word: TypeAlias = Annotated[str, msgspec.Meta(max_length=64)] | None
Arn: TypeAlias = Annotated[str, msgspec.Meta(max_length=2048)] | None
ModelId: TypeAlias = Annotated[str, msgspec.Meta(max_length=512)] | None
RequestId: TypeAlias = Annotated[str, msgspec.Meta(max_length=128)] | None


class RawCacheDetail(msgspec.Struct, frozen=True, gc=False):
    """Converse's count of cache writes with one lifetime."""

    ttl: Any = None
    tokens: Count = msgspec.field(default=None, name="inputTokens")


class RawCacheCreation(msgspec.Struct, frozen=True, gc=False):
    """Anthropic's count of cache writes by lifetime."""

    for_five_minutes: Count = msgspec.field(default=None, name="ephemeral_5m_input_tokens")
    for_an_hour: Count = msgspec.field(default=None, name="ephemeral_1h_input_tokens")


class RawTokenDetails(msgspec.Struct, frozen=True, gc=False):
    """OpenAI's split of the input, whose count includes the cached tokens."""

    cached_tokens: Count = None


class RawUsage(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={
        "input_tokens": "inputTokens",
        "output_tokens": "outputTokens",
        "cache_read_tokens": "cacheReadInputTokens",
        "cache_write_tokens": "cacheWriteInputTokens",
        "cache_details": "cacheDetails",
        "nova_cache_read": "cacheReadInputTokenCount",
        "nova_cache_write": "cacheWriteInputTokenCount",
        "snake_input": "input_tokens",
        "snake_output": "output_tokens",
        "anthropic_cache_read": "cache_read_input_tokens",
        "anthropic_cache_write": "cache_creation_input_tokens",
        "input_details": "input_tokens_details",
        "prompt_details": "prompt_tokens_details",
    },
):
    """The body's own count of tokens, in the words of Converse and of the providers.

    Nova's InvokeModel has Converse's words, except for the cache. `snake_…` are Anthropic's and
    those of OpenAI's Responses; `prompt_tokens` and `completion_tokens` OpenAI's Chat Completions'.
    """

    input_tokens: Count = None
    output_tokens: Count = None
    cache_read_tokens: Count = None
    cache_write_tokens: Count = None
    cache_details: list[RawCacheDetail] | None = None
    cache_creation: RawCacheCreation | None = None
    nova_cache_read: Count = None
    nova_cache_write: Count = None
    snake_input: Count = None
    snake_output: Count = None
    anthropic_cache_read: Count = None
    anthropic_cache_write: Count = None
    prompt_tokens: Count = None
    completion_tokens: Count = None
    input_details: RawTokenDetails | None = None
    prompt_details: RawTokenDetails | None = None


class RawInvocationMetrics(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={
        "input_tokens": "inputTokenCount",
        "output_tokens": "outputTokenCount",
        "cache_read_tokens": "cacheReadInputTokenCount",
        "cache_write_tokens": "cacheWriteInputTokenCount",
        "latency_ms": "invocationLatency",
        "first_byte_ms": "firstByteLatency",
    },
):
    """Bedrock's own count in the last chunk of a stream."""

    input_tokens: Count = None
    output_tokens: Count = None
    cache_read_tokens: Count = None
    cache_write_tokens: Count = None
    latency_ms: Count = None
    first_byte_ms: Count = None


class RawMetrics(msgspec.Struct, frozen=True, gc=False):
    """Converse's `metrics`."""

    latency_ms: Count = msgspec.field(default=None, name="latencyMs")


class RawTier(msgspec.Struct, frozen=True, gc=False):
    """A service tier."""

    type: Word = None


class RawPerformance(msgspec.Struct, frozen=True, gc=False):
    """The requested or served latency mode."""

    latency: Word = None


class RawRouter(msgspec.Struct, frozen=True, gc=False):
    """The trace of a prompt router."""

    invoked_model_id: ModelId = msgspec.field(default=None, name="invokedModelId")


# For values that are checked but not read: the parser skips them without creating objects.
NULL: Final = msgspec.Raw(b"null")


class RawTrace(msgspec.Struct, frozen=True, gc=False):
    """A body's trace; guardrail findings are read separately."""

    guardrail: msgspec.Raw = NULL
    guardrails: msgspec.Raw = NULL
    router: RawRouter | None = msgspec.field(default=None, name="promptRouter")


class RawMessage(msgspec.Struct, frozen=True, gc=False):
    """Anthropic's `message_start` and OpenAI's `response.completed`: they hold a `usage`."""

    usage: RawUsage | None = None


class RawDelta(msgspec.Struct, frozen=True, gc=False):
    """Anthropic's `message_delta` chunk."""

    stop_reason: Word = None


class RawMessageStop(msgspec.Struct, frozen=True, gc=False):
    """ConverseStream's second-to-last event."""

    stop_reason: Word = msgspec.field(default=None, name="stopReason")


class RawChoice(
    msgspec.Struct, frozen=True, gc=False, rename={"completion_reason": "completionReason"}
):
    """One of several responses: OpenAI's `choices`, Mistral's `outputs`, Titan's `results`.

    Each says why the response ended, under its own name.
    """

    finish_reason: Word = None
    stop_reason: Word = None
    completion_reason: Word = None


RawChoices: TypeAlias = RawChoice | list[RawChoice | NotObject] | str | int | float | bool | None


class RawMetadata(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename="camel",
):
    """The last event of ConverseStream, and of Nova's own stream."""

    usage: RawUsage | None = None
    metrics: RawMetrics | None = None
    trace: RawTrace | None = None
    service_tier: RawTier | None = None
    performance_config: RawPerformance | None = None


class RawBody(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={
        "stop_reason_converse": "stopReason",
        "service_tier_converse": "serviceTier",
        "performance_config": "performanceConfig",
        "guardrail_action": "amazon-bedrock-guardrailAction",
        "invoke_trace": "amazon-bedrock-trace",
        "invocation_metrics": "amazon-bedrock-invocationMetrics",
        "message_stop": "messageStop",
        "completion_reason": "completionReason",
        "embeddings_by_type": "embeddingsByType",
    },
):
    """The fields of `outputBodyJson`, or of one chunk if it is a list of chunks."""

    # Converse, ConverseStream
    stop_reason_converse: Word = None
    metrics: RawMetrics | None = None
    usage: RawUsage | None = None
    trace: RawTrace | None = None
    service_tier_converse: RawTier | None = None
    performance_config: RawPerformance | None = None
    # InvokeModel, InvokeModelWithResponseStream: Bedrock's own keys
    guardrail_action: Any = None
    invoke_trace: RawTrace | None = None
    invocation_metrics: RawInvocationMetrics | None = None
    # ApplyGuardrail's word for it
    action: Any = None
    # The providers' words for why the response ended
    stop_reason: Word = None
    finish_reason: Word = None
    completion_reason: Word = None
    message: RawMessage | NotObject = None
    response: RawMessage | NotObject = None
    delta: RawDelta | NotObject = None
    message_stop: RawMessageStop | None = None
    metadata: RawMetadata | NotObject = None
    choices: RawChoices = None
    outputs: RawChoices = None
    results: RawChoices = None
    generations: RawChoices = None
    # OpenAI's word for the tier
    service_tier: Any = None
    # Their presence shows an embedding, or the number of images
    embedding: msgspec.Raw = NULL
    embeddings: msgspec.Raw = NULL
    embeddings_by_type: msgspec.Raw = NULL
    data: msgspec.Raw = NULL
    images: msgspec.Raw = NULL


OutputBody: TypeAlias = RawBody | list[RawBody | NotObject] | str | int | float | bool | None


class RawRequest(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={"service_tier_converse": "serviceTier", "performance_config": "performanceConfig"},
):
    """The fields of `inputBodyJson` that affect the price, without any content."""

    service_tier_converse: RawTier | NotObject = None
    # OpenAI's word for the tier
    service_tier: Any = None
    performance_config: RawPerformance | NotObject = None


class RawInput(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A record's `input`."""

    input_token_count: Count = None
    cache_read_input_token_count: Count = None
    cache_write_input_token_count: Count = None
    input_body_json: RawRequest | NotObject = None


class RawOutput(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A record's `output`."""

    output_token_count: Count = None
    output_body_json: OutputBody = None
    output_body_s3_path: Any = msgspec.field(default=None, name="outputBodyS3Path")
    # Two spellings of the image count are in use.
    output_images_count: Count = None
    output_image_count: Count = None
    output_image_height: Any = None
    output_audio_duration_seconds: Any = None
    output_video_duration_seconds: Any = None
    output_video_height: Any = None


class RawIdentity(msgspec.Struct, frozen=True, gc=False):
    """The caller."""

    arn: Arn = None


class RawRecord(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The top level of a record."""

    schema_type: Any = None
    timestamp: Word = None
    account_id: Word = None
    region: Word = None
    request_id: RequestId = None
    operation: Word = None
    model_id: ModelId = None
    error_code: Any = None
    identity: RawIdentity | list[RawIdentity | NotObject] | None = None
    request_metadata: Any = None
    performance_config: RawPerformance | None = None
    input: RawInput | None = None
    output: RawOutput | None = None
