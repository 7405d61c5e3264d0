"""What the event lines answered, as the few lines of a message that say who, what and how much."""

import functools
import math
import operator
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final, NamedTuple, TypeAlias

from bedrock_alerts.alerts.model import Evidence, Table
from bedrock_alerts.alerts.questions import (
    CALLER,
    CATEGORY,
    ERROR,
    GROUPS,
    GUARDRAIL,
    MODEL,
    POLICY,
    Question,
    Subject,
)
from bedrock_alerts.alerts.words import written
from bedrock_alerts.text import clean

# One group of calls: the names of `Question.evidence`, all values as Logs Insights writes them.
Row: TypeAlias = Mapping[str, str]

_ROWS: Final = 5
_MAX_CELL: Final = 80
_A_DAY: Final = timedelta(hours=20)
_TITLES: Final = {
    CALLER: ("Callers", "caller"),
    ERROR: ("Errors", "error"),
    MODEL: ("Models", "model"),
    POLICY: ("First finding of each call", "guardrail and finding"),
}


class _Sum(NamedTuple):
    """What some groups of calls add up to."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float = 0.0

    def plus(self, other: "_Sum") -> "_Sum":
        """Return both together."""
        return _Sum(*map(operator.add, self, other))


# By what calls are told apart by.
_Sums: TypeAlias = Mapping[str, _Sum]


def evidence(question: Question, rows: Sequence[Row], before: Sequence[Row] | None) -> Evidence:
    """Sum up the answer; `before` is that of the day before, None where there is none."""
    subject = question.subject
    now = _total(map(_sum, rows))
    if not now.calls:
        return Evidence(summary=f"No call {subject.words} has an event line yet.")
    tables = (
        _table(
            name,
            _told_apart(rows, name),
            None if before is None else _told_apart(before, name),
            subject,
        )
        for name in subject.tables
    )
    return Evidence(summary=_summary(question, rows, before), tables=tuple(tables))


def _summary(question: Question, rows: Sequence[Row], before: Sequence[Row] | None) -> str:
    now = _total(map(_sum, rows))
    noun = "call" if now.calls == 1 else "calls"
    least = "at least " if len(rows) >= GROUPS else ""
    length = question.end - question.start
    since = (
        f"{question.start:%H:%M UTC}" if length < _A_DAY else f"{question.start:%d %B, %H:%M UTC}"
    )
    parts = [f"{least}{now.calls:,} {noun} {question.subject.words} since {since}"]
    if before is not None:
        parts.append(f"{_total(map(_sum, before)).calls:,} at the same time of the day before")
    if now.input_tokens or now.output_tokens:
        parts.append(f"{now.input_tokens:,} tokens in, {now.output_tokens:,} out")
    if now.dollars:
        parts.append(f"{written(now.dollars)} USD")
    return " · ".join(parts)


def _table(name: str, now: _Sums, before: _Sums | None, subject: Subject) -> Table:
    """Show the biggest each for itself, and all others as one row."""
    title, column = _TITLES[name]
    measure = operator.attrgetter("dollars" if subject.is_about_money else "calls")
    order = sorted(now, key=lambda label: (-measure(now[label]), label))
    first, rest = order[:_ROWS], order[_ROWS:]
    rows = [
        _row(label, now[label], None if before is None else before.get(label, _Sum()), subject)
        for label in first
    ]
    if rest:
        others = None
        if before is not None:
            others = _total(sums for label, sums in before.items() if label not in first)
        together = _total(now[label] for label in rest)
        rows.append(_row(f"{len(rest)} others", together, others, subject))
    columns = [column, "calls"]
    columns += ["USD"] if subject.is_about_money else []
    columns += ["calls the day before"] if before is not None else []
    return Table(title=title, columns=tuple(columns), rows=tuple(rows))


def _row(label: str, now: _Sum, before: _Sum | None, subject: Subject) -> tuple[str, ...]:
    cells = [label, f"{now.calls:,}"]
    cells += [written(now.dollars)] if subject.is_about_money else []
    cells += [f"{before.calls:,}"] if before is not None else []
    return tuple(cells)


def _told_apart(rows: Sequence[Row], name: str) -> _Sums:
    found: defaultdict[str, _Sum] = defaultdict(_Sum)
    for row in rows:
        label = _label(row, name)
        found[label] = found[label].plus(_sum(row))
    return found


def _total(sums: Iterable[_Sum]) -> _Sum:
    return functools.reduce(_Sum.plus, sums, _Sum())


def _sum(row: Row) -> _Sum:
    calls, read, wrote = (
        int(_number(row, name)) for name in ("calls", "input_tokens", "output_tokens")
    )
    return _Sum(calls, read, wrote, _number(row, "dollars"))


def _label(row: Row, name: str) -> str:
    text = clean(row.get(name, ""), _MAX_CELL)
    if name != POLICY:
        return text or "unknown"
    guardrail, category = row.get(GUARDRAIL, ""), row.get(CATEGORY, "")
    finding = "/".join(part for part in (text, category) if part)
    return clean(" · ".join(part for part in (guardrail, finding) if part), _MAX_CELL) or "unknown"


def _number(row: Row, name: str) -> float:
    """Read a number; Logs Insights leaves a sum over nothing out, or empty."""
    try:
        found = float(row.get(name, ""))
    except ValueError:
        return 0.0
    return found if math.isfinite(found) else 0.0
