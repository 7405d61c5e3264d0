"""The picture of a metric is asked for in the shape that CloudWatch documents, and bounded."""

import json
from typing import Any

import pytest

from bedrock_alerts.alerts.events import (
    Expression,
    MetricRef,
)
from bedrock_alerts.alerts.widget import widget_of
from tests.support.alarms import HOSTILE
from tests.support.changes import change_with
from tests.support.events import change_of, sample_body


def picture(name: str) -> dict[str, Any]:
    change = change_of(sample_body(name))
    found: dict[str, Any] = json.loads(widget_of(change, change.threshold))
    return found


def test_a_metric_is_drawn_with_its_threshold() -> None:
    change = change_with(
        metrics=(
            MetricRef(
                name="Throttles",
                namespace="BedrockAlerts",
                statistic="Sum",
                period=60,
                dimensions=(("ModelId", "a.model"),),
                id="7b1c-no-id-of-a-picture",
            ),
        )
    )
    assert json.loads(widget_of(change, 10.0)) == {
        "view": "timeSeries",
        "width": 800,
        "height": 300,
        "title": "chat-blocks",
        "timezone": "+0000",
        "start": "2026-11-23T05:10:41Z",
        "end": "2026-11-23T08:15:41Z",
        "metrics": [
            ["BedrockAlerts", "Throttles", "ModelId", "a.model", {"period": 60, "stat": "Sum"}]
        ],
        "annotations": {"horizontal": [{"label": "threshold", "value": 10.0}]},
    }


def test_metrics_that_feed_an_expression_are_read_and_not_drawn() -> None:
    metrics = picture("math")["metrics"]
    assert metrics[0][-1] == {"id": "errors", "period": 60, "visible": False, "stat": "Sum"}
    assert metrics[-1] == [
        {
            "id": "rate",
            "expression": "100 * errors / (errors + calls)",
            "label": "Failed calls (%)",
        }
    ]


def test_an_anomaly_is_drawn_with_its_band_and_without_a_line() -> None:
    found = picture("anomaly")
    assert found["metrics"][1][0]["expression"] == "ANOMALY_DETECTION_BAND(m1, 2)"
    assert "annotations" not in found


def test_a_query_is_drawn_by_its_period() -> None:
    ((query,),) = picture("many_series")["metrics"]
    assert query["period"] == 60
    assert query["expression"].startswith("SELECT ")


@pytest.mark.parametrize("name", ["composite", "promql", "log_alarm_sns"])
def test_what_has_no_metric_is_not_drawn(name: str) -> None:
    assert widget_of(change_of(sample_body(name)), None) == ""


def test_an_alarm_that_does_not_say_what_it_watches_is_not_drawn() -> None:
    assert widget_of(change_with(), 1.0) == ""


def test_too_much_to_carry_is_not_drawn() -> None:
    many = tuple(Expression(text="x" * 1900) for _ in range(5))
    assert widget_of(change_with(expressions=many, kind="math"), None) == ""


def test_hostile_text_stays_inside_of_its_strings() -> None:
    metrics = (MetricRef(name=HOSTILE, namespace=HOSTILE, dimensions=((HOSTILE, '"],['),)),)
    found = json.loads(widget_of(change_with(metrics=metrics), None))
    assert found["metrics"][0][:4] == [HOSTILE, HOSTILE, HOSTILE, '"],[']
