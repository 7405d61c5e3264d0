"""A test says so in every message, is sent at once, ends at once, and is never taken for real."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from bedrock_alerts.alerts.describe import describe, without_memory
from bedrock_alerts.alerts.incidents.item import AlarmItem, Rule, View, is_of_test
from bedrock_alerts.alerts.notifications.groups import group_of
from bedrock_alerts.alerts.notifications.routed import routed
from bedrock_alerts.alerts.routing import Routes
from bedrock_alerts.alerts.test_marks import (
    CHANNELS_TAG,
    TEST_REASON,
    channels_of_test,
    is_channel,
    is_name_of_test,
    name_of_test,
)
from tests.support.facts import ARN, event, learn, lived, minute, series, settled

NAME = "bedrock-alerts.Test-20261127T080000123Z"
OF_TEST: dict[str, Any] = {"alarm_name": NAME, "alarm_arn": ARN.replace("orders-errors", NAME)}
SET_BY_HAND: dict[str, Any] = {"reason": f"{TEST_REASON}, run by ada"}


def test_every_test_has_its_own_name() -> None:
    at = datetime(2026, 11, 27, 8, 0, 0, 123_456, UTC)
    assert name_of_test("bedrock-alerts", at) == NAME
    assert is_name_of_test(NAME)
    assert is_name_of_test(OF_TEST["alarm_arn"])


@pytest.mark.parametrize(
    "name",
    ["bedrock-alerts.Test", "Test-20261127T080000123Z", f"{NAME}x", "bedrock-alerts.Testing-1"],
)
def test_an_alarm_of_another_name_is_real(name: str) -> None:
    assert not is_name_of_test(name)


def test_only_a_test_names_its_channels_and_only_channels_there_are() -> None:
    tags = ((CHANNELS_TAG, "slack,email:ops,no channel,slack,"),)
    assert channels_of_test(event("ALARM", 0, **OF_TEST, tags=tags)) == ("slack", "email:ops")
    assert channels_of_test(event("ALARM", 0, tags=tags)) == ()
    assert channels_of_test(None) == ()
    assert [is_channel(text) for text in ("teams", "teams:a b", "fax")] == [True, False, False]


def test_a_channel_that_the_stack_lacks_is_not_notified() -> None:
    tags = ((CHANNELS_TAG, "slack,teams"),)
    item = AlarmItem(arn=OF_TEST["alarm_arn"])
    item = learn(item, event("ALARM", 0, **OF_TEST, tags=tags), now=0)
    found = routed(item, Routes(), ("email", "slack"), "", minute(0))
    assert [name for name, view in found.views.items() if view.rule] == ["slack"]


@pytest.mark.parametrize("changes", [OF_TEST, SET_BY_HAND])
def test_a_test_and_its_end_say_what_they_are(changes: dict[str, Any]) -> None:
    fires = event("ALARM", 0, **changes)
    alert = describe(fires, without_memory(fires))
    assert (alert.label, alert.tone) == ("Test", "info")
    assert alert.headline.startswith("Nothing is wrong, ")
    assert alert.next_steps == (
        "Nothing. This message shows that alerts arrive here; its end follows.",
    )
    end = msgspec.structs.replace(without_memory(event("OK", 1)), is_test=True)
    alert = describe(event("OK", 1, **changes), end)
    assert alert.label == "Test resolved"
    assert "The test has ended" in alert.summary


def test_nobody_can_open_an_alarm_that_is_not_there() -> None:
    fires = event("ALARM", 0, **OF_TEST)
    assert describe(fires, without_memory(fires)).links == ()


def test_a_real_alarm_that_is_set_by_hand_is_a_test_until_it_fires_by_itself() -> None:
    item = learn(lived(), event("ALARM", 0, **SET_BY_HAND), now=0)
    assert is_of_test(item)
    assert group_of(item) == "test"
    item = learn(item, event("OK", 1), now=1)
    assert item.incident is None  # a test has no recovery window
    item = learn(item, event("ALARM", 2), now=2)
    assert not is_of_test(item)
    assert item.incident is not None
    assert item.incident.number == 2
    assert settled(learn(item, event("OK", 3), now=3), 4).incident is not None


def test_a_contributor_that_fires_after_a_test_is_real() -> None:
    item = learn(lived(), event("ALARM", 0, **SET_BY_HAND), event("OK", 1), now=1)
    item = learn(item, series("a", "ALARM", 5), now=5)
    assert not is_of_test(item)


def test_what_a_view_holds_of_a_test_is_read_by_every_version() -> None:
    view = View(rule=Rule(), refusal="slack returned 503")
    assert msgspec.json.decode(msgspec.json.encode(view), type=View) == view
    assert b"refusal" not in msgspec.json.encode(View())
