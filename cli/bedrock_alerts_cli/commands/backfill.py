"""`bedrock-alerts backfill`: metrics for hours that were not counted, out of the log."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click

from bedrock_alerts_cli.deployed.deployed_stack import (
    DeployedStack,
    change_options,
    may_change,
    stack_options,
)
from bedrock_alerts_cli.options import since_option, until_option
from bedrock_alerts_cli.progress import with_bar
from bedrock_alerts_cli.terminal import Column, Table, until_cut_off, write
from bedrock_alerts_cli.user_errors import CommandError

_HOUR: Final = 3600.0
_COLUMNS: Final = (
    Column(title="hour (UTC)", style=lambda _: "bold"),
    Column(title="in the log", is_right=True),
    Column(title="counted", is_right=True),
    Column(title="to fill", is_right=True),
    Column(title="", least=16, wraps=True),
)
_WHY: Final = {
    "fill": "",
    "in part": "only minutes without data",
    "counted": "has data: see --all-hours",
    "no calls": "",
    "filled": "was filled before",
    "too old": "older than two weeks",
    "too new": "may still be counted",
}


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, allow_dash=True), metavar="[FILE…]")
@since_option("The first hour.", required=True)
@until_option("The end: the first hour that is not filled.  [default: now]")
@click.option("--all-hours", is_flag=True, help="Fill also minutes without data in other hours.")
@click.option(
    "--min-age",
    type=click.FloatRange(min=1),
    metavar="HOURS",
    help=(
        "Leave what is younger: AWS still tries to count it.  [default: 7, or 25 if the stack"
        " reads a bucket or a stream]"
    ),
)
@stack_options
@change_options
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, nothing else.")
def backfill(  # noqa: PLR0913 - click passes every option on its own
    files: tuple[str, ...],
    *,
    since: datetime,
    until: datetime | None,
    all_hours: bool,
    min_age: float | None,
    stack: str,
    region: str | None,
    endpoint_url: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Fill hours that have no metrics with what the log says about them.

    The log is read from where the stack reads it, or from FILE, in any form that `inspect` reads.
    It is counted by the collector's own code with the stack's settings. A table shows what each
    hour has; only hours without data are filled, and each only once.

    CloudWatch takes metrics that are up to two weeks old. What is older than a day can take two
    days until CloudWatch shows it. Alarms do not look back: nothing fires because of it.

    \b
    Examples:
      bedrock-alerts backfill --from 2026-11-23T08 --to 2026-11-23T12 --dry-run
      bedrock-alerts backfill --from 2026-11-23 --all-hours
      bedrock-alerts backfill logs/ --from 2026-11-23 --to 2026-11-24 --yes

    Exit status: 1 if something prevents it, 2 if an option is wrong or nothing can be read.
    """  # noqa: D301 - \b is click's
    from bedrock_alerts_cli.backfilling.backfiller import Backfiller  # noqa: PLC0415 - boto3 is slow
    from bedrock_alerts_cli.backfilling.hours import OLDEST, Limits  # noqa: PLC0415
    from bedrock_alerts_cli.redriving.redriver import Redriver  # noqa: PLC0415

    now = time.time()
    end = until or datetime.fromtimestamp(now, UTC)
    if end <= since:
        raise click.UsageError("--to must be later than --from")
    oldest = now - OLDEST.total_seconds()
    if end.timestamp() <= oldest:
        raise CommandError(
            "CloudWatch takes no metrics older than two weeks: nothing of this time can be filled."
            " `bedrock-alerts metrics` shows them"
        )
    opened = DeployedStack.open(stack, region, endpoint_url)
    backfiller = Backfiller(opened)
    hours_left = backfiller.tried_hours if min_age is None else min_age
    limits = Limits(oldest, now - hours_left * _HOUR, all_hours)
    with until_cut_off():
        click.echo(backfiller.place, err=True)
        hours = backfiller.look(files, since, end, limits)
        wanted = [hour for hour in hours if hour.is_filled]
        if not as_json:
            _print(hours)
        if wanted:
            redriver = Redriver(opened, backfiller.clock)
            backfiller.refuse_if_something_waits(redriver.why_unclear)
            what = f"fill {_hours(len(wanted))} of metrics ({backfiller.place})"
            if may_change(what, dry_run=dry_run, yes=yes):
                steps = ((1, step) for step in backfiller.fill(wanted))
                for _ in with_bar(steps, len(wanted), "filling hours"):
                    pass
        else:
            click.echo("Nothing is to be filled.", err=True)
        if as_json:
            write(json.dumps(_document(hours, is_done=bool(wanted) and not dry_run)) + "\n")
        elif wanted and not dry_run:
            write(f"Filled {_hours(len(wanted))}. CloudWatch may take two days to show them.\n")
    return 0


def _hours(number: int) -> str:
    return "1 hour" if number == 1 else f"{number:,} hours"


def _print(hours: Sequence[Any]) -> None:
    from bedrock_alerts_cli.backfilling.hours import moment  # noqa: PLC0415

    rows = [
        (
            moment(hour.at),
            f"{hour.logged:,}",
            f"{hour.counted:,}",
            f"{len(hour.minutes)} min" if hour.minutes else "",
            _WHY[hour.state],
        )
        for hour in hours
        if hour.logged or hour.counted or hour.state == "filled"
    ]
    Table(_COLUMNS).add(rows)
    quiet = len(hours) - len(rows)
    if quiet:
        write(f"{_hours(quiet)} without calls\n")


def _document(hours: Sequence[Any], *, is_done: bool) -> dict[str, Any]:
    return {
        "filled": is_done,
        "hours": [
            {
                "hour": datetime.fromtimestamp(hour.at, UTC).isoformat(),
                "logged": hour.logged,
                "counted": hour.counted,
                "minutes": len(hour.minutes),
                "state": hour.state,
            }
            for hour in hours
        ],
    }
