"""`bedrock-alerts deploy`: check, then `sam build` and `sam deploy`, then what to do next."""

import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from bedrock_alerts.errors import BedrockAlertsError
from bedrock_alerts.invocation_logging.decide import SUBSCRIBABLE, role_of
from bedrock_alerts.limits import SUBSCRIPTIONS_PER_LOG_GROUP
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, clients
from bedrock_alerts_cli.deployed.doctor.stack_state import STUCK
from bedrock_alerts_cli.deployed.first_record import saw_first_record
from bedrock_alerts_cli.project import ROOT, TEMPLATE, lambda_python, sources
from bedrock_alerts_cli.sam import find_sam
from bedrock_alerts_cli.template import load
from bedrock_alerts_cli.template.stack import NAME
from bedrock_alerts_cli.terminal import write
from bedrock_alerts_cli.user_errors import CommandError

_CONFIGURATION: Final = ROOT / "samconfig.toml"
_CHANNELS: Final = (
    "AlertEmail", "SlackWebhookSecretArn", "SlackBotSecretArn", "WebhookSecretArn",
    "PagerDutySecretArn", "TeamsWebhookSecretArn", "AmazonQTopicArn",
)  # fmt: skip
# A declined change set leaves this state: there is no stack yet.
_UNMADE: Final = "REVIEW_IN_PROGRESS"


class Found(NamedTuple):
    """One check: its subject, the result, and the fix if the result prevents the deployment."""

    about: str
    says: str
    fix: str = ""


class Plan(NamedTuple):
    """What is to be deployed, and where.

    `kept` are the parameters of the deployed stack: SAM keeps those that it is not given.
    """

    stack: str
    region: str
    parameters: Mapping[str, str]
    kept: Mapping[str, str] = {}

    def value(self, name: str, default: str = "") -> str:
        """Return the value that a parameter will have."""
        return {**self.kept, **self.parameters}.get(name, default)

    def overrides(self) -> list[str]:
        """Return the parameters as SAM reads them: it cuts a value at a blank or a quote."""
        return [f"{name}={_quoted(value)}" for name, value in self.parameters.items()]


@click.command()
@click.option("--email", help="Email address that receives every alert.  [asked if missing]")
@click.option("--slack-secret", default="", help="ARN of a secret with a Slack webhook URL.")
@click.option("--stack", default=NAME, show_default=True, help="Name of the stack.")
@click.option("--region", help="Region to deploy to.  [default: the one of your AWS settings]")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any other template parameter.",
)
@click.option("--check", "only_check", is_flag=True, help="Only check; build and deploy nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the first record at the end.")
def deploy(  # noqa: PLR0913 - click passes every option on its own
    *,
    email: str | None,
    slack_secret: str,
    stack: str,
    region: str | None,
    parameters: tuple[str, ...],
    only_check: bool,
    yes: bool,
    no_wait: bool,
) -> int:
    """Check the account, then build and deploy the stack.

    On a terminal it then waits for the first record, at most ten minutes, and offers a test alert.
    Where one of them does not come, it runs `doctor`. Ctrl-C ends the wait, and changes nothing.

    \b
    Examples:
      make deploy ARGS="--email you@example.com"
      bedrock-alerts deploy --email you@example.com --region eu-west-1 --check

    Exit status: 1 if a check fails or the deployment does, 2 if an option is wrong.
    """  # noqa: D301 - \b is click's
    import boto3  # noqa: PLC0415 - it takes longer to load than all the rest

    session = boto3.Session(region_name=region)
    region = session.region_name
    if not region:
        raise click.UsageError("Give --region, or set AWS_DEFAULT_REGION.")
    wrong = [one for one in parameters if "=" not in one]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not NAME=VALUE", param_hint="--parameter")
    client = clients(session, None)
    given = {"AlertEmail": email} if email else {}
    given |= {"SlackWebhookSecretArn": slack_secret} if slack_secret else {}
    given |= dict(one.split("=", 1) for one in parameters)
    plan = Plan(stack, region, given, kept(client, stack))
    if not any(plan.value(name) for name in _CHANNELS):
        if yes:
            raise click.UsageError("Give --email or --slack-secret, so that someone is notified.")
        email = click.prompt("Email address that receives every alert")
        plan = plan._replace(parameters={"AlertEmail": email, **given})
    problems = 0
    for found in checks(client, plan):
        problems += bool(found.fix)
        write(f"{'✗' if found.fix else '✓'} {found.about}: {found.says}\n")
        if found.fix:
            write(f"  To fix it, {found.fix}\n")
    if problems or only_check:
        return 1 if problems else 0
    if not yes and sys.stdin.isatty():
        click.confirm(f"Deploy stack {stack} to {region}?", default=True, abort=True)
    _build()
    overrides = plan.overrides()
    _sam("deploy", "--stack-name", stack, "--region", region, "--no-confirm-changeset",
         "--no-fail-on-empty-changeset", *(["--parameter-overrides"] if overrides else ()),
         *overrides)  # fmt: skip
    write(_next(plan))
    if not no_wait and sys.stdout.isatty():
        _wait(DeployedStack.read(stack, region, client), may_ask=not yes and sys.stdin.isatty())
    return 0


def _build() -> None:
    """Run `sam build`, and say so where it had no Python of Lambda's version to compile with."""
    _sam("build")
    if lambda_python() is None:
        write(
            "Note: the layers are not compiled, because python3.13 is not installed here. The "
            "functions work, but take about twice as long to start.\n"
        )


def _wait(stack: DeployedStack, *, may_ask: bool) -> None:
    """Wait for the first record and for a test alert; of what does not come, say why."""
    try:
        is_counted = saw_first_record(stack)
        write("\nCalls are counted.\n" if is_counted else "\nNo record came.\n")
        is_alerted = _sees_test_alert(stack, may_ask=may_ask)
    except (KeyboardInterrupt, click.Abort):
        doctor = stack.ours("doctor")
        write(f"\nNot waited for. The stack is deployed; to check it later:\n  {doctor}\n")
        return
    if is_counted and is_alerted:
        return
    from bedrock_alerts_cli.deployed.doctor.areas import AREAS  # noqa: PLC0415 - it loads boto3
    from bedrock_alerts_cli.deployed.doctor.doctor_text import as_text  # noqa: PLC0415
    from bedrock_alerts_cli.deployed.doctor.looked_at import look_at  # noqa: PLC0415

    write("\nThis is what `bedrock-alerts doctor` finds:\n\n")
    write(as_text(stack.place, look_at(stack, AREAS, time.time)))


def _sees_test_alert(stack: DeployedStack, *, may_ask: bool) -> bool:
    """Send a test alert if the person at the terminal wants it; False if it does not arrive."""
    command = stack.ours("test-alert")
    if not may_ask:
        write(f"See an alert arrive:\n  {command}\n")
        return True
    from bedrock_alerts_cli.commands.test_alert import test_alert  # noqa: PLC0415 - as above

    if not click.confirm("Send a test alert to every channel now?", default=True):
        write(f"To send it later:\n  {command}\n")
        return True
    options = ["--stack", stack.name, "--region", stack.region, "--yes"]
    try:
        return not test_alert.main(options, standalone_mode=False)
    except CommandError as error:
        write(f"✗ {error}\n")
        return False


def checks(client: Callable[[str], Any], plan: Plan) -> Iterator[Found]:
    """Check everything that would stop a deployment; nothing is changed.

    `client` makes a client for a service. Ends with the first check that the others depend on.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    yield from unknown_parameters(plan)
    try:
        caller = client("sts").get_caller_identity()
        yield Found("Credentials", f"account {caller['Account']}, {caller['Arn']}")
    except (BotoCoreError, ClientError) as error:
        yield Found(
            "Credentials", f"no AWS account responds ({_code(error)})", "sign in: aws sso login"
        )
        return
    for look in (_bedrock, _stack):
        try:
            yield look(client, plan)
        except (BotoCoreError, ClientError) as error:
            yield _unseen(look.__name__.strip("_"), error)
    try:
        yield from _log(client, plan)
    except (BotoCoreError, ClientError, BedrockAlertsError) as error:
        yield _unseen("invocation log", error)


def unknown_parameters(plan: Plan, configuration: Path = _CONFIGURATION) -> Iterator[Found]:
    """Find parameters that the template does not have: SAM ignores them silently."""
    known = load(TEMPLATE)["Parameters"].keys()
    for where, names in (
        ("what you give", plan.parameters),
        (configuration.name, _saved(configuration)),
    ):
        gone = [name for name in names if name not in known]
        if gone:
            fix = "leave them out; CHANGELOG.md says what replaced each"
            yield Found(
                "Parameters",
                f"{where} names {', '.join(gone)}, which the template does not have",
                fix,
            )
    gone = [name for name in plan.kept if name not in known]
    if gone:
        says = f"{len(gone)} of the deployed version are gone; CHANGELOG.md says what replaced each"
        yield Found("Parameters", says)


def _saved(configuration: Path) -> list[str]:
    """Return the names of the parameters that a configuration of SAM sets."""
    try:
        read = tomllib.loads(configuration.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except tomllib.TOMLDecodeError as error:
        raise CommandError(f"{configuration.name} is not TOML: {error}") from error
    found: list[str] = []
    for environment in read.values():
        if isinstance(environment, dict):
            given = environment.get("deploy", {}).get("parameters", {}).get("parameter_overrides")
            for text in given if isinstance(given, list) else [given or ""]:
                # A value in quotes may hold an equals sign.
                bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", str(text))
                found += re.findall(r"(?:^|\s)(\w+)=", bare)
    return list(dict.fromkeys(found))


def kept(client: Callable[[str], Any], stack: str) -> dict[str, str]:
    """Return the parameters of the deployed stack; if it cannot be read, the checks say why."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        found = _existing(client, stack)
    except (BotoCoreError, ClientError):
        return {}
    given = found.get("Parameters", []) if found else []
    return {one["ParameterKey"]: one["ParameterValue"] for one in given}


def _existing(client: Callable[[str], Any], stack: str) -> dict[str, Any] | None:
    """Return the description of a stack, None if there is none."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        (found,) = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if _code(error) != "ValidationError":
            raise
        return None
    return None if found["StackStatus"] == _UNMADE else dict(found)


def _quoted(value: str) -> str:
    escaped = value.replace('"', '\\"')
    return f'"{escaped}"'


def _bedrock(client: Callable[[str], Any], plan: Plan) -> Found:
    client("bedrock").get_model_invocation_logging_configuration()
    return Found("Bedrock", f"is available in {plan.region}")


def _stack(client: Callable[[str], Any], plan: Plan) -> Found:
    stack = _existing(client, plan.stack)
    if stack is None:
        return Found("Stack", f"{plan.stack} does not exist yet and is created")
    status = str(stack["StackStatus"])
    fix, command = STUCK.get(status, ("", ""))
    if command:
        fix += f": {command.format(stack=plan.stack)} --region {plan.region}"
    if not fix and status.endswith("_IN_PROGRESS"):
        fix = "wait until it has ended, then run this again"
    return Found("Stack", f"{plan.stack} is {status}", fix)


def _log(client: Callable[[str], Any], plan: Plan) -> Iterator[Found]:
    """Check Bedrock's logging, and the subscriptions of the log group that is read."""
    from bedrock_alerts.adapters.bedrock_logging import LogGroups  # noqa: PLC0415 - it loads boto3
    from bedrock_alerts_cli.deployed.doctor.log_delivery import (  # noqa: PLC0415
        OTHER_CLASS,
        logging_of,
    )

    if plan.value("InvocationLogBucketName") or plan.value("InvocationLogStreamArn"):
        yield Found("Invocation log", "is read from where you say")
        return
    present = logging_of(client("bedrock")) or {}
    group = present.get("cloudWatchConfig", {}).get("logGroupName", "")
    bucket = present.get("s3Config", {}).get("bucketName", "")
    mode = plan.value("InvocationLogging", "auto")
    if mode == "create" and present and f":role/{plan.stack}-" not in (role_of(present) or ""):
        fix = "leave out InvocationLogging=create: auto reads the log that is there"
        yield Found("Invocation log", f"goes to {group or bucket} already", fix)
        return
    if mode != "auto":
        group = plan.value("InvocationLogGroupName", group or "/aws/bedrock/invocations")
    elif not present:
        yield Found("Invocation log", "is off and is switched on; it stores prompts and responses")
        return
    elif not group:
        fix = f"deploy with --parameter InvocationLogBucketName={bucket}"
        yield Found("Invocation log", f"goes to the bucket {bucket} only", fix)
        return
    yield Found("Invocation log", f"is read from log group {group}")
    log_groups = LogGroups(client("logs"))
    found = log_groups.find(group)
    if found is None:
        return
    if found.group_class != SUBSCRIBABLE:
        yield Found("Log group", f"has the class {found.group_class}", OTHER_CLASS)
        return
    others = [
        one.name
        for one in log_groups.subscriptions(group)
        if not one.destination_arn.endswith(f":{plan.stack}-collect-logs")
    ]
    if len(others) >= SUBSCRIPTIONS_PER_LOG_GROUP:
        fix = (
            "delete one that no one needs: aws logs delete-subscription-filter"
            f" --log-group-name {group} --filter-name NAME --region {plan.region}"
        )
        yield Found("Subscriptions", f"both are taken, by {' and '.join(others)}", fix)
    else:
        free = SUBSCRIPTIONS_PER_LOG_GROUP - len(others)
        yield Found("Subscriptions", f"{free} of {SUBSCRIPTIONS_PER_LOG_GROUP} are free")


def _unseen(about: str, error: Exception) -> Found:
    code = _code(error)
    if code == "EndpointConnectionError":
        return Found(about.capitalize(), "has no endpoint in this Region", "choose another Region")
    return Found(about.capitalize(), f"cannot be checked ({code}); the deployment will show it")


def _code(error: Exception) -> str:
    # Ours are raised from those of AWS.
    response: dict[str, Any] = getattr(error, "response", getattr(error.__cause__, "response", {}))
    return str(response.get("Error", {}).get("Code") or type(error).__name__)


def _sam(command: str, *arguments: str) -> None:
    write(f"$ sam {command} {' '.join(arguments)}\n")
    _run_sam(command, *arguments)


def run_sam_aside(command: str, *arguments: str, endpoint_url: str | None = None) -> None:
    """Run a command of SAM with all output on standard error. Raises CommandError.

    The endpoint replaces AWS's.
    """
    click.echo(f"$ sam {command} {' '.join(arguments)}", err=True)
    changed = {"AWS_ENDPOINT_URL": endpoint_url} if endpoint_url else {}
    _run_sam(command, *arguments, env={**os.environ, **changed}, stdout=2)


def _run_sam(command: str, *arguments: str, **how: Any) -> None:
    done = subprocess.run([find_sam(), command, *arguments], cwd=sources(), check=False, **how)
    if done.returncode:
        raise CommandError(f"`sam {command}` failed; what to do is above")


def _next(plan: Plan) -> str:
    namespace = plan.value("MetricsNamespace", "BedrockAlerts")
    outputs = (
        f"aws cloudformation describe-stacks --stack-name {plan.stack} --region {plan.region}"
        " --query 'Stacks[0].Outputs'"
    )
    steps = ["Confirm the subscription in the email from AWS Notifications."]
    steps = steps if plan.value("AlertEmail") else []
    steps.append(
        f"Call a model in {plan.region}. Within five minutes its metrics are in CloudWatch,"
        f" namespace {namespace}."
    )
    steps.append(
        f"Make a test alert: bedrock-alerts test-alert --stack {plan.stack} --region {plan.region}"
    )
    steps.append(f"See what is set: {outputs}")
    return "\nNext:\n" + "".join(f"  {number}. {step}\n" for number, step in enumerate(steps, 1))
