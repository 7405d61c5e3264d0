"""The simulator: turns data points into state changes, in order of time."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

from bedrock_alerts_cli.simulator.alarm_definitions import Alarm, CompositeAlarm
from bedrock_alerts_cli.simulator.changes import Change, Standing, moment
from bedrock_alerts_cli.simulator.composite_judge import CompositeJudge
from bedrock_alerts_cli.simulator.datapoints import Datapoint
from bedrock_alerts_cli.simulator.evaluation import State
from bedrock_alerts_cli.simulator.group_judge import GroupJudge
from bedrock_alerts_cli.simulator.metric_judge import MetricJudge
from bedrock_alerts_cli.simulator.rules import named
from bedrock_alerts_cli.simulator.series import MINUTE
from bedrock_alerts_cli.simulator.store import PUNCTUAL, Lateness, Store

Moment: TypeAlias = datetime | float
_Judge: TypeAlias = MetricJudge | GroupJudge
# No alarm needs older data: a week, two more periods of a week, and a band's training data.
_MEMORY_MINUTES: Final = 35 * 24 * 60


class Simulator:
    """Alarms created at `start`, evaluated as time is advanced."""

    def __init__(
        self, alarms: Iterable[Alarm], start: Moment, lateness: Lateness = PUNCTUAL
    ) -> None:
        self._start = _seconds(start)
        self._now = self._start
        self._store = Store(lateness)
        self._metric: list[_Judge] = []
        composites: list[CompositeAlarm] = []
        minute = self._start // MINUTE
        for alarm in alarms:
            if isinstance(alarm, CompositeAlarm):
                composites.append(alarm)
            elif alarm.query is not None and alarm.is_grouped:
                self._metric.append(GroupJudge(alarm, alarm.query, self._store, minute))
            else:
                self._metric.append(MetricJudge(alarm, self._store, minute))
        self._composites = [CompositeJudge(one, self._start) for one in _children_first(composites)]
        self._standings: dict[str, Standing] = {
            judge.alarm.name: judge.standing for judge in (*self._metric, *self._composites)
        }
        self._early: list[Datapoint] = []

    @property
    def now(self) -> datetime:
        """The time up to which the simulation has advanced."""
        return moment(self._now)

    def state(self, alarm: str) -> State:
        """Return the state an alarm is in."""
        return self._standings[alarm].state

    def advance(self, datapoints: Iterable[Datapoint], now: Moment) -> list[Change]:
        """Add data points and advance to `now`; return the state changes.

        Points of minutes that have not ended wait until then; late ones count from now on. Raises
        ValueError if `now` is before the present time.
        """
        until = _seconds(now)
        if until < self._now:
            raise ValueError(f"time cannot go back from {self.now} to {moment(until)}")
        first, after = self._now // MINUTE + 1, until // MINUTE + 1
        self._take(datapoints, after - 1)
        self._store.begin((first, after))
        changes = [change for judge in self._metric for change in judge.advance((first, after))]
        changes.sort(key=lambda change: change.after.at)  # stable: alarms stay in their order
        is_first = self._now // MINUTE == self._start // MINUTE and after > first
        self._now = until
        return list(self._with_composites(changes, first * MINUTE if is_first else None))

    def _take(self, datapoints: Iterable[Datapoint], minute: int) -> None:
        """Store the points before a minute, and keep the rest for later."""
        early, self._early = self._early, []
        oldest = self._start - _MEMORY_MINUTES * MINUTE
        for points in (early, datapoints):
            for point in points:
                if point.minute >= minute * MINUTE:
                    self._early.append(point)
                elif point.minute >= oldest:
                    self._store.add(point)

    def _with_composites(self, changes: Sequence[Change], born: int | None) -> Iterator[Change]:
        """Update composite alarms after changes of others and at their own deadlines."""
        place = 0
        while True:
            times = [judge.deadline for judge in self._composites if judge.deadline is not None]
            if place < len(changes):
                times.append(changes[place].after.at)
            if born is not None:
                times.append(born)
            now = min(times, default=self._now + 1)
            if now > self._now:
                return
            born = None if born == now else born
            while place < len(changes) and changes[place].after.at == now:
                yield self._noted(changes[place])
                place += 1
            for judge in self._composites:
                change = judge.judge(now, self._standings)
                if change is not None:
                    yield self._noted(change)

    def _noted(self, change: Change) -> Change:
        if change.contributor is None:
            self._standings[change.alarm.name] = change.after
        return change


class Timeline:
    """The state changes of alarms between two times."""

    def __init__(self, changes: Sequence[Change], start: datetime, end: datetime) -> None:
        self.changes = tuple(changes)
        self.start = start
        self.end = end

    def of(self, alarm: str) -> tuple[Change, ...]:
        """Return the changes of one alarm itself, without its contributors'."""
        return tuple(
            change
            for change in self.changes
            if change.alarm_name == alarm and change.contributor is None
        )

    def seconds_in_alarm(self, alarm: str) -> int:
        """Return how long an alarm was in ALARM."""
        total, since = 0, None
        for change in self.of(alarm):
            at = change.after.at
            if since is not None and change.to_state != "ALARM":
                total, since = total + at - since, None
            elif since is None and change.to_state == "ALARM":
                since = at
        return total if since is None else total + _seconds(self.end) - since


def simulate(
    alarms: Iterable[Alarm],
    datapoints: Iterable[Datapoint],
    start: Moment,
    end: Moment,
    lateness: Lateness = PUNCTUAL,
) -> Timeline:
    """Return the state changes of alarms created at `start`, until `end`.

    Points may have any order. Points before `start` are the history for alarms and bands.
    `lateness` is the delay until points are visible: alarms then evaluate partly visible periods.
    """
    simulator = Simulator(alarms, start, lateness)
    changes = simulator.advance(datapoints, end)
    return Timeline(changes, moment(_seconds(start)), moment(_seconds(end)))


def _children_first(composites: Sequence[CompositeAlarm]) -> list[CompositeAlarm]:
    """Order composite alarms so that each comes after those it depends on."""
    waiting = {composite.name: composite for composite in composites}
    ordered: list[CompositeAlarm] = []

    def settle(composite: CompositeAlarm) -> None:
        if waiting.pop(composite.name, None) is None:
            return
        for name in (*named(composite.rule), composite.suppressor):
            if name in waiting:
                settle(waiting[name])
        ordered.append(composite)

    for composite in composites:
        settle(composite)
    return ordered


def _seconds(when: Moment) -> int:
    if isinstance(when, datetime):
        when = when.timestamp() if when.tzinfo else when.replace(tzinfo=UTC).timestamp()
    return int(when)
