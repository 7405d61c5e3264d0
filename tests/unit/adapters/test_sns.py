"""A message is published once, in time, and every failure says whether it is perhaps out."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from mypy_boto3_sns import SNSClient

from bedrock_alerts.adapters.sns import EmailSubscriptions, EmailTopic, NotificationTopic
from bedrock_alerts.errors import PermanentError, TransientError, UnknownOutcomeError
from tests.support.loopback import Answer, Hook

TOPIC_ARN = "arn:aws:sns:eu-west-1:111122223333:email"
YES = b"""<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">
<PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>"""


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
        pytest.param("InternalError", UnknownOutcomeError, id="its own fault"),
        pytest.param("KMSAccessDenied", TransientError, id="its key is out of reach"),
        pytest.param("NeverHeardOf", TransientError, id="anything else"),
    ],
)
def test_a_refused_email_says_whether_to_try_again(
    sns: SNSClient, sns_stub: Stubber, code: str, kind: type[Exception]
) -> None:
    sns_stub.add_client_error("publish", code)
    with pytest.raises(kind, match=rf"^Amazon SNS refused: {code}$") as caught:
        EmailTopic(TOPIC_ARN, sns).send("ALARM", "x")
    assert type(caught.value) is kind


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


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    """Stand in for Amazon SNS."""
    with Hook(Answer(body=YES)) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", running.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        yield running


def test_no_connection_is_kept_between_two_messages(hook: Hook) -> None:
    topic = EmailTopic(TOPIC_ARN)
    for _ in range(2):
        topic.send("ALARM", "x")
    assert len(set(hook.peers)) == len(hook.peers) == 2


def test_a_topic_that_does_not_answer_is_given_up_and_has_perhaps_published(hook: Hook) -> None:
    hook.stays_silent = True
    started = time.monotonic()
    with pytest.raises(
        UnknownOutcomeError, match=r"^no response from Amazon SNS: ReadTimeoutError$"
    ):
        EmailTopic(TOPIC_ARN).send("ALARM", "x", seconds=1.9)
    assert time.monotonic() - started < 1.9
    assert len(hook.received) == 1  # another attempt might publish it twice


def test_a_topic_that_hangs_up_has_perhaps_published(hook: Hook) -> None:
    hook.answer = None
    with pytest.raises(UnknownOutcomeError):
        NotificationTopic(TOPIC_ARN).publish("{}")
    assert len(hook.received) == 1


def test_a_response_that_cannot_be_read_leaves_the_outcome_unknown(hook: Hook) -> None:
    hook.answer = Answer(body=b"<html>")
    with pytest.raises(UnknownOutcomeError):
        EmailTopic(TOPIC_ARN).send("ALARM", "x")


def test_a_topic_that_cannot_be_reached_has_published_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(TransientError) as caught:
            EmailTopic(TOPIC_ARN).send("ALARM", "x")
    assert type(caught.value) is TransientError
    assert str(caught.value) == "no response from Amazon SNS: EndpointConnectionError"


@pytest.mark.parametrize(
    ("seconds", "connect", "read"), [(10.0, 3.0, 7.0), (4.9, 1.2, 2.8), (0.2, 0.3, 0.7)]
)
def test_a_message_gets_one_attempt_within_its_seconds(
    monkeypatch: pytest.MonkeyPatch, seconds: float, connect: float, read: float
) -> None:
    made: list[Any] = []
    genuine = boto3.client

    def client(service: str, **options: Any) -> Any:
        made.append(options["config"])
        return genuine(service, region_name="eu-west-1", **options)  # type: ignore[call-overload]

    monkeypatch.setattr(boto3, "client", client)
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", lambda *_: {})
    topic = EmailTopic(TOPIC_ARN)
    for _ in range(2):
        topic.send("ALARM", "x", seconds=seconds)
    (config,) = made
    assert (config.connect_timeout, config.read_timeout) == pytest.approx((connect, read))
    assert config.retries == {"mode": "standard", "total_max_attempts": 1}


# ---- whether someone gets the emails -------------------------------------------------------------

CONFIRMED = "arn:aws:sns:eu-west-1:111122223333:email:00000000-0000-4000-8000-000000000001"


def subscription(arn: str, protocol: str = "email") -> dict[str, str]:
    return {"SubscriptionArn": arn, "Protocol": protocol, "Endpoint": "someone@example.com"}


def is_confirmed(sns: SNSClient, stub: Stubber, *found: dict[str, str]) -> bool:
    stub.add_response(
        "list_subscriptions_by_topic", {"Subscriptions": list(found)}, {"TopicArn": TOPIC_ARN}
    )
    return EmailSubscriptions(TOPIC_ARN, sns).is_confirmed()


@pytest.mark.parametrize("protocol", ["email", "email-json"])
def test_a_subscription_with_an_arn_is_confirmed(
    sns: SNSClient, sns_stub: Stubber, protocol: str
) -> None:
    waiting = subscription("PendingConfirmation")
    assert is_confirmed(sns, sns_stub, waiting, subscription(CONFIRMED, protocol))


@pytest.mark.parametrize(
    "found",
    [
        pytest.param([], id="nobody has subscribed"),
        pytest.param([subscription("PendingConfirmation")], id="it waits to be confirmed"),
        pytest.param([subscription("Deleted")], id="it has ended"),
        pytest.param([subscription(CONFIRMED, "sqs")], id="it is no email"),
        pytest.param([{}], id="it says nothing"),
    ],
)
def test_nobody_gets_the_emails(
    sns: SNSClient, sns_stub: Stubber, found: list[dict[str, str]]
) -> None:
    assert not is_confirmed(sns, sns_stub, *found)


def test_where_it_cannot_be_known_nobody_gets_them(sns: SNSClient, sns_stub: Stubber) -> None:
    sns_stub.add_client_error("list_subscriptions_by_topic", "AuthorizationError")
    assert not EmailSubscriptions(TOPIC_ARN, sns).is_confirmed()


def test_subscriptions_are_asked_for_every_ten_minutes_at_most(
    sns: SNSClient, sns_stub: Stubber
) -> None:
    times = [0.0]
    subscriptions = EmailSubscriptions(TOPIC_ARN, sns, lambda: times[0])
    for found in ([], [subscription(CONFIRMED)]):
        sns_stub.add_response("list_subscriptions_by_topic", {"Subscriptions": found})
    assert not subscriptions.is_confirmed()
    times[0] = 599.9
    assert not subscriptions.is_confirmed()
    times[0] = 600.0
    assert subscriptions.is_confirmed()
    times[0] = 1199.9
    assert subscriptions.is_confirmed()
    sns_stub.assert_no_pending_responses()
