"""`deliver` shows each channel what it lacks, once; what fails is shown later, no secret is written."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.adapters.incidents_table import IncidentsTable
from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.incidents.item import View
from functions.deliver import handler as handler_module
from tests.support.apps import app_of
from tests.support.deliver_stack import DeliverStack, deliver_stack
from tests.support.loopback import OK, Answer, Hook
from tests.support.queues import Clock, Context, emitted, log_lines, template_properties
from tests.support.route_stack import ARN, NAME, TABLE, change, create_table

EVENTS: Final = Path(__file__).parents[2] / "events" / "deliver"
BROKEN: Final = "no poke: prompt of a person"
ALARM: Final = f"{ARN}{NAME}"


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return event


def poke(channel: str = "slack", arn: str = ALARM) -> str:
    return json.dumps({"alarm": incident_id(arn), "channel": channel})


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
    assert BROKEN not in output.text


def learned(stack: DeliverStack, *channels: str, name: str = NAME) -> None:
    """Let an alarm fire, and leave pokes for these channels alone."""
    assert stack.route.happen(change("ALARM", 0, name=name)) == []
    stack.route.pokes()
    stack.deliveries.put(*(poke(channel, f"{ARN}{name}") for channel in channels))


def view(stack: DeliverStack, channel: str = "slack") -> View:
    item = stack.route.item()
    assert item is not None
    return item.view(channel)


def test_every_sample_event_is_tried_here() -> None:
    assert {path.name for path in EVENTS.iterdir()} == {"email.json", "slack.json"}


@pytest.mark.parametrize("channel", ["email", "slack"])
def test_a_sample_is_a_poke_and_one_for_an_alarm_that_nobody_knows_sends_nothing(
    stack: DeliverStack, channel: str
) -> None:
    answer = handler_module.handler(sample(f"{channel}.json"), Context())
    assert answer == {"batchItemFailures": []}
    assert stack.emails() == stack.hook.received == []
    assert emitted(stack.output.text) == {}


@pytest.mark.parametrize("channel", ["email", "slack"])
def test_a_sample_after_its_alarm_becomes_a_message(stack: DeliverStack, channel: str) -> None:
    body = json.loads(sample(f"{channel}.json")["Records"][0]["body"])
    name = "bedrock-alerts.ContentFiltered"
    assert body == {"alarm": incident_id(f"{ARN}{name}"), "channel": channel}
    learned(stack, name=name)
    answer = handler_module.handler(sample(f"{channel}.json"), Context())
    assert answer == {"batchItemFailures": []}
    assert (len(stack.emails()), len(stack.hook.received)) == (
        channel == "email",
        channel == "slack",
    )
    assert emitted(stack.output.text)["NotificationsSent"] == 1


# ---- one message each ----------------------------------------------------------------------------


def test_each_channel_gets_the_alarm_once_and_the_metrics_say_so(stack: DeliverStack) -> None:
    stack.clock.forward(2)
    assert stack.happen(change("ALARM", 0)) == []
    (email,) = stack.emails()
    assert email.startswith("[Critical] ")
    assert len(stack.hook.received) == 1
    assert sorted(stack.sent()) == [("email", "firing"), ("slack", "firing")]
    found = emitted_lists(stack.output.text)
    assert found["NotificationsSent"] == [2]
    assert all(2000 <= each <= 5000 for each in found["AlertLatency"])
    assert len(found["AlertLatency"]) == 2


def emitted_lists(text: str) -> dict[str, list[float]]:
    """Return every value of every metric."""
    found: dict[str, list[float]] = {}
    for line in map(json.loads, text.splitlines()):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for metric in directive["Metrics"]:
                value = line[metric["Name"]]
                found.setdefault(metric["Name"], []).extend(
                    value if isinstance(value, list) else [value]
                )
    return found


def test_the_same_poke_again_and_again_is_one_message(stack: DeliverStack) -> None:
    learned(stack, "slack", "slack", "slack")
    assert stack.feed() == []
    stack.deliveries.put(poke(), poke())
    assert stack.feed() == []
    assert len(stack.hook.received) == 1
    assert emitted(stack.output.text)["NotificationsSent"] == 1


def test_who_holds_a_claim_is_not_sent_past(stack: DeliverStack) -> None:
    learned(stack)
    table = IncidentsTable(TABLE)
    item, version = table.load(incident_id(ALARM))
    assert item is not None
    claimed = View(
        rule=item.view("slack").rule, wanted=1, claim="other", lease=stack.clock.seconds + 90
    )
    assert table.put(incident_id(ALARM), item.with_view("slack", claimed), version, None)
    stack.deliveries.put(poke())
    assert stack.feed() == []
    assert stack.hook.received == []
    stack.clock.forward(91)
    stack.deliveries.put(poke())
    assert stack.feed() == []
    assert len(stack.hook.received) == 1


def test_a_poisoned_message_comes_back_and_its_neighbours_are_sent(stack: DeliverStack) -> None:
    learned(stack)
    other = '{"of": "a later version"}'
    stack.deliveries.put(poke("email"), BROKEN, other, poke("slack"))
    assert sorted(stack.feed()) == sorted([BROKEN, other])
    assert len(stack.hook.received) == len(stack.emails()) == 1
    assert stack.deliveries.kept == 2
    errors = {line["error"] for line in log_lines(stack.output.text) if "error" in line}
    assert errors == {"TransientError: a message of another version"}


def test_what_another_version_wrote_is_never_dropped(stack: DeliverStack) -> None:
    properties = template_properties("DeliveriesQueue")
    body = '{"of": "a later version"}'
    stack.deliveries.put(body)
    for _ in range(properties["RedrivePolicy"]["maxReceiveCount"]):
        assert stack.feed() == [body]
        stack.clock.forward(properties["VisibilityTimeout"] + 1)
    assert stack.feed() == []
    assert stack.deliveries.parked() == [body]


@pytest.mark.parametrize("channel", ["fax", "", "slack:"])
def test_a_poke_for_a_channel_that_nobody_has_sends_nothing(
    stack: DeliverStack, channel: str
) -> None:
    learned(stack)
    stack.deliveries.put(poke(channel))
    stack.feed()
    assert stack.hook.received == stack.emails() == []


# ---- what fails ----------------------------------------------------------------------------------


def test_while_slack_is_down_its_message_waits_and_no_email_is_sent_twice(
    stack: DeliverStack,
) -> None:
    stack.hook.answer = Answer(503, b"rollup_error")
    assert stack.happen(change("ALARM", 0)) == []  # the item holds what is lacking, not the queue
    assert len(stack.emails()) == 1
    stack.pass_time(5)
    attempts = len(stack.hook.received)
    assert 2 <= attempts <= 6
    stack.hook.answer = OK
    stack.pass_time(3)
    assert len(stack.hook.received) == attempts + 1
    assert stack.emails() == []
    assert stack.deliveries.kept == 0
    assert {reason for _, reason in stack.failures()} == {"127.0.0.1 returned 503: rollup_error"}


def test_an_outage_of_slack_leaves_one_message_of_an_alarm_and_its_end(stack: DeliverStack) -> None:
    stack.hook.answer = Answer(429)
    stack.happen(change("ALARM", 0))
    stack.pass_time(3)
    stack.happen(change("OK", 3, was="ALARM"))
    stack.pass_time(15)
    assert [subject.split("]")[0] for subject in stack.emails()] == ["[Critical", "[Resolved"]
    stack.hook.answer = OK
    before = len(stack.hook.received)
    stack.pass_time(20)
    (payload,) = stack.hook.received[before:]
    assert "Resolved" in json.dumps(payload)
    assert stack.failures()[0] == ("refused", "127.0.0.1 returned 429")


def test_slack_is_left_in_peace_for_as_long_as_it_asks(stack: DeliverStack) -> None:
    stack.hook.answer = Answer(429, b"rate_limited", {"Retry-After": "400"})
    stack.happen(change("ALARM", 0))
    stack.hook.answer = OK
    stack.happen(change("ALARM", 0, name="another"))
    stack.pass_time(6)
    assert len(stack.hook.received) == 1
    stack.pass_time(8)
    assert len(stack.hook.received) > 1


def test_a_channel_is_sent_a_message_a_second(stack: DeliverStack) -> None:
    names = [f"alarm-{number}" for number in range(3)]
    stack.happen(*(change("ALARM", 0, name=name) for name in names))
    assert len(stack.hook.received) == 3
    assert stack.clock.seconds >= stack.route.clock.seconds >= 1_795_420_802


def test_what_slack_refuses_for_good_is_said_by_email_and_parked(stack: DeliverStack) -> None:
    stack.hook.answer = Answer(410, b"channel_is_archived")
    stack.happen(change("ALARM", 0))
    assert len(stack.emails()) == 1
    stack.pass_time(30)
    assert len(stack.hook.received) == 3
    assert view(stack).is_parked
    (parked,) = stack.deliveries.parked()
    assert json.loads(parked) == json.loads(poke())
    (line,) = stack.route.logged("parked")
    assert line["reason"] == "127.0.0.1 returned 410: channel_is_archived"
    (said,) = [json.loads(body) for body in stack.mailbox.take()]
    assert said["Subject"].startswith("[Still firing")
    assert "slack: 127.0.0.1 returned 410: channel_is_archived" in said["Message"]
    assert emitted(stack.output.text)["NotificationsFailed"] == 3


def test_what_was_parked_is_sent_when_it_is_redriven_after_the_next_fact(
    stack: DeliverStack,
) -> None:
    stack.hook.answer = Answer(410)
    stack.happen(change("ALARM", 0))
    stack.pass_time(30)
    (parked,) = stack.deliveries.parked()
    stack.hook.answer = OK
    before = len(stack.hook.received)
    stack.deliveries.put(parked)
    assert stack.feed() == []
    stack.happen(change("OK", 30, was="ALARM"))
    stack.pass_time(40)
    said = json.dumps(stack.hook.received[before:])
    assert "Resolved" in said
    assert not view(stack).is_parked


def test_a_message_that_slack_finds_fault_with_is_sent_in_plain_words(stack: DeliverStack) -> None:
    def judge(payload: Any) -> Answer:
        return Answer(400, b"invalid_blocks") if "attachments" in payload else OK

    stack.hook.judge = judge
    learned(stack, "slack")
    assert stack.feed() == []
    assert len(stack.hook.received) == 2
    assert "Blocked calls" in stack.hook.received[1]["text"]
    assert "the formatted message was refused" in stack.output.text
    assert view(stack).shown is not None


def test_a_fault_of_ours_blocks_nothing_else_and_is_not_quoted(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def send(self, *_: object) -> None:
            raise RuntimeError(BROKEN)

    senders = app_of(handler_module).parts.senders
    monkeypatch.setitem(senders, "slack", Broken())
    stack.happen(change("ALARM", 0))
    assert len(stack.emails()) == 1
    assert stack.failures() == [("permanent", "an error in Bedrock Alerts (RuntimeError)")]


# ---- secrets -------------------------------------------------------------------------------------


def test_a_secret_that_was_renewed_is_fetched_at_once(stack: DeliverStack) -> None:
    stack.happen(change("ALARM", 0))
    stack.hook.answer = Answer(404, b"no_service")
    with Hook(path="/renewed") as renewed:
        stack.keep_secret(renewed.url)
        stack.happen(change("ALARM", 0, name="another"))
        assert len(renewed.received) == 1
    assert len(stack.hook.received) == 2
    assert stack.failures() == []


def test_a_secret_that_was_not_renewed_is_not_tried_twice(stack: DeliverStack) -> None:
    stack.hook.answer = Answer(404, b"no_service")
    learned(stack, "slack")
    assert stack.feed() == []
    assert len(stack.hook.received) == 1
    assert stack.failures() == [("permanent", "127.0.0.1 returned 404: no_service")]


def test_without_its_secret_a_slack_message_waits(stack: DeliverStack) -> None:
    keeper = boto3.client("secretsmanager")
    keeper.delete_secret(SecretId=stack.secret_arn, ForceDeleteWithoutRecovery=True)
    learned(stack, "slack")
    assert stack.feed() == []
    assert stack.failures() == [
        ("refused", "AWS Secrets Manager refused: ResourceNotFoundException")
    ]
    due = view(stack).due
    assert due is not None
    assert 0 < due - stack.clock.seconds <= 60


def test_a_secret_that_is_no_webhook_is_refused_without_being_shown(stack: DeliverStack) -> None:
    stack.keep_secret("https://evil.example.com/services/T0INVENTED")
    learned(stack, "slack")
    assert stack.feed() == []
    assert stack.failures() == [
        ("permanent", "the webhook's host is not one of hooks.slack-gov.com, hooks.slack.com")
    ]
    assert stack.hook.received == []


def test_each_target_has_its_own_webhook(stack: DeliverStack) -> None:
    boto3.client("ssm").put_parameter(
        Name="/bedrock-alerts/routes",
        Type="String",
        Overwrite=True,
        Value='{"default":["slack","slack:payments","slack:nobody"]}',
    )
    with Hook(path="/payments") as payments:
        stack.keep_secret(json.dumps({"default": stack.hook.url, "payments": payments.url}))
        stack.happen(change("ALARM", 0))
        assert len(payments.received) == len(stack.hook.received) == 1
    assert stack.failures() == [
        (
            "permanent",
            'the secret has no url for the target \'nobody\': it must be JSON such as {"nobody":"…"}',
        )
    ]


def test_an_email_whose_topic_is_gone_stops_no_other_channel(stack: DeliverStack) -> None:
    boto3.client("sns").delete_topic(TopicArn=stack.topic_arn)
    stack.happen(change("ALARM", 0))
    assert len(stack.hook.received) == 1
    assert stack.failures() == [("permanent", "Amazon SNS refused: NotFound")]


def test_a_channel_that_the_stack_has_no_more_is_said_by_email(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_SECRET_ARN", "")
    stack.happen(change("ALARM", 0))
    stack.pass_time(30)
    assert len(stack.emails()) == 2
    assert {reason for _, reason in stack.failures()} == {"this stack has no channel slack"}
    assert len(stack.deliveries.parked()) == 1
    assert stack.hook.received == []


def test_webhooks_on_this_machine_are_refused_unless_allowed(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOW_LOOPBACK_WEBHOOKS", "false")
    learned(stack, "slack")
    assert stack.feed() == []
    assert stack.hook.received == []
    assert [result for result, _ in stack.failures()] == ["permanent"]


# ---- time, and the table -------------------------------------------------------------------------


def test_who_has_little_time_left_starts_no_request(stack: DeliverStack) -> None:
    learned(stack, "slack", "email")
    stack.feed(Context(seconds=6.0))
    assert stack.hook.received == stack.emails() == []
    stack.pass_time(2)
    assert len(stack.hook.received) == len(stack.emails()) == 1


def test_a_channel_that_hangs_is_given_up_in_time_and_delays_no_other(
    stack: DeliverStack,
) -> None:
    stack.hook.stays_silent = True
    learned(stack, "slack", "email")
    started = time.monotonic()
    # 3 s are kept for the end and 5 s for writing: what is left for the request is 1 s.
    assert stack.feed(Context(seconds=9.0)) == []
    assert time.monotonic() - started < 5
    assert len(stack.emails()) == 1
    assert [result for result, _ in stack.failures()] == ["unknown"]
    assert view(stack).sending is not None  # perhaps it was shown


def test_without_its_table_a_poke_comes_back(stack: DeliverStack) -> None:
    learned(stack, "slack")
    boto3.client("dynamodb").delete_table(TableName=TABLE)
    assert stack.feed() == [poke()]
    assert stack.hook.received == []
    assert "Amazon DynamoDB refused: ResourceNotFoundException" in stack.output.text


def test_an_alarm_of_the_time_without_the_table_is_notified_of_learned_and_ended(
    stack: DeliverStack,
) -> None:
    boto3.client("dynamodb").delete_table(TableName=TABLE)
    assert len(stack.route.happen(change("ALARM", 0))) == 1
    stack.clock.forward(6)
    assert stack.route.feed() == []
    assert stack.feed() == []
    (email,) = stack.emails()
    assert email.startswith("[Critical]")
    assert "may be a repeat" in json.dumps(stack.hook.received)
    create_table()
    stack.pass_time(5)
    assert stack.emails() == []  # learned as shown: nobody is notified twice
    assert len(stack.hook.received) == 1
    stack.happen(change("OK", 6, was="ALARM"))
    stack.pass_time(15)
    (email,) = stack.emails()
    assert email.startswith("[Resolved]")
    assert len(stack.hook.received) == 2
