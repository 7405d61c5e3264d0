"""Anomaly detection bands, approximately.

CloudWatch trains its own model on up to two weeks of a metric; the method is not public. Here a
band is the mean of the metric in the same and the adjacent hours of the day, over up to two weeks,
plus and minus a number of standard deviations. With less than three days of such hours, all data
counts; with less than three hours of data there is no band. It is renewed at every full hour from
earlier data. It is an estimate, and reasons say so.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from math import fsum, sqrt
from typing import Final, NamedTuple

from bedrock_alerts_cli.simulator.series import Value, Window

HOUR: Final = 60
TRAINING_HOURS: Final = 14 * 24
_LEAST_HOURS: Final = 3
_LEAST_DAYS: Final = 3
_DAY_HOURS: Final = 24
NOTE: Final = (
    " (Simulated: the band is an estimate from the same hours of earlier days, not CloudWatch's"
    " own model.)"
)


class Hour(NamedTuple):
    """The sums of an hour's samples."""

    number: int
    samples: int
    total: float
    squares: float


class Model:
    """The expected value of one metric, hour by hour."""

    def __init__(self) -> None:
        self._hours: deque[Hour] = deque()

    def learn(self, hour: int, samples: Iterable[Value]) -> None:
        """Add the samples of the next hour."""
        values = [value for value in samples if value is not None]
        if values:
            squares = fsum(value * value for value in values)
            self._hours.append(Hour(hour, len(values), fsum(values), squares))
        while self._hours and self._hours[0].number <= hour - TRAINING_HOURS:
            self._hours.popleft()

    def expected(self, hour: int) -> tuple[float, float] | None:
        """Return mean and standard deviation for an hour, None if there is too little data."""
        hours = [one for one in self._hours if hour - TRAINING_HOURS <= one.number < hour]
        if len(hours) < _LEAST_HOURS:
            return None
        alike = [one for one in hours if _is_near(one.number, hour)]
        if len({(one.number + 1) // _DAY_HOURS for one in alike}) >= _LEAST_DAYS:
            hours = alike
        count = sum(one.samples for one in hours)
        mean = fsum(one.total for one in hours) / count
        variance = fsum(one.squares for one in hours) / count - mean * mean
        return mean, sqrt(max(variance, 0.0))


def _is_near(hour: int, other: int) -> bool:
    apart = (hour - other) % _DAY_HOURS
    return min(apart, _DAY_HOURS - apart) <= 1


class Expected:
    """The expected band of one metric, hour by hour."""

    def __init__(self, first_hour: int) -> None:
        self._model = Model()
        self._next = first_hour
        self._known: dict[int, tuple[float, float] | None] = {}

    def at(
        self, hour: int, points: Callable[[Window], Iterator[tuple[int, Value]]]
    ) -> tuple[float, float] | None:
        """Return mean and standard deviation expected in an hour, learning the hours before it."""
        if hour not in self._known and hour >= self._next:
            samples: dict[int, list[Value]] = {}
            for end, value in points((self._next * HOUR + 1, hour * HOUR + 1)):
                samples.setdefault((end - 1) // HOUR, []).append(value)
            for past in range(self._next, hour):
                self._known[past] = self._model.expected(past)
                self._model.learn(past, samples.get(past, ()))
            self._known[hour] = self._model.expected(hour)
            self._next = hour
        return self._known.get(hour)
