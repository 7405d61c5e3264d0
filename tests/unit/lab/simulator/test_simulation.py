"""Alarms over time: data points in, changes of state out."""

from datetime import UTC, datetime, timedelta

import pytest

from bedrock_alerts_lab.simulator import Simulator, simulate
from tests.support.simulated import START, composite, math, metric_alarm, plain, row, together, told

END = START + 3600


def test_an_alarm_begins_without_data_and_goes_to_ok_at_its_first_evaluation() -> None:
    changes = simulate([plain()], row([0, 0]), START, START + 120).changes
    assert [(c.from_state, c.to_state) for c in changes] == [("INSUFFICIENT_DATA", "OK")]
    assert changes[0].at == datetime(2026, 11, 23, 8, 1, tzinfo=UTC)


def test_an_alarm_fires_at_the_end_of_the_minute_that_breaches_and_recovers_after_it() -> None:
    timeline = simulate([plain()], row([0, 6, 7, 0, 0]), START, START + 300)
    assert told(timeline.changes) == [(1, "OK"), (2, "ALARM"), (4, "OK")]
    assert timeline.seconds_in_alarm("errors") == 120


def test_an_alarm_that_has_not_recovered_counts_until_the_end() -> None:
    assert simulate([plain()], row([6] * 10), START, START + 600).seconds_in_alarm("errors") == 540


def test_the_window_slides_with_every_minute() -> None:
    alarm = plain(Period=300)
    timeline = simulate([alarm], row([0, 2, 2, 2, 0, 0, 0, 0]), START, START + 480)
    assert told(timeline.changes) == [(1, "OK"), (4, "ALARM"), (7, "OK")]


def test_without_data_an_alarm_judges_what_came_last_until_that_is_too_old() -> None:
    alarm = plain(TreatMissingData="notBreaching")
    timeline = simulate([alarm], row([0, 6]), START, END)
    assert told(timeline.changes) == [(1, "OK"), (2, "ALARM"), (5, "OK")]


def test_m_out_of_n_counts_breaches_that_do_not_follow_each_other() -> None:
    alarm = plain(EvaluationPeriods=3, DatapointsToAlarm=2)
    timeline = simulate([alarm], row([0, 0, 0, 6, 0, 6, 0, 0]), START, START + 480)
    assert told(timeline.changes) == [(1, "OK"), (6, "ALARM"), (7, "OK")]


def test_math_over_several_metrics() -> None:
    alarm = math("IF(m2 >= 20, 100 * m1 / m2, 0)", "Blocked", "Guarded", Threshold=10)
    points = [
        *row([3, 3, 0], "Blocked"),
        *row([10, 20, 20], "Guarded"),
    ]
    assert told(simulate([alarm], points, START, START + 180).changes) == [
        (1, "OK"),
        (2, "ALARM"),
        (3, "OK"),
    ]


def test_math_that_looks_at_the_whole_range() -> None:
    alarm = math("DIFF(m1)", "Depth", Threshold=4)
    timeline = simulate([alarm], row([1, 2, 9, 9], "Depth"), START, START + 240)
    assert told(timeline.changes) == [(2, "OK"), (3, "ALARM"), (4, "OK")]


def test_a_query_has_a_state_for_every_series_and_one_for_all() -> None:
    alarm = metric_alarm(
        "offender",
        {
            "Metrics": [
                {
                    "Id": "q1",
                    "Expression": 'SELECT SUM(Blocked) FROM SCHEMA("Example", Principal)'
                    " GROUP BY Principal ORDER BY SUM() DESC",
                    "Period": 60,
                }
            ],
            "EvaluationPeriods": 1,
            "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    )
    points = [
        *row([9, 0, 0, 0], "Blocked", Principal="a"),
        *row([0, 9, 0, 0], "Blocked", Principal="b"),
        *row([9] * 4, "Blocked", Other="a"),
    ]
    changes = simulate([alarm], points, START, START + 240).changes
    assert [
        (c.to_state, c.contributor and dict(c.contributor.attributes)["Principal"], c.reason[:30])
        for c in changes
    ] == [
        ("ALARM", None, "1 out of 2 time series evaluat"),
        ("ALARM", "a", "Threshold Crossed: 1 datapoint"),
        ("OK", "a", "Threshold Crossed: 1 datapoint"),
        ("ALARM", "b", "Threshold Crossed: 1 datapoint"),
        ("OK", None, "2 time series evaluated to OK"),
        ("OK", "b", "Threshold Crossed: 1 datapoint"),
    ]


def test_a_composite_follows_its_children() -> None:
    alarms = together(
        composite("both", 'ALARM("errors") AND NOT OK(slow)'),
        plain(),
        plain("slow", MetricName="Slow"),
    )
    points = [*row([0, 6, 6, 6, 0]), *row([0, 0, 6, 0, 0], "Slow")]
    timeline = simulate(alarms, points, START, START + 300)
    assert told(timeline.of("both")) == [(1, "OK"), (3, "ALARM"), (4, "OK")]


def test_time_cannot_go_back() -> None:
    simulator = Simulator([plain()], START)
    simulator.advance([], START + 120)
    with pytest.raises(ValueError, match="time cannot go back"):
        simulator.advance([], START + 60)


def test_points_that_come_early_wait_for_their_minute_and_late_ones_count_from_then_on() -> None:
    simulator = Simulator([plain(Period=300)], START)
    early = list(row([0, 0, 9]))
    assert told(simulator.advance(early, START + 60)) == [(1, "OK")]
    assert told(simulator.advance([], START + 120)) == []
    assert told(simulator.advance([], START + 180)) == [(3, "ALARM")]
    simulator = Simulator([plain(Period=300)], START)
    simulator.advance(row([0, 0, 0]), START + 180)
    assert told(simulator.advance(row([9]), START + 240)) == [(4, "ALARM")]


def test_times_may_be_given_as_such() -> None:
    start = datetime(2026, 11, 23, 8, tzinfo=UTC)
    timeline = simulate([plain()], row([6]), start, start + timedelta(minutes=1))
    assert (timeline.start, timeline.end) == (start, start + timedelta(minutes=1))
    assert told(timeline.changes) == [(1, "ALARM")]
