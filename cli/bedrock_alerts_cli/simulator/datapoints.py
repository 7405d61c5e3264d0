"""The input of the simulator: the values of one metric in one minute."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import msgspec

from bedrock_alerts import metrics

Dimensions: TypeAlias = tuple[tuple[str, str], ...]


class Datapoint(msgspec.Struct, frozen=True, kw_only=True):
    """One metric with one set of dimensions (sorted by name) in the minute that begins at `minute`.

    `minute` is in seconds since 1970. The data is either `values`, each as often as `counts` says
    (once without counts), or a statistic set: `sum`, `count`, `min` and `max`. Raises ValueError if
    it is neither or both.
    """

    namespace: str
    metric: str
    minute: int
    dimensions: Dimensions = ()
    values: tuple[float, ...] = ()
    counts: tuple[float, ...] = ()
    sum: float | None = None
    count: float | None = None
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        given = sum(one is not None for one in (self.sum, self.count, self.min, self.max))
        if given not in {0, 4} or bool(self.values) == bool(given):
            raise ValueError(f"{self.metric}: give values, or all of sum, count, min and max")
        if self.counts and len(self.counts) != len(self.values):
            raise ValueError(f"{self.metric}: give as many counts as values, or none")


def published(points: Iterable[metrics.Datapoint], namespace: str) -> Iterator[Datapoint]:
    """Return the collector's data points, as CloudWatch receives them under `namespace`."""
    for point in points:
        yield Datapoint(
            namespace=namespace,
            metric=point.metric,
            minute=point.minute,
            dimensions=tuple(sorted(point.dimensions)),
            values=point.values,
        )
