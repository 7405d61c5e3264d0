"""Who receives an alert: the first route that matches decides; invalid routes block nothing."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.alert import Alert, Evidence, Fact, Table
from bedrock_alerts.alerts.routing import (
    Destination,
    RouteBook,
    Routes,
    RoutesError,
    Subject,
    canonical,
    destinations,
    escalation_minutes,
    explain,
    parse_routes,
    slack_aliases,
    subject_of,
    tells_bad_news,
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
    kind="firing",
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


def receivers(
    found: Alert | Subject, routes: Routes, now: datetime = NOW
) -> tuple[Destination, ...]:
    subject = subject_of(found) if isinstance(found, Alert) else found
    is_bad_news = tells_bad_news(found) if isinstance(found, Alert) else True
    return destinations(subject, routes, STACK, now, is_bad_news=is_bad_news)


def told(found: Alert | Subject, routes: Routes, now: datetime = NOW) -> list[str]:
    return [each.channel for each in receivers(found, routes, now)]


def misfits(found: Alert, routes: Routes) -> list[str]:
    return [tried.misfit for tried in explain(subject_of(found), routes)]


# --- matching ---------------------------------------------------------------------------------


def test_without_routes_every_channel_receives_every_alert() -> None:
    assert receivers(ALERT, Routes()) == (Destination("email"), Destination("slack"))


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
    assert misfits(ALERT, routes) == [misfit]
    assert told(ALERT, routes) == (["email", "slack"] if misfit else ["email"])


def test_what_has_no_state_is_left_out_by_no_state() -> None:
    routes = read(route(match={"state": ["OK"]}, channels=["email"]))
    assert told(alert(state="", kind="notice"), routes) == ["email"]


def test_what_is_unknown_is_named_so() -> None:
    routes = read(
        route(match={"team": ["a"]}), route(name="q", match={"account": ["111122223333"]})
    )
    assert misfits(alert(team="", account_id=""), routes) == [
        "team is unknown",
        "account is unknown",
    ]


ARN = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:bedrock-alerts.RepeatOffender"


@pytest.mark.parametrize("series", ["user/nightly.export", "role/orders", "a.b: c.d", "x#y", ""])
@pytest.mark.parametrize("pattern", ["RepeatOffender", "bedrock-alerts.RepeatOffender", "Rep?at*"])
def test_an_alarm_matches_whatever_its_contributor_is_called(series: str, pattern: str) -> None:
    found = alert(title=f"bedrock-alerts.RepeatOffender: {series}", alarm_arn=ARN)
    routes = read(route(match={"alarm": [pattern]}, channels=["email"]), default=["slack"])
    assert told(found, routes) == ["email"]


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        ("orders.api.latency", "orders.api.latency", True),
        ("orders.api.latency", "api.latency", True),
        ("orders.api.latency", "latency", False),
        ("orders api.latency", "latency", False),  # no stack is called so
        ("orders-late", "late", False),
        ("[eu] late", "[eu] late", True),
        ("e late", "[eu] late", False),
        ("a.", "", False),
    ],
)
def test_only_the_stacks_name_can_be_left_out_and_brackets_are_no_pattern(
    name: str,
    pattern: str,
    fits: bool,  # noqa: FBT001 - a table
) -> None:
    match = {"alarm": [pattern or "?"]}
    routes = read(route(match=match, channels=["email"]), default=["slack"])
    assert told(Subject(name, "warning"), routes) == (["email"] if fits else ["slack"])


@pytest.mark.parametrize(
    ("match", "misfit"),
    [
        ({"caller": ["role/ci*"]}, ""),
        ({"caller": ["user/*"]}, "caller is role/chat, role/ci-7"),
        ({"model": ["*claude*"]}, ""),
        ({"model": ["amazon.*"]}, "model is anthropic.claude-sample"),
        ({"application": ["*"]}, "application is unknown"),
    ],
)
def test_a_route_matches_any_of_the_callers_applications_and_models(
    match: dict[str, Any], misfit: str
) -> None:
    subject = Subject(
        "a", "warning", callers=("role/chat", "role/ci-7"), models=("anthropic.claude-sample",)
    )
    found = list(explain(subject, read(route(match=match))))
    assert [tried.misfit for tried in found] == [misfit]


def test_an_alert_names_callers_and_models_by_its_contributor_and_its_evidence() -> None:
    tables = (
        Table(
            title="Callers", columns=("caller", "calls"), rows=(("role/b", "9"), ("role/a", "2"))
        ),
        Table(title="Models", columns=("model", "calls"), rows=(("m", "11"),)),
        Table(title="Errors", columns=("error", "calls"), rows=(("x", "11"),)),
    )
    facts = (Fact("Principal", "role/a"), Fact("Team", "t"), Fact("Application", "shop"))
    found = subject_of(alert(facts=facts, evidence=Evidence(tables=tables)))
    assert (found.callers, found.applications) == (("role/a", "role/b"), ("shop",))
    assert found.models == ("m",)
    assert (found.alarm_name, found.team) == ("bedrock-alerts.ContentFiltered", "payments")
    assert found.unacknowledged_minutes is None


def test_the_first_match_decides() -> None:
    routes = read(route(channels=["email"]), route(name="later", channels=["slack"]))
    assert told(ALERT, routes) == ["email"]
    assert misfits(ALERT, routes) == [""]


def test_continue_goes_on_and_a_channel_hears_once_as_its_first_route_says() -> None:
    routes = read(
        route(channels=["slack"], mentions={"warning": ["here"]}, **{"continue": True}),
        route(name="later", channels=["email", "slack"], digest="30m"),
        route(name="never", channels=["slack:C0"]),
    )
    assert receivers(ALERT, routes) == (
        Destination("slack", ("here",)),
        Destination("email", digest_seconds=1800),
    )


def test_a_route_without_channels_tells_nobody() -> None:
    assert told(ALERT, read(route(match={"team": ["pay*"]}, channels=[]))) == []


def test_the_default_is_for_what_no_route_matched() -> None:
    never = route(match={"team": ["search"]}, channels=["email"])
    assert told(ALERT, read(never, default=["slack"])) == ["slack"]
    assert told(alert(team="search"), read(never, default=["slack"])) == ["email"]


@pytest.mark.parametrize(
    ("kind", "mentioned"),
    [
        ("firing", True),
        ("contributors", True),
        ("escalated", True),
        ("still_firing", True),
        ("no_data", True),
        ("notice", True),
        ("resolved", False),
        ("acknowledged", False),
        ("silenced", False),
    ],
)
def test_nobody_is_called_to_hear_that_all_is_well(kind: str, mentioned: bool) -> None:  # noqa: FBT001 - a table
    routes = read(route(mentions={"warning": ["here", "U0EXAMPLE"], "critical": ["channel"]}))
    (found,) = receivers(alert(kind=kind), routes)
    assert found.mentions == (("here", "U0EXAMPLE") if mentioned else ())


def test_an_alarm_that_was_created_in_order_mentions_nobody() -> None:
    routes = read(route(mentions={"warning": ["here"]}))
    (found,) = receivers(alert(kind="notice", state="OK"), routes)
    assert found.mentions == ()


# --- one target, one channel ------------------------------------------------------------------

ALIASES = slack_aliases("C0DEFAULT")


def test_two_names_of_one_target_are_one_channel() -> None:
    stored = json.dumps(
        {
            "routes": [
                route(channels=["slack:C0DEFAULT", "slack", "email"], **{"continue": True}),
                route(name="b", channels=["email", "email:default", "slack:C0OTHER"]),
            ],
            "default": ["slack", "slack:C0DEFAULT", "slack:default"],
        }
    )
    routes = parse_routes(stored, STACK, ALIASES)
    assert [each.channels for each in routes.routes] == [
        ("slack", "email"),
        ("email", "slack:C0OTHER"),
    ]
    assert routes.default == ("slack",)
    assert told(ALERT, routes) == ["slack", "email", "slack:C0OTHER"]
    book = RouteBook(Source(stored), STACK, ALIASES)
    assert book.current() == (routes, "")


def test_the_target_default_is_what_the_kind_alone_means() -> None:
    assert canonical("pagerduty:default") == "pagerduty"
    assert canonical("slack:C0DEFAULT") == "slack:C0DEFAULT"
    assert canonical("slack:C0DEFAULT", ALIASES) == "slack"
    assert slack_aliases("") == {}
    found = destinations(
        subject_of(ALERT), Routes(), ("slack", "slack:default"), NOW, is_bad_news=True
    )
    assert found == (Destination("slack"),)


# --- escalation -------------------------------------------------------------------------------

FIRST = route(mentions={"critical": ["here"]}, match={"severity": ["critical"]}, digest="1h")


def later(after: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": after,
        "channels": ["pagerduty:lead"],
        "match": {"unacknowledged": after},
        **fields,
    }


def unacknowledged(minutes: float | None, **fields: Any) -> Subject:
    return Subject("a", "critical", unacknowledged_minutes=minutes, **fields)


def read_all(*routes: dict[str, Any], **rest: Any) -> Routes:
    return parse_routes(json.dumps({"routes": routes, **rest}))


@pytest.mark.parametrize(
    ("minutes", "received"),
    [
        (None, ["slack"]),
        (0, ["slack"]),
        (14.9, ["slack"]),
        (15, ["slack", "pagerduty:lead"]),
        (60, ["slack", "pagerduty:lead", "email"]),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_who_receives_what_nobody_acknowledges_is_a_route_wherever_it_stands(
    minutes: float | None,
    received: list[str],
    is_first: bool,  # noqa: FBT001 - a table
) -> None:
    escalations = [later("15m"), later("1h", channels=["email"])]
    order = [*escalations, FIRST] if is_first else [FIRST, *escalations]
    assert told(unacknowledged(minutes), read_all(*order)) == received


def test_an_escalation_adds_to_the_default_too() -> None:
    routes = read_all(later("15m"), default=["slack"])
    assert told(unacknowledged(20), routes) == ["slack", "pagerduty:lead"]


def test_an_escalation_on_the_same_channel_adds_its_mentions_and_decides_when() -> None:
    louder = later("15m", channels=["slack"], mentions={"critical": ["here", "channel"]})
    first = {**FIRST, "quiet_hours": {"from": "00:00", "to": "23:00", "except": []}}
    routes = read_all(louder, first)
    (before,) = receivers(unacknowledged(None), routes)
    assert (before.mentions, before.quiet_until is None) == (("here",), False)
    assert receivers(unacknowledged(15), routes) == (Destination("slack", ("here", "channel")),)


def test_it_is_known_when_further_routes_match() -> None:
    routes = read_all(
        FIRST,
        later("2h"),
        later("15m", match={"unacknowledged": "15m", "severity": ["critical"]}),
        later("5m", match={"unacknowledged": "5m", "severity": ["info"]}),
    )
    assert escalation_minutes(unacknowledged(None), routes) == (15, 120)
    assert escalation_minutes(unacknowledged(500), routes) == (15, 120)
    assert escalation_minutes(unacknowledged(None), Routes()) == ()


def test_it_is_said_why_an_escalation_does_not_match_yet() -> None:
    routes = read_all(later("15m"))
    for minutes, words in (
        (None, "it is not firing, or it is acknowledged"),
        (4.5, "unacknowledged for 4.5 min; the route requires 15m"),
        (15, ""),
    ):
        assert [tried.misfit for tried in explain(unacknowledged(minutes), routes)] == [words]


# --- waiting ----------------------------------------------------------------------------------

NIGHT = {"from": "22:00", "to": "07:00", "timezone": "Europe/Berlin"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def waits(found: Alert, now: str, **fields: Any) -> str | None:
    (each,) = receivers(found, read(route(**fields)), at(now))
    wait_until = each.wait_until(at(now))
    return None if wait_until is None else wait_until.isoformat()[:16]


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
    (found,) = receivers(ALERT, routes, moment)
    wait_until = found.wait_until(moment)
    assert wait_until is not None
    assert 0 < (wait_until - moment).total_seconds() <= 86400


# --- reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "path", "says"),
    [
        ("{", "", "not valid JSON"),
        ("\ud800", "", "not valid JSON"),
        ("[]", "", "Expected `object`"),
        ("", "", "the routes file is empty"),
        (" \n", "", "the routes file is empty"),
        ("null", "", "the routes file is empty"),
        ('{"default":[]}', "$.default", "would reach no one"),
        ('{"routes":[{"name":"a","channels":["slack"]}],"default":[]}', "$.default", "no one"),
        ('{"routes":[{"name":"a","channels":[]}]}', "$.routes", "no alert would reach anyone"),
        (
            '{"routes":[{"name":"a","channels":[]},{"name":"b","channels":["slack"]}]}',
            "$.routes",
            "no alert would reach anyone",
        ),
        (
            '{"routes":[{"name":"a","channels":[],"continue":true}],"default":["slack"]}',
            "$.routes",
            "no alert would reach anyone",
        ),
        (
            '{"routes":[{"name":"a","channels":[],"match":{"unacknowledged":"15"}}]}',
            "$.routes[0].match.unacknowledged",
            "minutes or hours",
        ),
        (
            '{"routes":[{"name":"a","channels":[],"match":{"caller":"role/ci"}}]}',
            "$.routes[0].match.caller",
            "a list of patterns",
        ),
        *(
            (
                f'{{"routes":[{{"name":"a","channels":[],"quiet_hours":{quiet}}}]}}',
                f"$.routes[0].quiet_hours{place}",
                says,
            )
            for quiet, place, says in (
                ('{"from":"22:00"}', "", "both `from` and `to`"),
                ('[{"days":["sat"]},{"to":"22:00"}]', "[1]", "both `from` and `to`"),
                ('[{"days":["sat"],"timezone":"Mars/Base"}]', "[0].timezone", "no such time zone"),
                ("{}", "", "never ends"),
                ('{"except":[]}', "", "never ends"),
                ('[{"from":"07:00","to":"19:00"},{"from":"19:00","to":"07:00"}]', "", "never ends"),
                ("5", "", "Expected"),
            )
        ),
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
            "another route is also called a",
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


@pytest.mark.parametrize(
    "stored",
    [
        "{}",
        '{"routes":[]}',
        '{"routes":[{"name":"a","match":{"severity":["info"]},"channels":[]}]}',
        '{"routes":[{"name":"a","channels":["slack"]},{"name":"rest","channels":[]}]}',
        (
            '{"routes":[{"name":"a","match":{"unacknowledged":"15m"},"channels":["slack"]},'
            '{"name":"rest","channels":[]}]}'
        ),
        (
            '{"routes":[{"name":"rest","channels":[]},'
            '{"name":"a","match":{"unacknowledged":"15m"},"channels":["slack"]}]}'
        ),
    ],
)
def test_a_route_to_nobody_is_fine_as_long_as_something_is_received(stored: str) -> None:
    assert parse_routes(stored, STACK) == parse_routes(stored.encode())


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
    "broken",
    [
        "{",
        "",
        '{"default":[]}',
        '{"default":["pagerduty"]}',
        TransientError("AccessDeniedException"),
    ],
)
def test_broken_routes_stop_nothing_and_it_is_said(broken: str | Exception) -> None:
    book = RouteBook(Source(broken, GOOD, broken), STACK)
    routes, note = book.current()
    assert told(ALERT, routes) == ["email", "slack"]
    assert note.startswith("The routes cannot be used, so every alert goes to every channel: ")
    assert book.current() == (parse_routes(GOOD), "")
    routes, note = book.current()
    assert told(ALERT, routes) == ["slack"]
    assert note.startswith("The routes cannot be used, so the last valid routes are used: ")
