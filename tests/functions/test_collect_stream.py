"""`collect-stream` counts every batch of a stream once, and stops at what it cannot open."""

import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from bedrock_alerts.errors import BatchError, SettingsError
from bedrock_alerts_cli.samples.function_events import kinesis_event, log_batch
from functions.collect_stream import handler as handler_module
from tests.properties.test_content_never_leaves import CANARY, SHAPES, UNREADABLE, with_canaries
from tests.records import converse
from tests.support.apps import built_anew
from tests.support.collected import by_reason, counted, event_requests
from tests.support.queues import log_lines
from tests.support.secrecy import lines, shown, traces

EVENTS: Final = Path(__file__).parents[2] / "events" / "collect_stream"
SAMPLES: Final = {"control_message.json", "broken_record.json"}
OWN_LOG: Final = "/aws/lambda/bedrock-alerts-collect-stream"
NOW: Final = time.time()
BROKEN: Final = f"no gzip: {CANARY}".encode()


@pytest.fixture(autouse=True)
def written(
    output: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Any]:
    """Set the function up, and give what it writes; none of that may be what people wrote."""
    monkeypatch.setenv("METRICS_NAMESPACE", "BedrockAlerts")
    monkeypatch.setenv("EVENT_LINES", "all")
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    caplog.set_level(logging.DEBUG)
    with built_anew(handler_module):
        yield output
    assert not shown([CANARY, "A short"], [*lines(caplog.get_records("call")), output.text])


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return event


def call(request_id: str) -> str:
    at = datetime.fromtimestamp(NOW - 60, UTC).isoformat()
    return json.dumps(converse(requestId=request_id, timestamp=at))


def of(*request_ids: str) -> bytes:
    """Return a record's data: a batch with a call for each id, and event ids like no other's."""
    return log_batch([call(request_id) for request_id in request_ids], ord(request_ids[0]))


def number(event: dict[str, Any], position: int) -> str:
    return str(event["Records"][position]["kinesis"]["sequenceNumber"])


def test_every_sample_event_is_tried_here() -> None:
    assert {path.name for path in EVENTS.iterdir()} == SAMPLES


@pytest.fixture
def then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the function live when the samples were made."""
    traffic = (EVENTS.parent / "collect_logs" / "traffic.ndjson").read_text().splitlines()
    first = datetime.fromisoformat(json.loads(traffic[0])["timestamp"])
    monkeypatch.setattr(
        handler_module, "time", SimpleNamespace(time=lambda: first.timestamp() + 120)
    )


@pytest.mark.usefixtures("then")
def test_a_probe_is_skipped_and_the_batch_after_it_counted(written: Any) -> None:
    assert handler_module.handler(sample("control_message.json"), None) == {"batchItemFailures": []}
    assert by_reason(written.text) == {"control_message": 1}
    assert counted(written.text) == {
        "RecordsReceived": 13, "RecordsProcessed": 12, "RecordsSkipped": 1, "Invocations": 12,
    }  # fmt: skip


@pytest.mark.usefixtures("then")
def test_a_broken_record_is_reported_and_what_stands_before_it_counted(written: Any) -> None:
    event = sample("broken_record.json")
    assert handler_module.handler(event, None) == {
        "batchItemFailures": [{"itemIdentifier": number(event, 1)}]
    }
    assert counted(written.text)["Invocations"] == 6
    (warning,) = log_lines(written.text)
    assert warning["error"] == "the gzip data is damaged"


@pytest.mark.parametrize("position", [1, 2, 3])
def test_nothing_behind_a_broken_record_is_counted_before_its_time(
    written: Any, position: int
) -> None:
    names = ["a", "b", "c"]
    records = [of(name) for name in names]
    records.insert(position, BROKEN)
    event = kinesis_event(records)
    answer = handler_module.handler(event, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": number(event, position)}]}
    assert event_requests(written.text) == names[:position]


def test_a_broken_record_at_the_beginning_fails_so_that_lambda_splits_the_batch(
    written: Any,
) -> None:
    for records in ([BROKEN], [BROKEN, of("a")]):
        with pytest.raises(BatchError, match="gzip data is damaged") as caught:
            handler_module.handler(kinesis_event(records), None)
        assert not shown([CANARY], traces(caught.value))
    assert written.text == ""


def test_a_bad_line_of_a_batch_is_counted_and_breaks_nothing(written: Any) -> None:
    mixed = log_batch([call("a"), f"no JSON: {CANARY}", call("b")], 1)
    assert handler_module.handler(kinesis_event([mixed, of("c")]), None) == {
        "batchItemFailures": []
    }
    assert event_requests(written.text) == ["a", "b", "c"]
    assert by_reason(written.text) == {"not_json": 1}


def test_a_batch_delivered_twice_counts_once(written: Any) -> None:
    handler_module.handler(kinesis_event([of("a", "b"), of("a", "b")]), None)
    assert event_requests(written.text) == ["a", "b"]
    assert counted(written.text)["RecordsReceived"] == 2


def test_nothing_is_said_of_what_people_wrote(written: Any) -> None:
    at = datetime.fromtimestamp(NOW, UTC).isoformat()
    documents = [
        json.dumps(with_canaries({**shape, "timestamp": at, "requestId": f"r{position}"}))
        for position, shape in enumerate(SHAPES)
    ]
    event = kinesis_event([log_batch([*documents, *UNREADABLE], 1), BROKEN])
    answer = handler_module.handler(event, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": number(event, 1)}]}
    assert counted(written.text)["RecordsReceived"] == len(SHAPES) + len(UNREADABLE)
    # The fixture looks for the canary in everything that was written and logged.


def test_an_event_that_is_no_stream_says_so(written: Any) -> None:
    with pytest.raises(BatchError, match="`Records` is missing"):
        handler_module.handler({"awslogs": {}}, None)
    assert written.text == ""


def test_a_function_that_is_set_up_wrongly_says_so_when_it_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("METRICS_NAMESPACE")
    with pytest.raises(SettingsError, match=r"CollectorSettings: .*METRICS_NAMESPACE"):
        handler_module.handler(kinesis_event([of("a")]), None)
