"""One alert goes to one channel, and what fails says when to try again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.model import Alert, Channel
from bedrock_alerts.alerts.render import email, slack
from bedrock_alerts.alerts.send import Sender, email_sender, pause_before_retry, send, slack_sender
from bedrock_alerts.errors import PermanentError, TransientError

ALERT = Alert(
    key="k",
    tone="warning",
    status="ALARM · warning",
    title="chat-blocks",
    summary="A guardrail blocked calls.",
    account_id="111122223333",
    region="eu-west-1",
    at=datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC),
)
URL = "https://hooks.slack.com/services/T0/B0/invented"


class FakeTopic:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, subject: str, body: str) -> None:
        self.sent.append((subject, body))


class FakeWebhook:
    """Keeps what was posted."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Mapping[str, Any]]] = []

    def post(self, url: str, payload: Mapping[str, Any]) -> None:
        self.posted.append((url, payload))


class FakeSecret:
    """Knows the webhook's URL, or cannot tell it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def text(self) -> str:
        if self.error is not None:
            raise self.error
        return URL


def test_an_alert_for_email_goes_to_the_topic_alone() -> None:
    topic, webhook = FakeTopic(), FakeWebhook()
    senders: dict[Channel, Sender] = {
        "email": email_sender(topic),
        "slack": slack_sender(webhook, FakeSecret()),
    }
    send(ALERT, "email", senders)
    assert topic.sent == [tuple(email.render(ALERT))]
    assert webhook.posted == []


def test_an_alert_for_slack_goes_to_the_secret_webhook() -> None:
    webhook = FakeWebhook()
    send(ALERT, "slack", {"slack": slack_sender(webhook, FakeSecret())})
    assert webhook.posted == [(URL, slack.render(ALERT))]


def test_a_channel_that_the_stack_does_not_have_cannot_be_helped_by_waiting() -> None:
    with pytest.raises(PermanentError, match="no channel 'slack'"):
        send(ALERT, "slack", {"email": email_sender(FakeTopic())})


def test_without_the_secret_nothing_is_posted() -> None:
    webhook = FakeWebhook()
    with pytest.raises(TransientError, match="not now"):
        slack_sender(webhook, FakeSecret(TransientError("not now")))(ALERT)
    assert webhook.posted == []


@pytest.mark.parametrize(
    ("attempt", "retry_after", "seconds"),
    [
        pytest.param(1, None, 5, id="a short pause first"),
        pytest.param(2, None, 15, id="then three times as long"),
        pytest.param(5, None, 405, id="and again"),
        pytest.param(6, None, 900, id="up to a quarter of an hour"),
        pytest.param(1000, None, 900, id="however often"),
        pytest.param(1, 30.0, 30, id="as long as the other side asks for"),
        pytest.param(1, 0.0, 5, id="never shorter than we would wait ourselves"),
        pytest.param(3, 1.5, 45, id="nor after several attempts"),
        pytest.param(1, 1e9, 900, id="and never for ever"),
    ],
)
def test_the_pause_grows_and_is_bounded(
    attempt: int, retry_after: float | None, seconds: float
) -> None:
    pause = pause_before_retry(TransientError("…", retry_after=retry_after), attempt)
    assert seconds <= pause <= seconds * 1.2


@given(st.integers(0, 1000), st.none() | st.floats(0, allow_infinity=False))
def test_no_pause_is_too_short_or_too_long(attempt: int, retry_after: float | None) -> None:
    pause = pause_before_retry(TransientError("…", retry_after=retry_after), attempt)
    assert 1 <= pause <= 1080


def test_alerts_of_a_storm_do_not_come_back_as_one() -> None:
    assert len({pause_before_retry(TransientError("…"), 1) for _ in range(20)}) > 1
