"""Alarms over time: data points in, changes of state out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bedrock_alerts_cli.simulator import Alarm, Datapoint, Simulator, simulate
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


def query(text: str, **properties: object) -> Alarm:
    return metric_alarm(
        "query",
        {
            "Metrics": [{"Id": "q1", "Expression": text, "Period": 60}],
            "EvaluationPeriods": 1,
            "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold",
            **properties,
        },
    )


def test_a_query_without_groups_is_one_series() -> None:
    alarm = query("SELECT SUM(Blocked) FROM Example WHERE Model != 'c'")
    points = [
        *row([0, 3, 0], "Blocked", Model="a"),
        *row([0, 3, 0], "Blocked", Model="b", Stage="x"),
        *row([9, 9, 9], "Blocked", Model="c"),
    ]
    timeline = simulate([alarm], points, START, START + 180)
    assert told(timeline.changes) == [(1, "OK"), (2, "ALARM"), (3, "OK")]
    assert {change.contributor for change in timeline.changes} == {None}


def test_math_over_a_query_is_one_series_too() -> None:
    alarm = metric_alarm(
        "query",
        {
            "Metrics": [
                {
                    "Id": "q1",
                    "Expression": "SELECT MAX(Blocked) FROM Example",
                    "Period": 60,
                    "ReturnData": False,
                },
                {"Id": "e1", "Expression": "FILL(q1, 0) * 2"},
            ],
            "EvaluationPeriods": 1,
            "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    )
    points = row([None, 3, None], "Blocked", Model="a")
    assert told(simulate([alarm], points, START, START + 180).changes) == [
        (1, "OK"),
        (2, "ALARM"),
        (3, "OK"),
    ]


@pytest.mark.parametrize(
    ("treatment", "states"),
    [
        ("missing", ["ALARM", "INSUFFICIENT_DATA"]),
        ("ignore", ["ALARM"]),
        ("breaching", ["ALARM"]),
        ("notBreaching", ["OK", "ALARM", "OK"]),
    ],
)
def test_a_query_that_returns_nothing_is_treated_as_missing_data(
    treatment: str, states: list[str]
) -> None:
    alarm = query("SELECT SUM(Blocked) FROM Example GROUP BY P", TreatMissingData=treatment)
    points = row([None, 9], "Blocked", P="a")
    timeline = simulate([alarm], points, START, START + 1200)
    assert [change.to_state for change in timeline.of("query")] == states
    *_, last = (change for change in timeline.changes if change.contributor)
    assert (last.to_state, last.reason) == ("OK", "No data was returned for this contributor")


def test_only_so_many_series_are_judged_as_the_query_returns() -> None:
    text = "SELECT SUM(Blocked) FROM Example GROUP BY P {} LIMIT 2"
    points = [
        *row([9] * 3, "Blocked", P="a"),
        *row([8] * 3, "Blocked", P="b"),
        *row([99] * 3, "Blocked", P="c"),
    ]
    for order, expected in {
        "ORDER BY SUM() DESC": {"a", "c"},
        "ORDER BY SUM() ASC": {"a", "b"},
        "": {"a", "b"},
    }.items():
        changes = simulate([query(text.format(order))], points, START, START + 180).changes
        assert {dict(c.contributor.attributes)["P"] for c in changes if c.contributor} == expected


def test_a_contributor_that_is_outranked_recovers_without_being_seen() -> None:
    alarm = query("SELECT SUM(Blocked) FROM Example GROUP BY P ORDER BY SUM() DESC LIMIT 1")
    points = [*row([9] * 4, "Blocked", P="a"), *row([None, 99, 99, 99], "Blocked", P="b")]
    changes = simulate([alarm], points, START, START + 240).changes
    assert [
        (c.to_state, dict(c.contributor.attributes)["P"]) for c in changes if c.contributor
    ] == [("ALARM", "a"), ("ALARM", "b"), ("OK", "a")]


def test_a_contributor_may_alarm_for_what_is_missing() -> None:
    alarm = query(
        "SELECT SUM(Blocked) FROM Example GROUP BY P",
        TreatMissingData="breaching",
        EvaluationPeriods=2,
        DatapointsToAlarm=1,
    )
    *_, contributor = simulate([alarm], row([0], "Blocked", P="a"), START, START + 60).changes
    assert contributor.reason == (
        "Threshold Crossed: 1 datapoint was received for 2 periods and 1 missing datapoint was"
        " treated as [Breaching]."
    )


def test_more_than_a_hundred_contributors_are_not_counted() -> None:
    alarm = query("SELECT SUM(Blocked) FROM Example GROUP BY P")
    points = [one for number in range(101) for one in row([9], "Blocked", P=str(number))]
    parent, *contributors = simulate([alarm], points, START, START + 60).changes
    assert parent.reason == "100+ time series evaluated to ALARM"
    assert len(contributors) == 101


def test_percentiles_of_few_values_are_judged_or_ignored() -> None:
    latency: dict[str, Any] = {"Statistic": None, "ExtendedStatistic": "p90", "Period": 300}
    points = [
        Datapoint(namespace="Example", metric="Errors", minute=START + 60 * n, values=(9.0,) * k)
        for n, k in enumerate((40, 40, 40, 0, 0, 0, 0, 0, 40))
        if k
    ]
    judged = simulate([plain(**latency)], points, START, START + 600)
    assert told(judged.changes) == [(1, "ALARM")]
    ignored = simulate(
        [plain(**latency, EvaluateLowSampleCountPercentile="ignore")], points, START, START + 600
    )
    assert told(ignored.changes) == [(3, "ALARM")]


def test_an_alarm_over_days_is_looked_at_every_full_hour() -> None:
    alarm = plain(Period=3600, EvaluationPeriods=30, DatapointsToAlarm=1)
    timeline = simulate([alarm], row([0, 9]), START, START + 4 * 3600)
    assert told(timeline.changes) == [(60, "ALARM")]


def test_what_nobody_watches_and_what_is_very_old_is_left_alone() -> None:
    points = [*row([9], "Unwatched"), *row([9], start=START - 100 * 86400), *row([9], Model="a")]
    changes = simulate([plain()], points, START, START + 120).changes
    assert changes == ()


def test_a_point_of_a_far_future_waits_and_takes_no_room() -> None:
    points = [*row([9]), *row([9], start=START + 60 * 10**11)]
    assert told(simulate([plain()], points, START, START + 60).changes) == [(1, "ALARM")]


def test_an_alarms_state_can_be_asked_for() -> None:
    simulator = Simulator([plain(), composite("c", "TRUE")], START)
    assert simulator.state("errors") == "INSUFFICIENT_DATA"
    simulator.advance(row([9]), START + 60)
    assert (simulator.state("errors"), simulator.state("c")) == ("ALARM", "ALARM")
    assert simulator.now == datetime(2026, 11, 23, 8, 1, tzinfo=UTC)
