"""How fast a channel may be sent to."""

from typing import Final

import pytest

from bedrock_alerts.alerts.notifications.pace import (
    ChannelState,
    Group,
    claimed,
    held,
    next_slot,
    notified,
    released,
    reserved,
    waits,
)

NOW: Final = 100_000.0


def group(state: ChannelState) -> Group:
    return state.groups.get("g", Group())


def after_message(since: float, interval: float) -> float:
    """Return the interval in minutes after a message that many minutes behind the last one."""
    state = ChannelState(groups={"g": Group(last=NOW - 60 * since, interval=60 * interval)})
    return group(notified(state, "g", "", (), NOW)).interval / 60


@pytest.mark.parametrize(
    ("since", "interval", "then"),
    [
        pytest.param(5, 5, 10, id="it doubles"),
        pytest.param(2, 5, 5, id="not with what went at once"),
        pytest.param(40, 40, 60, id="up to an hour"),
        pytest.param(60, 5, 5, id="quiet for an hour"),
        pytest.param(60, 40, 5, id="quiet for an hour, whatever the interval"),
        pytest.param(61, 60, 60, id="at the longest interval an hour is no quiet"),
        pytest.param(66, 60, 5, id="and a little more is"),
    ],
)
def test_the_interval_doubles_and_starts_again_after_an_hour_of_quiet(
    since: float, interval: float, then: float
) -> None:
    assert after_message(since, interval) == then


def test_a_channel_has_a_second_for_each_message() -> None:
    state = reserved(ChannelState(), NOW)
    assert next_slot(state, NOW) == NOW + 1
    assert next_slot(held(state, NOW + 30), NOW) == NOW + 30
    assert held(held(state, NOW + 30), NOW + 5).not_before == NOW + 30
    assert next_slot(state, NOW + 50) == NOW + 50


def test_who_waits_joins_once_and_leaves_with_the_message() -> None:
    state = ChannelState()
    for alarm in ("a", "b", "a"):
        state = waits(state, "g", alarm)
    assert group(state).waiting == ("a", "b")
    assert group(notified(state, "g", "", ("a",), NOW)).waiting == ("b",)


def test_only_whose_claim_it_is_gives_it_up() -> None:
    state = claimed(ChannelState(), "g", "mine", NOW + 90)
    assert group(released(state, "g", "theirs")).claim == "mine"
    assert group(released(state, "g", "mine")).lease == 0.0
    assert group(notified(state, "g", "theirs", (), NOW)).claim == "mine"
    assert group(notified(state, "g", "mine", (), NOW)).claim == ""
