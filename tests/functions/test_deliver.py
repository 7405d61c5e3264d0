"""`deliver` sends each delivery once; what fails waits in its queue, and no secret is written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from mypy_boto3_sqs import SQSClient

from functions.deliver import handler as handler_module
from tests.support.deliver_stack import TABLE, Stack, deliver_stack
from tests.support.delivering import alarm, delivery, recovery
from tests.support.loopback import OK, Answer, Hook
from tests.support.queues import HIDDEN_SECONDS, RECEIVES, Clock, emitted, log_lines

EVENTS = Path(__file__).parents[2] / "events" / "deliver"
BROKEN = "no delivery: prompt of a person"


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return event


(EMAIL,) = (record["body"] for record in sample("email.json")["Records"])
(SLACK,) = (record["body"] for record in sample("slack.json")["Records"])
ALARM, END = delivery(alarm()), delivery(recovery())


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
    assert BROKEN not in output.text


def test_every_sample_event_is_tried_here() -> None:
    assert {path.name for path in EVENTS.iterdir()} == {"email.json", "slack.json"}


def test_the_email_sample_becomes_an_email(stack: Stack) -> None:
    assert handler_module.handler(sample("email.json"), None) == {"batchItemFailures": []}
    (envelope,) = map(json.loads, stack.mailbox.take())
    assert envelope["Subject"] == "ALARM - info: bedrock-alerts.ContentFiltered in eu-west-1"
    assert "Value:  4, threshold 1" in envelope["Message"]
    assert stack.hook.received == []
    assert emitted(stack.output.text) == {"NotificationsSent": 1}


def test_the_slack_sample_becomes_a_slack_message(stack: Stack) -> None:
    assert handler_module.handler(sample("slack.json"), None) == {"batchItemFailures": []}
    (payload,) = stack.hook.received
    assert payload["text"] == ":information_source: *ALARM · info* bedrock-alerts.ContentFiltered"
    assert stack.emails() == []
    assert emitted(stack.output.text) == {"NotificationsSent": 1}


def test_a_poisoned_message_is_parked_and_told_and_its_neighbours_are_sent(stack: Stack) -> None:
    unknown_channel = SLACK.replace('"slack"', '"fax"')
    stack.deliveries.put(EMAIL, BROKEN, unknown_channel, SLACK)
    assert stack.feed() == []
    assert len(stack.hook.received) == 1
    assert sorted(stack.emails()) == [
        "ALARM - info: bedrock-alerts.ContentFiltered in eu-west-1",
        "NOT SENT to its channel: a notification that cannot be read",
        "NOT SENT to its channel: a notification that cannot be read",
    ]
    assert sorted(stack.deliveries.parked()) == sorted([BROKEN, unknown_channel])
    assert stack.given_up() == [
        "it cannot be read (DecodeError)",
        "it cannot be read (ValidationError)",
    ]
    assert emitted(stack.output.text) == {"NotificationsSent": 2, "NotificationsFailed": 2}


def test_the_log_says_who_was_told_of_what_by_a_key_that_both_channels_share(
    stack: Stack,
) -> None:
    stack.deliveries.put(EMAIL, SLACK)
    assert stack.feed() == []
    (first, second) = stack.sent()
    assert {first[0], second[0]} == {"email", "slack"}
    assert first[1] == second[1] == json.loads(EMAIL)["alerts"][0]["key"]


def test_the_same_delivery_twice_is_one_message(stack: Stack) -> None:
    stack.deliveries.put(SLACK, SLACK)
    assert stack.feed() == []
    assert len(stack.hook.received) == 1
    assert emitted(stack.output.text) == {"NotificationsSent": 1}


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
    assert set(stack.errors()) == {"UnknownOutcomeError: 127.0.0.1 answered 500: rollup_error"}
    assert emitted(stack.output.text) == {"NotificationsSent": 2, "NotificationsFailed": 2}


def test_an_outage_leaves_one_message_of_an_alarm_and_its_end(stack: Stack) -> None:
    stack.hook.answer = None
    stack.deliveries.put(ALARM)
    assert stack.feed() == [ALARM]
    stack.deliveries.put(END)
    assert stack.feed() == []
    stack.hook.answer = OK
    stack.clock.forward(6.1)
    assert stack.feed() == []
    *_, payload = stack.hook.received
    assert payload["text"] == ":white_check_mark: *ALARM · critical → RESOLVED* chat-blocks"
    assert stack.deliveries.kept == 0
    assert emitted(stack.output.text)["NotificationsSuppressed"] == 1


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


def test_a_message_whose_turn_is_far_off_is_no_failure(stack: Stack) -> None:
    bodies = [delivery(alarm(f"a{number}", incident=f"i{number}")) for number in range(6)]
    stack.deliveries.put(*bodies)
    boto3.client("dynamodb").put_item(
        TableName=TABLE,
        Item={
            "pk": {"S": "channel#slack"},
            "sk": {"S": "pace"},
            "free": {"N": str(stack.clock.seconds + 100)},
        },
    )
    assert stack.feed() == bodies
    assert stack.errors() == []
    said = {line.get("reason") for line in log_lines(stack.output.text)}
    assert said == {"the channel takes one message a second"}
    stack.clock.forward(110)
    assert stack.feed() == []
    assert len(stack.hook.received) == 6
    assert emitted(stack.output.text) == {"NotificationsSent": 6}


def test_a_slack_that_never_comes_back_is_told_by_email_and_its_message_parked(
    stack: Stack,
) -> None:
    stack.hook.answer = None
    stack.deliveries.put(SLACK)
    for _ in range(RECEIVES - 1):
        assert stack.feed() == [SLACK]
        assert stack.emails() == []
        stack.clock.forward(HIDDEN_SECONDS)
    assert stack.feed() == []
    assert stack.emails() == ["NOT SENT to slack: ALARM - info: bedrock-alerts.ContentFiltered"]
    assert stack.deliveries.kept == 0
    assert stack.deliveries.parked() == [SLACK]


def test_a_message_that_cannot_be_postponed_is_kept_all_the_same(stack: Stack) -> None:
    stack.hook.answer = Answer(500)
    event = sample("slack.json")  # its receipt handle is invented
    answer = handler_module.handler(event, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    (error,) = stack.errors()
    assert error == (
        "TransientError: Amazon SQS refused: ReceiptHandleIsInvalid;"
        " before that UnknownOutcomeError: 127.0.0.1 answered 500"
    )


def test_what_slack_refuses_is_told_at_once_parked_and_sent_once_when_sent_back(
    stack: Stack,
) -> None:
    stack.hook.answer = Answer(410, b"channel_is_archived")
    stack.deliveries.put(EMAIL, SLACK)
    assert stack.feed() == []
    assert stack.given_up() == ["127.0.0.1 answered 410: channel_is_archived"]
    assert len(stack.emails()) == 2
    (parked,) = stack.deliveries.parked()
    assert parked == SLACK
    stack.hook.answer = OK
    stack.deliveries.put(parked, EMAIL)
    assert stack.feed() == []
    assert len(stack.hook.received) == 2
    assert stack.emails() == []
    stack.deliveries.put(parked)
    assert stack.feed() == []
    assert len(stack.hook.received) == 2
    assert emitted(stack.output.text) == {"NotificationsSent": 2, "NotificationsFailed": 1}


def test_a_message_that_slack_finds_fault_with_is_sent_in_plain_words(stack: Stack) -> None:
    def judge(payload: Any) -> Answer:
        return Answer(400, b"invalid_blocks") if "attachments" in payload else OK

    stack.hook.judge = judge
    stack.deliveries.put(SLACK)
    assert stack.feed() == []
    assert len(stack.hook.received) == 2
    assert stack.hook.received[1]["text"].startswith("ALARM · info: bedrock-alerts")
    assert "our message was refused" in stack.output.text
    assert stack.emails() == []


def test_a_secret_that_was_renewed_is_fetched_at_once(stack: Stack) -> None:
    stack.deliveries.put(ALARM)
    assert stack.feed() == []
    stack.hook.answer = Answer(404, b"no_service")
    with Hook(path="/renewed") as renewed:
        stack.keep_secret(renewed.url)
        stack.deliveries.put(SLACK)
        assert stack.feed() == []
        assert len(renewed.received) == 1
    assert len(stack.hook.received) == 2
    assert stack.emails() == []


def test_a_secret_that_was_not_renewed_is_not_tried_twice(stack: Stack) -> None:
    stack.hook.answer = Answer(404, b"no_service")
    stack.deliveries.put(SLACK)
    assert stack.feed() == []
    assert len(stack.hook.received) == 1
    assert stack.given_up() == ["127.0.0.1 answered 404: no_service"]


def test_without_its_secret_a_slack_message_waits(stack: Stack) -> None:
    keeper = boto3.client("secretsmanager")
    keeper.delete_secret(SecretId=stack.secret_arn, ForceDeleteWithoutRecovery=True)
    stack.deliveries.put(SLACK)
    assert stack.feed() == [SLACK]
    assert stack.errors() == [
        "TransientError: AWS Secrets Manager refused: ResourceNotFoundException"
    ]
    stack.clock.forward(6.1)
    assert stack.feed() == [SLACK]


def test_a_secret_that_is_no_webhook_is_refused_without_being_shown(stack: Stack) -> None:
    stack.keep_secret("https://evil.example.com/services/T0INVENTED")
    stack.deliveries.put(SLACK)
    assert stack.feed() == []
    assert stack.given_up() == [
        "the webhook's host is not one of hooks.slack-gov.com, hooks.slack.com"
    ]
    assert stack.hook.received == []
    assert len(stack.emails()) == 1


def test_each_target_has_its_own_webhook(stack: Stack) -> None:
    with Hook(path="/payments") as payments:
        stack.keep_secret(json.dumps({"default": stack.hook.url, "payments": payments.url}))
        to_payments = delivery(alarm("p"), channel="slack:payments")
        stack.deliveries.put(SLACK, to_payments, delivery(alarm("n"), channel="slack:nobody"))
        assert stack.feed() == []
        assert len(payments.received) == len(stack.hook.received) == 1
    assert stack.given_up() == [
        'the secret has no url for the target \'nobody\': it has to be JSON such as {"nobody":"…"}'
    ]


def test_an_email_whose_topic_is_gone_is_parked(stack: Stack) -> None:
    boto3.client("sns").delete_topic(TopicArn=stack.topic_arn)
    stack.deliveries.put(EMAIL, SLACK)
    assert stack.feed() == []
    assert len(stack.hook.received) == 1
    assert stack.given_up() == ["Amazon SNS refused: NotFound"]
    assert stack.deliveries.parked() == [EMAIL]


def test_a_delivery_to_a_channel_that_is_not_set_up_is_told_by_email(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_SECRET_ARN", "")
    stack.deliveries.put(EMAIL, SLACK)
    assert stack.feed() == []
    assert len(stack.emails()) == 2
    assert stack.given_up() == ["there is no channel 'slack' in this stack"]
    assert stack.deliveries.parked() == [SLACK]
    assert stack.hook.received == []


def test_webhooks_on_this_machine_are_refused_unless_allowed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOW_LOOPBACK_WEBHOOKS", "false")
    stack.deliveries.put(SLACK)
    assert stack.feed() == []
    assert stack.hook.received == []
    assert len(stack.deliveries.parked()) == 1


def test_without_its_table_everything_is_sent(stack: Stack) -> None:
    boto3.client("dynamodb").delete_table(TableName=TABLE)
    stack.deliveries.put(ALARM, END)
    assert stack.feed() == []
    assert len(stack.hook.received) == 2
    assert "the incidents' table refused: ResourceNotFoundException" in stack.output.text
