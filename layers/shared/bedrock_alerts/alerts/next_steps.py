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
    """What messages say about an alarm of the catalogue."""

    next_steps: tuple[str, ...] = ()


@cache
def catalogue() -> dict[str, CatalogueEntry]:
    """Return every alarm of the catalogue by its name."""
    return msgspec.json.decode(_FILE.read_bytes(), type=dict[str, CatalogueEntry])


# For the suffixes whose answer is a quota, the link to it is worth a button.
ABOUT_QUOTAS: Final = frozenset({"Throttling", "TokenQuota"})

NO_DATA: Final = (
    "Whatever publishes this metric has stopped: an alarm without data watches nothing.",
)
ALARM_CHANGED: Final = (
    "CloudTrail says who: look for PutMetricAlarm, DeleteAlarms or DisableAlarmActions.",
)
TAMPERED: Final = (
    "If nobody planned it, put it back as it was, and treat it as an attack until you know better.",
    "CloudTrail says what else the same caller has done.",
)
REFUSED: Final = (
    "Nothing was changed. If nobody planned it, look in CloudTrail what else this caller has done.",
)


def suffix_of(alarm_name: str) -> str:
    """Return what the catalogue calls an alarm: its name without the stack's."""
    return alarm_name.rpartition(".")[2]


def steps_for(alarm_name: str) -> tuple[str, ...]:
    """Return what to do about an alarm, nothing where it is none of the catalogue's."""
    entry = catalogue().get(suffix_of(alarm_name))
    return entry.next_steps if entry else ()
