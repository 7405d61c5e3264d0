"""A week as an alert, so that every channel shows it as it shows alerts."""

import json
from datetime import timedelta
from typing import Final, NamedTuple

import msgspec

from bedrock_alerts.alerts.alert import Alert, Evidence, Fact, Link, Table
from bedrock_alerts.weekly.week import Week
from bedrock_alerts.weekly.week_tables import in_a_line, money, no_calls, tables, totals

_MOST_ROWS: Final = 5
_MOST_COLUMNS: Final = 3
_A_DAY: Final = 86_400


class Place(NamedTuple):
    """Where the report comes from; `metrics` is the namespace of the stack's metrics."""

    stack: str
    account_id: str
    region: str
    metrics: str
    account_alias: str = ""


def alert_of(week: Week, place: Place, links: tuple[Link, ...] = ()) -> Alert:
    """Return the alert that reports a week."""
    headline = f"Bedrock spend {money(week.total.total)} in {week.span.days} days"
    if not week.total.calls:
        headline = no_calls(week)
    elif week.before is not None:
        headline = f"{headline} (before: {money(week.before.book.total().total)})"
    last = week.span.end - timedelta(days=1)
    facts = [
        Fact("Days", f"{week.span.start:%Y-%m-%d} to {last:%Y-%m-%d}, UTC"),
        *(Fact(label, value) for label, value in (*totals(week), *in_a_line(week))),
    ]
    return Alert(
        key=f"weekly-report/{place.stack}/{week.span.end:%Y-%m-%d}",
        tone="info",
        status="Weekly report",
        label="Weekly report",
        headline=headline,
        title=f"{place.stack} weekly report",
        summary="",
        severity="info",
        account_id=place.account_id,
        account_alias=place.account_alias,
        region=place.region,
        at=None,
        facts=tuple(facts),
        links=links,
        evidence=Evidence(tables=tuple(map(_narrow, tables(week, _MOST_ROWS)))),
        widget=picture(week, place),
    )


def _narrow(table: Table) -> Table:
    """Leave out what follows the third column: a phone has more room for names then."""
    rows = tuple(row[:_MOST_COLUMNS] for row in table.rows)
    return msgspec.structs.replace(table, columns=table.columns[:_MOST_COLUMNS], rows=rows)


def picture(week: Week, place: Place) -> str:
    """Return the JSON of the picture: the cost of each day, of both weeks."""
    span = week.span if week.before is None else week.span.before._replace(end=week.span.end)
    return json.dumps(
        {
            "view": "timeSeries",
            "stacked": True,
            "width": 800,
            "height": 300,
            "title": "Bedrock spend a day, in US dollars",
            "timezone": "+0000",
            "start": f"{span.start:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{span.end:%Y-%m-%dT%H:%M:%SZ}",
            "region": place.region,
            "stat": "Sum",
            "period": _A_DAY,
            "yAxis": {"left": {"min": 0, "showUnits": False}},
            "metrics": [
                [place.metrics, "EstimatedCost", {"label": "models"}],
                [place.metrics, "GuardrailCost", {"label": "guardrails"}],
            ],
        },
        separators=(",", ":"),
    )
