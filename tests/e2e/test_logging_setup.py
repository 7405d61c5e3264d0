"""The real template on the local stack turns logging on, and leaves the account as it found it."""

import pytest

from bedrock_alerts_cli.local_stack.deploy import STACK
from bedrock_alerts_cli.user_errors import CommandError
from tests.support.custom_resources import LOG_GROUP, THEIR_ROLE, theirs
from tests.support.local_account import Account

pytestmark = pytest.mark.e2e


def test_logging_is_created_changed_and_turned_off_and_its_log_group_stays(
    account: Account,
) -> None:
    stack = account.deploy()
    assert stack.outputs["InvocationLogging"] == f"Bedrock logs text to log group {LOG_GROUP}."
    created = account.configuration
    assert created["cloudWatchConfig"]["logGroupName"] == LOG_GROUP
    assert created["textDataDeliveryEnabled"] is True
    assert created["imageDataDeliveryEnabled"] is False

    account.deploy(LogModalities="text,image", OffloadedBodyBucketName="create")
    changed = account.configuration
    assert changed["imageDataDeliveryEnabled"] is True
    bucket = changed["cloudWatchConfig"]["largeDataDeliveryS3Config"]["bucketName"]
    buckets = account.engine.client("s3").list_buckets()["Buckets"]
    assert bucket in [one["Name"] for one in buckets]
    functions = account.engine.client("lambda")
    collector = functions.get_function_configuration(FunctionName=f"{STACK}-collect-logs")
    assert collector["Environment"]["Variables"]["OFFLOADED_BODY_BUCKET_NAME"] == bucket

    stack = account.deploy(InvocationLogging="existing", OffloadedBodyBucketName="example-bodies")
    assert "Logging is off" in stack.outputs["InvocationLogging"]
    assert not account.configuration
    assert account.remembered() == []
    assert account.log_groups().count(LOG_GROUP) == 1

    account.delete()
    assert account.log_groups() == [LOG_GROUP]

    # What a deleted stack has left is taken again.
    account.deploy()
    assert account.configuration["cloudWatchConfig"]["logGroupName"] == LOG_GROUP
    account.delete()


def test_logging_that_is_on_is_read_and_left_alone(account: Account) -> None:
    account.engine.client("logs").create_log_group(logGroupName="/their/log")
    account.configure(theirs())
    stack = account.deploy()
    assert "already logs to log group /their/log" in stack.outputs["InvocationLogging"]
    assert stack.outputs["InvocationLogGroupName"] == "/their/log"
    logs = account.engine.client("logs")
    (filter_,) = logs.describe_subscription_filters(logGroupName="/their/log")[
        "subscriptionFilters"
    ]
    assert filter_["destinationArn"].endswith("-collect-logs")
    account.delete()
    assert account.configuration == theirs()
    assert account.log_groups() == ["/their/log"]


def test_routes_survive_an_update_and_go_with_the_stack(account: Account) -> None:
    ssm = account.engine.client("ssm")
    former = f"/bedrock-alerts/{STACK}/routes"
    ssm.put_parameter(Name=former, Value='{"default":["email"]}', Type="String")
    name = account.deploy().outputs["RoutesParameterName"]
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == '{"default":["email"]}'
    ssm.put_parameter(Name=name, Value='{"routes":[]}', Type="String", Overwrite=True)
    account.deploy(Team="chat")
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == '{"routes":[]}'
    account.delete()
    names = [one["Name"] for one in ssm.describe_parameters()["Parameters"]]
    assert name not in names


def test_logging_that_is_on_is_refused_then_adopted_and_put_back(account: Account) -> None:
    account.configure(theirs())
    with pytest.raises(CommandError, match="`sam deploy` failed"):
        account.deploy(InvocationLogging="create")
    reasons = account.reasons()
    assert "Model invocation logging is already on in this account and Region" in reasons
    assert f"InvocationLogging=adopt AdoptedRoleArn={THEIR_ROLE}" in reasons
    assert account.configuration == theirs()
    account.delete()
    assert account.configuration == theirs()

    account.deploy(InvocationLogging="adopt", AdoptedRoleArn=THEIR_ROLE)
    assert account.configuration["cloudWatchConfig"]["logGroupName"] == LOG_GROUP
    account.delete()
    assert account.configuration == theirs()
    assert account.remembered() == []


def test_a_log_group_in_use_is_read_where_it_has_a_subscription_left(account: Account) -> None:
    logs = account.engine.client("logs")
    logs.create_log_group(logGroupName="/their/log")
    account.configure(theirs())
    for name in ("to-lake", "to-siem"):
        logs.put_subscription_filter(
            logGroupName="/their/log",
            filterName=name,
            filterPattern="",
            destinationArn=f"arn:aws:kinesis:eu-west-1:111122223333:stream/{name}",
        )
    existing = {"InvocationLogging": "existing", "InvocationLogGroupName": "/their/log"}
    with pytest.raises(CommandError, match="`sam deploy` failed"):
        account.deploy(**existing)
    reasons = account.reasons()
    assert "Both subscriptions that CloudWatch Logs allows for /their/log are taken" in reasons
    assert '"to-lake"' in reasons
    assert '"to-siem"' in reasons
    account.delete()

    logs.delete_subscription_filter(logGroupName="/their/log", filterName="to-siem")
    stack = account.deploy(**existing)
    assert stack.outputs["InvocationLogging"] == "Bedrock logs to /their/log."
    filters = logs.describe_subscription_filters(logGroupName="/their/log")
    assert len(filters["subscriptionFilters"]) == 2
    account.delete()
    assert account.configuration == theirs()
    assert account.log_groups() == ["/their/log"]
