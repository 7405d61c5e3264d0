"""`bedrock-alerts stack-cost`: what the stack will cost a month, and which parameters change it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from bedrock_alerts.invocations.collector import CollectOptions
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts_cli.cost import rates
from bedrock_alerts_cli.cost.estimate import Estimate, Item, estimate
from bedrock_alerts_cli.cost.traffic import (
    Counts,
    Traffic,
    of_a_sample,
    of_counts,
    options_of,
)
from bedrock_alerts_cli.log_files import Sources, nothing_read
from bedrock_alerts_cli.options import Amount, parameter_option
from bedrock_alerts_cli.plurals import count
from bedrock_alerts_cli.project import TEMPLATE
from bedrock_alerts_cli.template.stack import Stack
from bedrock_alerts_cli.terminal import Column, Row, Table, until_cut_off, watched, write
from bedrock_alerts_cli.user_errors import InputError

_COLUMNS: Final = (
    Column(title="item", style=lambda item: "bold" if item == "together" else ""),
    Column(title="amount", is_right=True),
    Column(title="unit", style=lambda _: "dim", rank=2),
    Column(title="USD each", is_right=True, rank=1),
    Column(title="USD a month", is_right=True),
    Column(title="changed by", least=16, wraps=True, rank=3),
)
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_LONGEST: Final = 400 * _DAY  # beyond it, one wrong timestamp is likelier than so long a log
_DEFAULTS: Final = Counts(calls=0)


@click.command(name="stack-cost")
@click.argument("files", nargs=-1, type=click.Path(exists=True, allow_dash=True), metavar="[FILE…]")
@click.option(
    "--calls-per-month",
    "--calls",
    "calls",
    type=Amount(min=0),
    metavar="N",
    help="Model calls a month. With FILE: scale the log to this number, not by its time span.",
)
@click.option("--models", type=click.IntRange(1, 1000), default=_DEFAULTS.models, show_default=True)
@click.option(
    "--guardrails", type=click.IntRange(0, 1000), default=_DEFAULTS.guardrails, show_default=True
)
@click.option(
    "--findings",
    type=click.IntRange(0, 1000),
    default=_DEFAULTS.findings,
    show_default=True,
    help="Kinds of guardrail findings that occur (policy and category).",
)
@click.option(
    "--error-codes", type=click.IntRange(0, 1000), default=_DEFAULTS.error_codes, show_default=True
)
@click.option(
    "--principals",
    type=click.IntRange(0, 100_000),
    default=_DEFAULTS.principals,
    show_default=True,
    help="Callers that have guardrail findings.",
)
@click.option(
    "--applications",
    type=click.IntRange(0, 100_000),
    default=_DEFAULTS.applications,
    show_default=True,
    help="Values of the metadata key that names the application.",
)
@click.option(
    "--notable",
    type=Amount(0, 1),
    default=_DEFAULTS.notable,
    show_default=True,
    help="Share of calls with an error or a guardrail finding.",
)
@click.option(
    "--calls-per-batch",
    type=click.IntRange(1, 10_000),
    default=10,
    show_default=True,
    help="Records that CloudWatch Logs delivers together.",
)
@click.option(
    "--alerts",
    type=Amount(min=0),
    default=100,
    show_default=True,
    help="Alarms that fire in a month.",
)
@click.option("--free-tier", is_flag=True, help="Subtract the always-free tier.")
@parameter_option
@click.option(
    "--template",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=TEMPLATE,
    help="Template whose alarms are counted. Default: the one of this project.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, nothing else.")
def stack_cost(  # noqa: PLR0913 - click passes every option on its own
    files: tuple[str, ...],
    *,
    calls: float | None,
    calls_per_batch: int,
    alerts: float,
    free_tier: bool,
    parameters: dict[str, str],
    template: Path,
    as_json: bool,
    **counts: Any,
) -> None:
    """Estimate what the stack costs a month, line by line.

    Give FILE, a sample of your log in any form that `inspect` reads, or --calls and what else you
    know of your traffic. A log is scaled to a month by its time span, so a log of whole days gives
    a better estimate than a busy hour.

    List prices of us-east-1. Bedrock's charges for the calls are not included.

    \b
    Examples:
      bedrock-alerts stack-cost calls.json.gz
      bedrock-alerts stack-cost --calls 1000000 --parameter AlarmSet=all
    """  # noqa: D301 - \b is click's
    if not files and calls is None:
        raise click.UsageError("Give a log FILE, or --calls.")
    stack = Stack.read(template, parameters)
    key = stack.parameter("ApplicationMetadataKey")
    if counts["applications"] and not key and not files:
        raise click.UsageError(
            "--applications needs --parameter ApplicationMetadataKey=KEY; without it they are not"
            " counted."
        )
    options = options_of(
        stack.parameter("PrincipalMetrics") or "none",
        key if files else "application" * bool(counts["applications"]),
        stack.parameter("EventLines"),
        stack.parameter("AlarmSet") or "all",
    )
    with until_cut_off():
        traffic = (
            _sampled(files, options, calls_per_batch, calls)
            if files
            else of_counts(
                Counts(calls=calls or 0, **counts),
                Prices.load(),
                options,
                calls_per_batch=calls_per_batch,
            )
        )
        bill = estimate(stack, traffic, alerts=alerts, free_tier=free_tier)
        if as_json:
            write(msgspec.json.encode(_document(bill, traffic, free_tier=free_tier)) + b"\n")
        else:
            _print(bill, traffic, free_tier=free_tier, is_scaled=calls is not None)


def _sampled(
    files: tuple[str, ...], options: CollectOptions, calls_per_batch: int, calls: float | None
) -> Traffic:
    sources = Sources(files, note=lambda text: click.echo(text, err=True))
    with closing(watched(sources.entries(), sources, shown=True)) as entries:
        traffic = of_a_sample(
            entries,
            Prices.load(),
            options,
            calls_per_batch=calls_per_batch,
            calls_a_month=calls,
        )
    if traffic is None:
        raise InputError(nothing_read(sources.lines))
    return traffic


def _document(bill: Estimate, traffic: Traffic, *, free_tier: bool) -> dict[str, Any]:
    return {
        "currency": "USD",
        "prices": {"region": rates.REGION, "dated": rates.DATED, "free_tier": free_tier},
        "total_usd": bill.total_usd,
        "items": bill.items,
        "beside": bill.beside,
        "traffic": traffic,
    }


def _print(bill: Estimate, traffic: Traffic, *, free_tier: bool, is_scaled: bool) -> None:
    Table(_COLUMNS).add(
        [
            *(_row(item) for item in bill.items if item.amount),
            ("together", "", "", "", f"{bill.total_usd:,.2f}", ""),
        ]
    )
    notes = _notes(bill, traffic, free_tier=free_tier, is_scaled=is_scaled)
    write("\n" + "".join(f"{line}\n" for line in notes))


def _row(item: Item) -> Row:
    return (
        item.item,
        _amount(item.amount),
        item.unit,
        f"{item.unit_usd:.10f}".rstrip("0").rstrip("."),
        _dollars(item.usd),
        ", ".join(item.switches),
    )


def _dollars(value: float) -> str:
    return "<0.01" if 0 < value < 0.005 else f"{value:,.2f}"  # noqa: PLR2004 - half a cent


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.2f}"  # noqa: PLR2004


def _notes(bill: Estimate, traffic: Traffic, *, free_tier: bool, is_scaled: bool) -> Iterator[str]:
    yield (
        f"{count(round(traffic.calls), 'call')} a month; "
        f"list prices of {rates.REGION}, {rates.DATED}, "
        + ("free tier taken off" if free_tier else "no free tier")
    )
    span = traffic.span_seconds
    if span is not None:
        odd = "short" if span < _DAY else "long" if span > _LONGEST else None
        advice = f": too {odd} to estimate a month; give --calls-per-month" if odd else ""
        yield f"the log spans {_span(span)}{'' if is_scaled else advice}"
    for item in bill.items:
        if item.note and item.amount:
            yield f"{item.item}: {item.note}"
    for item in bill.beside:
        yield (
            f"not in the sum: {item.item}, {_amount(item.amount)} {item.unit}, "
            f"{item.usd:,.2f} USD a month, with or without this stack"
        )


def _span(seconds: float) -> str:
    if seconds < 2 * _HOUR:
        return count(round(seconds / 60), "minute")
    return (
        f"{seconds / _HOUR:,.1f} hours" if seconds < 48 * _HOUR else f"{seconds / 86400:,.1f} days"
    )
