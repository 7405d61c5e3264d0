"""Random lives of alarms, and everything that may go wrong while people are notified of them.

What is drawn: one to three alarms, one of them over contributors or a composite with a suppressor;
their states, no data among them; deletions and new queries; severities, mutes, disabled actions;
presses; routes with severities and quiet hours; events late, doubled, lost and out of order;
channels that refuse, for now or for good, that accept without an answer, that ask to be left alone;
the table and the queue away; processes that die between any two calls, and two that work at once;
pokes and sweeps that are lost.
"""

import itertools
import json
import random
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

from bedrock_alerts.alerts.events import (
    Answer,
    incident_id,
)
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts.alerts.incidents.learn import LookedUp
from bedrock_alerts.alerts.normalise import encode_note
from bedrock_alerts.alerts.routing import parse_routes
from bedrock_alerts.errors import PermanentError
from bedrock_alerts_cli.notifier.world import Died, Outage, World
from tests.support.life_law import Law, Truth
from tests.support.sequences import stamp

START: Final = datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp()
MINUTE: Final = 60.0
CHANNELS: Final = ("email", "slack", "pagerduty")
_HOME: Final = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:"
# Quiet until noon: the end of every life is hours later.
_QUIET: Final = {"from": "08:20", "to": "12:00", "timezone": "UTC"}
_CRITICAL: Final = {"name": "worst", "match": {"severity": ["critical"]}}
_ROUTES: Final[tuple[dict[str, Any], ...]] = (
    {"routes": [{"name": "all", "channels": CHANNELS}]},
    {"routes": [{"name": "all", "channels": ["email"]}]},
    {"routes": [{"name": "all", "channels": ["slack", "email"]}]},
    {"routes": [{"name": "all", "channels": ["pagerduty", "slack"]}]},
    {"routes": [{"name": "all", "channels": CHANNELS, "quiet_hours": _QUIET}]},
    {"routes": [{**_CRITICAL, "channels": ["pagerduty", "slack"]}], "default": ["email"]},
)
_STATES: Final = ("ALARM", "ALARM", "OK", "INSUFFICIENT_DATA")
_PAUSES: Final = (1, 3, 5, 8, 12, 20, 45, 90)
_DELAYS: Final = (0, 2, 5, 200, 700, 1500)
_DEEPEST: Final = 2


class Life:
    """One world with its alarms, and the faults that it draws from a seed.

    `presses` is how often people do something, where a change of state is 6.
    """

    def __init__(self, seed: int, *, faults: bool = True, presses: int = 2) -> None:
        self.presses = presses
        self.chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.faults = faults
        self.world = World(START, CHANNELS)
        self.law = Law(self.world)
        count = self.chance.choice([1, 1, 2, 3])
        self.alarms = [Truth(f"{_HOME}orders.Alarm{n}", START) for n in range(count)]
        self._ids = itertools.count(1)
        self._kill = self._fault([0.0, 0.01, 0.03])
        self._nest = self._fault([0.0, 0.02, 0.1])
        self._lost_pokes = self._fault([0.0, 0.0, 0.3, 0.7])
        self._depth = 0
        end = max(_Course(self, alarm).draw() for alarm in self.alarms)
        self._refusals = self._draw_refusals(end)
        self.world.outages += self._draw_outages(end)
        ends = [outage.end for outage in (*self.world.outages, *self._refusals)]
        self.calm = max([end + 30 * MINUTE, *ends]) + 31 * MINUTE
        self.world.before_call = self._before_call
        self.world.drops_pokes = self._is_poke_lost
        self.world.look_up = self._look_up

    def play(self) -> list[str]:
        """Let it all happen, and return what of the law is broken."""
        end = self.calm + 6 * 60 * MINUTE
        minute = (START // 60 + 1) * 60
        while minute < end:
            if not (self.faults and minute < self.calm and self.chance.random() < 0.1):
                self.world.at(minute, self.world.beat)
            minute += 60
        self.world.run_until(end)
        for alarm in self.alarms:
            self.law.check_rest(alarm)
        return sorted(self.law.broken)

    def send(self, at: float, event: dict[str, Any], *, may_be_lost: bool) -> None:
        """Let an event arrive: late, twice, or never."""
        chance = self.chance
        if self.faults and may_be_lost and chance.random() < 0.1:
            return
        copies = 2 if self.faults and chance.random() < 0.2 else 1
        body = json.dumps({**event, "id": f"00000000-0000-4000-8000-{next(self._ids):012d}"})
        for copy in range(copies):
            delay = chance.choice(_DELAYS) if self.faults else 1
            arrives = at + delay + copy * chance.randint(1, 400)
            self.world.at(arrives, lambda: self.world.receive(body))

    # ---- faults ----------------------------------------------------------------------------------

    def _fault(self, rates: list[float]) -> float:
        return self.chance.choice(rates) if self.faults else 0.0

    def _draw_outages(self, end: float) -> list[Outage]:
        found = []
        for what in (*CHANNELS, "table", "queue", "describe_alarms") * 2:
            if self.faults and self.chance.random() < 0.3:
                start = START + self.chance.random() * (end - START + 40 * MINUTE)
                length = self.chance.choice([1, 4, 9, 25]) * MINUTE
                status = self.chance.choice([503, 0, 429]) if what in CHANNELS else 503
                pause = 30.0 if status == 429 else None
                found.append(Outage(what, start, start + length, status, pause))
        return found

    def _draw_refusals(self, end: float) -> list[Outage]:
        """Draw when one channel refuses for good, such as a webhook that was deleted."""
        if not self.faults or self.chance.random() > 0.2:
            return []
        start = START + self.chance.random() * (end - START)
        length = self.chance.choice([5, 40, 200]) * MINUTE
        return [Outage(self.chance.choice(CHANNELS), start, start + length, 404)]

    def _before_call(self, name: str) -> None:
        """Let the process die here, or another one do its work first, or the channel refuse."""
        now = self.world.now()
        if any(one.what == name and one.start <= now < one.end for one in self._refusals):
            raise PermanentError(f"{name} does not exist")
        if now > self.calm:
            return
        if self._depth < _DEEPEST and self.chance.random() < self._nest:
            self._depth += 1
            try:
                self.world.run_next()
            finally:
                self._depth -= 1
        if self.chance.random() < self._kill:
            raise Died

    def _is_poke_lost(self) -> bool:
        return self.world.now() < self.calm and self.chance.random() < self._lost_pokes

    def _look_up(self, item: AlarmItem) -> LookedUp | None:
        alarm = next(one for one in self.alarms if one.arn == item.arn)
        if not alarm.exists:
            return LookedUp(state=None)
        return LookedUp(
            state=alarm.state,
            since=alarm.since,
            are_actions_enabled=alarm.are_actions_enabled,
            contributors=frozenset(alarm.contributors),
        )


class _Course:
    """What happens to one alarm, drawn from the beginning to the end."""

    def __init__(self, life: Life, alarm: Truth) -> None:
        self.life, self.alarm, self.chance = life, alarm, life.chance
        self.at = START + self.chance.random() * 300
        self.is_multi = self.chance.random() < 0.3
        self.is_composite = self.chance.random() < 0.3
        self.state = "OK"
        self.previous: tuple[str, float] = ("OK", START - 3600)
        self.contributors: frozenset[str] = frozenset()
        self.exists = True
        self.is_held = False
        self.severity = "warning"
        self.are_actions_enabled = True

    def draw(self) -> float:
        """Draw it, and return when it ends."""
        kinds = {"state": 6, "press": self.life.presses, "muted": 1, "actions": 1, "severity": 1}
        kinds |= {"deleted": 1, "routes": 1, "query": 1, "suppressed": 3 * self.is_composite}
        for _ in range(self.chance.randint(1, 7)):
            self.at += self.chance.choice(_PAUSES) * MINUTE + self.chance.random() * 50
            what = self.chance.choices([*kinds], [*kinds.values()])[0]
            if not self.exists:
                self._create()
                what = "state"
            getattr(self, f"_{what}")()
        return self.at

    # ---- what happens ----------------------------------------------------------------------------

    def _create(self) -> None:
        self.exists, self.state, self.previous = True, "INSUFFICIENT_DATA", ("", 0.0)
        self.contributors, self.are_actions_enabled = frozenset(), True
        self._happens(
            exists=True,
            state=self.state,
            since=self.at,
            contributors=set[str](),
            are_actions_enabled=True,
        )

    def _state(self) -> None:
        if self.is_multi and self.state == "ALARM" and self.chance.random() < 0.5:
            self._contributor()
            return
        self.state = self.chance.choice([one for one in _STATES if one != self.state])
        self.contributors = frozenset()
        if self.is_multi and self.state == "ALARM":
            self.contributors = frozenset(self.chance.sample("abc", self.chance.randint(1, 2)))
            for name in sorted(self.contributors):
                self._series(self.at - 0.2, name, "ALARM")
        self._happens(state=self.state, since=self.at, contributors=set(self.contributors))
        self._event(self.at, self.previous)
        self.previous = (self.state, self.at)

    def _contributor(self) -> None:
        name = self.chance.choice("abc")
        if name not in self.contributors:
            self.contributors |= {name}
            self._series(self.at, name, "ALARM")
        elif len(self.contributors) > 1:
            self.contributors -= {name}
            self._series(self.at, name, "OK")
        self._happens(contributors=set(self.contributors))

    def _suppressed(self) -> None:
        if self.state == "INSUFFICIENT_DATA":
            return
        self.is_held = not self.is_held
        self._happens(is_suppressed=self.is_held)
        self._event(self.previous[1] or self.at, (self.state, self.previous[1]))

    def _muted(self) -> None:
        until = self.at + self.chance.choice([10, 60]) * MINUTE
        self._happens(muted_until=until)
        self._event(self.previous[1] or self.at, (self.state, self.previous[1]), muted_until=until)

    def _actions(self) -> None:
        self.are_actions_enabled = not self.are_actions_enabled
        self._happens(are_actions_enabled=self.are_actions_enabled)
        self._configured("update")

    def _severity(self) -> None:
        self.severity = "critical" if self.severity == "warning" else "warning"
        self._happens(severity=self.severity)
        self._configured("update")

    def _query(self) -> None:
        """Change the query: contributors are gone, and the state stays as it is."""
        self.contributors = frozenset()
        self._happens(contributors=set[str]())
        self._configured("update", is_query_changed=True)

    def _deleted(self) -> None:
        self.exists, self.is_held = False, False
        self._happens(
            exists=False,
            state="",
            contributors=set[str](),
            is_suppressed=False,
            muted_until=0.0,
        )
        self._configured("delete")

    def _routes(self) -> None:
        world = self.life.world
        routes = parse_routes(json.dumps(self.chance.choice(_ROUTES)))
        world.at(self.at, lambda: setattr(world, "routes", routes))

    def _press(self) -> None:
        life, world, alarm = self.life, self.life.world, self.alarm
        kinds = ["acknowledge", "acknowledge", "silence", "unsilence", "resend", "close"]
        kind = self.chance.choice(kinds)
        is_command = kind == "close" or self.chance.random() < 0.5
        seconds = self.chance.choice([20, 240]) * 60 if kind == "silence" else 0
        delay = self.chance.choice([0, 3, 400, 1500]) if life.faults else 1

        def press() -> None:
            item = life.law.item(alarm)
            shown = item.view("slack").shown if item else None
            if shown is None or not shown.number:
                return
            if kind == "close" and (alarm.state == "ALARM" or alarm.contributors):
                return  # a person closes what CloudWatch does not say is firing
            answer = Answer(
                kind=cast("Literal['acknowledge', 'silence', 'unsilence']", kind),
                alarm_arn=alarm.arn if is_command else "",
                incident=incident_id(alarm.arn),
                user="U0EXAMPLE",
                name="ada",
                at=datetime.fromtimestamp(world.now(), UTC),
                seconds=seconds,
                number=shown.number,
            )
            body = encode_note(answer)
            world.at(world.now() + delay, lambda: world.receive(body))

        world.at(self.at, press)

    def _happens(self, **facts: Any) -> None:
        def change() -> None:
            for name, value in facts.items():
                setattr(self.alarm, name, value)

        self.life.world.at(self.at, change)

    # ---- events ----------------------------------------------------------------------------------

    def _event(self, at: float, previous: tuple[str, float], *, muted_until: float = 0.0) -> None:
        """Let the alarm say its state, of `at`."""
        when, state, is_held, alarm = self.at, self.state, self.is_held, self.alarm

        def send() -> None:
            detail = self._detail(alarm.severity, state, at)
            if previous[0] and previous[1]:
                detail["previousState"] = {"value": previous[0], "timestamp": stamp(previous[1])}
            if is_held:
                detail["state"]["actionsSuppressedBy"] = "Alarm"
            until = muted_until or (alarm.muted_until if alarm.muted_until > when else 0.0)
            if until:
                detail["muteDetail"] = {"mutedByArn": "arn:rule", "muteWindowEnd": stamp(until)}
            is_loss_possible = state != "ALARM" and at == when
            self.life.send(when, self._wrapped("State", when, detail), may_be_lost=is_loss_possible)

        self.life.world.at(when, send)

    def _series(self, when: float, name: str, state: str) -> None:
        def send() -> None:
            detail = self._detail(self.alarm.severity, state, when)
            detail["alarmContributor"] = {"id": name, "attributes": {"Principal": f"role/{name}"}}
            event = self._wrapped("Contributor State", when, detail)
            self.life.send(when, event, may_be_lost=state != "ALARM")

        self.life.world.at(when, send)

    def _configured(self, operation: str, *, is_query_changed: bool = False) -> None:
        configuration: dict[str, Any] = {
            "alarmName": self.alarm.name,
            "actionsEnabled": self.are_actions_enabled,
            "description": f"Orders.\nSeverity: {self.severity}",
        }
        detail: dict[str, Any] = {"operation": operation, "configuration": configuration}
        if is_query_changed:
            detail["previousConfiguration"] = {**configuration, "metrics": _query("SUM(Old)")}
            detail["configuration"] = {**configuration, "metrics": _query("SUM(New)")}
        event = self._wrapped("Configuration", self.at, detail)
        self.life.send(self.at, event, may_be_lost=False)

    def _detail(self, severity: str, state: str, at: float) -> dict[str, Any]:
        return {
            "configuration": {"description": f"Orders.\nSeverity: {severity}"},
            "state": {"value": state, "reason": "Threshold Crossed", "timestamp": stamp(at)},
        }

    def _wrapped(self, kind: str, at: float, detail: dict[str, Any]) -> dict[str, Any]:
        return {
            "version": "0",
            "detail-type": f"CloudWatch Alarm {kind} Change",
            "source": "aws.cloudwatch",
            "account": "111122223333",
            "time": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "region": "eu-west-1",
            "resources": [self.alarm.arn],
            "detail": {"alarmName": self.alarm.name, **detail},
        }


def _query(expression: str) -> list[dict[str, Any]]:
    return [{"id": "q1", "expression": expression, "period": 60, "returnData": True}]
