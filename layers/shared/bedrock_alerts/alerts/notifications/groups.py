"""Alarms that share a message: those of one group of the catalogue, and all others together."""

from typing import Final

from bedrock_alerts.alerts.incidents.item import AlarmItem, is_of_test
from bedrock_alerts.alerts.next_steps import catalogue, suffix_of
from bedrock_alerts.alerts.test_marks import TEST_GROUP

_OTHERS: Final = "others"
_NOTICES: Final = "notices"


def group_of(item: AlarmItem) -> str:
    """Return the group of an alarm or a notice."""
    if item.notice is not None:
        return _NOTICES
    if is_of_test(item):
        return TEST_GROUP
    name = item.arn.rpartition(":alarm:")[2]
    entry = catalogue().get(suffix_of(name))
    return (entry.group if entry else "") or _OTHERS
