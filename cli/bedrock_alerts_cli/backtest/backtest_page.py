"""The report as one self-contained HTML page: no network, no script, no fonts."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

import jinja2

from bedrock_alerts import metrics
from bedrock_alerts.alerts.describe import lasting
from bedrock_alerts_cli.backtest import charts
from bedrock_alerts_cli.backtest.outcome import AlarmHistory, Outcome
from bedrock_alerts_cli.terminal import moment

_MOST_CHANGES: Final = 500


class Lane(NamedTuple):
    """One alarm on the time axis: its periods in ALARM, as positions and widths in percent."""

    alarm: AlarmHistory
    stretches: tuple[tuple[float, float], ...]


class Row(NamedTuple):
    """One state change in the table."""

    at: int
    name: str
    contributor: str
    from_state: str
    to_state: str
    reason: str
    headline: str
    value: str
    who: str


def render(outcome: Outcome, points: Sequence[metrics.Datapoint], title: str) -> str:
    """Return the page; all outside text in it is escaped."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "moment": lambda at: moment(at)[:16],
        "lasting": lambda seconds: lasting(timedelta(seconds=seconds)),
        "number": lambda value: f"{value:,.4g}" if value < _WHOLE else f"{value:,.0f}",
    }
    template = environment.from_string(
        Path(__file__).with_name("backtest_page.html.jinja").read_text(encoding="utf-8")
    )
    time = charts.axis(outcome.start, outcome.end)
    loud = [alarm for alarm in outcome.alarms if alarm.fired]
    rows = _rows(outcome.alarms)
    return template.render(
        title=title,
        outcome=outcome,
        loud=sorted(loud, key=lambda alarm: -alarm.fired),
        quiet=[alarm for alarm in outcome.alarms if not alarm.fired and alarm.is_judged],
        blind=[alarm for alarm in outcome.alarms if not alarm.is_judged],
        lanes=[_lane(alarm, time) for alarm in loud],
        plots=charts.plots(points, time),
        ticks=time.ticks(),
        reasons=_WORDS,
        rows=rows[:_MOST_CHANGES],
        rows_left_out=max(0, len(rows) - _MOST_CHANGES),
        size=(charts.WIDTH, charts.HEIGHT),
    )


_WHOLE: Final = 1000
# In the order of an incident's life.
_WORDS: Final = {
    "firing": "firing",
    "contributors": "new contributors",
    "escalated": "escalated",
    "still_firing": "still firing",
    "no_data": "no data",
    "resolved": "resolved",
    "shared": "several alerts in one",
    "notice": "other",
}


def _lane(alarm: AlarmHistory, time: charts.Axis) -> Lane:
    places = ((time.place(begin), time.place(end)) for begin, end in alarm.stretches)
    # One minute in a month must also be visible.
    return Lane(alarm, tuple((begin, max(0.3, end - begin)) for begin, end in places))


def _rows(alarms: Sequence[AlarmHistory]) -> list[Row]:
    rows = [
        Row(
            change.at,
            alarm.short_name,
            change.contributor,
            change.from_state,
            change.to_state,
            change.reason,
            change.headline,
            change.value,
            change.who,
        )
        for alarm in alarms
        for change in alarm.changes
        if "ALARM" in (change.from_state, change.to_state)
    ]
    return sorted(rows)
