"""A stack is found by its name; what cannot be done is said in one line, with what to do."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
    clients,
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


class OtherServer(BaseHTTPRequestHandler):
    """A web page, which is not AWS."""

    body = b"<!doctype html><title>A page</title>"

    def do_POST(self) -> None:
        """Answer as the page does."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def other_server() -> Iterator[str]:
    """Return the address of a server that is not AWS."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OtherServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("body", [b"<!doctype html><title>A page</title>", b"<a/>", b"", b"{}"])
def test_a_server_that_is_not_aws_is_called_that(
    other_server: str, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setattr(OtherServer, "body", body)
    with pytest.raises(InputError, match="does not respond as AWS does: check --endpoint-url"):
        DeployedStack.open("ours", None, other_server)


def test_an_endpoint_without_a_scheme_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:4566")
    with pytest.raises(InputError, match=r"localhost:4566.*begins with http://.*AWS_ENDPOINT_URL"):
        DeployedStack.open("ours")


def test_a_region_that_cannot_be_one_is_named() -> None:
    with pytest.raises(InputError, match="'eu west 1' is not a valid Region name, as in eu-west-1"):
        DeployedStack.open("ours", "eu west 1")


def test_a_local_stack_that_is_not_there_is_missed_at_once() -> None:
    started = time.monotonic()
    with pytest.raises(InputError, match="Is the local stack running"):
        DeployedStack.open("ours", None, "http://127.0.0.1:1")
    assert time.monotonic() - started < 3


def test_the_local_stack_needs_no_credentials_and_no_region(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    session = boto3.Session()
    client = clients(session, "http://127.0.0.1:1")("sqs")
    assert client.meta.region_name == "eu-west-1"
    with pytest.raises(EndpointConnectionError):  # signed, and sent
        client.list_queues()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with pytest.raises(NoCredentialsError):
        clients(boto3.Session(), "http://example.com")("sqs").list_queues()


def test_other_commands_are_named_with_where_the_stack_is() -> None:
    with mock_aws():
        boto3.client("cloudformation").create_stack(StackName="ours", TemplateBody=TEMPLATE)
        stack = DeployedStack.open("ours")
    assert stack.ours("doctor") == "bedrock-alerts doctor --stack ours --region eu-west-1"
    named = replace(stack, profile="a b")
    assert named.ours("doctor").startswith("AWS_PROFILE='a b' bedrock-alerts doctor --stack")
    stack = replace(stack, endpoint_url="http://127.0.0.1:4566")
    assert stack.ours("doctor").endswith(" --endpoint-url http://127.0.0.1:4566")
    assert stack.aws("sqs x") == "aws sqs x --region eu-west-1 --endpoint-url http://127.0.0.1:4566"


def test_a_stack_that_cannot_be_read_is_one_fault_with_one_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read(*_: object) -> None:
        raise CommandError("refused")

    monkeypatch.setattr(DeployedStack, "read", read)
    with pytest.raises(InputError, match="refused"):
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
        (
            EndpointConnectionError(endpoint_url="http://x"),
            "a queue: AWS cannot be reached.*Check the network, the Region",
        ),
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            "Is the local stack running[?] `bedrock-alerts demo` starts it",
        ),
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
