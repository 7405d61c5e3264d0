"""Opens a deployed stack by name: its parts, and clients for its account and Region.

Every command that touches an account opens its stack here, prints the account and Region, and asks
before it changes anything.
"""

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import click

from bedrock_alerts_cli.options import endpoint_option
from bedrock_alerts_cli.sample_account import NO_CREDENTIAL
from bedrock_alerts_cli.sample_account import REGION as LOCAL_REGION
from bedrock_alerts_cli.template.stack import NAME
from bedrock_alerts_cli.user_errors import CommandError, InputError

if TYPE_CHECKING:
    import boto3

Command = TypeVar("Command", bound=Callable[..., Any])

_UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_GONE: Final = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"})
_CHECK_ENDPOINT: Final = "check --endpoint-url and AWS_ENDPOINT_URL"
# The local stack answers at once, or is not there.
_LOCAL_SECONDS: Final = 2.0
# By name: not every version of botocore has all of them.
_LOGIN_ERRORS: Final = frozenset(
    {"SSOError", "LoginError", "TokenRetrievalError", "CredentialRetrievalError"}
)


@dataclass(frozen=True)
class DeployedStack:
    """A stack, as described by CloudFormation. `resources` maps logical to physical ids.

    `client` creates a client for a service, in the stack's account and Region; a second argument is
    the seconds that one call may take, which is then never repeated. `updated_at` is when the last
    deployment began, the first one included. `endpoint_url` is what was asked instead of
    AWS, `profile` the AWS profile that was named.
    """

    name: str
    account: str
    region: str
    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    client: Callable[..., Any]
    stack_id: str = ""
    created_at: datetime = _UNKNOWN_TIME
    updated_at: datetime = _UNKNOWN_TIME
    endpoint_url: str = ""
    profile: str = ""

    @classmethod
    def open(
        cls,
        name: str,
        region: str | None = None,
        endpoint_url: str | None = None,
        profile: str | None = None,
    ) -> "DeployedStack":
        """Read a stack. Raises InputError if it cannot be read."""
        session = _session(region, profile)
        found = session.region_name or (LOCAL_REGION if _is_local(endpoint_url) else "")
        if not found:
            raise InputError("no Region is set: give --region, or set AWS_DEFAULT_REGION")
        try:
            stack = cls.read(name, found, clients(session, endpoint_url))
        except CommandError as error:
            raise InputError(str(error)) from error
        return replace(stack, endpoint_url=endpoint_url or "", profile=profile or "")

    @classmethod
    def read(cls, name: str, region: str, client: Callable[..., Any]) -> "DeployedStack":
        """Read a stack with these clients.

        Raises InputError if there is none, CommandError if AWS refuses.
        """
        with said_plainly(f"stack {name} in {region}"):
            found = _described(client("cloudformation"), name, region)
            pages = client("cloudformation").get_paginator("list_stack_resources")
            resources = {
                one["LogicalResourceId"]: one["PhysicalResourceId"]
                for page in pages.paginate(StackName=name)
                for one in page["StackResourceSummaries"]
                if one.get("PhysicalResourceId")
            }
        return cls(
            name=name,
            account=found["StackId"].split(":")[4],
            region=region,
            status=found["StackStatus"],
            parameters={
                one["ParameterKey"]: one.get("ParameterValue", "")
                for one in found.get("Parameters", [])
            },
            outputs={one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])},
            resources=resources,
            client=client,
            stack_id=found["StackId"],
            created_at=found["CreationTime"],
            updated_at=found.get("LastUpdatedTime", found["CreationTime"]),
        )

    @property
    def place(self) -> str:
        """Return the stack, account and Region in words."""
        return f"stack {self.name}, account {self.account}, {self.region}"

    @property
    def is_local(self) -> bool:
        """Whether this is the local stack, or another one on this machine."""
        return _is_local(self.endpoint_url)

    def ours(self, command: str) -> str:
        """Return a command of ours for this stack."""
        return self.here(f"bedrock-alerts {command} --stack {self.name}")

    def aws(self, command: str) -> str:
        """Return a command of the AWS CLI for this stack's account and Region."""
        return self.here(f"aws {command}")

    def here(self, command: str) -> str:
        """Return a command for this stack's account, Region and endpoint."""
        profile = f"AWS_PROFILE={shlex.quote(self.profile)} " if self.profile else ""
        endpoint = f" --endpoint-url {self.endpoint_url}" if self.endpoint_url else ""
        return f"{profile}{command} --region {self.region}{endpoint}"

    def deployed_again(self, why: str, *options: str) -> str:
        """Return the fix that deploys the stack again, once for each of `options`."""
        if self.is_local:
            return "The local stack cannot be deployed again: stop it, and start it again."
        commands = [f"{self.ours('deploy')} {one}".strip() for one in options]
        return "\n".join((f"{why}:", *commands))

    def resource(self, logical_id: str) -> str:
        """Return the physical id of a resource. Raises InputError if the stack has none."""
        found = self.resources.get(logical_id)
        if found is None:
            raise InputError(f"{self.place} has no {logical_id}: is it a Bedrock Alerts stack?")
        return found


def clients(session: "boto3.Session", endpoint_url: str | None) -> Callable[..., Any]:
    """Return a function that creates one client for each service.

    With `seconds` the client waits so long for a response and sends each request once, for calls
    that must not happen twice. The local stack needs no Region and no credentials. Raises
    InputError where the Region or the endpoint is not one.
    """
    is_local = _is_local(endpoint_url)

    @cache
    def login() -> Mapping[str, str]:
        if not is_local or session.get_credentials() is not None:
            return {}
        return {"aws_access_key_id": NO_CREDENTIAL, "aws_secret_access_key": NO_CREDENTIAL}

    @cache
    def client(service: str, seconds: float | None = None) -> Any:
        from botocore.config import Config  # noqa: PLC0415 - boto3 is slow to load
        from botocore.exceptions import InvalidRegionError  # noqa: PLC0415

        config = Config(retries={"total_max_attempts": 1}) if seconds or is_local else None
        if config and seconds:
            config = config.merge(Config(read_timeout=seconds))
        if config and is_local:
            config = config.merge(Config(connect_timeout=_LOCAL_SECONDS))
        region = session.region_name or (LOCAL_REGION if is_local else None)
        try:
            return session.client(  # type: ignore[call-overload] # any service
                service, region_name=region, endpoint_url=endpoint_url, config=config, **login()
            )
        except InvalidRegionError as error:
            raise InputError(
                f"{region!r} is not a valid Region name, as in eu-west-1: check --region and"
                " AWS_DEFAULT_REGION"
            ) from error
        except ValueError as error:  # an endpoint in the settings, such as localhost:4566
            raise InputError(
                f"{error}. A URL begins with http:// or https://: {_CHECK_ENDPOINT}"
            ) from error

    return client


def _is_local(endpoint_url: str | None) -> bool:
    """Whether calls go to this machine."""
    try:
        host = urlsplit(endpoint_url or os.environ.get("AWS_ENDPOINT_URL", "")).hostname or ""
    except ValueError:
        return False
    return host in {"localhost", "::1"} or host.startswith("127.")


def _described(cloudformation: Any, name: str, region: str) -> Any:
    """Return what CloudFormation says of a stack. Raises InputError where there is none."""
    try:
        answer = cloudformation.describe_stacks(StackName=name)
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise InputError(
            f"there is no stack {name} in {region}: give --stack and --region"
        ) from error
    except LookupError:  # an XML document, but none of CloudFormation
        answer = {}
    if not answer.get("Stacks"):
        raise InputError(_not_aws(f"stack {name} in {region}"))
    return answer["Stacks"][0]


def _not_aws(about: str) -> str:
    return f"{about}: the server at the endpoint does not respond as AWS does: {_CHECK_ENDPOINT}"


def _session(region: str | None, profile: str | None) -> "boto3.Session":
    # boto3 takes longer to load than all the rest.
    import boto3  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    try:
        return boto3.Session(region_name=region, profile_name=profile)
    except BotoCoreError as error:  # an unknown profile, or a broken file
        raise InputError(f"{error}. See `aws configure list-profiles`") from error


@contextmanager
def said_plainly(about: str) -> Iterator[None]:
    """Turn errors of AWS or the network into CommandErrors with a next step."""
    from botocore.exceptions import (  # noqa: PLC0415
        BotoCoreError,
        ClientError,
        NoCredentialsError,
    )
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    try:
        yield
    except NoCredentialsError as error:
        raise InputError("there are no AWS credentials: run `aws configure` or log in") from error
    except ResponseParserError as error:
        raise InputError(_not_aws(about)) from error
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        message = error.response.get("Error", {}).get("Message", "")
        if code in _EXPIRED:
            raise CommandError(
                f"the AWS credentials are not valid: log in again ({code})"
            ) from error
        if code in _DENIED:
            message += " Add the permission: see the page on the commands' IAM policy."
        if code in _GONE:
            message += " Something of the stack is gone: run bedrock-alerts doctor."
        raise CommandError(
            f"{about}: AWS refused {error.operation_name}: {code}. {message}"
        ) from error
    except BotoCoreError as error:
        if is_login_over(error):
            raise CommandError(
                f"the AWS credentials are not valid: log in again ({error})"
            ) from error
        raise CommandError(
            f"{about}: AWS cannot be reached. {error}. {_next_step(error)}"
        ) from error


def _next_step(error: Any) -> str:
    """Return what to do where AWS cannot be reached."""
    url = str(error.kwargs.get("endpoint_url") or "")
    if url and _is_local(url):
        return "Is the local stack running? `bedrock-alerts demo` starts it"
    return "Check the network, the Region and --endpoint-url"


def is_login_over(error: BaseException) -> bool:
    """Whether an error of botocore says that a login has to be renewed."""
    return any(kind.__name__ in _LOGIN_ERRORS for kind in type(error).__mro__)


def stack_options(command: Command) -> Command:
    """Add the options that name a deployed stack: --stack, --region, --endpoint-url."""
    return _named(
        command, click.option("--stack", default=NAME, show_default=True, help="Name of the stack.")
    )


def trial_stack_options(command: Command) -> Command:
    """Add the same options, for a command that is for stacks for trials: --stack has no default."""
    about = "Name of the stack: one for trials."
    return _named(command, click.option("--stack", required=True, help=about))


def _named(command: Command, stack: Callable[[Command], Command]) -> Command:
    region = click.option(
        "--region", help="Region of the stack.  [default: the one of your AWS settings]"
    )
    return stack(region(endpoint_option()(command)))


def change_options(command: Command) -> Command:
    """Add the options of commands that change something: --dry-run, --yes."""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask for confirmation."),
        click.option("--dry-run", is_flag=True, help="Only print what would be done."),
    ):
        command = option(command)
    return command


def may_change(what: str, *, dry_run: bool, yes: bool) -> bool:
    """Print the planned change on standard error, and ask. Return False for a dry run.

    Raises click.Abort if the answer is no, InputError if there is no terminal.
    """
    click.echo(f"{'Would' if dry_run else 'Will'} {what}.", err=True)
    if dry_run or yes:
        return not dry_run
    if not sys.stdin.isatty():
        raise InputError("nothing was changed: there is no terminal to ask on. Give --yes")
    click.confirm("Continue?", default=False, abort=True, err=True)
    return True
