"""What to do about an alarm of the catalogue, most useful first; read at three in the morning.

Known by the end of an alarm's name: `bedrock-alerts.Throttling` is `Throttling`. The steps are
written in `alarms/`, and come here by `make docs`.
"""

from functools import cache
from pathlib import Path
from typing import Final

import msgspec

_FILE: Final = Path(__file__).with_name("catalogue.json")


class CatalogueEntry(msgspec.Struct, frozen=True):
    """What messages say about an alarm of the catalogue.

    `headline` is what goes with the value (`prompt attacks blocked`, `of the daily budget used`),
    `unit` what the value is in: count, dollars, milliseconds, percent or seconds. Alarms of one
    `group` share a message.
    """

    next_steps: tuple[str, ...] = ()
    headline: str = ""
    unit: str = ""
    group: str = ""


@cache
def catalogue() -> dict[str, CatalogueEntry]:
    """Return every alarm of the catalogue by its name."""
    return msgspec.json.decode(_FILE.read_bytes(), type=dict[str, CatalogueEntry])


# For the suffixes whose answer is a quota, the link to it is worth a button.
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
    """Return what the catalogue calls an alarm: its name without the stack's."""
    return alarm_name.rpartition(".")[2]


def entry_of(alarm_name: str) -> CatalogueEntry | None:
    """Return what the catalogue says about an alarm, None where it is not in there."""
    return catalogue().get(suffix_of(alarm_name))


def steps_for(alarm_name: str) -> tuple[str, ...]:
    """Return what to do about an alarm, nothing where it is none of the catalogue's."""
    entry = entry_of(alarm_name)
    return entry.next_steps if entry else ()
