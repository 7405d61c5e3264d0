"""The whole template on the local stack: made, changed, and gone again without a trace."""

from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_alerts_cli import template as cfn
from bedrock_alerts_cli.local_stack.deploy import STACK
from bedrock_alerts_cli.local_stack.deploy import Stack as Deployed
from bedrock_alerts_cli.template.stack import Stack
from tests.support.custom_resources import LOG_GROUP
from tests.support.local_account import Account

pytestmark = pytest.mark.e2e

ROOT: Final = Path(__file__).resolve().parents[2]
TEMPLATE: Final = cfn.load(ROOT / "template.yaml")
# What the engine cannot make. A type that it learns, or a new one that it lacks, is to be seen.
LEFT_OUT: Final = {
    "AWS::Athena::NamedQuery",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::Alarm",  # those over metric math
    "AWS::CloudWatch::AnomalyDetector",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Events::EventBusPolicy",
    "AWS::Logs::QueryDefinition",
}
LOG_BUCKET: Final = "example-bedrock-logs"
KEPT: Final = {f"log group {LOG_GROUP}"}


def inventory(account: Account) -> set[str]:
    """Name everything in the account that a stack of ours can make."""
    found: set[str] = set()

    def add(kind: str, service: str, operation: str, answer: str, name: str) -> None:
        items: list[Any] = getattr(account.engine.client(service), operation)().get(answer, [])
        found.update(f"{kind} {item[name] if name else item}" for item in items)

    add("function", "lambda", "list_functions", "Functions", "FunctionName")
    add("layer", "lambda", "list_layers", "Layers", "LayerName")
    add("mapping", "lambda", "list_event_source_mappings", "EventSourceMappings", "UUID")
    add("queue", "sqs", "list_queues", "QueueUrls", "")
    add("topic", "sns", "list_topics", "Topics", "TopicArn")
    add("subscription", "sns", "list_subscriptions", "Subscriptions", "SubscriptionArn")
    add("alarm", "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName")
    add("rule", "events", "list_rules", "Rules", "Name")
    add("schedules", "scheduler", "list_schedules", "Schedules", "Name")
    add("log group", "logs", "describe_log_groups", "logGroups", "logGroupName")
    add("role", "iam", "list_roles", "Roles", "RoleName")
    add("table", "dynamodb", "list_tables", "TableNames", "")
    add("bucket", "s3", "list_buckets", "Buckets", "Name")
    add("parameter", "ssm", "describe_parameters", "Parameters", "Name")
    return found


def wanted(parameters: dict[str, str], deployed: Deployed) -> set[str]:
    """Return the logical ids that these parameters ask for, without what was left out.

    SAM gives every version of a layer an id of its own, so layers are not among them.
    """
    asked = Stack(TEMPLATE, parameters)
    layers = asked.named("AWS::Serverless::LayerVersion")
    made = {name for name in TEMPLATE["Resources"] if asked.has(name)}
    return made - set(deployed.left_out) - set(layers)


def alarms(account: Account) -> dict[str, dict[str, Any]]:
    found = account.engine.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {alarm["AlarmName"].removeprefix(f"{STACK}."): alarm for alarm in found}


def test_the_whole_template_deploys_changes_and_is_deleted_without_a_trace(
    account: Account,
) -> None:
    account.engine.client("s3").create_bucket(
        Bucket=LOG_BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    before = inventory(account)

    stack = account.deploy(AlarmSet="all")
    parameters = {
        "AlarmSet": "all",
        "AlertEmail": "oncall@example.com",
        "AllowLoopbackWebhooks": "true",
    }
    assert set(stack.left_out.values()) == LEFT_OUT
    assert wanted(parameters, stack) <= set(stack.resources)
    first = alarms(account)
    assert first["ContentFiltered"]["Threshold"] == 1
    assert {"PipelineErrors", "NotifierAlertsDeadLetters", "MantleTraffic"} <= set(first)
    assert "PipelineObjectsAge" not in first
    assert first["PipelineErrors"]["AlarmActions"] == [stack.outputs["EmailTopicArn"]]

    changes = {
        "AlarmsOff": "MantleTraffic,UnpricedInvocations",
        "InvocationLogBucketName": LOG_BUCKET,
        "InvocationLogging": "existing",
        "Team": "Chat",
    }
    stack = account.deploy(AlarmSet="all", **changes)
    assert wanted({**parameters, **changes}, stack) <= set(stack.resources)
    assert "CollectLogsFunction" not in stack.resources
    second = alarms(account)
    assert second["ContentFiltered"]["AlarmDescription"].endswith("Team: Chat")
    assert {"MantleTraffic", "UnpricedInvocations"}.isdisjoint(second)
    assert {"PipelineObjectsAge", "PipelineObjectsDeadLetters"} <= set(second)
    assert second["PipelineErrors"]["Dimensions"] == [
        {"Name": "FunctionName", "Value": f"{STACK}-collect-objects"}
    ]

    failed_batches = stack.outputs["FailedBatchesBucketName"]
    account.delete()
    left = inventory(account) - before
    assert {name for name in left if "artefacts" not in name} == {
        *KEPT,
        f"bucket {failed_batches}",
    }
