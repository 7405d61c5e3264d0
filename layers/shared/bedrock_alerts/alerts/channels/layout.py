"""The parts of an alert that every channel shows, in one order.

Headline (how bad, what, how much, where), fields, what to do, who, evidence, links; the alarm's
name comes last. Each channel formats that in its own way.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from bedrock_alerts.alerts.alert import Alert, Fact, Link, Table
from bedrock_alerts.alerts.describe import place, time_label, utc
from bedrock_alerts.alerts.formatting import STANDING, caller_name, model_name, spot
from bedrock_alerts.text import clean

_MAX_COLUMNS: Final = 8
# Characters of a fixed-width line on a phone.
TABLE_CHARS: Final = 36
_SHORTEST_CELL: Final = 8
_GAP: Final = "  "
_LINK_LABEL_CHARS: Final = 75
_STATUS_CHARS: Final = 60
# Characters that a phone's lock screen shows, about.
_PUSH_CHARS: Final = 100
_MOST_PUSH_CHARS: Final = 160
# By the name of a table's first column: a short name is as clear as an ARN.
_SHORT_NAMES: Final = {"caller": caller_name, "model": model_name}
_HTTPS: Final = re.compile(r"https://[!-~]+")
# The message says that the alarm is still firing; its time is that of the last change.
_STANDS_STILL: Final = frozenset({"acknowledged", "silenced"})


class When(NamedTuple):
    """An alert's time: its label, the time, and its end if it has one."""

    label: str
    start: datetime
    end: datetime | None = None

    def utc(self) -> str:
        """Return it in UTC, without repeating the day."""
        if self.end is None:
            return utc(self.start)
        is_same_day = self.start.date() == self.end.date()
        end = utc(self.end).partition(" ")[2] if is_same_day else utc(self.end)
        return f"{utc(self.start).removesuffix(' UTC')} to {end}"


def headline(alert: Alert, chars: int) -> str:
    """Return severity or state, and what has happened."""
    label, what = _label(alert), alert.headline or alert.title
    return clean(f"{label}: {what}" if what else label, chars) or "Alert"


def _label(alert: Alert) -> str:
    return clean(alert.label or alert.status, _STATUS_CHARS)


def subject_line(alert: Alert, chars: int) -> str:
    """Return `[Critical] 14 prompt attacks blocked in 5 min - prod eu-west-1`, place included."""
    where = spot(alert)
    end = f" - {where}" if where and len(where) < chars // 2 else ""
    what = clean(alert.headline or alert.title, chars)
    start = f"[{_label(alert)}] {what}" if what else f"[{_label(alert)}]"
    return f"{clean(start, chars - len(end))}{end}"


def push_line(alert: Alert) -> str:
    """Return the push text of a message: headline, place, and one fact if it fits."""
    where = spot(alert)
    end = f" · {where}" if where else ""
    head = headline(alert, _MOST_PUSH_CHARS)
    top, limit = _top_caller(alert), _limit(alert)
    for line in (f"{head}{end} · {top}" if top else "", f"{head} {limit}{end}" if limit else ""):
        if line and len(line) <= _PUSH_CHARS:
            return line
    return f"{head}{end}"


def _top_caller(alert: Alert) -> str:
    if alert.evidence is None or not alert.evidence.who:
        return ""
    return f"top caller {clean(alert.evidence.who.split(', ')[0].rpartition(' ')[0], 60)}"


def _limit(alert: Alert) -> str:
    """Return the limit in a value's line: `(budget: $20.00)`."""
    if alert.kind not in STANDING:
        return ""
    value = next((fact.value for fact in alert.facts if fact.label == "Value"), "")
    start, bracket, limit = value.rpartition(" (")
    return f"({clean(limit, 60)}" if start and bracket and value.endswith(")") else ""


def is_own(alert: Alert, link: Link) -> bool:
    """Whether a link leads to the alarm itself: its label is the alarm's name."""
    return alert.title == link.label or alert.title.startswith(f"{link.label}: ")


def bare_name(alert: Alert) -> str:
    """Return the alarm's name if no link shows it, empty otherwise."""
    if not alert.alarm_arn or any(is_own(alert, link) for link in alert.links):
        return ""
    return alert.title if alert.headline else ""


def when(alert: Alert) -> When | None:
    """Return since when an alarm fires, its start and end, or when an event happened."""
    if alert.opened_at is not None and alert.ended_at is not None:
        return When("When", alert.opened_at, alert.ended_at)
    if alert.opened_at is not None and alert.kind in _STANDS_STILL:
        return When("Since", alert.opened_at)
    return None if alert.at is None else When(time_label(alert), alert.at)


def facts(alert: Alert) -> Iterator[Fact]:
    """Yield the facts, and the team that owns the alarm.

    The metric's name comes last: it is long, and the least useful.
    """
    known = [fact for fact in alert.facts if fact.label != "Metric"]
    yield from known
    if alert.team and all(fact.label != "Team" for fact in known):
        yield Fact("Team", alert.team)
    yield from (fact for fact in alert.facts if fact.label == "Metric")


def rows(alert: Alert) -> Iterator[Fact]:
    """Yield value, time and facts, for channels without a time format."""
    time = when(alert)
    found = [*([Fact(time.label, time.utc())] if time else []), *facts(alert)]
    value = next((n for n, fact in enumerate(found) if fact.label == "Value"), 0)
    yield from [*found[value : value + 1], *found[:value], *found[value + 1 :]]
    if alert.account_alias and alert.account_id:
        # The headline names the rest.
        yield Fact("Account", place(alert))


def in_columns(table: Table, max_rows: int, chars: int = 10_000) -> list[str]:
    """Return a table as lines of at most `TABLE_CHARS`, and the number of omitted rows.

    Whole rows are left out to keep all lines within `chars` characters.
    """
    for shown in range(min(max_rows, len(table.rows)), 0, -1):
        lines = [*_grid(table, shown), *more(len(table.rows) - shown)]
        if sum(map(len, lines)) + len(lines) <= chars:
            return lines
    return [*_grid(table, 0), *more(len(table.rows))]


def _grid(table: Table, shown: int) -> list[str]:
    rows = _cells(table, shown)
    # Numbers are aligned at their last digit.
    columns = [*zip(*rows, strict=True)]
    are_numbers = [
        shown > 0 and all(cell[:1].isdigit() or cell[:1] == "$" for cell in column[1:])
        for column in columns
    ]
    widths = _widths([max(map(len, column)) for column in columns])
    return [
        _GAP.join(
            clean(cell, width).rjust(width) if is_number else clean(cell, width).ljust(width)
            for cell, width, is_number in zip(row, widths, are_numbers, strict=False)
        ).rstrip()
        for row in rows
    ]


def _cells(table: Table, shown: int) -> list[list[str]]:
    """Return head and rows of one length, with the names that people use."""
    head = [clean(cell, TABLE_CHARS) for cell in table.columns]
    name = _SHORT_NAMES.get(head[0] if head else "", str)
    body = [
        [clean(cell if number else name(cell), TABLE_CHARS) for number, cell in enumerate(row)]
        for row in table.rows[:shown]
    ]
    count = min(_MAX_COLUMNS, max(map(len, (head, *body))))
    return [(row + [""] * count)[:count] for row in (head, *body)]


def _widths(wanted: Sequence[int]) -> list[int]:
    """Return the widths that fit: the first column shrinks, then the last ones are dropped."""
    widths = list(wanted)
    while len(widths) > 1 and _SHORTEST_CELL + sum(widths[1:]) + _gaps(widths) > TABLE_CHARS:
        widths.pop()
    if widths:
        widths[0] = min(widths[0], TABLE_CHARS - sum(widths[1:]) - _gaps(widths))
    return widths


def _gaps(widths: Sequence[int]) -> int:
    return len(_GAP) * (len(widths) - 1)


def links(alert: Alert, chars: int) -> list[Link]:
    """Return the links that are plain web addresses and short enough. A cut link would not work."""
    return [
        Link(clean(link.label, _LINK_LABEL_CHARS) or "Open", link.url)
        for link in alert.links
        if len(link.url) <= chars and _HTTPS.fullmatch(link.url)
    ]


def more(count: int) -> list[str]:
    """Return a note on omitted items, empty if there are none."""
    return [f"… and {count} more"] if count > 0 else []


def bounded(texts: Sequence[str], most: int, chars: int) -> list[str]:
    """Return the first texts, each cut to one line, and the number of the others."""
    said = [text for text in (clean(text, chars) for text in texts) if text]
    return [*said[:most], *more(len(said) - most)]
