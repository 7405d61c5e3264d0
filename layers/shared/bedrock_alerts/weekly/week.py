"""What a weekly report is about: whole days, their sums, and those of as many days before."""

import calendar
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import msgspec

from bedrock_alerts.invocations.aggregate import THROTTLES
from bedrock_alerts.invocations.usage_book import MOST_ROWS, Book
from bedrock_alerts.invocations.usage_lines import Used

_DAY = timedelta(days=1)


class Span(NamedTuple):
    """From `start` until `end`, which is not in it; both in UTC."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """The number of days."""
        return (self.end - self.start) // _DAY

    @property
    def before(self) -> "Span":
        """The same number of days before."""
        return Span(self.start - (self.end - self.start), self.start)


def last_days(now: datetime, days: int) -> Span:
    """Return the last whole days, in UTC, before the day of `now`."""
    end = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Span(end - days * _DAY, end)


class AlarmRecord(NamedTuple):
    """An alarm of the stack: how often it fired, and whether it has no data now."""

    name: str
    fired: int
    lacks_data: bool


class ModelEnd(NamedTuple):
    """A model in use that AWS calls legacy; `ends` is None if no date is known."""

    model: str
    ends: date | None
    calls: int


class Half(msgspec.Struct, frozen=True, kw_only=True):
    """One week: usage, findings, errors by code, and 95th percentiles of latency by model, in ms.

    `findings`, `errors` and `latency` are None if they could not be read.
    """

    book: Book
    findings: Counter[tuple[str, str, str]] | None = None
    errors: Counter[str] | None = None
    latency: Mapping[str, float] | None = None

    @property
    def throttled(self) -> int:
        """The calls that Bedrock throttled."""
        errors = self.errors or Counter()
        return sum(errors[code] for code in THROTTLES)


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a report says. `by_day` has the sums of this month's days and of the week's.

    `before` is None if the log does not reach back so far. `reaches_back` is the number of days
    that the log is kept. What could not be read is None, and `missing` names it.
    """

    span: Span
    now: Half
    before: Half | None
    by_day: Mapping[str, Used] | None
    reaches_back: int
    alarms: tuple[AlarmRecord, ...] | None = None
    ends: tuple[ModelEnd, ...] | None = None
    missing: tuple[str, ...] = ()

    @property
    def is_cut(self) -> bool:
        """Whether there were more callers and models than a query returns."""
        return len(self.now.book.sums) >= MOST_ROWS

    @property
    def total(self) -> Used:
        """The sums of all calls, also of callers that a cut table leaves out."""
        if not self.is_cut or self.by_day is None:
            return self.now.book.total()
        total = Used()
        for day, sums in self.by_day.items():
            if f"{self.span.start:%Y-%m-%d}" <= day < f"{self.span.end:%Y-%m-%d}":
                total.add(sums)
        return total


class Forecast(NamedTuple):
    """The cost of a month, in pico-dollars: of its days so far, and of all of it."""

    month: date
    so_far: int
    whole: int


def forecast(week: Week) -> Forecast | None:
    """Return this month's cost if its other days cost what a day of the report did.

    Days so long ago that the log no longer has them count as such days too. None if the days of
    the month could not be read.
    """
    by_day = week.by_day
    if by_day is None:
        return None
    end = week.span.end
    first = end.date().replace(day=1)
    length = calendar.monthrange(first.year, first.month)[1]
    oldest = max(first, (end - timedelta(days=week.reaches_back)).date())
    known = [
        by_day[day].total if day in by_day else 0
        for day in (f"{oldest + number * _DAY}" for number in range((end.date() - oldest).days))
    ]
    a_day = week.total.total // max(1, week.span.days)
    return Forecast(first, sum(known), sum(known) + a_day * (length - len(known)))
