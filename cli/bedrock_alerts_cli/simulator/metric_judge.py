"""Evaluating alarms on one time series, minute by minute.

The window slides, as it does in CloudWatch: an alarm with a period of five minutes is evaluated
every minute, over the five minutes that end then, the five before those, and so on. Data is assumed
to be visible at the end of its minute.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Final, NamedTuple

from bedrock_alerts_cli.simulator import state_reasons as reasons
from bedrock_alerts_cli.simulator.alarm_definitions import BAND_OPERATORS, MetricAlarm
from bedrock_alerts_cli.simulator.anomaly_bands import HOUR, TRAINING_HOURS, Expected
from bedrock_alerts_cli.simulator.changes import Change, Standing
from bedrock_alerts_cli.simulator.clock import windows
from bedrock_alerts_cli.simulator.evaluation import (
    BREACHING,
    FEW_SAMPLES,
    MISSING,
    WITHIN,
    Rules,
    Verdict,
    judge,
)
from bedrock_alerts_cli.simulator.metric_math import Frame, Name, Node, Points, read_band
from bedrock_alerts_cli.simulator.series import MINUTE, Series, Value, Window
from bedrock_alerts_cli.simulator.state_reasons import Shown
from bedrock_alerts_cli.simulator.statistics import PLAIN, Statistic
from bedrock_alerts_cli.simulator.store import Groups, Store, seen_late

BREACHES: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_MOST_REMEMBERED: Final = 100_000
_SIGNIFICANT: Final = 10  # values beyond the percentile's rank


class Verdicts:
    """Caches the verdicts of evaluation ranges: most repeat."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._known: dict[bytes, Verdict] = {}

    def of(self, shown: bytes) -> Verdict:
        """Return the verdict on an evaluation range."""
        verdict = self._known.get(shown)
        if verdict is None:
            if len(self._known) > _MOST_REMEMBERED:
                self._known.clear()
            verdict = self._known[shown] = judge(shown, self._rules)
        return verdict


class Looked(NamedTuple):
    """The data of an alarm: the beginnings of periods (seconds), points, and a band around them."""

    starts: Sequence[int]
    points: Points
    lower: Points | None
    upper: Points | None

    def part(self, part: slice) -> "Looked":
        """Return some of the periods."""
        lower = self.lower[part] if self.lower else None
        upper = self.upper[part] if self.upper else None
        return Looked(self.starts[part], self.points[part], lower, upper)

    def shown(self, place: int, code: int) -> Shown:
        """Return one period."""
        return Shown(
            start=self.starts[place],
            value=self.points[place],
            is_breaching=code == BREACHING,
            lower=self.lower[place] if self.lower else None,
            upper=self.upper[place] if self.upper else None,
        )


class _Over(NamedTuple):
    """The data to evaluate: metrics, beginnings of periods, and the places at which to evaluate.

    Each place has its minute; `reach` places back, by `step`, are evaluated.
    """

    metrics: Mapping[str, Points]
    starts: Sequence[int]
    places: Iterator[tuple[int, int]]
    reach: int
    step: int


class MetricJudge:
    """One alarm on one time series: its state, and how that changes. `start` is a minute."""

    def __init__(self, alarm: MetricAlarm, store: Store, start: int) -> None:
        self.alarm = alarm
        self.standing = Standing(state="INSUFFICIENT_DATA", at=start * MINUTE)
        self._store = store
        self._start = start
        self._period = alarm.period // MINUTE
        self._reach = (alarm.range - 1) * self._period
        self._verdicts = Verdicts(alarm.rules)
        self._expressions: dict[str, Node] = {}
        self._queries: dict[str, tuple[Statistic, Groups]] = {}
        for item in alarm.items:
            if item.signal is not None:
                store.watch(item.signal, self._reach)
            elif item.query is not None:
                self._queries[item.id] = (item.query.statistic, store.watch_query(item.query))
            elif item.expression is not None:
                self._expressions[item.id] = item.expression.node
        self._late = max(
            (store.lateness.of(item.signal.namespace) for item in alarm.items if item.signal),
            default=0,
        )
        self._warm_until = start + alarm.warm_up.minutes
        self._bands: dict[str, Expected] = {}

    def advance(self, ends: Window) -> Iterator[Change]:
        """Evaluate at every minute within `ends`."""
        over = self._by_the_clock(ends) if self.alarm.zone else self._sliding(ends)
        metrics, starts = over.metrics, over.starts
        partial = self._partial(ends)
        codes = self._codes(self._look(metrics, starts))
        newest = self._newest_codes(partial, ends)
        for place, end in over.places:
            part = slice(max(place - over.reach, 0), place + 1, over.step)
            shown = codes[part]
            if newest:
                shown = shown[: -len(newest)] + bytes(one[end - ends[0]] for one in newest)
            verdict = self._verdicts.of(shown)
            if verdict.state is None or verdict.state == self.standing.state:
                continue
            if self._is_warming_up(end, shown):
                continue
            here = self._look(*self._rows(metrics, starts, part, partial, end - ends[0]))
            yield self._change(end, verdict, here, shown)

    @staticmethod
    def _rows(
        metrics: Mapping[str, Points],
        starts: Sequence[int],
        part: slice,
        partial: Sequence[Mapping[str, Points]],
        minute: int,
    ) -> tuple[Mapping[str, Points], Sequence[int]]:
        """Return the visible part of the evaluated periods, the oldest first."""
        rows = {name: points[part] for name, points in metrics.items()}
        for number, seen in enumerate(partial):
            for name, points in seen.items():
                rows[name][-1 - number] = points[minute]
        return rows, starts[part]

    def _newest_codes(self, partial: Sequence[Mapping[str, Points]], ends: Window) -> list[bytes]:
        """Return for each partly visible period whether it breaches, the newest last."""
        found = []
        for number, seen in enumerate(partial):
            back = number * self._period
            found.append(
                self._codes(self._look(seen, self._starts((ends[0] - back, ends[1] - back))))
            )
        return found[::-1]

    def _is_warming_up(self, end: int, shown: bytes) -> bool:
        if end >= self._warm_until or self.standing.at != self._start * MINUTE:
            return False
        return self.alarm.warm_up.lasts or MISSING in shown[-self.alarm.rules.periods :]

    def _partial(self, ends: Window) -> list[Mapping[str, Points]]:
        """Return the visible part of the newest periods while data is late, the newest first."""
        if not self._late:
            return []
        if self.alarm.zone:
            raise ValueError(f"{self.alarm.name}: a wall clock window with late data")
        series = {
            item.id: (self._store.series(item.signal), item.signal.statistic, item.signal.namespace)
            for item in self.alarm.items
            if item.signal is not None
        }
        for name, (statistic, groups) in self._queries.items():
            query = next(item.query for item in self.alarm.items if item.id == name)
            namespace = query.namespace if query else ""
            series[name] = (groups.series.get((), Series()), statistic, namespace)
        return [
            {
                name: seen_late(
                    one,
                    statistic,
                    self._period,
                    ends,
                    back=number * self._period,
                    late=self._store.lateness.of(namespace),
                )
                for name, (one, statistic, namespace) in series.items()
            }
            for number in range(min(-(-self._late // self._period), self.alarm.range))
        ]

    def _sliding(self, ends: Window) -> "_Over":
        """Return the data for a sliding window."""
        first, after = ends
        wide = (first - self._reach, after)
        between = self.alarm.minutes_between
        places = ((end - wide[0], end) for end in range(first, after) if end % between == 0)
        return _Over(self._metrics(wide), self._starts(wide), places, self._reach, self._period)

    def _by_the_clock(self, ends: Window) -> "_Over":
        """Return the data for a wall clock window."""
        before = self.alarm.range - 1
        found = windows(self._period, self.alarm.zone or UTC, before, ends)
        metrics: dict[str, Points] = {
            item.id: [self._store.series(item.signal).at(item.signal.statistic, w) for w in found]
            for item in self.alarm.items
            if item.signal is not None
        }
        for name, (statistic, groups) in self._queries.items():
            series = groups.series.get((), Series())
            metrics[name] = [series.at(statistic, w) for w in found]
        places = ((n, end) for n, (_, end) in enumerate(found) if end >= ends[0])
        return _Over(metrics, [start * MINUTE for start, _ in found], places, before, 1)

    def _change(self, end: int, verdict: Verdict, looked: Looked, codes: bytes) -> Change:
        """Go to another state."""
        state = verdict.state or self.standing.state
        shown = [looked.shown(place, codes[place]) for place in reversed(range(len(codes)))]
        shown = [one._replace(samples=self._samples(one.start)) for one in shown]
        reason, data = reasons.of_metric(self.alarm, state, verdict, shown, end * MINUTE)
        before = self.standing
        self.standing = Standing(state=state, at=end * MINUTE, reason=reason, data=data)
        return Change(alarm=self.alarm, before=before, after=self.standing)

    def _samples(self, start: int) -> float | None:
        """Return how many values a plain alarm's period has."""
        signal = self.alarm.item.signal
        if signal is None:
            return None
        minute = start // MINUTE
        return self._store.series(signal).samples((minute, minute + self._period))

    def _starts(self, ends: Window) -> list[int]:
        return [(end - self._period) * MINUTE for end in range(*ends)]

    def _metrics(self, ends: Window) -> dict[str, Points]:
        metrics = {
            item.id: self._store.sliding(item.signal, ends)
            for item in self.alarm.items
            if item.signal is not None
        }
        for name, (statistic, groups) in self._queries.items():
            series = groups.series.get((), Series())
            metrics[name] = series.sliding(statistic, self._period, ends)
        return metrics

    def _look(self, metrics: Mapping[str, Points], starts: Sequence[int]) -> Looked:
        frame = Frame(len(starts), metrics, self._expressions)
        points = frame.points(Name(self.alarm.watched))
        if self.alarm.band is None:
            return Looked(starts, points, None, None)
        watched, width = read_band(self._expressions[self.alarm.band])
        return Looked(starts, points, *self._band(watched, width, starts))

    def _codes(self, looked: Looked) -> bytes:
        """Return for every period whether it breaches."""
        if looked.lower is not None and looked.upper is not None:
            return self._codes_with_band(looked.points, looked.lower, looked.upper)
        breaches, threshold = BREACHES[self.alarm.operator], self.alarm.threshold or 0.0
        codes = bytes(
            [
                MISSING if v is None else BREACHING if breaches(v, threshold) else WITHIN
                for v in looked.points
            ]
        )
        return self._without_few_samples(codes, looked) if self._minds_few_samples() else codes

    def _codes_with_band(self, points: Points, lower: Points, upper: Points) -> bytes:
        below = self.alarm.operator != BAND_OPERATORS[2]
        above = self.alarm.operator != BAND_OPERATORS[1]
        return bytes(
            [
                MISSING
                if v is None or least is None or most is None
                else BREACHING
                if (below and v < least) or (above and v > most)
                else WITHIN
                for v, least, most in zip(points, lower, upper, strict=True)
            ]
        )

    def _minds_few_samples(self) -> bool:
        signal = self.alarm.item.signal
        ranked = signal is not None and signal.statistic.name not in PLAIN
        return ranked and self.alarm.ignores_few_samples

    def _without_few_samples(self, codes: bytes, looked: Looked) -> bytes:
        """Keep the state if a percentile has too few values.

        At least ten values beyond the percentile's rank are needed:
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
        """
        signal = self.alarm.item.signal
        rank = (signal.statistic.rank or 0.0) / 100 if signal else 0.0
        least = _SIGNIFICANT / max(min(rank, 1 - rank), 1e-9)
        return bytes(
            FEW_SAMPLES if code != MISSING and (self._samples(start) or 0.0) < least else code
            for code, start in zip(codes, looked.starts, strict=True)
        )

    def _band(self, watched: str, width: float, starts: Sequence[int]) -> tuple[Points, Points]:
        """Return the band around a metric, for periods that begin at `starts`."""
        if watched not in self._bands:
            self._bands[watched] = Expected(self._start // HOUR - TRAINING_HOURS)
        expected = self._bands[watched]
        lower: Points = []
        upper: Points = []
        for start in starts:
            hour = (start // MINUTE + self._period - 1) // HOUR
            known = expected.at(hour, lambda ends: self._aligned(watched, ends))
            lower.append(None if known is None else known[0] - width * known[1])
            upper.append(None if known is None else known[0] + width * known[1])
        return lower, upper

    def _aligned(self, watched: str, ends: Window) -> Iterator[tuple[int, Value]]:
        """Return the points whose periods are the clock's own, by the minute they end.

        Values that expressions fill in before the first data do not count.
        """
        signals = (item.signal for item in self.alarm.items if item.signal is not None)
        first = self._store.first(signals)
        if first is None:
            return
        frame = Frame(ends[1] - ends[0], self._metrics(ends), self._expressions)
        for end, value in zip(range(*ends), frame.points(Name(watched)), strict=True):
            if end % self._period == 0 and end > first:
                yield end, value
