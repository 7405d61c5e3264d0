"""Marks of a test alert: its alarm's name, or the reason of a state that a person set.

A test is sent at once: it keeps to no quiet hours, no digest and no pace, and has no recovery
window. So it changes nothing for the alarms that are real.
"""

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.alerts.events import StateChange

TEST_GROUP: Final = "test"
TEST_REASON: Final = "Test by bedrock-alerts test-alert"
"""How the reason of a state begins that `test-alert --alarm` sets."""

CHANNELS_TAG: Final = "bedrock-alerts-channels"
"""The tag of a test's event that names its channels, separated by commas; without it, routes do."""

_NAME: Final = re.compile(r"(?s:.*)[.]Test-[0-9]{8}T[0-9]{9}Z")


def name_of_test(stack: str, at: datetime) -> str:
    """Return the name of the alarm of one test: no other test has the same."""
    moment = at.astimezone(UTC)
    return f"{stack}.Test-{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z"


def is_name_of_test(alarm: str) -> bool:
    """Whether the name or the ARN of an alarm is that of a test: there is no such alarm."""
    return bool(_NAME.fullmatch(alarm))


def is_test(change: StateChange) -> bool:
    """Whether a change of state is a test, of an alarm that is real or is not."""
    is_set_by_hand = change.state == "ALARM" and change.reason.startswith(TEST_REASON)
    return is_set_by_hand or is_name_of_test(change.alarm_name)


def channels_of_test(change: StateChange | None) -> tuple[Channel, ...]:
    """Return the channels that a test asks for whatever the routes say, none where they decide."""
    if change is None or not is_name_of_test(change.alarm_name):
        return ()
    named = next((text for name, text in change.tags if name == CHANNELS_TAG), "")
    return tuple(dict.fromkeys(filter(is_channel, named.split(","))))


def is_channel(text: str) -> bool:
    """Whether a text can be the name of a channel."""
    try:
        msgspec.convert(text, Channel)
    except msgspec.ValidationError:
        return False
    return True
