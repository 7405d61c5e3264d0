"""What all collectors can be asked for: bodies out of S3, and prices of one's own."""

import contextlib
import gzip
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, Final, NamedTuple
from unittest.mock import Mock

import boto3
import pytest
from mypy_boto3_s3 import S3Client
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts_cli.samples.function_events import (
    BUCKET,
    kinesis_event,
    log_batch,
    log_key,
    object_created,
    sqs_event,
)
from functions.collect_logs import handler as collect_logs
from functions.collect_objects import handler as collect_objects
from functions.collect_stream import handler as collect_stream
from tests.properties.test_content_never_leaves import CANARY, SHAPES, with_canaries
from tests.records import Json, awslogs, batch, content, converse, converse_trace, log_events
from tests.support.apps import built_anew
from tests.support.secrecy import lines, shown

NOW: Final = datetime.now(UTC)
BODIES: Final = "example-bodies"
FOLDER: Final = "AWSLogs/111122223333/BedrockModelInvocationLogs/eu-west-1/2026/03/02/10/data"
BLOCKED: Final = converse(
    CANARY, stop="guardrail_intervened", trace=converse_trace(content(kind="PROMPT_ATTACK"))
)
COLLECTORS: Final = {
    "collect-logs": collect_logs,
    "collect-objects": collect_objects,
    "collect-stream": collect_stream,
}


class World(NamedTuple):
    """AWS, one collector in it, and what the collector wrote."""

    s3: S3Client
    module: ModuleType
    output: Any

    def store(self, bucket: str, key: str, text: bytes) -> None:
        """Put an object; what the test itself does is not to be looked at."""
        logging.disable(logging.CRITICAL)
        self.s3.put_object(Bucket=bucket, Key=key, Body=text)
        logging.disable(logging.NOTSET)

    def away(
        self, name: str, document: Json, *, is_there: bool = True, bucket: str = BODIES
    ) -> Json:
        """Put a record's output into the bucket, and return what is left of the record."""
        key = f"{FOLDER}/{name}_output.json.gz"
        body = json.dumps(document["output"]["outputBodyJson"]).encode()
        if is_there:
            self.store(bucket, key, gzip.compress(body))
        output = {"outputTokenCount": 34, "outputBodyS3Path": f"s3://{bucket}/{key}"}
        at = (NOW - timedelta(seconds=90)).isoformat()
        return {**document, "requestId": name, "timestamp": at, "output": output}

    def collect(self, documents: list[Json]) -> dict[str, list[Json]]:
        """Hand the records to the collector in its way; return its lines by kind."""
        messages = [json.dumps(document) for document in documents]
        at = NOW.timestamp()
        if self.module is collect_logs:
            event: Any = awslogs(batch(log_events(messages, at=at)))
        elif self.module is collect_stream:
            event = kinesis_event([log_batch(messages, int(at * 1000))])
        else:
            key = log_key(NOW)
            self.store(BUCKET, key, gzip.compress("\n".join(messages).encode()))
            event = sqs_event("objects", [json.dumps(object_created(key, NOW))])
        handler: Callable[[Any, object], Any] = self.module.handler
        answer = handler(event, None)
        assert not answer.get("batchItemFailures")
        found: dict[str, list[Json]] = {}
        for line in self.output.text.splitlines():
            document = json.loads(line)
            found.setdefault(document.get("event", "metrics"), []).append(document)
        return found


@pytest.fixture(params=COLLECTORS)
def world(
    request: pytest.FixtureRequest,
    sqs: SQSClient,  # noqa: ARG001 - brings all of AWS along
    output: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[World]:
    """Set one collector up; with all loggers on, it must not repeat what people wrote."""
    s3 = boto3.client("s3")
    for bucket in (BUCKET, BODIES, "other-bucket"):
        s3.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
    monkeypatch.setenv("METRICS_NAMESPACE", "BedrockAlerts")
    monkeypatch.setenv("EVENT_LINES", "all")
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    caplog.set_level(logging.DEBUG)
    module = COLLECTORS[request.param]
    with built_anew(module):
        yield World(s3, module, output)
    assert not shown([CANARY, "A short"], [*lines(caplog.get_records("call")), output.text])


def total(found: dict[str, list[Json]], metric: str) -> float:
    """Add up what was published of a metric without dimensions."""
    documents = [
        one
        for one in found["metrics"]
        if one["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[]] and metric in one
    ]
    values = [one[metric] for one in documents]
    return sum(sum(value) if isinstance(value, list) else value for value in values)


def test_a_blocked_answer_in_s3_is_counted_like_one_in_its_record(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLOADED_BODY_BUCKET_NAME", BODIES)
    found = world.collect([world.away("one", BLOCKED), world.away("two", converse(CANARY))])
    assert [
        (call["request_id"], call["body"], call["guardrail"]["verdict"], call["latency_ms"])
        for call in found["invocation"]
    ] == [("one", "inline", "blocked", 640), ("two", "inline", "none", 640)]
    assert total(found, "ContentFilteredCount") == 1
    assert total(found, "OffloadedBodies") == 0
    assert "bodies_not_read" not in found


def test_what_cannot_be_read_is_counted_and_told_in_one_line(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLOADED_BODY_BUCKET_NAME", BODIES)
    found = world.collect(
        [
            world.away("there", BLOCKED),
            world.away("gone", BLOCKED, is_there=False),
            world.away("elsewhere", BLOCKED, bucket="other-bucket"),
        ]
    )
    assert [call["body"] for call in found["invocation"]] == ["inline", "offloaded", "offloaded"]
    (line,) = found["bodies_not_read"]
    assert line["reasons"] == {"gone": 1, "path_not_allowed": 1}
    assert total(found, "OffloadedBodies") == 2
    assert total(found, "RecordsProcessed") == 3


def test_without_a_bucket_no_body_is_read(world: World) -> None:
    found = world.collect([world.away("one", BLOCKED)])
    assert [call["body"] for call in found["invocation"]] == ["offloaded"]
    assert total(found, "OffloadedBodies") == 1
    assert "bodies_not_read" not in found


def test_nothing_is_said_of_what_people_wrote(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLOADED_BODY_BUCKET_NAME", BODIES)
    records = [
        world.away(f"r{number}", with_canaries(shape))
        for number, shape in enumerate(SHAPES)
        if shape.get("output", {}).get("outputBodyJson")
    ]
    world.store(BODIES, f"{FOLDER}/odd_output.json.gz", f'{{"{CANARY}'.encode())
    odd = world.away("odd", with_canaries(BLOCKED), is_there=False)
    found = world.collect([*records, odd])
    assert len(records) > 10
    assert {call["body"] for call in found["invocation"]} == {"inline", "offloaded"}
    assert found["bodies_not_read"][0]["reasons"] == {"unreadable": 1}
    # The fixture looks for the canary in everything that was written and logged.


MODEL: Final = "example.model-v1:0"
OWN: Final = {"entries": [{"model": MODEL, "rates": {"input": 250_000, "output": 1_250_000}}]}


def call_of_a_model_without_a_price() -> Json:
    at = (NOW - timedelta(seconds=90)).isoformat()
    return converse(model=MODEL, timestamp=at, tokens=(4, 0))


def test_a_price_of_ones_own_is_charged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICE_OVERRIDES", json.dumps(OWN))
    found = world.collect([call_of_a_model_without_a_price()])
    assert [(call["priced"], call["cost_usd"]) for call in found["invocation"]] == [("exact", 1e-6)]
    assert "price_overrides_refused" not in found


def test_a_typo_in_a_price_stops_nothing_and_is_told_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRICE_OVERRIDES", json.dumps(OWN).replace("output", "outptu"))
    for _ in range(2):
        found = world.collect([call_of_a_model_without_a_price()])
    (line,) = found["price_overrides_refused"]
    assert line["level"] == "ERROR"
    assert f"entry 0 ({MODEL})" in line["error"]
    assert "`outptu`" in line["error"]
    assert {call["priced"] for call in found["invocation"]} == {"unpriced"}
    assert total(found, "RecordsProcessed") == 1  # the second is the same delivery again


# ---- deliveries that repeat ----------------------------------------------------------------------


def recent(*documents: Json) -> list[Json]:
    """Give records a time that can be counted, and ids of their own."""
    at = (NOW - timedelta(seconds=90)).isoformat()
    return [
        {**document, "timestamp": at, "requestId": f"repeated-{number}"}
        for number, document in enumerate(documents)
    ]


def test_what_is_delivered_again_to_a_warm_container_counts_once(world: World) -> None:
    calls = recent(converse(), BLOCKED)
    world.collect(calls)
    found = world.collect(calls)
    assert total(found, "Invocations") == 2
    assert total(found, "ContentFilteredCount") == 1


def test_what_could_not_be_written_counts_when_it_comes_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = recent(converse())
    with monkeypatch.context() as broken:
        broken.setattr(EmfSink, "publish", Mock(side_effect=OSError("full")))
        with contextlib.suppress(OSError, AssertionError):  # as the function tells Lambda
            world.collect(calls)
    assert total(world.collect(calls), "Invocations") == 1


def test_callers_are_named_as_the_stack_is_set(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLER_DETAIL", "hashed")
    (line,) = world.collect(recent(BLOCKED))["invocation"]
    assert line["principal"].startswith("caller-")
    assert line["principal_arn"] == ""
    assert "alice" not in world.output.text
