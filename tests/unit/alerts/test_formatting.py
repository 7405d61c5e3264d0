"""Numbers, durations and limits are written as people say them."""

from datetime import timedelta
from typing import Any

import pytest

from bedrock_alerts.alerts.alert import (
    Alert,
    Fact,
)
from bedrock_alerts.alerts.events import (
    Expression,
    MetricRef,
)
from bedrock_alerts.alerts.formatting import (
    caller_name,
    lasting,
    measured,
    model_name,
    place,
    recent,
    utc,
    watched,
)
from tests.support.changes import AT, change_with

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
    assert utc(AT) == "2026-11-23 08:10 UTC"


@pytest.mark.parametrize(
    ("operator", "values", "value"),
    [
        ("GreaterThanThreshold", (1.0, 12.0, 10.0), "12"),
        ("GreaterThanOrEqualToThreshold", (12.0, 10.0, 5.0), "10"),
        ("LessThanThreshold", (1.0, 10.0, 12.0), "1"),
        ("LessThanOrEqualToThreshold", (1.0, 10.0, 12.0), "10"),
        ("GreaterThanThreshold", (1.0, 2.0), "2"),
        ("SomethingNew", (12.0, 5.0), "5"),
        (None, (12.0, 5.0), "5"),
    ],
)
def test_the_newest_value_that_breached_is_the_one_that_counts(
    operator: str | None, values: tuple[float, ...], value: str
) -> None:
    change = change_with(recent_values=values)
    assert measured(change, 10.0, operator) == Fact("Value", f"{value} (threshold: 10)")


def test_of_a_recovery_the_newest_value_counts() -> None:
    over = change_with(state="OK", recent_values=(12.0, 1.0))
    assert measured(over, 10.0, "GreaterThanThreshold") == Fact("Value", "1 (threshold: 10)")


@pytest.mark.parametrize(
    ("band", "text"),
    [
        ((2.0, 9.0), "12 (expected: 2 to 9)"),
        ((None, 9.0), "12 (expected: up to 9)"),
        ((2.0, None), "12 (expected: at least 2)"),
    ],
)
def test_a_band_is_what_is_expected_whatever_the_operator(band: Any, text: str) -> None:
    change = change_with(recent_values=(12.0,), band=band)
    for operator in (None, "GreaterThanUpperThreshold", "LessThanLowerThreshold"):
        assert measured(change, None, operator) == Fact("Value", text)
        assert measured(change, 5.0, operator) == Fact("Value", text)


@pytest.mark.parametrize(
    ("values", "threshold", "fact"),
    [
        pytest.param((4.0,), None, Fact("Value", "4"), id="the value alone"),
        pytest.param((), 1.0, Fact("Threshold", "1"), id="the threshold alone"),
        pytest.param((), None, None, id="neither"),
        pytest.param(
            (1234567.0,), 0.12345, Fact("Value", "1,234,567 (threshold: 0.1235)"), id="readable"
        ),
        pytest.param((12345.6,), 99.95, Fact("Value", "12,346 (threshold: 99.95)"), id="rounded"),
        pytest.param((1e300,), -2.5, Fact("Value", "1e+300 (threshold: -2.5)"), id="huge"),
        pytest.param((7.0003,), 7.0, Fact("Value", "7.0003 (threshold: 7)"), id="near"),
    ],
)
def test_what_is_known_of_value_and_limit_is_said(
    values: tuple[float, ...], threshold: float | None, fact: Fact | None
) -> None:
    assert measured(change_with(recent_values=values), threshold, None) == fact


@pytest.mark.parametrize(
    ("period", "text"), [(60, "12 in 1 min"), (3600, "12 in 1 h"), (86400, "12 in 24 h")]
)
def test_a_value_says_its_period(period: int, text: str) -> None:
    change = change_with(recent_values=(12.0,), metrics=(MetricRef(name="a", period=period),))
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
        pytest.param(
            MetricRef(name="Calls", account_id="444455556666"),
            "Calls, account 444455556666",
            id="another account's",
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
    ("principal", "name"),
    [
        ("assumed-role/chat-backend", "chat-backend"),
        ("role/chat", "chat"),
        ("user/ci", "ci"),
        ("arn:aws:sts::111122223333:assumed-role/Admin/sam", "Admin/sam"),
        ("root", "root"),
        ("role/", "role/"),
        ("2 others", "2 others"),
    ],
)
def test_a_caller_has_the_name_that_people_use(principal: str, name: str) -> None:
    assert caller_name(principal) == name


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5"),
        ("amazon.nova-lite-v1:0", "nova-lite"),
        ("amazon.nova-lite-v1:0:300k", "nova-lite"),
        ("meta.llama3-1-70b-instruct-v1:0", "llama3-1-70b-instruct"),
        ("unknown", "unknown"),
        ("2 others", "2 others"),
    ],
)
def test_a_model_has_the_name_that_people_use(model: str, name: str) -> None:
    assert model_name(model) == name


def test_an_expression_without_a_label_is_explained() -> None:
    change = change_with(
        expressions=(Expression(text="a/b"),),
        metrics=(
            MetricRef(name="Failed", namespace="N", id="a"),
            MetricRef(name="Calls", account_id="444455556666"),
        ),
    )
    assert watched(change) == "a/b; a = N Failed, Calls, account 444455556666"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        pytest.param((), "", id="nothing"),
        pytest.param((14.0,), "", id="one value is no course"),
        pytest.param((0.0, 0.0, 2.0, 14.0), "0, 0, 2, 14", id="oldest first"),
        pytest.param(tuple(map(float, range(9))), "3, 4, 5, 6, 7, 8", id="the last ones"),
    ],
)
def test_recent_values_are_written(values: tuple[float, ...], text: str) -> None:
    assert recent(change_with(recent_values=values)) == text


def test_recent_values_have_their_unit() -> None:
    spend = MetricRef(name="EstimatedCost", namespace="BedrockAlerts")
    assert recent(change_with(recent_values=(0.0, 31.4), metrics=(spend,))) == "$0.00, $31.40"
