"""The graph of an alarm's metrics, as input of GetMetricWidgetImage.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Metric-Widget-Structure.html
"""

import json
import re
from datetime import timedelta
from typing import Any, Final

from bedrock_alerts.alerts.events import (
    Expression,
    MetricRef,
    StateChange,
)

_BEFORE: Final = timedelta(hours=3)
_AFTER: Final = timedelta(minutes=5)
_WIDTH: Final = 800
_HEIGHT: Final = 300
# Far below the 100 KB limit of a request: a message carries it through two queues.
_MAX_CHARS: Final = 8000
_ID: Final = re.compile(r"[a-z][A-Za-z0-9_]{0,254}")
_GRAPHED: Final = frozenset({"metric", "math", "anomaly", "query", "contributor"})


def widget_of(change: StateChange, threshold: float | None) -> str:
    """Return the JSON of the graph, empty if there is nothing to draw, or too much."""
    if change.kind not in _GRAPHED or not (change.metrics or change.expressions):
        return ""
    widget: dict[str, Any] = {
        "view": "timeSeries",
        "width": _WIDTH,
        "height": _HEIGHT,
        "title": change.alarm_name,
        "timezone": "+0000",
        "start": f"{change.at - _BEFORE:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{change.at + _AFTER:%Y-%m-%dT%H:%M:%SZ}",
        "metrics": [
            *map(_metric, change.metrics),
            *map(_expression, change.expressions),
        ],
    }
    if threshold is not None:
        widget["annotations"] = {"horizontal": [{"label": "threshold", "value": threshold}]}
    text = json.dumps(widget, ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= _MAX_CHARS else ""


def _metric(metric: MetricRef) -> list[Any]:
    names = [part for pair in metric.dimensions for part in pair]
    options = _options(metric.id, metric.period, is_shown=metric.is_shown)
    if metric.statistic:
        options["stat"] = metric.statistic
    return [metric.namespace or "", metric.name, *names, options]


def _expression(expression: Expression) -> list[Any]:
    options = _options(expression.id, expression.period, is_shown=expression.is_shown)
    options["expression"] = expression.text
    if expression.label:
        options["label"] = expression.label
    return [options]


def _options(id_: str, period: int | None, *, is_shown: bool) -> dict[str, Any]:
    options: dict[str, Any] = {}
    # CloudWatch gives the metric of a plain alarm an id that is not valid in a graph.
    if _ID.fullmatch(id_):
        options["id"] = id_
    if period is not None:
        options["period"] = period
    if not is_shown:
        options["visible"] = False
    return options
