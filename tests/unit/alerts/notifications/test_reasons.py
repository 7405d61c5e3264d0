"""Every reason has a row, and what notifies people is told apart from what changes a message."""

from typing import get_args

import pytest

from bedrock_alerts.alerts.alert import Reason
from bedrock_alerts.alerts.notifications.reasons import NOISY, TABLE, action_of, kind_of


def test_every_reason_has_a_row() -> None:
    assert set(TABLE) == set(get_args(Reason))


def test_the_bot_notifies_of_bad_news_alone() -> None:
    loud = {reason for reason in TABLE if action_of(reason, "bot") in NOISY}
    bad = {reason for reason, row in TABLE.items() if row.is_bad_news}
    assert loud == bad | {"undelivered"}


def test_pagerduty_is_triggered_by_beginnings_alone() -> None:
    triggers = {reason for reason in TABLE if action_of(reason, "pagerduty") == "trigger"}
    assert triggers == {"firing", "escalated"}


@pytest.mark.parametrize(
    ("channel", "has_bot", "kind"),
    [
        ("pagerduty:payments", False, "pagerduty"),
        ("slack", True, "bot"),
        ("slack:C0OTHER", True, "bot"),
        ("slack", False, "plain"),
        ("email", True, "plain"),
        ("webhook:a", True, "plain"),
    ],
)
def test_the_kind_of_a_channel(channel: str, has_bot: bool, kind: str) -> None:  # noqa: FBT001
    assert kind_of(channel, has_bot=has_bot) == kind
