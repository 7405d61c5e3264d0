"""What every channel shows stands in one order, fits, and what is left out is counted."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.model import Alert, Fact, Link, Table
from bedrock_alerts.alerts.render.layout import bounded, in_columns, links, rows, sparkline, when
from bedrock_alerts_lab.sample_alerts import BEGAN, BY_TELLING, ENDED, FULL

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
CALLERS = Table(
    title="Callers",
    columns=("Caller", "Calls"),
    rows=(("chat-backend", "120"), ("ci", "9"), ("x" * 50, "1")),
)


def labels(alert: Alert) -> list[str]:
    return [row.label for row in rows(alert)]


def test_where_and_since_when_come_first_and_the_metric_last() -> None:
    assert labels(FULL) == ["Where", "Since", "Value", "Trend", "Before", "Team", "Metric"]


def test_a_course_without_a_value_stands_before_the_facts() -> None:
    alert = msgspec.structs.replace(FULL, facts=(Fact("Who", "ci"),))
    assert labels(alert) == ["Where", "Since", "Trend", "Who", "Team"]


def test_the_team_is_named_once_also_where_no_fact_names_it() -> None:
    nobodys = msgspec.structs.replace(FULL, facts=(), recent_values=())
    assert labels(nobodys) == ["Where", "Since", "Team"]
    assert labels(msgspec.structs.replace(nobodys, team="")) == ["Where", "Since"]


def test_an_alarm_that_is_over_says_from_when_to_when() -> None:
    time = when(BY_TELLING["resolved"])
    assert time is not None
    assert (time.label, time.utc()) == ("When", "2026-11-23 08:10:41 to 08:24:41 UTC")


def test_another_day_is_named() -> None:
    alert = msgspec.structs.replace(BY_TELLING["resolved"], ended_at=ENDED + timedelta(days=1))
    time = when(alert)
    assert time is not None
    assert time.utc() == "2026-11-23 08:10:41 to 2026-11-24 08:24:41 UTC"


@pytest.mark.parametrize("telling", ["acknowledged", "silenced", "reminder", "flapping"])
def test_an_alarm_that_stands_says_since_when(telling: str) -> None:
    time = when(BY_TELLING[telling])
    assert time == ("Since", BEGAN, None)


def test_what_has_no_time_shows_none() -> None:
    assert when(msgspec.structs.replace(FULL, at=None, opened_at=None)) is None


@pytest.mark.parametrize(
    ("values", "threshold", "drawn"),
    [
        pytest.param((), 3.0, "", id="nothing"),
        pytest.param((14.0,), 3.0, "", id="one value is no course"),
        pytest.param((0.0, 1.0, 14.0), 3.0, "▁▁█ limit at ▂", id="a limit below"),
        pytest.param((0.0, 7.0), 14.0, "▁▅ limit at █", id="a limit above"),
        pytest.param((1.0, 2.0), None, "▁█", id="no limit"),
        pytest.param((5.0, 5.0), 5.0, "▁▁ limit at ▁", id="all the same"),
        pytest.param((float("nan"), 1.0, float("inf"), 2.0), float("nan"), "▁█", id="no numbers"),
        pytest.param((-1e308, 1e308), None, "▁█", id="numbers too far apart"),
    ],
)
def test_values_are_drawn_with_their_limit(
    values: tuple[float, ...], threshold: float | None, drawn: str
) -> None:
    assert sparkline(values, threshold) == drawn


@given(st.lists(NUMBERS).map(tuple), st.none() | NUMBERS)
def test_any_values_are_drawn(values: tuple[float, ...], threshold: float | None) -> None:
    drawn = sparkline(values, threshold).partition(" limit at ")[0]
    assert len(drawn) <= 30
    assert set(drawn) <= set("▁▂▃▄▅▆▇█")


def test_a_table_is_aligned_its_numbers_to_the_right() -> None:
    assert in_columns(CALLERS, 5, 14) == [
        "Caller          Calls",
        "chat-backend      120",
        "ci                  9",
        "xxxxxxxxxxxxx…      1",
    ]


def test_rows_without_room_are_counted() -> None:
    assert in_columns(CALLERS, 1, 14)[-1] == "… and 2 more"
    assert in_columns(CALLERS, 5, 14, chars=80)[-2:] == ["ci                9", "… and 1 more"]
    assert in_columns(CALLERS, 5, 14, chars=1) == ["Caller  Calls", "… and 3 more"]


def test_odd_rows_still_make_a_table() -> None:
    table = Table(title="", columns=("a",), rows=((), ("1", "2\n3"), ("x",) * 20))
    assert in_columns(table, 5, 10) == [
        "a",
        "",
        "1  2 3",
        "x  x    x  x  x  x  x  x",
    ]
    assert in_columns(Table(title="", columns=(), rows=()), 5, 10) == [""]


def test_texts_are_bounded_and_the_others_counted() -> None:
    assert bounded(["a\nb", "c" * 9, "d"], 2, 5) == ["a b", "cccc…", "… and 1 more"]
    assert bounded(["a"], 1, 5) == ["a"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "javascript:alert(1)",
        "https://example.com/ x",
        "https://example.com/\u202ex",
        "https://example.com/\nx",
        "https://",
        "https://example.com/" + "x" * 100,
    ],
)
def test_only_whole_plain_addresses_of_the_web_are_links(url: str) -> None:
    good = Link("", "https://example.com/a?b=c#d|e")
    alert = msgspec.structs.replace(FULL, links=(Link("bad", url), good))
    assert links(alert, 100) == [Link("Open", good.url)]
