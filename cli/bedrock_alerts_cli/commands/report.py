"""`bedrock-alerts report`: who spent what, and who was blocked."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from bedrock_alerts.invocations.identity import CallerDetail, Naming
from bedrock_alerts.invocations.usage_book import Book, Key
from bedrock_alerts.invocations.usage_lines import Used
from bedrock_alerts.weekly.week import Week
from bedrock_alerts.weekly.week_page import page
from bedrock_alerts.weekly.week_tables import details, in_a_line, tables, totals
from bedrock_alerts_cli.log_files import Sources, nothing_read
from bedrock_alerts_cli.money import usd
from bedrock_alerts_cli.options import (
    caller_detail_option,
    endpoint_option,
    prices,
    prices_option,
    profiles_option,
)
from bedrock_alerts_cli.parallel import in_order
from bedrock_alerts_cli.plurals import count
from bedrock_alerts_cli.terminal import Column, Row, Table, until_cut_off, watched, write
from bedrock_alerts_cli.usage_report.book_of_files import Reading, bound, read_block
from bedrock_alerts_cli.usage_report.usage_page import render
from bedrock_alerts_cli.user_errors import InputError
from bedrock_alerts_cli.user_files import refuse_without_folder, write_page

_BY: Final[dict[str, Callable[[Key], str]]] = {
    "caller": lambda key: key.caller,
    "application": lambda key: key.application,
    "model": lambda key: key.model,
    "day": lambda key: key.day,
}
# A spreadsheet reads text that begins like this as a formula, and callers choose their names.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, allow_dash=True), metavar="[FILE…]")
@click.option("--stack", metavar="NAME", help="Query a deployed stack instead of files.")
@click.option(
    "--days",
    type=click.IntRange(1, 365),
    default=7,
    show_default=True,
    help="With --stack: how many days back.",
)
@click.option("--region", help="With --stack: its Region. Default: that of your AWS settings.")
@endpoint_option("With --stack: endpoint URL instead of AWS, such as the local stack's.")
@click.option(
    "--by",
    type=click.Choice([*_BY, "policy"]),
    multiple=True,
    help="Group by this; may be given several times. Default: caller and model.",
)
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, metavar="N",
              help="Rows in each table.")  # fmt: skip
@click.option(
    "--application",
    metavar="KEY",
    default="",
    help="Key of requestMetadata that names the application.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, nothing else.")
@click.option(
    "--csv", "as_csv", is_flag=True, help="Print a row for each day, caller, application and model."
)
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page to this file."
)
@caller_detail_option
@prices_option
@profiles_option
@click.pass_context
def report(  # noqa: PLR0913 - click passes every option on its own
    ctx: click.Context,
    files: tuple[str, ...],
    *,
    stack: str | None,
    days: int,
    region: str | None,
    endpoint_url: str | None,
    by: tuple[str, ...],
    top: int,
    application: str,
    as_json: bool,
    as_csv: bool,
    html: Path | None,
    caller_detail: CallerDetail,
    overrides: bytes | None,
    listed: bytes | None,
) -> None:
    """Show who spent what: cost, tokens, calls, errors and blocks.

    FILE is what `inspect` reads: a log in any form, a folder of logs, or - for standard input.
    Records delivered twice count once. Calls without a known price have their own line. ~ marks
    amounts with approximate prices; --json and --csv have the number of such calls.

    In --json and --csv, `blocked` counts calls that a guardrail blocked, and `findings` other calls
    with findings. By policy, findings are counted one by one, those of blocked calls included.

    With --stack it shows what the weekly report does: also errors, latency, alarms and legacy
    models, against as many days before.

    \b
    Examples:
      bedrock-alerts report calls.json.gz
      bedrock-alerts report logs/ --by application --by day --application team
      bedrock-alerts report logs/ --html spend.html
      bedrock-alerts report --stack bedrock-alerts --days 30

    Exit status: 1 if a line was rejected, 2 if there is nothing to report.
    """  # noqa: D301 - \b is click's
    refuse_without_folder(html)
    _refuse_contradictions(files, stack, is_json_and_csv=as_json and as_csv)
    reading = Reading(overrides, listed, Naming(caller_detail), application)
    sources = Sources(files, note=lambda text: click.echo(text, err=True))
    with until_cut_off():
        week, approximate = None, None
        if stack:
            week = _of_stack(stack, days, region, endpoint_url)
            book = week.now.book
        else:
            read = in_order(partial(read_block, reading=reading), sources.blocks())
            with closing(watched(read, sources, shown=True)) as pages:
                sums = bound(pages, reading)
                book, approximate = sums.book, sums.approximate
        if stack and not book.sums:
            raise InputError(f"{stack} has no usage line of the last {days} days")
        if not book.sums:
            raise InputError(nothing_read(book.skipped + book.rejected))
        price_list = prices(overrides)
        prices_are = (
            "Prices: those of the stack."
            if stack
            else f"Prices: the list of {price_list.dated} ({price_list.source})."
        )
        if html is not None:
            title = "Bedrock: who spent what"
            write_page(
                html,
                render(book, approximate or Book(), title, prices_are)
                if week is None
                else page(week, title),
            )
        if as_json:
            document = _document(book, approximate, price_list.dated)
            write(json.dumps(document if week is None else document | _sections(week, top)) + "\n")
        elif as_csv:
            write(_table_of_all(book, approximate))
        else:
            if week is None or by:
                _print(book, approximate or Book(), by or ("caller", "model"), top)
            if week is not None:
                _print_week(week, top, with_tables=not by)
            write(f"{prices_are}\n" + (f"page: {html}\n" if html else ""))
    ctx.exit(1 if book.rejected else 0)


def _refuse_contradictions(
    files: tuple[str, ...], stack: str | None, *, is_json_and_csv: bool
) -> None:
    if is_json_and_csv:
        raise click.UsageError("give --json or --csv, not both")
    if bool(files) == bool(stack):
        raise click.UsageError("give files, or --stack NAME")


def _of_stack(stack: str, days: int, region: str | None, endpoint_url: str | None) -> Week:
    # boto3 takes longer to load than most files to read.
    import boto3  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    from bedrock_alerts_cli.deployed.deployed_stack import clients  # noqa: PLC0415
    from bedrock_alerts_cli.usage_report.deployed import read_stack  # noqa: PLC0415

    try:
        client = clients(boto3.Session(region_name=region), endpoint_url)
        return read_stack(stack, days, client, say=lambda place: click.echo(place, err=True))
    except BotoCoreError as error:
        raise InputError(f"the request to AWS failed: {error}") from error


def _print_week(week: Week, top: int, *, with_tables: bool) -> None:
    """Print the sections of the weekly report."""
    for found in (*tables(week, top), *details(week, top)) if with_tables else ():
        first, *others = found.columns
        columns = (
            Column(title=first, least=14, style=lambda _: "bold"),
            *(Column(title=name, is_right=True) for name in others),
        )
        write(f"{found.title}\n")
        Table(columns).add(list(found.rows))
        write("\n")
    write("".join(f"{label}: {value}\n" for label, value in (*totals(week), *in_a_line(week))))


def _sections(week: Week, top: int) -> dict[str, Any]:
    """Return the sections of the weekly report, as they are in messages."""
    return {
        "totals": dict((*totals(week), *in_a_line(week))),
        "sections": [
            {"title": found.title, "columns": found.columns, "rows": found.rows}
            for found in (*tables(week, top), *details(week, top))
        ],
        "missing": week.missing,
    }


def _print(book: Book, approximate: Book, by: Sequence[str], top: int) -> None:
    for name in by:
        if name == "policy":
            _print_policies(book, top)
            continue
        rows = book.by(_BY[name])
        marked = {label for label, _ in approximate.by(_BY[name])}
        if name == "day":
            rows.sort()
        table = Table(_columns(name))
        shown = [_row(label, sums, is_approximate=label in marked) for label, sums in rows[:top]]
        if rest := rows[top:]:
            others = Used()
            for _, sums in rest:
                others.add(sums)
            is_approximate = any(label in marked for label, _ in rest)
            shown.append(_row(f"{len(rest):,} others", others, is_approximate=is_approximate))
        table.add(shown)
        write("\n")
    write("".join(f"{line}\n" for line in _summary(book, approximate.total())))


def _columns(name: str) -> tuple[Column, ...]:
    return (
        Column(title=name, least=14, style=lambda _: "bold"),
        Column(title="cost", is_right=True),
        Column(title="guardrails", is_right=True, rank=2),
        Column(title="calls", is_right=True),
        Column(title="in", is_right=True),
        Column(title="out", is_right=True),
        Column(title="cached", is_right=True, rank=1),
        Column(title="errors", is_right=True),
        Column(title="blocked", is_right=True),
    )


def _row(label: str, sums: Used, *, is_approximate: bool) -> Row:
    return (
        label,
        "~" * is_approximate + usd(sums.total),
        usd(sums.guardrail_picodollars) if sums.guardrail_picodollars else "",
        f"{sums.calls:,}",
        f"{sums.input_tokens:,}",
        f"{sums.output_tokens:,}",
        f"{sums.cache_read_tokens + sums.cache_write_tokens:,}",
        f"{sums.errors:,}",
        f"{sums.blocked:,}",
    )


def _print_policies(book: Book, top: int) -> None:
    columns = (
        Column(title="policy", style=lambda _: "bold"),
        Column(title="category", least=12),
        Column(title="action"),
        Column(title="findings", is_right=True),
    )
    found = book.policies.most_common(top)
    Table(columns).add([(*names, f"{count:,}") for names, count in found])
    write("\n")


def _summary(book: Book, approximate: Used) -> Iterator[str]:
    total, days = book.total(), sorted({key.day for key in book.sums})
    span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    mark = "~" * bool(approximate.calls)
    yield f"{mark}{usd(total.total)} for {count(total.calls, 'call')}, {span} (UTC)"
    if total.guardrail_picodollars:
        yield (
            f"models {mark}{usd(total.picodollars)}, guardrails {usd(total.guardrail_picodollars)}"
        )
    if mark:
        calls = count(approximate.calls, "call")
        yield (
            f"~ approximate: {usd(approximate.picodollars)} for {calls} whose exact price is not"
            " known"
        )
    if unpriced := book.unpriced_models():
        names = ", ".join(f"{model} {calls:,}" for model, calls in unpriced[:5])
        more = f", {len(unpriced) - 5} more models" if len(unpriced) > 5 else ""  # noqa: PLR2004
        calls = count(total.unpriced, "call")
        yield f"without a known price, not in the cost: {calls} ({names}{more})"
    if book.duplicates:
        yield f"duplicates, counted once: {book.duplicates:,}"
    for what, counts in (("rejected", book.rejected), ("skipped", book.skipped)):
        if counts:
            listed = ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())
            yield f"{what}: {listed}"


def _document(book: Book, approximate: Book | None, dated: str) -> dict[str, Any]:
    days = sorted({key.day for key in book.sums})
    policies = [
        {"policy": policy, "category": category, "action": action, "findings": count}
        for (policy, category, action), count in book.policies.most_common()
    ]
    return {
        "from": days[0],
        "to": days[-1],
        "prices_dated": dated,
        **_figures(book.total(), None if approximate is None else approximate.total().calls),
        **{f"by_{name}": _rows(book, approximate, of) for name, of in _BY.items()},
        "by_policy": policies,
        "unpriced_models": dict(book.unpriced_models()),
        "duplicates": book.duplicates,
        "rejected": dict(book.rejected),
        "skipped": dict(book.skipped),
    }


def _rows(book: Book, approximate: Book | None, of: Callable[[Key], str]) -> list[dict[str, Any]]:
    calls = None if approximate is None else {name: one.calls for name, one in approximate.by(of)}
    return [
        {"name": name, **_figures(sums, None if calls is None else calls.get(name, 0))}
        for name, sums in book.by(of)
    ]


def _figures(sums: Used, approximate: int | None) -> dict[str, float]:
    """Return sums as JSON values; `approximate` calls, None if that is not known."""
    figures = sums.document()
    return figures if approximate is None else {**figures, "approximate": approximate}


def _table_of_all(book: Book, approximate: Book | None) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*Key._fields, *_figures(Used(), None if approximate is None else 0)])
    for key in sorted(book.sums):
        calls = None if approximate is None else approximate.sums.get(key, Used()).calls
        rows.writerow([*map(_harmless, key), *_figures(book.sums[key], calls).values()])
    return text.getvalue()


def _harmless(name: str) -> str:
    return f"'{name}" if name.startswith(_FORMULAS) else name
