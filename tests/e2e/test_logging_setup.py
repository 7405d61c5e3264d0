"""The real template on the local stack turns logging on, and leaves the account as it found it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bedrock_alerts_lab.errors import LabError
from bedrock_alerts_lab.local_stack.deploy import STACK, Stack, build, build_folder, deploy
from bedrock_alerts_lab.local_stack.engine import Engine, running_engine
from tests.support.custom_resources import LOG_GROUP, THEIR_ROLE, theirs

pytestmark = pytest.mark.e2e


class Account(NamedTuple):
    """An account with nothing in it, and the template built for it."""

    engine: Engine
    built: Path

    def deploy(self, **parameters: str) -> Stack:
        """Create or update the stack."""
        base = {"AlertEmail": "oncall@example.com", "AllowLoopbackWebhooks": "true"}
        return deploy(self.engine, self.built, {**base, **parameters})

    def reasons(self) -> str:
        """Return why resources of the stack failed, the first of them first."""
        events = self.engine.client("cloudformation").describe_stack_events(StackName=STACK)
        failed = [one for one in events["StackEvents"] if one["ResourceStatus"].endswith("_FAILED")]
        return "\n".join(one.get("ResourceStatusReason", "") for one in reversed(failed))

    def delete(self) -> None:
        """Delete the stack, whatever became of it."""
        cloudformation = self.engine.client("cloudformation")
        cloudformation.delete_stack(StackName=STACK)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
            except cloudformation.exceptions.ClientError:
                return
            status = stack["StackStatus"]
            assert status == "DELETE_COMPLETE" or "FAILED" not in status, self.reasons()
            time.sleep(0.1)
        raise AssertionError("the stack is still there")

    @property
    def configuration(self) -> Any:
        """What Bedrock's logging is set to."""
        bedrock = self.engine.client("bedrock")
        return bedrock.get_model_invocation_logging_configuration().get("loggingConfig")

    def configure(self, configuration: dict[str, Any]) -> None:
        """Set Bedrock's logging as somebody else."""
        bedrock = self.engine.client("bedrock")
        bedrock.put_model_invocation_logging_configuration(loggingConfig=configuration)

    def log_groups(self) -> list[str]:
        """Name the log groups."""
        found = self.engine.client("logs").describe_log_groups()["logGroups"]
        return [group["logGroupName"] for group in found]

    def remembered(self) -> list[Any]:
        """List what is remembered."""
        found: list[Any] = self.engine.client("ssm").describe_parameters()["Parameters"]
        return found


@pytest.fixture
def account() -> Iterator[Account]:
    with running_engine() as engine, build_folder():
        yield Account(engine, build(engine))


def test_logging_is_created_changed_and_turned_off_and_its_log_group_stays(
    account: Account,
) -> None:
    stack = account.deploy()
    assert stack.outputs["InvocationLogging"] == f"Bedrock logs text to log group {LOG_GROUP}."
    created = account.configuration
    assert created["cloudWatchConfig"]["logGroupName"] == LOG_GROUP
    assert created["textDataDeliveryEnabled"] is True
    assert created["imageDataDeliveryEnabled"] is False

    account.deploy(LogModalities="text,image", CreateOffloadedBodyBucket="true")
    changed = account.configuration
    assert changed["imageDataDeliveryEnabled"] is True
    bucket = changed["cloudWatchConfig"]["largeDataDeliveryS3Config"]["bucketName"]
    buckets = account.engine.client("s3").list_buckets()["Buckets"]
    assert bucket in [one["Name"] for one in buckets]
    functions = account.engine.client("lambda")
    collector = functions.get_function_configuration(FunctionName=f"{STACK}-collect-logs")
    assert collector["Environment"]["Variables"]["OFFLOADED_BODY_BUCKET_NAME"] == bucket

    stack = account.deploy(InvocationLogging="existing")
    assert "Logging is off" in stack.outputs["InvocationLogging"]
    assert not account.configuration
    assert account.remembered() == []
    assert account.log_groups().count(LOG_GROUP) == 1

    account.delete()
    assert account.log_groups() == [LOG_GROUP]

    # What a deleted stack has left is taken again.
    account.deploy(CreateInvocationLogGroup="false")
    assert account.configuration["cloudWatchConfig"]["logGroupName"] == LOG_GROUP
    account.delete()


def test_logging_that_is_on_is_refused_then_adopted_and_put_back(account: Account) -> None:
    account.configure(theirs())
    with pytest.raises(LabError, match="`sam deploy` failed"):
        account.deploy()
    reasons = account.reasons()
    assert "Model invocation logging is on already in this account and Region" in reasons
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
    with pytest.raises(LabError, match="`sam deploy` failed"):
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
