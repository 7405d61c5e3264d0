"""The events have the shapes that CloudWatch documents, and that our own reader understands."""

import json
from typing import Any

import pytest

from bedrock_alerts.alerts.model import StateChange
from bedrock_alerts.alerts.normalise import normalise
from bedrock_alerts_cli.simulator import Alarm, Change, simulate
from tests.support.simulated import (
    START,
    composite,
    math,
    metric_alarm,
    plain,
    row,
    together,
)

ACCOUNT, REGION = "444455556666", "us-east-2"


def changes(*alarms: Alarm, values: tuple[float | None, ...] = (0, 9)) -> tuple[Change, ...]:
    points = [*row(values), *row(values, "Slow", Model="a"), *row(values, "Slow", Model="b")]
    return simulate(together(*alarms), points, START, START + 60 * len(values)).changes


def detail(change: Change) -> dict[str, Any]:
    found: dict[str, Any] = change.event(ACCOUNT, REGION)["detail"]
    return found


def test_the_event_of_a_plain_alarm() -> None:
    alarm = plain(Dimensions=[], AlarmDescription="Many errors.\nSeverity: warning")
    event = changes(alarm)[-1].event(ACCOUNT, REGION)
    data = json.loads(event["detail"]["state"].pop("reasonData"))
    before = json.loads(event["detail"]["previousState"].pop("reasonData"))
    (metric,) = event["detail"]["configuration"]["metrics"]
    assert (len(event.pop("id")), len(metric.pop("id"))) == (36, 36)
    assert event == {
        "version": "0",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": ACCOUNT,
        "time": "2026-11-23T08:02:00Z",
        "region": REGION,
        "resources": [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:errors"],
        "detail": {
            "alarmName": "errors",
            "configuration": {
                "description": "Many errors.\nSeverity: warning",
                "metrics": [
                    {
                        "metricStat": {
                            "metric": {"namespace": "Example", "name": "Errors", "dimensions": {}},
                            "period": 60,
                            "stat": "Sum",
                        },
                        "returnData": True,
                    }
                ],
            },
            "previousState": {
                "value": "OK",
                "reason": "Threshold Crossed: 1 out of the last 1 datapoints [0.0 (23/11/26"
                " 08:00:00)] was not greater than the threshold (5.0) (minimum 1 datapoint for"
                " ALARM -> OK transition).",
                "timestamp": "2026-11-23T08:01:00.000+0000",
            },
            "state": {
                "value": "ALARM",
                "reason": "Threshold Crossed: 1 out of the last 1 datapoints [9.0 (23/11/26"
                " 08:01:00)] was greater than the threshold (5.0) (minimum 1 datapoint for OK ->"
                " ALARM transition).",
                "timestamp": "2026-11-23T08:02:00.000+0000",
            },
        },
    }
    assert data == {
        "version": "1.0",
        "queryDate": "2026-11-23T08:02:00.000+0000",
        "startDate": "2026-11-23T08:01:00.000+0000",
        "statistic": "Sum",
        "period": 60,
        "recentDatapoints": [9.0],
        "threshold": 5.0,
        "evaluatedDatapoints": [
            {"timestamp": "2026-11-23T08:01:00.000+0000", "sampleCount": 1.0, "value": 9.0}
        ],
    }
    assert before["recentDatapoints"] == [0.0]


def test_a_new_alarm_was_unchecked_and_has_no_data_about_it() -> None:
    first = detail(changes(plain())[0])
    assert first["previousState"] == {
        "value": "INSUFFICIENT_DATA",
        "reason": "Unchecked: Initial alarm creation",
        "timestamp": "2026-11-23T08:00:00.000+0000",
    }
    assert "description" not in first["configuration"]


def test_several_points_are_listed_from_the_newest() -> None:
    alarm = plain(EvaluationPeriods=3, DatapointsToAlarm=2)
    change = changes(alarm, values=(0, 7, 0, 9.5))[-1]
    assert change.reason == (
        "Threshold Crossed: 2 out of the last 3 datapoints [9.5 (23/11/26 08:03:00), 7.0 (23/11/26"
        " 08:01:00)] were greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM"
        " transition)."
    )
    data = json.loads(detail(change)["state"]["reasonData"])
    assert data["recentDatapoints"] == [7, 0, 9.5]
    assert [one["value"] for one in data["evaluatedDatapoints"]] == [9.5, 0, 7]
    assert data["startDate"] == "2026-11-23T08:01:00.000+0000"


def test_a_recovery_says_how_many_points_it_takes() -> None:
    alarm = plain(EvaluationPeriods=3, DatapointsToAlarm=1)
    change = changes(alarm, values=(9, 0, 0, 1))[-1]
    assert change.reason == (
        "Threshold Crossed: 3 out of the last 3 datapoints [1.0 (23/11/26 08:03:00), 0.0 (23/11/26"
        " 08:02:00), 0.0 (23/11/26 08:01:00)] were not greater than the threshold (5.0) (minimum 3"
        " datapoints for ALARM -> OK transition)."
    )


@pytest.mark.parametrize(
    ("treatment", "periods", "values", "reason"),
    [
        (
            "notBreaching",
            1,
            (None,),
            (
                "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint"
                " was treated as [NonBreaching]."
            ),
        ),
        (
            "breaching",
            3,
            (9, None, None),
            (
                "Threshold Crossed: 1 datapoint was received for 3 periods and 2 missing datapoints"
                " were treated as [Breaching]."
            ),
        ),
    ],
)
def test_missing_data_is_said_with_how_it_was_treated(
    treatment: str, periods: int, values: tuple[float | None, ...], reason: str
) -> None:
    alarm = plain(TreatMissingData=treatment, EvaluationPeriods=periods)
    assert changes(alarm, values=values)[-1].reason == reason


def test_without_data_only_times_are_given() -> None:
    values = (9, *[None] * 9)
    change = changes(plain(EvaluationPeriods=2, DatapointsToAlarm=1), values=values)[-1]
    assert change.to_state == "INSUFFICIENT_DATA"
    assert change.reason == "Insufficient Data: 2 datapoints were unknown."
    data = json.loads(detail(change)["state"]["reasonData"])
    assert data["recentDatapoints"] == []
    assert [set(one) for one in data["evaluatedDatapoints"]] == [{"timestamp"}, {"timestamp"}]


def test_the_event_of_math_has_its_expressions_and_no_statistic() -> None:
    event = detail(changes(math("m1 * 2", "Errors"))[-1])
    metric, expression = event["configuration"]["metrics"]
    assert (metric["id"], metric["returnData"]) == ("m1", False)
    assert expression == {"id": "e1", "expression": "m1 * 2", "returnData": True}
    assert "statistic" not in json.loads(event["state"]["reasonData"])


def by_model() -> Alarm:
    return metric_alarm(
        "slow",
        {
            "Metrics": [
                {
                    "Id": "q1",
                    "Expression": "SELECT SUM(Slow) FROM Example GROUP BY Model",
                    "Period": 60,
                    "Label": "slow by model",
                }
            ],
            "EvaluationPeriods": 1,
            "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    )


def test_the_event_of_an_alarm_on_several_series_says_how_many() -> None:
    parent = detail(changes(by_model())[1])
    assert parent["configuration"]["metrics"] == [
        {
            "id": "q1",
            "expression": "SELECT SUM(Slow) FROM Example GROUP BY Model",
            "period": 60,
            "label": "slow by model",
            "returnData": True,
        }
    ]
    assert parent["state"]["reason"] == "2 out of 2 time series evaluated to ALARM"
    assert set(json.loads(parent["state"]["reasonData"])) == {"version", "queryDate"}


def test_the_event_of_a_contributor_has_no_previous_state_and_no_data() -> None:
    event = changes(by_model())[2].event(ACCOUNT, REGION)
    assert event["detail-type"] == "CloudWatch Alarm Contributor State Change"
    contributor = event["detail"]["alarmContributor"]
    assert contributor["attributes"] == {"Model": "a"}
    assert len(contributor["id"]) == 16
    assert "previousState" not in event["detail"]
    assert event["detail"]["state"] == {
        "value": "ALARM",
        "reason": "Threshold Crossed: 1 datapoint was greater than the threshold (5.0). The most"
        " recent datapoint which crossed the threshold: [9.0 (23/11/26 08:01:00)].",
        "timestamp": "2026-11-23T08:02:00.000+0000",
    }


def test_the_event_of_a_composite_has_its_rule_and_the_arns_of_the_account() -> None:
    alarms = (
        plain(),
        composite(
            "any",
            "ALARM(errors)",
            AlarmDescription="Anything",
            ActionsSuppressor="errors",
            ActionsSuppressorWaitPeriod=60,
            ActionsSuppressorExtensionPeriod=60,
        ),
    )
    event = detail(changes(*alarms)[-1])
    assert event["configuration"] == {
        "description": "Anything",
        "alarmRule": "ALARM(errors)",
        "actionsSuppressor": "errors",
        "actionsSuppressorWaitPeriod": 60,
        "actionsSuppressorExtensionPeriod": 60,
    }
    state = event["state"]
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:errors"
    assert state["reason"].startswith(f"{arn} transitioned to ALARM at Monday 23 November, 2026")
    assert json.loads(state["reasonData"]) == {
        "triggeringAlarms": [
            {"arn": arn, "state": {"value": "ALARM", "timestamp": "2026-11-23T08:02:00.000+0000"}}
        ]
    }
    assert state["actionsSuppressedBy"] == "Alarm"
    assert event["previousState"]["actionsSuppressedReason"] == "Actions suppressed by WaitPeriod"


def test_every_event_has_an_id_of_its_own_that_is_the_same_every_time() -> None:
    alarms = (plain(), by_model(), composite("any", "ALARM(errors)"))
    ids = [change.event(ACCOUNT, REGION)["id"] for change in changes(*alarms)]
    assert len(set(ids)) == len(ids)
    assert ids == [change.event(ACCOUNT, REGION)["id"] for change in changes(*alarms)]
    assert ids[0] != changes(*alarms)[0].event(ACCOUNT, "eu-west-1")["id"]


def test_our_own_reader_understands_every_event() -> None:
    for change in changes(plain(), by_model(), math("m1 * 2", "Errors"), composite("c", "TRUE")):
        (read,) = normalise(json.dumps(change.event(ACCOUNT, REGION)))
        assert isinstance(read, StateChange)
        assert (read.alarm_name, read.state, read.at) == (
            change.alarm_name,
            change.to_state,
            change.at,
        )
        assert read.reason == change.reason.replace("eu-west-1:111122223333", f"{REGION}:{ACCOUNT}")
