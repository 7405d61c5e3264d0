"""`bedrock-alerts incidents`: who was notified of what; send again, close by hand."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

import click

from bedrock_alerts.alerts.formatting import lasting
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts_cli.command_groups import ListsByDefault
from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier, checked_channels
from bedrock_alerts_cli.deployed.deployed_stack import (
    DeployedStack,
    change_options,
    may_change,
    stack_options,
)
from bedrock_alerts_cli.deployed.incident_changes import close as close_by_hand
from bedrock_alerts_cli.deployed.incident_changes import lacking
from bedrock_alerts_cli.deployed.incident_changes import resend as send_again
from bedrock_alerts_cli.deployed.known_alarms import described, find, known_alarms, with_place
from bedrock_alerts_cli.deployed.standings import (
    ChannelStanding,
    IncidentStanding,
    stamped,
    standings,
)
from bedrock_alerts_cli.deployed.who_runs import name_of_caller
from bedrock_alerts_cli.terminal import Column, Row, Table, moment, until_cut_off, write
from bedrock_alerts_cli.user_errors import CommandError, InputError

_STYLES: Final = {"firing": "bold red", "no data": "yellow", "resolved": "green"}
_BAD: Final = ("refused", "given up", "nothing yet")
_TRANSITIONS: Final = 8


def _style(text: str) -> str:
    if text.startswith(_BAD):
        return "red"
    return next((style for word, style in _STYLES.items() if text.startswith(word)), "")


_LIST: Final = (
    Column(title="alarm", least=14, wraps=True, style=lambda _: "bold"),
    Column(title="no.", is_right=True),
    Column(title="state", style=_style),
    Column(title="channel"),
    Column(title="shows", style=_style),
    Column(title="notified", rank=1),
)
_CHANNELS: Final = (
    Column(title="channel", style=lambda _: "bold"),
    Column(title="shows", style=_style),
    Column(title="notified (UTC)"),
    Column(title="still lacks", least=12, wraps=True),
    Column(title="last failure", least=16, wraps=True),
)
_EARLIER: Final = (
    Column(title="no.", is_right=True),
    Column(title="from (UTC)"),
    Column(title="to (UTC)"),
    Column(title="end"),
)
_json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print the outcome as JSON, nothing else."
)
_by_option: Final = click.option(
    "--by", metavar="NAME", help="Who does it.  [default: your name in AWS]"
)
_wait_option: Final = click.option(
    "--wait",
    type=click.FloatRange(0, 840),
    default=180,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the channels, which are notified within two minutes or so.",
)


@click.group(cls=ListsByDefault)
def incidents() -> None:
    """Incidents: who was notified of what, when, and on which channel.

    Without a command, the open ones are listed. ALARM is a name with or without the stack's, an
    ARN, NAME#NUMBER for one incident of an alarm, or the number of an open one. A number counts
    the incidents of one alarm.

    \b
    Examples:
      bedrock-alerts incidents
      bedrock-alerts incidents show Throttling
      bedrock-alerts incidents resend Throttling --channel slack
      bedrock-alerts incidents close Throttling
    """  # noqa: D301 - \b is click's


@incidents.command(name="list")
@stack_options
@click.option("--all", "with_closed", is_flag=True, help="Closed incidents and notices too.")
@_json_option
def list_(
    *,
    stack: str,
    region: str | None,
    endpoint_url: str | None,
    with_closed: bool,
    as_json: bool,
) -> None:
    """List the open incidents, and what each channel shows of them.

    Of a closed incident, the channels are known as long as they were not notified of a later one.

    \b
    Examples:
      bedrock-alerts incidents list
      bedrock-alerts incidents list --all --json
    """  # noqa: D301 - \b is click's
    deployed, notifier = _opened(stack, region, endpoint_url)
    found = [
        one
        for item in known_alarms(notifier)
        for one in standings(notifier, item, with_closed=with_closed)
    ]
    found.sort(key=lambda one: (not one.is_open, -(one.since or 0.0)))
    with until_cut_off():
        if as_json:
            _write_json(deployed, incidents=[one.document() for one in found])
        elif found:
            Table(_LIST).add([row for one in found for row in _rows(notifier, one)])
        else:
            click.echo(f"{deployed.place}: no incident is open.", err=True)


@incidents.command()
@click.argument("alarm")
@stack_options
@_json_option
def show(
    alarm: str, *, stack: str, region: str | None, endpoint_url: str | None, as_json: bool
) -> None:
    """Show one incident: its alarm, what each channel shows and lacks, and what was before.

    \b
    Examples:
      bedrock-alerts incidents show Throttling
      bedrock-alerts incidents show Throttling#3 --json

    Exit status: 2 if the alarm is not known.
    """  # noqa: D301 - \b is click's
    deployed, notifier = _opened(stack, region, endpoint_url)
    known = find(notifier, alarm)
    found = list(standings(notifier, known.item, with_closed=True))
    chosen = [one for one in found if known.number in (0, one.number)]
    if not chosen:
        numbers = ", ".join(str(one.number) for one in found) or "none"
        raise InputError(f"{known.name} has no incident {known.number or ''}: it has {numbers}")
    with until_cut_off():
        if as_json:
            item = known.item
            _write_json(
                deployed,
                **chosen[0].document(),
                transitions=[
                    {"at": stamped(change.at), "state": change.state} for change in item.transitions
                ],
                earlier=[one.document() for one in found if one is not chosen[0]],
            )
        else:
            _print(known.item, chosen[0], [one for one in found if one is not chosen[0]])


@incidents.command()
@click.argument("alarm")
@stack_options
@click.option("--channel", metavar="CHANNEL", help="Only this channel.  [default: every one]")
@_by_option
@_wait_option
@change_options
@_json_option
def resend(  # noqa: PLR0913 - click passes every option on its own
    alarm: str,
    *,
    stack: str,
    region: str | None,
    endpoint_url: str | None,
    channel: str | None,
    by: str | None,
    wait: float,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Send what a channel lacks now, also where it was given up.

    What a channel shows already is not repeated. A group of alarms keeps to its pace.

    \b
    Examples:
      bedrock-alerts incidents resend Throttling
      bedrock-alerts incidents resend Throttling --channel slack --yes

    Exit status: 1 if a channel still lacks something, 2 if the alarm is not known.
    """  # noqa: D301 - \b is click's
    deployed, notifier = _opened(stack, region, endpoint_url)
    known = find(notifier, alarm)
    if channel is not None:
        (channel,) = checked_channels(notifier, [channel])
    missing = lacking(notifier, known.item, channel)
    if not missing:
        click.echo(f"{known.name}: no channel lacks anything, so nothing is sent.", err=True)
        if as_json:
            _write_json(deployed, alarm=known.item.arn, channels=[])
        return 0
    what = ", ".join(f"{one.channel} ({one.lacks or 'given up'})" for one in missing)
    if not may_change(
        f"send {known.name} again to {what}: {deployed.place}", dry_run=dry_run, yes=yes
    ):
        if as_json:
            channels = [one.document() for one in missing]
            _write_json(deployed, alarm=known.item.arn, is_dry_run=True, channels=channels)
        return 0
    by = by or name_of_caller(deployed)
    after = send_again(notifier, known.item.arn, by, channel, wait, _note)
    _print_after(deployed, known.item, after, as_json=as_json)
    if any(one.is_given_up for one in missing):
        click.echo(
            f"Its message is still a dead letter: {deployed.ours('redrive deliveries')}", err=True
        )
    return 1 if any(one.lacks or one.problem for one in after) else 0


@incidents.command()
@click.argument("alarm")
@stack_options
@_by_option
@_wait_option
@change_options
@_json_option
def close(  # noqa: PLR0913 - click passes every option on its own
    alarm: str,
    *,
    stack: str,
    region: str | None,
    endpoint_url: str | None,
    by: str | None,
    wait: float,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Close an incident whose alarm is gone, or whose end was never reported.

    Each channel that was notified of the incident is notified that you closed it. An incident
    whose alarm is in ALARM is not closed: silence the alarm instead.

    \b
    Examples:
      bedrock-alerts incidents close Throttling
      bedrock-alerts incidents close Throttling --by "Alex Doe" --yes

    Exit status: 1 if it cannot be closed, or a channel refuses the message, 2 if the alarm is not
    known.
    """  # noqa: D301 - \b is click's
    deployed, notifier = _opened(stack, region, endpoint_url)
    known = find(notifier, alarm)
    item, incident = known.item, known.item.incident
    if incident is None or known.number not in (0, incident.number):
        raise CommandError(
            f"{known.name} has no such open incident: see {deployed.ours('incidents')}"
        )
    _refuse_what_fires(deployed, notifier, item)
    notified = [view for view in item.views.items() if view[1].shown or view[1].sending]
    to = ", ".join(channel for channel, _ in notified)
    then = f"which notifies {to}" if to else "of which no channel was notified"
    what = f"close incident {incident.number} of {known.name}, {then}"
    if not may_change(f"{what}: {deployed.place}", dry_run=dry_run, yes=yes):
        if as_json:
            _write_json(deployed, alarm=item.arn, number=incident.number, is_dry_run=True)
        return 0
    by = by or name_of_caller(deployed)
    closed = close_by_hand(notifier, item.arn, incident.number, by, wait, _note)
    channels = [one for one in closed.channels if one.shows]
    _print_after(deployed, item, channels, as_json=as_json, closed_by=closed.closed_by)
    late = [one for one in channels if one.shows != "resolved"]
    if any(not one.problem for one in late):
        show = deployed.ours(f"incidents show {known.name}#{incident.number}")
        click.echo(f"A channel is not notified yet. It will be; to look again: {show}", err=True)
    return 1 if any(one.problem for one in late) else 0


# ---- what the commands share ---------------------------------------------------------------------


def _opened(
    stack: str, region: str | None, endpoint_url: str | None
) -> tuple[DeployedStack, DeployedNotifier]:
    deployed = DeployedStack.open(stack, region, endpoint_url)
    return deployed, DeployedNotifier.of(deployed)


def _refuse_what_fires(stack: DeployedStack, notifier: DeployedNotifier, item: AlarmItem) -> None:
    if not item.arn.startswith(notifier.alarms):
        return  # of another account or Region: it cannot be asked
    name = item.arn.removeprefix(notifier.alarms)
    alarm = described(stack, name)
    if alarm is not None and alarm["StateValue"] == "ALARM":
        raise CommandError(
            f"CloudWatch says that {name} is in ALARM, so its incident is not closed: run"
            f" {stack.ours(f'silence add {name} --for 2h')}"
        )


def _note(text: str) -> None:
    click.echo(text, err=True)


def _write_json(stack: DeployedStack, **found: Any) -> None:
    where = {"stack": stack.name, "account": stack.account, "region": stack.region}
    write(json.dumps({**where, **found}) + "\n")


def _print_after(
    stack: DeployedStack,
    item: AlarmItem,
    channels: Sequence[ChannelStanding],
    *,
    as_json: bool,
    **more: Any,
) -> None:
    with until_cut_off():
        if as_json:
            found = [one.document() for one in channels]
            _write_json(stack, alarm=item.arn, **more, channels=found)
        elif channels:
            Table(_CHANNELS).add([_channel_row(one, is_open=True) for one in channels])


def _rows(notifier: DeployedNotifier, one: IncidentStanding) -> Iterator[Row]:
    """Yield a row for each channel of an incident; the first one names it."""
    name = with_place(notifier, one.name, one.arn)
    name = f"{name} (test)" if one.is_test else name
    first = (name, str(one.number or ""), _state(notifier, one))
    for channel in one.channels:
        yield (
            *first,
            channel.channel,
            _shows(channel, is_open=one.is_open),
            moment(channel.at)[5:16] if channel.at else "",
        )
        first = ("", "", "")
    if not one.channels:
        yield (*first, "no one" if one.is_open else "", "", "")


def _state(notifier: DeployedNotifier, one: IncidentStanding) -> str:
    silenced = ", silenced" if one.silenced_by else ""
    if one.since is None or one.state == "notice":
        return one.state + silenced
    if one.ended_at is not None:
        return f"{one.state}, lasted {_lasted(one.since, one.ended_at)}"
    opened = "" if one.state == "firing" else ", open"
    return f"{one.state}{opened} {_lasted(one.since, notifier.clock())}{silenced}"


def _lasted(start: float, end: float) -> str:
    return lasting(timedelta(seconds=end - start))


def _shows(one: ChannelStanding, *, is_open: bool) -> str:
    if one.is_given_up:
        return "given up"
    if one.problem:
        return "refused"
    return one.shows or ("nothing yet" if is_open or one.lacks else "nothing")


def _channel_row(one: ChannelStanding, *, is_open: bool) -> Row:
    due = f" at {moment(one.due)[11:16]}" if one.due else ""
    lacks = f"next look{due}" if due else ""
    if one.lacks:
        tried = f", next try{due}" if due else ""
        lacks = f"{one.lacks.replace('_', ' ')}{tried}"
    at = moment(one.at)[:16] if one.at else ""
    return (one.channel, _shows(one, is_open=is_open), at, lacks, one.problem)


def _print(item: AlarmItem, one: IncidentStanding, earlier: list[IncidentStanding]) -> None:
    number = f" #{one.number}" if one.number else ""
    write(f"{one.name}{number}: {_state_in_words(one)}{' (a test)' if one.is_test else ''}\n")
    facts = {
        "ARN": one.arn,
        "severity": one.severity,
        "closed by": one.closed_by,
        "acknowledged by": one.acknowledged_by,
        "silenced by": one.silenced_by
        and f"{one.silenced_by} until {moment(one.silenced_until or 0)[:16]} UTC",
        "suppressed": (item.suppressed_by or "yes") if one.is_suppressed else "",
        "reason": item.latest.reason if item.latest else "",
        "note": item.note,
    }
    write("".join(f"  {label}: {text}\n" for label, text in facts.items() if text))
    write("\n")
    if one.channels:
        Table(_CHANNELS).add(
            [_channel_row(channel, is_open=one.is_open) for channel in one.channels]
        )
    else:
        write("No channel was notified: the routes send it to none.\n")
    if item.transitions:
        changes = item.transitions[-_TRANSITIONS:]
        write("\nLast changes (UTC):\n")
        write("".join(f"  {moment(change.at)}  {change.state}\n" for change in changes))
    if earlier:
        write("\nOther incidents of this alarm:\n")
        Table(_EARLIER).add([_earlier_row(found) for found in earlier])


def _state_in_words(one: IncidentStanding) -> str:
    """Return `firing since 16:27 UTC`, or when it was resolved and how long it fired."""
    if one.since is None or one.state == "notice":
        return f"notice of {moment(one.since)[:16]} UTC" if one.since else one.state
    start = moment(one.since)[:16]
    if one.ended_at is None:
        return f"{one.state}{' since' if one.state == 'firing' else ', fired at'} {start} UTC"
    end = moment(one.ended_at)[:16]
    day = len("2026-11-23 ") if end[:10] == start[:10] else 0
    lasted = _lasted(one.since, one.ended_at)
    return f"{one.state} at {end} UTC, fired {start[day:]} to {end[day:]} ({lasted})"


def _earlier_row(one: IncidentStanding) -> Row:
    start = moment(one.since)[:16] if one.since else "not known"
    end = moment(one.ended_at)[:16] if one.ended_at else ""
    how = f"closed by {one.closed_by}" if one.closed_by else one.state
    return (str(one.number), start, end, how)
