"""A stack is found by its name; what cannot be done is said in one line, with what to do."""

from typing import Any

import boto3
import click
import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from moto import mock_aws

from bedrock_alerts_cli.deployed.deployed_stack import (
    DeployedStack,
    change_options,
    may_change,
    said_plainly,
    stack_options,
)
from bedrock_alerts_cli.user_errors import CommandError, InputError

TEMPLATE = """
Parameters: {AlertEmail: {Type: String, Default: a@example.com}}
Resources: {AlertsQueue: {Type: "AWS::SQS::Queue", Properties: {QueueName: alerts}}}
Outputs: {AlertsQueueUrl: {Value: !Ref AlertsQueue}}
"""


def test_a_stack_is_read_by_its_name() -> None:
    with mock_aws():
        boto3.client("cloudformation").create_stack(StackName="ours", TemplateBody=TEMPLATE)
        stack = DeployedStack.open("ours")
        assert stack.status == "CREATE_COMPLETE"
        assert stack.place == "stack ours, account 123456789012, eu-west-1"
        assert stack.parameters == {"AlertEmail": "a@example.com"}
        assert stack.resource("AlertsQueue") == stack.outputs["AlertsQueueUrl"]
        with pytest.raises(InputError, match="has no RouteFunction: is it a Bedrock Alerts stack"):
            stack.resource("RouteFunction")


def test_a_stack_that_is_not_there_is_named() -> None:
    with mock_aws(), pytest.raises(InputError, match="no stack ours in eu-west-1: give --stack"):
        DeployedStack.open("ours")


def test_without_a_region_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(InputError, match="give --region"):
        DeployedStack.open("ours")


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "No."}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (refused("AccessDenied"), "AWS refused DescribeStacks: AccessDenied.*Add the permission"),
        (refused("ExpiredToken"), "not valid: log in again"),
        (refused("Throttling"), "a queue: AWS refused DescribeStacks: Throttling. No."),
        (EndpointConnectionError(endpoint_url="http://x"), "a queue: AWS cannot be reached"),
        (UnauthorizedSSOTokenError(), "not valid: log in again.*aws sso login"),
        (
            TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"),
            "not valid: log in again.*Token has expired",
        ),
        (NoCredentialsError(), "no AWS credentials: run `aws configure`"),
    ],
)
def test_what_aws_says_becomes_a_sentence(error: Exception, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence), said_plainly("a queue"):
        raise error


@click.command()
@stack_options
@change_options
def delete_all(**options: Any) -> None:
    """Delete everything."""
    done = may_change(f"delete {options['stack']}", dry_run=options["dry_run"], yes=options["yes"])
    click.echo("deleted" if done else "left")


@pytest.mark.parametrize(
    ("arguments", "said", "done"),
    [
        (["--yes"], "Will delete bedrock-alerts.\n", "deleted\n"),
        (["--dry-run", "--stack", "x"], "Would delete x.\n", "left\n"),
        (["--dry-run", "--yes"], "Would delete bedrock-alerts.\n", "left\n"),
    ],
)
def test_a_change_is_said_first(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str, done: str
) -> None:
    delete_all.main(arguments, standalone_mode=False)
    printed = capsys.readouterr()
    assert (printed.err, printed.out) == (said, done)


def test_without_a_terminal_nothing_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="Give --yes"):
        delete_all.main([], standalone_mode=False)
    assert capsys.readouterr().out == ""
