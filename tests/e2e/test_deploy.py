"""`bedrock-alerts deploy` against the local stack: what it sees there, before and after."""

from typing import Any

import pytest
from click.testing import CliRunner, Result

from bedrock_alerts_cli.commands import deploy as module
from tests.support.local_account import Account

EMAIL = ("--email", "oncall@example.com")
LOOPBACK = ("--parameter", "AllowLoopbackWebhooks=true")


@pytest.fixture
def said(account: Account, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs the command.

    The engine does not know every type of resource: the template without those is deployed, which
    was built before.
    """
    for name, value in account.engine.environment().items():
        monkeypatch.setenv(name, value)

    def sam(command: str, *arguments: str) -> None:
        if command == "deploy":
            given = arguments[arguments.index("--parameter-overrides") + 1 :]
            account.deploy(
                **{name: value.strip('"') for name, value in (one.split("=", 1) for one in given)}
            )

    monkeypatch.setattr(module, "_sam", sam)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(
            module.deploy,
            ["--yes", *arguments],
            standalone_mode=False,
            catch_exceptions=False,
        )

    return run


def test_an_account_is_checked_deployed_to_and_checked_again(account: Account, said: Any) -> None:
    checked = said(*EMAIL, "--check")
    assert checked.return_value == 0
    assert "✓ Stack: bedrock-alerts does not exist yet and is created" in checked.output
    assert "✓ Invocation log: is off and is switched on" in checked.output

    deployed = said(*EMAIL, *LOOPBACK)
    assert deployed.return_value == 0
    assert "1. Confirm the subscription in the email" in deployed.output

    # Nothing has to be given again, and its own subscription takes nobody's place.
    again = said("--check")
    assert again.return_value == 0, again.output
    assert "✓ Stack: bedrock-alerts is CREATE_COMPLETE" in again.output
    assert "✓ Invocation log: is read from log group /aws/bedrock/invocations" in again.output
    assert "✓ Subscriptions: 2 of 2 are free" in again.output

    account.delete()


def test_what_is_in_the_way_is_told_and_nothing_is_deployed(account: Account, said: Any) -> None:
    account.configure(
        {"s3Config": {"bucketName": "their-archive"}, "textDataDeliveryEnabled": True}
    )
    refused = said(*EMAIL)
    assert refused.return_value == 1
    assert "✗ Invocation log: goes to the bucket their-archive only" in refused.output
    assert "--parameter InvocationLogBucketName=their-archive" in refused.output
    stacks = account.engine.client("cloudformation").list_stacks()["StackSummaries"]
    assert "bedrock-alerts" not in {one["StackName"] for one in stacks}
