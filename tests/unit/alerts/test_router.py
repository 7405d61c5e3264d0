"""Route learns, names the channels and pokes; what it cannot learn it notifies of all the same."""

import json
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from bedrock_alerts.alerts.events import (
    Answer,
    Heartbeat,
    Kept,
    Notified,
    incident_id,
)
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts.alerts.incidents.learn import LookedUp
from bedrock_alerts.alerts.normalise import encode_note
from bedrock_alerts.alerts.router import Parts, Router
from bedrock_alerts.alerts.routing import parse_routes
from bedrock_alerts.errors import TransientError
from bedrock_alerts_cli.notifier.in_memory import MemoryTable, Silent
from tests.support.facts import ARN, CHANNELS, event, minute, moment
from tests.support.sequences import stamp

ALARM_ID: Final = incident_id(ARN)


class World:
    """A table that may be away, two queues and a clock."""

    def __init__(self, **parts: Any) -> None:
        self.at = minute(0)
        self.is_table_away = False
        self.table = MemoryTable(self)
        self.pokes: list[Any] = []
        self.kept: list[tuple[Kept, float]] = []
        self.answered: list[str] = []
        self._parts = parts

    def call(self, name: str) -> None:
        """Let a call happen."""
        if name == "table" and self.is_table_away:
            raise TransientError("the table is away")

    def now(self) -> float:
        """Return the time."""
        return self.at

    def put(self, pokes: Any, delay: float = 0.0) -> None:
        """Take pokes."""
        self.pokes += pokes if not delay else []

    def keep(self, note: Kept, delay: float) -> None:
        """Take a kept event."""
        self.kept.append((note, delay))

    def router(self) -> Router:
        given: dict[str, Any] = {
            "table": self.table,
            "queue": self,
            "kept": self,
            "journal": Silent(),
            "channels": CHANNELS,
            "clock": self.now,
            "answered": lambda _answer, text: self.answered.append(text),
            **self._parts,
        }
        return Router(Parts(**given))

    def route(self, body: str, at: float, attempt: int = 1) -> Router:
        self.at = minute(at)
        router = self.router()
        router.route(body, attempt)
        return router

    @property
    def item(self) -> AlarmItem:
        return self.table.items[ALARM_ID][0]


def body(state: str, at: float, name: str = "orders-errors", severity: str = "critical") -> str:
    """Return an alarm's event."""
    detail = {
        "alarmName": name,
        "configuration": {"description": f"Severity: {severity}"},
        "state": {"value": state, "reason": "x", "timestamp": stamp(minute(at))},
    }
    return json.dumps(
        {
            "version": "0",
            "id": "6f1d0c52-0000-4000-8000-0000000000a1",
            "detail-type": "CloudWatch Alarm State Change",
            "source": "aws.cloudwatch",
            "account": "111122223333",
            "time": f"{moment(at):%Y-%m-%dT%H:%M:%SZ}",
            "region": "eu-west-1",
            "resources": [ARN.replace("orders-errors", name)],
            "detail": detail,
        }
    )


def routes(*found: dict[str, Any]) -> Callable[[], Any]:
    parsed = parse_routes(json.dumps({"routes": found}))
    return lambda: (parsed, "")


def test_an_alarm_is_learned_and_every_channel_poked() -> None:
    world = World()
    router = world.route(body("ALARM", 0), 0.1)
    assert world.item.incident is not None
    assert {poke.channel for poke in world.pokes} == set(CHANNELS)
    assert router.counts["StateChanges"] == 1


def test_it_says_nothing_where_it_learns_nothing_new() -> None:
    world = World()
    world.route(body("ALARM", 0), 0.1)
    facts = world.item.incident
    world.route(body("ALARM", 0), 0.2)
    assert world.item.incident == facts


def test_a_definition_is_learned_at_first_sight() -> None:
    world = World(look_up=lambda _item: LookedUp("ALARM", are_actions_enabled=False))
    router = world.route(body("ALARM", 0), 0.1)
    assert not world.item.are_actions_enabled
    assert router.counts["NotificationsSuppressed"] == 1


# ---- without the table ---------------------------------------------------------------------------


def test_the_table_is_tried_once_more_before_it_is_done_without() -> None:
    world = World()
    world.is_table_away = True
    with pytest.raises(TransientError):
        world.route(body("ALARM", 0), 0)
    world.route(body("ALARM", 0), 0.1, attempt=2)
    assert {poke.channel for poke in world.pokes} == set(CHANNELS)
    assert all(poke.event for poke in world.pokes)
    (note, _), *rest = world.kept
    assert rest == []
    assert {one.channel for one in note.notified} == set(CHANNELS)


def test_a_recovery_without_the_table_is_kept_and_notifies_nobody() -> None:
    world = World()
    world.is_table_away = True
    world.route(body("OK", 0), 0.1, attempt=2)
    assert world.pokes == []
    assert [note.notified for note, _ in world.kept] == [()]


def test_what_was_notified_without_the_table_is_learned_as_shown() -> None:
    world = World()
    notified = (Notified(channel="pagerduty", key="key-7", at=minute(0)),)
    note = Kept(event=event("ALARM", 0), notified=notified)
    world.route(encode_note(note), 1)
    view = world.item.view("pagerduty")
    assert view.keys["key-7"].state == "perhaps"
    assert view.shown is not None
    assert (view.shown.number, view.wanted) == (1, 0)


def test_a_kept_event_waits_on_while_the_table_is_away() -> None:
    world = World()
    world.is_table_away = True
    world.route(encode_note(Kept(event=event("ALARM", 0))), 1)
    assert len(world.kept) == 1


# ---- own alarms, notices -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "is_confirmed", "is_learned"),
    [
        ("stack.NotifierErrors", True, False),
        ("stack.PipelineErrors", True, False),
        ("stack.NotifierErrors", False, True),
        ("stack.Throttling", True, True),
    ],
)
def test_an_own_alarm_is_left_to_cloudwatch_where_its_email_arrives(
    name: str, *, is_confirmed: bool, is_learned: bool
) -> None:
    prefix = ARN.replace("orders-errors", "stack.")
    world = World(own_alarms_prefix=prefix, is_email_confirmed=lambda: is_confirmed)
    world.route(body("ALARM", 0, name), 0.1)
    assert bool(world.table.items) is is_learned


def test_an_unknown_event_is_a_notice_made_once() -> None:
    world = World()
    unknown = json.dumps({"source": "aws.example", "detail-type": "Something", "id": "1"})
    world.route(unknown, 0)
    world.route(unknown, 1)
    (found,) = (item for item, *_ in world.table.items.values())
    assert found.notice is not None
    assert {view.due for view in found.views.values()} == {minute(0)}


def test_a_heartbeat_without_the_table_is_left_to_the_next_one() -> None:
    world = World()
    world.is_table_away = True
    router = world.route(encode_note(Heartbeat()), 0)
    assert router.counts["Heartbeat"] == 0
    world.is_table_away = False
    assert world.route(encode_note(Heartbeat()), 1).counts["Heartbeat"] == 1


# ---- presses, routes, sweeps ---------------------------------------------------------------------


def test_who_pressed_is_answered() -> None:
    world = World()
    answer = Answer(
        kind="acknowledge", incident=ALARM_ID, user="U0EXAMPLE", name="ada", at=moment(1), number=1
    )
    world.route(encode_note(answer), 1)
    world.route(body("ALARM", 0), 1)
    world.route(encode_note(answer), 2)
    world.route(encode_note(msgspec.structs.replace(answer, number=2)), 3)
    assert world.answered[0] == "This alarm is no longer known."
    assert world.answered[1] == "Acknowledged."
    assert "Nothing was changed" in world.answered[2]


def test_a_route_for_what_nobody_acknowledges_begins_at_its_time() -> None:
    first = {"name": "a", "channels": ["email"], "continue": True}
    later = {"name": "b", "match": {"unacknowledged": "15m"}, "channels": ["pagerduty"]}
    world = World(routes=routes(first, later))
    world.route(body("ALARM", 0), 0.1)
    assert world.item.escalate_at == minute(15)
    assert world.item.view("pagerduty").rule is None
    world.route(encode_note(Heartbeat()), 15)
    assert world.item.view("pagerduty").rule is not None
    assert world.item.view("pagerduty").wanted == 1
    assert "pagerduty" in {poke.channel for poke in world.pokes}


def test_a_sweep_pokes_what_is_due_and_closes_what_is_over() -> None:
    world = World()
    world.route(body("ALARM", 0), 0.1)
    world.route(body("OK", 5), 5.1)
    world.pokes.clear()
    router = world.route(encode_note(Heartbeat()), 15)
    assert world.item.incident is None
    assert {poke.channel for poke in world.pokes} == set(CHANNELS)
    assert router.counts["Heartbeat"] == 1
