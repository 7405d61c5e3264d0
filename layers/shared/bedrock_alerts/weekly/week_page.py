"""A week as one self-contained HTML page: no network, no script, no fonts."""

from collections.abc import Iterator
from datetime import timedelta
from html import escape
from typing import Final

from bedrock_alerts.alerts.alert import Table
from bedrock_alerts.alerts.formatting import caller_name, model_name
from bedrock_alerts.invocations.usage_lines import Used
from bedrock_alerts.text import clean
from bedrock_alerts.weekly.week import Week
from bedrock_alerts.weekly.week_tables import (
    change,
    details,
    in_a_line,
    money,
    no_calls,
    tables,
    totals,
)

_MOST_ROWS: Final = 25
_NAME_CHARS: Final = 200
_DAY: Final = timedelta(days=1)
_SHORT: Final = {"caller": caller_name, "model": model_name}

_STYLE: Final = """
:root { --text: #1b2430; --soft: #5b6776; --line: #d9dee5; --page: #fff; --model: #2f6fb7; --guard: #d98324; --old: #c3ccd6; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e7ebf0; --soft: #9aa7b5; --line: #333d4a; --page: #14191f; --model: #6ba6e8; --guard: #e8a65a; --old: #46525f; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 60rem; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .9rem 1.5rem; margin: 1.4rem 0; }
.facts div { border-top: 2px solid var(--line); padding-top: .35rem; }
.facts dt { color: var(--soft); font-size: .85rem; } .facts dd { margin: 0; overflow-wrap: anywhere; }
dl { margin: 0; } dd { font-variant-numeric: tabular-nums; }
.bars { display: flex; align-items: flex-end; gap: 3px; height: 9rem; border-bottom: 1px solid var(--line); }
.bars div { flex: 1; display: flex; flex-direction: column; justify-content: flex-end; height: 100%; min-width: 0; }
.bars i { display: block; background: var(--old); } .bars .now i { background: var(--model); } .bars .now i.guard { background: var(--guard); }
.days { display: flex; gap: 3px; color: var(--soft); font-size: .75rem; } .days span { flex: 1; text-align: center; min-width: 0; overflow: hidden; white-space: nowrap; }
.key span { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 1rem; vertical-align: -1px; } .key span:first-child { margin-left: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: .85rem; }
th, td { padding: .28rem .9rem .28rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td:first-child { max-width: 20rem; overflow: hidden; text-overflow: ellipsis; }
th:not(:first-child), td:not(:first-child) { text-align: right; width: 7rem; padding-right: 0; padding-left: .9rem; }
@media (max-width: 40rem) { td:first-child { max-width: 9rem; } th:not(:first-child), td:not(:first-child) { width: auto; } .days span:nth-child(even) { visibility: hidden; } }
""".strip()  # noqa: E501 - one rule a line


def page(week: Week, where: str) -> str:
    """Return the page; `where` names the stack, account and Region. All names are escaped."""
    return "\n".join(_lines(week, where)) + "\n"


def _lines(week: Week, where: str) -> Iterator[str]:
    last = week.span.end - _DAY
    title = f"Bedrock: {money(week.total.total)} in {week.span.days} days"
    if not week.total.calls:
        title = no_calls(week)
    elif week.before is not None:
        moved = change(week.total.total, week.before.book.total().total)
        title = f"{title}, {moved}" if moved else title
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f"<title>{escape(title)}</title>"
    yield f"<style>\n{_STYLE}\n</style></head><body>"
    yield f"<h1>{escape(title)}</h1>"
    period = f"{week.span.start:%Y-%m-%d} to {last:%Y-%m-%d}, UTC"
    yield f'<p class="soft">{escape(clean(where, _NAME_CHARS))} · {period}</p>'
    yield '<dl class="facts">'
    for label, value in (*totals(week), *in_a_line(week)):
        yield f"<div><dt>{escape(label)}</dt><dd>{_shown(value)}</dd></div>"
    yield "</dl>"
    yield from _days(week)
    for table in (*tables(week, _MOST_ROWS), *details(week, _MOST_ROWS)):
        yield from _table(table)
    yield "<h2>How to read this</h2>"
    yield (
        '<p class="soft">Costs are estimates by the price list of the stack, without discounts, '
        "commitments and taxes. Days are those of the log lines. "
        f"{'Callers and models beyond 10,000 rows are in the totals only. ' if week.is_cut else ''}"
        "No prompt, response or matched text is on this page.</p>"
    )
    yield "</body></html>"


def _days(week: Week) -> Iterator[str]:
    """Draw the cost of each day, the days before in gray."""
    spent = dict(week.now.book.by(lambda key: key.day))
    first = week.span.start
    if week.before is not None:
        spent = dict(week.before.book.by(lambda key: key.day)) | spent
        first = week.span.before.start
    days = [first + number * _DAY for number in range((week.span.end - first) // _DAY)]
    found = [(day, spent.get(f"{day:%Y-%m-%d}", Used())) for day in days]
    top = max((sums.total for _, sums in found), default=0)
    if not top:
        return
    yield f'<h2>Spend by day</h2><p class="soft">highest: {money(top)}</p><div class="bars">'
    for day, sums in found:
        is_now = day >= week.span.start
        title = f"{day:%Y-%m-%d}: {money(sums.total)}"
        yield (
            f'<div class="{"now" if is_now else "old"}" title="{escape(title)}">'
            f'<i class="guard" style="height: {100 * sums.guardrail_picodollars / top:.2f}%"></i>'
            f'<i style="height: {100 * sums.picodollars / top:.2f}%"></i></div>'
        )
    yield '</div><div class="days">'
    yield "".join(f"<span>{day:%d} {day:%b}</span>" for day, _ in found)
    yield '</div><p class="key soft"><span style="background: var(--model)"></span>models'
    yield '<span style="background: var(--guard)"></span>guardrails'
    if week.before is not None:
        yield '<span style="background: var(--old)"></span>the days before'
    yield "</p>"


def _table(table: Table) -> Iterator[str]:
    short = _SHORT.get(table.columns[0], str)
    yield f'<h2>{escape(table.title)}</h2><div class="wide"><table>'
    yield f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in table.columns)}</tr>"
    for first, *rest in table.rows:
        cells = "".join(f"<td>{_shown(cell)}</td>" for cell in rest)
        yield f'<tr><td title="{_shown(first)}">{_shown(short(first))}</td>{cells}</tr>'
    yield "</table></div>"


def _shown(text: str) -> str:
    return escape(clean(text, _NAME_CHARS))
