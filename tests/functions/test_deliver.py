"""`deliver` sends each delivery once; what fails waits in its queue, and no secret is written."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from mypy_boto3_sqs import SQSClient

from functions.deliver import handler as handler_module
from tests.support.apps import built_anew
from tests.support.loopback import OK, Answer, Hook
from tests.support.queues import HIDDEN_SECONDS, RECEIVES, Clock, Queue, emitted, log_lines
from tests.support.secrecy import lines, shown

EVENTS = Path(__file__).parents[2] / "events" / "deliver"
TOKEN = "s3cretInventedToken"
SECRETS = (TOKEN, "T0INVENTED", "services/")
BROKEN = "no delivery: prompt of a person"


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return event


(EMAIL,) = (record["body"] for record in sample("email.json")["Records"])
(SLACK,) = (record["body"] for record in sample("slack.json")["Records"])


class Stack(NamedTuple):
    """What surrounds the function."""

    deliveries: Queue
    mailbox: Queue
    topic_arn: str
    secret_arn: str
    hook: Hook
    clock: Clock
    output: Any

    def feed(self) -> list[str]:
        """Give the function what is visible; return what it could not send."""
        return self.deliveries.feed(handler_module.handler)

    def emails(self) -> list[str]:
        """Return the subjects of the e-mails sent since the last time."""
        return [json.loads(body)["Subject"] for body in self.mailbox.take()]

    def errors(self) -> list[str]:
        """Return what the function logged as going wrong."""
        return [line["error"] for line in log_lines(self.output.text) if "error" in line]

    def sent(self) -> list[tuple[str, str]]:
        """Return channel and alert of everything that the function logged as sent."""
        lines = [line for line in log_lines(self.output.text) if line["message"] == "sent"]
        return [(line["channel"], line["alerts"][0]) for line in lines]


@pytest.fixture
def stack(
    sqs: SQSClient,
    clock: Clock,
    output: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Stack]:
    """Set `deliver` up; whatever it does then, with all loggers on, must not show the secret."""
    sns = boto3.client("sns")
    topic_arn = sns.create_topic(Name="email")["TopicArn"]
    mailbox = Queue.create(sqs, "mailbox")
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=mailbox.arn)
    deliveries = Queue.create(sqs, "deliveries")
    with Hook(path=f"/services/T0INVENTED/B0INVENTED/{TOKEN}") as hook:
        keeper = boto3.client("secretsmanager")
        secret_arn = keeper.create_secret(Name="slack", SecretString=hook.url)["ARN"]
        monkeypatch.setenv("METRICS_NAMESPACE", "BedrockAlerts")
        monkeypatch.setenv("DELIVERIES_QUEUE_URL", deliveries.url)
        monkeypatch.setenv("EMAIL_TOPIC_ARN", topic_arn)
        monkeypatch.setenv("SLACK_SECRET_ARN", secret_arn)
        monkeypatch.setenv("ALLOW_LOOPBACK_WEBHOOKS", "true")
        caplog.set_level(logging.DEBUG)
        with built_anew(handler_module):
            yield Stack(deliveries, mailbox, topic_arn, secret_arn, hook, clock, output)
    assert not shown(SECRETS, [*lines(caplog.get_records("call")), output.text])
    assert BROKEN not in output.text


def test_every_sample_event_is_tried_here() -> None:
    assert {path.name for path in EVENTS.iterdir()} == {"email.json", "slack.json"}


def test_the_email_sample_becomes_an_email(stack: Stack) -> None:
    assert handler_module.handler(sample("email.json"), None) == {"batchItemFailures": []}
    (envelope,) = map(json.loads, stack.mailbox.take())
    assert envelope["Subject"] == "ALARM - warning: bedrock-alerts.ContentFiltered in eu-west-1"
    assert "Value:       4 (threshold 1)" in envelope["Message"]
    assert stack.hook.received == []
    assert emitted(stack.output.text) == {"NotificationsSent": 1}


def test_the_slack_sample_becomes_a_slack_message(stack: Stack) -> None:
    assert handler_module.handler(sample("slack.json"), None) == {"batchItemFailures": []}
    (payload,) = stack.hook.received
    assert payload["text"] == ":warning: *ALARM · warning* bedrock-alerts.ContentFiltered"
    assert stack.emails() == []
    assert emitted(stack.output.text) == {"NotificationsSent": 1}


def test_a_poisoned_message_comes_back_and_its_neighbours_are_sent(stack: Stack) -> None:
    unknown_channel = SLACK.replace('"slack"', '"fax"')
    stack.deliveries.put(EMAIL, BROKEN, unknown_channel, SLACK)
    assert stack.feed() == [BROKEN, unknown_channel]
    assert len(stack.emails()) == len(stack.hook.received) == 1
    assert stack.errors() == ["DecodeError", "ValidationError"]
    assert emitted(stack.output.text) == {"NotificationsSent": 2, "NotificationsFailed": 2}


def test_the_log_says_who_was_told_of_what_by_a_key_that_both_channels_share(
    stack: Stack,
) -> None:
    stack.deliveries.put(EMAIL, SLACK)
    assert stack.feed() == []
    (first, second) = stack.sent()
    assert {first[0], second[0]} == {"email", "slack"}
    assert first[1] == second[1] == json.loads(EMAIL)["alerts"][0]["key"]


def test_a_poisoned_message_is_parked_in_the_end(stack: Stack) -> None:
    stack.deliveries.put(BROKEN)
    for _ in range(RECEIVES):
        assert stack.feed() == [BROKEN]
        stack.clock.forward(HIDDEN_SECONDS + 1)
    assert stack.feed() == []
    assert stack.deliveries.parked() == [BROKEN]


def test_while_slack_is_down_its_message_waits_longer_each_time_and_no_email_is_sent_twice(
    stack: Stack,
) -> None:
    stack.hook.answer = Answer(500, b"rollup_error")
    stack.deliveries.put(EMAIL, SLACK)
    assert stack.feed() == [SLACK]
    stack.clock.forward(4.9)
    assert stack.feed() == []  # it is hidden
    stack.clock.forward(2.2)
    assert stack.feed() == [SLACK]
    stack.clock.forward(14.9)
    assert stack.feed() == []
    stack.hook.answer = OK
    stack.clock.forward(4.2)
    assert stack.feed() == []  # it is sent
    assert stack.deliveries.kept == 0
    assert len(stack.hook.received) == 3
    assert len(stack.emails()) == 1
    assert set(stack.errors()) == {"TransientError: 127.0.0.1 answered 500: rollup_error"}
    assert emitted(stack.output.text) == {"NotificationsSent": 2, "NotificationsFailed": 2}


def test_slack_is_left_in_peace_for_as_long_as_it_asks(stack: Stack) -> None:
    stack.hook.answer = Answer(429, b"rate_limited", {"Retry-After": "30"})
    stack.deliveries.put(SLACK)
    assert stack.feed() == [SLACK]
    stack.hook.answer = OK
    stack.clock.forward(29.9)
    assert stack.feed() == []
    assert len(stack.hook.received) == 1
    stack.clock.forward(7.2)
    assert stack.feed() == []
    assert len(stack.hook.received) == 2


def test_a_slack_that_never_comes_back_parks_its_message(stack: Stack) -> None:
    stack.hook.answer = None
    stack.deliveries.put(SLACK)
    for _ in range(RECEIVES):
        assert stack.feed() == [SLACK]
        stack.clock.forward(HIDDEN_SECONDS)
    assert stack.feed() == []
    assert stack.deliveries.parked() == [SLACK]


def test_a_message_that_cannot_be_postponed_is_kept_all_the_same(stack: Stack) -> None:
    stack.hook.answer = Answer(500)
    event = sample("slack.json")  # its receipt handle is invented
    answer = handler_module.handler(event, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    (error,) = stack.errors()
    assert error == (
        "TransientError: the message cannot be postponed: ReceiptHandleIsInvalid;"
        " before that TransientError: 127.0.0.1 answered 500"
    )


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(Answer(404, b"no_service"), "answered 404: no_service", id="the app is gone"),
        pytest.param(
            Answer(403, b"invalid_token"), "answered 403: invalid_token", id="a bad token"
        ),
        pytest.param(Answer(410, b"channel_is_archived"), "answered 410", id="no such channel"),
        pytest.param(Answer(302, headers={"Location": "/x"}), "answered 302", id="a redirect"),
    ],
)
def test_a_message_that_slack_refuses_is_not_hurried(
    stack: Stack, answer: Answer, error: str
) -> None:
    stack.hook.answer = answer
    stack.deliveries.put(SLACK)
    assert stack.feed() == [SLACK]
    assert error in stack.errors()[0]
    assert stack.errors()[0].startswith("PermanentError: ")
    stack.clock.forward(HIDDEN_SECONDS - 1)
    assert stack.feed() == []
    assert stack.deliveries.kept == 1


def test_a_rotated_secret_is_seen_when_its_message_comes_back(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = boto3.client("secretsmanager")
    monkeypatch.setattr("bedrock_alerts.adapters.aws._SECRET_MAX_AGE_SECONDS", 0)
    stack.hook.answer = Answer(404, b"no_service")
    stack.deliveries.put(SLACK)
    assert stack.feed() == [SLACK]
    with Hook(path="/renewed") as renewed:
        keeper.update_secret(SecretId=stack.secret_arn, SecretString=renewed.url)
        stack.clock.forward(HIDDEN_SECONDS + 1)
        assert stack.feed() == []
        assert len(renewed.received) == 1


def test_without_its_secret_a_slack_message_waits(stack: Stack) -> None:
    keeper = boto3.client("secretsmanager")
    keeper.delete_secret(SecretId=stack.secret_arn, ForceDeleteWithoutRecovery=True)
    stack.deliveries.put(SLACK)
    assert stack.feed() == [SLACK]
    assert stack.errors() == [
        "TransientError: the secret cannot be read: ResourceNotFoundException"
    ]
    stack.clock.forward(6.1)
    assert stack.feed() == [SLACK]


def test_a_secret_that_is_no_webhook_is_refused_without_being_shown(stack: Stack) -> None:
    keeper = boto3.client("secretsmanager")
    other = "https://evil.example.com/services/T0INVENTED"
    # What the test itself writes is not what is being looked at.
    logging.disable(logging.CRITICAL)
    keeper.update_secret(SecretId=stack.secret_arn, SecretString=other)
    logging.disable(logging.NOTSET)
    stack.deliveries.put(SLACK)
    assert stack.feed() == [SLACK]
    assert stack.errors() == [
        "PermanentError: the webhook's host is not one of hooks.slack-gov.com, hooks.slack.com"
    ]
    assert stack.hook.received == []


def test_an_email_whose_topic_is_gone_is_a_permanent_failure_and_is_parked(stack: Stack) -> None:
    boto3.client("sns").delete_topic(TopicArn=stack.topic_arn)
    stack.deliveries.put(EMAIL, SLACK)
    assert stack.feed() == [EMAIL]
    assert len(stack.hook.received) == 1
    assert stack.errors() == ["PermanentError: Amazon SNS refused the message: NotFound"]
    for _ in range(RECEIVES):
        stack.clock.forward(HIDDEN_SECONDS + 1)
        stack.feed()
    assert stack.deliveries.parked() == [EMAIL]


def test_a_delivery_to_a_channel_that_is_not_set_up_fails_and_is_parked(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_SECRET_ARN", "")
    stack.deliveries.put(EMAIL, SLACK)
    assert stack.feed() == [SLACK]
    assert len(stack.emails()) == 1
    assert stack.errors() == ["PermanentError: there is no channel 'slack' in this stack"]
    for _ in range(RECEIVES):
        stack.clock.forward(HIDDEN_SECONDS + 1)
        stack.feed()
    assert stack.deliveries.parked() == [SLACK]
    assert stack.hook.received == []


def test_webhooks_on_this_machine_are_refused_unless_allowed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOW_LOOPBACK_WEBHOOKS", "false")
    stack.deliveries.put(SLACK)
    assert stack.feed() == [SLACK]
    assert stack.hook.received == []
