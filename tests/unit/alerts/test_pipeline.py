"""The router with everything around it in memory: what is added, who hears, who waits."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import pytest

from bedrock_alerts.alerts.describe import Found
from bedrock_alerts.alerts.incidents import Incident
from bedrock_alerts.alerts.lookup import BUDGET_SECONDS
from bedrock_alerts.alerts.model import (
    Alert,
    Answer,
    Channel,
    Delivery,
    Heartbeat,
    News,
    StateChange,
    Telling,
    Timer,
    Waiting,
    incident_id,
)
from bedrock_alerts.alerts.normalise import encode_note
from bedrock_alerts.alerts.pipeline import Parts, Router
from bedrock_alerts.alerts.routing import Routes, parse_routes
from bedrock_alerts.errors import TransientError
from tests.support.alarms import alarm_event, state
from tests.support.events import sample_body

NOW: Final = datetime(2026, 11, 23, 8, 11, tzinfo=UTC)
ARN: Final = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:chat-guardrail-blocks"
ALARM: Final = json.dumps(alarm_event())
T = TypeVar("T")


class Memory:
    """Incidents in a dictionary."""

    def __init__(self) -> None:
        self.incidents: dict[str, Incident] = {}
        self.fails = False

    def load(self, incident: str) -> Incident | None:
        if self.fails:
            raise TransientError("the table is away")
        return self.incidents.get(incident)

    def update(
        self, incident: str, change: Callable[[Incident | None], tuple[Incident | None, T]]
    ) -> T:
        changed, result = change(self.load(incident))
        if changed is not None:
            self.incidents[incident] = changed
        return result


class Timers(list[Timer]):
    """Timers in a list."""

    def set(self, timer: Timer) -> None:
        self.append(timer)


class Room:
    """A waiting room with as many seats as one likes."""

    def __init__(self) -> None:
        self.seats = True
        self.waiting: list[tuple[Channel, datetime, Waiting]] = []
        self.fails = False

    def _check(self) -> None:
        if self.fails:
            raise TransientError("the table is away")

    def take_seat(self, channel: Channel, alert: str, seats: int, group: str = "") -> bool:
        self._check()
        assert channel in {"email", "slack", "slack:C0PAGING"} or channel.startswith("slack:C")
        assert len(alert) == 32
        assert seats == (1 if group == ARN else 10)
        return self.seats

    def wait(self, channel: Channel, due: datetime, waiting: Waiting) -> None:
        self._check()
        self.waiting.append((channel, due, waiting))

    def due(self, channel: Channel, by: datetime) -> Sequence[tuple[str, Waiting]]:
        self._check()
        return [
            (str(number), item)
            for number, (where, due, item) in enumerate(self.waiting)
            if where == channel and due <= by
        ]

    def leave(self, channel: Channel, places: Sequence[str]) -> None:
        gone = {int(place) for place in places}
        self.waiting = [
            item
            for number, item in enumerate(self.waiting)
            if item[0] != channel or number not in gone
        ]


class Queue(list[Delivery]):
    """A queue in a list."""

    def put(self, deliveries: Sequence[Delivery]) -> None:
        assert 0 < len(deliveries) <= 10
        self += deliveries


class Journal:
    """What was written down."""

    def __init__(self) -> None:
        self.lines: list[tuple[object, dict[str, Any]]] = []

    def info(self, msg: object, *, extra: Any) -> None:
        self.lines.append((msg, dict(extra)))

    warning = info

    def messages(self) -> list[object]:
        return [message for message, _ in self.lines]


class World:
    """A router, and everything around it."""

    def __init__(self, **parts: Any) -> None:
        self.memory, self.timers, self.room = Memory(), Timers(), Room()
        self.queue, self.journal = Queue(), Journal()
        self.now = NOW
        given: dict[str, Any] = {
            "memory": self.memory,
            "timers": self.timers,
            "waiting": self.room,
            "queue": self.queue,
            "journal": self.journal,
            "clock": self.clock,
            "channels": ("email", "slack"),
            **parts,
        }
        self.router = Router(Parts(**given))

    def clock(self) -> float:
        return self.now.timestamp()

    def alerts(self) -> list[Alert]:
        return [alert for delivery in self.queue for alert in delivery.alerts]


def routes(**given: Any) -> Callable[[], tuple[Routes, str]]:
    return lambda: (parse_routes(json.dumps(given)), "")


# ---- what is added -------------------------------------------------------------------------------


def test_what_is_looked_up_is_in_the_message_and_it_is_given_a_few_seconds() -> None:
    given: list[float] = []

    def look_up(news: News, telling: Telling, deadline: float) -> Found:
        assert isinstance(news, StateChange)
        assert telling.kind == "first"
        given.append(deadline)
        return Found(account_alias="prod")

    world = World(look_up=look_up)
    world.router.route(ALARM, 1)
    assert world.alerts()[0].account_alias == "prod"
    assert given == [NOW.timestamp() + BUDGET_SECONDS]


def test_an_alert_about_which_nothing_can_be_looked_up_is_told_without() -> None:
    def look_up(news: News, telling: Telling, deadline: float) -> Found:
        raise ValueError(f"a private text about {news} and {telling} until {deadline}")

    world = World(look_up=look_up)
    world.router.route(ALARM, 1)
    assert len(world.queue) == 2
    assert ("not looked up", {"error": "ValueError"}) in world.journal.lines


def test_an_alert_carries_the_keys_of_its_incident() -> None:
    world = World()
    world.router.route(ALARM, 1)
    alert = world.alerts()[0]
    assert alert.incident == ARN
    assert alert.opening == ""
    assert alert.severity == "critical"
    (incident,) = world.memory.incidents.values()
    assert [told.kind for told in incident.told] == ["first"]


OWN: Final = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:bedrock-alerts."


@pytest.mark.parametrize(
    ("name", "account", "sent"),
    [
        ("PipelineErrors", "111122223333", 0),
        ("NotifierHeartbeat", "111122223333", 0),
        ("PromptAttack", "111122223333", 2),
        ("PipelineErrors", "444455556666", 2),
    ],
)
def test_what_cloudwatch_emails_itself_is_not_sent_a_second_time(
    name: str, account: str, sent: int
) -> None:
    body = ALARM.replace("chat-guardrail-blocks", f"bedrock-alerts.{name}")
    world = World(own_alarms_prefix=OWN)
    world.router.route(body.replace("111122223333", account), 1)
    assert len(world.queue) == sent


# ---- who hears -----------------------------------------------------------------------------------


def test_routes_say_who_hears_and_whom_to_mention() -> None:
    route = {"name": "all", "channels": ["slack:C0PAGING"], "mentions": {"critical": ["here"]}}
    world = World(routes=routes(routes=[route]))
    world.router.route(ALARM, 1)
    (delivery,) = world.queue
    assert (delivery.channel, delivery.mentions) == ("slack:C0PAGING", ("here",))


def test_what_is_wrong_with_the_routes_is_said_with_every_alert() -> None:
    world = World(routes=lambda: (Routes(), "The routes cannot be used"))
    world.router.route(ALARM, 1)
    assert [delivery.notes for delivery in world.queue] == [("The routes cannot be used",)] * 2


def test_an_alert_that_no_route_wants_is_withheld_and_remembered() -> None:
    world = World(
        routes=routes(
            routes=[{"name": "nobody", "match": {"severity": ["critical"]}, "channels": []}]
        )
    )
    world.router.route(ALARM, 1)
    assert world.queue == []
    assert world.router.counts["NotificationsSuppressed"] == 1
    (line,) = world.journal.lines
    assert line[1]["reason"] == "no route has a channel for it"


def test_many_channels_are_queued_in_batches_that_the_queue_takes() -> None:
    channels = [f"slack:C{number}" for number in range(23)]
    world = World(routes=routes(routes=[{"name": "all", "channels": channels}]))
    world.router.route(ALARM, 1)
    assert len(world.queue) == 23


# ---- who waits -----------------------------------------------------------------------------------


QUIET: Final = {
    "name": "quiet",
    "channels": ["slack"],
    "mentions": {"warning": ["here"]},
    "quiet_hours": {"from": "08:00", "to": "10:00"},
}
WARNING: Final = json.dumps(alarm_event(configuration={"description": "Severity: warning"}))


def test_quiet_hours_let_an_alert_wait_for_their_end() -> None:
    world = World(routes=routes(routes=[QUIET]))
    world.router.route(WARNING, 1)
    assert world.queue == []
    ((channel, due, waiting),) = world.room.waiting
    assert (channel, due) == ("slack", NOW.replace(hour=10, minute=0))
    assert waiting.mentions == ("here",)
    (timer,) = (timer for timer in world.timers if timer.kind == "digest")
    assert (timer.subject, timer.due) == ("slack", due)
    world.now = timer.due
    world.router.route(encode_note(timer), 1)
    (delivery,) = world.queue
    assert (delivery.mentions, delivery.digest) == (("here",), "")
    assert world.room.waiting == []


def test_without_a_seat_an_alert_waits_for_the_end_of_the_minute() -> None:
    world = World()
    world.room.seats = False
    world.router.route(ALARM, 1)
    assert world.queue == []
    assert {due for _, due, _ in world.room.waiting} == {NOW + timedelta(minutes=1)}


def test_late_in_a_minute_an_alert_waits_for_the_end_of_the_next() -> None:
    world = World()
    world.room.seats = False
    world.now = NOW + timedelta(seconds=50)
    world.router.route(ALARM, 1)
    assert {due for _, due, _ in world.room.waiting} == {NOW + timedelta(minutes=2)}


def test_an_alert_that_cannot_wait_is_told_at_once() -> None:
    world = World(routes=routes(routes=[QUIET]))
    world.room.fails = True
    world.router.route(WARNING, 1)
    assert len(world.queue) == 1
    assert world.journal.messages() == ["cannot wait"]


def test_seats_that_cannot_be_counted_are_there() -> None:
    world = World()
    world.room.fails = True
    world.router.route(ALARM, 1)
    assert len(world.queue) == 2
    assert world.journal.messages() == ["seats not counted"] * 2


def test_a_sign_of_life_brings_what_is_overdue_on_every_channel_that_has_a_name() -> None:
    world = World(routes=routes(routes=[{**QUIET, "channels": ["slack:C0PAGING"]}]))
    world.router.route(WARNING, 1)
    world.now = NOW + timedelta(hours=3)
    world.router.route(encode_note(Heartbeat()), 1)
    assert [delivery.channel for delivery in world.queue] == ["slack:C0PAGING"]
    assert world.router.counts["Heartbeat"] == 1


def test_a_sign_of_life_counts_although_the_table_fails() -> None:
    world = World()
    world.room.fails = True
    world.router.route(encode_note(Heartbeat()), 1)
    assert world.router.counts == {"Heartbeat": 1}
    assert world.journal.messages() == ["digests not looked at"] * 2


# ---- answers from Slack --------------------------------------------------------------------------


class Mutes:
    """CloudWatch's mute rules."""

    def __init__(self, *, fails: bool = False) -> None:
        self.muted: list[tuple[str, str, datetime, str]] = []
        self._fails = fails

    def mute(self, alarm_name: str, incident: str, until: datetime, who: str) -> None:
        if self._fails:
            raise TransientError("CloudWatch took no mute rule: AccessDenied")
        self.muted.append((alarm_name, incident, until, who))


def silence(seconds: int = 3600, incident: str = incident_id(ARN)) -> str:
    return encode_note(
        Answer(
            kind="silence",
            incident=incident,
            user="U0EXAMPLE1",
            name="ada",
            at=NOW,
            seconds=seconds,
        )
    )


def test_a_silence_is_told_and_shown_in_cloudwatch() -> None:
    mutes = Mutes()
    world = World(mutes=mutes)
    world.router.route(ALARM, 1)
    world.router.route(silence(), 1)
    assert [alert.kind for alert in world.alerts()] == ["first", "first", "silenced", "silenced"]
    until = NOW + timedelta(hours=1)
    assert mutes.muted == [("chat-guardrail-blocks", incident_id(ARN), until, "ada")]


@pytest.mark.parametrize("mutes", [None, Mutes(fails=True)])
def test_a_silence_holds_without_cloudwatch(mutes: Mutes | None) -> None:
    world = World(mutes=mutes)
    world.router.route(ALARM, 1)
    world.router.route(silence(), 1)
    assert world.alerts()[-1].kind == "silenced"
    assert world.journal.messages() == ([] if mutes is None else ["not muted in CloudWatch"])


def test_a_silence_of_one_series_does_not_mute_the_others_in_cloudwatch() -> None:
    mutes = Mutes()
    world = World(mutes=mutes)
    world.router.route(sample_body("contributor"), 1)
    (key,) = (incident.key for incident in world.memory.incidents.values())
    world.router.route(silence(incident=incident_id(key)), 1)
    (incident,) = world.memory.incidents.values()
    assert incident.silenced_until == NOW + timedelta(hours=1)
    assert mutes.muted == []


def test_an_answer_to_nothing_is_withheld() -> None:
    world = World()
    world.router.route(silence(), 1)
    assert world.queue == []
    assert world.memory.incidents == {}
    assert world.journal.lines[0][1]["reason"] == "the incident is forgotten"


# ---- several events, and failures ----------------------------------------------------------------


def hang(world: World, calls: list[str], call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a call of the world's memory, waiting room or timers fail only after eight seconds."""

    def fail(*_args: object, **_more: object) -> None:
        calls.append(call)
        world.now += timedelta(seconds=8)
        raise TransientError(f"no answer to {call}")

    owner = {"take_seat": world.room, "set": world.timers}.get(call, world.memory)
    monkeypatch.setattr(owner, call, fail)


def test_a_table_that_does_not_answer_holds_up_a_batch_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []
    world = World()
    hang(world, calls, "update", monkeypatch)
    hang(world, calls, "take_seat", monkeypatch)
    for _ in range(10):
        world.router.route(ALARM, 2)
    assert len(world.queue) == 20
    assert calls == ["update"]


def test_a_table_that_fails_at_once_is_asked_for_every_alert() -> None:
    world = World()
    world.memory.fails = True
    world.router.route(ALARM, 2)
    world.memory.fails = False
    world.router.route(ALARM, 2)
    assert len(world.memory.incidents) == 1


def test_timers_that_do_not_answer_hold_up_a_batch_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    world = World()
    hang(world, calls, "set", monkeypatch)
    for name in ("composite", "throttling"):
        with pytest.raises(TransientError, match="no answer to set"):
            world.router.route(sample_body(name), 1)
    assert len(world.queue) == 4
    assert calls == ["set"]


def test_the_routes_are_read_once_for_a_batch() -> None:
    read: list[str] = []

    def current() -> tuple[Routes, str]:
        read.append("routes")
        return Routes(), ""

    world = World(routes=current)
    for name in ("composite", "throttling"):
        world.router.route(sample_body(name), 1)
    assert read == ["routes"]


def test_one_event_that_fails_does_not_stop_the_others_of_its_message() -> None:
    world = World()
    deleted = json.dumps({**alarm_event(), "detail-type": "CloudWatch Alarm Configuration Change"})
    body = json.dumps({"Records": [{"body": deleted}, {"body": ALARM}]})
    world.memory.fails = True
    unknown = json.dumps({"Records": [{"body": ALARM}, {"body": "no JSON"}]})
    with pytest.raises(TransientError, match="the table is away"):
        world.router.route(unknown, 1)
    assert [alert.status for alert in world.alerts()] == ["UNKNOWN EVENT"] * 2
    world.memory.fails = False
    world.router.route(body, 1)
    assert "first" in [alert.kind for alert in world.alerts()]


def test_without_memory_an_end_is_told_as_one() -> None:
    world = World()
    world.memory.fails = True
    ended = alarm_event(
        previousState=state("ALARM", "…", "2026-11-23T08:10:41.529+0000"),
        state=state("OK", "…", "2026-11-23T08:24:41.529+0000"),
    )
    world.router.route(json.dumps(ended), 2)
    assert {alert.kind for alert in world.alerts()} == {"resolved"}
    assert world.journal.messages() == ["without memory"]


def test_a_contributors_timer_looks_at_its_alarm_too() -> None:
    world = World()
    event = alarm_event(alarmContributor={"id": "0a1b", "attributes": {"Principal": "app"}})
    event["detail-type"] = "CloudWatch Alarm Contributor State Change"
    world.router.route(json.dumps(event), 1)
    assert [timer.kind for timer in world.timers] == ["digest", "digest", "reminder"]
    world.memory.incidents[incident_id(ARN)] = Incident(key=ARN, actions_enabled=False)
    (reminder,) = (timer for timer in world.timers if timer.kind == "reminder")
    world.router.route(encode_note(reminder), 1)
    assert world.journal.lines[-1][1]["reason"] == "the alarm's actions are disabled"
