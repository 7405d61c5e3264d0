"""Which alarms share a message."""

import msgspec
import pytest

from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts.alerts.notifications.groups import group_of
from tests.support.facts import configured

HOME = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:"


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("bedrock-alerts.PromptAttack", "guardrails"),
        ("bedrock-alerts.RepeatOffender", "guardrails"),
        ("bedrock-alerts.SpendHour", "money"),
        ("orders-errors", "others"),
        ("", "others"),
    ],
)
def test_an_alarm_s_group_is_that_of_the_catalogue(name: str, group: str) -> None:
    item = AlarmItem(arn=HOME + name)
    assert group_of(item) == group
    assert group_of(msgspec.structs.replace(item, notice=configured("delete", 0))) == "notices"
