"""The clock's own periods, in a time zone, and alarms that are evaluated over them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bedrock_alerts_cli.simulator import simulate
from bedrock_alerts_cli.simulator.clock import read_zone, windows
from tests.support.simulated import START, metric_alarm, plain, row, told

HOUR, DAY, WEEK = 60, 1440, 10080


def minute(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 60


@pytest.mark.parametrize(
    ("period", "zone", "expected"),
    [
        (5, "UTC", [("2026-11-23T08:00", "2026-11-23T08:05")]),
        (HOUR, "UTC", [("2026-11-23T07:00", "2026-11-23T08:00")]),
        (HOUR, "+05:30", [("2026-11-23T07:30", "2026-11-23T08:30")]),
        (DAY, "UTC", [("2026-11-22T00:00", "2026-11-23T00:00")]),
        (DAY, "Europe/Berlin", [("2026-11-21T23:00", "2026-11-22T23:00")]),
        (DAY, "UTC-03:00", [("2026-11-22T03:00", "2026-11-23T03:00")]),
        (WEEK, "UTC", [("2026-11-16T00:00", "2026-11-23T00:00")]),
    ],
)
def test_a_period_begins_where_the_clock_says(
    period: int, zone: str, expected: list[tuple[str, str]]
) -> None:
    ends = minute(expected[0][1])
    found = windows(period, read_zone(zone), 0, (ends, ends + 1))
    assert found == [(minute(start), minute(end)) for start, end in expected]
    before = windows(period, read_zone(zone), 2, (ends, ends + 1))
    assert len(before) == 3
    assert before[-1] == found[0]


def test_the_day_on_which_the_clocks_change_has_25_hours() -> None:
    ends = minute("2026-10-25T23:00")
    ((start, end),) = windows(DAY, ZoneInfo("Europe/Berlin"), 0, (ends, ends + 1))
    assert end - start == 25 * HOUR


def test_an_hour_counts_only_when_it_is_over() -> None:
    alarm = plain(Period=3600, EvaluationWindow={"WallClockWindow": {}}, Threshold=50)
    values = [1.0] * 90 + [0.0] * 90
    timeline = simulate([alarm], row(values), START, START + 180 * 60)
    assert told(timeline.changes) == [(60, "ALARM"), (120, "OK")]
    slides = plain(Period=3600, EvaluationWindow={"SlidingWindow": {}}, Threshold=50)
    timeline = simulate([slides], row(values), START, START + 180 * 60)
    assert told(timeline.changes) == [(1, "OK"), (51, "ALARM"), (100, "OK")]


def test_a_query_works_by_the_clock() -> None:
    alarm = metric_alarm(
        "query",
        {
            "Metrics": [
                {"Id": "q1", "Expression": "SELECT SUM(Errors) FROM Example", "Period": 300}
            ],
            "EvaluationPeriods": 1,
            "EvaluationWindow": {"WallClockWindow": {"Timezone": "Europe/Berlin"}},
            "Threshold": 4,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    )
    points = [*row([0.0, 1.0], Model="a"), *row([None, None, 9.0], Model="b")]
    timeline = simulate([alarm], points, START, START + 10 * 60)
    assert told(timeline.changes) == [(5, "ALARM")]
