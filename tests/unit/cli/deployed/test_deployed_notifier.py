"""The notifier of a deployed stack, at moto: its queue, its table, how it is set."""

from collections.abc import Iterator
from typing import Any

import boto3
import msgspec
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier, checked_channels
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.who_runs import name_of_caller
from bedrock_alerts_cli.user_errors import CommandError, InputError
from tests.support.route_stack import TABLE, create_table

ARN = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:bedrock-alerts.Throttling"


@pytest.fixture
def clients() -> Iterator[dict[str, Any]]:
    with mock_aws():
        create_table()
        yield {name: boto3.client(name) for name in ("dynamodb", "sqs", "sts")}


def stack(clients: dict[str, Any], **parameters: str) -> DeployedStack:
    queue = clients["sqs"].create_queue(QueueName="alerts")["QueueUrl"]
    return DeployedStack(
        name="bedrock-alerts",
        account="111122223333",
        region="eu-west-1",
        status="CREATE_COMPLETE",
        parameters=parameters,
        outputs={
            "Channels": "email,slack",
            "RouteFunctionArn": "arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:r",
        },
        resources={"AlertsQueue": queue, "IncidentsTable": TABLE},
        client=clients.__getitem__,
    )


def test_what_is_put_waits_in_the_queue(clients: dict[str, Any]) -> None:
    deployed = stack(clients)
    DeployedNotifier.of(deployed).put("hello", 0.0)
    found = clients["sqs"].receive_message(QueueUrl=deployed.resource("AlertsQueue"))
    assert [one["Body"] for one in found["Messages"]] == ["hello"]


def test_alarms_are_read_one_by_one_and_all_together(clients: dict[str, Any]) -> None:
    notifier = DeployedNotifier.of(stack(clients))
    assert notifier.load(incident_id(ARN)) is None
    data = msgspec.json.encode(AlarmItem(arn=ARN)).decode()
    key = {"pk": {"S": f"alarm#{incident_id(ARN)}"}, "sk": {"S": "item"}}
    clients["dynamodb"].put_item(TableName=TABLE, Item={**key, "data": {"S": data}})
    assert notifier.load(incident_id(ARN)) == AlarmItem(arn=ARN)
    assert list(notifier.items()) == [AlarmItem(arn=ARN)]


def test_it_is_set_as_the_stack_is(clients: dict[str, Any]) -> None:
    parameters = {
        "ReminderHours": "2,8",
        "RecoveryMinutes": "5",
        "SlackBotSecretArn": "arn:x",
        "SlackChannelId": "C0DEFAULT",
    }
    notifier = DeployedNotifier.of(stack(clients, **parameters))
    assert notifier.policy.reminder("critical") == 7200
    assert (notifier.policy.reminder("warning"), notifier.policy.window) == (28_800, 300)
    assert [notifier.kind(name) for name in ("slack", "email")] == ["bot", "plain"]
    assert notifier.alarms == "arn:aws-us-gov:cloudwatch:eu-west-1:111122223333:alarm:"
    named = checked_channels(notifier, ["slack:C0DEFAULT", "slack", "email:default"])
    assert named == ("slack", "email")
    plain = DeployedNotifier.of(stack(clients))
    assert plain.policy.reminder("critical") == 3600
    assert plain.kind("slack") == "plain"


@pytest.mark.parametrize("channel", ["teams", "slack:not a channel", ""])
def test_a_channel_that_there_is_not_is_refused(clients: dict[str, Any], channel: str) -> None:
    notifier = DeployedNotifier.of(stack(clients))
    with pytest.raises(InputError, match="it has email, slack"):
        checked_channels(notifier, [channel])


def test_what_aws_refuses_is_one_sentence_with_a_next_step(
    clients: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        denied: Any = {"Error": {"Code": "AccessDeniedException", "Message": "No."}}
        raise ClientError(denied, "GetItem")

    monkeypatch.setattr(clients["dynamodb"], "get_item", refuse)
    with pytest.raises(CommandError, match=r"AWS refused GetItem: AccessDeniedException.*Add the"):
        DeployedNotifier.of(stack(clients)).load("a")


def test_who_runs_it_has_a_name(clients: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    deployed = stack(clients)
    assert name_of_caller(deployed)

    def refuse() -> None:
        raise ClientError({"Error": {"Code": "ExpiredToken"}}, "GetCallerIdentity")

    monkeypatch.setattr(clients["sts"], "get_caller_identity", refuse)
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    assert name_of_caller(deployed) == "ada"
