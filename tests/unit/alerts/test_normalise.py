"""Whatever a message holds, a state change or a plain unknown event comes out of it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.describe import describe
from bedrock_alerts.alerts.model import MetricRef, StateChange, Unrecognised
from bedrock_alerts.alerts.normalise import normalise
from tests.support.alarms import ACCOUNT, ALARMS, REGION, alarm_event, envelope, metric, state

AT = datetime(2026, 11, 23, 8, 10, 41, 529_000, tzinfo=UTC)
TIMESTAMP = "2026-11-23T08:10:41.529+0000"


def change_of(event: Any) -> StateChange:
    found = normalise(json.dumps(event))
    assert isinstance(found, StateChange)
    return found


def with_data(data: Any) -> dict[str, Any]:
    return alarm_event(state=state("ALARM", "…", TIMESTAMP, data))


def test_an_alarm_is_read_whole() -> None:
    assert normalise(ALARMS["an alarm fires"]) == StateChange(
        alarm_name="chat-guardrail-blocks",
        alarm_arn=f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:chat-guardrail-blocks",
        account_id=ACCOUNT,
        region=REGION,
        state="ALARM",
        at=AT,
        reason="Threshold Crossed: 1 datapoint [12.0 (23/11/26 08:05:00)] was greater than or equal"
        " to the threshold (10.0).",
        description="A guardrail blocked calls of the chat.\nSeverity: critical\n"
        "Runbook: https://wiki.example.com/guardrails#blocks\nTeam: Chat",
        previous_state="OK",
        previous_at=datetime(2026, 11, 23, 7, 2, 41, 530_000, tzinfo=UTC),
        metrics=(
            MetricRef(
                name="ContentFilteredCount",
                namespace="BedrockAlerts",
                statistic="Sum",
                period=300,
                dimensions=(("Application", "chat"),),
            ),
        ),
        threshold=10.0,
        recent_values=(4.0, 12.0),
    )


@pytest.mark.parametrize(
    ("name", "expressions", "metrics"),
    [
        pytest.param(
            "metric math",
            ("Throttled calls (%)",),
            ("InvocationThrottles", "Invocations"),
            id="metric math shows its label",
        ),
        pytest.param(
            "anomaly detection",
            ("ANOMALY_DETECTION_BAND(m1, 2)",),
            ("InvocationLatency",),
            id="an expression without a label shows itself",
        ),
        pytest.param("a composite alarm", (), (), id="a composite alarm has neither"),
        pytest.param(
            "an alarm over many series",
            ('SELECT SUM(Throttles) FROM "BedrockAlerts" GROUP BY ModelId',),
            (),
            id="a query stands for its series",
        ),
    ],
)
def test_what_an_alarm_reads_is_parted(
    name: str, expressions: tuple[str, ...], metrics: tuple[str, ...]
) -> None:
    change = normalise(ALARMS[name])
    assert isinstance(change, StateChange)
    assert change.expressions == expressions
    assert tuple(metric.name for metric in change.metrics) == metrics


@pytest.mark.parametrize(
    ("data", "threshold", "values"),
    [
        pytest.param({"threshold": 3, "recentDatapoints": [1, 2.5]}, 3.0, (1.0, 2.5), id="both"),
        pytest.param({"recentDatapoints": [9125.5]}, None, (9125.5,), id="an anomaly"),
        pytest.param({"threshold": "3"}, None, (), id="a threshold that is text"),
        pytest.param({"threshold": True}, None, (), id="a threshold that is a truth value"),
        pytest.param({"threshold": 10**400}, None, (), id="a threshold that no float holds"),
        pytest.param('{"threshold": NaN}', None, (), id="a threshold that is no number"),
        pytest.param({"recentDatapoints": [1, None, "x", 2]}, None, (1.0, 2.0), id="odd values"),
        pytest.param(
            {"recentDatapoints": list(range(100))}, None, tuple(range(40, 100)), id="many"
        ),
        pytest.param("not JSON", None, (), id="a state set by hand"),
        pytest.param("[" * 100_000, None, (), id="JSON too deep to read"),
        pytest.param("[1]", None, (), id="JSON that is no object"),
        pytest.param(None, None, (), id="no data at all"),
    ],
)
def test_threshold_and_values_come_from_the_reason_data_where_it_has_them(
    data: Any, threshold: float | None, values: tuple[float, ...]
) -> None:
    change = change_of(with_data(data))
    assert (change.threshold, change.recent_values) == (threshold, values)


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        pytest.param("2026-11-23T08:10:41.529+0000", AT, id="with an offset"),
        pytest.param("2026-11-23T08:10:41.529Z", AT, id="with a Z"),
        pytest.param("2026-11-23T10:10:41.529+02:00", AT, id="elsewhere on earth"),
        pytest.param("2026-11-23T08:10:41.529", AT, id="without any: it is UTC"),
        pytest.param("yesterday", AT.replace(microsecond=0), id="unreadable: the event's own time"),
        pytest.param(
            "0001-01-01T00:00:00+14:00", AT.replace(microsecond=0), id="before all time: likewise"
        ),
        pytest.param(1_795_420_800, AT.replace(microsecond=0), id="a number: likewise"),
    ],
)
def test_times_are_read_however_they_are_written(timestamp: Any, at: datetime) -> None:
    assert change_of(alarm_event(state=state("ALARM", "…", timestamp))).at == at


def test_a_contributor_of_an_alarm_without_previous_state_is_read() -> None:
    change = change_of(alarm_event(previousState=None))
    assert (change.previous_state, change.previous_at) == (None, None)


def test_an_alarm_without_arn_gets_the_one_it_must_have() -> None:
    event = alarm_event()
    event["resources"] = []
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:chat-guardrail-blocks"
    assert change_of(event).alarm_arn == arn


def test_more_metrics_and_dimensions_than_an_alarm_can_have_are_left_out() -> None:
    many = {f"d{number}": "x" for number in range(100)}
    metrics = [metric(f"m{n}", namespace="Invented", dimensions=many) for n in range(100)]
    change = change_of(alarm_event(configuration={"metrics": metrics}))
    assert len(change.metrics) == 20
    assert {len(metric.dimensions) for metric in change.metrics} == {30}


@pytest.mark.parametrize(
    "metrics",
    [
        pytest.param("m1", id="text"),
        pytest.param([None, 1, "m1", {}, {"metricStat": []}, {"metricStat": {}}], id="odd items"),
        pytest.param([{"expression": 5}], id="an expression that is no text"),
    ],
)
def test_metrics_that_are_none_are_left_out(metrics: Any) -> None:
    change = change_of(alarm_event(configuration={"metrics": metrics}))
    assert (change.metrics, change.expressions) == ((), ())


@pytest.mark.parametrize(
    ("period", "read"),
    [
        pytest.param(60, 60, id="a minute"),
        pytest.param(10.0, 10, id="a float"),
        pytest.param(0, None, id="none"),
        pytest.param(-60, None, id="a negative one"),
        pytest.param(10**300, None, id="longer than any alarm's"),
        pytest.param("60", None, id="text"),
    ],
)
def test_a_period_is_read_if_it_can_be_one(period: Any, read: int | None) -> None:
    metrics = [metric("Calls", namespace="Invented", period=period)]
    change = change_of(alarm_event(configuration={"metrics": metrics}))
    assert [found.period for found in change.metrics] == [read]


@pytest.mark.parametrize(
    ("body", "title"),
    [
        pytest.param("", "Received a message that is no JSON", id="nothing"),
        pytest.param("Alarm!", "Received a message that is no JSON", id="prose"),
        pytest.param('{"detail', "Received a message that is no JSON", id="half of one"),
        pytest.param("[" * 100_000, "Received a message that is no JSON", id="too deep"),
        pytest.param("9" * 5_000, "Received a message that is no JSON", id="too long a number"),
        pytest.param("null", "Received a message that is no JSON object", id="null"),
        pytest.param("[]", "Received a message that is no JSON object", id="a list"),
        pytest.param("{}", "Received an event of an unknown kind", id="an empty object"),
        pytest.param(
            ALARMS["an incomplete alarm event"],
            "Received an incomplete alarm event",
            id="an alarm event without state",
        ),
        pytest.param(
            json.dumps(envelope("CloudWatch Alarm State Change", ["odd"])),
            "Received an incomplete alarm event",
            id="an alarm event whose detail is a list",
        ),
        pytest.param(
            json.dumps(alarm_event(alarmName="\u200b ")),
            "Received an incomplete alarm event",
            id="an alarm whose name cannot be seen",
        ),
    ],
)
def test_what_is_no_state_change_is_shown_as_such(body: str, title: str) -> None:
    found = normalise(body)
    assert isinstance(found, Unrecognised)
    assert found.title == title


def test_of_an_unknown_event_the_envelope_is_shown_and_nothing_else() -> None:
    found = normalise(ALARMS["an unknown event"])
    assert found == Unrecognised(
        title="Received an event of an unknown kind",
        account_id=ACCOUNT,
        region=REGION,
        at=datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC),
        facts=(
            ("detail-type", "Something New"),
            ("source", "aws.example"),
            ("account", ACCOUNT),
            ("region", REGION),
            ("time", "2026-11-23T08:10:41Z"),
            ("id", "6f1d0c52-0000-4000-8000-0000000000a1"),
        ),
    )


def test_an_envelope_of_odd_types_is_left_out() -> None:
    found = normalise('{"detail-type": 1, "source": null, "account": {}, "time": [], "id": "a"}')
    assert found == Unrecognised(
        title="Received an event of an unknown kind",
        account_id="",
        region="",
        at=None,
        facts=(("id", "a"),),
    )


_TEXT = st.text(st.characters(exclude_categories=()))
_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)
_KEYS = st.sampled_from(["alarmName", "configuration", "previousState", "state"])


@given(_ANY_JSON | st.text().map(lambda text: {"detail-type": text}))
def test_any_json_becomes_an_alert(event: Any) -> None:
    assert describe(normalise(json.dumps(event))).title


@given(st.dictionaries(_KEYS, _ANY_JSON, min_size=1), _ANY_JSON)
def test_an_alarm_event_with_any_json_in_it_becomes_an_alert(
    changes: dict[str, Any], envelope_value: Any
) -> None:
    event = alarm_event(**changes)
    event["resources"] = event["region"] = envelope_value
    assert describe(normalise(json.dumps(event))).title


@given(_ANY_JSON, _ANY_JSON, _ANY_JSON)
def test_a_state_with_any_json_in_it_becomes_an_alert(value: Any, at: Any, data: Any) -> None:
    event = alarm_event(
        state={"value": value, "reason": data, "timestamp": at, "reasonData": json.dumps(data)},
        configuration={"description": value, "metrics": [{"metricStat": data, "label": value}]},
    )
    assert describe(normalise(json.dumps(event))).title
