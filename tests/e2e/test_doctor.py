"""Doctor on the local stack: content, then each fault is named, its fix applied, content again."""

import json
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from click.testing import CliRunner

from bedrock_alerts.alerts.ports import Poke
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.areas import AREAS
from bedrock_alerts_cli.deployed.doctor.looked_at import is_wrong, look_at
from bedrock_alerts_cli.local_stack.deploy import deploy
from bedrock_alerts_cli.main import cli
from tests.support.aws_command import read
from tests.support.live_stack import LiveStack, live_stack, wait_until

pytestmark = pytest.mark.e2e

ALARM: Final = "bedrock-alerts.PipelineErrors"
NOWHERE: Final = json.dumps({"routes": [{"name": "money", "channels": ["teams"]}]})


@pytest.fixture(scope="module")
def live(locally_built: Path) -> Iterator[LiveStack]:
    with live_stack(locally_built, relayed=()) as live:
        yield live


class Doctor:
    """Asks about the stack, and keeps to what it says."""

    def __init__(self, live: LiveStack) -> None:
        self._live = live

    def findings(self) -> list[dict[str, str]]:
        """Return what doctor finds; its exit status has to agree."""
        result = CliRunner().invoke(
            cli,
            ["doctor", "--json", "--endpoint-url", self._live.engine.url],
            standalone_mode=False,
        )
        assert result.exception is None, result.exception
        found: list[dict[str, str]] = json.loads(result.output)
        assert result.return_value == any(one["verdict"] == "wrong" for one in found)
        return found

    def wrong(self) -> dict[str, dict[str, str]]:
        """Return what is wrong, by its name."""
        return {one["check"]: one for one in self.findings() if one["verdict"] == "wrong"}

    def is_content_with(self, area: str) -> bool:
        """Look once more at one area: the next test looks at all of them."""
        stack = DeployedStack.open("bedrock-alerts", endpoint_url=self._live.engine.url)
        (found,) = look_at(stack, [one for one in AREAS if one.title == area], time.time)
        return not is_wrong([found])

    def follow(self, fix: str) -> int:
        """Run the commands of a fix, and return how many there were."""
        commands = [line for line in fix.splitlines() if line.startswith("aws ")]
        for line in commands:
            read(line).run(self._live.engine.client)
        return len(commands)


def logging_off(live: LiveStack) -> None:
    live.engine.client("bedrock").delete_model_invocation_logging_configuration()


def subscription_deleted(live: LiveStack) -> None:
    logs, group = live.engine.client("logs"), live.stack.outputs["InvocationLogGroupName"]
    (found,) = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    logs.delete_subscription_filter(logGroupName=group, filterName=found["filterName"])


def email_unsubscribed(live: LiveStack) -> None:
    sns = live.engine.client("sns")
    topic = live.stack.outputs["EmailTopicArn"]
    for one in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        if one["Protocol"] == "email":
            sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])


def actions_disabled(live: LiveStack) -> None:
    live.engine.client("cloudwatch").disable_alarm_actions(AlarmNames=[ALARM])


def function_stopped(live: LiveStack) -> None:
    live.engine.client("lambda").put_function_concurrency(
        FunctionName="bedrock-alerts-deliver", ReservedConcurrentExecutions=0
    )


def rule_disabled(live: LiveStack) -> None:
    name = live.stack.resources["HeartbeatRule"]
    live.engine.client("events").disable_rule(Name=name)


def rule_deleted(live: LiveStack) -> None:
    events, name = live.engine.client("events"), live.stack.resources["StateChangeRule"]
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    events.remove_targets(Rule=name, Ids=[one["Id"] for one in targets])
    events.delete_rule(Name=name)


def queue_deleted(live: LiveStack) -> None:
    live.engine.client("sqs").delete_queue(QueueUrl=live.stack.resources["AlertsDeadLetterQueue"])


def bucket_deleted(live: LiveStack) -> None:
    bucket = live.stack.outputs["FailedBatchesBucketName"]
    live.engine.client("s3").delete_bucket(Bucket=bucket)


FAULTS: Final[tuple[tuple[Callable[[LiveStack], None], str, str], ...]] = (
    (logging_off, "Invocation log", "invocation logging"),
    (subscription_deleted, "Invocation log", "subscription"),
    (email_unsubscribed, "Channels", "email"),
    (actions_disabled, "Alarms", "alarm PipelineErrors"),
    (function_stopped, "Limits", "concurrency of bedrock-alerts-deliver"),
    (rule_disabled, "Stack", "rule HeartbeatRule"),
    (rule_deleted, "Stack", "rule StateChangeRule"),
    (queue_deleted, "Queues and incidents", "queue bedrock-alerts-alerts-dlq"),
    (bucket_deleted, "Queues and incidents", "failed batches"),
)


def test_a_fresh_stack_is_not_wrong(live: LiveStack) -> None:
    found = Doctor(live).findings()
    assert [one for one in found if one["verdict"] == "unknown"] == []
    assert [one for one in found if one["verdict"] == "wrong"] == []
    waits = {one["check"] for one in found if one["verdict"] == "waiting"}
    assert {"records", "guardrail traces", "heartbeat"} <= waits
    assert not live.slack.messages()


@pytest.mark.parametrize(("fault", "area", "check"), FAULTS, ids=[check for _, _, check in FAULTS])
def test_a_fault_is_named_and_its_fix_works(
    live: LiveStack, fault: Callable[[LiveStack], None], area: str, check: str
) -> None:
    doctor = Doctor(live)
    fault(live)
    found = doctor.wrong()
    assert found.keys() == {check}
    assert doctor.follow(found[check]["fix"])
    wait_until(lambda: doctor.is_content_with(area))


def test_a_revoked_token_is_named(live: LiveStack) -> None:
    live.slack.refuses_with = "token_revoked"
    found = Doctor(live).wrong()
    live.slack.refuses_with = ""
    assert found["Slack bot"]["evidence"] == "Slack refuses the token: token_revoked"
    assert Doctor(live).is_content_with("Channels")


def test_a_route_to_nowhere_is_named_and_a_valid_file_stored(
    live: LiveStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", live.engine.url)
    name = live.stack.outputs["RoutesParameterName"]
    live.engine.client("ssm").put_parameter(Name=name, Value=NOWHERE, Overwrite=True)
    found = Doctor(live).wrong()
    assert found.keys() == {"routes"}
    command = shlex.split(found["routes"]["fix"].splitlines()[-1])
    routes = tmp_path / "routes.yaml"
    routes.write_text("{}")
    command[command.index("config/routes.yaml")] = str(routes)
    command.append("--yes")
    result = CliRunner().invoke(cli, command[1:], standalone_mode=False)
    assert result.return_value == 0, result.exception
    assert Doctor(live).is_content_with("Channels")


def test_dead_letters_are_named_until_they_are_sent_again(live: LiveStack) -> None:
    # Of an alarm that is not there: once it is sent again, nothing is left to do.
    poke = Poke(alarm="arn:aws:cloudwatch:eu-west-1:111122223333:alarm:gone", channel="email")
    live.put("DeliveriesDeadLetterQueue", msgspec.json.encode(poke).decode())
    found = Doctor(live).wrong()
    assert found.keys() == {"queue bedrock-alerts-deliveries-dlq"}
    # The engine has no StartMessageMoveTask.
    live.put("DeliveriesQueue", *live.take("DeliveriesDeadLetterQueue"))
    wait_until(lambda: Doctor(live).is_content_with("Queues and incidents"))


def test_a_failed_batch_is_named(live: LiveStack) -> None:
    s3, bucket = live.engine.client("s3"), live.stack.outputs["FailedBatchesBucketName"]
    s3.put_object(Bucket=bucket, Key="failed/1", Body=b"{}")
    assert Doctor(live).wrong().keys() == {"failed batches"}
    s3.delete_object(Bucket=bucket, Key="failed/1")
    assert Doctor(live).is_content_with("Queues and incidents")


def test_an_edited_alarm_is_made_again_by_two_deployments(
    live: LiveStack, locally_built: Path
) -> None:
    cloudwatch: Any = live.engine.client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    kept = {
        key: alarm[key]
        for key in ("AlarmName", "Namespace", "MetricName", "Dimensions", "Statistic", "Period",
                    "EvaluationPeriods", "ComparisonOperator", "TreatMissingData", "AlarmActions",
                    "OKActions")
    }  # fmt: skip
    cloudwatch.put_metric_alarm(**kept, Threshold=500)
    found = Doctor(live).wrong()
    assert found.keys() == {"alarm PipelineErrors"}
    assert "Threshold is 500 (deployed: 1)" in found["alarm PipelineErrors"]["evidence"]
    assert "cannot be deployed again" in found["alarm PipelineErrors"]["fix"]
    # What it says of a stack in AWS is done by the local stack's own deployment.
    in_aws = replace(
        DeployedStack.open("bedrock-alerts", endpoint_url=live.engine.url), endpoint_url=""
    )
    (area,) = look_at(in_aws, [one for one in AREAS if one.title == "Alarms"], time.time)
    (fix,) = [one.fix for one in area.findings if one.verdict == "wrong"]
    for number, line in enumerate(fix.splitlines()[1:]):
        given = dict([shlex.split(line)[-1].split("=", 1)])
        assert given.keys() == {"AlarmsOff"}
        # The engine sees no change where only a condition has another outcome.
        changed = {**given, "RecoveryMinutes": str(2 + number)}
        deploy(live.engine, locally_built, {**live.parameters, **changed})
    assert Doctor(live).wrong() == {}


def test_a_missing_table_is_named(live: LiveStack) -> None:
    table = live.stack.resources["IncidentsTable"]
    live.engine.client("dynamodb").delete_table(TableName=table)
    found = {one["check"]: one for one in Doctor(live).findings()}
    assert found["incidents table"]["verdict"] == "wrong"
    assert found["overdue incidents"]["verdict"] in {"unknown", "wrong"}
    assert found["queue bedrock-alerts-alerts"]["verdict"] == "ok"
