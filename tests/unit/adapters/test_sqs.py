"""Amazon SQS is called exactly like this, and what is refused alone is offered once more."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.adapters.sqs import AlertsQueue, DeadLetterQueue, DeliveriesQueue
from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.alerts.events import (
    Heartbeat,
    Kept,
    Notified,
)
from bedrock_alerts.alerts.normalise import normalise
from bedrock_alerts.alerts.pokes import read_poke
from bedrock_alerts.alerts.ports import Poke
from bedrock_alerts.errors import TransientError
from tests.support.changes import change_with

QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/deliveries"
ALARM = "a" * 32
BOTH = (Poke(alarm=ALARM, channel="email"), Poke(alarm=ALARM, channel="slack"))


def message(channel: Channel) -> str:
    return f'{{"alarm":"{ALARM}","channel":"{channel}"}}'


@pytest.fixture
def sqs() -> SQSClient:
    return boto3.client("sqs", region_name="eu-west-1")


@pytest.fixture
def sqs_stub(sqs: SQSClient) -> Iterator[Stubber]:
    with Stubber(sqs) as stub:
        yield stub
        stub.assert_no_pending_responses()


BATCH: dict[str, Any] = {
    "QueueUrl": QUEUE_URL,
    "Entries": [
        {"Id": "0", "MessageBody": message("email"), "DelaySeconds": 0},
        {"Id": "1", "MessageBody": message("slack"), "DelaySeconds": 0},
    ],
}
TAKEN = {"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x"}


def lost(number: str, code: str) -> dict[str, object]:
    return {"Id": number, "SenderFault": False, "Code": code, "Message": "…"}


def test_all_pokes_go_in_one_request(sqs: SQSClient, sqs_stub: Stubber) -> None:
    answer = {"Successful": [TAKEN, {**TAKEN, "Id": "1"}], "Failed": []}
    sqs_stub.add_response("send_message_batch", answer, BATCH)
    DeliveriesQueue(QUEUE_URL, sqs).put(BOTH)
    sqs_stub.assert_no_pending_responses()


def test_a_poke_comes_out_of_the_queue_as_it_went_in() -> None:
    assert [read_poke(message("email")), read_poke(message("slack"))] == list(BOTH)


@pytest.mark.parametrize(
    ("delay", "asked"),
    [
        pytest.param(600.0, 600, id="whole seconds"),
        pytest.param(1.2, 2, id="parts of one are a whole one: never too early"),
        pytest.param(-5.0, 0, id="what is past is now"),
        pytest.param(1e12, 900, id="at most what a queue can do"),
    ],
)
def test_pokes_wait_in_the_queue(
    sqs: SQSClient, sqs_stub: Stubber, delay: float, asked: int
) -> None:
    entries = [{**entry, "DelaySeconds": asked} for entry in BATCH["Entries"]]
    answer = {"Successful": [TAKEN, {**TAKEN, "Id": "1"}], "Failed": []}
    sqs_stub.add_response("send_message_batch", answer, {**BATCH, "Entries": entries})
    DeliveriesQueue(QUEUE_URL, sqs).put(BOTH, delay)


def test_what_is_offered_again_waits_as_long(sqs: SQSClient, sqs_stub: Stubber) -> None:
    entries = [{**entry, "DelaySeconds": 60} for entry in BATCH["Entries"]]
    sqs_stub.add_response(
        "send_message_batch",
        {"Successful": [TAKEN], "Failed": [lost("1", "InternalError")]},
        {**BATCH, "Entries": entries},
    )
    sqs_stub.add_response(
        "send_message_batch",
        {"Successful": [TAKEN], "Failed": []},
        {"QueueUrl": QUEUE_URL, "Entries": [{**entries[1], "Id": "0"}]},
    )
    DeliveriesQueue(QUEUE_URL, sqs).put(BOTH, 60.0)


@pytest.mark.usefixtures("sqs_stub")
def test_without_pokes_nothing_is_asked_of_the_queue(sqs: SQSClient) -> None:
    DeliveriesQueue(QUEUE_URL, sqs).put(())  # the stub would refuse any request


@pytest.mark.parametrize(
    ("failed", "says"),
    [
        pytest.param([lost("1", "InternalError")], "1 of 2 not enqueued: InternalError", id="one"),
        pytest.param(
            [lost("0", "Throttled"), lost("1", "InternalError")],
            "2 of 2 not enqueued: InternalError, Throttled",
            id="all",
        ),
    ],
)
def test_a_poke_that_the_queue_refuses_twice_is_a_failure(
    sqs: SQSClient, sqs_stub: Stubber, failed: list[dict[str, object]], says: str
) -> None:
    again = [{**entry, "Id": str(number)} for number, entry in enumerate(failed)]
    refused = [BATCH["Entries"][int(str(entry["Id"]))] for entry in failed]
    offered = [{**entry, "Id": str(number)} for number, entry in enumerate(refused)]
    sqs_stub.add_response("send_message_batch", {"Successful": [], "Failed": failed}, BATCH)
    sqs_stub.add_response(
        "send_message_batch",
        {"Successful": [], "Failed": again},
        {"QueueUrl": QUEUE_URL, "Entries": offered},
    )
    with pytest.raises(TransientError) as caught:
        DeliveriesQueue(QUEUE_URL, sqs).put(BOTH)
    assert str(caught.value) == says


def test_only_what_the_queue_refused_is_offered_again(sqs: SQSClient, sqs_stub: Stubber) -> None:
    first = {"Successful": [TAKEN], "Failed": [lost("1", "InternalError")]}
    sqs_stub.add_response("send_message_batch", first, BATCH)
    sqs_stub.add_response(
        "send_message_batch",
        {"Successful": [TAKEN], "Failed": []},
        {"QueueUrl": QUEUE_URL, "Entries": [{**BATCH["Entries"][1], "Id": "0"}]},
    )
    DeliveriesQueue(QUEUE_URL, sqs).put(BOTH)
    sqs_stub.assert_no_pending_responses()


def test_a_refused_request_names_the_code(sqs: SQSClient, sqs_stub: Stubber) -> None:
    sqs_stub.add_client_error("send_message_batch", "AccessDenied")
    with pytest.raises(TransientError, match=r"^Amazon SQS refused: AccessDenied$"):
        DeliveriesQueue(QUEUE_URL, sqs).put(BOTH)


def test_a_queue_that_does_not_answer_may_later(
    sqs: SQSClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqs, "_make_api_call", never_answers)
    with pytest.raises(TransientError, match=r"^no response from Amazon SQS: ConnectTimeoutError$"):
        DeliveriesQueue(QUEUE_URL, sqs).put(BOTH)


def never_answers(*_: object) -> None:
    raise ConnectTimeoutError(endpoint_url="https://example.com")


@pytest.mark.parametrize(
    ("seconds", "asked"),
    [
        pytest.param(30.0, 30, id="whole seconds"),
        pytest.param(1.2, 2, id="parts of one are a whole one: never too early"),
        pytest.param(0.0, 0, id="not at all"),
        pytest.param(1e12, 43_200, id="at most what a queue can do"),
    ],
)
def test_a_message_is_hidden_for_a_while(
    sqs: SQSClient, sqs_stub: Stubber, seconds: float, asked: int
) -> None:
    request = {"QueueUrl": QUEUE_URL, "ReceiptHandle": "handle", "VisibilityTimeout": asked}
    sqs_stub.add_response("change_message_visibility", {}, request)
    DeliveriesQueue(QUEUE_URL, sqs).postpone("handle", seconds)
    sqs_stub.assert_no_pending_responses()


def test_a_message_that_cannot_be_hidden_is_a_failure(sqs: SQSClient, sqs_stub: Stubber) -> None:
    sqs_stub.add_client_error("change_message_visibility", "ReceiptHandleIsInvalid")
    with pytest.raises(TransientError, match=r"^Amazon SQS refused: ReceiptHandleIsInvalid$"):
        DeliveriesQueue(QUEUE_URL, sqs).postpone("handle", 5)


# ---- the queue of alerts -------------------------------------------------------------------------


def test_a_note_is_kept_as_what_route_reads(sqs: SQSClient, sqs_stub: Stubber) -> None:
    kept = Kept(
        event=change_with(), notified=(Notified(channel="email", key="k", at=1_795_421_442.0),)
    )
    bodies: list[str] = []
    sqs.meta.events.register(
        "provide-client-params.sqs.SendMessage",
        lambda params, **_: bodies.append(params["MessageBody"]),
    )
    sqs_stub.add_response("send_message", {"MessageId": "m"})
    AlertsQueue(QUEUE_URL, sqs).keep(kept, 60.0)
    assert normalise(bodies[0]) == (kept,)


@pytest.mark.parametrize(("delay", "asked"), [(60.0, 60), (0.1, 1), (5000.0, 900)])
def test_a_note_comes_back_after_its_delay(
    sqs: SQSClient, sqs_stub: Stubber, delay: float, asked: int
) -> None:
    request = {
        "QueueUrl": QUEUE_URL,
        "MessageBody": '{"bedrock_alerts":{"heartbeat":true}}',
        "DelaySeconds": asked,
    }
    sqs_stub.add_response("send_message", {"MessageId": "m"}, request)
    AlertsQueue(QUEUE_URL, sqs).keep(Heartbeat(), delay)


def test_a_text_is_put_there_as_it_is_and_at_once(sqs: SQSClient, sqs_stub: Stubber) -> None:
    request = {"QueueUrl": QUEUE_URL, "MessageBody": "as it came", "DelaySeconds": 0}
    sqs_stub.add_response("send_message", {"MessageId": "m"}, request)
    AlertsQueue(QUEUE_URL, sqs).put_text("as it came")


def test_what_cannot_be_put_there_may_be_later(sqs: SQSClient, sqs_stub: Stubber) -> None:
    sqs_stub.add_client_error("send_message", "AccessDenied")
    with pytest.raises(TransientError, match=r"^Amazon SQS refused: AccessDenied$"):
        AlertsQueue(QUEUE_URL, sqs).put_text("…")


# ---- the dead-letter queue -----------------------------------------------------------------------


def test_a_poke_is_parked_so_that_a_redrive_brings_it_back(
    sqs: SQSClient, sqs_stub: Stubber
) -> None:
    request = {"QueueUrl": QUEUE_URL, "MessageBody": message("slack")}
    sqs_stub.add_response("send_message", {"MessageId": "m"}, request)
    DeadLetterQueue(QUEUE_URL, sqs).park(BOTH[1])


def test_what_cannot_be_parked_now_may_be_later(sqs: SQSClient, sqs_stub: Stubber) -> None:
    sqs_stub.add_client_error("send_message", "ServiceUnavailable")
    with pytest.raises(TransientError, match=r"^Amazon SQS refused: ServiceUnavailable$"):
        DeadLetterQueue(QUEUE_URL, sqs).park(BOTH[0])


def test_the_client_for_what_is_parked_is_made_at_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []

    def client(service: str, **_: object) -> object:
        made.append(service)
        raise TransientError("enough")

    monkeypatch.setattr(boto3, "client", client)
    queue = DeadLetterQueue(QUEUE_URL)
    assert made == []
    with pytest.raises(TransientError):
        queue.park(BOTH[0])
    assert made == ["sqs"]


def test_a_client_gives_up_soon_and_tries_twice_what_may_come_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(boto3, "client", lambda _, *, config: made.append(config))
    DeliveriesQueue(QUEUE_URL)
    (config,) = made
    assert config.connect_timeout + config.read_timeout == 10
    assert config.retries == {"mode": "standard", "total_max_attempts": 2}
