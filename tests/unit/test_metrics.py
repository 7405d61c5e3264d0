"""The metrics that others rely on, and the points that carry our own counts."""

import re
import time

import pytest

from bedrock_alerts.metrics import METRICS, Datapoint, count_now, measure_now

# Dashboards and alarms of other people name these: change one only with a note in CHANGELOG.
PROMISED = re.findall(
    r"\w+",
    """
Invocations InvocationErrors Throttles InputTokens OutputTokens CacheReadTokens CacheWriteTokens
EstimatedCost UnpricedInvocations Latency TimeToFirstByte ImagesGenerated
ApiKeyInvocations
GuardedInvocations UnguardedInvocations ContentFilteredCount MaskedCount DetectedCount
UnexplainedInterventions PolicyHits GuardrailLatency GuardrailUnits GuardrailCost
RecordsReceived RecordsProcessed RecordsRejected RecordsSkipped RecordAge OffloadedBodies
StateChanges NotificationsSent NotificationsFailed NotificationsSuppressed AlertLatency Heartbeat
RequestsRefused
""",
)


def test_the_metrics_are_those_that_were_promised() -> None:
    assert sorted(METRICS) == sorted(PROMISED)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_has_a_name_and_a_meaning_that_read_well(name: str) -> None:
    assert re.fullmatch(r"([A-Z][a-z]+)+", name)
    assert re.fullmatch(r"\S[^|\n]*[^\s.]", METRICS[name].meaning)


def test_every_value_is_published_where_percentiles_are_asked_for() -> None:
    every = {name for name, metric in METRICS.items() if metric.combine == "all"}
    assert every == {name for name, metric in METRICS.items() if metric.unit == "Milliseconds"}


def test_a_point_has_the_unit_of_its_metric() -> None:
    point = Datapoint(metric="Latency", dimensions=(), minute=0, values=(1.0,))
    assert point.unit == "Milliseconds"


def test_counts_are_points_of_the_present_minute_without_zeros(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_795_420_859.9)
    assert count_now({"NotificationsSent": 3, "NotificationsFailed": 0}) == (
        Datapoint(metric="NotificationsSent", dimensions=(), minute=1_795_420_800, values=(3,)),
    )


def test_measurements_are_one_point_of_the_present_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_795_420_859.9)
    assert measure_now("AlertLatency", [1_200.0, 800.5]) == (
        Datapoint(
            metric="AlertLatency", dimensions=(), minute=1_795_420_800, values=(1_200.0, 800.5)
        ),
    )
    assert measure_now("AlertLatency", [0.0])[0].values == (0.0,)


def test_where_nothing_was_measured_there_is_no_point() -> None:
    assert measure_now("AlertLatency", []) == ()
