"""Turns query results into the evidence of a message: who, what and how much."""

import functools
import math
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final, NamedTuple, TypeAlias

from bedrock_alerts.alerts.alert import Evidence, Table
from bedrock_alerts.alerts.formatting import caller_name, model_name
from bedrock_alerts.alerts.questions import (
    APPLICATION,
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
from bedrock_alerts.alerts.units import DOLLARS, amount
from bedrock_alerts.text import clean

# One group of calls: named as in `Question.evidence`, values as Logs Insights writes them.
Row: TypeAlias = Mapping[str, str]

_ROWS: Final = 5
_TOP: Final = 3
_MAX_CELL: Final = 80
_A_DAY: Final = timedelta(hours=20)
_TITLES: Final = {
    APPLICATION: ("Applications", "application"),
    CALLER: ("Callers", "caller"),
    ERROR: ("Errors", "error"),
    MODEL: ("Models", "model"),
    POLICY: ("First finding of each call", "finding"),
}


class _Sum(NamedTuple):
    """The sums of some groups of calls."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float = 0.0

    def plus(self, other: "_Sum") -> "_Sum":
        """Return the sum of both."""
        return _Sum(*map(operator.add, self, other))


# By the field that calls are grouped by.
_Sums: TypeAlias = Mapping[str, _Sum]


def evidence(question: Question, rows: Sequence[Row], before: Sequence[Row] | None) -> Evidence:
    """Sum up the result; `before` is that of the previous day, None if there is none."""
    subject = question.subject
    if not _total(map(_sum, rows)).calls:
        return Evidence(summary=f"No call {subject.words} is in the collectors' log yet.")
    tables = (
        _table(
            name,
            _told_apart(rows, name),
            None if before is None else _told_apart(before, name),
            subject,
        )
        for name in subject.tables
        if name != APPLICATION or any(row.get(APPLICATION) for row in rows)
    )
    return Evidence(
        summary=_summary(question, rows, before), tables=tuple(tables), who=_who(rows, subject)
    )


def _who(rows: Sequence[Row], subject: Subject) -> str:
    """Name the top callers: `chat-backend 9, batch-summaries 4, 2 others 3`."""
    return _top(_told_apart(rows, CALLER), subject, caller_name)


def _top(sums: _Sums, subject: Subject, named: Callable[[str], str]) -> str:
    order = _ordered(sums, subject)
    first, rest = order[:_TOP], order[_TOP:]
    parts = [f"{named(label)} {_part(sums[label], subject)}" for label in first]
    if rest:
        together = _total(sums[label] for label in rest)
        others = "1 other" if len(rest) == 1 else f"{len(rest)} others"
        parts.append(f"{others} {_part(together, subject)}")
    return ", ".join(parts)


def _part(found: _Sum, subject: Subject) -> str:
    return amount(found.dollars, DOLLARS) if subject.is_about_money else f"{found.calls:,}"


def _summary(question: Question, rows: Sequence[Row], before: Sequence[Row] | None) -> str:
    subject, now = question.subject, _total(map(_sum, rows))
    noun = "call" if now.calls == 1 else "calls"
    least = "at least " if len(rows) >= GROUPS else ""
    length = question.end - question.start
    start = question.start
    since = f"{start:%H:%M UTC}" if length < _A_DAY else f"{start:%Y-%m-%d %H:%M UTC}"
    text = f"{least}{now.calls:,} {noun} {subject.words} since {since}"
    if subject.is_about_money:
        text = f"{text}: {amount(now.dollars, DOLLARS)}"
    if before is not None:
        text += f" (yesterday: {_part(_total(map(_sum, before)), subject)})"
    if MODEL in subject.tables:
        models = _told_apart(rows, MODEL)
        only = next(iter(models)) if len(models) == 1 else ""
        text += f", all on {model_name(only)}" if only else f"; {_top(models, subject, model_name)}"
    if subject.is_of_every_call and (now.input_tokens or now.output_tokens):
        text += f"; {now.input_tokens:,} tokens in, {now.output_tokens:,} out"
    return text


def _table(name: str, now: _Sums, before: _Sums | None, subject: Subject) -> Table:
    """Return a row for each of the biggest, and one for all others."""
    title, column = _TITLES[name]
    order = _ordered(now, subject)
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
    columns = [column, *(["cost"] if subject.is_about_money else []), "calls"]
    columns += ["yesterday"] if before is not None and not subject.is_about_money else []
    return Table(title=title, columns=tuple(columns), rows=tuple(rows))


def _ordered(sums: _Sums, subject: Subject) -> list[str]:
    """Return the labels, the biggest first."""
    measure = operator.attrgetter("dollars" if subject.is_about_money else "calls")
    return sorted(sums, key=lambda label: (-measure(sums[label]), label))


def _row(label: str, now: _Sum, before: _Sum | None, subject: Subject) -> tuple[str, ...]:
    if subject.is_about_money:
        return label, amount(now.dollars, DOLLARS), f"{now.calls:,}"
    cells = (label, f"{now.calls:,}")
    return cells if before is None else (*cells, f"{before.calls:,}")


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
    # A table on a phone cuts the end.
    parts = (row.get(CATEGORY, ""), text, row.get(GUARDRAIL, ""))
    return clean(" · ".join(filter(None, parts)), _MAX_CELL) or "unknown"


def _number(row: Row, name: str) -> float:
    """Read a number; Logs Insights omits a sum over nothing, or leaves it empty."""
    try:
        found = float(row.get(name, ""))
    except ValueError:
        return 0.0
    return found if math.isfinite(found) else 0.0
