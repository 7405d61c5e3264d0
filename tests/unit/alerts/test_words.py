"""Numbers, durations and limits are written as people say them."""

from datetime import timedelta
from typing import Any

import pytest

from bedrock_alerts.alerts.model import Alert, Expression, Fact, MetricRef
from bedrock_alerts.alerts.words import lasting, measured, place, sent_late, utc, watched
from tests.support.changes import AT, change_with

PLAIN = Alert(
    key="k", tone="ok", status="OK", title="t", summary="", account_id="", region="", at=None
)
BAND = Expression(text="ANOMALY_DETECTION_BAND(m1, 2)", label="usual")


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        pytest.param(timedelta(seconds=-5), "0 s", id="clocks that disagree"),
        pytest.param(timedelta(seconds=45), "45 s", id="seconds"),
        pytest.param(timedelta(minutes=14, seconds=59), "14 min", id="minutes"),
        pytest.param(timedelta(hours=3), "3 h", id="whole hours"),
        pytest.param(timedelta(hours=3, minutes=20), "3 h 20 min", id="hours"),
        pytest.param(timedelta(days=2, hours=4), "2 d 4 h", id="days"),
        pytest.param(timedelta(days=2, minutes=4), "2 d", id="days, and no matter what else"),
    ],
)
def test_a_duration_is_written_as_people_say_it(duration: timedelta, text: str) -> None:
    assert lasting(duration) == text


def test_a_time_says_its_zone() -> None:
    assert utc(AT) == "2026-11-23 08:10:41 UTC"


@pytest.mark.parametrize(
    ("operator", "text"),
    [
        ("GreaterThanThreshold", "12, allowed at most 10"),
        ("GreaterThanOrEqualToThreshold", "12, allowed below 10"),
        ("LessThanThreshold", "12, allowed at least 10"),
        ("LessThanOrEqualToThreshold", "12, allowed above 10"),
        ("SomethingNew", "12, threshold 10"),
        (None, "12, threshold 10"),
    ],
)
def test_the_operator_is_turned_into_what_is_allowed(operator: str | None, text: str) -> None:
    change = change_with(recent_values=(1.0, 12.0))
    assert measured(change, 10.0, operator) == Fact("Value", text)


@pytest.mark.parametrize(
    ("band", "operator", "text"),
    [
        ((2.0, 9.0), None, "12, usually 2 to 9"),
        ((2.0, 9.0), "GreaterThanUpperThreshold", "12, usually at most 9"),
        ((2.0, 9.0), "LessThanLowerThreshold", "12, usually at least 2"),
        ((2.0, 9.0), "LessThanLowerOrGreaterThanUpperThreshold", "12, usually 2 to 9"),
        ((None, 9.0), None, "12, usually at most 9"),
        ((2.0, None), None, "12, usually at least 2"),
        ((None, 9.0), "LessThanLowerThreshold", "12"),
    ],
)
def test_a_band_is_what_is_usual(band: Any, operator: str | None, text: str) -> None:
    change = change_with(recent_values=(12.0,), band=band)
    assert measured(change, None, operator) == Fact("Value", text)


@pytest.mark.parametrize(
    ("values", "threshold", "operator", "fact"),
    [
        pytest.param((4.0,), None, None, Fact("Value", "4"), id="the value alone"),
        pytest.param((), 1.0, None, Fact("Threshold", "1"), id="the threshold alone"),
        pytest.param(
            (), 1.0, "LessThanThreshold", Fact("Allowed", "at least 1"), id="with its operator"
        ),
        pytest.param((), None, None, None, id="neither"),
        pytest.param(
            (1234567.0,), 0.12345, None, Fact("Value", "1,234,567, threshold 0.1235"), id="readable"
        ),
        pytest.param(
            (12345.6,), 99.95, None, Fact("Value", "12,346, threshold 99.95"), id="rounded"
        ),
        pytest.param((1e300,), -2.5, None, Fact("Value", "1e+300, threshold -2.5"), id="huge"),
    ],
)
def test_what_is_known_of_value_and_limit_is_said(
    values: tuple[float, ...], threshold: float | None, operator: str | None, fact: Fact | None
) -> None:
    assert measured(change_with(recent_values=values), threshold, operator) == fact


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        pytest.param({"metrics": (MetricRef(name="Latency"),)}, "12 ms", id="milliseconds"),
        pytest.param({"metrics": (MetricRef(name="EstimatedCost"),)}, "12 USD", id="dollars"),
        pytest.param({"metrics": (MetricRef(name="Calls"),)}, "12", id="a number of things"),
        pytest.param(
            {
                "metrics": (MetricRef(name="InvocationLatency"),),
                "expressions": (BAND,),
            },
            "12 ms",
            id="a metric and its band",
        ),
        pytest.param(
            {
                "metrics": (MetricRef(name="Latency"),),
                "expressions": (Expression(text="100 * a / b", label="Failed calls (%)"),),
            },
            "12 %",
            id="a share",
        ),
        pytest.param(
            {
                "metrics": (MetricRef(name="Latency"),),
                "expressions": (Expression(text="a / b", label="Slowness"),),
            },
            "12",
            id="whatever is made of it",
        ),
    ],
)
def test_a_unit_is_said_where_it_is_sure(fields: dict[str, Any], text: str) -> None:
    change = change_with(recent_values=(12.0,), **fields)
    assert measured(change, None, None) == Fact("Value", text)


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        pytest.param(MetricRef(name="Calls"), "Calls", id="a name alone"),
        pytest.param(MetricRef(name="Calls", statistic="Sum"), "Calls", id="no period"),
        pytest.param(
            MetricRef(
                name="Calls",
                namespace="Invented",
                statistic="p95",
                period=300,
                dimensions=(("ModelId", "m"), ("App", "chat")),
            ),
            "Invented Calls (ModelId=m, App=chat), p95 over 5 min",
            id="all there is",
        ),
    ],
)
def test_a_metric_is_written_out(metric: MetricRef, text: str) -> None:
    assert watched(change_with(metrics=(metric,))) == text


def test_an_alarm_that_does_not_say_what_it_watches_watches_nothing() -> None:
    assert watched(change_with()) == watched(change_with(expressions=(BAND,))) == ""


@pytest.mark.parametrize(
    ("account", "alias", "region", "text"),
    [
        pytest.param("111122223333", "", "eu-west-1", "111122223333 · eu-west-1", id="both"),
        pytest.param("111122223333", "", "", "111122223333", id="the account"),
        pytest.param("", "", "eu-west-1", "eu-west-1", id="the Region"),
        pytest.param("", "", "", "", id="neither"),
        pytest.param(
            "111122223333", "prod", "eu-west-1", "prod (111122223333) · eu-west-1", id="an alias"
        ),
        pytest.param("", "prod", "", "prod", id="an alias alone"),
    ],
)
def test_the_place_is_what_is_known_of_it(account: str, alias: str, region: str, text: str) -> None:
    alert = Alert(
        key="k",
        tone="ok",
        status="OK",
        title="t",
        summary="",
        account_id=account,
        account_alias=alias,
        region=region,
        at=None,
    )
    assert place(alert) == text


@pytest.mark.parametrize(
    ("waited", "says"),
    [
        pytest.param(-5.0, None, id="clocks that disagree say nothing"),
        pytest.param(59.0, None, id="under a minute is not late"),
        pytest.param(60.0, "held back for 1 min", id="a minute is said"),
        pytest.param(7500.0, "held back for 2 h 5 min", id="hours are said"),
    ],
)
def test_an_alert_that_waited_for_its_channel_says_so_first(
    waited: float, says: str | None
) -> None:
    shown = [fact.value for fact in sent_late(PLAIN, waited).facts if fact.label == "Sent late"]
    assert shown == ([] if says is None else [says])
