"""What `route` makes of whole stories: events out of order, copies, storms, faults, sudden death."""

import copy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
import pytest
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.alerts.model import Alert
from functions.route import handler as handler_module
from tests.support.alarms import ACCOUNT, REGION, alarm_event, envelope, state
from tests.support.apps import app_of
from tests.support.deliver_stack import TABLE, create_table
from tests.support.queues import Clock, emitted
from tests.support.route_stack import GROUP, RouteStack, route_stack

START: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ARN: Final = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:"


@pytest.fixture
def stack(
    sqs: SQSClient, clock: Clock, output: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RouteStack]:
    assert sqs.list_queues().get("QueueUrls", []) == []
    with route_stack(handler_module, clock, output, monkeypatch) as found:
        yield found


def stamp(minute: float) -> str:
    return f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%S}.000+0000"


def event(
    value: str, minute: float, *, name: str = "chat-guardrail-blocks", held: str = "", was: str = ""
) -> dict[str, Any]:
    """Return EventBridge's event of a change."""
    now = state(value, "…", stamp(minute))
    if held:
        now["actionsSuppressedBy"] = held
    before = state(was, "…", stamp(minute - 1)) if was else None
    return alarm_event(alarmName=name, state=now, previousState=before)


def over_sns(value: str, minute: float) -> dict[str, Any]:
    """Return the copy of the same change that an alarm action publishes to a topic."""
    return {
        "AlarmName": "chat-guardrail-blocks",
        "AlarmDescription": "A guardrail blocked calls of the chat.\nSeverity: critical",
        "AWSAccountId": ACCOUNT,
        "NewStateValue": value,
        "NewStateReason": "…",
        "StateChangeTime": stamp(minute),
        "Region": "EU (Ireland)",
        "OldStateValue": "OK",
        "AlarmArn": f"{ARN}chat-guardrail-blocks",
        "Trigger": {"MetricName": "ContentFilteredCount", "Namespace": "BedrockAlerts"},
    }


def contributor(number: int, value: str = "ALARM", minute: float = 0) -> dict[str, Any]:
    """Return the change of one series of an alarm on many."""
    return envelope(
        "CloudWatch Alarm Contributor State Change",
        {
            "alarmName": "repeat-offender",
            "alarmContributor": {
                "id": f"{number:016x}",
                "attributes": {"Principal": f"role/app-{number}"},
            },
            "configuration": {"description": "Severity: critical", "metrics": []},
            "state": state(value, "…", stamp(minute)),
        },
    )


# ---- order and copies ----------------------------------------------------------------------------


def test_an_alarm_and_its_end_are_told_to_every_channel(stack: RouteStack) -> None:
    assert stack.happen(event("ALARM", 0), event("OK", 14, was="ALARM")) == []
    made = stack.made()
    assert [(d.channel, d.alerts[0].kind) for d in made] == [
        ("email", "first"),
        ("slack", "first"),
        ("email", "resolved"),
        ("slack", "resolved"),
    ]
    opened, ended = made[0].alerts[0], made[2].alerts[0]
    assert (ended.opened_at, ended.ended_at) == (START, START + timedelta(minutes=14))
    assert ended.opening == opened.key
    assert opened.incident == ended.incident == f"{ARN}chat-guardrail-blocks"


def test_an_end_that_comes_before_its_alarm_is_told_with_it(stack: RouteStack) -> None:
    stack.happen(event("OK", 14))
    stack.happen(event("ALARM", 0))
    assert stack.kinds() == ["late"]
    assert stack.withheld() == ["nothing was open"]


def test_copies_by_two_transports_give_one_message(stack: RouteStack) -> None:
    stack.happen(event("ALARM", 0), over_sns("ALARM", 0), event("ALARM", 0))
    stack.happen(over_sns("OK", 5), event("OK", 5))
    assert stack.kinds() == ["first", "resolved"]
    assert stack.withheld() == ["told already"] * 3


def test_a_replay_a_day_later_gives_none(stack: RouteStack) -> None:
    story = [event("ALARM", 0), event("OK", 5), event("ALARM", 60), event("OK", 65)]
    stack.happen(*story)
    assert len(stack.told()) == 4
    stack.clock.forward(25 * 3600)
    stack.happen(*story)
    assert stack.told() == []


def test_a_suppressors_life_gives_one_alarm_at_its_release(stack: RouteStack) -> None:
    name = "any-guardrail-problem"
    steps = [
        event("OK", 0, name=name, held="WaitPeriod", was="INSUFFICIENT_DATA"),
        event("ALARM", 1, name=name, held="WaitPeriod", was="OK"),
        event("ALARM", 2, name=name, was="ALARM"),
        event("ALARM", 3, name=name, held="Alarm", was="ALARM"),
        event("ALARM", 4, name=name, held="ExtensionPeriod", was="ALARM"),
        event("ALARM", 5, name=name, was="ALARM"),
    ]
    for step in steps:
        stack.happen(step)
    assert stack.kinds() == ["release"]
    # As recorded: the order of receipt need not be that of the transitions.
    other = [copy.deepcopy(step) for step in steps]
    for step in other:
        step["detail"]["alarmName"] = "another"
        step["resources"] = [f"{ARN}another"]
    for step in reversed(other):
        stack.happen(step)
    assert len(stack.kinds()) == 1


# ---- timers --------------------------------------------------------------------------------------


def test_what_still_stands_is_told_again_after_an_hour_and_not_when_it_is_over(
    stack: RouteStack,
) -> None:
    stack.happen(event("ALARM", 0))
    assert stack.fire(3599) == []
    assert stack.kinds() == ["first"]
    stack.fire(2)
    assert stack.kinds() == ["reminder"]
    stack.happen(event("OK", 70))
    stack.fire(3600)
    assert stack.kinds() == ["resolved"]
    assert stack.withheld() == ["nothing stands any more"]


def test_a_muted_alarm_is_told_when_the_mute_ends(stack: RouteStack) -> None:
    muted = event("ALARM", 0)
    end = f"{START + timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}"
    muted["detail"]["muteDetail"] = {"mutedByArn": "arn:mute", "muteWindowEnd": end}
    stack.happen(muted)
    assert stack.told() == []
    stack.fire(31 * 60)
    assert stack.kinds() == ["release"]


# ---- storms --------------------------------------------------------------------------------------


def test_two_hundred_alarms_in_a_minute_are_all_told_in_a_few_messages(stack: RouteStack) -> None:
    names = [f"alarm-{number}" for number in range(200)]
    for first in range(0, 200, 50):
        stack.happen(*(event("ALARM", 0, name=name) for name in names[first : first + 50]))
    at_once = [d for d in stack.made() if d.channel == "slack"]
    assert [len(delivery.alerts) for delivery in at_once] == [1] * 10
    assert stack.fire(120) == []
    together = [d for d in stack.made() if d.channel == "slack"]
    assert [len(delivery.alerts) for delivery in together] == [50, 50, 50, 40]
    assert len({delivery.digest for delivery in together}) == 4
    told = [alert.title for delivery in (*at_once, *together) for alert in delivery.alerts]
    assert sorted(told) == sorted(names)


def test_fifty_contributors_in_a_minute_give_their_alarm_and_one_list(stack: RouteStack) -> None:
    everything = [contributor(number) for number in range(50)]
    parent = event("ALARM", 0, name="repeat-offender")
    stack.happen(*everything[:25], parent, *everything[25:])
    (at_once,) = (d for d in stack.made() if d.channel == "slack")
    assert [alert.title for alert in at_once.alerts] == ["repeat-offender"]
    stack.fire(120)
    (together,) = (d for d in stack.made() if d.channel == "slack")
    assert len({alert.incident for alert in together.alerts}) == 50


def test_a_contributor_that_joins_an_alarm_people_know_of_is_told_at_once(
    stack: RouteStack,
) -> None:
    stack.happen(event("ALARM", 0, name="repeat-offender"))
    stack.clock.forward(120)
    stack.told()
    stack.happen(contributor(1, minute=2), contributor(2, minute=2))
    assert [alert.incident for alert in stack.told()] == [f"{ARN}repeat-offender#{1:016x}"]
    stack.fire(120)
    assert [alert.incident for alert in stack.told()] == [f"{ARN}repeat-offender#{2:016x}"]


def test_contributors_that_recover_give_one_list_too(stack: RouteStack) -> None:
    stack.happen(event("ALARM", 0, name="repeat-offender"), *map(contributor, range(20)))
    stack.fire(120)
    stack.made()
    stack.happen(*(contributor(number, "OK", 5) for number in range(20)))
    stack.happen(event("OK", 5, name="repeat-offender"))
    stack.fire(120)
    told = [d for d in stack.made() if d.channel == "slack"]
    assert len(told) <= 3
    assert {alert.kind for delivery in told for alert in delivery.alerts} == {"resolved"}
    assert sum(len(delivery.alerts) for delivery in told) == 21


def test_a_digest_whose_timer_was_lost_is_found_by_the_sign_of_life(stack: RouteStack) -> None:
    stack.happen(*(event("ALARM", 0, name=f"alarm-{number}") for number in range(12)))
    for name in stack.schedules():
        if name.startswith("digest-"):
            boto3.client("scheduler").delete_schedule(GroupName=GROUP, Name=name)
    assert len(stack.told()) == 10
    stack.clock.forward(300)
    stack.happen({"bedrock_alerts": {"heartbeat": True}})
    assert len(stack.told()) == 2


# ---- faults --------------------------------------------------------------------------------------


def without_table() -> None:
    boto3.client("dynamodb").delete_table(TableName=TABLE)


def test_a_table_that_fails_is_waited_for_and_then_done_without(stack: RouteStack) -> None:
    without_table()
    assert len(stack.happen(event("ALARM", 0))) == 1
    assert stack.made() == []
    stack.clock.forward(6)
    assert stack.feed() == []
    (alert,) = stack.told()
    assert alert.kind == "first"
    assert "Without memory" in [fact.label for fact in alert.facts]
    assert "ContentFiltered" not in str(stack.withheld())
    assert emitted(stack.output.text) == {"StateChanges": 1}


def test_what_is_told_without_memory_is_known_again_with_it(stack: RouteStack) -> None:
    without_table()
    stack.happen(event("ALARM", 0))
    stack.clock.forward(6)
    stack.feed()
    (without,) = stack.told()
    create_table()
    stack.happen(event("ALARM", 0))
    (with_memory,) = stack.told()
    assert with_memory.key == without.key


@pytest.mark.parametrize(
    "held", [event("ALARM", 0, held="Alarm"), {"bedrock_alerts": {"answer": None}}]
)
def test_what_has_to_be_remembered_waits_for_the_table(
    stack: RouteStack, held: dict[str, Any]
) -> None:
    if "bedrock_alerts" in held:
        held = {
            "bedrock_alerts": {
                "answer": {
                    "kind": "acknowledge",
                    "incident": "0" * 32,
                    "user": "U0EXAMPLE1",
                    "name": "ada",
                    "at": "2026-11-23T08:00:00Z",
                }
            }
        }
    without_table()
    stack.happen(held)
    for _ in range(2):
        stack.clock.forward(400)
        assert len(stack.feed()) == 1
    assert stack.made() == []
    stack.clock.forward(400)
    stack.feed()
    assert len(stack.alerts.parked()) == 1


class Deadly:
    """Stands before a port: the n-th call of all that are counted is made, and then all is over."""

    def __init__(self, port: Any, lives: list[int]) -> None:
        self._port = port
        self._lives = lives

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*arguments: Any, **more: Any) -> Any:
            result = method(*arguments, **more)
            self._lives[0] -= 1
            if self._lives[0] == 0:
                raise RuntimeError("killed")
            return result

        return call


def killed_after(calls: int, stack: RouteStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the function die after so many calls to the outside, once."""
    app = app_of(handler_module)
    lives = [calls]
    parts = app.parts
    deadly = parts._replace(
        memory=Deadly(parts.memory, lives),
        timers=Deadly(parts.timers, lives),
        waiting=Deadly(parts.waiting, lives),
        queue=Deadly(parts.queue, lives),
    )
    assert stack.alerts.kept == 0
    monkeypatch.setattr(handler_module, "_app", lambda: app._replace(parts=deadly))


def keys(alerts: list[Alert]) -> list[tuple[str, str]]:
    return sorted((alert.kind, alert.key) for alert in alerts)


@pytest.mark.parametrize("calls", range(1, 12))
def test_who_dies_after_any_call_loses_nothing_and_repeats_no_key(
    stack: RouteStack, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    killed_after(calls, stack, monkeypatch)
    for change in (event("ALARM", 0), event("OK", 5)):
        stack.happen(change)
        stack.clock.forward(400)
        assert stack.feed() == []
    told = stack.told()
    assert [alert.kind for alert in told] == ["first", "resolved"]
    assert len({alert.key for alert in told}) == 2
    assert told[1].opening == told[0].key


@pytest.mark.parametrize("calls", range(1, 60, 7))
def test_who_dies_in_a_storm_loses_nothing(
    stack: RouteStack, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    killed_after(calls, stack, monkeypatch)
    names = [f"alarm-{number}" for number in range(14)]
    stack.happen(*(event("ALARM", 0, name=name) for name in names))
    for _ in range(3):
        stack.fire(400)
    assert sorted(alert.title for alert in stack.told() if alert.kind == "first") == sorted(names)


def test_a_queue_that_is_gone_while_a_digest_is_brought_keeps_it(stack: RouteStack) -> None:
    stack.happen(*(event("ALARM", 0, name=f"alarm-{number}") for number in range(12)))
    stack.made()
    url = stack.deliveries.url
    stack.deliveries.client.delete_queue(QueueUrl=url)
    assert len(stack.fire(120)) == 2
    stack.deliveries.client.create_queue(QueueName="deliveries")
    stack.clock.forward(10)
    assert stack.feed() == []
    assert len(stack.told()) == 2
