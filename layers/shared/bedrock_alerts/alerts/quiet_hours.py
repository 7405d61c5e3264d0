"""Quiet hours of a route: spans of local time on some days, and where connected spans end."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from bedrock_alerts.alerts.alert import SEVERITIES, Severity

Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Clock: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z")]

_ONE_DAY: Final = timedelta(days=1)
_MIDNIGHT: Final = time()
# A quiet time longer than any week's spans never ends.
_LONGEST: Final = timedelta(days=15)
# One time in winter and one in summer: spans in two time zones may meet in only one of them.
_SAMPLES: Final = (datetime(2026, 1, 14, 12, tzinfo=UTC), datetime(2026, 7, 15, 12, tzinfo=UTC))


class QuietHours(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"begin": "from"}
):
    """One span of quiet hours: from one time of day to another, or whole days without either.

    A `to` that is not after `from` is on the next day. `days` are those on which the quiet time
    begins. Alerts with a severity in `except` are sent at once.
    """

    begin: Clock | None = None
    to: Clock | None = None
    timezone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "UTC"
    days: tuple[Weekday, ...] = _WEEKDAYS
    exceptions: tuple[Severity, ...] = msgspec.field(default=("critical",), name="except")


def end_of_quiet(hours: Sequence[QuietHours], severity: Severity, now: datetime) -> datetime | None:
    """Return the first time after `now` that is not quiet for a severity, None if `now` is not.

    Spans that touch or overlap are one quiet time. After 15 days it ends in any case.
    """
    spans = [span for span in hours if severity not in span.exceptions]
    end = now
    while end - now < _LONGEST:
        ends = [found for span in spans if (found := _end_of_span(span, end)) is not None]
        if not ends:
            break
        end = max(ends)
    return None if end == now else end


def never_ends(hours: Sequence[QuietHours]) -> bool:
    """Whether a severity would always be quiet, so that nothing would ever be sent."""
    return any(
        (end := end_of_quiet(hours, severity, moment)) is not None and end - moment >= _LONGEST
        for severity in SEVERITIES
        for moment in _SAMPLES
    )


def _end_of_span(span: QuietHours, now: datetime) -> datetime | None:
    zone = ZoneInfo(span.timezone)
    begins = time.fromisoformat(span.begin) if span.begin else _MIDNIGHT
    ends = time.fromisoformat(span.to) if span.to else _MIDNIGHT
    today = now.astimezone(zone).date()
    for first in (today - _ONE_DAY, today):
        if _WEEKDAYS[first.weekday()] not in span.days:
            continue
        last = first if begins < ends else first + _ONE_DAY
        # Compared in UTC: within one zone, Python compares local times.
        begin = datetime.combine(first, begins, zone).astimezone(UTC)
        end = datetime.combine(last, ends, zone).astimezone(UTC)
        if begin <= now < end:
            return end
    return None
