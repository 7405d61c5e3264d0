"""The newest datapoints of metrics, and what they add up to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack

HOUR: Final = 3600
DAY: Final = 24 * HOUR
FORTNIGHT: Final = 14 * DAY
_RECENT: Final = 3 * HOUR
_MOST_QUERIES: Final = 500  # of one call of GetMetricData
# One call a page; a name with more series than this is cut.
_MOST_SERIES: Final = 200


class Series(NamedTuple):
    """One metric of CloudWatch."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    stat: str = "Sum"

    def query(self, number: int, period: int) -> dict[str, Any]:
        """Return how GetMetricData asks for it."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        metric = {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}
        return {
            "Id": f"m{number}",
            "MetricStat": {"Metric": metric, "Period": period, "Stat": self.stat},
            "ReturnData": True,
        }


class History(NamedTuple):
    """The datapoints of two weeks by the hour, and of three hours by the minute."""

    hours: tuple[tuple[float, float], ...] = ()
    minutes: tuple[tuple[float, float], ...] = ()

    @property
    def newest(self) -> float | None:
        """When the newest datapoint is, to the minute if it is of the last three hours."""
        return max((at for at, _ in self.minutes or self.hours), default=None)

    @property
    def newest_counted(self) -> float | None:
        """When the newest datapoint is that is not 0."""
        for points in (self.minutes, self.hours):
            counted = [at for at, value in points if value]
            if counted:
                return max(counted)
        return None

    @property
    def last(self) -> float | None:
        """What the newest datapoint says."""
        points = self.minutes or self.hours
        return max(points)[1] if points else None

    def total(self, since: float) -> float:
        """Add up the hours from the one in which `since` is."""
        return sum(value for at, value in self.hours if at > since - HOUR)


def histories(
    stack: DeployedStack, series: Iterable[Series], now: float
) -> Mapping[Series, History]:
    """Return the datapoints of each series; those without any have none."""
    wanted = list(dict.fromkeys(series))
    hours = _points(stack, wanted, now - FORTNIGHT, now, HOUR)
    # What had nothing for two weeks has nothing now: asking costs money.
    alive = [one for one in wanted if hours.get(one)]
    minutes = _points(stack, alive, now - _RECENT, now, 60)
    return {one: History(hours.get(one, ()), minutes.get(one, ())) for one in wanted}


def newest_of(found: Iterable[History]) -> float | None:
    """Return when the newest datapoint of several is."""
    return max((one.newest for one in found if one.newest is not None), default=None)


def listed(
    stack: DeployedStack,
    namespace: str,
    name: str,
    dimensions: Sequence[str] | None = None,
    about: tuple[str, str] | None = None,
) -> list[Series]:
    """List a metric's series of the last two weeks, or only those with exactly these dimensions.

    `about` is one dimension with its value that they must have.
    """
    pages = stack.client("cloudwatch").get_paginator("list_metrics")
    only = {"Dimensions": [{"Name": about[0], "Value": about[1]}]} if about else {}
    found: list[Series] = []
    for page in pages.paginate(Namespace=namespace, MetricName=name, **only):
        for metric in page["Metrics"]:
            own = tuple((one["Name"], one["Value"]) for one in metric.get("Dimensions", []))
            if dimensions is None or sorted(key for key, _ in own) == sorted(dimensions):
                found.append(Series(namespace, name, own))
        if len(found) >= _MOST_SERIES:
            break
    return found[:_MOST_SERIES]


def _points(
    stack: DeployedStack, series: Sequence[Series], start: float, end: float, period: int
) -> dict[Series, tuple[tuple[float, float], ...]]:
    found: dict[Series, list[tuple[float, float]]] = {}
    for first in range(0, len(series), _MOST_QUERIES):
        part = series[first : first + _MOST_QUERIES]
        for number, at, value in _asked(stack, part, start, end, period):
            found.setdefault(part[number], []).append((at, value))
    return {one: tuple(points) for one, points in found.items()}


def _asked(
    stack: DeployedStack, series: Sequence[Series], start: float, end: float, period: int
) -> Iterator[tuple[int, float, float]]:
    pages = stack.client("cloudwatch").get_paginator("get_metric_data")
    for page in pages.paginate(
        MetricDataQueries=[one.query(number, period) for number, one in enumerate(series)],
        StartTime=datetime.fromtimestamp(start, UTC),
        EndTime=datetime.fromtimestamp(end, UTC),
    ):
        for result in page["MetricDataResults"]:
            for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                yield int(result["Id"][1:]), at.timestamp(), value
