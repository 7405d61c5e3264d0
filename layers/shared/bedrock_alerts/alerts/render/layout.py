"""What every channel shows of an alert, in the order in which a tired person asks for it.

What happened, where, how bad, since when and to whom it belongs; then what is known of it, what to
do, and the rest. Each channel writes that down its own way.
"""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from bedrock_alerts.alerts.describe import place, time_label, utc
from bedrock_alerts.alerts.model import Alert, Fact, Link, Table
from bedrock_alerts.text import clean

_BARS: Final = "▁▂▃▄▅▆▇█"
_MAX_BARS: Final = 30
_MAX_COLUMNS: Final = 8
_LINK_LABEL_CHARS: Final = 60
_STATUS_CHARS: Final = 60
_HTTPS: Final = re.compile(r"https://[!-~]+")
# The message says that the alarm still stands, and its time is that of the last change.
_STANDS_STILL: Final = frozenset({"acknowledged", "silenced"})


class When(NamedTuple):
    """What an alert's time is, the time, and the end of it where it has one."""

    label: str
    start: datetime
    end: datetime | None = None

    def utc(self) -> str:
        """Write it in UTC, without saying the day twice."""
        if self.end is None:
            return utc(self.start)
        is_same_day = self.start.date() == self.end.date()
        end = utc(self.end).partition(" ")[2] if is_same_day else utc(self.end)
        return f"{utc(self.start).removesuffix(' UTC')} to {end}"


def headline(alert: Alert, chars: int) -> str:
    """Say what has happened to what: neither keeps the other from being seen."""
    status = clean(alert.status, _STATUS_CHARS)
    return clean(f"{status}: {alert.title}" if alert.title else status, chars) or "Alert"


def when(alert: Alert) -> When | None:
    """Say since when an alarm stands, from when to when it stood, or when something happened."""
    if alert.opened_at is not None and alert.ended_at is not None:
        return When("When", alert.opened_at, alert.ended_at)
    if alert.opened_at is not None and alert.kind in _STANDS_STILL:
        return When("Since", alert.opened_at)
    return None if alert.at is None else When(time_label(alert), alert.at)


def facts(alert: Alert) -> Iterator[Fact]:
    """Yield the facts, the course of the values behind the last of them, and whose alarm it is.

    The metric's name comes last: it is long, and says least to somebody who was asleep.
    """
    trend = sparkline(alert.recent_values, alert.threshold)
    known = [fact for fact in alert.facts if fact.label != "Metric"]
    if trend:
        # Behind the value that it is the past of; in front where there is none.
        at = next((n + 1 for n, fact in enumerate(known) if fact.label == "Value"), 0)
        known.insert(at, Fact("Trend", trend))
    yield from known
    if alert.team and all(fact.label != "Team" for fact in known):
        yield Fact("Team", alert.team)
    yield from (fact for fact in alert.facts if fact.label == "Metric")


def rows(alert: Alert) -> Iterator[Fact]:
    """Yield place, time and facts, for channels that know no times of their own."""
    where = place(alert)
    if where:
        yield Fact("Where", where)
    time = when(alert)
    if time is not None:
        yield Fact(time.label, time.utc())
    yield from facts(alert)


def sparkline(values: Sequence[float], threshold: float | None = None) -> str:
    """Draw values as bars, oldest first, on a scale that the threshold is on as well.

    Empty for fewer than two values, which show no course.
    """
    shown = [value for value in values if math.isfinite(value)][-_MAX_BARS:]
    if len(shown) < 2:  # noqa: PLR2004 - one value is no line
        return ""
    limit = threshold if threshold is not None and math.isfinite(threshold) else None
    scale = [*shown, *([] if limit is None else [limit])]
    low, high = min(scale), max(scale)
    drawn = "".join(_bar(value, low, high) for value in shown)
    return drawn if limit is None else f"{drawn} limit at {_bar(limit, low, high)}"


def _bar(value: float, low: float, high: float) -> str:
    # Halves: the difference of two numbers may be too large for a number.
    span = high / 2 - low / 2
    part = (value / 2 - low / 2) / span if span > 0 else 0.0
    return _BARS[min(len(_BARS) - 1, int(part * len(_BARS)))]


def in_columns(table: Table, max_rows: int, cell_chars: int, chars: int = 10_000) -> list[str]:
    """Write a table as lines of text with columns of a fixed width, and count what is left out.

    All lines together have at most `chars` characters, so far as whole rows can be left out.
    """
    for shown in range(min(max_rows, len(table.rows)), 0, -1):
        lines = [*_grid(table, shown, cell_chars), *more(len(table.rows) - shown)]
        if sum(map(len, lines)) + len(lines) <= chars:
            return lines
    return [*_grid(table, 0, cell_chars), *more(len(table.rows))]


def _grid(table: Table, shown: int, cell_chars: int) -> list[str]:
    body = [[clean(cell, cell_chars) for cell in row] for row in table.rows[:shown]]
    head = [clean(cell, cell_chars) for cell in table.columns]
    count = min(_MAX_COLUMNS, max(map(len, (head, *body))))
    rows = [(row + [""] * count)[:count] for row in (head, *body)]
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    # Numbers stand under each other by their last digit.
    are_numbers = [shown > 0 and all(cell[:1].isdigit() for cell in c[1:]) for c in columns]
    return [
        "  ".join(
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, are_numbers, strict=True)
        ).rstrip()
        for row in rows
    ]


def links(alert: Alert, chars: int) -> list[Link]:
    """Return the links that are plain addresses of the web, and short enough to be kept whole.

    One that is cut leads nowhere.
    """
    return [
        Link(clean(link.label, _LINK_LABEL_CHARS) or "Open", link.url)
        for link in alert.links
        if len(link.url) <= chars and _HTTPS.fullmatch(link.url)
    ]


def more(count: int) -> list[str]:
    """Say that something is left out, nothing where nothing is."""
    return [f"… and {count} more"] if count > 0 else []


def bounded(texts: Sequence[str], most: int, chars: int) -> list[str]:
    """Keep the first texts, each on one line of so many characters, and count the others."""
    said = [text for text in (clean(text, chars) for text in texts) if text]
    return [*said[:most], *more(len(said) - most)]
