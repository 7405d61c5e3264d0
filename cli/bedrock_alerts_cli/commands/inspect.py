"""`bedrock-alerts inspect`: what the collector sees in each record."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import click
import msgspec

from bedrock_alerts.invocations.event_lines import report
from bedrock_alerts.invocations.identity import CallerDetail, Naming
from bedrock_alerts.invocations.invocation import (
    Cost,
    Hit,
    Invocation,
    Rejected,
    Skipped,
)
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.invocations.pricing import cost_of
from bedrock_alerts.invocations.profiles import is_opaque, resolved
from bedrock_alerts_cli.log_files import Block, Line, Sources, nothing_read
from bedrock_alerts_cli.money import exact_usd
from bedrock_alerts_cli.options import (
    caller_detail_option,
    prices,
    prices_option,
    profiles,
    profiles_option,
)
from bedrock_alerts_cli.parallel import in_order
from bedrock_alerts_cli.terminal import Column, Row, Table, moment, until_cut_off, watched, write
from bedrock_alerts_cli.user_errors import CommandError, InputError

_BESIDE_NAME: Final = re.compile(r"^[a-z0-9-]+\.(?=.)|-\d{8}(?=-v|$)|(?:-v1)?(?::\d+)?$")
_ROWS_HELD: Final = 200
_HITS_SHOWN: Final = 3
_SUMS_SHOWN: Final = 5
_STYLES: Final = {
    "ok": "green",
    "clean": "green",
    "detected": "yellow",
    "masked": "yellow",
    "blocked": "bold red",
    "unexplained": "magenta",
    "error": "red",
    "rejected": "bold red",
    "skipped": "dim",
}
_COLUMNS: Final = (
    Column(title="time (UTC)", is_whole=True, style=lambda _: "dim"),
    Column(title="outcome", style=lambda outcome: _STYLES.get(outcome, "")),
    Column(title="model", least=12),
    Column(title="principal", least=8),
    Column(title="in", is_right=True),
    Column(title="out", is_right=True),
    Column(title="cached", is_right=True, rank=1),
    Column(title="ms", is_right=True, rank=2),
    Column(title="cost", is_right=True),
    Column(title="findings", least=12, wraps=True),
)

_T = TypeVar("_T")
Examined: TypeAlias = tuple[Invocation, Cost] | Rejected | Skipped


class Tally(msgspec.Struct):
    """The sums of some records; money in pico-dollars, times in seconds since 1970."""

    records: int = 0
    verdicts: Counter[str] = msgspec.field(default_factory=Counter)
    errors: Counter[str] = msgspec.field(default_factory=Counter)
    tokens: Counter[str] = msgspec.field(default_factory=Counter)
    priced: Counter[str] = msgspec.field(default_factory=Counter)
    rejected: Counter[str] = msgspec.field(default_factory=Counter)
    skipped: Counter[str] = msgspec.field(default_factory=Counter)
    by_model: Counter[str] = msgspec.field(default_factory=Counter)
    by_caller: Counter[str] = msgspec.field(default_factory=Counter)
    model_picodollars: int = 0
    guardrail_picodollars: int = 0
    first: float | None = None
    last: float | None = None

    def count(self, examined: Examined) -> None:
        """Count one record or line."""
        if isinstance(examined, Rejected):
            self.rejected[examined.reason] += 1
        elif isinstance(examined, Skipped):
            self.skipped[examined.reason] += 1
        else:
            self._count_call(*examined)

    def _count_call(self, call: Invocation, cost: Cost) -> None:
        self.records += 1
        self.verdicts[call.guardrail.verdict] += 1
        if call.error_code:
            self.errors[call.error_code] += 1
        usage = call.usage
        self.tokens["in"] += usage.input_tokens
        self.tokens["out"] += usage.output_tokens
        self.tokens["read from the cache"] += usage.cache_read_tokens
        self.tokens["written to it"] += usage.cache_write_tokens
        self.priced[cost.priced] += 1
        self.model_picodollars += cost.model_picodollars or 0
        spent = (cost.model_picodollars or 0) + cost.guardrail_picodollars
        self.by_model[call.model] += spent
        self.by_caller[call.principal] += spent
        self.guardrail_picodollars += cost.guardrail_picodollars
        self._extend(call.epoch, call.epoch)

    def _extend(self, first: float, last: float) -> None:
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)

    def add(self, other: "Tally") -> None:
        """Add the counts of another process."""
        self.records += other.records
        counters = ("verdicts", "errors", "tokens", "priced", "rejected", "skipped")
        for name in (*counters, "by_model", "by_caller"):
            getattr(self, name).update(getattr(other, name))
        self.model_picodollars += other.model_picodollars
        self.guardrail_picodollars += other.guardrail_picodollars
        if other.first is not None and other.last is not None:
            self._extend(other.first, other.last)


class Reading(NamedTuple):
    """How records are read: the user's own prices, and the naming of callers."""

    overrides: bytes | None = None
    caller_detail: CallerDetail = "auto"
    listed: bytes | None = None


AS_IT_IS: Final = Reading()


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True), metavar="FILE…"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a record, nothing else.")
@caller_detail_option
@prices_option
@profiles_option
@click.pass_context
def inspect(
    ctx: click.Context,
    files: tuple[str, ...],
    *,
    as_json: bool,
    caller_detail: CallerDetail,
    overrides: bytes | None,
    listed: bytes | None,
) -> None:
    """Show what the collector sees in each record: caller, outcome, tokens, cost, guardrail.

    FILE is a log in any form: one record, an array, one record a line, CloudWatch's exports and
    deliveries, tables of Logs Insights, outputs of `aws logs` and `aws kinesis get-records`, lines
    of Fluent Bit and Vector, each also gzipped; a folder of such files; or - for standard input.
    Records are shown in order, including duplicates.

    \b
    Examples:
      bedrock-alerts inspect calls.json.gz
      bedrock-alerts inspect logs/ --json | jq 'select(.guardrail.verdict == "blocked")'

    Exit status: 1 if a line was rejected, 2 if no record was found or a file cannot be read.
    """  # noqa: D301 - \b is click's
    sources = Sources(files, note=lambda text: click.echo(text, err=True))
    with until_cut_off():
        show = _print_json if as_json else _print_table
        tally = show(sources, Reading(overrides, caller_detail, listed))
        if not tally.records:
            raise InputError(nothing_read(tally.skipped + tally.rejected))
        ctx.exit(1 if tally.rejected else 0)


def _print_json(sources: Sources, reading: Reading) -> Tally:
    tally = Tally()
    for lines, part in _results(partial(examine_as_json, reading=reading), sources):
        write(lines)
        tally.add(part)
    return tally


def _print_table(sources: Sources, reading: Reading) -> Tally:
    tally = Tally()
    # With a log piped in while it is written, every row is needed at once.
    table = Table(_COLUMNS, hold=0 if sources.is_live else _ROWS_HELD)
    try:
        for rows, part in _results(partial(examine_as_rows, reading=reading), sources):
            table.add(rows)
            tally.add(part)
    except CommandError:
        table.finish()  # readable records are shown
        raise
    table.finish()
    write("\n" * bool(tally.records) + "".join(f"{line}\n" for line in _summary(tally)))
    if tally.records:
        write(f"prices    the list of {prices(reading.overrides).dated}\n")
    return tally


def _results(
    work: Callable[[Block], tuple[_T, Tally]], sources: Sources
) -> Iterator[tuple[_T, Tally]]:
    # A progress bar and records on the same screen would disturb each other.
    shown = not sys.stdout.isatty()
    with closing(watched(in_order(work, sources.blocks()), sources, shown=shown)) as results:
        yield from results


def examine_as_json(block: Block, reading: Reading = AS_IT_IS) -> tuple[bytes, Tally]:
    """Examine a block; return the records as JSON lines."""
    tally = Tally()
    documents: list[dict[str, Any]] = []
    for examined in _examined(block, reading):
        tally.count(examined)
        if isinstance(examined, Rejected):
            documents.append({"rejected": examined.reason, "where": examined.where})
        elif isinstance(examined, Skipped):
            documents.append({"skipped": examined.reason, "where": examined.where})
        else:
            documents.append(report(*examined))
    return msgspec.json.Encoder().encode_lines(documents), tally


def examine_as_rows(block: Block, reading: Reading = AS_IT_IS) -> tuple[list[Row], Tally]:
    """Examine a block; return the records as rows of the table."""
    tally = Tally()
    rows: list[Row] = []
    for examined in _examined(block, reading):
        tally.count(examined)
        rows.append(_row(examined))
    return rows, tally


def _examined(block: Block, reading: Reading) -> Iterator[Examined]:
    known_prices, known = prices(reading.overrides), profiles(reading.listed)
    for entry in block.entries():
        outcome = (
            parse(
                entry.text,
                where=entry.where,
                logged_at=entry.logged_at,
                naming=Naming(reading.caller_detail),
            )
            if isinstance(entry, Line)
            else entry
        )
        if isinstance(outcome, Invocation):
            if known is not None and is_opaque(outcome):
                outcome = resolved(outcome, known)
            yield outcome, cost_of(outcome, known_prices)
        else:
            yield outcome


def _row(examined: Examined) -> Row:
    if isinstance(examined, Rejected | Skipped):
        word = "rejected" if isinstance(examined, Rejected) else "skipped"
        return ("", word, *[""] * 7, f"{examined.reason} at {examined.where}")
    call, cost = examined
    usage = call.usage
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    return (
        moment(call.epoch)[5:],  # the year is below the table
        _outcome(call),
        _short(call.model),
        call.principal,
        f"{usage.input_tokens:,}",
        f"{usage.output_tokens:,}",
        f"{cached:,}" if cached else "",
        "" if call.latency_ms is None else f"{call.latency_ms:,}",
        _price(cost),
        _findings(call),
    )


def _short(model: str) -> str:
    """Return a model without vendor, date, and a first version."""
    return _BESIDE_NAME.sub("", model) or model


def _outcome(call: Invocation) -> str:
    """Return the verdict if there is one: it says more than whether the call failed."""
    verdict = call.guardrail.verdict
    return call.status if verdict == "none" else verdict


def _price(cost: Cost) -> str:
    if cost.model_picodollars is None:
        return "?"
    mark = "~" if cost.priced == "approximate" else ""
    return f"{mark}{exact_usd(cost.model_picodollars)}"


def _findings(call: Invocation) -> str:
    found = [call.error_code] if call.error_code else []
    hits = Counter(map(_finding, call.guardrail.hits))
    shown = [f"{hit} x{times}" if times > 1 else hit for hit, times in hits.items()]
    found += shown[:_HITS_SHOWN]
    if len(shown) > _HITS_SHOWN:
        found.append(f"{len(shown) - _HITS_SHOWN} more")
    if call.guardrail.verdict == "unexplained":
        found.append("changed by a guardrail, no trace")
    if call.body == "offloaded":
        found.append("output kept in S3")
    return ", ".join(found)


def _finding(hit: Hit) -> str:
    return f"{hit.policy}/{hit.category} {hit.action} {hit.source}"


def _summary(tally: Tally) -> Iterator[str]:
    """Yield the summary below the table, one subject a line."""
    span = ""
    if tally.first is not None and tally.last is not None:
        span = f", {moment(tally.first)} to {moment(tally.last)} UTC"
    yield f"{tally.records:,} {'record' if tally.records == 1 else 'records'}{span}"
    if tally.records:
        yield f"verdicts  {_listed(tally.verdicts)}"
        if tally.errors:
            yield f"errors    {_listed(tally.errors)}"
        tokens = [f"{number:,} {what}" for what, number in tally.tokens.items() if number]
        yield f"tokens    {', '.join(tokens) or 'none'}"
        yield f"cost      {_total(tally)}"
        for name, spent in (("models", tally.by_model), ("callers", tally.by_caller)):
            if len(+spent) > 1:  # of those that cost something
                yield f"{name:<10}{_spent(spent)}"
    if tally.rejected:
        yield f"rejected  {_listed(tally.rejected)}"
    if tally.skipped:
        yield f"skipped   {_listed(tally.skipped)}"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.most_common())


def _spent(by: Counter[str]) -> str:
    """Return the most expensive names, guardrails included."""
    order = [(name, spent) for name, spent in by.most_common() if spent]
    parts = [f"{name} {exact_usd(spent)}" for name, spent in order[:_SUMS_SHOWN]]
    if rest := order[_SUMS_SHOWN:]:
        together = sum(spent for _, spent in rest)
        parts.append(f"{len(rest):,} more {exact_usd(together)}")
    return ", ".join(parts)


def _total(tally: Tally) -> str:
    parts = ["~" * bool(tally.priced["approximate"]) + exact_usd(tally.model_picodollars)]
    if tally.guardrail_picodollars:
        parts.append(f"guardrails {exact_usd(tally.guardrail_picodollars)}")
    if tally.priced["approximate"]:
        parts.append(f"{tally.priced['approximate']:,} priced approximately")
    if tally.priced["unpriced"]:
        parts.append(f"{tally.priced['unpriced']:,} unpriced and not in the sum")
    return ", ".join(parts)
