"""What to do about an alarm of the catalogue, most useful first.

Identified by the end of an alarm's name: `bedrock-alerts.Throttling` is `Throttling`. `make docs`
generates the steps from `alarms/`.
"""

from functools import cache
from pathlib import Path
from typing import Final

import msgspec

_FILE: Final = Path(__file__).with_name("catalogue.json")


class CatalogueEntry(msgspec.Struct, frozen=True):
    """An alarm of the catalogue, in the words of messages.

    `headline` follows the value (`prompt attacks blocked`, `of the daily budget used`); `unit` is
    that of the value: count, dollars, milliseconds, percent or seconds. Alarms of one `group` share
    a message.
    """

    next_steps: tuple[str, ...] = ()
    headline: str = ""
    unit: str = ""
    group: str = ""


@cache
def catalogue() -> dict[str, CatalogueEntry]:
    """Return every alarm of the catalogue by its name."""
    return msgspec.json.decode(_FILE.read_bytes(), type=dict[str, CatalogueEntry])


# Suffixes of alarms about quotas, which get a link to the quotas.
ABOUT_QUOTAS: Final = frozenset({"Throttling", "TokenQuota"})

NO_DATA: Final = (
    "Check what publishes this metric: it has stopped, and an alarm without data watches nothing.",
)
TEST: Final = ("Nothing. This message shows that alerts arrive here; its end follows.",)
ALARM_CHANGED: Final = (
    "Find who did it in CloudTrail: PutMetricAlarm, DeleteAlarms or DisableAlarmActions.",
)
TAMPERED: Final = (
    "If the change was not planned, undo it and treat it as an attack.",
    "Check in CloudTrail what else the same caller did.",
)
REFUSED: Final = (
    "Nothing was changed. If it was not planned, check in CloudTrail what else this caller did.",
)


def suffix_of(alarm_name: str) -> str:
    """Return an alarm's name in the catalogue: without the stack's name."""
    return alarm_name.rpartition(".")[2]


def entry_of(alarm_name: str) -> CatalogueEntry | None:
    """Return the catalogue's entry for an alarm, None if there is none."""
    return catalogue().get(suffix_of(alarm_name))


def steps_for(alarm_name: str) -> tuple[str, ...]:
    """Return what to do about an alarm, empty if it is not in the catalogue."""
    entry = entry_of(alarm_name)
    return entry.next_steps if entry else ()
