"""The second step: from one line of the invocation log to a typed invocation.

Values are read from fixed paths of the parsed JSON only, never by searching text: prompts and tool
inputs can hold anything, a fake token count included. The raw types below name what is read; what
they do not name (messages, contents, completions) is skipped by the parser and never becomes an
object. Anything may stand where a value is expected, so every scalar is checked where it is used.

Sources: the record shapes are those of AWS's "Monitor model invocation using CloudWatch Logs and
Amazon S3" and of the ConverseResponse and InvokeModel service models of `bedrock-runtime`.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final, TypeAlias

import msgspec
from msgspec.structs import replace

from bedrock_alerts.invocations.extract import NO_GUARDRAIL, Evidence, guardrail_result
from bedrock_alerts.invocations.identity import caller_arn, model_ref, principal_of
from bedrock_alerts.invocations.mend import mend
from bedrock_alerts.invocations.model import (
    Billing,
    Body,
    GuardrailResult,
    Invocation,
    Modality,
    Rejected,
    Skipped,
    Usage,
)
from bedrock_alerts.text import clean

SCHEMA_TYPE: Final = "ModelInvocationLog"
_MAX_COUNT: Final = 10**12  # no call has this many tokens; keeps sums far inside a float's range
_MAX_DIGITS: Final = 12
_MAX_TIMESTAMP: Final = 64
_MAX_METADATA: Final = (
    16  # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
)
_TIERS: Final = frozenset({"default", "priority", "flex", "reserved"})
# Operations whose answer may be an embedding; `unknown` stands for a record that does not say.
_MAY_EMBED: Final = frozenset({"InvokeModel", "unknown"})
_ERROR_CODE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")

# Whatever JSON can hold beside an object: in a union with one object type nothing is ever refused.
NotObject: TypeAlias = list[Any] | str | int | float | bool | None


class RawMessage(msgspec.Struct, frozen=True, gc=False):
    """Anthropic's `message_start` chunk: its `usage` splits the cache writes by lifetime."""

    usage: Any = None


class RawDelta(msgspec.Struct, frozen=True, gc=False):
    """Anthropic's `message_delta` chunk."""

    stop_reason: Any = None


class RawChoice(
    msgspec.Struct, frozen=True, gc=False, rename={"completion_reason": "completionReason"}
):
    """One of several answers: OpenAI's `choices`, Mistral's `outputs`, Titan's `results`.

    All of them say why the answer ended, under a name of their own.
    """

    finish_reason: Any = None
    stop_reason: Any = None
    completion_reason: Any = None


RawChoices: TypeAlias = RawChoice | list[RawChoice | NotObject] | str | int | float | bool | None

ReadBody: TypeAlias = Callable[[str], bytes | None]
"""Gives the JSON at an S3 path that a record names; None where it could not be had."""

# For what is looked at and not read: the parser passes over it, and makes no object of it.
_NULL: Final = msgspec.Raw(b"null")


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
    """What is read of `outputBodyJson`, or of one chunk where it is a list of chunks."""

    # Converse, ConverseStream
    stop_reason_converse: Any = None
    metrics: Any = None
    usage: Any = None
    trace: Any = None
    service_tier_converse: Any = None
    performance_config: Any = None
    # InvokeModel, InvokeModelWithResponseStream: Bedrock's own keys
    guardrail_action: Any = None
    invoke_trace: Any = None
    invocation_metrics: Any = None
    # ApplyGuardrail's word for it
    action: Any = None
    # The providers' words for why the answer ended
    stop_reason: Any = None
    finish_reason: Any = None
    completion_reason: Any = None
    message: RawMessage | NotObject = None
    delta: RawDelta | NotObject = None
    message_stop: Any = None
    choices: RawChoices = None
    outputs: RawChoices = None
    results: RawChoices = None
    generations: RawChoices = None
    # OpenAI's word for the tier
    service_tier: Any = None
    # Their presence tells an embedding, or how many pictures there are
    embedding: msgspec.Raw = _NULL
    embeddings: msgspec.Raw = _NULL
    embeddings_by_type: msgspec.Raw = _NULL
    images: msgspec.Raw = _NULL


OutputBody: TypeAlias = RawBody | list[RawBody | NotObject] | str | int | float | bool | None


class RawRequest(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What is read of `inputBodyJson`: what the caller chose to pay for, nothing that was said."""

    service_tier: Any = None
    performance_config: Any = None


class RawInput(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A record's `input`."""

    input_token_count: Any = None
    cache_read_input_token_count: Any = None
    cache_write_input_token_count: Any = None
    input_body_json: RawRequest | NotObject = None


class RawOutput(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A record's `output`."""

    output_token_count: Any = None
    output_body_json: OutputBody = None
    output_body_s3_path: Any = msgspec.field(default=None, name="outputBodyS3Path")
    # Two spellings of the image count are in use.
    output_images_count: Any = None
    output_image_count: Any = None
    output_image_height: Any = None
    output_audio_duration_seconds: Any = None
    output_video_duration_seconds: Any = None
    output_video_height: Any = None


class RawRecord(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The top level of a record."""

    schema_type: Any = None
    timestamp: Any = None
    account_id: Any = None
    region: Any = None
    request_id: Any = None
    operation: Any = None
    model_id: Any = None
    error_code: Any = None
    identity: Any = None
    request_metadata: Any = None
    performance_config: Any = None
    input: RawInput | NotObject = None
    output: RawOutput | NotObject = None


_decoder: Final = msgspec.json.Decoder(RawRecord)
_body_decoder: Final = msgspec.json.Decoder(OutputBody)
_elements: Final = msgspec.json.Decoder(list[msgspec.Raw])
_NO_INPUT: Final = RawInput()
_NO_REQUEST: Final = RawRequest()
_NO_OUTPUT: Final = RawOutput()
_NOTHING: Final[dict[str, Any]] = {}
_NO_EMBEDDING: Final = (_NULL, _NULL, _NULL)
# What is left of chunks that hold a piece of the answer and nothing else: by far the most.
_PIECES: Final = (RawBody(), RawBody(delta=RawDelta()), RawBody(choices=[RawChoice()]))


def parse(
    line: str | bytes,
    *,
    where: str = "",
    logged_at: float | None = None,
    read_body: ReadBody | None = None,
) -> Invocation | Rejected | Skipped:
    """Read one line of the invocation log.

    `where` says to a person which line it was; `logged_at` (seconds since 1970) stands in when the
    record has no readable timestamp of its own. `read_body` is asked for an output that is not in
    the record but in S3; what it gives is read as if it had been in the record. Whatever the line
    holds, a value comes back.
    """
    try:
        raw = _decode(line)
        if isinstance(raw, str):
            return Rejected(raw, where)
        if raw.schema_type != SCHEMA_TYPE:
            return Skipped("foreign_record", where)
        if read_body is not None:
            raw = _with_body(raw, read_body)
        return _invocation(raw, where, logged_at)
    except RecursionError:
        return Rejected("too_deep", where)


def _decode(line: str | bytes) -> RawRecord | str:
    """Read what is needed of a record; a word says why it cannot be read."""
    try:
        return _decoder.decode(line)
    except (ValueError, RecursionError):  # all of msgspec's errors are ValueErrors
        pass
    try:
        return _decoder.decode(mend(line))
    except msgspec.ValidationError:
        return "not_an_object"  # nothing below the top has a type that could be wrong
    except ValueError:
        return "not_json"


def _with_body(raw: RawRecord, read_body: ReadBody) -> RawRecord:
    """Put the output's body into the record that only says where it is."""
    output = raw.output
    if not isinstance(output, RawOutput) or output.output_body_json is not None:
        return raw
    path = output.output_body_s3_path
    text = read_body(path) if isinstance(path, str) and path else None
    body = None if text is None else _decode_body(text)
    if body is None:
        return raw
    return replace(raw, output=replace(output, output_body_json=body))


def _decode_body(text: bytes) -> OutputBody:
    """Read a body as it is read inside a record; None where it cannot be."""
    for attempt in (bytes, mend):
        try:
            body: OutputBody = _body_decoder.decode(attempt(text))
        except (ValueError, RecursionError):
            continue
        return body
    return None


def _invocation(raw: RawRecord, where: str, logged_at: float | None) -> Invocation | Rejected:
    when = _moment(raw.timestamp, logged_at)
    if when is None:
        return Rejected("no_timestamp", where)
    model_id = _text(raw.model_id, 512)
    if model_id is None:
        return Rejected("no_model", where)
    timestamp, epoch = when
    source = raw.input if isinstance(raw.input, RawInput) else _NO_INPUT
    asked = source.input_body_json
    request = asked if isinstance(asked, RawRequest) else _NO_REQUEST
    output = raw.output if isinstance(raw.output, RawOutput) else _NO_OUTPUT
    body = _body(output)
    chunks = _chunks(output)
    error_code = _error_code(raw.error_code)
    operation = _text(raw.operation, 64) or _guess_operation(output, chunks)
    answer = _Answer(chunks)
    count = answer.count
    images = _images(output, chunks)
    arn = caller_arn(raw.identity)
    model, profile = model_ref(answer.routed_model or model_id)
    return Invocation(
        request_id=_text(raw.request_id, 128) or "",
        timestamp=timestamp,
        epoch=epoch,
        account_id=_text(raw.account_id, 32) or "",
        region=_text(raw.region, 32) or "",
        operation=operation,
        model_id=model_id,
        model=model,
        inference_profile=profile,
        principal=principal_of(arn),
        principal_arn=arn,
        status="error" if error_code else "ok",
        error_code=error_code,
        stop_reason=answer.stop_reason,
        usage=Usage(
            input_tokens=count(source.input_token_count, "inputTokenCount", "inputTokens"),
            output_tokens=count(output.output_token_count, "outputTokenCount", "outputTokens"),
            cache_read_tokens=count(
                source.cache_read_input_token_count,
                "cacheReadInputTokenCount",
                "cacheReadInputTokens",
            ),
            cache_write_tokens=count(
                source.cache_write_input_token_count,
                "cacheWriteInputTokenCount",
                "cacheWriteInputTokens",
            ),
        ),
        billing=Billing(
            cache_write_1h_tokens=_hour_long_writes(answer.usage) if answer.usage else 0,
            images=images,
            service_tier=answer.service_tier or _nested_word(request.service_tier, "type"),
            latency_mode=_latency_mode(raw, request, chunks),
        ),
        modality=_modality(output, chunks, images, error_code, operation),
        latency_ms=answer.latency_ms,
        first_byte_ms=answer.first_byte_ms,
        guardrail=answer.guardrail(),
        body=body,
        metadata=_metadata(raw.request_metadata),
    )


def _chunks(output: RawOutput) -> tuple[RawBody, ...]:
    """Return the output body, or those of its chunks in which there is something to read.

    A list may hold more than objects: streams end with the text `"[DONE]"`.
    """
    body = output.output_body_json
    if isinstance(body, RawBody):
        return (body,)
    if isinstance(body, list):
        return tuple(
            [chunk for chunk in body if isinstance(chunk, RawBody) and chunk not in _PIECES]
        )
    return ()


def _body(output: RawOutput) -> Body:
    body = output.output_body_json
    if isinstance(body, RawBody) or (
        isinstance(body, list) and any(isinstance(chunk, RawBody) for chunk in body)
    ):
        return "inline"
    return "offloaded" if output.output_body_s3_path else "absent"


def _moment(timestamp: Any, logged_at: float | None) -> tuple[str, float] | None:
    """Return the record's time as text and as seconds, `logged_at` where it cannot be read."""
    if isinstance(timestamp, str) and len(timestamp) <= _MAX_TIMESTAMP:
        moment = _read_timestamp(timestamp)
        if moment is not None:
            return moment
    # Unreadable: the time at which it was logged is the next best.
    try:
        if logged_at is not None:
            return datetime.fromtimestamp(logged_at, UTC).isoformat(), logged_at
    except (ValueError, OverflowError, OSError):
        pass
    return None


@lru_cache(maxsize=1024)  # many records share a second
def _read_timestamp(timestamp: str) -> tuple[str, float] | None:
    try:
        parsed = datetime.fromisoformat(timestamp)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=UTC)
        return clean(timestamp, _MAX_TIMESTAMP), parsed.timestamp()
    except (ValueError, OverflowError):
        return None


def _error_code(value: Any) -> str | None:
    """Return the exception's name; anything that does not look like one is `OTHER`, never ok."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        return "OTHER"
    name = value.rpartition("#")[2]
    return name if _ERROR_CODE.fullmatch(name) else "OTHER"


def _guess_operation(output: RawOutput, chunks: tuple[RawBody, ...]) -> str:
    """Name the operation by the body's shape, for sources that leave `operation` out."""
    if isinstance(output.output_body_json, list):
        return "InvokeModelWithResponseStream"
    if not chunks:
        return "unknown"
    # Nova's own answers have a `stopReason` too, but nothing of Bedrock's beside it.
    body = chunks[0]
    is_converse = isinstance(body.metrics, dict) or isinstance(body.trace, dict)
    return "Converse" if is_converse and body.stop_reason_converse else "InvokeModel"


class _Answer:
    """What all chunks of an answer say together; read in one pass, chunk by chunk.

    The last chunk wins, but for the tier: the first one that names it does.
    """

    __slots__ = (
        "first_byte_ms",
        "intervened",
        "latency_ms",
        "metrics",
        "ran",
        "routed_model",
        "service_tier",
        "stop_reason",
        "traces",
        "usage",
    )

    def __init__(self, chunks: tuple[RawBody, ...]) -> None:
        self.stop_reason: str | None = None
        self.traces: list[Any] = []
        self.intervened = self.ran = False
        # Bedrock counts in the last chunk of a stream, providers in several.
        self.metrics: dict[str, Any] = _NOTHING
        self.usage: dict[str, Any] = _NOTHING
        self.latency_ms: int | None = None
        self.first_byte_ms: int | None = None
        self.routed_model: str | None = None
        self.service_tier: str | None = None
        for chunk in chunks:
            self._read(chunk)
        self.intervened |= self.stop_reason == "guardrail_intervened"

    def _read(self, chunk: RawBody) -> None:
        self.stop_reason = (
            _text(chunk.stop_reason_converse, 64) or _stop_word(chunk) or self.stop_reason
        )
        if chunk.trace is not None or chunk.invoke_trace is not None:
            self._read_traces(chunk)
        if chunk.guardrail_action is not None or chunk.action is not None:
            self._read_action(chunk)
        if isinstance(chunk.usage, dict):
            self.usage = {**self.usage, **chunk.usage} if self.usage else chunk.usage
        if isinstance(chunk.message, RawMessage) and isinstance(chunk.message.usage, dict):
            self.usage = {**self.usage, **chunk.message.usage}
        if isinstance(chunk.metrics, dict):
            self.latency_ms = _count(chunk.metrics.get("latencyMs"), self.latency_ms)
        if isinstance(chunk.invocation_metrics, dict):
            self.metrics = metrics = chunk.invocation_metrics
            self.latency_ms = _count(metrics.get("invocationLatency"), self.latency_ms)
            self.first_byte_ms = _count(metrics.get("firstByteLatency"), self.first_byte_ms)
        if self.service_tier is None:
            self.service_tier = _service_tier(chunk)

    def _read_traces(self, chunk: RawBody) -> None:
        for holder in (chunk.trace, chunk.invoke_trace):
            if isinstance(holder, dict):
                self.traces += [holder[key] for key in ("guardrail", "guardrails") if key in holder]
        # A prompt router says which model it chose: it is the one that is charged.
        router = chunk.trace.get("promptRouter") if isinstance(chunk.trace, dict) else None
        if isinstance(router, dict) and self.routed_model is None:
            self.routed_model = _text(router.get("invokedModelId"), 512)

    def _read_action(self, chunk: RawBody) -> None:
        if (
            chunk.guardrail_action in ("INTERVENED", "GUARDRAIL_INTERVENED")
            or chunk.action == "GUARDRAIL_INTERVENED"
        ):
            self.intervened = True
        elif isinstance(chunk.guardrail_action, str):
            self.ran = True  # `NONE`, or a word of the future: a guardrail was at work

    def guardrail(self) -> GuardrailResult:
        """Decide what the guardrails did, over all chunks at once."""
        if not (self.traces or self.intervened or self.ran):
            return NO_GUARDRAIL
        return guardrail_result(Evidence(tuple(self.traces), self.intervened, self.ran))

    def count(self, own: Any, in_metrics: str, in_usage: str) -> int:
        """Return a token count: the record's own, else Bedrock's in the body, else 0."""
        if type(own) is int and 0 <= own <= _MAX_COUNT:
            return own
        if own is None and not (self.metrics or self.usage):
            return 0
        return _count(own, self.metrics.get(in_metrics), self.usage.get(in_usage)) or 0


def _stop_word(chunk: RawBody) -> str | None:
    """Return the provider's own word for why the answer ended."""
    return next((word for value in _stop_words(chunk) if (word := _text(value, 64))), None)


def _service_tier(chunk: RawBody) -> str | None:
    """Return the service tier that served the call, in Bedrock's word."""
    tier = _nested_word(chunk.service_tier_converse, "type")
    if tier:
        return tier
    # OpenAI's answers name the tier too, and sometimes say `auto` there, which is none.
    named = isinstance(chunk.service_tier, str) and chunk.service_tier in _TIERS
    return chunk.service_tier if named else None


def _stop_words(chunk: RawBody) -> Iterator[Any]:
    yield chunk.stop_reason
    if isinstance(chunk.delta, RawDelta):
        yield chunk.delta.stop_reason
    if isinstance(chunk.message_stop, dict):
        yield chunk.message_stop.get("stopReason")
    yield chunk.finish_reason
    yield chunk.completion_reason
    for choices in (chunk.choices, chunk.outputs, chunk.results, chunk.generations):
        choice = choices[0] if isinstance(choices, list) and choices else None
        if isinstance(choice, RawChoice):
            yield choice.finish_reason
            yield choice.stop_reason
            yield choice.completion_reason


def _hour_long_writes(usage: dict[str, Any]) -> int:
    """Count the cache writes kept for an hour, from Converse's split or Anthropic's own."""
    details = usage.get("cacheDetails")
    if isinstance(details, list):
        return sum(
            _count(item.get("inputTokens")) or 0
            for item in details
            if isinstance(item, dict) and item.get("ttl") == "1h"
        )
    split = usage.get("cache_creation")
    return (_count(split.get("ephemeral_1h_input_tokens")) or 0) if isinstance(split, dict) else 0


def _images(output: RawOutput, chunks: tuple[RawBody, ...]) -> int:
    """Count the pictures made, by the record's counters or else by the body's list of them."""
    counted = _count(output.output_images_count, output.output_image_count)
    if counted is not None:
        return counted
    if output.output_image_height is not None:
        return 1  # sizes without a count: one picture
    listed = chunks[0].images if chunks else _NULL
    if listed is _NULL:
        return 0
    try:
        return len(_elements.decode(listed))
    except msgspec.ValidationError:
        return 0  # no list


def _latency_mode(raw: RawRecord, request: RawRequest, chunks: tuple[RawBody, ...]) -> str | None:
    """Return `standard` or `optimized`: as served, as the record has it, or as asked for."""
    return (
        (_nested_word(chunks[0].performance_config, "latency") if chunks else None)
        or _nested_word(raw.performance_config, "latency")
        or _nested_word(request.performance_config, "latency")
    )


def _nested_word(value: Any, key: str) -> str | None:
    return _text(value.get(key), 32) if isinstance(value, dict) else None


def _modality(
    output: RawOutput,
    chunks: tuple[RawBody, ...],
    images: int,
    error_code: str | None,
    operation: str,
) -> Modality:
    """Tell what came out, by counters and the body's shape, never by the model's name."""
    if output.output_video_duration_seconds is not None or output.output_video_height is not None:
        return "video"
    if output.output_audio_duration_seconds is not None:
        return "audio"
    if images:
        return "image"
    if any(map(_is_embedding, chunks)):
        return "embedding"
    # An embedding's body is often left out of the record; then only the missing count tells.
    is_silent = (
        output is not _NO_OUTPUT
        and output.output_body_json is None
        and not output.output_body_s3_path
        and output.output_token_count is None
    )
    if is_silent and error_code is None and operation in _MAY_EMBED:
        return "embedding"
    return "text"


def _is_embedding(chunk: RawBody) -> bool:
    found = chunk.embedding, chunk.embeddings, chunk.embeddings_by_type
    return found != _NO_EMBEDDING


def _metadata(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    pairs = {
        clean(key, 256): clean(text, 256)
        for key, text in islice(value.items(), _MAX_METADATA)
        if isinstance(text, str)
    }
    pairs.pop("", None)
    return pairs


def _text(value: Any, limit: int) -> str | None:
    if not isinstance(value, str):
        return None
    if len(value) <= limit and value.isascii() and value.isprintable():
        return value.strip() or None  # nearly always; `clean` would find nothing to do
    return clean(value, limit) or None


def _count(*values: Any) -> int | None:
    """Return the first of `values` that is a believable count: whole, not negative, bounded.

    Numbers written as text are read as numbers; everything else counts as absent.
    """
    for value in values:
        if type(value) is int or isinstance(value, float):
            if 0 <= value <= _MAX_COUNT:
                return int(value)
        elif (
            isinstance(value, str)
            and value.isascii()
            and value.isdigit()
            and len(value) <= _MAX_DIGITS
        ):
            return int(value)
    return None
