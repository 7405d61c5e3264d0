"""The stand-in for CloudWatch: EMF lines become metrics, alarms change state, events say so."""

import io
import json
from datetime import UTC, datetime, timedelta

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.alerts.model import StateChange
from bedrock_alerts.metrics import Datapoint
from bedrock_alerts_lab.local_stack.stand_in import Alarms, Metrics
from tests.support.events import event_of

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
KEY = ("BedrockAlerts", "ContentFilteredCount", ())
ALARM = {
    "AlarmName": "bedrock-alerts.ContentFiltered",
    "AlarmDescription": "A guardrail blocked calls to Bedrock models.\nSeverity: warning",
    "Namespace": "BedrockAlerts",
    "MetricName": "ContentFilteredCount",
    "Statistic": "Sum",
    "Period": 300,
    "Threshold": 3.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}


def emf(*counts: float) -> list[str]:
    """Return what the collector writes for a count a minute."""
    stream = io.StringIO()
    EmfSink("BedrockAlerts", stream).publish(
        [
            Datapoint(
                metric="ContentFilteredCount",
                dimensions=(),
                minute=int(START.timestamp()) + 60 * number,
                values=(count,),
            )
            for number, count in enumerate(counts)
        ]
    )
    return stream.getvalue().splitlines()


def test_emf_lines_become_metrics_and_other_lines_nothing() -> None:
    metrics = Metrics()
    assert metrics.read([*emf(2, 5), "START RequestId", '{"_aws": "not EMF"}', "{"]) == 2
    assert metrics.total(KEY) == 7
    assert metrics.sum(KEY, START, START + timedelta(minutes=1)) == 2
    assert metrics.sum(KEY, START - timedelta(minutes=9), START) is None


def test_reading_the_log_again_counts_nothing_twice() -> None:
    metrics = Metrics()
    for _ in range(2):
        metrics.read(emf(4))
    assert metrics.total(KEY) == 4


def test_an_alarm_fires_when_the_window_reaches_the_threshold_and_recovers_when_it_has_passed() -> (
    None
):
    metrics = Metrics()
    metrics.read(emf(1, 1, 1, 0, 0, 0, 0, 0))
    alarms = Alarms([ALARM], metrics, START)
    changes = [
        (minute, change.state, change.value)
        for minute in range(1, 9)
        for change in alarms.evaluate(START + timedelta(minutes=minute))
    ]
    assert changes == [(3, "ALARM", 3.0), (6, "OK", 2.0)]


def test_missing_data_is_not_breaching() -> None:
    alarms = Alarms([ALARM], Metrics(), START)
    assert alarms.evaluate(START + timedelta(minutes=1)) == []


def test_the_event_of_a_change_is_one_that_our_own_reader_understands() -> None:
    metrics = Metrics()
    metrics.read(emf(4))
    (change,) = Alarms([ALARM], metrics, START).evaluate(START + timedelta(minutes=1))
    read = event_of(json.dumps(change.event))
    assert isinstance(read, StateChange)
    assert (read.alarm_name, read.state, read.previous_state) == (ALARM["AlarmName"], "ALARM", "OK")
    assert (read.threshold, read.recent_values) == (3.0, (4.0,))
    assert read.at == START + timedelta(minutes=1)
    assert "[4.0 (23/11/26" in read.reason
