"""The periods of a wall clock window: whole minutes, hours, days and weeks of a time zone.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bedrock_alerts_cli.simulator.series import MINUTE, Window
from bedrock_alerts_cli.simulator.unsupported import SyntaxProblemError

PERIODS: Final = (60, 300, 3600, 86400, 604800)
_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+-])(\d{2}):([0-5]\d)")
_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
_THURSDAY: Final = 3  # the weekday of the first of January 1970, after Monday
_LONGEST_SHIFT: Final = 2 * 60  # of a day on which the clocks change


def read_zone(name: str) -> tzinfo:
    """Read a zone's name, such as `Europe/Berlin`, `+05:30` or `UTC+05:30`."""
    offset = _OFFSET.fullmatch(name)
    if offset:
        shift = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-shift if offset[1] == "-" else shift)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise SyntaxProblemError(f"there is no time zone {name!r}") from None


def windows(period: int, zone: tzinfo, before: int, ends: Window) -> list[Window]:
    """Return the clock's periods that end within `ends`, and some before the first of them.

    `period` and times are in minutes.
    """
    first, after = ends
    start = first - (before + 1) * (period + _LONGEST_SHIFT)
    found = list(pairwise(_boundaries(period, zone, start, after)))
    late = next((n for n, (_, end) in enumerate(found) if end >= first), len(found))
    return found[max(late - before, 0) :]


def _boundaries(period: int, zone: tzinfo, first: int, after: int) -> Iterator[int]:
    """Return the minutes at which a period of the clock begins."""
    # All periods and clock changes are at multiples of five minutes, except one-minute periods.
    step = 1 if period == 1 else 5
    for minute in range(first - first % step, after, step):
        offset = datetime.fromtimestamp(minute * MINUTE, UTC).astimezone(zone).utcoffset()
        local = minute + (offset or timedelta()) // timedelta(minutes=1)
        if (local + (_THURSDAY * _DAY if period == _WEEK else 0)) % period == 0:
            yield minute
