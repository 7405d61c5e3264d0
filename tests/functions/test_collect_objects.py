"""`collect-objects` counts every line of every object once, whatever becomes of its neighbours."""

import gzip
import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import boto3
import pytest
from mypy_boto3_s3 import S3Client
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.errors import SettingsError, TransientError
from bedrock_alerts_cli.samples.function_events import (
    BUCKET,
    log_key,
    object_created,
    s3_notification,
)
from functions.collect_objects import handler as handler_module
from tests.properties.test_content_never_leaves import CANARY, SHAPES, UNREADABLE, with_canaries
from tests.records import Json, converse, failed
from tests.support.apps import app_of, built_anew
from tests.support.collected import by_reason, counted, event_requests
from tests.support.queues import HIDDEN_SECONDS, RECEIVES, Clock, Queue, log_lines
from tests.support.secrecy import lines, shown

EVENTS: Final = Path(__file__).parents[2] / "events"
SAMPLES: Final = {"object_created.json", "notification.json", "test_event.json"}
TRAFFIC: Final = EVENTS / "collect_logs" / "traffic.ndjson"
NOW: Final = datetime.now(UTC)


def key(number: int = 0) -> str:
    """Return the key of a log object of the last minutes."""
    return log_key(NOW - timedelta(minutes=number))


def calls(*request_ids: str, **more: Any) -> list[Json]:
    at = (NOW - timedelta(seconds=90)).isoformat()
    return [
        converse(requestId=request_id, **{"timestamp": at, **more}) for request_id in request_ids
    ]


def packed(documents: list[Json]) -> bytes:
    return gzip.compress("".join(f"{json.dumps(document)}\n" for document in documents).encode())


def told(*keys: str) -> str:
    """Return a message about new objects: EventBridge's about one, S3's own about several."""
    if len(keys) == 1:
        return json.dumps(object_created(keys[0], NOW))
    return json.dumps(s3_notification(list(keys), NOW))


class Stack(NamedTuple):
    """What surrounds the function."""

    s3: S3Client
    objects: Queue
    clock: Clock
    output: Any

    def put(self, name: str, content: bytes) -> None:
        """Put an object into the bucket; what the test itself does is not to be looked at."""
        logging.disable(logging.CRITICAL)
        self.s3.put_object(Bucket=BUCKET, Key=name, Body=content)
        logging.disable(logging.NOTSET)

    def feed(self) -> list[str]:
        """Give the function what is visible; return what it could not read."""
        return self.objects.feed(handler_module.handler)

    def errors(self) -> list[str]:
        """Return what the function logged as going wrong."""
        return [line["error"] for line in log_lines(self.output.text)]


@pytest.fixture
def stack(
    sqs: SQSClient,
    clock: Clock,
    output: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Stack]:
    """Set the function up; with all loggers on, it must not repeat what people wrote."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    monkeypatch.setenv("METRICS_NAMESPACE", "BedrockAlerts")
    monkeypatch.setenv("EVENT_LINES", "all")
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    caplog.set_level(logging.DEBUG)
    with built_anew(handler_module):
        yield Stack(s3, Queue.create(sqs, "objects"), clock, output)
    assert not shown([CANARY, "A short"], [*lines(caplog.get_records("call")), output.text])


def test_every_sample_event_is_tried_here() -> None:
    assert {path.name for path in (EVENTS / "collect_objects").iterdir()} == SAMPLES


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("object_created.json", ""), ("notification.json", "all teams/env=prod/")],
)
def test_a_sample_object_is_counted_line_by_line(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, name: str, prefix: str
) -> None:
    content = TRAFFIC.read_bytes()
    records = [json.loads(line) for line in content.splitlines()]
    first = datetime.fromisoformat(records[0]["timestamp"])
    stack.put(prefix + log_key(first.replace(second=0)), gzip.compress(content))
    then = SimpleNamespace(time=lambda: first.timestamp() + 120)
    monkeypatch.setattr(handler_module, "time", then)
    event = json.loads((EVENTS / "collect_objects" / name).read_text())
    assert handler_module.handler(event, None) == {"batchItemFailures": []}
    assert counted(stack.output.text) == {
        "RecordsReceived": 12, "RecordsProcessed": 12, "Invocations": 12,
    }  # fmt: skip
    assert sorted(event_requests(stack.output.text)) == sorted(r["requestId"] for r in records)


def test_the_message_that_s3_sends_as_a_test_is_skipped(stack: Stack) -> None:
    event = json.loads((EVENTS / "collect_objects" / "test_event.json").read_text())
    assert handler_module.handler(event, None) == {"batchItemFailures": []}
    assert by_reason(stack.output.text) == {"test_event": 1}


def test_what_is_no_log_object_is_skipped_and_counted_by_its_reason(stack: Stack) -> None:
    folder = key().rpartition("/")[0]
    stack.put(key(1), packed(calls("a")))
    stack.put(key(2), gzip.compress(b""))
    stack.objects.put(
        told(f"{folder}/data/req-1_input.json.gz"),
        told(f"{folder}/data/amazon-bedrock-logs-permission-check"),
        told("photos/cat.json.gz", key(1), key(2)),
        json.dumps(object_created(key(3), NOW, size=0)),
        '{"detail-type": "Something New"}',
        "no JSON",
    )
    assert stack.feed() == []
    assert stack.objects.kept == 0
    assert by_reason(stack.output.text) == {
        "body_object": 1, "permission_check": 1, "foreign_object": 1, "empty_object": 2,
        "foreign_event": 1, "not_an_object": 1,
    }  # fmt: skip
    assert counted(stack.output.text) == {
        "RecordsReceived": 8, "RecordsProcessed": 1, "RecordsSkipped": 6, "RecordsRejected": 1,
        "Invocations": 1,
    }  # fmt: skip
    assert stack.errors() == []


DAMAGED: Final = [
    pytest.param(packed(calls("x", "y"))[:-9], "ends too early", id="truncated"),
    pytest.param(packed(calls("x"))[:-8] + bytes(8), "is damaged", id="with a wrong checksum"),
    pytest.param(packed(calls("x")) + CANARY.encode() * 4, "is damaged", id="with text after it"),
    pytest.param(json.dumps({"x": CANARY}).encode(), "is damaged", id="not compressed"),
]


@pytest.mark.parametrize(("content", "error"), DAMAGED)
def test_a_damaged_object_comes_back_alone_until_it_is_parked(
    stack: Stack, content: bytes, error: str
) -> None:
    stack.put(key(1), packed(calls("a", "b")))
    stack.put(key(2), content)
    stack.put(key(3), packed(calls("c")))
    bad = told(key(2))
    stack.objects.put(told(key(1)), bad, told(key(3)))
    for _ in range(RECEIVES):
        assert stack.feed() == [bad]
        stack.clock.forward(HIDDEN_SECONDS + 1)
    assert stack.feed() == []
    assert stack.objects.parked() == [bad]
    assert sorted(event_requests(stack.output.text)) == ["a", "b", "c"]
    assert counted(stack.output.text) == {
        "RecordsReceived": 3, "RecordsProcessed": 3, "Invocations": 3,
    }  # fmt: skip
    (said,) = set(stack.errors())
    assert said.startswith(f"BatchError: s3://{BUCKET}/")
    assert "the gzip data" in said
    assert error in said


def test_a_message_is_counted_only_when_all_of_its_objects_were_read(stack: Stack) -> None:
    stack.put(key(1), packed(calls("a", "b")))
    stack.put(key(2), packed(calls("c", "d"))[:-9])
    message = told(key(1), key(2))
    stack.objects.put(message)
    assert stack.feed() == [message]
    assert counted(stack.output.text) == {}
    assert event_requests(stack.output.text) == []
    stack.put(key(2), packed(calls("c", "d")))
    stack.clock.forward(HIDDEN_SECONDS + 1)
    assert stack.feed() == []
    assert event_requests(stack.output.text) == ["a", "b", "c", "d"]
    assert counted(stack.output.text)["RecordsReceived"] == 4


def test_an_object_that_was_deleted_is_rejected_and_not_tried_again(stack: Stack) -> None:
    stack.put(key(2), packed(calls("a")))
    stack.objects.put(told(key(1), key(2)))
    assert stack.feed() == []
    assert stack.objects.kept == 0
    assert by_reason(stack.output.text) == {"object_gone": 1}
    assert counted(stack.output.text) == {
        "RecordsReceived": 2, "RecordsProcessed": 1, "RecordsRejected": 1, "Invocations": 1,
    }  # fmt: skip


class PickyReader:
    """Reads from S3, but not every object, and some not to their end."""

    def __init__(self, reader: Any, refused: str) -> None:
        self._reader = reader
        self._refused = refused

    def chunks(self, bucket: str, name: str) -> Iterator[bytes]:
        (content,) = self._reader.chunks(bucket, name)
        yield content[:20]
        if name == self._refused:
            raise TransientError("Amazon S3 interrupted the response: ReadTimeoutError")
        yield content[20:]


def test_an_object_that_breaks_off_waits_and_is_then_counted_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.put(key(1), packed(calls("a")))
    stack.put(key(2), packed(calls("b")))
    stack.objects.put(told(key(1)), told(key(2)))
    app = app_of(handler_module)
    with monkeypatch.context() as patched:
        picky = app._replace(objects=PickyReader(app.objects, key(1)))
        patched.setattr(handler_module, "_app", lambda: picky)
        assert stack.feed() == [told(key(1))]
    assert event_requests(stack.output.text) == ["b"]
    stack.clock.forward(HIDDEN_SECONDS + 1)
    assert stack.feed() == []
    assert event_requests(stack.output.text) == ["b", "a"]
    assert stack.errors() == [
        "TransientError: Amazon S3 interrupted the response: ReadTimeoutError"
    ]


def test_bad_lines_are_counted_and_their_neighbours_are_whole(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bedrock_alerts.invocations.gunzip.MAX_RECORD_BYTES", 2000)
    first, last = (json.dumps(call) for call in calls("a", "b"))
    text = f'{first}\r\n\n{{"broken": "{CANARY}\n{"x" * 5000}\n{{"schemaType": "x"}}\n{last}'
    content = gzip.compress(text[:300].encode()) + gzip.compress(text[300:].encode()) + bytes(512)
    stack.put(key(), content)
    stack.objects.put(told(key()))
    assert stack.feed() == []
    assert event_requests(stack.output.text) == ["a", "b"]
    assert by_reason(stack.output.text) == {"not_json": 1, "too_large": 1, "foreign_record": 1}


def test_an_object_told_of_twice_in_a_message_counts_once(stack: Stack) -> None:
    stack.put(key(), packed(calls("a", "b")))
    stack.objects.put(told(key(), key()))
    assert stack.feed() == []
    assert counted(stack.output.text)["Invocations"] == 2


def test_nothing_is_said_of_what_people_wrote(stack: Stack) -> None:
    at = datetime.fromtimestamp(time.time(), UTC).isoformat()
    documents = [
        with_canaries({**shape, "timestamp": at, "requestId": f"r{number}"})
        for number, shape in enumerate(SHAPES)
    ]
    unreadable = "".join(f"{line}\n" for line in UNREADABLE).encode("utf-8", "replace")
    content = packed(documents) + gzip.compress(unreadable)
    stack.put(key(1), content)
    stack.put(key(2), content[:-9])
    stack.objects.put(told(key(1)), told(key(2)))
    assert stack.feed() == [told(key(2))]
    found = counted(stack.output.text)
    assert found["RecordsReceived"] == len(SHAPES) + len(UNREADABLE)
    assert found["RecordsProcessed"] == len(event_requests(stack.output.text)) == len(SHAPES) - 1
    # The fixture looks for the canary in everything that was written and logged.


def test_only_what_failed_or_was_found_has_an_event_line_by_default(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVENT_LINES")
    at = NOW.isoformat()
    stack.put(key(), packed([*calls("a"), failed(requestId="b", timestamp=at)]))
    stack.objects.put(told(key()))
    assert stack.feed() == []
    assert event_requests(stack.output.text) == ["b"]


def test_a_function_that_is_set_up_wrongly_says_so_when_it_is_called(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("METRICS_NAMESPACE")
    stack.objects.put(told(key()))
    with pytest.raises(SettingsError, match=r"CollectorSettings: .*METRICS_NAMESPACE"):
        stack.feed()
