"""Plots for the report: shapes as SVG that stretches, every word as HTML beside it.

Text inside a picture shrinks with it, and is unreadable on a phone. So the pictures have only
shapes, drawn on an area of 1000 by 100 units that the page stretches.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from bedrock_alerts import metrics
from bedrock_alerts_cli.plurals import count

WIDTH: Final = 1000
HEIGHT: Final = 100
_MOST_BUCKETS: Final = 240
_STEPS: Final = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400)
_TICKS: Final = 8
_BETWEEN_TICKS: Final = (
    *(minutes * 60 for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)),
    *(days * 86400 for days in (1, 2, 7, 14, 28, 91, 364)),
)
_SERIES: Final = 6
_DAY: Final = 86400


class Axis(NamedTuple):
    """The time axis that all plots of a report share: buckets of `step` seconds from `start` on."""

    start: int
    step: int
    buckets: int

    @property
    def end(self) -> int:
        """The end of the last bucket."""
        return self.start + self.step * self.buckets

    def bucket(self, at: int) -> int:
        """Return the bucket that a moment falls into."""
        return min(max(0, (at - self.start) // self.step), self.buckets - 1)

    def place(self, at: int) -> float:
        """Return the position of a moment, in percent of the width."""
        return min(100.0, max(0.0, 100 * (at - self.start) / (self.end - self.start)))

    def ticks(self) -> list[tuple[float, str]]:
        """Return positions, in percent, with their labels."""
        length = self.end - self.start
        every = next((one for one in _BETWEEN_TICKS if length / one <= _TICKS), _BETWEEN_TICKS[-1])
        ticks: list[tuple[float, str]] = []
        # At the labeled time: a date without a time is at midnight.
        for second in range(-(-self.start // every) * every, self.end, every):
            at = datetime.fromtimestamp(second, UTC)
            is_date = every >= _DAY or not ticks or second % _DAY == 0
            words = f"{at:%d %b}" * is_date + f" {at:%H:%M}" * (every < _DAY)
            ticks.append((100 * (second - self.start) / length, words.strip()))
        return ticks


class Legend(NamedTuple):
    """The meaning of a color, and its total."""

    name: str
    amount: str
    colour: int


class Plot(NamedTuple):
    """One plot, ready for the page: paths with the number of their color.

    `top` is the value of the upper edge, `total` that of everything.
    """

    title: str
    kind: Literal["bars", "lines"]
    legend: tuple[Legend, ...]
    top: str
    shapes: tuple[tuple[str, int], ...]
    total: str


def axis(start: int, end: int) -> Axis:
    """Choose buckets so that there are few enough to see, aligned to the clock."""
    length = max(60, end - start)
    step = next((one for one in _STEPS if length / one <= _MOST_BUCKETS), _STEPS[-1])
    first = start // step * step
    return Axis(first, step, max(1, math.ceil((max(end, first + step) - first) / step)))


def plots(points: Sequence[metrics.Datapoint], time: Axis) -> tuple[Plot, ...]:
    """Return the most asked plots: calls and errors, cost, interventions, and time."""
    found = _Buckets(points, time)
    return (
        bars("Calls", "calls", found.by_outcome()),
        bars("Estimated cost by model", "USD", found.summed("EstimatedCost", "ModelId")),
        bars("Guardrail findings by policy", "findings", found.by_policy()),
        lines("Latency", "ms", found.latency()),
    )


class _Buckets:
    """The data points of a log, added up in the buckets of an axis."""

    def __init__(self, points: Sequence[metrics.Datapoint], time: Axis) -> None:
        self._points = points
        self._time = time

    def summed(self, metric: str, dimension: str | None) -> dict[str, list[float]]:
        """Add up a metric by the values of one dimension, or the one without dimensions."""
        found: defaultdict[str, list[float]] = defaultdict(lambda: [0.0] * self._time.buckets)
        for point in self._points:
            names = [name for name, _ in point.dimensions]
            if point.metric == metric and names == ([dimension] if dimension else []):
                value = point.dimensions[0][1] if dimension else metric
                found[value][self._time.bucket(point.minute)] += sum(point.values)
        return dict(found)

    def by_outcome(self) -> dict[str, list[float]]:
        calls = self.summed("Invocations", None).get("Invocations", [])
        errors = self.summed("InvocationErrors", None).get("InvocationErrors", [0.0] * len(calls))
        answered = [all_of - failed for all_of, failed in zip(calls, errors, strict=True)]
        return {"answered": answered, "failed": errors} if calls else {}

    def by_policy(self) -> dict[str, list[float]]:
        found: defaultdict[str, list[float]] = defaultdict(lambda: [0.0] * self._time.buckets)
        for point in self._points:
            if point.metric == "PolicyHits" and len(point.dimensions) == 2:  # noqa: PLR2004 - Policy, Action
                named = dict(point.dimensions)
                name = f"{named.get('Policy', '?')} {named.get('Action', '?')}".replace("_", " ")
                found[name.lower()][self._time.bucket(point.minute)] += sum(point.values)
        return dict(found)

    def latency(self) -> dict[str, list[float | None]]:
        times: list[list[float]] = [[] for _ in range(self._time.buckets)]
        for point in self._points:
            if point.metric == "Latency" and not point.dimensions:
                times[self._time.bucket(point.minute)].extend(point.values)
        return {
            name: [_percentile(sorted(values), share) for values in times]
            for name, share in (("median", 0.5), ("95 % are faster", 0.95))
        }


def _percentile(values: Sequence[float], share: float) -> float | None:
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


def bars(title: str, unit: str, found: Mapping[str, Sequence[float]]) -> Plot:
    """Return stacked bars; beyond a few names, the smallest share one color."""
    kept = _largest(found)
    tops = [sum(column) for column in zip(*kept.values(), strict=True)]
    top = _rounded_up(max(tops, default=0))
    shapes, heights = [], [0.0] * len(tops)
    for colour, values in enumerate(kept.values()):
        path = []
        for bucket, value in enumerate(values):
            if value > 0:
                x, width = WIDTH * bucket / len(tops), WIDTH / len(tops)
                y = HEIGHT * (1 - (heights[bucket] + value) / top)
                height = HEIGHT * value / top
                path.append(
                    f"M{x:.2f} {y:.2f}h{0.92 * width:.2f}v{height:.2f}h{-0.92 * width:.2f}z"
                )
                heights[bucket] += value
        shapes.append(("".join(path), colour))
    legend = tuple(
        Legend(name, amount(sum(values), unit), colour)
        for colour, (name, values) in enumerate(kept.items())
    )
    total = amount(sum(sum(values) for values in kept.values()), unit)
    return Plot(title, "bars", legend, amount(top, unit), tuple(shapes), total)


def lines(title: str, unit: str, found: Mapping[str, Sequence[float | None]]) -> Plot:
    """Return lines; a bucket without value breaks the line, a single value is a dash."""
    top = _rounded_up(max((one or 0 for values in found.values() for one in values), default=0))
    shapes, legend = [], []
    for colour, (name, values) in enumerate(found.items()):
        path, is_down = [], False
        for bucket, value in enumerate(values):
            if value is None:
                is_down = False
                continue
            x, width = WIDTH * bucket / len(values), WIDTH / len(values)
            y = HEIGHT * (1 - value / top)
            path.append(f"{'L' if is_down else 'M'}{x:.2f} {y:.2f}h{width:.2f}")
            is_down = True
        shapes.append(("".join(path), colour))
        known = [value for value in values if value is not None]
        highest = f"up to {amount(max(known), unit)}" if known else "none"
        legend.append(Legend(name, highest, colour))
    return Plot(title, "lines", tuple(legend), amount(top, unit), tuple(shapes), "")


def _largest(found: Mapping[str, Sequence[float]]) -> dict[str, Sequence[float]]:
    by_size = sorted(found, key=lambda name: (-sum(found[name]), name))
    kept = {name: found[name] for name in by_size[:_SERIES]}
    rest = [found[name] for name in by_size[_SERIES:]]
    if rest:
        kept[count(len(rest), "other")] = [sum(column) for column in zip(*rest, strict=True)]
    return kept


def _rounded_up(value: float) -> float:
    """Return the next plain number, such as 1.5, 2, 30 or 800."""
    if value <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    return next(
        size * step for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if value <= size * step * (1 + 1e-9)
    )


def amount(value: float, unit: str) -> str:
    """Return a number with its unit and its significant digits."""
    if unit == "USD":
        return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:.3g}"
    if unit == "ms" and value >= 1000:  # noqa: PLR2004 - a second
        return f"{value / 1000:,.3g} s"
    return f"{value:,.0f} {unit}".rstrip()
