"""Whatever comes in, a value comes out, neighbours are whole, and the lines emitted are valid."""

import base64
import gzip
import json
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.errors import BatchError
from bedrock_alerts.invocations.collector import Parts, collect
from bedrock_alerts.invocations.decode import decode_event
from bedrock_alerts.invocations.invocation import Invocation, Rejected, Skipped
from bedrock_alerts.invocations.parse import parse
from tests import records
from tests.properties.batches import NOW, OPTIONS, PRICES, events_of, run, summary
from tests.properties.emitted import check_emitted, emit
from tests.records import (
    GUARDRAIL,
    Json,
    assessment,
    converse,
    converse_trace,
    invoke,
    invoke_keys,
    paths,
    stream,
)

# --- Records with every field there is ------------------------------------------------------------

FOUND: Final = assessment(
    records.topic(),
    records.content(),
    records.custom_word(),
    records.profanity(),
    records.pii(),
    records.regex(),
    records.grounding(),
    records.reasoning("invalid"),
    records.invocation_metrics(50, topicPolicyUnits=1),
    records.details(),
)
_TOP: Final[Json] = {
    "requestId": "req-full",
    "inferenceRegion": "eu-north-1",
    "requestMetadata": {"app": "shop"},
    "performanceConfig": {"latency": "standard"},
}
_COUNTERS: Final = {
    "outputImagesCount": 1,
    "outputImageHeight": 512,
    "outputAudioDurationSeconds": 1.5,
    "outputVideoDurationSeconds": 6,
    "outputVideoHeight": 720,
    "outputBodyS3Path": "s3://example-bodies/x",
}
FULL_CONVERSE: Final = converse(
    stop="guardrail_intervened",
    trace={**converse_trace(FOUND, {GUARDRAIL: [FOUND]}), "promptRouter": {"invokedModelId": "x"}},
    usage={"cacheReadInputTokens": 1, "cacheDetails": [{"ttl": "1h", "inputTokens": 5}]},
    body={"serviceTier": {"type": "flex"}, "performanceConfig": {"latency": "optimized"}},
    **_TOP,
)
FULL_CONVERSE["output"] |= _COUNTERS
FULL_INVOKE: Final = invoke(
    {
        **records.anthropic(),
        **records.titan(),
        **records.chat_completion(),
        **records.mistral(),
        **records.cohere_generations(),
        **invoke_keys(FOUND, FOUND),
        "amazon-bedrock-invocationMetrics": records.METRICS,
        "service_tier": "flex",
        "action": "NONE",
        "embedding": [0.1],
        "embeddings": [[0.1]],
        "images": ["x"],
    },
    request={"serviceTier": {"type": "flex"}, "performanceConfig": {"latency": "optimized"}},
    counters=_COUNTERS,
    **_TOP,
)
FULL_STREAM: Final = stream(
    [*records.anthropic_chunks(first=invoke_keys(FOUND), last=invoke_keys(FOUND, FOUND)), "[DONE]"],
    errorCode="ModelStreamErrorException",
    **_TOP,
)
FULL: Final = [FULL_CONVERSE, FULL_INVOKE, FULL_STREAM, records.offloaded(**_TOP)]

NEIGHBOURS: Final = [
    converse(requestId="req-before"),
    converse(requestId="req-after", trace=converse_trace(FOUND), stop="guardrail_intervened"),
]
ALONE: Final = run(events_of(NEIGHBOURS))
_HOLE: Final = "hole-to-be-filled"
_PLACES: Final = [(document, path) for document in FULL for path in paths(document)]


def line_with(document: Json, path: records.Path, value: str) -> str:
    """Return the line of a record in which the text `value` stands, as it is, at `path`."""
    return json.dumps(records.changed(document, path, _HOLE)).replace(f'"{_HOLE}"', value)


def check_between_neighbours(line: str) -> None:
    """Assert that a line, whatever it holds, is counted and leaves the lines around it alone."""
    before, after = events_of(NEIGHBOURS)
    (middle,) = events_of([line], "middle")
    result = run([before, middle, after])
    check_emitted(emit(result), now=NOW)
    assert result.received == result.processed + result.rejected + result.skipped == 3
    assert set(ALONE.events) <= set(result.events)
    if result.processed == 2:
        there = summary(result)
        for key, value in summary(ALONE).items():
            if not key[2].startswith("Records"):
                assert there[key] == value


VALUES: Final = {
    "null": "null",
    "true": "true",
    "nought": "0",
    "less than nothing": "-1",
    "a fraction": "0.5",
    "a number as a text": '"7"',
    "a number beyond 64 bits": "123456789012345678901234567890",
    "5,000 digits": "9" * 5000,
    "4,000 digits": "9" * 4000,
    "a number beyond a float": "1e999",
    "the largest float": "1.7976931348623157e308",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "a text": '"text"',
    "an empty text": '""',
    "a blank text": '" \\u200b "',
    "a long text": '"' + "x" * 5000 + '"',
    "half an emoji": '"\\ud83d"',
    "the other half": '"\\udd86 \\ud83e"',
    "control characters": '"\\u0000\\n\\u001b[2J\\u202e\\u2028"',
    "an empty list": "[]",
    "a list of everything": '[null, 1, "x", [], {}, {"a": 1}, true, 1.5]',
    "an empty object": "{}",
    "an object": '{"a": 1, "type": 7, "action": [], "guardrail": 1, "arn": {}, "usage": []}',
    "half an emoji as a key": '{"\\ud83d": {"\\udd86": "\\ud83d"}}',
    "an _aws block": '{"_aws": {"CloudWatchMetrics": [{"Namespace": "forged"}]}}',
}


@pytest.mark.parametrize("value", VALUES.values(), ids=list(VALUES))
def test_any_value_in_any_field_is_read_or_rejected(value: str) -> None:
    for document, path in _PLACES:
        outcome = parse(line_with(document, path, value))
        assert isinstance(outcome, (Invocation, Rejected, Skipped))
        encoded = msgspec.json.encode(outcome)
        json.loads(encoded.decode("utf-8", "strict"))
        if isinstance(outcome, Invocation):
            hash(outcome.guardrail)
            assert outcome.usage.input_tokens <= 10**12


@pytest.mark.parametrize("value", VALUES.values(), ids=list(VALUES))
def test_any_value_in_any_field_leaves_the_neighbours_alone(value: str) -> None:
    lines = {line_with(document, path, value) for document, path in _PLACES}
    for line in sorted(lines)[::7]:
        check_between_neighbours(line)


def deep(levels: int) -> str:
    return '{"a":[' * levels + "1" + "]}" * levels


RAW: Final = json.dumps(FULL_CONVERSE)
TEXT: Final = ("output", "outputBodyJson", "output", "message", "content", 0, "text")
TRACE: Final = ("output", "outputBodyJson", "trace", "guardrail")
CHUNK: Final = ("output", "outputBodyJson", 3, "amazon-bedrock-trace")
HOSTILE: Final = [
    pytest.param(line_with(FULL_CONVERSE, TEXT, deep(100_000)), None, id="a deep text"),
    pytest.param(line_with(FULL_CONVERSE, TRACE, deep(100_000)), None, id="a deep trace"),
    pytest.param("[" * 100_000, "not_json", id="100,000 levels that do not end"),
    pytest.param(line_with(FULL_CONVERSE, TEXT, deep(100)), None, id="100 levels"),
    pytest.param(line_with(FULL_CONVERSE, TEXT, '"\\ud83d"'), None, id="half an emoji in a text"),
    pytest.param(line_with(FULL_CONVERSE, TEXT, '"half \ud83d"'), None, id="the same, not escaped"),
    pytest.param(line_with(FULL_CONVERSE, TEXT, "NaN"), None, id="NaN in a text"),
    pytest.param(line_with(FULL_CONVERSE, TEXT, "9" * 5000), None, id="5,000 digits in a text"),
    pytest.param(
        line_with(FULL_CONVERSE, TEXT, '["\\ud83d", ' + "9" * 5000 + ", NaN, 1e999]"),
        None,
        id="all of these at once",
    ),
    pytest.param(
        line_with(FULL_CONVERSE, TEXT, '{"' + "k" * 2**20 + '": 1}'), None, id="a key of 1 MB"
    ),
    pytest.param(
        line_with(FULL_CONVERSE, ("requestMetadata",), '{"' + "k" * 2**20 + '": "v"}'),
        None,
        id="a key of 1 MB in the metadata",
    ),
    pytest.param(
        line_with(FULL_CONVERSE, (*TRACE, "inputAssessment"), '{"' + "k" * 2**20 + '": {}}'),
        None,
        id="a guardrail's name of 1 MB",
    ),
    pytest.param(
        line_with(FULL_CONVERSE, TEXT, '"' + "x" * 2**20 + '"'), None, id="a record of 1 MB"
    ),
    pytest.param(
        line_with(
            FULL_CONVERSE,
            (*TRACE, "inputAssessment"),
            json.dumps({f"g{n}": records.topic(name=f"t{n}") for n in range(5000)}),
        ),
        None,
        id="5,000 guardrails",
    ),
    pytest.param(
        line_with(FULL_STREAM, ("output", "outputBodyJson"), json.dumps(
            [invoke_keys(records.topic(name=f"t{n}")) for n in range(2000)])),
        None,
        id="2,000 chunks with a trace each",
    ),
    pytest.param(RAW.replace("{", '{"modelId":"a","modelId":"b",', 1), None, id="keys that repeat"),
    pytest.param(RAW.replace("A short answer.", "A short\nanswer."), None, id="a raw line break"),
    pytest.param("\ufeff" + RAW, None, id="a byte order mark"),
    pytest.param(RAW + "}", "not_json", id="something after the end"),
    pytest.param(RAW[:-9], "not_json", id="no end"),
    pytest.param(RAW.replace("12", "012"), "not_json", id="a number with a nought before it"),
    pytest.param("\ud83d", "not_json", id="half an emoji alone"),
    pytest.param("9" * 5000, "not_an_object", id="5,000 digits alone"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "reason"), HOSTILE)
def test_a_hostile_line_is_read_or_rejected(line: str, reason: str | None) -> None:
    outcome = parse(line, where="here")
    if reason is None:
        assert isinstance(outcome, Invocation)
        assert outcome.request_id == "req-full"
    else:
        assert outcome == Rejected(reason, "here")
    check_between_neighbours(line)


def test_bytes_that_are_no_utf_8_do_not_cost_the_record() -> None:
    line = RAW.encode().replace(b"A short answer.", b"\xff\xfe\xed\xa0\xbd")
    assert parse(line) == parse(RAW)
    spoiled = parse(RAW.encode().replace(b"search-app", b"search\xff"))
    assert isinstance(spoiled, Invocation)
    assert spoiled.principal == "search\ufffd"


def test_what_the_fast_parser_refuses_is_read_the_same_as_what_it_takes() -> None:
    for document, path in _PLACES:
        if path[-1] in {"text", "match", "inputContentType"}:
            plain = parse(line_with(document, path, '"x"'))
            assert parse(line_with(document, path, '"\\ud83d"')) == plain
            assert isinstance(plain, Invocation)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        pytest.param(FULL_CONVERSE, TEXT, id="in a text"),
        pytest.param(FULL_CONVERSE, TRACE, id="in a trace"),
        pytest.param(FULL_CONVERSE, ("requestMetadata",), id="in the metadata"),
        pytest.param(FULL_CONVERSE, ("identity",), id="in the identity"),
        pytest.param(FULL_STREAM, (*CHUNK, "guardrail"), id="in one of several traces"),
        pytest.param(
            FULL_STREAM,
            (*CHUNK, "guardrail", "input", GUARDRAIL, "topicPolicy"),
            id="in one of several assessments",
        ),
    ],
)
def test_nesting_costs_no_record_whatever_its_depth(document: Json, path: records.Path) -> None:
    # Parsers give up at a depth that differs by version, and whatever walks what was read a few
    # levels before or after.
    for levels in (*range(80, 130), *range(300, 1100, 7), 5_000, 10_000, 100_000):
        outcome = parse(line_with(document, path, deep(levels)), where="here")
        assert isinstance(outcome, Invocation), levels
        assert outcome.request_id == "req-full"


# --- Anything at all ------------------------------------------------------------------------------

_ANY_TEXT: Final = st.text(st.characters(exclude_categories=()), max_size=20)
_ANY_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged_records(draw: st.DrawFn) -> str:
    """Draw a full record with anything at all in up to three places."""
    document = draw(st.sampled_from(FULL))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(paths(document))))
        document = records.changed(document, path, draw(_ANY_JSON))
    return json.dumps(document, ensure_ascii=draw(st.booleans()))


_MESSAGES: Final = damaged_records() | _ANY_JSON.map(json.dumps) | _ANY_TEXT


@given(line=_MESSAGES)
def test_any_line_leaves_its_neighbours_alone_and_what_is_emitted_valid(line: str) -> None:
    check_between_neighbours(line)


@given(
    line=st.binary(max_size=200)
    | damaged_records().map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes_as_a_line_give_a_value(line: bytes) -> None:
    assert isinstance(parse(line), (Invocation, Rejected, Skipped))


@given(
    event=st.one_of(
        _ANY_JSON,
        st.binary(max_size=99).map(lambda b: {"awslogs": {"data": base64.b64encode(b).decode()}}),
        st.binary(max_size=99).map(records.awslogs),
        _ANY_JSON.map(records.awslogs),
        st.lists(_ANY_JSON, max_size=3).map(lambda e: records.awslogs(records.batch(e))),
        st.lists(_MESSAGES, max_size=3).map(
            lambda m: records.awslogs(records.batch(records.log_events(m)))
        ),
        st.dictionaries(_ANY_TEXT, _ANY_JSON, max_size=2).map(
            lambda more: records.awslogs({**records.batch([]), **more})
        ),
    )
)  # fmt: skip
def test_any_event_is_refused_as_a_whole_or_gives_valid_lines(event: Any) -> None:
    try:
        batch = decode_event(event)
    except BatchError:
        return
    result = collect((batch,), Parts(PRICES, OPTIONS), now=NOW)
    assert result.received == result.processed + result.rejected + result.skipped
    assert result.received + result.duplicates == len(batch.log_events)
    check_emitted(emit(result), now=NOW)


@given(times=st.lists(st.floats() | st.integers(), max_size=4))
def test_any_time_of_logging_is_counted_at_a_time_cloudwatch_takes(times: list[float]) -> None:
    events: list[Json] = [
        {"id": f"e{number}", "timestamp": at, "message": message}
        for number, at in enumerate(times)
        for message in ("no JSON", json.dumps(converse(timestamp=None)))
    ]
    batch = decode_event(records.awslogs(records.batch(events)))
    result = collect((batch,), Parts(PRICES, OPTIONS), now=NOW)
    assert result.received + result.duplicates == len(events)
    check_emitted(emit(result), now=NOW)


def test_a_batch_of_one_record_of_1_mb_is_read() -> None:
    line = line_with(FULL_CONVERSE, TEXT, '"' + "x" * (2**20 - len(RAW) - 26) + '"')
    packed = gzip.compress(json.dumps(records.batch(records.log_events([line]))).encode())
    event = {"awslogs": {"data": base64.b64encode(packed).decode()}}
    result = collect((decode_event(event),), Parts(PRICES, OPTIONS), now=NOW)
    assert (result.received, result.processed) == (1, 1)
    check_emitted(emit(result), now=NOW)


def test_an_event_of_too_many_findings_still_fits_on_a_line() -> None:
    names = {f"t{number}": records.topic(name="🦆" * 99) for number in range(3000)}
    document = converse(
        stop="guardrail_intervened", trace={"guardrail": {"inputAssessment": names}}
    )
    result = run(events_of([document]))
    guardrail = json.loads(result.events[0])["guardrail"]
    assert len(guardrail["hits"]) + guardrail["hits_left_out"] == 3000
    check_emitted(emit(result), now=NOW)
