"""A log as CloudWatch metrics: ours, and Bedrock's own as far as the log has the data.

The log also has what Bedrock counts: calls, errors, throttles, tokens and times. From these its
metrics are rebuilt, without dimensions and by model. Data that is not in a log is missing: calls
that are not logged, `ApplyGuardrail`, quotas, the health of the pipeline itself.
https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring.html
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from bedrock_alerts import metrics
from bedrock_alerts.invocations.aggregate import THROTTLES
from bedrock_alerts.invocations.collector import CollectOptions
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.invocations.profiles import Profiles
from bedrock_alerts_cli.counting import count
from bedrock_alerts_cli.log_files import Sources
from bedrock_alerts_cli.simulator import Datapoint, published

BEDROCK: Final = "AWS/Bedrock"
_SAME: Final = {
    "Latency": "InvocationLatency",
    "TimeToFirstByte": "TimeToFirstToken",
    "InputTokens": "InputTokenCount",
    "OutputTokens": "OutputTokenCount",
    "ImagesGenerated": "OutputImageCount",
    "Throttles": "InvocationThrottles",
}
_COUNTED_BY_MODEL: Final = ("Invocations", "InvocationErrors")
# The errors of Bedrock Runtime with a status of 500 and above; all others are the caller's.
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
SERVER_ERRORS: Final = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)

MADE_UP: Final = frozenset(
    {*_SAME.values(), "Invocations", "InvocationClientErrors", "InvocationServerErrors"}
)
"""The metrics of Bedrock that can be rebuilt from a log."""

_Key = tuple[int, metrics.Dimensions]


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of a log, and the number of its lines. Times are seconds since 1970.

    `start` and `end` are the first minute with a record and the minute after the last; both are 0
    if there was none.
    """

    points: tuple[metrics.Datapoint, ...]
    counts: dict[str, int]
    start: int
    end: int
    rejected: int

    def datapoints(self, namespace: str) -> Iterator[Datapoint]:
        """Return our metrics under `namespace`, and Bedrock's as far as the log has them."""
        yield from published(self.points, namespace)
        yield from bedrock_metrics(self.points)


def read_history(
    sources: Sources,
    prices: Prices,
    options: CollectOptions,
    profiles: Profiles | None = None,
    *,
    shown: bool,
) -> History:
    """Read logs in any form, with a progress bar if `shown`. Records delivered twice count once."""
    collected = count(sources, prices, options, profiles, shown=shown)
    minutes = {point.minute for point in collected.datapoints}
    return History(
        points=collected.datapoints,
        counts=dict(collected.counts()),
        start=min(minutes, default=0),
        end=max(minutes) + 60 if minutes else 0,
        rejected=collected.rejected,
    )


def bedrock_metrics(points: Iterable[metrics.Datapoint]) -> Iterator[Datapoint]:
    """Rebuild Bedrock's own metrics from ours.

    `Invocations` are the calls without an error: Bedrock does not count a throttled call.
    """
    counted: defaultdict[_Key, dict[str, float]] = defaultdict(dict)
    for point in points:
        names = [name for name, _ in point.dimensions]
        if names == ["ErrorCode"]:
            yield from _errors(point)
        elif names in ([], ["ModelId"]):
            if point.metric in _SAME:
                yield _native(_SAME[point.metric], point.minute, point.dimensions, point.values)
            elif point.metric in _COUNTED_BY_MODEL:
                counted[point.minute, point.dimensions][point.metric] = sum(point.values)
    for (minute, dimensions), found in counted.items():
        answered = found.get("Invocations", 0) - found.get("InvocationErrors", 0)
        yield _native("Invocations", minute, dimensions, (answered,))


def _errors(point: metrics.Datapoint) -> Iterator[Datapoint]:
    ((_, code),) = point.dimensions
    if code in THROTTLES:
        return
    metric = "InvocationServerErrors" if code in SERVER_ERRORS else "InvocationClientErrors"
    yield _native(metric, point.minute, (), point.values)


def _native(
    metric: str, minute: int, dimensions: metrics.Dimensions, values: tuple[float, ...]
) -> Datapoint:
    return Datapoint(
        namespace=BEDROCK, metric=metric, minute=minute, dimensions=dimensions, values=values
    )
