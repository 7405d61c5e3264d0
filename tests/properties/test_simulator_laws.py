"""What holds for the simulator whatever is measured, in whatever order and steps it comes."""

import random
from collections.abc import Iterable
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts_cli.simulator import Change, Datapoint, Lateness, Simulator, simulate
from tests.support.simulated import (
    NAMESPACE,
    START,
    composite,
    math,
    metric_alarm,
    plain,
    together,
)

MINUTES: Final = 45
END: Final = START + 60 * MINUTES
QUERY: Final = "SELECT SUM(Blocked) FROM Example GROUP BY P ORDER BY SUM() DESC LIMIT 2"
REST: Final = {
    "EvaluationPeriods": 2,
    "DatapointsToAlarm": 1,
    "Threshold": 5,
    "ComparisonOperator": "GreaterThanThreshold",
}
METRIC: Final = {"Namespace": NAMESPACE, "MetricName": "Errors"}
ALARMS: Final = together(
    plain(),
    plain("sums", Period=300, TreatMissingData="notBreaching"),
    plain("means", Statistic="Average", EvaluationPeriods=3, DatapointsToAlarm=2),
    plain("p90", Statistic=None, ExtendedStatistic="p90", TreatMissingData="ignore", Period=300),
    plain("hours", Period=300, EvaluationWindow={"WallClockWindow": {}}),
    math("IF(FILL(m2, 0) > 2, 10 * m1 / m2, 0)", "Errors", "Blocked", TreatMissingData="breaching"),
    math("FILL(m1, 0) * 60", "Errors", name="rate"),
    metric_alarm("groups", {**REST, "Metrics": [{"Id": "q", "Expression": QUERY, "Period": 60}]}),
    metric_alarm(
        "band",
        {
            "Metrics": [
                {"Id": "m1", "MetricStat": {"Metric": METRIC, "Period": 60, "Stat": "Sum"}},
                {"Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(m1, 2)"},
            ],
            "ThresholdMetricId": "ad1",
            "EvaluationPeriods": 1,
            "ComparisonOperator": "LessThanLowerOrGreaterThanUpperThreshold",
        },
    ),
    composite(
        "any",
        "ALARM(errors) OR ALARM(groups) AND NOT ALARM(rate)",
        ActionsSuppressor="means",
        ActionsSuppressorWaitPeriod=90,
        ActionsSuppressorExtensionPeriod=150,
    ),
    composite("top", "ALARM(any) OR INSUFFICIENT_DATA(p90)"),
)

points = st.builds(
    Datapoint,
    namespace=st.just(NAMESPACE),
    metric=st.sampled_from(["Errors", "Blocked"]),
    # History too, for the band.
    minute=st.integers(-300, MINUTES - 1).map(lambda minute: START + 60 * minute),
    dimensions=st.sampled_from([(), (), (("P", "a"),), (("P", "b"),), (("P", "c"),)]),
    values=st.lists(st.sampled_from([0.0, 0.1, 2.5, 6.0, 40.0]), min_size=1, max_size=3).map(tuple),
)
histories = st.lists(points, min_size=10, max_size=120)


def events(changes: list[Change]) -> list[dict[str, object]]:
    return [change.event() for change in changes]


@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_data_points_does_not_matter(
    history: list[Datapoint], chance: random.Random
) -> None:
    mixed = chance.sample(history, len(history))
    one = simulate(ALARMS, history, START, END)
    other = simulate(ALARMS, mixed, START, END)
    assert events([*one.changes]) == events([*other.changes])


@given(histories, st.lists(st.integers(1, 60 * MINUTES), max_size=12))
def test_time_in_any_steps_gives_the_same_changes(
    history: list[Datapoint], steps: list[int]
) -> None:
    simulator = Simulator(ALARMS, START)
    waiting = sorted(history, key=lambda point: point.minute)
    changes: list[Change] = []
    for now in sorted({*(START + step for step in steps), END}):
        due = [point for point in waiting if point.minute + 60 <= now]
        waiting = waiting[len(due) :]
        changes += simulator.advance(due, now)
    assert events(changes) == events([*simulate(ALARMS, history, START, END).changes])


@given(histories)
def test_changes_follow_each_other_without_a_gap(history: list[Datapoint]) -> None:
    timeline = simulate(ALARMS, history, START, END)
    times = [change.at for change in timeline.changes]
    assert times == sorted(times)
    for alarm in ALARMS:
        of_alarm = timeline.of(alarm.name)
        states = ["INSUFFICIENT_DATA", *(change.to_state for change in of_alarm)]
        assert states[:-1] == [change.from_state for change in of_alarm]
        for change in of_alarm:
            assert change.from_state != change.to_state or (
                change.before.suppression != change.after.suppression
            )
        assert 0 <= timeline.seconds_in_alarm(alarm.name) <= 60 * MINUTES


def states(changes: Iterable[Change]) -> list[tuple[object, ...]]:
    return [(one.at, one.alarm_name, one.to_state, one.contributor) for one in changes]


# Bands are trained on what has arrived, an hour at a time; the clock's windows are not simulated late.
LATE: Final = [alarm for alarm in ALARMS if alarm.name not in {"hours", "band"}]


@given(histories, st.integers(1, 12))
def test_late_data_is_judged_as_if_it_came_a_minute_at_a_time(
    history: list[Datapoint], minutes: int
) -> None:
    whole = simulate(LATE, history, START, END, Lateness(minutes)).changes
    simulator, stepped = Simulator(LATE, START), []
    for now in range(START, END + 1, 60):
        arrived = now - 60 * minutes
        come = [point for point in history if point.minute < arrived]
        history = [point for point in history if point.minute >= arrived]
        stepped += simulator.advance(come, now)
    assert states(whole) == states(stepped)
