"""What every channel shows stands in one order, fits, and what is left out is counted."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.alert import Alert, Link, Table
from bedrock_alerts.alerts.channels.layout import (
    TABLE_CHARS,
    bare_name,
    bounded,
    in_columns,
    links,
    push_line,
    rows,
    subject_line,
    when,
)
from bedrock_alerts_cli.samples.alerts import BEGAN, BY_REASON, ENDED, FULL

CALLERS = Table(
    title="Callers",
    columns=("caller", "calls"),
    rows=(("assumed-role/chat-backend", "120"), ("user/ci", "9"), ("x" * 50, "1")),
)


def labels(alert: Alert) -> list[str]:
    return [row.label for row in rows(alert)]


def test_the_value_comes_first_the_metric_and_the_account_last() -> None:
    assert labels(FULL) == ["Value", "Since", "Recent", "Before", "Team", "Metric", "Account"]


def test_the_team_is_named_once_also_where_no_fact_names_it() -> None:
    nobodys = msgspec.structs.replace(FULL, facts=(), recent_values=(), account_alias="")
    assert labels(nobodys) == ["Since", "Team"]
    assert labels(msgspec.structs.replace(nobodys, team="")) == ["Since"]


def test_a_phone_shows_headline_place_and_a_fact_in_a_hundred_characters() -> None:
    line = "Critical: 14 prompt attacks blocked in 20 min"
    assert push_line(FULL) == f"{line} · prod eu-west-1 · top caller chat-backend"
    unknown = msgspec.structs.replace(FULL, evidence=None)
    assert push_line(unknown) == f"{line} (threshold: 3) · prod eu-west-1"
    assert push_line(msgspec.structs.replace(unknown, facts=())) == f"{line} · prod eu-west-1"
    long = msgspec.structs.replace(FULL, account_alias="x" * 60)
    assert push_line(long).endswith(" eu-west-1")
    assert "lasted 14 min · prod eu-west-1" in push_line(BY_REASON["resolved"])


def test_a_subject_keeps_the_place() -> None:
    assert subject_line(BY_REASON["resolved"], 99) == (
        "[Resolved] PromptAttack lasted 14 min - prod eu-west-1"
    )
    long = msgspec.structs.replace(FULL, headline="x" * 200)
    assert subject_line(long, 99).endswith("… - prod eu-west-1")
    assert len(subject_line(long, 99)) == 99


def test_an_alarm_without_a_link_is_named() -> None:
    assert bare_name(FULL) == ""
    unlinked = msgspec.structs.replace(FULL, links=())
    assert bare_name(unlinked) == "bedrock-alerts.PromptAttack"
    assert bare_name(msgspec.structs.replace(unlinked, alarm_arn="")) == ""


def test_an_alarm_that_is_over_says_from_when_to_when() -> None:
    time = when(BY_REASON["resolved"])
    assert time is not None
    assert (time.label, time.utc()) == ("When", "2026-11-23 08:10 to 08:24 UTC")


def test_another_day_is_named() -> None:
    alert = msgspec.structs.replace(BY_REASON["resolved"], ended_at=ENDED + timedelta(days=1))
    time = when(alert)
    assert time is not None
    assert time.utc() == "2026-11-23 08:10 to 2026-11-24 08:24 UTC"


@pytest.mark.parametrize("notification", ["acknowledged", "silenced", "still_firing", "escalated"])
def test_an_alarm_that_stands_says_since_when(notification: str) -> None:
    time = when(BY_REASON[notification])
    assert time == ("Since", BEGAN, None)


def test_what_has_no_time_shows_none() -> None:
    assert when(msgspec.structs.replace(FULL, at=None, opened_at=None)) is None


def test_a_table_is_aligned_its_numbers_to_the_right() -> None:
    assert in_columns(CALLERS, 5) == [
        "caller                         calls",
        "chat-backend                     120",
        "ci                                 9",
        f"{'x' * 28}…      1",
    ]


@given(
    st.builds(
        Table,
        title=st.text(),
        columns=st.lists(st.text(), max_size=6).map(tuple),
        rows=st.lists(st.lists(st.text(), max_size=8).map(tuple), max_size=9).map(tuple),
    )
)
def test_any_table_fits_a_phone(table: Table) -> None:
    assert all(len(line) <= TABLE_CHARS for line in in_columns(table, 9))


def test_rows_without_room_are_counted() -> None:
    assert in_columns(CALLERS, 1)[-1] == "… and 2 more"
    assert in_columns(CALLERS, 5, chars=80)[-1] == "… and 1 more"
    assert in_columns(CALLERS, 5, chars=1) == ["caller  calls", "… and 3 more"]


def test_odd_rows_still_make_a_table() -> None:
    table = Table(title="", columns=("a",), rows=((), ("1", "2\n3"), ("x",) * 20))
    assert in_columns(table, 5) == [
        "a",
        "",
        "1  2 3",
        "x  x    x  x  x  x  x  x",
    ]
    assert in_columns(Table(title="", columns=(), rows=()), 5) == [""]


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
