"""Units of alarm values, and numbers formatted with them.

A unit comes from the event, else our catalogue, else AWS's documentation of exactly this metric. It
is never guessed from a metric's name: a load balancer's Latency is in seconds.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from bedrock_alerts.alerts.events import (
    Expression,
    StateChange,
)
from bedrock_alerts.alerts.next_steps import entry_of

DOLLARS: Final = "Dollars"
# The band of an anomaly alarm; its metric has the unit.
_BAND: Final = "ANOMALY_DETECTION_BAND("
# Units that do not say what is counted.
_PLAIN: Final = frozenset({"", "None", "Count"})
_OF_CATALOGUE: Final = {
    "count": "Count",
    "dollars": DOLLARS,
    "milliseconds": "Milliseconds",
    "percent": "Percent",
    "seconds": "Seconds",
}
# As documented, by namespace and name; ours are in docs/metrics.md.
_DOCUMENTED: Final[Mapping[tuple[str | None, str], str]] = {
    ("AWS/ApiGateway", "Latency"): "Milliseconds",
    ("AWS/ApplicationELB", "TargetResponseTime"): "Seconds",
    ("AWS/Bedrock", "InvocationLatency"): "Milliseconds",
    ("AWS/Bedrock", "TimeToFirstToken"): "Milliseconds",
    ("AWS/ELB", "Latency"): "Seconds",
    ("AWS/Lambda", "Duration"): "Milliseconds",
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): "Seconds",
    ("BedrockAlerts", "EstimatedCost"): DOLLARS,
    ("BedrockAlerts", "GuardrailCost"): DOLLARS,
    ("BedrockAlerts", "GuardrailLatency"): "Milliseconds",
    ("BedrockAlerts", "Latency"): "Milliseconds",
    ("BedrockAlerts", "RecordAge"): "Seconds",
    ("BedrockAlerts", "TimeToFirstByte"): "Milliseconds",
}
_SUFFIXES: Final = {
    "": "",
    "Bits": " bit",
    "Count": "",
    "Microseconds": " µs",
    "Milliseconds": " ms",
    "None": "",
    "Percent": "%",
    "Seconds": " s",
}
_BYTES: Final = {"Bytes": 0, "Kilobytes": 1, "Megabytes": 2, "Gigabytes": 3, "Terabytes": 4}
_SIZES: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_NAME: Final = re.compile(r"[A-Za-z]{1,20}")
_DIGITS: Final = 4
_ALL_DIGITS: Final = 12
_WHOLE_FROM: Final = 1000
_WHOLE_BELOW: Final = 1e15
_CENT: Final = 0.01
# The share of the distance to a limit that rounding may lose.
_ERROR: Final = 0.2


def calculations(change: StateChange) -> list[Expression]:
    """Return an alarm's expression, without its anomaly band."""
    return [item for item in change.expressions if not item.text.startswith(_BAND)]


def unit_of(change: StateChange) -> str:
    """Return the unit of an alarm's value, in CloudWatch's words; empty for none."""
    expressions = calculations(change)
    metric = change.metrics[0] if change.metrics and not expressions else None
    if metric and metric.statistic == "SampleCount":
        return "Count"
    said = change.unit or (metric.unit if metric else "")
    if said not in _PLAIN:
        return said
    entry = entry_of(change.alarm_name)
    # A percentage is calculated: an alarm of this name over a plain metric is a different one.
    if entry and entry.unit and (expressions or entry.unit != "percent"):
        return _OF_CATALOGUE.get(entry.unit, "")
    if expressions:
        return "Percent" if expressions[0].label.endswith("(%)") else ""
    return _DOCUMENTED.get((metric.namespace, metric.name), "") if metric else ""


def amounts(values: Sequence[float], unit: str = "") -> list[str]:
    """Return values of one unit as text; rounding keeps the first distinct from the others."""
    scaled, suffix = _scaled(values, unit)
    digits = _DIGITS
    if _hides(scaled, [_rounded(value, digits, unit) for value in scaled]):
        digits = _ALL_DIGITS
    if unit == DOLLARS:
        return [_money(value, digits) for value in scaled]
    return [f"{_text(_rounded(value, digits, unit))}{suffix}" for value in scaled]


def _scaled(values: Sequence[float], unit: str) -> tuple[Sequence[float], str]:
    """Return values and suffix; large byte counts become GiB and so on."""
    name, slash, per = unit.partition("/")
    if name not in _BYTES:
        return values, _suffix(unit)
    sizes = _SIZES[_BYTES[name] :]
    largest = max(map(abs, values), default=0.0)
    steps = sum(largest >= 1024.0**step for step in range(1, len(sizes)))
    suffix = f" {sizes[steps]}" + (_suffix(f"{slash}{per}") if slash else "")
    return [value / 1024.0**steps for value in values], suffix


def amount(value: float, unit: str = "") -> str:
    """Return one value with its unit."""
    return amounts((value,), unit)[0]


def written(value: float) -> str:
    """Return a number in a readable form: `12`, `2.346`, `1,234,567`."""
    return _text(_rounded(value, _DIGITS))


def _suffix(unit: str) -> str:
    name, slash, per = unit.partition("/")
    shown = _SUFFIXES.get(name, f" {name.lower()}" if _NAME.fullmatch(name) else "")
    return f"{shown}/{'s' if per == 'Second' else per.lower()}" if slash else shown


def _hides(values: Sequence[float], shown: Sequence[float]) -> bool:
    """Whether rounding clearly changes the distance of the first value from another."""
    return any(
        abs((shown[0] - seen) - (values[0] - limit)) > _ERROR * abs(values[0] - limit)
        for limit, seen in zip(values[1:], shown[1:], strict=True)
    )


def _rounded(value: float, digits: int, unit: str = "") -> float:
    size = abs(value)
    if digits == _DIGITS and unit == DOLLARS and (size >= _CENT or not size):
        return round(value, 2)
    if digits == _DIGITS and _WHOLE_FROM <= size < _WHOLE_BELOW:
        return float(round(value))
    return float(f"{value:.{digits}g}")


def _text(value: float) -> str:
    is_whole = abs(value) < _WHOLE_BELOW and value.is_integer()
    return f"{value:,.0f}" if is_whole else f"{value:,.{_ALL_DIGITS}g}"


def _money(value: float, digits: int) -> str:
    shown = _rounded(value, digits, DOLLARS)
    text = f"{abs(shown):,.2f}"
    if float(text.replace(",", "")) != abs(shown):
        text = _text(abs(shown))
    return f"-${text}" if shown < 0 else f"${text}"
