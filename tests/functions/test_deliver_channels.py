"""What becomes of a message, channel by channel, for every answer that may come; no secret is shown.

Time-outs, broken connections and names that are not found are in the tests of the adapters: all of
them are what is told here as "no answer".
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final, Literal, NamedTuple

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.alerts.model import incident_id
from functions.deliver import handler as handler_module
from tests.support.apps import app_of
from tests.support.deliver_stack import PATH, TOKEN, Stack, deliver_stack
from tests.support.delivering import ARN, alarm, delivery, recovery
from tests.support.loopback import OK, Answer
from tests.support.queues import Clock, Queue

CHANNEL_ID: Final = "C0123456789"
ACCEPTED: Final = Answer(body=json.dumps({"ok": True, "ts": "1.000001"}).encode())
Outcome = Literal["sent", "later", "given up"]


def bot_says(word: str) -> Answer:
    return Answer(body=json.dumps({"ok": False, "error": word}).encode())


class Channel(NamedTuple):
    """How a channel is set up: the variable that names its secret, and the secret."""

    variable: str
    secret: Any


CHANNELS: Final = {
    "slack": Channel("SLACK_SECRET_ARN", "{url}"),
    "bot": Channel("SLACK_BOT_SECRET_ARN", {"token": f"xoxb-{TOKEN}", "signing_secret": TOKEN}),
    "webhook": Channel("WEBHOOK_SECRET_ARN", {"url": "{url}", "secret": TOKEN}),
    "pagerduty": Channel("PAGERDUTY_SECRET_ARN", {"routing_key": TOKEN, "url": "{url}"}),
    "teams": Channel("TEAMS_WEBHOOK_SECRET_ARN", "{url}"),
}


@pytest.fixture
def stack(
    sqs: SQSClient,
    clock: Clock,
    output: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Stack]:
    del sqs  # it puts AWS at moto
    with deliver_stack(handler_module, clock, output, monkeypatch, caplog) as stack:
        yield stack


def set_up(stack: Stack, monkeypatch: pytest.MonkeyPatch, name: str) -> str:
    """Give the stack a channel whose other side is the hook; return the channel."""
    channel = CHANNELS[name]
    text = channel.secret if isinstance(channel.secret, str) else json.dumps(channel.secret)
    stack.keep_secret(text.replace("{url}", stack.hook.url))
    monkeypatch.setenv("SLACK_SECRET_ARN", "")
    monkeypatch.setenv(channel.variable, stack.secret_arn)
    monkeypatch.setenv("SLACK_CHANNEL_ID", CHANNEL_ID)
    monkeypatch.setenv("SLACK_API_URL", stack.hook.url.replace(PATH, "/api/"))
    return "slack" if name == "bot" else name


def outcome(stack: Stack, channel: str, key: str = "opening") -> Outcome:
    """Send one alarm, and say what has become of it."""
    body = delivery(alarm(key, incident=ARN if key == "opening" else key), channel=channel)
    stack.deliveries.put(body)
    if stack.feed() == [body]:
        assert stack.emails() == stack.deliveries.parked() == []
        return "later"
    if stack.deliveries.parked() == [body]:
        (subject,) = stack.emails()
        assert subject == f"NOT SENT to {channel}: ALARM - critical: chat-blocks"
        return "given up"
    assert stack.emails() == []
    assert (channel, key) in stack.sent()
    return "sent"


def outcomes(
    stack: Stack, channel: str, answers: dict[str, tuple[Answer | None, Outcome]]
) -> dict[str, Outcome]:
    """Send an alarm for each answer, and say what has become of them; each is tried once."""
    found: dict[str, Outcome] = {}
    for name, (answer, _) in answers.items():
        stack.hook.answer = answer
        before = len(stack.hook.paths)
        found[name] = outcome(stack, channel, f"alarm {name}")
        assert len(stack.hook.paths) - before == 1, name
        # What waits is not looked at any more, and the channel has had its peace.
        stack.clock.forward(2000)
        stack.deliveries.take()
    return found


WEBHOOKS: Final = ("slack", "webhook", "pagerduty", "teams")
ANSWERS: Final[dict[str, tuple[Answer | None, Outcome]]] = {
    "200": (OK, "sent"),
    "200 and a page": (Answer(body=b"<html>log in</html>"), "sent"),
    "202": (Answer(202, b""), "sent"),
    "204": (Answer(204, b""), "sent"),
    "301": (Answer(301, headers={"Location": "/x"}), "given up"),
    "302": (Answer(302, headers={"Location": "/x"}), "given up"),
    "307": (Answer(307, headers={"Location": "/x"}), "given up"),
    "400": (Answer(400, b"no"), "given up"),
    "401": (Answer(401), "given up"),
    "403": (Answer(403), "given up"),
    "404": (Answer(404), "given up"),
    "408": (Answer(408), "later"),
    "410": (Answer(410), "given up"),
    "422": (Answer(422), "given up"),
    "429": (Answer(429), "later"),
    "429 for 30 s": (Answer(429, headers={"Retry-After": "30"}), "later"),
    "429 for 1.5 s": (Answer(429, headers={"Retry-After": "1.5"}), "later"),
    "429 for ever": (Answer(429, headers={"Retry-After": "999999999"}), "later"),
    "429 until a date": (
        Answer(429, headers={"Retry-After": "Mon, 23 Nov 2099 08:00:00 GMT"}),
        "later",
    ),
    "500": (Answer(500), "later"),
    "502": (Answer(502), "later"),
    "503": (Answer(503), "later"),
    "504": (Answer(504), "later"),
    "no answer": (None, "later"),
    "no HTTP": (Answer(raw=b"SSH-2.0-invented\r\n"), "later"),
}


@pytest.mark.parametrize("name", WEBHOOKS)
def test_an_answer_decides_what_becomes_of_a_message(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    channel = set_up(stack, monkeypatch, name)
    found = outcomes(stack, channel, ANSWERS)
    assert found == {answer: expected for answer, (_, expected) in ANSWERS.items()}


BOT_ANSWERS: Final[dict[str, tuple[Answer | None, Outcome]]] = {
    "accepted": (ACCEPTED, "sent"),
    "200 and a page": (Answer(body=b"<html>log in</html>"), "later"),
    "200 and half an answer": (Answer(body=b'{"ok": tr'), "later"),
    **{word: (bot_says(word), "later") for word in ("ratelimited", "internal_error")},
    **{
        word: (bot_says(word), "given up")
        for word in (
            "channel_not_found",
            "not_in_channel",
            "is_archived",
            "missing_scope",
            "invalid_auth",
            "token_revoked",
            "account_inactive",
            "a_word_of_tomorrow",
        )
    },
    **{
        name: (answer, expected)
        for name, (answer, expected) in ANSWERS.items()
        if not name.startswith("2")
    },
}


def test_an_answer_decides_what_becomes_of_a_bots_message(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = set_up(stack, monkeypatch, "bot")
    found = outcomes(stack, channel, BOT_ANSWERS)
    assert found == {answer: expected for answer, (_, expected) in BOT_ANSWERS.items()}
    assert set(stack.hook.paths) == {"/api/chat.postMessage"}


def test_a_bots_message_that_slack_finds_fault_with_is_sent_in_plain_words(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = set_up(stack, monkeypatch, "bot")
    stack.hook.judge = lambda payload: (
        bot_says("invalid_blocks") if "attachments" in payload else ACCEPTED
    )
    assert outcome(stack, channel) == "sent"
    assert [("attachments" in payload) for payload in stack.hook.received] == [True, False]


SNS_ANSWERS: Final[dict[str, Outcome]] = {
    "InternalError": "later",
    "Throttled": "later",
    "NotFound": "given up",
    "AuthorizationError": "given up",
    "InvalidParameter": "given up",
    "": "later",
}


def test_what_sns_says_decides_what_becomes_of_a_notification(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = boto3.client("sns").create_topic(Name="q")["TopicArn"]
    monkeypatch.setenv("AMAZON_Q_TOPIC_ARN", topic)
    notifications = vars(app_of(handler_module).parts.senders["amazon_q"])["_topic"]
    found: dict[str, Outcome] = {}

    def publish(**_: Any) -> None:
        if not code:
            raise ConnectTimeoutError(endpoint_url="https://example.com")
        raise ClientError({"Error": {"Code": code}}, "Publish")

    client = SimpleNamespace(publish=publish, close=lambda: None)
    monkeypatch.setattr(notifications, "_client", client)
    for code in SNS_ANSWERS:
        found[code] = outcome(stack, "amazon_q", f"alarm {code}")
        stack.clock.forward(2000)
        stack.deliveries.take()
    assert found == SNS_ANSWERS


# ---- what goes over the wire ---------------------------------------------------------------------


def test_a_webhook_gets_a_signed_event(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(stack, monkeypatch, "webhook")
    assert outcome(stack, "webhook") == "sent"
    (event,) = stack.hook.received
    assert (event["specversion"], event["id"]) == ("1.0", "opening")
    assert event["type"] == "bedrock-alerts.first"
    assert event["data"]["incident"] == incident_id(ARN)
    assert stack.hook.content_types == ["application/cloudevents+json; charset=utf-8"]
    header = stack.hook.headers[0]["X-Bedrock-Alerts-Signature"]
    at = int(stack.clock.seconds)
    signed = hmac.new(TOKEN.encode(), f"{at}.".encode() + stack.hook.bodies[0], hashlib.sha256)
    assert header == f"t={at},v1={signed.hexdigest()}"


def test_pagerduty_gets_a_trigger_and_a_resolve_of_one_alert(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(stack, monkeypatch, "pagerduty")
    assert outcome(stack, "pagerduty") == "sent"
    stack.deliveries.put(delivery(recovery(), channel="pagerduty"))
    assert stack.feed() == []
    begin, end = stack.hook.received
    assert (begin["event_action"], end["event_action"]) == ("trigger", "resolve")
    assert begin["dedup_key"] == end["dedup_key"] == incident_id(ARN)
    assert begin["routing_key"] == TOKEN
    assert begin["payload"]["severity"] == "critical"


def test_a_digest_reaches_pagerduty_alert_by_alert(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(stack, monkeypatch, "pagerduty")
    alerts = [alarm(f"a{number}", incident=f"i{number}") for number in range(3)]
    stack.deliveries.put(delivery(*alerts, channel="pagerduty"))
    assert stack.feed() == []
    assert len({event["dedup_key"] for event in stack.hook.received}) == 3


def test_teams_gets_a_card(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(stack, monkeypatch, "teams")
    assert outcome(stack, "teams") == "sent"
    (message,) = stack.hook.received
    assert message["attachments"][0]["content"]["type"] == "AdaptiveCard"


def test_amazon_q_gets_a_notification(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    sns = boto3.client("sns")
    topic = sns.create_topic(Name="q")["TopicArn"]
    watched = Queue.create(boto3.client("sqs"), "watched")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=watched.arn)
    monkeypatch.setenv("AMAZON_Q_TOPIC_ARN", topic)
    assert outcome(stack, "amazon_q") == "sent"
    (envelope,) = map(json.loads, watched.take())
    notification = json.loads(envelope["Message"])
    assert (notification["version"], notification["source"]) == ("1.0", "custom")
    assert notification["metadata"]["threadId"] == incident_id(ARN)
    assert "chat-blocks" in notification["content"]["title"]


def test_a_bots_message_is_edited_and_answered_when_its_alarm_is_over(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(stack, monkeypatch, "bot")
    stack.hook.answer = ACCEPTED
    assert outcome(stack, "slack") == "sent"
    stack.deliveries.put(delivery(recovery()))
    assert stack.feed() == []
    assert stack.hook.paths == [
        "/api/chat.postMessage",
        "/api/chat.update",
        "/api/chat.postMessage",
    ]
    first, edited, reply = stack.hook.received
    assert (edited["ts"], reply["thread_ts"]) == ("1.000001", "1.000001")
    assert first["channel"] == edited["channel"] == reply["channel"] == CHANNEL_ID
    assert edited["text"] == ":white_check_mark: *RESOLVED* chat-blocks"
    assert stack.hook.headers[0]["Authorization"] == f"Bearer xoxb-{TOKEN}"


def test_a_bot_tells_the_channel_that_a_route_names(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(stack, monkeypatch, "bot")
    stack.hook.answer = ACCEPTED
    assert outcome(stack, "slack:C0PAYMENTS") == "sent"
    assert stack.hook.received[0]["channel"] == "C0PAYMENTS"


def test_a_bots_renewed_token_is_fetched_at_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(stack, monkeypatch, "bot")
    stack.hook.answer = ACCEPTED
    assert outcome(stack, "slack") == "sent"
    renewed = f"xoxb-renewed-{TOKEN}"
    stack.keep_secret(json.dumps({"token": renewed}))

    def judge(_: Any) -> Answer:
        is_new = stack.hook.headers[-1]["Authorization"] == f"Bearer {renewed}"
        return ACCEPTED if is_new else bot_says("token_revoked")

    stack.hook.judge = judge
    stack.deliveries.put(delivery(alarm("another", incident="another")))
    assert stack.feed() == []
    assert len(stack.hook.received) == 3
    assert stack.emails() == []
