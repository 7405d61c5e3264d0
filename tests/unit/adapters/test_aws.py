"""The calls to AWS are exactly these, and every failure says whether trying again can help."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Self

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import SecretsProvider, base
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber
from mypy_boto3_secretsmanager import SecretsManagerClient
from mypy_boto3_sns import SNSClient
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.adapters.aws import (
    DeadLetterQueue,
    DeliveryQueue,
    EmailTopic,
    MetricPictures,
    NotificationTopic,
    Secret,
)
from bedrock_alerts.alerts.model import Alert, Channel, Delivery
from bedrock_alerts.errors import PermanentError, TransientError
from tests.support.secrecy import lines, shown, traces

QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/deliveries"
TOPIC_ARN = "arn:aws:sns:eu-west-1:111122223333:email"
SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:slack-AbCdEf"
SECRET = "https://hooks.slack.com/services/T0/B0/s3cretInventedToken"
TIME_OUT = ConnectTimeoutError(endpoint_url="https://example.com")


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


# --- the queue --------------------------------------------------------------------------------


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
    with pytest.raises(TransientError, match=r"^Amazon SQS took no delivery: AccessDenied$"):
        DeliveryQueue(QUEUE_URL, sqs).put(BOTH)


def test_a_queue_that_does_not_answer_may_later(
    sqs: SQSClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqs, "_make_api_call", never_answers)
    with pytest.raises(TransientError, match="ConnectTimeoutError"):
        DeliveryQueue(QUEUE_URL, sqs).put(BOTH)


def never_answers(*_: object) -> None:
    raise TIME_OUT


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
    with pytest.raises(TransientError, match="cannot be postponed: ReceiptHandleIsInvalid"):
        DeliveryQueue(QUEUE_URL, sqs).postpone("handle", 5)


# --- the topic --------------------------------------------------------------------------------


@pytest.fixture
def sns() -> SNSClient:
    return boto3.client("sns", region_name="eu-west-1")


@pytest.fixture
def sns_stub(sns: SNSClient) -> Iterator[Stubber]:
    with Stubber(sns) as stub:
        yield stub


def test_an_email_is_one_publication(sns: SNSClient, sns_stub: Stubber) -> None:
    request = {"TopicArn": TOPIC_ARN, "Subject": "ALARM", "Message": "Größe"}
    sns_stub.add_response("publish", {"MessageId": "m"}, request)
    EmailTopic(TOPIC_ARN, sns).send("ALARM", "Größe")
    sns_stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        pytest.param("NotFound", PermanentError, id="the topic is gone"),
        pytest.param("InvalidParameter", PermanentError, id="the message is wrong"),
        pytest.param("InvalidParameterValue", PermanentError, id="a value is wrong"),
        pytest.param("AuthorizationError", PermanentError, id="we may not"),
        pytest.param("Throttling", TransientError, id="too many at once"),
        pytest.param("InternalError", TransientError, id="its own fault"),
        pytest.param("KMSAccessDenied", TransientError, id="its key is out of reach"),
        pytest.param("NeverHeardOf", TransientError, id="anything else"),
    ],
)
def test_a_refused_email_says_whether_to_try_again(
    sns: SNSClient, sns_stub: Stubber, code: str, kind: type[Exception]
) -> None:
    sns_stub.add_client_error("publish", code)
    with pytest.raises(kind, match=rf"^Amazon SNS refused the message: {code}$"):
        EmailTopic(TOPIC_ARN, sns).send("ALARM", "x")


def test_a_topic_that_does_not_answer_may_later(
    sns: SNSClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sns, "_make_api_call", never_answers)
    with pytest.raises(TransientError, match=r"^no answer from Amazon SNS: ConnectTimeoutError$"):
        EmailTopic(TOPIC_ARN, sns).send("ALARM", "x")


# --- the secret -------------------------------------------------------------------------------


class Clock(datetime):
    """A clock that a test puts forward."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls(2026, 11, 23, 8, 0, tzinfo=tz) + cls.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    monkeypatch.setattr(Clock, "ahead", timedelta())
    monkeypatch.setattr(base, "datetime", Clock)
    return Clock


@pytest.fixture
def secrets() -> SecretsManagerClient:
    return boto3.client("secretsmanager", region_name="eu-west-1")


@pytest.fixture
def secrets_stub(secrets: SecretsManagerClient) -> Iterator[Stubber]:
    with Stubber(secrets) as stub:
        yield stub


@pytest.fixture
def secret(secrets: SecretsManagerClient) -> Secret:
    return Secret(SECRET_ARN, SecretsProvider(boto3_client=secrets))


def answer_with(stub: Stubber, text: str) -> None:
    stub.add_response("get_secret_value", {"SecretString": text}, {"SecretId": SECRET_ARN})


def test_a_secret_is_read_without_the_blanks_that_pasting_leaves(
    secret: Secret, secrets_stub: Stubber
) -> None:
    answer_with(secrets_stub, f" {SECRET}\n")
    assert secret.text() == SECRET


def test_a_secret_is_kept_for_five_minutes_and_then_read_anew(
    secret: Secret, secrets_stub: Stubber, clock: type[Clock]
) -> None:
    answer_with(secrets_stub, "before the rotation")
    assert secret.text() == "before the rotation"
    answer_with(secrets_stub, "after the rotation")
    clock.ahead = timedelta(minutes=4, seconds=59)
    assert secret.text() == "before the rotation"
    clock.ahead = timedelta(minutes=5, seconds=1)
    assert secret.text() == "after the rotation"


def test_a_secret_is_read_anew_when_asked_to_be(
    secret: Secret, secrets_stub: Stubber, clock: type[Clock]
) -> None:
    assert clock.ahead == timedelta()
    answer_with(secrets_stub, "before the rotation")
    assert secret.text() == "before the rotation"
    answer_with(secrets_stub, "after the rotation")
    assert secret.text(fresh=True) == secret.text() == "after the rotation"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("ResourceNotFoundException", id="it is missing"),
        pytest.param("AccessDeniedException", id="we may not"),
        pytest.param("DecryptionFailure", id="its key is out of reach"),
        pytest.param("InternalServiceError", id="its keeper has a fault"),
    ],
)
def test_a_secret_that_cannot_be_read_may_be_readable_later(
    secret: Secret, secrets_stub: Stubber, code: str
) -> None:
    secrets_stub.add_client_error("get_secret_value", code)
    with pytest.raises(TransientError, match=rf"^the secret cannot be read: {code}$"):
        secret.text()
    answer_with(secrets_stub, SECRET)
    assert secret.text() == SECRET


def test_a_keeper_of_secrets_that_does_not_answer_may_later(
    secret: Secret, secrets: SecretsManagerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_make_api_call", never_answers)
    with pytest.raises(TransientError, match=r"^the secret cannot be read: ConnectTimeoutError$"):
        secret.text()


def test_a_binary_secret_is_none_and_is_not_shown(
    secret: Secret, secrets_stub: Stubber, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets_stub.add_response("get_secret_value", {"SecretBinary": SECRET.encode()})
    with pytest.raises(PermanentError, match="a text, not binary") as caught:
        secret.text()
    assert not shown(["s3cret"], [*traces(caught.value), *lines(caplog.records)])


# --- the dead letters, the topic of Amazon Q, pictures ------------------------------------------


def test_a_delivery_is_parked_as_it_came(sqs: SQSClient, sqs_stub: Stubber) -> None:
    sqs_stub.add_response(
        "send_message", {"MessageId": "m"}, {"QueueUrl": QUEUE_URL, "MessageBody": "as it came"}
    )
    DeadLetterQueue(QUEUE_URL, sqs).park("as it came")


def test_what_cannot_be_parked_now_may_be_later(sqs: SQSClient, sqs_stub: Stubber) -> None:
    sqs_stub.add_client_error("send_message", "ServiceUnavailable")
    with pytest.raises(TransientError, match=r"cannot be parked: ServiceUnavailable$"):
        DeadLetterQueue(QUEUE_URL, sqs).park("…")


@pytest.mark.parametrize(
    ("code", "kind"), [("NotFound", PermanentError), ("InternalError", TransientError)]
)
def test_a_notification_is_published_without_a_subject(
    code: str, kind: type[PermanentError | TransientError]
) -> None:
    sns = boto3.client("sns", region_name="eu-west-1")
    topic = NotificationTopic(TOPIC_ARN, sns)
    with Stubber(sns) as stub:
        wanted = {"TopicArn": TOPIC_ARN, "Message": "{}"}
        stub.add_response("publish", {"MessageId": "m"}, wanted)
        topic.publish("{}")
        stub.add_client_error("publish", code)
        with pytest.raises(kind, match=code):
            topic.publish("{}")


def test_a_picture_is_drawn_by_cloudwatch() -> None:
    cloudwatch = boto3.client("cloudwatch", region_name="eu-west-1")
    pictures = MetricPictures(cloudwatch)
    with Stubber(cloudwatch) as stub:
        stub.add_response(
            "get_metric_widget_image", {"MetricWidgetImage": b"PNG"}, {"MetricWidget": "{}"}
        )
        assert pictures.draw("{}") == b"PNG"
        stub.add_client_error("get_metric_widget_image", "Throttling")
        with pytest.raises(TransientError, match=r"^CloudWatch drew no picture: Throttling$"):
            pictures.draw("{}")


def test_the_client_for_pictures_is_made_at_the_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def client(service: str, **_: object) -> object:
        made.append(service)
        raise PermanentError("enough")

    monkeypatch.setattr(boto3, "client", client)
    pictures = MetricPictures()
    assert made == []
    with pytest.raises(PermanentError):
        pictures.draw("{}")
    assert made == ["cloudwatch"]


def test_clients_give_up_soon_and_only_what_may_come_twice_is_tried_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: dict[str, object] = {}
    genuine = boto3.client

    def client(service: str, **options: object) -> object:
        made[service] = options["config"]
        return genuine(service, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(boto3, "client", client)
    DeliveryQueue(QUEUE_URL)
    EmailTopic(TOPIC_ARN)
    assert set(made) == {"sqs", "sns"}
    # A publication that timed out may have been accepted, and would be sent twice.
    attempts = {
        name: vars(config)["retries"]["total_max_attempts"] for name, config in made.items()
    }
    assert attempts == {"sqs": 2, "sns": 1}
    for config in made.values():
        assert vars(config)["connect_timeout"] + vars(config)["read_timeout"] == 10
