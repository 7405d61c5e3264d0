"""`bedrock-alerts replay`: an exported log, played into a stack's invocation log."""

import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import click

from bedrock_alerts.invocations.invocation import Invocation
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts_cli.deployed.deployed_stack import (
    DeployedStack,
    change_options,
    may_change,
    said_plainly,
    trial_stack_options,
)
from bedrock_alerts_cli.deployed.log_writer import Event, LogStream, batches
from bedrock_alerts_cli.log_files import Entry, Line, Sources, nothing_read
from bedrock_alerts_cli.options import Amount
from bedrock_alerts_cli.plurals import count
from bedrock_alerts_cli.progress import with_bar
from bedrock_alerts_cli.replaying.moved_log import MovedLog
from bedrock_alerts_cli.terminal import until_cut_off, write
from bedrock_alerts_cli.user_errors import InputError

_SECONDS_TO_ANSWER = 30.0


@click.command()
@click.argument(
    "log", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True), metavar="LOG…"
)
@click.option(
    "--speed",
    type=Amount(min=0),
    default=1.0,
    show_default=True,
    metavar="N",
    help="So many times as fast as it happened; 0 is at once, with the gaps kept and the end now.",
)
@trial_stack_options
@change_options
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON, nothing else.")
def replay(  # noqa: PLR0913 - click passes every option on its own
    log: tuple[str, ...],
    *,
    speed: float,
    stack: str,
    region: str | None,
    endpoint_url: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Play an exported log into a stack's invocation log group, with its times moved to now.

    LOG is what `inspect` reads: a log in any form, a folder of logs, or - for standard input. It
    goes into its own log stream. The stack counts it like real calls: alarms may fire, people may
    be notified, and costs and counts of now include it.

    \b
    Examples:
      bedrock-alerts replay incident.json.gz --stack bedrock-alerts-test --dry-run
      bedrock-alerts replay incident.json.gz --stack bedrock-alerts-test --speed 10
      bedrock-alerts replay logs/ --stack bedrock-alerts-test --speed 0 --yes

    Exit status: 1 if AWS refuses, 2 if nothing can be read or the stack reads no log group.
    """  # noqa: D301 - \b is click's
    deployed = DeployedStack.open(stack, region, endpoint_url)
    click.echo(deployed.place, err=True)
    group = deployed.outputs.get("InvocationLogGroupName")
    if not group:
        raise InputError(f"{deployed.place} reads no log group: replay into a stack that does")
    read = _Read(Sources(log, note=lambda text: click.echo(text, err=True)).entries())
    moved = MovedLog(read)
    if not read.calls:
        raise InputError(nothing_read(read.others))
    lasts = f"in about {_span(moved.span / speed)}" if speed else "at once"
    others = len(moved) - read.calls
    also = f" and {count(others, 'other line')}" if others else ""
    what = (
        f"write {count(read.calls, 'call')}{also}"
        f" {lasts} into log group {group} ({deployed.place}); alarms may fire and people may be"
        " notified"
    )
    events = _batched(moved.at_speed(speed)) if speed else batches(moved.at_once(time.time()))
    if not may_change(what, dry_run=dry_run, yes=yes):
        if as_json:
            write(json.dumps({"group": group, "stream": None, "events": len(moved)}) + "\n")
        return 0
    stream = LogStream(
        deployed.client("logs", _SECONDS_TO_ANSWER),
        group,
        f"bedrock-alerts-replay/{datetime.now(UTC):%Y-%m-%dT%H-%M-%S-%f}",
    )
    with until_cut_off():
        started = time.monotonic()
        written = 0
        with said_plainly(f"log group {group}"):
            stream.create()
            for number in with_bar(_put(stream, events), len(moved), "lines written"):
                written += number
        seconds = time.monotonic() - started
        if as_json:
            document = {
                "group": group,
                "stream": stream.name,
                "events": written,
                "left_out": moved.left_out,
                "seconds": round(seconds, 1),
            }
            write(json.dumps(document) + "\n")
        else:
            left = f", {count(moved.left_out, 'line')} left out" if moved.left_out else ""
            write(f"Wrote {count(written, 'line')} to {stream.name} in {_span(seconds)}{left}.\n")
    return 0


class _Read:
    """Entries of a log, which counts those that are calls, and the others."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = entries
        self.calls = self.others = 0

    def __iter__(self) -> Iterator[Entry]:
        for entry in self._entries:
            is_call = isinstance(entry, Line) and isinstance(parse(entry.text), Invocation)
            self.calls += is_call
            self.others += not is_call
            yield entry


def _batched(due: Iterator[tuple[Event, ...]]) -> Iterator[tuple[Event, ...]]:
    for events in due:
        yield from batches(events)


def _put(stream: LogStream, events: Iterator[tuple[Event, ...]]) -> Iterator[tuple[int, int]]:
    for batch in events:
        stream.put(batch)
        yield len(batch), len(batch)


def _span(seconds: float) -> str:
    if seconds < 90:  # noqa: PLR2004 - one and a half minutes
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"  # noqa: PLR2004
