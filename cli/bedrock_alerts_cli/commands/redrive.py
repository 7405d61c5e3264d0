"""`bedrock-alerts redrive`: count and send again what failed."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
from bedrock_alerts_cli.plurals import count
from bedrock_alerts_cli.progress import with_bar
from bedrock_alerts_cli.redriving.log_objects import Looked
from bedrock_alerts_cli.redriving.redriver import KINDS, QUEUES, Found, Redriver, Step
from bedrock_alerts_cli.terminal import Column, Table, until_cut_off, write
from bedrock_alerts_cli.user_errors import InputError

_ABOUT: Final[Mapping[str, tuple[str, str]]] = {
    "batches": ("failed batch", "failed batches"),
    "objects": ("dead letter about log objects", "dead letters about log objects"),
    "alerts": ("dead letter of alerts", "dead letters of alerts"),
    "deliveries": ("dead letter of deliveries", "dead letters of deliveries"),
    "log-objects": ("log object that was never counted", "log objects that were never counted"),
}
_COLUMNS: Final = (
    Column(title="what", style=lambda _: "bold"),
    Column(title="waiting", is_right=True),
    Column(title="oldest"),
    Column(title="newest", rank=1),
    Column(title="error", least=20, wraps=True),
)
_BAD: Final = ("failed", "left", "unclear")
# Why something was left is printed so often; the rest is counted.
_MOST_SHOWN: Final = 10


@click.command()
@click.argument("what", nargs=-1, type=click.Choice([*KINDS, "all"]))
@since_option("With log-objects: stored at or after this time.")
@until_option("With log-objects: stored before this time.")
@stack_options
@change_options
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, nothing else.")
def redrive(  # noqa: PLR0913 - click passes every option on its own
    what: tuple[str, ...],
    *,
    since: datetime | None,
    until: datetime | None,
    stack: str,
    region: str | None,
    endpoint_url: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """List what failed, and count or send it again.

    Without WHAT it only lists: failed log batches, and what is in the dead-letter queues. `all` is
    every kind but log-objects, which needs --from: objects of the log's bucket that the collector
    never counted.

    What was counted is not counted again, however often you run this or whatever interrupts it.

    \b
    Examples:
      bedrock-alerts redrive
      bedrock-alerts redrive batches --dry-run
      bedrock-alerts redrive all --yes
      bedrock-alerts redrive log-objects --from 2026-11-23T08:00 --dry-run

    Exit status: 1 if something waits or was left, 2 if an option is wrong or the stack cannot be
    read.
    """  # noqa: D301 - \b is click's
    kinds = _kinds(what)
    if ("log-objects" in kinds) != (since is not None):
        raise click.UsageError("log-objects and --from belong together: give both or neither")
    deployed = DeployedStack.open(stack, region, endpoint_url)
    redriver = Redriver(deployed)
    if since is not None:
        _refuse_without_bucket(deployed, redriver)
    asked, kinds = kinds, [kind for kind in kinds if redriver.has(kind)]
    if not kinds:
        raise InputError(f"{deployed.place} has none of these: {', '.join(asked)}")
    with until_cut_off():
        click.echo(redriver.place, err=True)
        looked = None
        if since is not None and "log-objects" in kinds:
            looked = redriver.looked(since, until or datetime.now(UTC))
        found = [
            _of_objects(looked) if looked else redriver.found(kind, read_all=dry_run)
            for kind in kinds
        ]
        waiting = [one for one in found if one.number]
        if what and not dry_run:
            redriver.move_old_claims()
        if not what or dry_run or not waiting:
            _say_found(found, looked, as_json=as_json)
            if what and waiting:
                may_change(_plan(waiting, redriver.place), dry_run=True, yes=False)
            elif waiting and not as_json:
                names = " ".join(one.kind for one in waiting)
                write(f"\nTry it: {deployed.ours(f'redrive {names} --dry-run')}\n")
            return 1 if waiting and not what else 0
        may_change(_plan(waiting, redriver.place), dry_run=False, yes=yes)
        outcomes = {
            one.kind: _done(
                one,
                redriver.redrive_log_objects(looked)
                if looked and one.kind == "log-objects"
                else redriver.redrive(one.kind),
            )
            for one in waiting
        }
        _say_done(outcomes, as_json=as_json)
    return 1 if any(counts[bad] for counts in outcomes.values() for bad in _BAD) else 0


def _refuse_without_bucket(deployed: DeployedStack, redriver: Redriver) -> None:
    if not redriver.has("log-objects"):
        group = deployed.outputs.get("InvocationLogGroupName")
        reads = f"reads log group {group}, not a bucket" if group else "reads no bucket"
        raise InputError(f"{deployed.place} {reads}: it has no log objects")


def _kinds(what: Sequence[str]) -> list[str]:
    usual = ("batches", *QUEUES)
    wanted = set(what) or {"all"}
    if "all" in wanted:
        wanted |= set(usual)
    return [kind for kind in KINDS if kind in wanted]


def _plan(waiting: Sequence[Found], place: str) -> str:
    parts = [count(one.number, *_ABOUT[one.kind]) for one in waiting]
    return f"redrive {', '.join(parts)} ({place})"


def _of_objects(looked: Looked) -> Found:
    times = sorted(one.at for one in looked.uncounted)
    return Found(
        "log-objects",
        len(looked.uncounted),
        times[0] if times else None,
        times[-1] if times else None,
        {"never counted": len(looked.uncounted)} if looked.uncounted else {},
    )


def _say_done(outcomes: Mapping[str, Counter[str]], *, as_json: bool) -> None:
    if as_json:
        write(json.dumps(outcomes) + "\n")
        return
    for kind, counts in outcomes.items():
        write(f"{kind}: {_in_words(kind, counts)}\n")


def _say_found(found: Sequence[Found], looked: Looked | None, *, as_json: bool) -> None:
    if as_json:
        write(json.dumps({one.kind: _document(one) for one in found}) + "\n")
        return
    Table(_COLUMNS).add([_row(one) for one in found])
    for one in found:
        if one.records is not None and one.number:
            write(f"{one.kind}: {count(one.records, 'line')} of the log\n")
    if looked is not None:
        known, never = looked.known_since, len(looked.uncounted)
        filled = f", {len(looked.filled):,} counted by a backfill" if looked.filled else ""
        write(
            f"log-objects: {looked.number:,} in that time, {never:,} never counted{filled}\n"
            + (
                f"Known since {known:%Y-%m-%d %H:%M} UTC; for what is older use backfill.\n"
                if known
                else "The collector's log has no line about an object: use backfill instead.\n"
            )
        )


def _row(one: Found) -> tuple[str, ...]:
    errors = sorted(one.errors.items(), key=lambda each: -each[1])
    shown = errors[0][0] if errors else ""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return (one.kind, f"{one.number:,}", _short(one.oldest), _short(one.newest), shown + more)


def _short(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else ""


def _document(one: Found) -> dict[str, Any]:
    return {
        "waiting": one.number,
        "oldest": one.oldest.isoformat() if one.oldest else None,
        "newest": one.newest.isoformat() if one.newest else None,
        "errors": dict(one.errors),
        "records": one.records,
    }


def _done(found: Found, steps: Iterator[Step]) -> Counter[str]:
    counts: Counter[str] = Counter()
    shown = 0
    numbered = ((1 if found.kind == "batches" else step.pieces, step) for step in steps)
    for step in with_bar(numbered, found.number, _ABOUT[found.kind][1]):
        outcome = step.outcome
        counts[outcome.verdict] += 1 if found.kind == "batches" else step.pieces
        if outcome.verdict == "counted" and found.kind == "batches":
            counts["lines"] += step.pieces
        if outcome.verdict in _BAD:
            shown += 1
            if shown <= _MOST_SHOWN:
                click.echo(f"{outcome.verdict}: {step.where}: {outcome.why}", err=True)
    if shown > _MOST_SHOWN:
        click.echo(f"… and {shown - _MOST_SHOWN:,} more", err=True)
    return counts


def _in_words(kind: str, counts: Counter[str]) -> str:
    words = {"counted": "sent back"} if kind in {"alerts", "deliveries"} else {}
    parts = [
        f"{number:,} {words.get(verdict, verdict)}"
        for verdict, number in counts.items()
        if verdict != "lines"
    ]
    lines = f"; {count(counts['lines'], 'line')} of the log" if counts["lines"] else ""
    return (", ".join(parts) or "nothing was waiting") + lines
