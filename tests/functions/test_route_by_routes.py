"""`route` names whom the stored routes name, and everybody where they cannot be used."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import boto3
import pytest
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.alerts.events import (
    Answer,
    incident_id,
)
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts.alerts.normalise import encode_note
from bedrock_alerts.errors import TransientError
from functions.route import handler as handler_module
from tests.support.queues import Clock
from tests.support.route_stack import ARN, NAME, ROUTES, RouteStack, change, route_stack


@pytest.fixture
def stack(
    sqs: SQSClient, clock: Clock, output: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RouteStack]:
    """Set `route` up."""
    assert sqs.list_queues().get("QueueUrls", []) == []
    with route_stack(handler_module, clock, output, monkeypatch) as found:
        yield found


def store(text: str) -> None:
    boto3.client("ssm").put_parameter(Name=ROUTES, Type="String", Value=text, Overwrite=True)


def learned(stack: RouteStack, severity: str = "critical") -> AlarmItem:
    """Let the alarm fire, and return what is stored of it."""
    assert stack.happen(change("ALARM", 0, severity=severity)) == []
    item = stack.item()
    assert item is not None
    return item


def named(item: AlarmItem) -> list[str]:
    return sorted(channel for channel, view in item.views.items() if view.rule is not None)


def test_the_first_route_that_matches_decides(stack: RouteStack) -> None:
    store(
        '{"routes":[{"name":"a","match":{"severity":["critical"]},"channels":["slack:C0EXAMPLE"],'
        '"mentions":{"critical":["here"]}}]}'
    )
    item = learned(stack)
    assert stack.poked() == named(item) == ["slack:C0EXAMPLE"]
    rule = item.view("slack:C0EXAMPLE").rule
    assert rule is not None
    assert rule.mentions == ("here",)
    assert item.note == ""


@pytest.mark.parametrize("broken", ['{"routes":5}', "{}}", '{"default":["pagerduty"]}'])
def test_broken_routes_stop_nothing_and_every_message_says_so(
    stack: RouteStack, broken: str
) -> None:
    store(broken)
    item = learned(stack)
    assert stack.poked() == named(item) == ["email", "slack"]
    assert item.note.startswith("The routes cannot be used")


def test_missing_routes_stop_nothing_either(stack: RouteStack) -> None:
    boto3.client("ssm").delete_parameter(Name=ROUTES)
    item = learned(stack)
    assert stack.poked() == named(item) == ["email", "slack"]
    assert "ParameterNotFound" in item.note


def test_a_route_that_collects_says_so(stack: RouteStack) -> None:
    store('{"routes":[{"name":"a","channels":["slack"],"digest":"30m"}]}')
    rule = learned(stack, "warning").view("slack").rule
    assert rule is not None
    assert rule.digest_seconds == 1800


def test_a_route_to_nobody_pokes_nobody_and_the_alarm_is_known(stack: RouteStack) -> None:
    store('{"routes":[{"name":"a","match":{"severity":["critical"]},"channels":[]}]}')
    item = learned(stack)
    assert item.incident is not None
    assert named(item) == []
    assert stack.pokes() == []


def test_new_routes_count_from_the_next_fact_on(stack: RouteStack) -> None:
    store('{"routes":[{"name":"a","channels":["email"]}]}')
    assert named(learned(stack)) == ["email"]
    store('{"routes":[{"name":"a","channels":["slack"]}]}')
    stack.clock.forward(601)
    vars(handler_module)["_app"].cache_clear()  # another process has not read the old ones
    stack.happen(change("OK", 10, was="ALARM"), change("ALARM", 10.5, was="OK"))
    item = stack.item()
    assert item is not None
    assert "slack" in named(item)


# ---- what people press ---------------------------------------------------------------------------


def pressed(stack: RouteStack, kind: Literal["silence", "acknowledge"], number: int = 1) -> str:
    return encode_note(
        Answer(
            kind=kind,
            incident=incident_id(f"{ARN}{NAME}"),
            user="U0EXAMPLE",
            name="ada",
            at=datetime.fromtimestamp(stack.clock.seconds, UTC),
            seconds=3600 if kind == "silence" else 0,
            number=number,
            response_url="https://hooks.slack.com/actions/T0INVENTED/1/invented",
        )
    )


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is said to who pressed a button."""
    said: list[str] = []

    def post(_self: object, url: str, payload: dict[str, Any], *, seconds: float) -> None:
        assert url.startswith("https://hooks.slack.com/actions/")
        assert payload["response_type"] == "ephemeral"
        assert seconds <= 3
        said.append(payload["text"])

    monkeypatch.setattr("bedrock_alerts.adapters.http.JsonPoster.post_json", post)
    return said


def test_a_silence_is_stored_answered_and_pokes_the_channels(
    stack: RouteStack, answers: list[str]
) -> None:
    learned(stack)
    stack.pokes()
    stack.alerts.put(pressed(stack, "silence"), pressed(stack, "silence"))
    assert stack.feed() == []
    item = stack.item()
    assert item is not None
    assert item.silence is not None
    assert (item.silence.by, item.silence.until) == ("ada", stack.clock.seconds + 3600)
    assert stack.poked() == ["email", "slack"]
    assert answers == ["Silenced."] * 2


def test_a_press_on_an_incident_that_is_over_changes_nothing_and_says_so(
    stack: RouteStack, answers: list[str]
) -> None:
    learned(stack)
    stack.alerts.put(pressed(stack, "acknowledge", number=7))
    assert stack.feed() == []
    item = stack.item()
    assert item is not None
    assert item.incident is not None
    assert item.incident.acknowledged_by == ""
    (said,) = answers
    assert "is resolved" in said


def test_a_press_is_done_although_nobody_can_be_answered(
    stack: RouteStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def post(*_: object, **__: object) -> None:
        raise TransientError("hooks.slack.com returned 500")

    monkeypatch.setattr("bedrock_alerts.adapters.http.JsonPoster.post_json", post)
    learned(stack)
    stack.alerts.put(pressed(stack, "acknowledge"))
    assert stack.feed() == []
    item = stack.item()
    assert item is not None
    assert item.incident is not None
    assert item.incident.acknowledged_by == "ada"
    assert [line["reason"] for line in stack.logged("no reply sent to Slack")] == [
        "hooks.slack.com returned 500"
    ]
    assert "T0INVENTED" not in stack.output.text


def test_a_route_for_what_nobody_acknowledges_joins_in(stack: RouteStack) -> None:
    store(
        '{"routes":[{"name":"late","match":{"unacknowledged":"30m"},'
        '"channels":["slack:C0ONCALL"]},{"name":"all","channels":["email"]}]}'
    )
    item = learned(stack)
    assert named(item) == ["email"], item.note
    stack.pokes()
    stack.clock.forward(timedelta(minutes=31).total_seconds())
    assert stack.sweep() == []
    assert "slack:C0ONCALL" in stack.poked()
