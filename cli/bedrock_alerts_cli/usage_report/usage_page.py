"""The report as one self-contained HTML page: no network, no script, no fonts."""

from pathlib import Path
from typing import Final, NamedTuple

import jinja2

from bedrock_alerts.invocations.invocation import PICODOLLARS
from bedrock_alerts.invocations.usage_book import NONE, Book
from bedrock_alerts.invocations.usage_lines import Used

_MOST_ROWS: Final = 25


class Bar(NamedTuple):
    """One row of a chart: a name, its sums, and its length in percent."""

    name: str
    sums: Used
    length: float
    guardrail_length: float


class Chart(NamedTuple):
    """Bars under a title; `others` are those that are not shown."""

    title: str
    bars: tuple[Bar, ...]
    others: int


def render(book: Book, title: str, listed: str) -> str:
    """Return the page; `listed` is the date of the prices. All names are escaped."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "usd": lambda picodollars: f"${picodollars / PICODOLLARS:,.2f}",
        "number": lambda value: f"{value:,}",
    }
    template = environment.from_string(
        Path(__file__).with_name("usage_page.html.jinja").read_text(encoding="utf-8")
    )
    days = sorted(book.by(lambda key: key.day))
    charts = [
        _chart("By caller", book.by(lambda key: key.caller)),
        _chart("By model", book.by(lambda key: key.model)),
    ]
    applications = book.by(lambda key: key.application)
    if any(name != NONE for name, _ in applications):
        charts.insert(1, _chart("By application", applications))
    return template.render(
        title=title,
        listed=listed,
        total=book.total(),
        first=days[0][0],
        last=days[-1][0],
        days=_chart("By day", days, most=366),
        charts=charts,
        policies=book.policies.most_common(_MOST_ROWS),
        unpriced=book.unpriced_models(),
        book=book,
    )


def _chart(title: str, rows: list[tuple[str, Used]], most: int = _MOST_ROWS) -> Chart:
    longest = max((sums.total for _, sums in rows), default=0) or 1
    bars = tuple(
        Bar(
            name,
            sums,
            100 * sums.picodollars / longest,
            100 * sums.guardrail_picodollars / longest,
        )
        for name, sums in rows[:most]
    )
    return Chart(title, bars, max(0, len(rows) - most))
