"""`bedrock-alerts try-aws`: a trial of everything in a scratch account, which deletes itself."""

import json
import secrets
import signal
from collections.abc import Iterator
from typing import Any

import click

from bedrock_alerts_cli.commands.deploy import Plan, checks, run_sam_aside
from bedrock_alerts_cli.deployed.aws_trial import AwsTrial, Checked
from bedrock_alerts_cli.deployed.deployed_stack import (
    change_options,
    clients,
    may_change,
    said_plainly,
)
from bedrock_alerts_cli.deployed.trial_cost import cents
from bedrock_alerts_cli.deployed.trial_guardrail import DEFAULT_MODEL
from bedrock_alerts_cli.deployed.trial_transcript import masked
from bedrock_alerts_cli.options import endpoint_option
from bedrock_alerts_cli.terminal import until_cut_off, write


@click.command(name="try-aws")
@click.option("--email", default="", help="Email address that receives the alert; confirm it.")
@click.option("--slack-secret", default="", help="ARN of a secret with a Slack webhook URL.")
@click.option("--region", help="Region to try it in.  [default: the one of your AWS settings]")
@endpoint_option()
@click.option(
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    help="Model, or inference profile, of the call that is blocked.",
)
@click.option(
    "--alarms",
    type=click.Choice(("all", "essential")),
    default="all",
    show_default=True,
    help="Alarms to deploy. At one blocked call, only one of `all` fires; with `essential` the"
    " message is that of `test-alert`.",
)
@click.option("--keep", is_flag=True, help="Delete nothing; print the commands that do.")
@change_options
@click.option("--json", "as_json", is_flag=True, help="Print the transcript as JSON, nothing else.")
def try_aws(  # noqa: PLR0913 - click passes every option on its own
    *,
    email: str,
    slack_secret: str,
    region: str | None,
    endpoint_url: str | None,
    model: str,
    alarms: str,
    keep: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Try Bedrock Alerts in a scratch AWS account, then delete everything that it made.

    It checks the account, deploys a separate stack, makes a call that a guardrail blocks, waits
    for the metric, the alarm and the message, and runs `doctor`. Each step is timed. The first that
    fails ends the trial. What was made is deleted in any case, also after Ctrl-C; what cannot be
    deleted is named, with the command.

    The transcript names no account, identity, secret or email address: paste it into a report.

    \b
    Examples:
      make try-aws ARGS="--email you@example.com --dry-run"
      bedrock-alerts try-aws --email you@example.com --region us-east-1

    If invocation logging is off, the trial switches it on for all calls in the Region, and off
    again at its end.

    Exit status: 1 if a step fails or something is left, 2 if an option is wrong.
    """  # noqa: D301 - \b is click's
    import boto3  # noqa: PLC0415 - it takes longer to load than all the rest

    from bedrock_alerts_cli.deployed.doctor.areas import AREAS  # noqa: PLC0415

    session = boto3.Session(region_name=region)
    region = session.region_name
    if not region:
        raise click.UsageError("Give --region, or set AWS_DEFAULT_REGION.")
    if not (email or slack_secret):
        raise click.UsageError("Give --email or --slack-secret, so that someone is notified.")
    client = clients(session, endpoint_url)
    with said_plainly("your AWS account"):
        account = client("sts").get_caller_identity()["Account"]
    name = f"bedrock-alerts-trial-{secrets.token_hex(2)}"
    # Its own namespace, so that the metrics of another stack are not added up with these.
    parameters = {"AlarmSet": alarms, "MetricsNamespace": name}
    parameters |= {"AlertEmail": email} if email else {}
    parameters |= {"SlackWebhookSecretArn": slack_secret} if slack_secret else {}
    plan = Plan(name, region, parameters)

    def check() -> Iterator[Checked]:
        yield from (Checked(*found) for found in checks(client, plan))

    def deploy() -> None:
        run_sam_aside("build", endpoint_url=endpoint_url)
        run_sam_aside(
            "deploy", "--stack-name", name, "--region", region, "--s3-prefix", name,
            "--no-confirm-changeset", "--parameter-overrides", *plan.overrides(),
            endpoint_url=endpoint_url,
        )  # fmt: skip

    what = _what(name, account, region, model, cents(parameters), keep=keep)
    if not may_change(what, dry_run=dry_run, yes=yes):
        if as_json:
            write(json.dumps({"stack": name, "region": region, "is_dry_run": True}) + "\n")
        return 0
    # A trial that is ended by another program deletes what it made, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    transcript = AwsTrial(
        name=name,
        account=account,
        region=region,
        model=model,
        has_email=bool(email),
        client=client,
        check=check,
        deploy=deploy,
        areas=AREAS,
        keep=keep,
    ).run()
    document: Any = transcript.document()
    with until_cut_off():
        write(
            json.dumps(document, ensure_ascii=False, indent=2) + "\n"
            if as_json
            else masked(transcript.text())
        )
    return 0 if transcript.is_fine else 1


def _what(name: str, account: str, region: str, model: str, cost: int, *, keep: bool) -> str:
    end = "and keep it all" if keep else "then delete it all"
    return (
        f"deploy the stack {name} to account {account}, {region}, with its functions, queues,"
        " table, topics, alarms, dashboard, roles, a bucket and log groups;\n"
        "  switch Bedrock's invocation logging on if it is off, into /aws/bedrock/invocations: it"
        " stores prompts and responses;\n"
        "  make SAM's own stack and bucket if they are missing (these stay);\n"
        f"  make the guardrail {name}, and at least one call of {model} that it blocks;\n"
        f"  notify the channels that you gave; {end}. This takes 10 to 40 min, and costs about"
        f" {cost} US cents (estimate at list prices)"
    )
