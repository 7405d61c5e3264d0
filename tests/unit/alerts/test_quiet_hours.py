"""Quiet time ends at the first moment that no span covers, however many spans meet."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.quiet_hours import QuietHours, end_of_quiet, never_ends

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NIGHTS: Final = {"from": "22:00", "to": "07:00", "timezone": "Europe/Berlin"}
WEEKEND: Final = {"days": ["sat", "sun"], "timezone": "Europe/Berlin"}
BOTH: Final = (NIGHTS, WEEKEND)


def quiet(*given: Any) -> tuple[QuietHours, ...]:
    return msgspec.convert(given, tuple[QuietHours, ...])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("spans", "now", "until"),
    [
        ((WEEKEND,), "2026-11-27T22:59", None),
        ((WEEKEND,), "2026-11-27T23:00", "2026-11-29T23:00"),
        ((WEEKEND,), "2026-11-29T12:00", "2026-11-29T23:00"),
        ((WEEKEND,), "2026-11-29T23:00", None),
        # From Friday's night to Monday morning it is quiet all the time.
        (BOTH, "2026-11-27T21:00", "2026-11-30T06:00"),
        (BOTH, "2026-11-28T10:00", "2026-11-30T06:00"),
        (BOTH, "2026-11-29T22:30", "2026-11-30T06:00"),
        (BOTH, "2026-11-30T06:00", None),
        (BOTH, "2026-12-01T03:00", "2026-12-01T06:00"),
        # The days on which the clocks change have 23 and 25 hours.
        ((WEEKEND,), "2026-03-28T12:00", "2026-03-29T22:00"),
        ((WEEKEND,), "2026-10-24T12:00", "2026-10-25T23:00"),
        # In Havana the clocks go from midnight to one: that day begins at one.
        (({"days": ["sun"], "timezone": "America/Havana"},), "2026-03-08T04:59", None),
        (
            ({"days": ["sun"], "timezone": "America/Havana"},),
            "2026-03-08T05:00",
            "2026-03-09T04:00",
        ),
        # Spans of two time zones that meet.
        (
            ({"from": "08:00", "to": "12:00"}, {**NIGHTS, "from": "13:00", "to": "14:00"}),
            "2026-11-23T09:00",
            "2026-11-23T13:00",
        ),
    ],
)
def test_quiet_spans_that_meet_are_one(spans: tuple[Any, ...], now: str, until: str | None) -> None:
    found = end_of_quiet(quiet(*spans), "warning", at(now))
    assert found == (None if until is None else at(until))


def test_each_span_is_quiet_for_what_it_does_not_except() -> None:
    spans = quiet({**NIGHTS, "except": ["critical", "warning"]}, WEEKEND)
    friday = at("2026-11-27T21:30")
    assert end_of_quiet(spans, "info", friday) == at("2026-11-30T06:00")
    assert end_of_quiet(spans, "warning", friday) is None
    assert end_of_quiet(spans, "warning", at("2026-11-28T10:00")) == at("2026-11-29T23:00")
    assert end_of_quiet(spans, "critical", at("2026-11-28T10:00")) is None


@pytest.mark.parametrize(
    ("spans", "never"),
    [
        ((), False),
        (BOTH, False),
        (({},), True),
        (({"except": ["critical", "warning", "info"]},), False),
        (({"days": list(DAYS[:6])},), False),
        (({"days": list(DAYS[:4])}, {"days": list(DAYS[4:])}), True),
        (({"days": list(DAYS[:4])}, {"days": list(DAYS[4:]), "except": ["info"]}), True),
        (({"days": list(DAYS[:4]), "except": ["info", "critical"]}, {"days": ["fri"]}), False),
        (({"from": "00:01", "to": "00:00"},), False),
    ],
)
def test_what_is_quiet_all_week_never_ends(
    spans: tuple[Any, ...],
    never: bool,  # noqa: FBT001 - a table
) -> None:
    assert never_ends(quiet(*spans)) is never


def test_what_never_ends_ends_all_the_same() -> None:
    end = end_of_quiet(quiet({}), "info", at("2026-11-27T21:30"))
    assert end is not None
    assert end - at("2026-11-27T21:30") <= timedelta(days=16)


# In quarters of an hour, and in weeks without a change of the clocks, it can be counted by hand.
CLOCKS: Final = st.builds(
    "{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 45])
)
ZONES: Final = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland"])
SPANS: Final = st.builds(
    lambda times, zone, days: {
        "timezone": zone,
        "days": days,
        **({} if times is None or times[0] == times[1] else {"from": times[0], "to": times[1]}),
    },
    st.none() | st.tuples(CLOCKS, CLOCKS),
    ZONES,
    st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True),
)


def is_quiet(span: QuietHours, now: datetime) -> bool:
    there = now.astimezone(ZoneInfo(span.timezone))
    clock = f"{there:%H:%M}"
    today, before = DAYS[there.weekday()], DAYS[there.weekday() - 1]
    begin, end = span.begin or "00:00", span.to or "24:00"
    if begin < end:
        return today in span.days and begin <= clock < end
    return (today in span.days and begin <= clock) or (before in span.days and clock < end)


@given(
    st.lists(SPANS, max_size=3),
    st.integers(0, 7 * 96),
    st.integers(0, 899),
    st.sampled_from([at("2026-06-01T00:00"), at("2026-11-16T00:00")]),
)
def test_the_end_is_the_first_moment_that_is_not_quiet(
    given: list[dict[str, Any]], quarter: int, seconds: int, start: datetime
) -> None:
    spans = quiet(*given)
    quarters = start + timedelta(minutes=15) * quarter
    now = quarters + timedelta(seconds=seconds)
    found = end_of_quiet(spans, "warning", now)
    if never_ends(spans):
        assert found is not None
        return
    end = quarters
    while any(is_quiet(span, end) for span in spans):
        end += timedelta(minutes=15)
    assert found == (None if end == quarters else end)
