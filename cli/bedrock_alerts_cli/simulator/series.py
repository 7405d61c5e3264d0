"""One metric over time, by the minute, and the statistics of its windows.

Sums are stored as whole numbers of 2^-100, so they are exact: neither the order of values nor the
start of a window changes the last digit of a result.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import inf
from typing import Final, TypeAlias

from bedrock_alerts_cli.simulator.datapoints import Datapoint
from bedrock_alerts_cli.simulator.statistics import ADDED_UP, Statistic

MINUTE: Final = 60
_GRID: Final = 2**100
_FINE: Final = 2.0**100
_LARGEST: Final = 2.0**360  # the largest value that CloudWatch accepts

Value: TypeAlias = float | None
Window: TypeAlias = tuple[int, int]


class Series:
    """The values of one metric; `keeps_values` if a percentile or the like is needed.

    Minutes are counted since 1970, and a window is a pair of them: the first, and the first after.
    """

    def __init__(self, *, keeps_values: bool = False) -> None:
        self._keeps_values = keeps_values
        self._first = 0
        self._sums: list[int] = []
        self._counts: list[int] = []
        self._least: list[float] = []
        self._most: list[float] = []
        self._values: dict[int, list[tuple[float, float]]] = {}
        self._opaque: set[int] = set()
        self._added = ([0], [0])  # sums and counts of everything before a minute
        self._changed = 0
        self.last: int | None = None

    @property
    def first(self) -> int | None:
        """The first minute with data, None if there is none."""
        return self._first if self._sums else None

    def add(self, point: Datapoint) -> None:
        """Add values measured in a minute to those already stored."""
        if point.values:
            self._add_values(point)
        elif point.count and point.count > 0:
            least, most = point.min or 0.0, point.max or 0.0
            minute = point.minute // MINUTE
            self._add(minute, _exact(point.sum or 0.0), _exact(point.count), (least, most))
            # CloudWatch has percentiles of a statistic set only if it holds a single value.
            if least == most or point.count == 1:
                self._keep(minute, [(least, point.count)])
            else:
                self._opaque.add(minute)

    def _add_values(self, point: Datapoint) -> None:
        minute, values = point.minute // MINUTE, point.values
        if point.counts:
            pairs = [(v, n) for v, n in zip(values, point.counts, strict=True) if n > 0]
            if not pairs:
                return
            values = tuple(value for value, _ in pairs)
            total = sum(_exact(value) * _exact(n) for value, n in pairs) // _GRID
            count = sum(_exact(n) for _, n in pairs)
        else:
            pairs = [(value, 1.0) for value in values] if self._keeps_values else []
            total = sum(map(_exact, values))
            count = len(values) * _GRID
        self._add(minute, total, count, (min(values), max(values)))
        self._keep(minute, pairs)

    def _keep(self, minute: int, pairs: list[tuple[float, float]]) -> None:
        if self._keeps_values:
            self._values.setdefault(minute, []).extend(pairs)

    def _add(self, minute: int, total: int, count: int, bounds: tuple[float, float]) -> None:
        place = self._place(minute)
        self._sums[place] += total
        self._counts[place] += count
        self._least[place] = min(self._least[place], bounds[0])
        self._most[place] = max(self._most[place], bounds[1])
        self._changed = min(self._changed, place)
        if self.last is None or minute > self.last:
            self.last = minute

    def sliding(self, statistic: Statistic, period: int, ends: Window) -> list[Value]:
        """Return the statistic of every window of `period` minutes that ends within `ends`."""
        first, after = ends
        if after <= first:
            return []
        counts = self._boundaries(1, first - period, after - 1)
        later = counts[period:]
        if statistic.name == "SampleCount":
            return [(n - m) / _GRID if n > m else None for n, m in zip(later, counts, strict=False)]
        if statistic.name not in ADDED_UP:
            return [
                self.at(statistic, (end - period, end)) if n > m else None
                for end, n, m in zip(range(first, after), later, counts, strict=False)
            ]
        sums = self._boundaries(0, first - period, after - 1)
        if statistic.name == "Sum":
            return [
                (t - s) / _GRID if n > m else None
                for t, s, n, m in zip(sums[period:], sums, later, counts, strict=False)
            ]
        return [
            (t - s) / (n - m) if n > m else None
            for t, s, n, m in zip(sums[period:], sums, later, counts, strict=False)
        ]

    def at(self, statistic: Statistic, window: Window) -> Value:
        """Return the statistic of one window, None if there is no data."""
        if statistic.name in ADDED_UP:
            (value,) = self.sliding(statistic, window[1] - window[0], (window[1], window[1] + 1))
            return value
        if not self.samples(window):
            return None
        start, end = (min(max(minute - self._first, 0), len(self._sums)) for minute in window)
        if statistic.name == "Minimum":
            return min(self._least[start:end])
        if statistic.name == "Maximum":
            return max(self._most[start:end])
        return self._ranked(statistic, range(start + self._first, end + self._first))

    def samples(self, window: Window) -> float:
        """Return how many values were measured in a window."""
        counts = self._boundaries(1, *window)
        return (counts[-1] - counts[0]) / _GRID

    def _ranked(self, statistic: Statistic, minutes: range) -> Value:
        """Return a statistic that needs every value, None if some are unknown."""
        if not self._opaque.isdisjoint(minutes):
            return None
        pairs = sorted(pair for minute in minutes for pair in self._values.get(minute, ()))
        return statistic.of([value for value, _ in pairs], [count for _, count in pairs])

    def _place(self, minute: int) -> int:
        """Return the index of a minute, extending the lists for it."""
        if not self._sums:
            self._first = minute
        if minute < self._first:
            missing = self._first - minute
            self._sums[:0] = self._counts[:0] = [0] * missing
            self._least[:0], self._most[:0] = [inf] * missing, [-inf] * missing
            self._first, self._changed = minute, 0
        missing = minute - self._first + 1 - len(self._sums)
        if missing > 0:
            self._changed = min(self._changed, len(self._sums))
            self._sums += [0] * missing
            self._counts += [0] * missing
            self._least += [inf] * missing
            self._most += [-inf] * missing
        return minute - self._first

    def _boundaries(self, which: int, first: int, last: int) -> Sequence[int]:
        """Return the running sums at the beginning of each minute from `first` to `last`."""
        added = self._up_to_date()[which]
        low, high = first - self._first, last - self._first
        before = min(max(-low, 0), high - low + 1)
        after = min(max(high - len(added) + 1, 0), high - low + 1)
        inside = added[max(low, 0) : max(high + 1, 0)]
        return [0] * before + inside + [added[-1]] * after

    def _up_to_date(self) -> tuple[list[int], list[int]]:
        """Sum up again from the first changed minute."""
        size = len(self._sums)
        if self._changed < size:
            for added, amounts in zip(self._added, (self._sums, self._counts), strict=True):
                del added[self._changed + 1 :]
                added.extend(accumulate(amounts[self._changed :], initial=added.pop()))
            self._changed = size
        return self._added


def _exact(value: float) -> int:
    return int(min(max(value, -_LARGEST), _LARGEST) * _FINE)
