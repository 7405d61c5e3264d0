"""Who hears of an alert: the first route that matches decides, and broken routes stop nothing."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.model import Alert
from bedrock_alerts.alerts.routing import (
    Destination,
    RouteBook,
    Routes,
    RoutesError,
    destinations,
    explain,
    parse_routes,
)
from bedrock_alerts.errors import TransientError

NOW = datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC)  # a Monday
STACK = ("email", "slack")
ALERT = Alert(
    key="k",
    tone="warning",
    status="ALARM · warning",
    title="bedrock-alerts.ContentFiltered",
    summary="",
    account_id="111122223333",
    region="eu-west-1",
    at=NOW,
    kind="first",
    severity="warning",
    state="ALARM",
    team="payments",
)


def alert(**changes: Any) -> Alert:
    return msgspec.structs.replace(ALERT, **changes)


def route(**fields: Any) -> dict[str, Any]:
    return {"name": "r", "channels": ["slack"], **fields}


def read(*routes: dict[str, Any], **rest: Any) -> Routes:
    return parse_routes(json.dumps({"routes": routes, **rest}), STACK)


def told(found: Alert, routes: Routes, now: datetime = NOW) -> list[str]:
    return [each.channel for each in destinations(found, routes, STACK, now)]


# --- matching ---------------------------------------------------------------------------------


def test_without_routes_every_channel_hears_everything() -> None:
    assert destinations(ALERT, Routes(), STACK, NOW) == (Destination("email"), Destination("slack"))


@pytest.mark.parametrize(
    ("match", "misfit"),
    [
        ({}, ""),
        ({"severity": ["warning", "info"]}, ""),
        ({"severity": ["critical"]}, "severity is warning"),
        ({"alarm": ["bedrock-alerts.Content*"]}, ""),
        ({"alarm": ["ContentFiltered"]}, ""),
        ({"alarm": ["Throttling", "Content?iltered"]}, ""),
        ({"alarm": ["contentfiltered"]}, "alarm is bedrock-alerts.ContentFiltered"),
        ({"team": ["pay*"]}, ""),
        ({"team": ["search"]}, "team is payments"),
        ({"account": ["111122223333"]}, ""),
        ({"account": ["444455556666"]}, "account is 111122223333"),
        ({"region": ["eu-west-1"]}, ""),
        ({"region": ["us-east-1"]}, "region is eu-west-1"),
        ({"state": ["ALARM"]}, ""),
        ({"state": ["OK"]}, "state is ALARM"),
        ({"severity": ["warning"], "team": ["search"]}, "team is payments"),
    ],
)
def test_a_route_matches_when_all_that_it_asks_for_fits(match: dict[str, Any], misfit: str) -> None:
    routes = read(route(match=match, channels=["email"]))
    assert [tried.misfit for tried in explain(ALERT, routes)] == [misfit]
    assert told(ALERT, routes) == (["email", "slack"] if misfit else ["email"])


def test_what_has_no_state_is_left_out_by_no_state() -> None:
    routes = read(route(match={"state": ["OK"]}, channels=["email"]))
    assert told(alert(state="", kind="plain"), routes) == ["email"]


def test_what_is_unknown_is_named_so() -> None:
    routes = read(
        route(match={"team": ["a"]}), route(name="q", match={"account": ["111122223333"]})
    )
    found = [tried.misfit for tried in explain(alert(team="", account_id=""), routes)]
    assert found == ["team is unknown", "account is unknown"]


def test_the_first_match_decides() -> None:
    routes = read(route(channels=["email"]), route(name="later", channels=["slack"]))
    assert told(ALERT, routes) == ["email"]
    assert len(list(explain(ALERT, routes))) == 1


def test_continue_goes_on_and_a_channel_hears_once_as_its_first_route_says() -> None:
    routes = read(
        route(channels=["slack"], mentions={"warning": ["here"]}, **{"continue": True}),
        route(name="later", channels=["email", "slack"], digest="30m"),
        route(name="never", channels=["slack:C0"]),
    )
    first, second = destinations(ALERT, routes, STACK, NOW)
    assert first == Destination("slack", ("here",), None)
    assert (second.channel, second.wait_until) == (
        "email",
        datetime(2026, 11, 23, 8, 30, tzinfo=UTC),
    )


def test_a_route_without_channels_tells_nobody() -> None:
    assert told(ALERT, read(route(channels=[]))) == []


def test_the_default_is_for_what_no_route_matched() -> None:
    never = route(match={"team": ["search"]}, channels=["email"])
    assert told(ALERT, read(never, default=["slack"])) == ["slack"]
    assert told(ALERT, read(never, default=[])) == []
    assert told(alert(team="search"), read(never, default=["slack"])) == ["email"]


@pytest.mark.parametrize(
    ("kind", "mentioned"),
    [
        ("first", True),
        ("escalation", True),
        ("release", True),
        ("reminder", True),
        ("no_data", True),
        ("plain", True),
        ("resolved", False),
        ("late", False),
        ("settled", False),
    ],
)
def test_nobody_is_called_to_hear_that_all_is_well(kind: str, mentioned: bool) -> None:  # noqa: FBT001 - a table
    routes = read(route(mentions={"warning": ["here", "U0EXAMPLE"], "critical": ["channel"]}))
    (found,) = destinations(alert(kind=kind), routes, STACK, NOW)
    assert found.mentions == (("here", "U0EXAMPLE") if mentioned else ())


# --- waiting ----------------------------------------------------------------------------------

NIGHT = {"from": "22:00", "to": "07:00", "timezone": "Europe/Berlin"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def waits(found: Alert, now: str, **fields: Any) -> str | None:
    (each,) = destinations(found, read(route(**fields)), STACK, at(now))
    return None if each.wait_until is None else each.wait_until.isoformat()[:16]


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        # Berlin is an hour ahead of UTC in winter, two in summer.
        (NIGHT, "2026-11-23T20:59:59", None),
        (NIGHT, "2026-11-23T21:00:00", "2026-11-24T06:00"),
        (NIGHT, "2026-11-24T05:59:59", "2026-11-24T06:00"),
        (NIGHT, "2026-11-24T06:00:00", None),
        (NIGHT, "2026-07-01T20:00:00", "2026-07-02T05:00"),
        # The clocks go forward in this night: the wall's seven o'clock comes an hour sooner.
        (NIGHT, "2026-03-28T23:30:00", "2026-03-29T05:00"),
        # They go back in this one.
        (NIGHT, "2026-10-24T23:30:00", "2026-10-25T06:00"),
        ({"from": "12:00", "to": "13:00"}, "2026-11-23T12:30:00", "2026-11-23T13:00"),
        ({"from": "12:00", "to": "13:00"}, "2026-11-23T13:30:00", None),
        # The night from Friday to Saturday begins on Friday.
        ({**NIGHT, "days": ["fri"]}, "2026-11-28T03:00:00", "2026-11-28T06:00"),
        ({**NIGHT, "days": ["sat"]}, "2026-11-28T03:00:00", None),
    ],
)
def test_quiet_hours_hold_back_until_they_end(
    quiet: dict[str, Any], now: str, until: str | None
) -> None:
    assert waits(ALERT, now, quiet_hours=quiet) == until


def test_what_is_critical_breaks_the_quiet_unless_it_is_told_not_to() -> None:
    night = "2026-11-24T03:00:00"
    assert waits(alert(severity="critical"), night, quiet_hours=NIGHT) is None
    strict = {**NIGHT, "except": []}
    assert waits(alert(severity="critical"), night, quiet_hours=strict) == "2026-11-24T06:00"
    lenient = {**NIGHT, "except": ["warning"]}
    assert waits(ALERT, night, quiet_hours=lenient) is None


@pytest.mark.parametrize(
    ("digest", "until"),
    [("30m", "2026-11-23T08:30"), ("1h", "2026-11-23T09:00"), ("5m", "2026-11-23T08:15")],
)
def test_a_digest_ends_with_the_clock_and_what_is_critical_does_not_wait(
    digest: str, until: str
) -> None:
    assert waits(ALERT, "2026-11-23T08:10:41", digest=digest) == until
    assert waits(alert(severity="critical"), "2026-11-23T08:10:41", digest=digest) is None


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 - hypothesis wants it naive
def test_what_waits_waits_for_a_moment_to_come_and_not_for_more_than_a_day(now: datetime) -> None:
    moment = now.replace(tzinfo=UTC)
    routes = read(route(quiet_hours=NIGHT, digest="7m"))
    (found,) = destinations(ALERT, routes, STACK, moment)
    assert found.wait_until is not None
    assert 0 < (found.wait_until - moment).total_seconds() <= 86400


# --- reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "path", "says"),
    [
        ("{", "", "no JSON"),
        ("\ud800", "", "no JSON"),
        ("[]", "", "Expected `object`"),
        ('{"routs":[]}', "", "unknown field `routs`"),
        ('{"default":["fax"]}', "$.default[0]", "takes email, slack"),
        ('{"routes":[{"name":"a"}]}', "$.routes[0]", "missing required field `channels`"),
        (
            '{"routes":[{"name":"a","channels":["pagerduty"]}]}',
            "$.routes[0].channels[0]",
            "this stack has no channel pagerduty (it has: email, slack)",
        ),
        (
            '{"routes":[{"name":"a","channels":[]},{"name":"a","channels":[]}]}',
            "$.routes[1]",
            "another route is called a",
        ),
        (
            '{"routes":[{"name":"a","channels":[],"quiet_hours":{"from":1320,"to":"07:00"}}]}',
            "$.routes[0].quiet_hours.from",
            "a time of day in quotes",
        ),
        (
            '{"routes":[{"name":"a","channels":[],"quiet_hours":{"from":"07:00","to":"07:00"}}]}',
            "$.routes[0].quiet_hours",
            "no length",
        ),
        *(
            (
                (
                    '{"routes":[{"name":"a","channels":[],"quiet_hours":{"from":"06:00",'
                    '"to":"07:00","timezone":"ZONE"}}]}'
                ).replace("ZONE", zone),
                "$.routes[0].quiet_hours.timezone",
                "no such time zone",
            )
            for zone in ("Mars/Base", "Europe", "../etc/passwd", "/etc/passwd", "a\\u0000b")
        ),
        (
            '{"routes":[{"name":"a","channels":[],"mentions":{"critical":["hre"]}}]}',
            "$.routes[0].mentions[...][0]",
            "`mentions` takes here",
        ),
        (
            '{"routes":[{"name":"a","channels":[],"mentions":{"critical":["here>"]}}]}',
            "$.routes[0].mentions[...][0]",
            "wrong shape",
        ),
        (
            '{"routes":[{"name":"a","channels":["slack:<!here>"]}]}',
            "$.routes[0].channels[0]",
            "wrong shape",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(
    stored: str, path: str, says: str
) -> None:
    with pytest.raises(RoutesError) as caught:
        parse_routes(stored, STACK)
    assert caught.value.path == path
    assert says in caught.value.message
    assert "regex" not in str(caught.value)


def test_a_target_belongs_to_its_kind() -> None:
    assert parse_routes('{"default":["slack:C0EXAMPLE"]}', STACK).default == ("slack:C0EXAMPLE",)


def test_channels_are_checked_only_against_a_stack_that_is_known() -> None:
    assert parse_routes('{"default":["pagerduty"]}').default == ("pagerduty",)


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["routes", "name", "channels", "match", "default", "from", "x"]),
                inner,
            )
        ),
    ).map(json.dumps)
)
def test_whatever_is_stored_is_routes_or_everybody_is_told(stored: str) -> None:
    routes, note = RouteBook(Source(stored), STACK).current()
    if note:
        assert told(ALERT, routes) == list(STACK)
    else:
        assert routes == parse_routes(stored, STACK)


# --- what is in force -------------------------------------------------------------------------


class Source:
    """What Parameter Store holds, or its failure."""

    def __init__(self, *answers: str | Exception) -> None:
        self._answers = list(answers)

    def __call__(self) -> str:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


GOOD = '{"default":["slack"]}'


@pytest.mark.parametrize(
    "broken", ["{", '{"default":["pagerduty"]}', TransientError("AccessDeniedException")]
)
def test_broken_routes_stop_nothing_and_it_is_said(broken: str | Exception) -> None:
    book = RouteBook(Source(broken, GOOD, broken), STACK)
    routes, note = book.current()
    assert told(ALERT, routes) == ["email", "slack"]
    assert note.startswith("The routes cannot be used, everybody is told: ")
    assert book.current() == (parse_routes(GOOD), "")
    routes, note = book.current()
    assert told(ALERT, routes) == ["slack"]
    assert note.startswith("The routes cannot be used, the last good ones are used: ")
