"""A test alert goes the way of a real one, says so, ends, and delays nothing."""

import json
from typing import Any

import pytest

from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.routing import parse_routes
from bedrock_alerts_cli.deployed.trial_events import TrialAlarm
from bedrock_alerts_cli.deployed.trial_hops import Hops
from bedrock_alerts_cli.deployed.trial_run import course_of, run
from bedrock_alerts_cli.notifier.world import Outage
from tests.support.played_notifier import ALARMS, START, PlayedNotifier, state_change

NAME = "bedrock-alerts.Test-20261127T080000000Z"
NIGHT = {"from": "00:00", "to": "23:59", "except": []}


def tried(played: PlayedNotifier, *channels: Channel, severity: Any = "warning") -> Hops:
    """Run a test, and let an hour pass."""
    alarm = TrialAlarm(ALARMS + NAME, severity, "alex", channels)
    hops = run(played.notifier, course_of(played.notifier, alarm, 30), 30)
    played.pass_time(3600)
    return hops


def test_each_channel_is_notified_of_a_test_and_of_its_end_within_seconds() -> None:
    played = PlayedNotifier()
    hops = tried(played)
    assert hops.is_fine()
    assert {one.channel: one.result for one in hops.asked()} == {
        "email": "yes",
        "slack": "yes",
        "pagerduty": "yes",
    }
    times = [one.end_at for one in hops.asked()]
    assert all(at is not None and at - START < 5 for at in times)
    assert played.said("email") == ["Test", "Test resolved"]
    assert played.said("slack") == ["Test", "Test resolved"]
    assert [one.action for one in played.sent("pagerduty")] == ["trigger", "resolve"]
    assert played.sent("pagerduty")[0].payload["payload"]["summary"].startswith("Test: Nothing is")
    item = played.item(NAME)
    assert item.incident is None
    assert [view.due for view in item.views.values()] == [None, None, None]


def test_the_channels_that_are_named_are_notified_whatever_the_routes_say() -> None:
    played = PlayedNotifier()
    played.world.routes = parse_routes(json.dumps({"default": ["email"]}))
    hops = tried(played, "slack")
    assert [one.channel for one in hops.asked()] == ["slack"]
    assert [played.said(name) for name in ("email", "slack")] == [[], ["Test", "Test resolved"]]
    assert hops.channels["email"].result == "not_asked"


def test_a_route_can_choose_the_channels_of_tests_and_its_quiet_hours_do_not_delay_them() -> None:
    route = {
        "name": "tests",
        "match": {"alarm": ["Test-*"]},
        "channels": ["slack"],
        "quiet_hours": NIGHT,
        "digest": "1h",
    }
    played = PlayedNotifier()
    played.world.routes = parse_routes(json.dumps({"routes": [route]}))
    hops = tried(played)
    assert [one.channel for one in hops.asked()] == ["slack"]
    assert hops.is_fine()


def test_the_routes_may_send_a_test_to_no_one_and_that_is_not_fine() -> None:
    nowhere = {"routes": [{"name": "x", "match": {"alarm": ["Test-*"]}, "channels": []}]}
    played = PlayedNotifier()
    played.world.routes = parse_routes(json.dumps(nowhere))
    hops = tried(played)
    assert hops.asked() == []
    assert not hops.is_fine()


def test_a_second_test_is_not_delayed_by_the_first_and_neither_delays_a_real_alarm() -> None:
    played = PlayedNotifier()
    assert tried(played).is_fine()
    other = TrialAlarm(ALARMS + NAME.replace("T08", "T09"), "critical", "alex")
    course = course_of(played.notifier, other, 30)
    assert run(played.notifier, course, 30).is_fine()
    at = played.world.now()
    played.put(json.dumps(state_change("orders", "ALARM", at)), 0)
    played.pass_time(5)
    assert played.said("email", "orders") == ["Warning"]
    groups = [name for state, _ in played.world.table.channels.values() for name in state.groups]
    assert "test" not in groups


def test_a_channel_that_refuses_is_named_with_its_reason_and_leaves_no_dead_letter() -> None:
    played = PlayedNotifier()
    played.world.outages.append(Outage("slack", START, START + 3 * 3600, 503))
    hops = tried(played)
    assert hops.channels["slack"].result == "refused"
    assert "503" in hops.channels["slack"].refusal
    assert hops.channels["email"].result == "yes"
    assert not hops.is_fine()
    played.pass_time(3 * 3600)
    assert played.item(NAME).incident is None
    assert played.world.dead == []
    assert played.said("slack") in ([], ["Test resolved"])


def test_an_event_that_is_not_learned_in_time_is_no_answer_and_ends_all_the_same() -> None:
    played = PlayedNotifier()
    played.world.outages.append(Outage("table", START, START + 70, 503))
    hops = tried(played)
    assert hops.learned_at is None
    assert not hops.is_fine()
    assert played.item(NAME).incident is None


def test_a_test_ends_although_who_runs_it_is_gone() -> None:
    played = PlayedNotifier()

    def stop(_seconds: float) -> None:
        raise KeyboardInterrupt

    alarm = TrialAlarm(ALARMS + NAME, "critical", "alex")
    notifier = played.notifier._replace(sleep=stop)
    with pytest.raises(KeyboardInterrupt):
        run(notifier, course_of(notifier, alarm, 30), 30)
    assert len(played.bodies) == 3
    killed = PlayedNotifier()
    course_of(killed.notifier, alarm, 30).fire(START)  # and nothing after that
    killed.pass_time(60)
    assert killed.said("email") == ["Test"]
    killed.pass_time(60)
    assert killed.said("email") == ["Test", "Test resolved"]


def test_times_are_those_of_the_item_where_it_has_them() -> None:
    played = PlayedNotifier()
    hops = tried(played)
    document = hops.document()
    (email,) = (one for one in document["channels"] if one["channel"] == "email")
    assert 0 < document["learned_seconds"] <= email["notified_seconds"] < email["end_seconds"]
    assert played.notifier.load(incident_id(ALARMS + NAME)) is not None
