"""The second step: from one line of the invocation log to a typed invocation.

Values are read from fixed paths of the parsed JSON only, never by searching text: prompts and tool
inputs can hold anything, a fake token count included. `record` names what is read.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import asdict, replace

from bedrock_alerts.invocations.guardrail_trace import guardrail_result
from bedrock_alerts.invocations.identity import (
    AUTO,
    Naming,
    is_api_key,
    made_by,
    model_ref,
    principal_of,
)
from bedrock_alerts.invocations.invocation import (
    UNKNOWN_TIER,
    Billing,
    Body,
    Counts,
    Invocation,
    Modality,
    Rejected,
    Skipped,
    Usage,
)
from bedrock_alerts.invocations.lenient_json import Reader
from bedrock_alerts.invocations.record import (
    NULL,
    OutputBody,
    RawBody,
    RawChoice,
    RawChoices,
    RawDelta,
    RawIdentity,
    RawInput,
    RawInvocationMetrics,
    RawMessage,
    RawMetadata,
    RawOutput,
    RawPerformance,
    RawRecord,
    RawRequest,
    RawTier,
    RawTrace,
    RawUsage,
)
from bedrock_alerts.text import clean

SCHEMA_TYPE: Final = "ModelInvocationLog"
_MAX_WORD: Final = 64
_MAX_METADATA: Final = (
    16  # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
)
_TIERS: Final = frozenset({"default", "priority", "flex", "reserved"})
# Operations whose response may be an embedding; `unknown` means a record without operation.
_MAY_EMBED: Final = frozenset({"InvokeModel", "unknown"})
_ERROR_CODE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")

ReadBody: TypeAlias = Callable[[str], bytes | None]
"""Returns the JSON at an S3 path that a record names; None if it cannot be read."""

_records: Final = Reader[RawRecord](RawRecord)
_bodies: Final = Reader[OutputBody](OutputBody)
_elements: Final = msgspec.json.Decoder(list[msgspec.Raw])
_members: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_NO_INPUT: Final = RawInput()
_NO_OUTPUT: Final = RawOutput()
_NO_METRICS: Final = RawInvocationMetrics()
_NO_USAGE: Final = RawUsage()
_PLAIN: Final = Billing()
_NOTHING_USED: Final = Usage()
_REFUSED: Final = Billing(counts="refused")
_BLOCKED: Final = Billing(counts="blocked")
_UNCOUNTED: Final = Billing(counts="missing")
# The parsed form of chunks that hold only a piece of the response: by far the most.
_PIECES: Final = (RawBody(), RawBody(delta=RawDelta()), RawBody(choices=[RawChoice()]))


def parse(
    line: str | bytes,
    *,
    where: str = "",
    logged_at: float | None = None,
    read_body: ReadBody | None = None,
    naming: Naming = AUTO,
) -> Invocation | Rejected | Skipped:
    """Read one line of the invocation log.

    `where` identifies the line for a person; `logged_at` (seconds since 1970) is used if the record
    has no readable timestamp. `read_body` returns an output that is in S3; it is read as if it were
    in the record. `naming` says how callers are named. Every line, whatever it holds, returns a
    value.
    """
    try:
        raw = _records.read(line)
        if raw is None:
            return Rejected("not_an_object", where)
        if raw.schema_type != SCHEMA_TYPE:
            return Skipped("foreign_record", where)
        if raw.output is not None and type(raw.output.output_body_json) is str:
            raw = _with_text_read(raw, raw.output, raw.output.output_body_json)
        if read_body is not None:
            raw = _with_body(raw, read_body)
        return _invocation(raw, where, logged_at, naming)
    except ValueError:
        return Rejected("not_json", where)


def _with_body(raw: RawRecord, read_body: ReadBody) -> RawRecord:
    """Put the output's body into a record that only refers to it."""
    output = raw.output
    if output is None or output.output_body_json is not None:
        return raw
    path = output.output_body_s3_path
    text = read_body(path) if isinstance(path, str) and path else None
    body = None if text is None else _read_body(text)
    if body is None:
        return raw
    return replace(raw, output=replace(output, output_body_json=body))


def _with_text_read(raw: RawRecord, output: RawOutput, text: str) -> RawRecord:
    """Read a body that is text in the record."""
    return replace(raw, output=replace(output, output_body_json=_read_body(text)))


def _read_body(text: str | bytes) -> OutputBody:
    """Read a body like one inside a record; None if it cannot be read."""
    try:
        return _bodies.read(text)
    except ValueError:
        return None


def _invocation(
    raw: RawRecord, where: str, logged_at: float | None, naming: Naming
) -> Invocation | Rejected:
    when = None if raw.timestamp is None else _read_timestamp(raw.timestamp)
    if when is None:
        when = _moment_of_logging(logged_at)
    if when is None:
        return Rejected("no_timestamp", where)
    place = _place(raw.account_id, raw.region, raw.operation, raw.model_id)
    if place.model_id is None:
        return Rejected("no_model", where)
    source = raw.input or _NO_INPUT
    output = raw.output or _NO_OUTPUT
    body, chunks = _chunks(output)
    answer = _Answer(chunks)
    error_code = None if raw.error_code is None else _error_code(raw.error_code)
    operation = place.operation or _guess_operation(output, chunks)
    images = _images(output, answer)
    model, profile = (
        model_ref(answer.routed_model) if answer.routed_model else (place.model, place.profile)
    )
    usage = _usage(source, output, answer)
    identity = raw.identity
    caller = _caller(
        (identity.arn or "") if type(identity) is RawIdentity else _arn_in_list(identity), naming
    )
    # By position, in the order of the fields: matching the keywords takes half a microsecond.
    return Invocation(
        _id(raw.request_id),
        when.text,
        when.epoch,
        place.account_id,
        place.region,
        operation,
        place.model_id,
        model,
        profile,
        caller.principal,
        caller.arn,
        "error" if error_code else "ok",
        error_code,
        answer.stop_reason,
        usage,
        _billing(raw, answer, images, body, usage, operation)
        if images or usage != _NOTHING_USED
        else _nothing_used(source, output, answer, error_code, operation),
        _modality(output, answer, images, error_code, operation, place.makes),
        answer.latency_ms,
        answer.first_byte_ms,
        guardrail_result(answer.traces, intervened=answer.intervened, ran=answer.ran),
        body,
        () if raw.request_metadata is None else _metadata(raw.request_metadata),
        caller.is_api_key,
    )


def _chunks(output: RawOutput) -> tuple[Body, tuple[RawBody, ...]]:
    """Return where the output body is, and the body or its non-empty chunks.

    A list may hold more than objects: streams end with the text `"[DONE]"`.
    """
    body = output.output_body_json
    if type(body) is RawBody:
        return "inline", (body,)
    if isinstance(body, list):
        chunks = [chunk for chunk in body if type(chunk) is RawBody]
        if chunks:
            return "inline", tuple([chunk for chunk in chunks if chunk not in _PIECES])
    return "offloaded" if output.output_body_s3_path else "absent", ()


# --- Who called what, and when ------------------------------------------------------------------
# Many records share these. The cache is bounded, as the length of texts is.


class _Moment(NamedTuple):
    """The record's time as text in UTC, always in one form, and in seconds since 1970."""

    text: str
    epoch: float


class _Place(NamedTuple):
    """The Region and model of a call; `model_id` is None if not in the record."""

    account_id: str
    region: str
    operation: str
    model_id: str | None
    model: str
    profile: str | None
    makes: Modality | None


def _moment_of_logging(logged_at: float | None) -> _Moment | None:
    """Return the next best time of a record without a readable one."""
    try:
        if logged_at is not None:
            return _Moment(_utc_text(datetime.fromtimestamp(logged_at, UTC)), logged_at)
    except (ValueError, OverflowError, OSError):
        pass
    return None


@lru_cache(maxsize=1024)
def _read_timestamp(timestamp: str) -> _Moment | None:
    try:
        parsed = datetime.fromisoformat(timestamp)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=UTC)
        return _Moment(_utc_text(parsed.astimezone(UTC)), parsed.timestamp())
    except (ValueError, OverflowError):
        return None


def _utc_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=1024)
def _place(
    account_id: str | None, region: str | None, operation: str | None, model_id: str | None
) -> _Place:
    called = clean(model_id or "", 512) or None
    return _Place(
        clean(account_id or "", 32),
        clean(region or "", 32),
        clean(operation or "", _MAX_WORD),
        called,
        *model_ref(called or ""),
        made_by(called or ""),
    )


class _Caller(NamedTuple):
    """The caller of a call; the ARN is empty if callers are hashed."""

    principal: str
    arn: str
    is_api_key: bool


@lru_cache(maxsize=1024)
def _caller(arn: str, naming: Naming) -> _Caller:
    cleaned = clean(arn, 2048)
    shown = "" if naming.detail == "hashed" else cleaned
    return _Caller(principal_of(cleaned, naming), shown, is_api_key(cleaned))


def _arn_in_list(identity: Any) -> str:
    """Return the caller's ARN if `identity` is a list of objects, which was seen once."""
    for item in identity or ():
        if type(item) is RawIdentity and item.arn is not None:
            return item.arn
    return ""


def _id(text: str | None) -> str:
    if not text:
        return ""
    if text.isascii() and text.isprintable():
        return text.strip()  # nearly always; `clean` would change nothing
    return clean(text, 128)


def _error_code(value: Any) -> str | None:
    """Return the exception's name; any other text is `OTHER`, never ok."""
    if value == "":
        return None
    if not isinstance(value, str):
        return "OTHER"
    name = value.rpartition("#")[2]
    return name if _ERROR_CODE.fullmatch(name) else "OTHER"


def _guess_operation(output: RawOutput, chunks: tuple[RawBody, ...]) -> str:
    """Return the operation by the body's shape, for sources that leave `operation` out."""
    if isinstance(output.output_body_json, list):
        return "InvokeModelWithResponseStream"
    if not chunks:
        return "unknown"
    # Nova's own responses have a `stopReason` too, but no other key of Bedrock's.
    body = chunks[0]
    is_converse = body.metrics is not None or body.trace is not None
    return "Converse" if is_converse and body.stop_reason_converse else "InvokeModel"


# --- What was returned --------------------------------------------------------------------------


class _Answer:
    """The combined values of all chunks of a response, read in one pass.

    The last chunk wins, except for the tier, the latency mode and the model, where the first wins.
    The defaults are the values of an empty response.
    """

    stop_reason: str | None = None
    traces: tuple[msgspec.Raw, ...] = ()
    intervened = ran = is_embedding = False
    # Bedrock counts in the last chunk of a stream, providers in several.
    metrics: RawInvocationMetrics = _NO_METRICS
    usage: RawUsage = _NO_USAGE
    latency_ms: int | None = None
    first_byte_ms: int | None = None
    routed_model: str | None = None
    service_tier: str | None = None
    latency_mode: str | None = None
    images: msgspec.Raw = NULL

    def __init__(self, chunks: tuple[RawBody, ...]) -> None:
        for chunk in chunks:
            self._read(chunk)
        if self.stop_reason == "guardrail_intervened":
            self.intervened = True
        if self.is_embedding:
            self.images = NULL  # those that were read

    def _read(self, chunk: RawBody) -> None:
        word = chunk.stop_reason_converse or _stop_word(chunk)
        if word:
            self.stop_reason = _cleaned(word) or self.stop_reason
        if chunk.trace is not None:
            self._read_trace(chunk.trace)
        if chunk.invoke_trace is not None:
            self._read_trace(chunk.invoke_trace)
        if chunk.guardrail_action is not None or chunk.action is not None:
            self._read_action(chunk)
        self._read_numbers(chunk)
        if type(chunk.metadata) is RawMetadata:
            self._read_metadata(chunk.metadata)
        if chunk.service_tier_converse is not None or chunk.service_tier is not None:
            self.service_tier = self.service_tier or _service_tier(chunk)
        if chunk.performance_config is not None:
            self.latency_mode = self.latency_mode or _word(chunk.performance_config.latency)
        if chunk.images is not NULL and self.images is NULL:
            self.images = chunk.images
        # Nearly always they are the same object, and identity is faster to check than equality.
        if not (
            chunk.embedding is chunk.embeddings is chunk.embeddings_by_type is chunk.data is NULL
        ):
            self.is_embedding = self.is_embedding or _is_embedding(chunk)

    def _read_numbers(self, chunk: RawBody) -> None:
        if chunk.usage is not None:
            self._read_usage(chunk.usage)
        if type(chunk.message) is RawMessage and chunk.message.usage is not None:
            self._read_usage(chunk.message.usage)
        if type(chunk.response) is RawMessage and chunk.response.usage is not None:
            self._read_usage(chunk.response.usage)
        if chunk.metrics is not None and chunk.metrics.latency_ms is not None:
            self.latency_ms = chunk.metrics.latency_ms
        metrics = chunk.invocation_metrics
        if metrics is not None:
            self.metrics = metrics
            if metrics.latency_ms is not None:
                self.latency_ms = metrics.latency_ms
            if metrics.first_byte_ms is not None:
                self.first_byte_ms = metrics.first_byte_ms

    def _read_metadata(self, last: RawMetadata) -> None:
        if last.usage is not None:
            self._read_usage(last.usage)
        if last.metrics is not None and last.metrics.latency_ms is not None:
            self.latency_ms = last.metrics.latency_ms
        if last.trace is not None:
            self._read_trace(last.trace)
        if last.service_tier is not None:
            self.service_tier = self.service_tier or _word(last.service_tier.type)
        if last.performance_config is not None:
            self.latency_mode = self.latency_mode or _word(last.performance_config.latency)

    def _read_trace(self, trace: RawTrace) -> None:
        if trace.guardrail is not NULL:
            self.traces += (trace.guardrail,)
        if trace.guardrails is not NULL:
            self.traces += (trace.guardrails,)
        # A prompt router names the model that it chose, which is the one charged.
        if trace.router is not None and self.routed_model is None:
            self.routed_model = clean(trace.router.invoked_model_id or "", 512) or None

    def _read_action(self, chunk: RawBody) -> None:
        if (
            chunk.guardrail_action in ("INTERVENED", "GUARDRAIL_INTERVENED")
            or chunk.action == "GUARDRAIL_INTERVENED"
        ):
            self.intervened = True
        elif isinstance(chunk.guardrail_action, str):
            self.ran = True  # `NONE`, or an unknown value: a guardrail ran

    def _read_usage(self, usage: RawUsage) -> None:
        if self.usage is _NO_USAGE:
            self.usage = usage
        else:
            said = {name: value for name, value in asdict(usage).items() if value is not None}
            self.usage = replace(self.usage, **said)


def _is_embedding(chunk: RawBody) -> bool:
    if not chunk.embedding == chunk.embeddings == chunk.embeddings_by_type == NULL:
        return True
    try:
        return any("embedding" in member for member in _members.decode(chunk.data)[:1])
    except msgspec.ValidationError:
        return False  # `data` of another kind


def _word(word: str | None) -> str | None:
    return _cleaned(word) if word else None


@lru_cache(maxsize=1024)  # few words, many responses
def _cleaned(word: str) -> str | None:
    return clean(word, _MAX_WORD) or None


def _stop_word(chunk: RawBody) -> str | None:
    """Return the provider's word for why the response ended."""
    if chunk.stop_reason:
        return chunk.stop_reason
    if type(chunk.delta) is RawDelta and chunk.delta.stop_reason:
        return chunk.delta.stop_reason
    if chunk.message_stop is not None and chunk.message_stop.stop_reason:
        return chunk.message_stop.stop_reason
    if chunk.finish_reason or chunk.completion_reason:
        return chunk.finish_reason or chunk.completion_reason
    choices = chunk.choices or chunk.outputs or chunk.results or chunk.generations
    return _choice_word(choices) if choices else None


def _choice_word(choices: RawChoices) -> str | None:
    choice = choices[0] if isinstance(choices, list) else None
    if type(choice) is not RawChoice:
        return None
    return choice.finish_reason or choice.stop_reason or choice.completion_reason


def _service_tier(chunk: RawBody) -> str | None:
    """Return the service tier that served the call, in Bedrock's words."""
    if chunk.service_tier_converse is not None and chunk.service_tier_converse.type:
        return _word(chunk.service_tier_converse.type)
    return _openais_tier(chunk.service_tier)


def _openais_tier(word: Any) -> str | None:
    """Return the tier in OpenAI's requests and responses, which may also be `auto`."""
    return word if isinstance(word, str) and word in _TIERS else None


def _usage(source: RawInput, output: RawOutput, answer: _Answer) -> Usage:
    """Return the record's own counts, else Bedrock's in the body, else the provider's."""
    read, written = source.input_token_count, output.output_token_count
    cache_read = source.cache_read_input_token_count
    cache_written = source.cache_write_input_token_count
    metrics, usage = answer.metrics, answer.usage
    cached = _cached_inside(usage)
    if read is None or cached is not None:
        total = _first(usage.input_tokens, usage.snake_input, usage.prompt_tokens)
        read = _first(read, metrics.input_tokens, total)
        if read is not None and cached is not None and read == total and cached <= read:
            # Counted as input, and not by the record as read from the cache.
            read -= cached
            cache_read = cache_read or cached
    if written is None:
        written = _first(
            metrics.output_tokens,
            usage.output_tokens,
            usage.snake_output,
            usage.completion_tokens,
        )
    if cache_read is None:
        cache_read = metrics.cache_read_tokens
    if cache_written is None:
        cache_written = metrics.cache_write_tokens
    if usage is not _NO_USAGE:
        if cache_read is None:
            cache_read = (
                usage.cache_read_tokens
                or usage.nova_cache_read
                or usage.anthropic_cache_read
                or cached
            )
        if cache_written is None:
            cache_written = (
                usage.cache_write_tokens
                or usage.nova_cache_write
                or usage.anthropic_cache_write
                or _written_by_lifetime(usage)
            )
    return Usage(read or 0, written or 0, cache_read or 0, cache_written or 0)


def _first(*counts: int | None) -> int | None:
    for count in counts:  # a third of the time of a generator
        if count is not None:
            return count
    return None


def _cached_inside(usage: RawUsage) -> int | None:
    """Return the cached input tokens, for providers that count them as input."""
    details = usage.input_details or usage.prompt_details
    return None if details is None else details.cached_tokens


def _written_by_lifetime(usage: RawUsage) -> int | None:
    split = usage.cache_creation
    if split is None:
        return None
    return (split.for_five_minutes or 0) + (split.for_an_hour or 0)


def _billing(
    raw: RawRecord, answer: _Answer, images: int, body: Body, usage: Usage, operation: str
) -> Billing:
    writes = _hour_long_writes(answer.usage)
    tier, latency_mode = answer.service_tier, answer.latency_mode
    # As served, as in the record, or as requested.
    if latency_mode is None and raw.performance_config is not None:
        latency_mode = _word(raw.performance_config.latency)
    asked = None if raw.input is None else raw.input.input_body_json
    if type(asked) is RawRequest:
        if tier is None and type(asked.service_tier_converse) is RawTier:
            tier = _word(asked.service_tier_converse.type)
        if tier is None and asked.service_tier is not None:
            tier = _openais_tier(asked.service_tier)
        if latency_mode is None and type(asked.performance_config) is RawPerformance:
            latency_mode = _word(asked.performance_config.latency)
    if tier is None and body != "inline":
        tier = _tier_unread(operation, asked)
    if writes is None and (not usage.cache_write_tokens or _counts_writes(answer.usage)):
        writes = 0
    has_cache = body == "inline" or (
        raw.input is not None and raw.input.cache_read_input_token_count is not None
    )
    counts: Counts = "present" if has_cache else "no-cache"
    if not (usage.input_tokens or images) and raw.error_code is None:
        counts = "missing" if _input_count(raw.input or _NO_INPUT, answer) is None else counts
    if writes == 0 and counts == "present" and not (images or tier or latency_mode):
        return _PLAIN
    return Billing(
        cache_write_1h_tokens=writes,
        images=images,
        service_tier=tier,
        latency_mode=latency_mode,
        counts=counts,
    )


def _input_count(source: RawInput, answer: _Answer) -> int | None:
    """Return the input tokens by anyone's count, None if no one counts them."""
    usage = answer.usage
    return _first(
        source.input_token_count,
        answer.metrics.input_tokens,
        usage.input_tokens,
        usage.snake_input,
        usage.prompt_tokens,
    )


def _nothing_used(
    source: RawInput,
    output: RawOutput,
    answer: _Answer,
    error_code: str | None,
    operation: str,
) -> Billing:
    """Return how a call without usage is billed.

    A blocked call whose body is not logged shows only that it counts 0. Images, embeddings and
    ranks, which Converse does not return, may count 0 of one kind, and are charged by another.
    """
    if error_code:
        return _REFUSED
    if answer.intervened or (answer.images is not NULL and _is_list(answer.images)):
        return _BLOCKED  # or a filter has left no image
    read, usage = _input_count(source, answer), answer.usage
    written = _first(
        output.output_token_count,
        answer.metrics.output_tokens,
        usage.output_tokens,
        usage.snake_output,
        usage.completion_tokens,
    )
    if read is None or written is None:
        is_counted = operation.startswith("Converse") and (read, written) != (None, None)
        return _PLAIN if is_counted else _UNCOUNTED
    return _PLAIN


def _tier_unread(operation: str, asked: Any) -> str | None:
    """Return the tier of a call whose body was not read.

    Bodies name any but the default, and so does Converse's request. InvokeModel may have it in
    headers instead, which are not logged: with its body it counts as the default.
    """
    is_default = type(asked) is RawRequest and operation.startswith("Converse")
    return None if is_default else UNKNOWN_TIER


def _hour_long_writes(usage: RawUsage) -> int | None:
    """Return the tokens of one-hour cache writes, from Converse's split or Anthropic's own."""
    if usage.cache_details is not None:
        return sum(detail.tokens or 0 for detail in usage.cache_details if detail.ttl == "1h")
    return None if usage.cache_creation is None else usage.cache_creation.for_an_hour or 0


def _counts_writes(usage: RawUsage) -> bool:
    """Whether the body counts cache writes: then it also names those of an hour."""
    counts = (usage.cache_write_tokens, usage.nova_cache_write, usage.anthropic_cache_write)
    return any(count is not None for count in counts)


def _images(output: RawOutput, answer: _Answer) -> int:
    """Return the number of generated images, by the record's counters or else the body's list."""
    if output.output_images_count is not None:
        return output.output_images_count
    if output.output_image_count is not None:
        return output.output_image_count
    if output.output_image_height is not None:
        return 1  # sizes without a count: one picture
    if answer.images is NULL:
        return 0
    try:
        # A filtered image leaves a null.
        return sum(bytes(image) != b"null" for image in _elements.decode(answer.images))
    except msgspec.ValidationError:
        return 0  # no list


def _is_list(value: msgspec.Raw) -> bool:
    return bytes(value).startswith(b"[")


def _modality(
    output: RawOutput,
    answer: _Answer,
    images: int,
    error_code: str | None,
    operation: str,
    makes: Modality | None,
) -> Modality:
    """Return the output modality, by counters and the body's shape, else by the model's name."""
    if output.output_video_duration_seconds is not None or output.output_video_height is not None:
        return "video"
    if output.output_audio_duration_seconds is not None:
        return "audio"
    if images or (answer.images is not NULL and _is_list(answer.images)):
        return "image"
    if answer.is_embedding:
        return "embedding"
    is_unread = error_code is None and output.output_body_json is None and output is not _NO_OUTPUT
    if makes is None and is_unread:
        return _modality_unread(output, operation)
    return makes or "text"


def _modality_unread(output: RawOutput, operation: str) -> Modality:
    if output.output_token_count is not None or operation.startswith("Converse"):
        return "text"
    # An embedding's body is often left out of the record; then only the missing count shows it.
    is_silent = not output.output_body_s3_path
    return "embedding" if is_silent and operation in _MAY_EMBED else "unknown"


def _metadata(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        return ()
    pairs = {
        clean(key, 256): clean(text, 256)
        for key, text in islice(value.items(), _MAX_METADATA)
        if isinstance(text, str)
    }
    pairs.pop("", None)
    return tuple(sorted(pairs.items()))  # tools that copy records sort keys
