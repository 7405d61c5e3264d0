"""Evaluates alarms on Metrics Insights queries that return a series for each group.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
A contributor's state is OK until it is in ALARM, and becomes OK again when the query no longer
returns it. The alarm is in ALARM while a contributor is. If no series is returned, the
documentation says that it goes to INSUFFICIENT_DATA, whatever its treatment of missing data; the
observed behavior, with the reason used here, follows that treatment.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from bedrock_alerts_cli.simulator import state_reasons as reasons
from bedrock_alerts_cli.simulator.alarm_definitions import MetricAlarm
from bedrock_alerts_cli.simulator.changes import Change, Contributor, Standing, stamp
from bedrock_alerts_cli.simulator.evaluation import (
    BREACHING,
    MISSING,
    WITHIN,
    State,
    Treatment,
    Verdict,
)
from bedrock_alerts_cli.simulator.insights import Query
from bedrock_alerts_cli.simulator.metric_judge import BREACHES, Verdicts
from bedrock_alerts_cli.simulator.series import MINUTE, Series, Value, Window
from bedrock_alerts_cli.simulator.state_reasons import Shown
from bedrock_alerts_cli.simulator.store import Store, seen_late

_Group = tuple[str, ...]
_WITHOUT_SERIES: Final[Mapping[Treatment, State | None]] = {
    "missing": "INSUFFICIENT_DATA",
    "ignore": None,
    "breaching": "ALARM",
    "notBreaching": "OK",
}
_FIRST: Final = 0


class _Newest(NamedTuple):
    """One of the newest periods, partly visible while data is late, by the minute."""

    points: list[Value]
    codes: bytes


class _Live:
    """A series over some minutes: its points, and whether they breach."""

    def __init__(
        self, series: Series, points: list[Value], codes: bytes, newest: list[_Newest]
    ) -> None:
        self.series = series
        self._points = points
        self._codes = codes
        self._newest = newest

    def codes(self, part: slice) -> bytes:
        """Return for the evaluated periods whether they breach, the oldest first."""
        codes = self._codes[part]
        if not self._newest:
            return codes
        seen = bytes(one.codes[part.start] for one in reversed(self._newest))
        return codes[: -len(seen)] + seen

    def points(self, part: slice) -> list[Value]:
        """Return the visible part of these periods."""
        points = self._points[part]
        for number, one in enumerate(self._newest):
            points[-1 - number] = one.points[part.start]
        return points


class GroupJudge:
    """One alarm on several time series: its state, its contributors', and how they change."""

    def __init__(self, alarm: MetricAlarm, query: Query, store: Store, start: int) -> None:
        self.alarm = alarm
        self.standing = Standing(state="INSUFFICIENT_DATA", at=start * MINUTE)
        self._query = query
        self._groups = store.watch_query(query)
        self._period = alarm.period // MINUTE
        self._reach = (alarm.range - 1) * self._period
        self._verdicts = Verdicts(alarm.rules)
        self._contributors: dict[_Group, Standing] = {}
        self._late = store.lateness.of(query.namespace)

    def advance(self, ends: Window) -> Iterator[Change]:
        """Evaluate at every minute within `ends`."""
        first, after = ends
        live = self._live(ends)
        nothing = bytes([MISSING]) * self.alarm.range
        for place in range(after - first):
            part = slice(place, place + self._reach + 1, self._period)
            shown = {}
            for group, one in live.items():
                codes = one.codes(part)
                if codes != nothing:
                    shown[group] = codes
            if len(shown) > self._query.limit:
                shown = self._ranked(shown, live, first + place)
            yield from self._evaluate(first + place, shown, live, part)

    def _live(self, ends: Window) -> dict[_Group, _Live]:
        """Return the series with data in the evaluated periods, in the order of their groups."""
        first, after = ends
        live = {}
        late = self._late
        for group, series in sorted(self._groups.series.items()):
            if series.last is None or series.last < first - self._reach - self._period - late:
                continue
            statistic = self._query.statistic
            points = series.sliding(statistic, self._period, (first - self._reach, after))
            newest = []
            for back in range(0, min(late, self._reach + 1), self._period):
                seen = seen_late(series, statistic, self._period, ends, back=back, late=late)
                newest.append(_Newest(seen, self._codes(seen)))
            live[group] = _Live(series, points, self._codes(points), newest)
        return live

    def _codes(self, points: list[Value]) -> bytes:
        breaches, threshold = BREACHES[self.alarm.operator], self.alarm.threshold or 0.0
        return bytes(
            [
                MISSING if v is None else BREACHING if breaches(v, threshold) else WITHIN
                for v in points
            ]
        )

    def _ranked(
        self, shown: dict[_Group, bytes], live: dict[_Group, _Live], end: int
    ) -> dict[_Group, bytes]:
        """Keep as many series as the query returns, by their order."""
        order = self._query.order
        if order is not None:
            window = (end - self._reach - self._period, end)
            rank = {g: live[g].series.at(order.statistic, window) or 0.0 for g in shown}
            sign = 1 if order.is_ascending else -1
            kept = sorted(shown, key=lambda group: (sign * rank[group], group))
        else:
            kept = sorted(shown)
        chosen = set(kept[: self._query.limit])
        return {group: codes for group, codes in shown.items() if group in chosen}

    def _evaluate(
        self, end: int, shown: dict[_Group, bytes], live: dict[_Group, _Live], part: slice
    ) -> Iterator[Change]:
        changes = []
        for group, codes in shown.items():
            verdict = self._verdicts.of(codes)
            before = self._contributors.get(group)
            is_alarm = before is not None
            if verdict.state == "ALARM" and not is_alarm:
                reason = self._reason("ALARM", verdict, live[group].points(part), codes, end)
                changes.append(self._contributor_change(group, "ALARM", reason, end))
            elif verdict.state == "OK" and is_alarm:
                reason = self._reason("OK", verdict, live[group].points(part), codes, end)
                changes.append(self._contributor_change(group, "OK", reason, end))
        for group in sorted(self._contributors.keys() - shown.keys()):
            reason = reasons.NO_DATA_OF_CONTRIBUTOR
            changes.append(self._contributor_change(group, "OK", reason, end))
        parent = self._parent_change(end, len(shown))
        if parent is not None:
            yield parent
        yield from changes

    def _reason(
        self, state: State, verdict: Verdict, points: list[Value], codes: bytes, end: int
    ) -> str:
        newest = len(codes) - 1
        judged = [
            Shown(
                start=(end - (place + 1) * self._period) * MINUTE,
                value=points[newest - place],
                is_breaching=codes[newest - place] == BREACHING,
            )
            for place in verdict.places
        ]
        return reasons.of_contributor(self.alarm, state, verdict, judged)

    def _contributor_change(self, group: _Group, state: State, reason: str, end: int) -> Change:
        now = Standing(state=state, at=end * MINUTE, reason=reason)
        if state == "ALARM":
            before = Standing(state="OK", at=end * MINUTE, reason="")
            self._contributors[group] = now
        else:
            before = self._contributors.pop(group)
        attributes = tuple(zip(self._query.group_by, group, strict=True))
        return Change(
            alarm=self.alarm, before=before, after=now, contributor=Contributor(attributes)
        )

    def _parent_change(self, end: int, series: int) -> Change | None:
        breaching = len(self._contributors)
        state: State | None = "ALARM" if breaching else "OK"
        if not series:
            state = _WITHOUT_SERIES[self.alarm.rules.treatment]
        if state is None or state == self.standing.state:
            return None
        before = self.standing
        reason = reasons.of_parent(self.alarm, breaching, series)
        data = {"version": "1.0", "queryDate": stamp(end * MINUTE)}
        self.standing = Standing(state=state, at=end * MINUTE, reason=reason, data=data)
        return Change(alarm=self.alarm, before=before, after=self.standing)
