"""Numbers, durations, times, places, metrics and limits, as people write them."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from bedrock_alerts.alerts.model import Alert, Expression, Fact, MetricRef, StateChange
from bedrock_alerts.text import shorten

# While one of these is told the alarm stands.
STANDING: Final = frozenset({"first", "escalation", "release", "reminder", "flapping"})
_LATE_SECONDS: Final = 60.0
_WHOLE_FROM: Final = 1000
_WHOLE_BELOW: Final = 1e15
_MAX_METRIC: Final = 400
# What an anomaly alarm compares a metric with: the metric says more.
_BAND: Final = "ANOMALY_DETECTION_BAND("
_UNITS: Final = {
    "EstimatedCost": " USD",
    "GuardrailCost": " USD",
    "GuardrailLatency": " ms",
    "InvocationLatency": " ms",
    "Latency": " ms",
    "RecordAge": " s",
    "TimeToFirstByte": " ms",
    "TimeToFirstToken": " ms",
}
# CloudWatch's operators say when an alarm fires; people ask what is allowed.
_ALLOWED: Final = {
    "GreaterThanOrEqualToThreshold": "below",
    "GreaterThanThreshold": "at most",
    "LessThanThreshold": "at least",
    "LessThanOrEqualToThreshold": "above",
}


def lasting(duration: timedelta) -> str:
    """Write a duration the way people say it: `45 s`, `14 min`, `3 h 20 min`, `2 d 4 h`."""
    seconds = max(0, int(duration.total_seconds()))
    for size, name, smaller, smaller_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
    ):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            part = rest // smaller
            return f"{whole} {name} {part} {smaller_name}" if part else f"{whole} {name}"
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes} min" if minutes else f"{seconds} s"


def utc(moment: datetime) -> str:
    """Write a moment so that nobody has to ask which time zone."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def written(value: float) -> str:
    """Write a number so that it can be read at a glance: `12`, `2.346`, `1,234,567`."""
    size = abs(value)
    is_whole = size < _WHOLE_BELOW and (size >= _WHOLE_FROM or value == int(value))
    return f"{value:,.0f}" if is_whole else f"{value:.4g}"


def watched(change: StateChange) -> str:
    """Say what an alarm looks at, in one line; empty where the event does not say it."""
    expressions = [item for item in change.expressions if not item.text.startswith(_BAND)]
    found: list[Expression | MetricRef] = [*expressions, *change.metrics]
    if not found:
        return ""
    item = found[0]
    text = item.label or item.text if isinstance(item, Expression) else _metric(item)
    return shorten(text, _MAX_METRIC)


def measured(change: StateChange, threshold: float | None, operator: str | None) -> Fact | None:
    """Say what was measured and what would have been allowed: `12, allowed at most 10`."""
    unit = _unit(change)
    limit = _limit(change, threshold, operator, unit)
    if change.recent_values:
        value = f"{written(change.recent_values[-1])}{unit}"
        return Fact("Value", f"{value}, {limit.label} {limit.value}" if limit else value)
    return Fact(limit.label.capitalize(), limit.value) if limit else None


def _limit(
    change: StateChange, threshold: float | None, operator: str | None, unit: str
) -> Fact | None:
    if change.band is not None:
        lower, upper = change.band
        if upper is None or operator == "LessThanLowerThreshold":
            return None if lower is None else Fact("usually", f"at least {written(lower)}{unit}")
        if lower is None or operator == "GreaterThanUpperThreshold":
            return Fact("usually", f"at most {written(upper)}{unit}")
        return Fact("usually", f"{written(lower)} to {written(upper)}{unit}")
    if threshold is None:
        return None
    words = _ALLOWED.get(operator or "")
    if words:
        return Fact("allowed", f"{words} {written(threshold)}{unit}")
    return Fact("threshold", f"{written(threshold)}{unit}")


def _unit(change: StateChange) -> str:
    """Return the unit of what an alarm judges where its label or its metric gives it away."""
    expressions = [item for item in change.expressions if not item.text.startswith(_BAND)]
    if expressions:
        return " %" if expressions[0].label.endswith("(%)") else ""
    return _UNITS.get(change.metrics[0].name, "") if change.metrics else ""


def _metric(metric: MetricRef) -> str:
    text = f"{metric.namespace} {metric.name}" if metric.namespace else metric.name
    if metric.dimensions:
        text += " (" + ", ".join(f"{name}={value}" for name, value in metric.dimensions) + ")"
    if metric.statistic and metric.period:
        text += f", {metric.statistic} over {lasting(timedelta(seconds=metric.period))}"
    return text


def place(alert: Alert) -> str:
    """Say where it happened: account and Region, as far as they are known."""
    account = alert.account_id
    if alert.account_alias:
        account = f"{alert.account_alias} ({account})" if account else alert.account_alias
    return " · ".join(part for part in (account, alert.region) if part)


def sent_late(alert: Alert, waited: float) -> Alert:
    """Say so when an alert was held back for `waited` seconds, as by an outage of its channel.

    Newer news may have overtaken it: nobody shall take an old alarm for a new one.
    """
    if waited < _LATE_SECONDS:
        return alert
    late = Fact("Sent late", f"held back for {lasting(timedelta(seconds=waited))}")
    return msgspec.structs.replace(alert, facts=(late, *alert.facts))


def time_label(alert: Alert) -> str:
    """Say what the alert's time is: an alarm stands since then, all else happened at it."""
    return "Since" if alert.kind in STANDING else "At"
