"""A test alert always ends, says always that it is a test, and changes nothing for real alarms."""

import json
import random
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_alerts_cli.deployed.trial_events import TrialAlarm
from bedrock_alerts_cli.deployed.trial_run import course_of, run
from bedrock_alerts_cli.notifier.world import Outage
from tests.support.played_notifier import ALARMS, CHANNELS, START, PlayedNotifier, state_change

NAME = "bedrock-alerts.Test-20261127T080000000Z"
_SEEDS = st.integers(0, 2**32)


class Gone(Exception):  # noqa: N818 - no error: the machine of who runs the test
    """The one who runs the test is gone."""


def faulty(chance: random.Random) -> PlayedNotifier:
    """Return a notifier in whose world things fail for some minutes, and come back."""
    played = PlayedNotifier(sweeps_until=6 * 3600)
    world = played.world
    for what in (*CHANNELS, "table", "queue"):
        if chance.random() < 0.3:
            start = START + chance.random() * 90
            status = chance.choice([503, 429, 0]) if what in CHANNELS else 503
            world.outages.append(Outage(what, start, start + chance.choice([3, 40, 400]), status))
    lost, doubled = chance.choice([0.0, 0.3, 0.9]), chance.random() < 0.5
    world.drops_pokes = lambda: world.now() < START + 600 and chance.random() < lost

    def put(body: str, delay: float) -> None:
        for _ in range(2 if doubled else 1):
            played.put(body, delay + chance.choice([0, 0, 2, 30]))

    played.notifier = played.notifier._replace(put=put)
    return played


def tried(played: PlayedNotifier, chance: random.Random) -> None:
    """Run a test, which may end at any moment, and let hours pass."""
    looks_left = chance.choice([0, 3, 10_000])

    def sleep(seconds: float) -> None:
        nonlocal looks_left
        looks_left -= 1
        if looks_left < 0:
            raise Gone
        played.pass_time(seconds)

    notifier = played.notifier._replace(sleep=sleep)
    alarm = TrialAlarm(ALARMS + NAME, chance.choice(["critical", "warning", "info"]), "alex")
    course = course_of(notifier, alarm, 30)
    if chance.random() < 0.2:  # killed: not even the end is put
        course.fire(notifier.clock())
    else:
        with suppress(Gone):
            run(notifier, course, 30)
    played.pass_time(5 * 3600)


@settings(max_examples=100)
@given(seed=_SEEDS)
def test_a_test_always_ends_and_always_says_what_it_is(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    played = faulty(chance)
    tried(played, chance)
    item = played.item(NAME)
    assert item.incident is None
    for channel in CHANNELS:
        labels = played.said(channel, NAME)
        assert all(label.startswith("Test") for label in labels)
        assert not labels or labels[-1] == "Test resolved"
        assert item.view(channel).due is None or item.view(channel).refusal
    assert played.world.dead == []
    last = {one.key: one.action for one in played.sent("pagerduty", NAME)}
    assert "trigger" not in last.values()


@settings(max_examples=100)
@given(seed=_SEEDS)
def test_a_real_alarm_is_sent_as_if_there_had_been_no_test(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    at = [START + chance.random() * 3000 for _ in range(3)]
    sent = []
    for with_test in (False, True):
        played = PlayedNotifier()
        for place, moment in enumerate(at):
            event = json.dumps(state_change(f"orders-{place}", "ALARM", moment, "critical"))
            played.world.at(moment, lambda event=event, world=played.world: world.receive(event))  # type: ignore[misc] # mypy takes its default for one of the call
        played.pass_time(at[0] - START)
        if with_test:
            alarm = TrialAlarm(ALARMS + NAME, "critical", "alex")
            run(played.notifier, course_of(played.notifier, alarm, 30), 30)
        played.pass_time(3 * 3600)
        sent.append(
            {
                (channel, round((one.at - START) / 60))
                for channel in CHANNELS
                for one in played.sent(channel, "orders")
            }
        )
    assert sent[0] == sent[1]
