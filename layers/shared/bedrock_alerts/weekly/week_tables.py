"""A week as tables of text: the same in every message, on the page and in the terminal."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from bedrock_alerts.alerts.alert import Table
from bedrock_alerts.alerts.formatting import model_name
from bedrock_alerts.alerts.units import amount
from bedrock_alerts.invocations.invocation import PICODOLLARS
from bedrock_alerts.invocations.usage_book import NONE, Key
from bedrock_alerts.invocations.usage_lines import Used
from bedrock_alerts.weekly.week import ModelEnd, Week, forecast

_OF: Final[Mapping[str, Callable[[Key], str]]] = {
    "model": lambda key: key.model,
    "caller": lambda key: key.caller,
    "application": lambda key: key.application,
}
_CENT: Final = PICODOLLARS // 100
_SMALL: Final = 0.01


def money(picodollars: int) -> str:
    """Return dollars as text; less than a cent has two digits more."""
    dollars = picodollars / PICODOLLARS
    is_small = 0 < abs(dollars) < _SMALL
    sign = "-" if dollars < 0 else ""
    return f"{sign}${abs(dollars):,.{4 if is_small else 2}f}"


def change(now: float, before: float) -> str:
    """Return a relative change: `+57%`, `-12%`, `new`; empty where both are 0."""
    if not before:
        return "new" if now else ""
    return f"{100 * (now - before) / before:+,.0f}%"


def share(part: int, whole: int) -> str:
    """Return a share in percent: `1.2%`."""
    return f"{100 * part / whole:.1f}%" if whole else "0%"


def tables(week: Week, most: int) -> tuple[Table, ...]:
    """Return the tables of calls that have rows, the most important first."""
    found = (
        spend(week, "model", most),
        spend(week, "caller", most),
        movers(week, most),
        findings(week, most),
        spend(week, "application", most),
        errors(week, most),
    )
    return tuple(table for table in found if table.rows)


def details(week: Week, most: int) -> tuple[Table, ...]:
    """Return the tables that messages sum up in a line: latency, alarms, models."""
    found = (latency(week, most), alarms(week, most), silent(week, most), ends(week, most))
    return tuple(table for table in found if table.rows)


def spend(week: Week, name: str, most: int) -> Table:
    """Return who or what cost how much; applications only if a call names one."""
    rows = week.now.book.by(_OF[name])
    if name == "application" and not any(label != NONE for label, _ in rows):
        rows = []
    before = dict(week.before.book.by(_OF[name])) if week.before else None
    earlier = (lambda _: None) if before is None else (lambda label: before.get(label, Used()))
    body = [_spent(label, sums, earlier(label)) for label, sums in rows[:most]]
    if rest := rows[most:]:
        shown = {label for label, _ in rows[:most]}
        others = None
        if before is not None:
            others = _together([sums for label, sums in before.items() if label not in shown])
        name_of_rest = "1 other" if len(rest) == 1 else f"{len(rest):,} others"
        body.append(_spent(name_of_rest, _together([sums for _, sums in rest]), others))
    columns = (name, "cost", *(("before",) if before is not None else ()), "calls")
    return Table(title=f"Spend by {name}", columns=columns, rows=tuple(body))


def movers(week: Week, most: int) -> Table:
    """Return the callers whose cost changed most, in dollars, by a cent at least."""
    now = dict(week.now.book.by(_OF["caller"]))
    before = dict(week.before.book.by(_OF["caller"])) if week.before else {}
    moved = {
        caller: now.get(caller, Used()).total - before.get(caller, Used()).total
        for caller in (now.keys() | before.keys() if week.before else ())
    }
    order = sorted(moved, key=lambda caller: (-abs(moved[caller]), caller))
    rows = [
        (caller, f"{'+' if moved[caller] > 0 else ''}{money(moved[caller])}",
         money(now.get(caller, Used()).total))
        for caller in order[:most]
        if abs(moved[caller]) >= _CENT
    ]  # fmt: skip
    return Table(title="Largest changes", columns=("caller", "change", "cost"), rows=tuple(rows))


def findings(week: Week, most: int) -> Table:
    """Return what guardrails found, by policy, category and action."""
    now = week.now.findings or Counter()
    before = week.before.findings if week.before else None
    return _counted(
        "Guardrail findings",
        "finding",
        {_finding(*key): count for key, count in now.items()},
        None if before is None else {_finding(*key): count for key, count in before.items()},
        most,
    )


def errors(week: Week, most: int) -> Table:
    """Return the failed calls by error."""
    before = week.before.errors if week.before else None
    return _counted("Failed calls", "error", week.now.errors or {}, before, most)


def latency(week: Week, most: int) -> Table:
    """Return the latency by model, the slowest first."""
    now = week.now.latency or {}
    before = (week.before.latency if week.before else None) or {}
    order = sorted(now, key=lambda model: (-now[model], model))[:most]
    rows = [
        (model, _ms(now[model]), *((_ms(before[model]),) if model in before else ("",)))
        for model in order
    ]
    title = "Latency, 95th percentile (median of the days)"
    return Table(title=title, columns=("model", "p95", "before"), rows=tuple(rows))


def alarms(week: Week, most: int) -> Table:
    """Return the alarms that fired, the most often first."""
    fired = sorted(
        (alarm for alarm in week.alarms or () if alarm.fired),
        key=lambda alarm: (-alarm.fired, alarm.name),
    )
    rows = tuple((alarm.name, f"{alarm.fired:,}") for alarm in fired[:most])
    return Table(title="Alarms that fired", columns=("alarm", "times"), rows=rows)


def silent(week: Week, most: int) -> Table:
    """Return the alarms without data: they cannot fire."""
    rows = tuple((alarm.name,) for alarm in week.alarms or () if alarm.lacks_data)[:most]
    return Table(title="Alarms without data", columns=("alarm",), rows=rows)


def ends(week: Week, most: int) -> Table:
    """Return the legacy models in use, those that end first before the others."""
    rows = tuple((one.model, _end(one.ends), f"{one.calls:,}") for one in (week.ends or ())[:most])
    return Table(
        title="Models near their end", columns=("model", "end of life", "calls"), rows=rows
    )


def no_calls(week: Week) -> str:
    """Return the title of a week without a call: 0 dollars would sound like a price."""
    return f"No Bedrock call was counted in {week.span.days} days"


def totals(week: Week) -> Iterator[tuple[str, str]]:
    """Yield labels and values of what all calls add up to."""
    total = week.total
    before = week.before.book.total() if week.before else None
    if not total.calls:
        earlier_calls = f", {before.calls:,} in the days before" if before else ""
        yield "Calls", f"none{earlier_calls}. Were there any? Run bedrock-alerts doctor"
        return
    earlier = None if before is None else (before.total, money(before.total))
    yield "Spend", _compared(total.total, money(total.total), earlier)
    if total.guardrail_picodollars:
        yield "For guardrails", money(total.guardrail_picodollars)
    expected = forecast(week)
    if expected is not None:
        so_far = f" ({money(expected.so_far)} so far)"
        yield f"Forecast {expected.month:%B}", f"{money(expected.whole)}{so_far}"
    earlier = None if before is None else (before.calls, f"{before.calls:,}")
    yield "Calls", _compared(total.calls, f"{total.calls:,}", earlier)
    yield "Failed", _rate(total.errors, total.calls, _share_of(before, "errors"))
    if week.now.errors is not None:
        throttled = ""
        if before is not None and week.before is not None and week.before.errors is not None:
            throttled = share(week.before.throttled, before.calls)
        yield "Throttled", _rate(week.now.throttled, total.calls, throttled)
    yield "Blocked", _rate(total.blocked, total.calls, _share_of(before, "blocked"))
    if total.unpriced:
        calls = "1 call" if total.unpriced == 1 else f"{total.unpriced:,} calls"
        yield "Without a price", f"{calls}, not in the cost"


def in_a_line(week: Week) -> Iterator[tuple[str, str]]:
    """Yield labels and values of the details, each as one line."""
    slow = [f"{model_name(row[0])} {row[1]}" for row in latency(week, 3).rows]
    if slow:
        yield "Latency p95", ", ".join(slow)
    if week.alarms is not None:
        fired = [f"{name} {times}" for name, times in alarms(week, 5).rows]
        yield "Alarms that fired", ", ".join(fired) or "none"
        if dumb := [name for (name,) in silent(week, 5).rows]:
            yield "Alarms without data", ", ".join(dumb)
    if week.ends:
        yield "Models near their end", ", ".join(_line_of(one) for one in week.ends[:5])
    if week.missing:
        yield "Not available", ", ".join(week.missing)


def _line_of(one: ModelEnd) -> str:
    return f"{model_name(one.model)} ({_end(one.ends)})"


def _spent(label: str, sums: Used, before: Used | None) -> tuple[str, ...]:
    earlier = () if before is None else (money(before.total),)
    return (label, money(sums.total), *earlier, f"{sums.calls:,}")


def _counted(
    title: str,
    column: str,
    now: Mapping[str, int],
    before: Mapping[str, int] | None,
    most: int,
) -> Table:
    order = sorted(now, key=lambda label: (-now[label], label))[:most]
    rows = [
        (label, f"{now[label]:,}", *(() if before is None else (f"{before.get(label, 0):,}",)))
        for label in order
    ]
    columns = (column, "count", *(() if before is None else ("before",)))
    return Table(title=title, columns=columns, rows=tuple(rows))


def _finding(policy: str, category: str, action: str) -> str:
    """Name a finding, the policy last: the end is cut where there is little room."""
    end = f"({policy})" if category and policy else ""
    return " ".join(part for part in (category or policy, action.lower(), end) if part)


def _compared(now: int, text: str, before: tuple[int, str] | None) -> str:
    if before is None:
        return text
    moved = change(now, before[0])
    return f"{text} (before: {before[1]}{f', {moved}' if moved else ''})"


def _share_of(before: Used | None, name: str) -> str:
    return "" if before is None else share(getattr(before, name), before.calls)


def _rate(part: int, whole: int, before: str) -> str:
    earlier = f"; before: {before}" if before else ""
    return f"{share(part, whole)} ({part:,} of {whole:,} calls{earlier})"


def _ms(value: float) -> str:
    return amount(value, "Milliseconds")


def _end(day: date | None) -> str:
    return "legacy" if day is None else f"{day:%Y-%m-%d}"


def _together(some: Sequence[Used]) -> Used:
    total = Used()
    for sums in some:
        total.add(sums)
    return total
