"""Alarms as a template describes them; what is not simulated is refused by name."""

from pathlib import Path
from typing import Any

import pytest

from bedrock_alerts_cli.simulator import AlarmError, CompositeAlarm, MetricAlarm, read_alarms
from tests.support.simulated import (
    NAMESPACE,
    PLAIN,
    composite,
    math,
    metric_alarm,
    plain,
    template,
    together,
)

STAT = {"Metric": {"Namespace": NAMESPACE, "MetricName": "M"}, "Period": 60, "Stat": "Sum"}
REST = {
    "EvaluationPeriods": 1,
    "Threshold": 5,
    "ComparisonOperator": "GreaterThanThreshold",
}


def alarm(*metrics: dict[str, Any], **properties: Any) -> MetricAlarm:
    read = metric_alarm("math", {**REST, "Metrics": list(metrics), **properties})
    assert isinstance(read, MetricAlarm)
    return read


def single(**properties: Any) -> MetricAlarm:
    read = plain(**properties)
    assert isinstance(read, MetricAlarm)
    return read


def test_numbers_may_come_as_text() -> None:
    read = single(EvaluationPeriods="3", DatapointsToAlarm="2", Threshold="0.5", Period="300")
    assert read.rules == (2, 3, "missing")
    assert (read.threshold, read.period, read.range) == (0.5, 300, 5)


def test_actions_and_tags_change_nothing() -> None:
    extra: dict[str, Any] = {
        "AlarmActions": ["arn"],
        "OKActions": [],
        "ActionsEnabled": False,
        "Tags": [],
    }
    assert plain(**extra) == plain()


def test_an_alarm_over_days_is_evaluated_every_hour() -> None:
    assert single(Period=3600, EvaluationPeriods=24).minutes_between == 1
    assert single(Period=3600, EvaluationPeriods=25).minutes_between == 60


def test_a_query_looks_back_three_hours_at_most() -> None:
    query = {"Id": "q1", "Expression": "SELECT SUM(M) FROM Example", "Period": 3600}
    assert alarm(query, EvaluationPeriods=2).range == 3
    assert alarm(query, EvaluationPeriods=1).range == 3
    assert alarm({**query, "Period": 300}, EvaluationPeriods=1).range == 3


def test_alarms_whose_condition_does_not_hold_are_left_out(tmp_path: Path) -> None:
    kind = "AWS::CloudWatch::Alarm"
    path = template(
        tmp_path,
        Conditions={"Never": {"Fn::Equals": ["a", "b"]}},
        Resources={
            "Kept": {"Type": kind, "Properties": PLAIN},
            "Left": {"Type": kind, "Condition": "Never", "Properties": {"Nonsense": 1}},
            "Both": {
                "Type": "AWS::CloudWatch::CompositeAlarm",
                "Properties": {"AlarmRule": {"Fn::Sub": 'ALARM("${Kept}")'}},
            },
            "Bucket": {"Type": "AWS::S3::Bucket"},
        },
    )
    kept, both = read_alarms(path)
    assert (kept.logical_id, both.logical_id) == ("Kept", "Both")
    assert isinstance(both, CompositeAlarm)
    assert kept.name in both.rule_text


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"Colour": "red"}, "alarm errors: Colour: this property is not simulated"),
        ({"Unit": "Count"}, "Unit: this property is not simulated"),
        ({"EvaluationCriteria": {}}, "EvaluationCriteria: this property is not simulated"),
        ({"Namespace": None}, "Namespace: is missing"),
        ({"MetricName": 3}, "MetricName: text is expected, not 3"),
        ({"Statistic": "Median"}, "Statistic: statistic 'Median' is not simulated"),
        ({"ExtendedStatistic": "p99"}, "ExtendedStatistic: cannot be combined with Statistic"),
        ({"Period": 30}, "Period: only whole minutes are simulated"),
        ({"Period": None}, "Period: is missing"),
        ({"Period": "often"}, "Period: a number is expected, not 'often'"),
        ({"EvaluationPeriods": 0}, "EvaluationPeriods: a whole number from 1"),
        ({"EvaluationPeriods": 1.5}, "EvaluationPeriods: a whole number from 1"),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm: must not be more"),
        ({"EvaluationPeriods": 1441}, "EvaluationPeriods: looks back further"),
        ({"Period": 86400, "EvaluationPeriods": 8}, "EvaluationPeriods: looks back further"),
        ({"Threshold": None}, "Threshold: give a threshold"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "ComparisonOperator: Greater"),
        ({"TreatMissingData": "zero"}, "TreatMissingData: 'zero' is not a treatment"),
        ({"Dimensions": {"A": "b"}}, "Dimensions: a list of Name and Value is expected"),
        ({"EvaluateLowSampleCountPercentile": "maybe"}, "EvaluateLowSampleCountPercentile"),
        ({"EvaluationWindow": {}}, "EvaluationWindow: give a SlidingWindow"),
        ({"EvaluationWindow": {"WallClockWindow": {"Zone": "UTC"}}}, "Zone: this property"),
        (
            {"EvaluationWindow": {"WallClockWindow": {"Timezone": "Mars"}}},
            r"EvaluationWindow\.WallClockWindow\.Timezone: there is no time zone 'Mars'",
        ),
        (
            {"Period": 120, "EvaluationWindow": {"WallClockWindow": {}}},
            "EvaluationWindow: a period of 120 s is not a wall clock period",
        ),
    ],
)
def test_what_is_wrong_is_named_with_alarm_and_property(
    properties: dict[str, Any], problem: str
) -> None:
    with pytest.raises(AlarmError, match=problem):
        plain(**properties)


QUERY = "SELECT SUM(M) FROM Example GROUP BY A"


@pytest.mark.parametrize(
    ("metrics", "problem"),
    [
        ([], "Metrics: a list is expected"),
        ([{"Id": "m1"}], r"Metrics\[0\]\.Expression: give an expression or a MetricStat"),
        ([{"Id": "M1", "Expression": "1"}], r"Metrics\[0\]\.Id: 'M1' is not a valid id"),
        (
            [{"Id": "m1", "MetricStat": STAT}] * 2,
            r"Metrics\[1\]\.Id: 'm1' is not a valid id, or is used twice",
        ),
        ([{"Id": "m1", "MetricStat": STAT, "AccountId": "1"}], "AccountId: this property"),
        ([{"Id": "m1", "MetricStat": {**STAT, "Unit": "Count"}}], "MetricStat.Unit: this prop"),
        ([{"Id": "m1", "MetricStat": 3}], "MetricStat.: an object is expected"),
        ([{"Id": "m1", "MetricStat": STAT, "ReturnData": False}], "exactly one must be returned"),
        ([{"Id": "m1", "MetricStat": STAT, "ReturnData": "?"}], "true or false is expected"),
        (
            [{"Id": "m1", "MetricStat": STAT}, {"Id": "e1", "Expression": "SLICE(m1, 0)"}],
            r"Metrics\[1\]\.Expression: 'SLICE\(m1, 0\)': function SLICE is not simulated",
        ),
        ([{"Id": "e1", "Expression": "1 +"}], r"Metrics\[0\]\.Expression: '1 \+'"),
        ([{"Id": "e1", "Expression": "e1 + 1"}], "it needs its own result"),
        ([{"Id": "e1", "Expression": "1 + 1"}], "metrics of several periods, or of none"),
        ([{"Id": "q1", "Expression": QUERY}], r"Metrics\[0\]\.Period: is missing"),
        (
            [
                {"Id": "m1", "MetricStat": STAT, "ReturnData": False},
                {"Id": "q1", "Expression": QUERY, "Period": 60},
            ],
            "GROUP BY among other metrics is not simulated",
        ),
    ],
)
def test_what_is_wrong_in_math_is_named_with_its_place(
    metrics: list[dict[str, Any]], problem: str
) -> None:
    with pytest.raises(AlarmError, match=problem):
        alarm(*metrics)


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"Period": 60}, "Period: cannot be combined with Metrics"),
        ({"ThresholdMetricId": "m1"}, "exactly one must be returned, not 0"),
        ({"ThresholdMetricId": "e9", "Threshold": None}, "ThresholdMetricId: a band is written"),
        (
            {"EvaluationWindow": {"WallClockWindow": {}}, "Metrics": [
                {"Id": "q1", "Expression": QUERY, "Period": 60}]},
            "a wall clock with GROUP BY is not simulated",
        ),
    ],
)  # fmt: skip
def test_what_does_not_go_with_math_is_refused(properties: dict[str, Any], problem: str) -> None:
    with pytest.raises(AlarmError, match=problem):
        metric_alarm("math", {**REST, "Metrics": [{"Id": "m1", "MetricStat": STAT}], **properties})


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"AlarmRule": None}, "AlarmRule: is missing"),
        ({"AlarmRule": "SOON(a)"}, "AlarmRule: SOON is not simulated"),
        ({"ActionsSuppressorWaitPeriod": 60}, "requires ActionsSuppressor"),
        ({"Threshold": 1}, "Threshold: this property is not simulated"),
    ],
)
def test_what_is_wrong_in_a_composite_is_named(properties: dict[str, Any], problem: str) -> None:
    with pytest.raises(AlarmError, match=problem):
        composite("c", **{"rule": "TRUE", **properties})


def test_composites_are_of_alarms_that_are_there_and_not_of_themselves() -> None:
    with pytest.raises(AlarmError, match="alarm c: AlarmRule: there is no alarm nobody"):
        together(composite("c", "ALARM(nobody)"))
    with pytest.raises(AlarmError, match="in a circle"):
        together(composite("a", "ALARM(b)"), composite("b", "OK(a)"), plain())
    with pytest.raises(AlarmError, match="two alarms have this name"):
        together(plain(), plain())


def test_metrics_of_several_periods_are_refused() -> None:
    metrics: list[dict[str, Any]] = [
        {"Id": "m1", "MetricStat": STAT, "ReturnData": False},
        {"Id": "m2", "MetricStat": {**STAT, "Period": 300}, "ReturnData": False},
        {"Id": "e1", "Expression": "m1 + m2"},
    ]
    with pytest.raises(AlarmError, match="several periods"):
        alarm(*metrics)
    assert isinstance(math("m1 + m2", "A", "B"), MetricAlarm)
