"""`route` tells whom the stored routes name, and everybody where they cannot be used."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.alerts.model import Answer, Delivery, incident_id
from bedrock_alerts.alerts.normalise import encode_note
from functions.route import handler as handler_module
from tests.support.apps import app_of, built_anew
from tests.support.queues import Clock
from tests.support.route_stack import ROUTES, RouteStack, route_stack

EVENTS = Path(__file__).parents[2] / "events" / "route"


@pytest.fixture
def stack(
    sqs: SQSClient, clock: Clock, output: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RouteStack]:
    """Set `route` up."""
    assert sqs.list_queues().get("QueueUrls", []) == []
    with route_stack(handler_module, clock, output, monkeypatch) as found:
        yield found


def alarm(clock: Clock) -> dict[str, Any]:
    """Return an alarm of just now."""
    (record,) = json.loads((EVENTS / "throttling.json").read_text())["Records"]
    event: dict[str, Any] = json.loads(record["body"])
    at = datetime.fromtimestamp(clock.seconds).astimezone().isoformat(timespec="milliseconds")
    event["detail"]["state"]["timestamp"] = at
    event["detail"]["previousState"]["timestamp"] = at
    return event


def store(text: str) -> None:
    boto3.client("ssm").put_parameter(Name=ROUTES, Type="String", Value=text, Overwrite=True)


def channels(deliveries: list[Delivery]) -> list[str]:
    return sorted(delivery.channel for delivery in deliveries)


def test_the_first_route_that_matches_decides(stack: RouteStack) -> None:
    store(
        '{"routes":[{"name":"a","match":{"severity":["warning"]},"channels":["slack:C0EXAMPLE"],'
        '"mentions":{"warning":["here"]}}]}'
    )
    assert stack.happen(alarm(stack.clock)) == []
    (delivery,) = stack.made()
    assert (delivery.channel, delivery.mentions, delivery.notes) == (
        "slack:C0EXAMPLE",
        ("here",),
        (),
    )


@pytest.mark.parametrize("broken", ['{"routes":5}', "{}}", '{"default":["pagerduty"]}'])
def test_broken_routes_stop_nothing_and_every_message_says_so(
    stack: RouteStack, broken: str
) -> None:
    store(broken)
    assert stack.happen(alarm(stack.clock)) == []
    deliveries = stack.made()
    assert channels(deliveries) == ["email", "slack"]
    assert all("The routes cannot be used" in delivery.notes[0] for delivery in deliveries)


def test_missing_routes_stop_nothing_either(stack: RouteStack) -> None:
    boto3.client("ssm").delete_parameter(Name=ROUTES)
    assert stack.happen(alarm(stack.clock)) == []
    deliveries = stack.made()
    assert channels(deliveries) == ["email", "slack"]
    assert "ParameterNotFound" in deliveries[0].notes[0]


def test_a_digest_waits_for_its_end(stack: RouteStack) -> None:
    store('{"routes":[{"name":"a","channels":["slack"],"digest":"30m"}]}')
    assert stack.happen(alarm(stack.clock)) == []
    assert stack.made() == []
    assert stack.fire(1801) == []
    (delivery,) = stack.made()
    assert delivery.channel == "slack"
    assert [alert.title for alert in delivery.alerts] == ["bedrock-alerts.Throttling"]


def test_a_route_to_nobody_is_logged_as_such(stack: RouteStack) -> None:
    store('{"routes":[{"name":"a","match":{"severity":["warning"]},"channels":[]}]}')
    assert stack.happen(alarm(stack.clock)) == []
    assert stack.made() == []
    assert stack.withheld() == ["no route has a channel for it"]


class Mutes:
    """Keeps the mute rules that are asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    def mute(self, alarm_name: str, incident: str, until: datetime, who: str) -> None:
        assert until.tzinfo is not None
        self.asked.append((alarm_name, incident, who))


def test_a_silence_shows_in_cloudwatch_and_is_told_and_ends(
    stack: RouteStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutes = Mutes()
    app = app_of(handler_module)
    monkeypatch.setattr(
        handler_module, "_app", lambda: app._replace(parts=app.parts._replace(mutes=mutes))
    )
    event = alarm(stack.clock)
    assert stack.happen(event) == []
    assert stack.kinds() == ["first"]
    incident = incident_id(event["resources"][0])
    pressed = Answer(
        kind="silence",
        incident=incident,
        user="U0EXAMPLE",
        name="ada",
        at=datetime.fromtimestamp(stack.clock.seconds).astimezone(),
        seconds=3600,
    )
    stack.alerts.put(encode_note(pressed), encode_note(pressed))
    assert stack.feed() == []
    assert stack.kinds() == ["silenced"]
    assert mutes.asked == [("bedrock-alerts.Throttling", incident, "ada")]
    assert stack.fire(3700) == []
    assert stack.kinds() == ["release"]


def test_mute_rules_are_made_only_by_a_stack_that_has_a_prefix_for_them(
    stack: RouteStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert app_of(stack.handler).parts.mutes is None
    monkeypatch.setenv("MUTE_RULE_PREFIX", "watch-silence-")
    with built_anew(handler_module):
        assert app_of(handler_module).parts.mutes is not None
