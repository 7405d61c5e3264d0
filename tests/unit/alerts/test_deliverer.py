"""Deliver in its world: deadlines, pauses, refusals, digests, and what may happen twice."""

import json
from typing import Any, Final

import pytest

from bedrock_alerts.alerts.deliverer import Deliverer
from bedrock_alerts.alerts.model import incident_id
from bedrock_alerts.alerts.ports import Poke
from bedrock_alerts.errors import PermanentError
from bedrock_alerts_cli.notifier.world import Died, Outage, World
from tests.support.facts import ARN, configured, empty, event, learn, minute, with_view
from tests.support.sequences import START, change, line, play, sent, storm, until

ALARM_ID: Final = incident_id(ARN)
POKE: Final = Poke(alarm=ALARM_ID, channel="email")


def world_with(**view: Any) -> World:
    """Return a world at minute 1 whose table holds an alarm that fires."""
    world = World(minute(1))
    item = learn(empty(), event("ALARM", 0), now=0)
    world.table.items[ALARM_ID] = (with_view(item, "email", **view), 1, minute(0))
    return world


def deliver(world: World, poke: Poke = POKE, *, seconds: float = 55.0) -> Deliverer:
    """Work on a poke with so much time left."""
    deliverer = Deliverer(world._deliverer_parts(), world.now() + seconds)  # noqa: SLF001
    deliverer.deliver(poke)
    return deliverer


def view(world: World, channel: str = "email") -> Any:
    return world.table.items[ALARM_ID][0].view(channel)


def test_a_poke_is_worked_on_until_nothing_is_lacking() -> None:
    world = world_with()
    deliverer = deliver(world)
    assert [one.action for one in world.out.sent] == ["send"]
    assert (deliverer.counts.sent, deliverer.counts.failed) == (1, 0)
    assert deliverer.counts.latencies[0] >= 60_000
    deliver(world)
    assert len(world.out.sent) == 1


def test_a_poke_about_what_nobody_knows_does_nothing() -> None:
    assert deliver(World(minute(1))).counts.sent == 0


def test_no_request_is_started_that_cannot_finish() -> None:
    world = world_with()
    deliver(world, seconds=4.0)
    assert world.out.sent == []
    assert "email" not in {name for _, name in world.requests}
    assert view(world).shown is None
    assert view(world).due > world.now()


def test_what_another_worker_has_claimed_is_left_to_it() -> None:
    world = world_with(claim="theirs", lease=minute(2))
    deliver(world)
    assert world.out.sent == []


def test_what_another_channel_writes_meanwhile_costs_no_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_with()
    put, times = world.table.put, 0

    def put_after_another(alarm: str, item: Any, version: int, due: float | None) -> bool:
        nonlocal times
        times += 1
        if times in (1, 2):  # Slack shows it first
            known, at = world.table.load(alarm)
            assert known is not None
            other = with_view(known, "slack", last_looked=float(times))
            assert put(alarm, other, at, due)
        return put(alarm, item, version, due)

    monkeypatch.setattr(world.table, "put", put_after_another)
    began = world.now()
    deliver(world)
    assert len(world.out.sent) == 1
    assert world.out.sent[0].at - began < 1.0
    assert view(world, "slack").last_looked == 2.0


def test_a_lease_that_has_ended_is_taken_over() -> None:
    world = world_with(claim="theirs", lease=minute(0.9))
    deliver(world)
    assert len(world.out.sent) == 1
    assert view(world).claim == ""


def test_who_dies_after_a_send_repeats_it_and_ends_it() -> None:
    world = world_with()
    seen = 0

    def die_once(name: str) -> None:
        nonlocal seen
        seen += name == "email"
        if seen == 1 and world.out.sent:
            seen += 1
            raise Died

    world.before_call = die_once
    with pytest.raises(Died):
        deliver(world)
    assert view(world).sending is not None
    world.run_until(minute(3))
    deliver(world)
    assert [one.job.reasons[0] for one in world.out.sent if one.job] == ["firing", "firing"]


def test_a_pause_that_a_channel_asks_for_holds_for_everything_on_it() -> None:
    lines = [
        line(
            START - 1, outage={"channel": "slack", "minutes": 2, "status": 429, "retry_after": 300}
        ),
        change("orders-a", "ALARM", START, START - 9000),
        change("orders-b", "ALARM", START + 20, START - 9000),
        until(START + 1800),
    ]
    world = play(lines).world
    asked = [at for at, name in world.requests if name == "slack"]
    assert asked[1] - asked[0] >= 300
    assert sum(len(one.job.alerts) for one in world.out.sent if one.channel == "slack" and one.job)


def test_a_digest_names_at_most_fifty() -> None:
    sizes = [len(one.job.alerts) for one in sent(play(storm(120)), "email") if one.job is not None]
    assert sum(sizes) == 120
    assert max(sizes) == 50


def test_a_notice_goes_once_to_each_channel() -> None:
    world = World(minute(1))
    item = learn(empty(), configured("delete", 0), now=0)
    notice = type(item)(arn="notice", notice=configured("delete", 0), views=item.views)
    world.table.items["n"] = (notice, 1, minute(0))
    for _ in range(2):
        for channel in ("email", "slack", "pagerduty"):
            deliver(world, Poke(alarm="n", channel=channel))
    assert [one.action for one in world.out.sent] == ["send", "post", "change"]


def test_what_is_refused_for_good_is_parked_and_another_channel_says_so() -> None:
    lines = [change("orders-a", "ALARM", START, START - 9000), until(START + 1800)]
    world = World(START - 1)

    def refuse(name: str) -> None:
        if name == "slack":
            raise PermanentError("channel_not_found")

    world.before_call = refuse
    world.at(START + 1, lambda: world.receive(_body(lines[0])))
    world.sweep_every_minute(START + 1800)
    world.run_until(START + 1800)
    (item,) = (item for item, *_ in world.table.items.values())
    assert item.view("slack").is_parked
    assert world.dead == ["slack"]
    said = [
        fact.value
        for one in world.out.sent
        if one.job
        for fact in one.job.alerts[0].facts
        if fact.label == "Not delivered"
    ]
    assert said == ["slack: channel_not_found"]


def _body(given: dict[str, Any]) -> str:
    return json.dumps(given["event"])


def test_without_the_table_the_event_itself_is_sent_and_says_so() -> None:
    world = World(minute(1))
    world.outages.append(Outage("table", 0, minute(60)))
    poke = Poke(alarm=ALARM_ID, channel="pagerduty", event=event("ALARM", 0), key="key-7")
    deliverer = deliver(world, poke)
    (one,) = world.out.sent
    assert (one.action, one.key) == ("trigger", "key-7")
    details = one.payload["payload"]["custom_details"]
    assert any("may be a repeat" in str(value) for value in details.values())
    assert deliverer.counts.sent == 1
