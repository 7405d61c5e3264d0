"""Alerts go to one channel, in its format, with its secret, and what fails says what it means."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest

from bedrock_alerts.alerts.digest import as_one
from bedrock_alerts.alerts.model import Thread
from bedrock_alerts.alerts.render import amazon_q, email, pagerduty, slack, teams, webhook
from bedrock_alerts.alerts.send import (
    AmazonQSender,
    EmailSender,
    PagerDutySender,
    Post,
    Sender,
    SlackWebhookSender,
    TeamsSender,
    WebhookSender,
    signature,
)
from bedrock_alerts.errors import (
    CredentialError,
    MessageError,
    PermanentError,
    TransientError,
)
from tests.support.delivering import alarm, recovery

URL = "https://hooks.slack.com/services/T0/B0/invented"
ALERT = alarm()


class FakeTopic:
    """Keeps what was sent and published."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.published: list[str] = []

    def send(self, subject: str, body: str) -> None:
        self.sent.append((subject, body))

    def publish(self, message: str) -> None:
        self.published.append(message)


class FakePoster:
    """Keeps what was posted. Raises what is in `failures` first."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.posted: list[tuple[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []

    def post_json(self, url: str, payload: Mapping[str, Any]) -> None:
        self._fail()
        self.posted.append((url, payload))

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        self._fail()
        self.posted.append((url, body))
        self.headers.append(headers)

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


class FakeSecret:
    """Knows a secret, or cannot tell it."""

    def __init__(self, value: Any = URL) -> None:
        self.value = value

    def text(self, *, fresh: bool = False) -> str:
        del fresh
        if isinstance(self.value, Exception):
            raise self.value
        return self.value if isinstance(self.value, str) else json.dumps(self.value)


def test_an_email_has_room_for_every_alert_of_a_digest() -> None:
    topic = FakeTopic()
    alerts = tuple(alarm(f"a{number}", title=f"alarm-{number:03}") for number in range(200))
    EmailSender(topic).send(Post(alerts, notes=("a note",)))
    ((subject, body),) = topic.sent
    assert subject == "[200 alerts] 200 ALARM - critical - 111122223333 eu-west-1"
    assert body.startswith("200 alerts")
    assert body.endswith("\n\nNote: a note\n")
    assert all(f"alarm-{number:03}" in body for number in range(200))


def test_an_alert_for_email_is_sent_as_it_is_rendered() -> None:
    topic = FakeTopic()
    EmailSender(topic).send(Post((ALERT,)))
    assert topic.sent == [tuple(email.render(ALERT))]


@pytest.mark.parametrize(
    ("sender", "name"),
    [(EmailSender(FakeTopic()), "email"), (AmazonQSender(FakeTopic()), "amazon_q")],
)
def test_a_topic_has_no_targets(sender: Sender, name: str) -> None:
    with pytest.raises(PermanentError, match=f"there is no {name}:payments"):
        sender.send(Post((ALERT,), target="payments"))


def test_an_alert_for_slack_goes_to_the_secret_webhook() -> None:
    poster = FakePoster()
    SlackWebhookSender(poster, FakeSecret()).send(Post((ALERT,), mentions=("here",), notes=("n",)))
    assert poster.posted == [(URL, slack.render(ALERT, ("here",), ("n",)))]


def test_several_alerts_are_one_slack_message() -> None:
    poster = FakePoster()
    alerts = (ALERT, recovery())
    SlackWebhookSender(poster, FakeSecret()).send(Post(alerts, digest="d"))
    assert poster.posted == [(URL, slack.render(as_one(alerts, "d")))]


def test_what_slack_finds_fault_with_is_sent_plainly_once() -> None:
    poster = FakePoster(MessageError("invalid_blocks"))
    receipt = SlackWebhookSender(poster, FakeSecret()).send(Post((ALERT,)))
    assert poster.posted == [(URL, slack.render_plainly(ALERT))]
    assert receipt.defect == "invalid_blocks"
    poster = FakePoster(MessageError("invalid_blocks"), MessageError("invalid_payload"))
    with pytest.raises(MessageError, match="invalid_payload"):
        SlackWebhookSender(poster, FakeSecret()).send(Post((ALERT,)))


def test_a_webhook_gets_each_alert_signed() -> None:
    poster = FakePoster()
    secret = FakeSecret({"url": "https://hooks.example.com/x", "secret": "key"})
    WebhookSender(poster, secret, lambda: 1795420800.9).send(Post((ALERT,), notes=("n",)))
    ((url, body),) = poster.posted
    assert url == "https://hooks.example.com/x"
    assert json.loads(body) == json.loads(json.dumps(webhook.render(ALERT, ("n",))))
    (headers,) = poster.headers
    signed = hmac.new(b"key", b"1795420800." + body, hashlib.sha256).hexdigest()
    assert headers["X-Bedrock-Alerts-Signature"] == f"t=1795420800,v1={signed}"


def test_the_signature_is_what_the_documentation_says() -> None:
    assert signature("key", b'{"a":1}', 1795420800) == (
        "t=1795420800,v1=" + hmac.new(b"key", b'1795420800.{"a":1}', hashlib.sha256).hexdigest()
    )
    assert signature("key", b"1", 12) != signature("key", b".1", 1)


def test_a_webhook_without_a_signing_secret_is_not_called() -> None:
    poster = FakePoster()
    with pytest.raises(CredentialError, match="the secret has no secret"):
        WebhookSender(poster, FakeSecret(URL), lambda: 0.0).send(Post((ALERT,)))
    assert poster.posted == []


def test_pagerduty_gets_the_key_of_the_target() -> None:
    poster = FakePoster()
    eu = {"routing_key": "k2", "url": "https://events.eu.pagerduty.com/v2/enqueue"}
    sender = PagerDutySender(poster, FakeSecret({"default": "k1", "payments": eu}))
    sender.send(Post((ALERT,)))
    sender.send(Post((ALERT,), target="payments"))
    assert poster.posted == [
        ("https://events.pagerduty.com/v2/enqueue", pagerduty.render(ALERT, "k1")),
        ("https://events.eu.pagerduty.com/v2/enqueue", pagerduty.render(ALERT, "k2")),
    ]


def test_teams_gets_one_card() -> None:
    poster = FakePoster()
    TeamsSender(poster, FakeSecret()).send(Post((ALERT, recovery())))
    assert poster.posted == [(URL, teams.render(as_one((ALERT, recovery()))))]


def test_amazon_q_gets_one_notification() -> None:
    topic = FakeTopic()
    AmazonQSender(topic).send(Post((ALERT,), notes=("n",)))
    (message,) = topic.published
    assert json.loads(message) == amazon_q.render(ALERT, ("n",))


@pytest.mark.parametrize(
    "make",
    [
        SlackWebhookSender,
        PagerDutySender,
        TeamsSender,
        lambda poster, secret: WebhookSender(poster, secret, lambda: 0.0),
    ],
)
def test_without_the_secret_nothing_is_posted(make: Any) -> None:
    poster = FakePoster()
    with pytest.raises(TransientError, match="not now"):
        make(poster, FakeSecret(TransientError("not now"))).send(Post((ALERT,)))
    assert poster.posted == []


def test_a_channel_without_threads_adds_nothing() -> None:
    thread = Thread(channel_id="C0", ts="1", root="1")
    assert EmailSender(FakeTopic()).extras(Post((ALERT,)), thread) == ()
    with pytest.raises(NotImplementedError):
        Sender().send(Post((ALERT,)))


@pytest.mark.parametrize(
    ("sender", "takes"),
    [
        (EmailSender, True),
        (SlackWebhookSender, True),
        (TeamsSender, True),
        (AmazonQSender, True),
        (WebhookSender, False),
        (PagerDutySender, False),
    ],
)
def test_a_digest_goes_only_where_one_message_may_stand_for_many(
    sender: type[Sender], *, takes: bool
) -> None:
    assert sender.takes_digests is takes
