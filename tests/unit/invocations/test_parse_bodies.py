"""An output that lies in S3 is read as if it had been in the record, where it can be had."""

import copy
import gzip
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from bedrock_alerts.errors import GoneError
from bedrock_alerts.invocations.collector import (
    Collected,
    CollectOptions,
    Parts,
    collect,
    collect_objects,
)
from bedrock_alerts.invocations.decode import LogBatch, LogLine
from bedrock_alerts.invocations.invocation import Cost, Invocation
from bedrock_alerts.invocations.offloaded_bodies import OffloadedBodies
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.invocations.s3_notifications import LogObject
from tests.records import (
    EPOCH,
    Json,
    anthropic,
    anthropic_chunks,
    assessment,
    chat_chunks,
    content,
    converse,
    converse_trace,
    hollow,
    invocation_metrics,
    invoke,
    invoke_keys,
    metadata_only,
    nova,
    offloaded,
    pii,
    stream,
    topic,
)

PATH: Final = "s3://example-bodies/AWSLogs/1/BedrockModelInvocationLogs/x/data/r_output.json.gz"
FOUND: Final = assessment(content(kind="PROMPT_ATTACK"), topic(), pii(), invocation_metrics())
EMBEDDING: Final = invoke({"embedding": [0.5, 0.25]}, tokens=(3, None))


def away(document: Json) -> Json:
    """Return the record as it is when its output was too large for it."""
    document = copy.deepcopy(document)
    del document["output"]["outputBodyJson"]
    document["output"]["outputBodyS3Path"] = PATH
    return document


def read(document: Json, body: bytes | None) -> Invocation:
    asked: list[str] = []

    def reader(path: str) -> bytes | None:
        asked.append(path)
        return body

    found = parse(json.dumps(document), read_body=reader)
    assert isinstance(found, Invocation)
    assert asked == [PATH]
    return found


SHAPES: Final = [
    pytest.param(
        converse(
            stop="guardrail_intervened", trace=converse_trace(FOUND), usage={"inputTokens": 7}
        ),
        id="Converse",
    ),
    pytest.param(
        converse(
            operation="ConverseStream",
            stop="guardrail_intervened",
            trace=converse_trace(answered={"gr0example1": [FOUND]}),
        ),
        id="ConverseStream",
    ),
    pytest.param(invoke(anthropic(**invoke_keys(FOUND, FOUND))), id="InvokeModel"),
    pytest.param(invoke(nova(), tokens=(None, None)), id="InvokeModel without counters"),
    pytest.param(
        stream(anthropic_chunks(last=invoke_keys(FOUND)), tokens=(None, None)),
        id="a stream, counted in its last chunk",
    ),
    pytest.param(stream(chat_chunks()), id="a stream that ends with a text"),
    pytest.param(stream(anthropic_chunks(), operation=""), id="a stream that does not say so"),
    pytest.param(EMBEDDING, id="an embedding"),
    pytest.param(invoke({"images": ["a", "b"]}), id="pictures"),
]


@pytest.mark.parametrize("document", SHAPES)
def test_a_body_read_from_s3_says_what_it_would_say_in_the_record(document: Json) -> None:
    inline = parse(json.dumps(document))
    assert isinstance(inline, Invocation)
    assert inline.body == "inline"
    body = json.dumps(document["output"]["outputBodyJson"]).encode()
    assert read(away(document), body) == inline


def test_what_only_the_standard_library_reads_is_mended() -> None:
    document = converse(trace=converse_trace(FOUND))
    body = json.dumps({**document["output"]["outputBodyJson"], "odd": "X"}).replace('"X"', "NaN")
    found = read(away(document), body.encode())
    assert found.body == "inline"
    assert found.guardrail.verdict == "blocked"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(None, id="nothing"),
        pytest.param(b"", id="no byte"),
        pytest.param(b"no JSON", id="no JSON"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"a text"', id="a text"),
        pytest.param(b"7", id="a number"),
        pytest.param(b"[]", id="no chunk"),
        pytest.param(b'["[DONE]"]', id="no chunk but the end"),
        pytest.param(b"[" * 100_000, id="levels without an end"),
    ],
)
def test_without_a_readable_body_the_record_stays_offloaded(body: bytes | None) -> None:
    found = read(away(converse()), body)
    assert found.body == "offloaded"
    assert found.guardrail.verdict == "none"
    assert (found.usage.input_tokens, found.usage.output_tokens) == (12, 34)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(converse(), id="the output is in the record"),
        pytest.param(offloaded(output=False), id="only the input is in S3"),
        pytest.param(metadata_only(), id="texts are not delivered"),
        pytest.param(hollow(), id="an empty record"),
        pytest.param({**converse(), "output": None}, id="no output"),
        pytest.param({**converse(), "output": []}, id="an output of another shape"),
        pytest.param({**converse(), "output": {"outputBodyS3Path": 7}}, id="a number for a path"),
        pytest.param({**converse(), "output": {"outputBodyS3Path": ""}}, id="an empty path"),
        pytest.param({"schemaType": "Other", "output": {"outputBodyS3Path": PATH}}, id="foreign"),
        pytest.param(
            {**converse(), "input": {"outputBodyS3Path": PATH}, "note": {"outputBodyS3Path": PATH}},
            id="a path where none belongs",
        ),
    ],
)
def test_nothing_is_asked_for_where_no_output_is_away(document: Json) -> None:
    def never(path: str) -> bytes | None:
        raise AssertionError(path)

    line = json.dumps(document)
    assert parse(line, read_body=never) == parse(line)


class Cheap:
    """A price list in which everything is free."""

    def cost(self, **_: object) -> Cost:
        return Cost(model_picodollars=0, guardrail_picodollars=0, priced="exact")


BODY: Final = json.dumps(
    converse(stop="guardrail_intervened", trace=converse_trace(FOUND))["output"]["outputBodyJson"]
).encode()
ONE: Final = away(converse(requestId="one"))
GONE: Final = away(converse(requestId="two"))
GONE["output"]["outputBodyS3Path"] = PATH.replace("/r_", "/gone_")


class Store:
    """A bucket with one log object and the body of one of its two calls."""

    def chunks(self, _bucket: str, key: str) -> Iterator[bytes]:
        if "gone" in key:
            raise GoneError("the object is gone")
        yield BODY if "/data/" in key else PACKED


PACKED: Final = gzip.compress("\n".join(map(json.dumps, (ONE, GONE))).encode())
BATCH: Final = LogBatch(log_events=tuple(LogLine(json.dumps(one)) for one in (ONE, GONE)))
EVERY: Final = CollectOptions(every_event=True)


def bodies() -> OffloadedBodies:
    return OffloadedBodies("example-bodies", Store().chunks)


def told(collected: Collected) -> list[Any]:
    documents = [json.loads(line) for line in (*collected.events, *collected.notices)]
    return [
        (one["event"], one["body"], one["guardrail"]["verdict"])
        if one["event"] == "invocation"
        else (one["event"], one["reasons"])
        for one in documents
    ]


EXPECTED: Final = [
    ("invocation", "inline", "blocked"),
    ("invocation", "offloaded", "none"),
    ("bodies_not_read", {"gone": 1}),
]


def test_a_batch_reads_what_it_can_and_tells_of_the_rest_in_one_line() -> None:
    collected = collect((BATCH,), Parts(Cheap(), EVERY, bodies()), now=EPOCH)
    assert told(collected) == EXPECTED
    counted = {
        point.metric: sum(point.values) for point in collected.datapoints if not point.dimensions
    }
    assert counted["OffloadedBodies"] == 1
    assert counted["ContentFilteredCount"] == 1
    assert collected.processed == 2


def test_a_log_object_does_so_too() -> None:
    found = [LogObject("example-invocation-logs", "x.json.gz")]
    collected = collect_objects(found, Store(), Parts(Cheap(), EVERY, bodies()), now=EPOCH)
    assert told(collected) == EXPECTED


def test_a_batch_that_read_all_of_its_bodies_says_nothing_of_them() -> None:
    batch = LogBatch(log_events=BATCH.log_events[:1])
    collected = collect((batch,), Parts(Cheap(), EVERY, bodies()), now=EPOCH)
    assert told(collected) == EXPECTED[:1]


def test_without_a_bucket_bodies_are_counted_and_not_told_of() -> None:
    collected = collect((BATCH,), Parts(Cheap(), EVERY), now=EPOCH)
    assert told(collected) == [EXPECTED[1]] * 2
