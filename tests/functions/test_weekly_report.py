"""The weekly report's function: from CloudWatch and the usage lines to Slack, email and a page."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

import boto3
import pytest
from moto import mock_aws

from bedrock_alerts.adapters.bedrock import LegacyModels
from bedrock_alerts.adapters.cloudwatch import AlarmHistories, Latencies, MetricPictures
from bedrock_alerts.adapters.s3 import PageBucket
from bedrock_alerts.errors import TransientError
from bedrock_alerts.wiring import weekly_reporter
from bedrock_alerts.wiring.weekly_reporter import ReportNotSentError
from bedrock_alerts_cli.fake_slack.server import Receiver
from bedrock_alerts_cli.fake_slack.slack_methods import BOT_TOKEN, CHANNEL_ID
from functions.weekly_report import handler as handler_module
from tests.records import ACCOUNT, HAIKU
from tests.support.apps import app_of, built_anew
from tests.support.sample_weeks import BEFORE_CALLS, END, LEGACY, NOW_CALLS, OPUS, WEEK, insights

REGION: Final = "eu-west-1"
BUCKET: Final = "bedrock-alerts-reports"
MONDAY: Final = (END + timedelta(hours=7)).timestamp()
CONTEXT: Final = SimpleNamespace(get_remaining_time_in_millis=lambda: 600_000)


class World:
    """What the function finds, and what it has sent."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.lines = insights(NOW_CALLS, BEFORE_CALLS)
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        sns, self.sqs = boto3.client("sns"), boto3.client("sqs")
        self.topic = sns.create_topic(Name="email")["TopicArn"]
        self.mailbox = self.sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        queue = self.sqs.get_queue_attributes(QueueUrl=self.mailbox, AttributeNames=["QueueArn"])
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=queue["Attributes"]["QueueArn"])

    def emails(self) -> list[Any]:
        found = self.sqs.receive_message(QueueUrl=self.mailbox, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]

    def page(self) -> str:
        return self.s3.get_object(Bucket=BUCKET, Key="2026-03-16.html")["Body"].read().decode()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws(), Receiver() as receiver, built_anew(handler_module):
        found = World(receiver)
        secret = boto3.client("secretsmanager").create_secret(
            Name="slack", SecretString=receiver.webhook_url
        )
        alarms = boto3.client("cloudwatch")
        for name in ("bedrock-alerts.PromptAttack", "bedrock-alerts.LogSilence", "other"):
            alarms.put_metric_alarm(
                AlarmName=name, MetricName="x", Namespace="x", Statistic="Sum", Period=60,
                EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
            )  # fmt: skip
            alarms.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="x")
        alarms.set_alarm_state(
            AlarmName="bedrock-alerts.LogSilence",
            StateValue="INSUFFICIENT_DATA",
            StateReason="x",
        )
        settings = {
            "METRICS_NAMESPACE": "BedrockAlerts",
            "STACK_ALARMS_PREFIX": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:bedrock-alerts.",
            "EVENT_LOG_GROUP_ARN": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/x",
            "REPORTS_BUCKET_NAME": BUCKET,
            "EMAIL_TOPIC_ARN": found.topic,
            "LOG_RETENTION_DAYS": "30",
            "DASHBOARD_NAME": "bedrock-alerts",
            "SLACK_SECRET_ARN": secret["ARN"],
            "SLACK_CHANNEL_ID": CHANNEL_ID,
            "SLACK_API_URL": receiver.webhook_url.partition("/services")[0] + "/api/",
            "ALLOW_LOOPBACK_WEBHOOKS": "true",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(weekly_reporter, "patient_lines", lambda *_: found.lines)
        # moto has neither an alarm's history nor Bedrock's models.
        monkeypatch.setattr(AlarmHistories, "_fired", lambda *_: 2)
        monkeypatch.setattr(weekly_reporter, "LegacyModels", lambda: lambda: LEGACY)
        yield found


def run() -> dict[str, int]:
    vars(app_of(handler_module))["_clock"] = lambda: MONDAY
    return handler_module.handler({}, CONTEXT)


def test_it_reaches_slack_email_and_the_bucket(world: World) -> None:
    assert run()["channels"] == 2
    (mail,) = world.emails()
    assert mail["Subject"].startswith("[Weekly report] Bedrock spend $60.19 in 7 days")
    assert f"s3/object/{BUCKET}?region={REGION}&prefix=2026-03-16.html" in mail["Message"]
    assert "dashboards/dashboard/bedrock-alerts" in mail["Message"]
    assert "Alarms without data:   LogSilence" in mail["Message"]
    (message,) = world.receiver.messages()
    assert "Weekly report: Bedrock spend $60.19 in 7 days" in json.dumps(message.payload)
    assert "<title>Bedrock: $60.19 in 7 days, +50%</title>" in world.page()


def test_with_a_bot_the_evidence_is_in_the_thread(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = boto3.client("secretsmanager").create_secret(Name="bot", SecretString=BOT_TOKEN)
    monkeypatch.setenv("SLACK_BOT_SECRET_ARN", secret["ARN"])
    picture = b"\x89PNG\r\n\x1a\n"
    monkeypatch.setattr(MetricPictures, "draw", lambda _self, _widget: picture)
    run()
    first, reply, *_ = world.receiver.messages()
    assert "Spend by model" not in json.dumps(first.payload)
    assert "Spend by model" in json.dumps(reply.payload)
    assert any(message.picture for message in world.receiver.messages())


def test_a_report_without_its_page_is_still_sent(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("REPORTS_BUCKET_NAME", "no-such-bucket")
    assert run()["channels"] == 2
    assert "Full report" not in world.emails()[0]["Message"]
    assert [record.__dict__["piece"] for record in caplog.records] == ["page"]


def test_a_channel_that_fails_is_an_error_of_the_function_after_the_others(
    world: World,
) -> None:
    boto3.client("secretsmanager").put_secret_value(
        SecretId="slack", SecretString="https://example.com/x"
    )
    with pytest.raises(ReportNotSentError, match="was not sent to slack"):
        run()
    assert len(world.emails()) == 1


# ---- the adapters --------------------------------------------------------------------------------


class CloudWatch:
    """Answers from lists, in pages of one alarm or item."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def describe_alarms(self, **asked: Any) -> Any:
        self.asked.append(asked)
        if "NextToken" not in asked:
            metric = {"AlarmName": "mine.A", "StateValue": "OK"}
            return {"MetricAlarms": [metric], "NextToken": "more"}
        return {"CompositeAlarms": [{"AlarmName": "mine.B", "StateValue": "INSUFFICIENT_DATA"}]}

    def describe_alarm_history(self, **asked: Any) -> Any:
        self.asked.append(asked)
        states = {"mine.A": ["ALARM", "OK", "ALARM"], "mine.B": []}[asked["AlarmName"]]
        first = int(asked.get("NextToken", 0))
        items = [
            {"HistoryData": json.dumps({"newState": {"stateValue": state}})}
            for state in states[first : first + 2]
        ]
        if first == 0 and states:
            return {"AlarmHistoryItems": [*items, {"HistoryData": "{"}], "NextToken": "2"}
        return {"AlarmHistoryItems": items}

    def get_metric_data(self, **asked: Any) -> Any:
        self.asked.append(asked)
        found = {HAIKU: [900.0, 1_000.0, 5_000.0], OPUS: []}
        return {"MetricDataResults": [{"Label": name, "Values": of} for name, of in found.items()]}


def test_alarms_are_counted_page_by_page() -> None:
    client: Any = CloudWatch()
    found = AlarmHistories("mine.", client, lambda: 0.0)(*WEEK, 1.0)
    assert found == [("A", 2, False), ("B", 0, True)]
    assert client.asked[1]["StartDate"] == WEEK.start
    assert client.asked[1]["HistoryItemType"] == "StateUpdate"


def test_reading_alarms_ends_at_the_deadline() -> None:
    client: Any = CloudWatch()
    with pytest.raises(TransientError, match="too long"):
        AlarmHistories("mine.", client, lambda: 2.0)(*WEEK, 1.0)


@pytest.mark.parametrize("port", [AlarmHistories("mine."), Latencies()])
def test_one_throttled_request_loses_no_part_of_the_report(port: Any) -> None:
    assert port._client.meta.config.retries == {"mode": "standard", "total_max_attempts": 4}  # noqa: SLF001


def test_latency_is_the_median_of_the_days() -> None:
    client: Any = CloudWatch()
    assert Latencies(client)(*WEEK) == {HAIKU: 1_000.0}
    (query,) = client.asked[0]["MetricDataQueries"]
    assert "InvocationLatency" in query["Expression"]
    assert query["Expression"].endswith("'p95', 86400)")


def test_legacy_models_have_their_end_where_aws_names_it() -> None:
    ends = datetime(2026, 8, 5, 12, tzinfo=UTC)
    summaries = [
        {"modelId": OPUS, "modelLifecycle": {"status": "LEGACY", "endOfLifeTime": ends}},
        {"modelId": "old", "modelLifecycle": {"status": "LEGACY"}},
        {"modelId": HAIKU, "modelLifecycle": {"status": "ACTIVE", "endOfLifeTime": ends}},
        {"modelId": "bare"},
    ]
    client = SimpleNamespace(list_foundation_models=lambda: {"modelSummaries": summaries})
    assert LegacyModels(client)() == {OPUS: ends.date(), "old": None}


def test_the_clients_are_made_when_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    client = SimpleNamespace(list_foundation_models=dict)
    monkeypatch.setattr("bedrock_alerts.adapters.bedrock.boto3.client", lambda *_, **__: client)
    assert LegacyModels()() == {}


@pytest.mark.usefixtures("world")
def test_a_page_that_cannot_be_stored_is_a_transient_error() -> None:
    with pytest.raises(TransientError):
        PageBucket("no-such-bucket").put("x", "y")
