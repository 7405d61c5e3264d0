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
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.alerts.events import incident_id
from functions.deliver import handler as handler_module
from tests.support.apps import app_of
from tests.support.deliver_stack import PATH, TOKEN, DeliverStack, deliver_stack
from tests.support.loopback import OK, Answer
from tests.support.queues import Clock, Queue
from tests.support.route_stack import ARN, NAME, ROUTES, change

CHANNEL_ID: Final = "C0123456789"
ACCEPTED: Final = Answer(body=json.dumps({"ok": True, "ts": "1.000001"}).encode())
ALARM_ID: Final = incident_id(f"{ARN}{NAME}")
Outcome = Literal["shown", "refused", "unknown", "permanent"]


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
) -> Iterator[DeliverStack]:
    del sqs  # it puts AWS at moto
    with deliver_stack(handler_module, clock, output, monkeypatch, caplog) as stack:
        yield stack


def set_up(stack: DeliverStack, monkeypatch: pytest.MonkeyPatch, name: str) -> str:
    """Give the stack a channel whose other side is the hook; return the channel."""
    channel = CHANNELS[name]
    text = channel.secret if isinstance(channel.secret, str) else json.dumps(channel.secret)
    stack.keep_secret(text.replace("{url}", stack.hook.url))
    monkeypatch.setenv("SLACK_SECRET_ARN", "")
    monkeypatch.setenv(channel.variable, stack.secret_arn)
    monkeypatch.setenv("SLACK_CHANNEL_ID", CHANNEL_ID)
    monkeypatch.setenv("SLACK_API_URL", stack.hook.url.replace(PATH, "/api/"))
    found = "slack" if name == "bot" else name
    monkeypatch.setenv("CHANNELS", found)
    return found


def outcome(stack: DeliverStack, channel: str, name: str = NAME) -> Outcome:
    """Let an alarm fire, and say what has become of its message; it is tried once."""
    sent, failed = len(stack.sent()), len(stack.failures())
    minute = (stack.clock.seconds - 1_795_420_800) / 60
    assert stack.happen(change("ALARM", minute, name=name)) == []
    if len(stack.sent()) > sent:
        assert len(stack.failures()) == failed
        assert stack.sent()[-1] == (channel, "firing")
        return "shown"
    ((result, _),) = stack.failures()[failed:]
    found: Outcome = result  # type: ignore[assignment] # one of the words in Outcome
    return found


def outcomes(
    stack: DeliverStack, channel: str, answers: dict[str, tuple[Answer | None, Outcome]]
) -> dict[str, Outcome]:
    """Let an alarm fire for each answer, and say what has become of them."""
    found: dict[str, Outcome] = {}
    for number, (name, (answer, _)) in enumerate(answers.items()):
        stack.hook.answer = answer
        before = len(stack.hook.paths)
        found[name] = outcome(stack, channel, f"alarm-{number}")
        assert len(stack.hook.paths) - before == 1, name
        stack.clock.forward(2000)  # the channel has had its peace
        stack.deliveries.take()
    return found


WEBHOOKS: Final = ("slack", "webhook", "pagerduty", "teams")
ANSWERS: Final[dict[str, tuple[Answer | None, Outcome]]] = {
    "200": (OK, "shown"),
    "200 and a page": (Answer(body=b"<html>log in</html>"), "shown"),
    "202": (Answer(202, b""), "shown"),
    "204": (Answer(204, b""), "shown"),
    "301": (Answer(301, headers={"Location": "/x"}), "permanent"),
    "302": (Answer(302, headers={"Location": "/x"}), "permanent"),
    "307": (Answer(307, headers={"Location": "/x"}), "permanent"),
    "400": (Answer(400, b"no"), "permanent"),
    "401": (Answer(401), "permanent"),
    "403": (Answer(403), "permanent"),
    "404": (Answer(404), "permanent"),
    "408": (Answer(408), "refused"),
    "410": (Answer(410), "permanent"),
    "422": (Answer(422), "permanent"),
    "429": (Answer(429), "refused"),
    "429 for 30 s": (Answer(429, headers={"Retry-After": "30"}), "refused"),
    "429 for 1.5 s": (Answer(429, headers={"Retry-After": "1.5"}), "refused"),
    "429 for ever": (Answer(429, headers={"Retry-After": "999999999"}), "refused"),
    "429 until a date": (
        Answer(429, headers={"Retry-After": "Mon, 23 Nov 2099 08:00:00 GMT"}),
        "refused",
    ),
    "500": (Answer(500), "unknown"),
    "502": (Answer(502), "unknown"),
    "503": (Answer(503), "unknown"),
    "504": (Answer(504), "unknown"),
    "no answer": (None, "unknown"),
    "no HTTP": (Answer(raw=b"SSH-2.0-invented\r\n"), "unknown"),
}


@pytest.mark.parametrize("name", WEBHOOKS)
def test_an_answer_decides_what_becomes_of_a_message(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    channel = set_up(stack, monkeypatch, name)
    found = outcomes(stack, channel, ANSWERS)
    assert found == {answer: expected for answer, (_, expected) in ANSWERS.items()}


BOT_ANSWERS: Final[dict[str, tuple[Answer | None, Outcome]]] = {
    "accepted": (ACCEPTED, "shown"),
    "200 and a page": (Answer(body=b"<html>log in</html>"), "unknown"),
    "200 and half an answer": (Answer(body=b'{"ok": tr'), "unknown"),
    "ratelimited": (bot_says("ratelimited"), "refused"),
    "internal_error": (bot_says("internal_error"), "unknown"),
    **{
        word: (bot_says(word), "permanent")
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
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = set_up(stack, monkeypatch, "bot")
    found = outcomes(stack, channel, BOT_ANSWERS)
    assert found == {answer: expected for answer, (_, expected) in BOT_ANSWERS.items()}
    assert set(stack.hook.paths) == {"/api/chat.postMessage"}


def test_a_bots_message_that_slack_finds_fault_with_is_sent_in_plain_words(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = set_up(stack, monkeypatch, "bot")
    stack.hook.judge = lambda payload: (
        bot_says("invalid_blocks") if "attachments" in payload else ACCEPTED
    )
    assert outcome(stack, channel) == "shown"
    assert [("attachments" in payload) for payload in stack.hook.received] == [True, False]


SNS_ANSWERS: Final[dict[str, Outcome]] = {
    "InternalError": "unknown",
    "Throttled": "refused",
    "NotFound": "permanent",
    "AuthorizationError": "permanent",
    "InvalidParameter": "permanent",
    "no connection": "refused",
    "no answer": "unknown",
}


def test_what_sns_says_decides_what_becomes_of_a_notification(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = boto3.client("sns").create_topic(Name="q")["TopicArn"]
    monkeypatch.setenv("AMAZON_Q_TOPIC_ARN", topic)
    monkeypatch.setenv("CHANNELS", "amazon_q")
    notifications = vars(app_of(handler_module).parts.senders["amazon_q"])["_topic"]
    found: dict[str, Outcome] = {}

    def publish(**_: Any) -> None:
        if code == "no connection":
            raise ConnectTimeoutError(endpoint_url="https://example.com")
        if code == "no answer":
            raise ReadTimeoutError(endpoint_url="https://example.com")
        raise ClientError({"Error": {"Code": code}}, "Publish")

    client = SimpleNamespace(publish=publish, close=lambda: None)
    monkeypatch.setattr(notifications, "_client", client)
    for number, code in enumerate(SNS_ANSWERS):
        found[code] = outcome(stack, "amazon_q", f"alarm-{number}")
        stack.clock.forward(2000)
        stack.deliveries.take()
    assert found == SNS_ANSWERS


# ---- what goes over the wire ---------------------------------------------------------------------


def end(stack: DeliverStack) -> None:
    """Let the alarm recover, and its incident close."""
    stack.happen(change("OK", (stack.clock.seconds - 1_795_420_800) / 60, was="ALARM"))
    stack.pass_time(15)


def test_a_webhook_gets_a_signed_event(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(stack, monkeypatch, "webhook")
    assert outcome(stack, "webhook") == "shown"
    (event,) = stack.hook.received
    assert event["specversion"] == "1.0"
    assert event["type"].startswith("bedrock-alerts.")
    assert stack.hook.content_types == ["application/cloudevents+json; charset=utf-8"]
    header = stack.hook.headers[0]["X-Bedrock-Alerts-Signature"]
    at = int(stack.clock.seconds)
    signed = hmac.new(TOKEN.encode(), f"{at}.".encode() + stack.hook.bodies[0], hashlib.sha256)
    assert header == f"t={at},v1={signed.hexdigest()}"


def test_pagerduty_gets_a_trigger_and_a_resolve_of_one_incident(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(stack, monkeypatch, "pagerduty")
    assert outcome(stack, "pagerduty") == "shown"
    stack.clock.forward(300)
    end(stack)
    begin, over = stack.hook.received
    assert (begin["event_action"], over["event_action"]) == ("trigger", "resolve")
    assert begin["dedup_key"] == over["dedup_key"] == f"{ALARM_ID}-1"
    assert begin["routing_key"] == TOKEN
    assert begin["payload"]["severity"] == "critical"


def test_each_alarm_pages_for_itself_however_many_there_are(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(stack, monkeypatch, "pagerduty")
    stack.happen(*(change("ALARM", 0, name=f"alarm-{number}") for number in range(3)))
    assert len({event["dedup_key"] for event in stack.hook.received}) == 3


def test_teams_gets_a_card(stack: DeliverStack, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(stack, monkeypatch, "teams")
    assert outcome(stack, "teams") == "shown"
    (message,) = stack.hook.received
    assert message["attachments"][0]["content"]["type"] == "AdaptiveCard"


def test_amazon_q_gets_a_notification(stack: DeliverStack, monkeypatch: pytest.MonkeyPatch) -> None:
    sns = boto3.client("sns")
    topic = sns.create_topic(Name="q")["TopicArn"]
    watched = Queue.create(boto3.client("sqs"), "watched")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=watched.arn)
    monkeypatch.setenv("AMAZON_Q_TOPIC_ARN", topic)
    monkeypatch.setenv("CHANNELS", "amazon_q")
    assert outcome(stack, "amazon_q") == "shown"
    (envelope,) = map(json.loads, watched.take())
    notification = json.loads(envelope["Message"])
    assert (notification["version"], notification["source"]) == ("1.0", "custom")
    assert notification["metadata"]["threadId"] == ALARM_ID
    assert "Blocked calls" in notification["content"]["title"]


def test_a_bots_message_is_edited_when_its_alarm_recovers_and_is_over(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(stack, monkeypatch, "bot")
    stack.hook.answer = ACCEPTED
    assert outcome(stack, "slack") == "shown"
    stack.clock.forward(300)
    end(stack)
    posts = [path for path in stack.hook.paths if path.endswith("postMessage")]
    edits = [
        payload
        for path, payload in zip(stack.hook.paths, stack.hook.received, strict=True)
        if path == "/api/chat.update"
    ]
    first = stack.hook.received[0]
    assert {payload["ts"] for payload in edits} == {"1.000001"}
    assert "Resolved" in edits[-1]["text"]
    assert {payload["channel"] for payload in (first, *edits)} == {CHANNEL_ID}
    others = [
        payload
        for path, payload in zip(stack.hook.paths[1:], stack.hook.received[1:], strict=True)
        if path.endswith("postMessage")
    ]
    # What is posted after it stands in its thread, and notifies nobody.
    assert all(payload["thread_ts"] == "1.000001" for payload in others)
    assert not any(payload.get("reply_broadcast") for payload in others)
    assert posts
    assert stack.hook.headers[0]["Authorization"] == f"Bearer xoxb-{TOKEN}"


def test_a_bot_notifies_the_channel_that_a_route_names(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(stack, monkeypatch, "bot")
    stack.hook.answer = ACCEPTED
    routes = '{"default":["slack:C0PAYMENTS"]}'
    boto3.client("ssm").put_parameter(Name=ROUTES, Type="String", Value=routes, Overwrite=True)
    assert outcome(stack, "slack:C0PAYMENTS") == "shown"
    assert stack.hook.received[0]["channel"] == "C0PAYMENTS"


def test_a_bots_renewed_token_is_fetched_at_once(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(stack, monkeypatch, "bot")
    stack.hook.answer = ACCEPTED
    assert outcome(stack, "slack") == "shown"
    renewed = f"xoxb-renewed-{TOKEN}"
    stack.keep_secret(json.dumps({"token": renewed}))

    def judge(_: Any) -> Answer:
        is_new = stack.hook.headers[-1]["Authorization"] == f"Bearer {renewed}"
        return ACCEPTED if is_new else bot_says("token_revoked")

    stack.hook.judge = judge
    assert outcome(stack, "slack", "another") == "shown"
    assert len(stack.hook.received) == 3
