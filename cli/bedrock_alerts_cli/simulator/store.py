"""The metrics that alarms use, and no others."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from bedrock_alerts_cli.simulator.alarm_definitions import Signal
from bedrock_alerts_cli.simulator.datapoints import Datapoint, Dimensions
from bedrock_alerts_cli.simulator.insights import Query
from bedrock_alerts_cli.simulator.series import MINUTE, Series, Value, Window
from bedrock_alerts_cli.simulator.statistics import PLAIN, Statistic

_Key = tuple[str, str, Dimensions]


class Lateness(NamedTuple):
    """The delay in minutes until metrics are visible, for one namespace or for all."""

    minutes: int = 0
    namespace: str | None = None

    def of(self, namespace: str) -> int:
        """Return the delay of a namespace's metrics, in minutes."""
        return self.minutes if self.namespace in {None, namespace} else 0


PUNCTUAL: Final = Lateness()


def seen_late(
    series: Series, statistic: Statistic, period: int, ends: Window, *, back: int, late: int
) -> list[Value]:
    """Return what is visible at each minute of `ends` of the period that ended `back` minutes ago.

    Data of the last `late` minutes is not visible yet.
    """
    length = period - max(late - back, 0)
    if length <= 0:
        return [None] * (ends[1] - ends[0])
    shift = max(back, late)
    return series.sliding(statistic, length, (ends[0] - shift, ends[1] - shift))


class Groups:
    """The series that a Metrics Insights query returns, by the values they are grouped by."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._known: dict[Dimensions, Series | None] = {}
        self.series: dict[tuple[str, ...], Series] = {}

    def add(self, point: Datapoint) -> None:
        """Add a data point of the query's metric, if the query reads it."""
        if point.dimensions not in self._known:
            self._known[point.dimensions] = self._find(point.dimensions)
        series = self._known[point.dimensions]
        if series is not None:
            series.add(point)

    def _find(self, dimensions: Dimensions) -> Series | None:
        if not self._query.takes(dimensions):
            return None
        return self.series.setdefault(self._query.group(dimensions), Series())


class Store:
    """Stores the alarms' metrics, and calculates each sliding statistic once for each range."""

    def __init__(self, lateness: Lateness = PUNCTUAL) -> None:
        self.lateness = lateness
        self._series: dict[_Key, Series] = {}
        self._groups: dict[tuple[str, str], list[Groups]] = {}
        self._reach: dict[Signal, int] = {}
        self._stretch: Window = (0, 0)
        self._worked_out: dict[Signal, list[Value]] = {}
        self._keeping: set[_Key] = set()

    def watch(self, signal: Signal, reach: int) -> None:
        """Store a metric, for an alarm that needs this many minutes more than one period."""
        key = _key(signal)
        if signal.statistic.name not in PLAIN:
            self._keeping.add(key)
        if key not in self._series or key in self._keeping:
            self._series[key] = Series(keeps_values=key in self._keeping)
        self._reach[signal] = max(reach, self._reach.get(signal, 0))

    def first(self, signals: Iterable[Signal]) -> int | None:
        """Return the first minute in which there is data of any of these."""
        found = [self.series(signal).first for signal in signals]
        return min((minute for minute in found if minute is not None), default=None)

    def watch_query(self, query: Query) -> Groups:
        """Store the metrics of a query."""
        groups = Groups(query)
        self._groups.setdefault((query.namespace, query.metric), []).append(groups)
        return groups

    def add(self, point: Datapoint) -> None:
        """Add a data point, if an alarm uses its metric."""
        series = self._series.get((point.namespace, point.metric, point.dimensions))
        if series is not None:
            series.add(point)
        for groups in self._groups.get((point.namespace, point.metric), ()):
            groups.add(point)

    def begin(self, stretch: Window) -> None:
        """Set the minutes that are evaluated next."""
        self._stretch = stretch
        self._worked_out.clear()

    def series(self, signal: Signal) -> Series:
        """Return the metric of a signal."""
        return self._series[_key(signal)]

    def sliding(self, signal: Signal, ends: Window) -> list[Value]:
        """Return a signal for every period that ends within `ends`."""
        first, after = self._stretch
        first -= self._reach[signal]
        if not first <= ends[0] <= ends[1] <= after:
            return self.series(signal).sliding(signal.statistic, signal.period // MINUTE, ends)
        if signal not in self._worked_out:
            self._worked_out[signal] = self.series(signal).sliding(
                signal.statistic, signal.period // MINUTE, (first, after)
            )
        return self._worked_out[signal][ends[0] - first : ends[1] - first]


def _key(signal: Signal) -> _Key:
    return signal.namespace, signal.metric, signal.dimensions
