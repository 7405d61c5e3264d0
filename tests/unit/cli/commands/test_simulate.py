"""`bedrock-alerts simulate`: the product's own notifier on the events' own clock."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from click.testing import CliRunner, Result

from bedrock_alerts.alerts.model import ChannelKind
from bedrock_alerts_cli.commands.simulate import simulate
from bedrock_alerts_cli.user_errors import CommandError, InputError
from tests.support.events import ROUTE_EVENTS

START: Final = datetime(2026, 11, 20, 8, tzinfo=UTC)
# Notes that the functions send to themselves have no time.
SAMPLES: Final = sorted(
    path for path in ROUTE_EVENTS.glob("*.json") if path.stem not in {"timer", "heartbeat"}
)
NAME: Final = "bedrock-alerts.ServerErrors"


def at(minutes: float) -> str:
    return f"{START + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def event(minutes: float, state: str, before: str, name: str = NAME) -> dict[str, Any]:
    """Return a state change as EventBridge delivers it."""
    return {
        "version": "0",
        "id": f"00000000-0000-4000-8000-{int(minutes * 60):012d}",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": "111122223333",
        "time": at(minutes),
        "region": "us-east-1",
        "resources": [f"arn:aws:cloudwatch:us-east-1:111122223333:alarm:{name}"],
        "detail": {
            "alarmName": name,
            "configuration": {"description": "Bedrock fails.\nSeverity: critical"},
            "state": {"value": state, "reason": "Threshold Crossed", "timestamp": at(minutes)},
            "previousState": {"value": before, "reason": "", "timestamp": at(-600)},
        },
    }


def timed(minutes: float, **what: Any) -> dict[str, Any]:
    return {"at": at(minutes), **what}


def text_of(*lines: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(line)}\n" for line in lines)


ALARM: Final = event(0, "ALARM", "OK")
OK: Final = event(5, "OK", "ALARM")
PAST_THE_WINDOW: Final = timed(30, outage={"channel": "email", "minutes": 0})


def run(text: str, *arguments: str) -> Result:
    return CliRunner().invoke(
        simulate, ["-", *arguments], input=text, standalone_mode=False, catch_exceptions=False
    )


def outcome(*lines: dict[str, Any], options: tuple[str, ...] = ()) -> dict[str, Any]:
    result = run(text_of(*lines), "--json", *options)
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def actions(document: dict[str, Any], channel: str) -> list[str]:
    return [one["action"] for one in document["messages"] if one["channel"] == channel]


def states(document: dict[str, Any]) -> dict[str, str]:
    return {one["channel"]: one["state"] for one in document["shows"]}


def test_an_alarm_fires_recovers_and_is_resolved_on_every_channel() -> None:
    document = outcome(ALARM, OK, PAST_THE_WINDOW)
    assert actions(document, "email") == ["send", "send"]
    assert actions(document, "slack") == ["post", "edit", "edit", "reply"]
    assert actions(document, "pagerduty") == ["trigger", "resolve"]
    assert states(document) == dict.fromkeys(("email", "slack", "pagerduty"), "resolved")
    keys = {one["key"] for one in document["messages"] if one["channel"] == "pagerduty"}
    assert len(keys) == 1
    assert keys != {""}


def test_a_message_says_what_people_read() -> None:
    first = outcome(ALARM)["messages"][0]
    assert set(first) == {
        *("at", "channel", "reason", "alarm", "incident", "severity", "title", "action", "key")
    }
    assert (first["at"], first["reason"], first["alarm"]) == (at(0), "firing", NAME)
    assert first["incident"].startswith(f"{NAME}#")
    assert first["severity"] == "critical"
    assert first["title"].startswith("Critical: ")


def test_what_is_shown_is_firing_since_its_alarm_until_the_window_is_over() -> None:
    shown = outcome(ALARM)["shows"][0]
    assert shown == {
        "channel": "email",
        "alarm": NAME,
        "state": "firing",
        "severity": "critical",
        "since": at(0),
    }
    document = outcome(ALARM, OK)
    assert states(document) == {"email": "firing", "slack": "recovering", "pagerduty": "firing"}
    assert states(outcome(ALARM, OK, options=("--after", "20")))["email"] == "resolved"


def test_a_channel_that_was_never_sent_anything_shows_nothing(tmp_path: Path) -> None:
    routes = tmp_path / "routes.yaml"
    routes.write_text("routes: [{name: all, match: {}, channels: [slack]}]\n")
    document = outcome(ALARM, options=("--routes", str(routes)))
    assert states(document) == {"email": "nothing", "slack": "firing", "pagerduty": "nothing"}


def test_presses_outages_routes_and_descriptions_are_lines_with_a_time() -> None:
    document = outcome(
        timed(0, event=ALARM),
        timed(1, outage={"channel": "slack", "minutes": 3, "status": 429, "retry_after": 30}),
        timed(1, outage={"scheduler": "timers", "minutes": 3}),
        timed(2, press="acknowledge", alarm=NAME, by="ada"),
        timed(10, routes={"routes": [], "default": ["email"]}),
        timed(11, describe_alarms={NAME: {"StateValue": "ALARM"}}),
        timed(12, outage={"table": "incidents", "minutes": 0}),
    )
    acknowledged = [one for one in document["messages"] if one["reason"] == "acknowledged"]
    assert {one["channel"] for one in acknowledged} == {"email", "slack", "pagerduty"}
    assert acknowledged[0]["title"].startswith("Acknowledged by ada")
    assert max(one["at"] for one in acknowledged) > at(4)  # Slack was away


@pytest.mark.parametrize("channel", get_args(ChannelKind))
def test_every_kind_of_channel_can_be_played(channel: str) -> None:
    document = outcome(ALARM, options=("--channels", channel))
    assert {one["channel"] for one in document["messages"]} == {channel}


def test_a_target_of_a_webhook_is_reached_and_named(tmp_path: Path) -> None:
    routes = tmp_path / "routes.yaml"
    routes.write_text("routes: [{name: all, match: {}, channels: ['webhook:orders']}]\n")
    document = outcome(ALARM, options=("--routes", str(routes), "--channels", "webhook"))
    assert [one["channel"] for one in document["messages"]] == ["webhook:orders"]


def test_alarms_of_one_group_share_a_message() -> None:
    names = [f"bedrock-alerts.{name}" for name in ("ClientErrors", "AccessDenied", "ServerErrors")]
    document = outcome(
        *(event(minute, "ALARM", "OK", name) for minute, name in enumerate(names)),
        PAST_THE_WINDOW,
    )
    shared = [one for one in document["messages"] if "also" in one]
    for one in shared:
        assert one["title"].startswith(f"{1 + len(one['also'])} alerts: ")
    emails = [one for one in document["messages"] if one["channel"] == "email"]
    told = {each["alarm"] for one in emails for each in (one, *one.get("also", ()))}
    assert told == set(names)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_of_route_can_be_played(path: Path) -> None:
    result = CliRunner().invoke(
        simulate, [str(path), "--json"], standalone_mode=False, catch_exceptions=False
    )
    assert set(json.loads(result.stdout)) == {"messages", "shows"}


def test_a_document_may_be_pretty_a_list_or_several_files(tmp_path: Path) -> None:
    pretty, listed = tmp_path / "pretty.json", tmp_path / "list.json"
    pretty.write_text("\ufeff" + json.dumps(OK, indent=2))
    listed.write_text(json.dumps([ALARM, PAST_THE_WINDOW], indent=2))
    result = CliRunner().invoke(
        simulate, [str(pretty), str(listed), "--json"], standalone_mode=False
    )
    assert states(json.loads(result.stdout))["email"] == "resolved"


def test_people_read_two_tables() -> None:
    said = run(text_of(ALARM)).stdout
    assert said.splitlines()[0].split() == [
        *("time", "(UTC)", "channel", "action", "reason", "headline")
    ]
    assert "2026-11-20 08:00:00  email" in said
    assert "\nAt the end:\nchannel" in said


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "there are no events in <stdin>"),
        ("\n\n", "there are no events in <stdin>"),
        ("[]", "there are no events in <stdin>"),
        ("ALARM", "<stdin>:1: not valid JSON"),
        (f"{json.dumps(ALARM)}\n\n{{oops\n", "<stdin>:3: not valid JSON"),
        ("{\n  1\n}", "<stdin>:2: not valid JSON"),
        ("[" * 100_000, "<stdin>:1: not valid JSON"),
        (f"{json.dumps(ALARM)}\n3\n", "<stdin>:2: not a JSON object"),
        ('{"detail-type": "Something"}', "<stdin>:1: the event has no time"),
        ('{"at": "soon", "event": {}}', "<stdin>:1: at is not a time"),
        ('{"at": 5, "event": {}}', "<stdin>:1: at is not a time"),
        (text_of(timed(0)), "<stdin>:1: needs one of event, press"),
        (text_of(timed(0, event="ALARM")), "<stdin>:1: event is not a JSON object"),
        (text_of({"press": "acknowledge"}), "<stdin>:1: press needs a time"),
        (text_of(timed(0, press="shout", alarm=NAME)), "<stdin>:1: press is not"),
        (text_of(timed(0, press="silence", alarm=NAME)), "<stdin>:1: press is not"),
        (text_of(timed(0, press="silence:x", alarm=NAME)), "<stdin>:1: press is not"),
        (text_of(timed(0, press="acknowledge:5", alarm=NAME)), "<stdin>:1: press is not"),
        (text_of(timed(0, press="acknowledge")), "<stdin>:1: press needs the name"),
        (
            text_of(timed(0, press="acknowledge", alarm=NAME, pressed_at="x")),
            "<stdin>:1: pressed_at is not a time",
        ),
        (text_of(timed(0, outage=5)), "<stdin>:1: outage is not"),
        (text_of(timed(0, outage={"minutes": "5"})), "<stdin>:1: outage needs a number"),
        (text_of(timed(0, outage={"minutes": 1e9})), "<stdin>:1: outage needs a number"),
        (text_of(timed(0, outage={"status": "gone"})), "<stdin>:1: status of the outage"),
        (text_of(timed(0, outage={"retry_after": "x"})), "<stdin>:1: retry_after of the outage"),
        (text_of(timed(0, routes={"routes": 5})), "<stdin>:1: .*routes"),
        (text_of(timed(0, describe_alarms=[])), "<stdin>:1: describe_alarms is not"),
        (text_of(timed(0, event={}), {"at": "2031-01-01", "event": {}}), "455 days apart"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        run(text)
    assert "\n" not in str(caught.value)


def test_what_is_not_text_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(InputError, match=r"events\.jsonl is not UTF-8 text \(byte 7\)"):
        CliRunner().invoke(simulate, [str(path)], standalone_mode=False, catch_exceptions=False)


def test_routes_that_cannot_be_used_end_with_1(tmp_path: Path) -> None:
    routes = tmp_path / "routes.yaml"
    routes.write_text("routes: 5\n")
    with pytest.raises(CommandError, match=r"routes\.yaml:1: ") as caught:
        run(text_of(ALARM), "--routes", str(routes))
    assert caught.value.exit_code == 1


def test_a_channel_that_does_not_exist_names_the_option() -> None:
    result = CliRunner().invoke(simulate, ["-", "--channels", "slak"], input=text_of(ALARM))
    assert result.exit_code == 2
    assert "--channels: slak is not one of" in result.output
