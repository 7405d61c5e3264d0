"""Every published metric: its name, unit and meaning, and the data points that carry it."""

import time
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

DEFAULT_NAMESPACE: Final = "BedrockAlerts"

Unit: TypeAlias = Literal["Count", "Milliseconds", "Seconds", "None"]
Dimensions: TypeAlias = tuple[tuple[str, str], ...]


class Metric(NamedTuple):
    """What a metric means, and how the values of one batch and minute become data points.

    `sum` adds them up, `max` keeps the largest, `all` publishes each, so that percentiles are true.
    """

    unit: Unit
    meaning: str
    combine: Literal["sum", "max", "all"] = "sum"


METRICS: Final[Mapping[str, Metric]] = {
    # usage
    "Invocations": Metric("Count", "calls in the log, failed ones included"),
    "InvocationErrors": Metric("Count", "calls that carry an error code, throttles included"),
    "Throttles": Metric("Count", "calls refused with ThrottlingException"),
    "InputTokens": Metric("Count", "input tokens, excluding the prompt cache"),
    "OutputTokens": Metric("Count", "output tokens"),
    "CacheReadTokens": Metric("Count", "input tokens read from the prompt cache"),
    "CacheWriteTokens": Metric("Count", "input tokens written to the prompt cache"),
    "EstimatedCost": Metric("None", "US dollars, by the list prices in the package"),
    "UnpricedInvocations": Metric("Count", "calls whose price is unknown; not in EstimatedCost"),
    "ApiKeyInvocations": Metric("Count", "calls with a long-term Bedrock API key"),
    "Latency": Metric("Milliseconds", "time to the last byte", "all"),
    "TimeToFirstByte": Metric("Milliseconds", "time to the first byte", "all"),
    "ImagesGenerated": Metric("Count", "images generated"),
    # guardrails
    "GuardedInvocations": Metric("Count", "calls that show a guardrail's result"),
    "UnguardedInvocations": Metric("Count", "successful calls whose body shows no guardrail"),
    "ContentFilteredCount": Metric("Count", "calls that a guardrail blocked"),
    "MaskedCount": Metric("Count", "calls in which a guardrail masked text and blocked nothing"),
    "DetectedCount": Metric("Count", "calls with findings that were all let through"),
    "UnexplainedInterventions": Metric("Count", "calls changed by a guardrail that shows no trace"),
    "PolicyHits": Metric("Count", "policy findings; a call can have several"),
    "GuardrailLatency": Metric("Milliseconds", "latency added by guardrails", "all"),
    "GuardrailUnits": Metric("Count", "billed guardrail units"),
    "GuardrailCost": Metric("None", "US dollars for those units, by list price"),
    # the pipeline itself
    "RecordsReceived": Metric("Count", "lines received = processed + rejected + skipped"),
    "RecordsProcessed": Metric("Count", "lines read as invocations"),
    "RecordsRejected": Metric("Count", "lines that should have been records and were unreadable"),
    "RecordsSkipped": Metric("Count", "lines that are not invocation records"),
    "RecordAge": Metric("Seconds", "from the minute of a call until it is counted", "max"),
    "OffloadedBodies": Metric("Count", "calls whose output is in S3: guardrails not seen"),
    # alerts
    "StateChanges": Metric("Count", "alarm state changes received"),
    "NotificationsSent": Metric("Count", "notifications that a channel accepted"),
    "NotificationsFailed": Metric("Count", "failed attempts: retried, or in the dead-letter queue"),
    "NotificationsSuppressed": Metric("Count", "state changes of suppressed or silenced alarms"),
    "AlertLatency": Metric(
        "Milliseconds", "from an alarm's state change until a channel accepts it", "all"
    ),
    "Heartbeat": Metric("Count", "heartbeats received through the alerts queue"),
    "RequestsRefused": Metric(
        "Count", "requests to the URL of the Slack buttons without a valid signature"
    ),
}


class Datapoint(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one metric with one set of dimensions in one minute (seconds since 1970)."""

    metric: str
    dimensions: Dimensions
    minute: int
    values: tuple[float, ...]

    @property
    def unit(self) -> Unit:
        """The metric's unit, as CloudWatch spells it."""
        return METRICS[self.metric].unit


def count_now(amounts: Mapping[str, int]) -> tuple[Datapoint, ...]:
    """Return data points without dimensions for the present minute, one for each amount not 0."""
    minute = int(time.time() // 60) * 60
    return tuple(
        Datapoint(metric=metric, dimensions=(), minute=minute, values=(amount,))
        for metric, amount in amounts.items()
        if amount
    )


def measure_now(metric: str, values: Sequence[float]) -> tuple[Datapoint, ...]:
    """Return a data point with all values of the present minute, or nothing without values."""
    if not values:
        return ()
    minute = int(time.time() // 60) * 60
    return (Datapoint(metric=metric, dimensions=(), minute=minute, values=tuple(values)),)
