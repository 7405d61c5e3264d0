"""Anomaly detection bands, which are estimates."""

from bedrock_alerts_cli.simulator import Alarm, Datapoint, simulate
from bedrock_alerts_cli.simulator.anomaly_bands import HOUR, Model
from tests.support.simulated import NAMESPACE, START, metric_alarm, row, told

DAY = 24 * HOUR
MIDNIGHT = START - 8 * 3600


def model(*hours: tuple[int, list[float]]) -> Model:
    learned = Model()
    for hour, values in hours:
        learned.learn(hour, values)
    return learned


def test_nothing_is_expected_before_three_hours_of_data() -> None:
    assert model((0, [1]), (1, [1])).expected(2) is None
    assert model((0, [1]), (1, [1]), (2, [1])).expected(3) == (1, 0)
    assert model((0, [1]), (1, [1]), (2, [])).expected(3) is None


def test_mean_and_deviation_are_of_all_there_is_at_first() -> None:
    assert model((0, [1, 3]), (1, [1, 3]), (2, [1, 3])).expected(3) == (2, 1)


def test_with_three_days_the_same_hours_of_the_day_are_expected() -> None:
    learned = model(*((hour, [100.0 if hour % 24 == 9 else 4.0]) for hour in range(5 * 24)))
    assert learned.expected(5 * 24 + 3) == (4, 0)
    mean, deviation = learned.expected(5 * 24 + 9) or (0, 0)
    assert (mean, round(deviation, 6)) == (36, 45.254834)


def test_what_is_older_than_two_weeks_is_forgotten() -> None:
    learned = model(*((hour, [4.0]) for hour in range(3)))
    assert learned.expected(14 * 24 + 2) is None


def banded(operator: str = "GreaterThanUpperThreshold", **properties: object) -> Alarm:
    metric = {"Namespace": NAMESPACE, "MetricName": "Tokens"}
    return metric_alarm(
        "band",
        {
            "Metrics": [
                {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Sum"}},
                {"Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(m1, 3)"},
            ],
            "ThresholdMetricId": "ad1",
            "EvaluationPeriods": 1,
            "ComparisonOperator": operator,
            **properties,
        },
    )


def day_after_day(days: int, *, now: float) -> list[Datapoint]:
    """Return what is busy from noon to 18 every day, and `now` from two minutes after START on."""
    minutes = days * DAY + 8 * HOUR
    usual = [
        50.0 + minute % 7 if 12 <= minute // HOUR % 24 < 18 else 5.0 + minute % 3
        for minute in range(minutes)
    ]
    return [*row([*usual, 6, 6, *[now] * 30], "Tokens", start=MIDNIGHT - days * DAY * 60)]


def test_what_is_usual_at_this_hour_is_quiet_and_what_is_not_fires() -> None:
    quiet = simulate([banded()], day_after_day(6, now=6), START, START + 1800)
    assert told(quiet.changes) == [(1, "OK")]
    loud = simulate([banded()], day_after_day(6, now=300), START, START + 1800)
    assert [state for _, state in told(loud.changes)] == ["OK", "ALARM"]


def test_an_alarm_for_less_than_usual_fires_for_that_alone() -> None:
    points = day_after_day(6, now=0)
    for operator, states in {
        "LessThanLowerThreshold": ["OK", "ALARM"],
        "LessThanLowerOrGreaterThanUpperThreshold": ["OK", "ALARM"],
        "GreaterThanUpperThreshold": ["OK"],
    }.items():
        changes = simulate([banded(operator)], points, START, START + 1800).changes
        assert [change.to_state for change in changes] == states


def test_the_reason_shows_the_band_and_says_that_it_is_an_estimate() -> None:
    change = simulate([banded()], day_after_day(6, now=300), START, START + 1800).changes[-1]
    assert change.reason.startswith("Thresholds Crossed: 1 out of the last 1 datapoints [")
    assert "was greater than the upper thresholds [" in change.reason
    assert change.reason.endswith(
        "(Simulated: the band is an estimate from the same hours of earlier days, not"
        " CloudWatch's own model.)"
    )
    data = change.after.data or {}
    assert data["recentDatapoints"][0] > data["recentUpperThresholds"][0]
    assert "threshold" not in data
    assert "recentLowerThresholds" not in data


def test_without_history_there_is_no_band_and_so_no_data() -> None:
    assert simulate([banded()], row([9] * 60, "Tokens"), START, START + 3600).changes == ()


def test_values_that_an_expression_made_up_before_there_was_data_teach_nothing() -> None:
    alarm = metric_alarm(
        "band",
        {
            "Metrics": [
                {
                    "Id": "m1",
                    "ReturnData": False,
                    "MetricStat": {
                        "Metric": {"Namespace": NAMESPACE, "MetricName": "Tokens"},
                        "Period": 300,
                        "Stat": "Sum",
                    },
                },
                {"Id": "e1", "Expression": "FILL(m1, 0)"},
                {"Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(e1, 3)"},
            ],
            "ThresholdMetricId": "ad1",
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanUpperThreshold",
        },
    )
    timeline = simulate([alarm], row([9] * 300, "Tokens"), START, START + 300 * 60)
    assert "ALARM" not in [change.to_state for change in timeline.changes]
