"""`bedrock-alerts silence`: alarms that a person has silenced for a while."""

import json
from typing import Any, Final

import click

from bedrock_alerts_cli.command_groups import ListsByDefault
from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier
from bedrock_alerts_cli.deployed.deployed_stack import (
    DeployedStack,
    change_options,
    may_change,
    stack_options,
)
from bedrock_alerts_cli.deployed.known_alarms import find, find_or_ask, with_place
from bedrock_alerts_cli.deployed.silences import SilenceInForce, in_force, seconds_in, silences
from bedrock_alerts_cli.deployed.silences import add as add_silence
from bedrock_alerts_cli.deployed.silences import end as end_silence
from bedrock_alerts_cli.deployed.who_runs import name_of_caller
from bedrock_alerts_cli.terminal import Column, Table, moment, until_cut_off, write
from bedrock_alerts_cli.user_errors import CommandError

_COLUMNS: Final = (
    Column(title="alarm", least=24, wraps=True, style=lambda _: "bold"),
    Column(title="until (UTC)"),
    Column(title="by", least=8, wraps=True),
    Column(title="except", rank=1),
)
_WORSE: Final = {
    "info": "warning and critical alerts still notify",
    "warning": "critical alerts still notify",
    "critical": "",
}
_json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print the outcome as JSON, nothing else."
)
_by_option: Final = click.option(
    "--by", metavar="NAME", help="Who does it.  [default: your name in AWS]"
)


@click.group(cls=ListsByDefault)
def silence() -> None:
    """Silence alarms for a while, as the button in Slack does.

    Without a command, the silences in force are listed. ALARM is a name with or without the
    stack's, or an ARN.

    \b
    Examples:
      bedrock-alerts silence
      bedrock-alerts silence add Throttling --for 2h
      bedrock-alerts silence end Throttling
    """  # noqa: D301 - \b is click's


@silence.command(name="list")
@stack_options
@_json_option
def list_(*, stack: str, region: str | None, endpoint_url: str | None, as_json: bool) -> None:
    """List the silences in force, the one that ends first before the others.

    \b
    Examples:
      bedrock-alerts silence list
      bedrock-alerts silence list --json
    """  # noqa: D301 - \b is click's
    deployed = DeployedStack.open(stack, region, endpoint_url)
    notifier = DeployedNotifier.of(deployed)
    found = silences(notifier)
    with until_cut_off():
        if as_json:
            _write_json(deployed, silences=[one.document() for one in found])
        elif found:
            _print(notifier, *found)
        else:
            click.echo(f"{deployed.place}: no alarm is silenced.", err=True)


def _seconds(_ctx: click.Context, _param: click.Parameter, text: str) -> int:
    seconds = seconds_in(text)
    if seconds is None:
        raise click.BadParameter(f"{text!r} is not a time such as 30m, 2h or 1d, at most 30d")
    return seconds


@silence.command()
@click.argument("alarm")
@stack_options
@click.option(
    "--for",
    "seconds",
    required=True,
    metavar="TIME",
    callback=_seconds,
    help="How long: 30m, 2h or 1d, at most 30d.",
)
@_by_option
@change_options
@_json_option
def add(  # noqa: PLR0913 - click passes every option on its own
    alarm: str,
    *,
    stack: str,
    region: str | None,
    endpoint_url: str | None,
    seconds: int,
    by: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Silence an alarm for a while, whether it is firing or not.

    An open incident says so on its channels. If the alarm becomes more severe, you are still
    notified. If it is firing when the silence ends, you are notified then.

    \b
    Examples:
      bedrock-alerts silence add Throttling --for 2h
      bedrock-alerts silence add SpendHour --for 1d --by "Alex Doe" --yes

    Exit status: 1 if it is not learned in time, 2 if there is no such alarm.
    """  # noqa: D301 - \b is click's
    deployed = DeployedStack.open(stack, region, endpoint_url)
    notifier = DeployedNotifier.of(deployed)
    arn, _ = find_or_ask(deployed, notifier, alarm)
    by = by or name_of_caller(deployed)
    until = moment(notifier.clock() + seconds)[:16]
    name = with_place(notifier, _name(arn), arn)
    what = f"silence {name} until {until} UTC, by {by}: {deployed.place}"
    if not may_change(what, dry_run=dry_run, yes=yes):
        if as_json:
            _write_json(deployed, alarm=arn, is_dry_run=True)
        return 0
    found = add_silence(notifier, arn, seconds, by)
    with until_cut_off():
        if as_json:
            _write_json(deployed, **found.document())
        else:
            _print(notifier, found)
    return 0


@silence.command()
@click.argument("alarm")
@stack_options
@_by_option
@change_options
@_json_option
def end(  # noqa: PLR0913 - click passes every option on its own
    alarm: str,
    *,
    stack: str,
    region: str | None,
    endpoint_url: str | None,
    by: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """End the silence of an alarm. If it is firing, you are notified now.

    \b
    Examples:
      bedrock-alerts silence end Throttling
      bedrock-alerts silence end Throttling --yes

    Exit status: 1 if the alarm is not silenced, 2 if it is not known.
    """  # noqa: D301 - \b is click's
    deployed = DeployedStack.open(stack, region, endpoint_url)
    notifier = DeployedNotifier.of(deployed)
    known = find(notifier, alarm)
    found = in_force(notifier, known.item)
    if found is None:
        raise CommandError(f"{known.name} is not silenced: see {deployed.ours('silence list')}")
    until = moment(found.until)[:16]
    what = (
        f"end the silence of {known.name}, silenced by {found.by} until {until} UTC:"
        f" {deployed.place}"
    )
    if not may_change(what, dry_run=dry_run, yes=yes):
        if as_json:
            _write_json(deployed, alarm=found.arn, is_dry_run=True)
        return 0
    end_silence(notifier, found.arn, by or name_of_caller(deployed))
    if as_json:
        _write_json(deployed, alarm=found.arn, is_silenced=False)
    else:
        click.echo(f"The silence of {known.name} has ended.", err=True)
    return 0


def _name(arn: str) -> str:
    return arn.rpartition(":alarm:")[2]


def _write_json(stack: DeployedStack, **found: Any) -> None:
    where = {"stack": stack.name, "account": stack.account, "region": stack.region}
    write(json.dumps({**where, **found}) + "\n")


def _print(notifier: DeployedNotifier, *found: SilenceInForce) -> None:
    Table(_COLUMNS).add(
        [
            (
                with_place(notifier, one.name, one.arn),
                moment(one.until)[:16],
                one.by,
                _WORSE[one.severity],
            )
            for one in found
        ]
    )
