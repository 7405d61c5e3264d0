"""The report as one self-contained HTML page: no network, no script, no fonts."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import jinja2

from bedrock_alerts.invocations.usage_book import NONE, Book, Key
from bedrock_alerts.invocations.usage_lines import Used
from bedrock_alerts_cli.money import usd

_MOST_ROWS: Final = 25


class Bar(NamedTuple):
    """One row of a chart: a name, its sums, and its length in percent.

    `is_approximate` says that some of its prices are.
    """

    name: str
    sums: Used
    length: float
    guardrail_length: float
    is_approximate: bool


class Chart(NamedTuple):
    """Bars under a title; `others` are those that are not shown."""

    title: str
    bars: tuple[Bar, ...]
    others: int


def render(book: Book, approximate: Book, title: str, listed: str) -> str:
    """Return the page; `listed` is the date of the prices. All names are escaped.

    `approximate` has the sums of calls with approximate prices.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "usd": usd,
        "number": lambda value: f"{value:,}",
    }
    template = environment.from_string(
        Path(__file__).with_name("usage_page.html.jinja").read_text(encoding="utf-8")
    )

    def chart(title: str, of: Callable[[Key], str]) -> Chart:
        return _chart(title, book.by(of), {name for name, _ in approximate.by(of)})

    charts = [
        chart("By caller", lambda key: key.caller),
        chart("By model", lambda key: key.model),
    ]
    if any(key.application != NONE for key in book.sums):
        charts.insert(1, chart("By application", lambda key: key.application))
    days = sorted(book.by(lambda key: key.day))
    approximate_days = {key.day for key in approximate.sums}
    return template.render(
        title=title,
        listed=listed,
        total=book.total(),
        approximate=approximate.total(),
        first=days[0][0],
        last=days[-1][0],
        days=_chart("By day", days, approximate_days, most=366),
        charts=charts,
        policies=book.policies.most_common(_MOST_ROWS),
        unpriced=book.unpriced_models(),
        book=book,
    )


def _chart(
    title: str, rows: list[tuple[str, Used]], approximate: set[str], most: int = _MOST_ROWS
) -> Chart:
    longest = max((sums.total for _, sums in rows), default=0) or 1
    bars = tuple(
        Bar(
            name,
            sums,
            100 * sums.picodollars / longest,
            100 * sums.guardrail_picodollars / longest,
            name in approximate,
        )
        for name, sums in rows[:most]
    )
    return Chart(title, bars, max(0, len(rows) - most))
