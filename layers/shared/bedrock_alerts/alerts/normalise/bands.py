"""The limits of an anomaly alarm, and the value that it fired for."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from bedrock_alerts.alerts.normalise.fields import numbers

NUMBER: Final = r"(-?\d{1,20}(?:\.\d{1,20})?(?:E-?\d{1,3})?)"
"""A number as reasons write it."""

# `lower thresholds [118.4, 118.2]`, parallel to the values: the newest first.
_LOWER_IN_REASON: Final = re.compile(r"lower thresholds? \[([^\]]{1,500})\]")
_UPPER_IN_REASON: Final = re.compile(r"upper thresholds? \[([^\]]{1,500})\]")
_NUMBERS: Final = re.compile(NUMBER)


class Breach(NamedTuple):
    """The value that decided an anomaly alarm, and the limits of that time."""

    value: float | None = None
    band: tuple[float | None, float | None] | None = None


def breach_in(data: Mapping[str, Any], reason: str, values: tuple[float, ...]) -> Breach:
    """Return the newest value outside its band, else the newest, if the alarm has a band.

    An alarm over M of N periods may fire while its newest value is inside.
    """
    lower = numbers(data.get("recentLowerThresholds")) or _limits(_LOWER_IN_REASON, reason)
    upper = numbers(data.get("recentUpperThresholds")) or _limits(_UPPER_IN_REASON, reason)
    if not lower and not upper:
        return Breach()
    if not values:
        return Breach(None, (lower[-1] if lower else None, upper[-1] if upper else None))
    # Each list ends with the newest: missing values are missing at its beginning.
    count = len(values)
    lows = [None] * (count - len(lower)) + list(lower)
    highs = [None] * (count - len(upper)) + list(upper)
    found = [*zip(values, lows[-count:], highs[-count:], strict=True)]
    outside = [
        item
        for item in found
        if (item[1] is not None and item[0] < item[1])
        or (item[2] is not None and item[0] > item[2])
    ]
    value, low, high = (outside or found)[-1]
    return Breach(value, (low, high))


def _limits(pattern: re.Pattern[str], reason: str) -> tuple[float, ...]:
    """Read the limits that a reason names, oldest first."""
    said = pattern.search(reason)
    found = [float(text) for text in _NUMBERS.findall(said[1])] if said else []
    return numbers(found[::-1])
