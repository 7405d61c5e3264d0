"""Formats numbers, durations, times, places, metrics and limits for people."""

import re
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from bedrock_alerts.alerts.alert import (
    Alert,
    Fact,
)
from bedrock_alerts.alerts.events import (
    MetricRef,
    StateChange,
)
from bedrock_alerts.alerts.next_steps import entry_of
from bedrock_alerts.alerts.units import (
    DOLLARS,
    amount,
    amounts,
    calculations,
    unit_of,
    written,
)
from bedrock_alerts.text import clean, shorten

__all__ = [
    "STANDING",
    "Measured",
    "caller_name",
    "lasting",
    "measure",
    "measured",
    "model_name",
    "place",
    "recent",
    "spot",
    "time_label",
    "utc",
    "watched",
    "written",
]

# While one of these is shown, the alarm is firing.
STANDING: Final = frozenset(
    {"firing", "contributors", "escalated", "still_firing", "undelivered", "changed"}
)
_MAX_METRIC: Final = 400
_MAX_RECENT: Final = 6
_A_DAY: Final = 86400
_MAX_SPOT: Final = 150
_BREACHES: Final = {
    "GreaterThanOrEqualToThreshold": lambda value, limit: value >= limit,
    "GreaterThanThreshold": lambda value, limit: value > limit,
    "LessThanThreshold": lambda value, limit: value < limit,
    "LessThanOrEqualToThreshold": lambda value, limit: value <= limit,
}
# A percentage of the daily budget: `100 * … / 50`.
_BUDGET: Final = re.compile(r"/\s*([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*$")
_IDENTITY: Final = re.compile(r"(?:assumed-role|federated-user|role|user)/(?=.)")
_MODEL: Final = re.compile(
    r"(?:[a-z]{2,6}(?:-gov)?\.)?[a-z0-9-]+\.(?P<name>[a-z][a-z0-9.-]*?)"
    r"(?:-\d{8})?(?:-v\d+)?(?::\d+)*(?::\w+)?"
)


class Measured(NamedTuple):
    """The value of an alarm; each text is empty if the event does not say it.

    `limit` is a label with a text: `threshold: 3`, `expected: 118.4 to 305.9`.
    """

    value: str = ""
    period: str = ""
    limit: str = ""
    dollars: str = ""
    is_one: bool = False

    @property
    def text(self) -> str:
        """All of it: `14 in 5 min (threshold: 3)`."""
        text = f"{self.value} in {self.period}" if self.period else self.value
        text = f"{text}, {self.dollars}" if self.dollars else text
        return f"{text} ({self.limit})" if self.limit else text


def lasting(duration: timedelta) -> str:
    """Return a duration in words: `45 s`, `14 min`, `3 h 20 min`, `2 d 4 h`."""
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
    """Return a time to the minute, with its time zone."""
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def watched(change: StateChange) -> str:
    """Return the metrics of an alarm in one line, empty if the event does not name them."""
    expressions = calculations(change)
    if not expressions:
        return shorten(_metric(change.metrics[0]), _MAX_METRIC) if change.metrics else ""
    text = expressions[0].label or expressions[0].text
    if not expressions[0].label and change.metrics:
        # The expression consists of ids that only its owner knows.
        named = [
            f"{item.id} = {_name(item)}" if item.id else _name(item) for item in change.metrics
        ]
        text = f"{text}; {', '.join(named)}"
    accounts = {item.account_id for item in change.metrics if item.account_id}
    if accounts:
        text += f", account {', '.join(sorted(accounts))}"
    return shorten(text, _MAX_METRIC)


def measured(change: StateChange, threshold: float | None, operator: str | None) -> Fact | None:
    """Return the value and the limit: `14 in 5 min (threshold: 3)`."""
    found = measure(change, threshold, operator)
    if found.value:
        return Fact("Value", found.text)
    label, _, limit = found.limit.partition(": ")
    return Fact(label.capitalize(), limit) if limit else None


def measure(change: StateChange, threshold: float | None, operator: str | None) -> Measured:
    """Return what an alarm measured: a value, its period, and its limits."""
    unit = unit_of(change)
    value = _judged(change, threshold, operator)
    limits = [limit for limit in change.band or () if limit is not None]
    if change.band is None and threshold is not None:
        limits = [threshold]
    texts = amounts((*(() if value is None else (value,)), *limits), unit)
    shown = texts.pop(0) if value is not None else ""
    period = _period(change)
    return Measured(
        value=shown,
        period=_over(period),
        limit=_limit(change, texts, unit),
        dollars=_dollars(change, value),
        is_one=value == 1,
    )


def recent(change: StateChange) -> str:
    """Return the last values, oldest first; empty for fewer than two."""
    unit = unit_of(change)
    shown = [amount(value, unit) for value in change.recent_values[-_MAX_RECENT:]]
    return ", ".join(shown) if len(shown) > 1 else ""


def _judged(change: StateChange, threshold: float | None, operator: str | None) -> float | None:
    """Return the value that decided the state: the newest that breached, else the newest."""
    if change.value is not None or not change.recent_values:
        return change.value
    is_breach = _BREACHES.get(operator or "")
    if change.state == "ALARM" and is_breach and threshold is not None:
        breaches = [value for value in change.recent_values if is_breach(value, threshold)]
        return (breaches or change.recent_values)[-1]
    return change.recent_values[-1]


def _limit(change: StateChange, limits: list[str], unit: str) -> str:
    if not limits:
        return ""
    if change.band is None:
        is_budget = unit == DOLLARS and entry_of(change.alarm_name) is not None
        return f"{'budget' if is_budget else 'threshold'}: {limits[0]}"
    lower, upper = change.band
    if lower is not None and upper is not None:
        return f"expected: {limits[0]} to {limits[1]}"
    return f"expected: {'up to' if lower is None else 'at least'} {limits[0]}"


def _period(change: StateChange) -> int:
    periods = [metric.period or 0 for metric in change.metrics]
    periods += [expression.period or 0 for expression in change.expressions]
    return max(periods, default=0)


def _over(period: int) -> str:
    """Return a period in words: a day is 24 h, because it ends at any time of the day."""
    if not period:
        return ""
    return "24 h" if period == _A_DAY else lasting(timedelta(seconds=period))


def _dollars(change: StateChange, value: float | None) -> str:
    """Return a share of a budget in dollars: the alarm's expression contains the budget."""
    entry = entry_of(change.alarm_name)
    expressions = calculations(change)
    if value is None or not expressions or entry is None or "budget" not in entry.headline:
        return ""
    found = _BUDGET.search(expressions[0].text)
    if not found:
        return ""
    budget = float(found[1])
    return f"{amount(value * budget / 100, DOLLARS)} of {amount(budget, DOLLARS)}"


def _metric(metric: MetricRef) -> str:
    text = _name(metric)
    if metric.dimensions:
        text += " (" + ", ".join(f"{name}={value}" for name, value in metric.dimensions) + ")"
    if metric.statistic and metric.period:
        text += f", {metric.statistic} over {lasting(timedelta(seconds=metric.period))}"
    return f"{text}, account {metric.account_id}" if metric.account_id else text


def _name(metric: MetricRef) -> str:
    return f"{metric.namespace} {metric.name}" if metric.namespace else metric.name


def caller_name(text: str) -> str:
    """Return what people call a caller: `chat-backend` for `assumed-role/chat-backend`."""
    name = text.split(":", 5)[-1] if text.startswith("arn:") else text
    return _IDENTITY.sub("", name, count=1) if _IDENTITY.match(name) else name


def model_name(text: str) -> str:
    """Return what people call a model: `claude-sonnet-4-5` for `us.anthropic.claude-sonnet-4-5`."""
    found = _MODEL.fullmatch(text)
    return found["name"] if found else text


def place(alert: Alert) -> str:
    """Return account and Region, as far as they are known."""
    account = alert.account_id
    if alert.account_alias:
        account = f"{alert.account_alias} ({account})" if account else alert.account_alias
    return " · ".join(part for part in (account, alert.region) if part)


def spot(alert: Alert) -> str:
    """Return account and Region in a word or two, for headlines: `prod eu-west-1`."""
    account = alert.account_alias or alert.account_id
    return clean(" ".join(part for part in (account, alert.region) if part), _MAX_SPOT)


def time_label(alert: Alert) -> str:
    """Return the label of an alert's time: an alarm has a start, other events a moment."""
    return "Since" if alert.kind in STANDING else "At"
