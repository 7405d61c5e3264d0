"""Amazon SQS is called exactly like this, and what is refused alone is offered once more."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.adapters.sqs import DeadLetterQueue, DeliveryQueue
from bedrock_alerts.alerts.model import Alert, Channel, Delivery
from bedrock_alerts.errors import TransientError

QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/deliveries"


def delivery(channel: Channel) -> Delivery:
    alert = Alert(
        key="k",
        tone="warning",
        status="ALARM · warning",
        title="chat-blocks",
        summary="",
        account_id="111122223333",
        region="eu-west-1",
        at=datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC),
    )
    return Delivery(channel=channel, alerts=(alert,), queued_at=1795421442.0)


BOTH = (delivery("email"), delivery("slack"))


def message(channel: Channel) -> str:
    return (
        f'{{"channel":"{channel}","alerts":[{{"key":"k","tone":"warning",'
        '"status":"ALARM · warning","title":"chat-blocks","summary":"",'
        '"account_id":"111122223333","region":"eu-west-1","at":"2026-11-23T08:10:41Z"}],'
        '"queued_at":1795421442.0}'
    )


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
        {"Id": "0", "MessageBody": message("email")},
        {"Id": "1", "MessageBody": message("slack")},
    ],
}
TAKEN = {"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x"}


def lost(number: str, code: str) -> dict[str, object]:
    return {"Id": number, "SenderFault": False, "Code": code, "Message": "…"}


def test_all_deliveries_go_in_one_request(sqs: SQSClient, sqs_stub: Stubber) -> None:
    answer = {"Successful": [TAKEN, {**TAKEN, "Id": "1"}], "Failed": []}
    sqs_stub.add_response("send_message_batch", answer, BATCH)
    DeliveryQueue(QUEUE_URL, sqs).put(BOTH)
    sqs_stub.assert_no_pending_responses()


def test_a_delivery_comes_out_of_the_queue_as_it_went_in() -> None:
    assert json.loads(message("email"))["channel"] == "email"


@pytest.mark.usefixtures("sqs_stub")
def test_without_deliveries_nothing_is_asked_of_the_queue(sqs: SQSClient) -> None:
    DeliveryQueue(QUEUE_URL, sqs).put(())  # the stub would refuse any request


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
def test_a_delivery_that_the_queue_refuses_twice_is_a_failure(
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
        DeliveryQueue(QUEUE_URL, sqs).put(BOTH)
    assert str(caught.value) == says


def test_only_what_the_queue_refused_is_offered_again(sqs: SQSClient, sqs_stub: Stubber) -> None:
    first = {"Successful": [TAKEN], "Failed": [lost("1", "InternalError")]}
    sqs_stub.add_response("send_message_batch", first, BATCH)
    sqs_stub.add_response(
        "send_message_batch",
        {"Successful": [TAKEN], "Failed": []},
        {"QueueUrl": QUEUE_URL, "Entries": [{"Id": "0", "MessageBody": message("slack")}]},
    )
    DeliveryQueue(QUEUE_URL, sqs).put(BOTH)
    sqs_stub.assert_no_pending_responses()


def test_a_refused_request_names_the_code(sqs: SQSClient, sqs_stub: Stubber) -> None:
    sqs_stub.add_client_error("send_message_batch", "AccessDenied")
    with pytest.raises(TransientError, match=r"^Amazon SQS refused: AccessDenied$"):
        DeliveryQueue(QUEUE_URL, sqs).put(BOTH)


def test_a_queue_that_does_not_answer_may_later(
    sqs: SQSClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqs, "_make_api_call", never_answers)
    with pytest.raises(TransientError, match=r"^no answer from Amazon SQS: ConnectTimeoutError$"):
        DeliveryQueue(QUEUE_URL, sqs).put(BOTH)


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
    DeliveryQueue(QUEUE_URL, sqs).postpone("handle", seconds)
    sqs_stub.assert_no_pending_responses()


def test_a_message_that_cannot_be_hidden_is_a_failure(sqs: SQSClient, sqs_stub: Stubber) -> None:
    sqs_stub.add_client_error("change_message_visibility", "ReceiptHandleIsInvalid")
    with pytest.raises(TransientError, match=r"^Amazon SQS refused: ReceiptHandleIsInvalid$"):
        DeliveryQueue(QUEUE_URL, sqs).postpone("handle", 5)


def test_a_delivery_is_parked_as_it_came(sqs: SQSClient, sqs_stub: Stubber) -> None:
    sqs_stub.add_response(
        "send_message", {"MessageId": "m"}, {"QueueUrl": QUEUE_URL, "MessageBody": "as it came"}
    )
    DeadLetterQueue(QUEUE_URL, sqs).park("as it came")


def test_what_cannot_be_parked_now_may_be_later(sqs: SQSClient, sqs_stub: Stubber) -> None:
    sqs_stub.add_client_error("send_message", "ServiceUnavailable")
    with pytest.raises(TransientError, match=r"^Amazon SQS refused: ServiceUnavailable$"):
        DeadLetterQueue(QUEUE_URL, sqs).park("…")


def test_a_client_gives_up_soon_and_tries_twice_what_may_come_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(boto3, "client", lambda _, *, config: made.append(config))
    DeliveryQueue(QUEUE_URL)
    (config,) = made
    assert config.connect_timeout + config.read_timeout == 10
    assert config.retries == {"mode": "standard", "total_max_attempts": 2}
