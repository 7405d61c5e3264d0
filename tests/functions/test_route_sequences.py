"""What people see of whole stories: events out of order, copies, storms, faults, sudden death."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.adapters.http import JsonPoster
from functions.deliver import handler as handler_module
from tests.support.alarms import ACCOUNT
from tests.support.deliver_stack import DeliverStack, deliver_stack
from tests.support.loopback import OK, Answer
from tests.support.queues import Clock, template_properties
from tests.support.route_stack import ARN, NAME, START, change, contributor, stamp

MINUTE: Final = 60.0
CALL: Final = "_make_api_call"
"""Botocore's method that every call of AWS goes through."""


@pytest.fixture
def stack(
    sqs: SQSClient,
    clock: Clock,
    output: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[DeliverStack]:
    del sqs  # it puts AWS at moto
    with deliver_stack(handler_module, clock, output, monkeypatch, caplog) as stack:
        yield stack


def over_sns(value: str, minute: float) -> dict[str, Any]:
    """Return the copy of the same change that an alarm action publishes to a topic."""
    return {
        "AlarmName": NAME,
        "AlarmDescription": "Blocked calls.\nSeverity: critical",
        "AWSAccountId": ACCOUNT,
        "NewStateValue": value,
        "NewStateReason": "…",
        "StateChangeTime": stamp(minute),
        "Region": "EU (Ireland)",
        "OldStateValue": "OK" if value == "ALARM" else "ALARM",
        "AlarmArn": f"{ARN}{NAME}",
        "Trigger": {"MetricName": "ContentFilteredCount", "Namespace": "BedrockAlerts"},
    }


def until(stack: DeliverStack, minute: int, every: int = 1) -> None:
    """Let time pass until a minute, `every` so many with a sweep."""
    stack.pass_time(minute - int((stack.clock.seconds - START) // MINUTE), every)


def seen(stack: DeliverStack) -> list[str]:
    """Return what the emails since the last time begin with: how bad, or which state."""
    return [subject[1:].split("]")[0].split(" after ")[0] for subject in stack.emails()]


# ---- order and copies ----------------------------------------------------------------------------


def test_an_alarm_and_its_end_are_shown_to_every_channel(stack: DeliverStack) -> None:
    stack.happen(change("ALARM", 0))
    assert seen(stack) == ["Critical"]
    until(stack, 14)
    stack.happen(change("OK", 14, was="ALARM"))
    until(stack, 23)
    assert seen(stack) == []  # it may come back
    until(stack, 25)
    assert seen(stack) == ["Resolved"]
    assert len(stack.hook.received) == 2
    until(stack, 90)
    assert seen(stack) == []


def test_an_end_that_comes_before_its_alarm_is_shown_with_it(stack: DeliverStack) -> None:
    until(stack, 14)
    stack.happen(change("OK", 14))
    until(stack, 25)
    stack.happen(change("ALARM", 0))
    until(stack, 27)
    assert seen(stack) == ["Resolved"]
    assert "delivered late" in json.dumps(stack.hook.received)


def test_an_alarm_that_comes_back_within_the_window_is_the_same_incident(
    stack: DeliverStack,
) -> None:
    for minute in range(0, 40, 8):
        until(stack, minute)
        stack.happen(change("ALARM", minute, was="OK"))
        until(stack, minute + 4)
        stack.happen(change("OK", minute + 4, was="ALARM"))
    until(stack, 60)
    assert seen(stack) == ["Critical", "Resolved"]


def test_copies_by_two_transports_give_one_message(stack: DeliverStack) -> None:
    stack.happen(change("ALARM", 0), over_sns("ALARM", 0), change("ALARM", 0))
    until(stack, 5)
    stack.happen(over_sns("OK", 5), change("OK", 5, was="ALARM"))
    until(stack, 20)
    assert seen(stack) == ["Critical", "Resolved"]


def test_a_replay_a_day_later_gives_none(stack: DeliverStack) -> None:
    story = [
        change("ALARM", 0),
        change("OK", 5, was="ALARM"),
        change("ALARM", 60, was="OK"),
        change("OK", 65, was="ALARM"),
    ]
    for event, minute in zip(story, (0, 5, 60, 65), strict=True):
        until(stack, minute)
        stack.happen(event)
    until(stack, 90)  # the second time it has to be quiet for twice as long
    assert seen(stack) == ["Critical", "Resolved", "Critical", "Resolved"]
    stack.clock.forward(25 * 3600)
    stack.happen(*story)
    stack.pass_time(30)
    assert seen(stack) == []


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_suppressors_life_gives_one_alarm_at_its_release(
    stack: DeliverStack, *, is_reversed: bool
) -> None:
    steps = [
        change("OK", 0, held="WaitPeriod", was="INSUFFICIENT_DATA"),
        change("ALARM", 1, held="WaitPeriod", was="OK"),
        change("ALARM", 2, was="ALARM"),
        change("ALARM", 3, held="Alarm", was="ALARM"),
        change("ALARM", 4, held="ExtensionPeriod", was="ALARM"),
        change("ALARM", 5, was="ALARM"),
    ]
    until(stack, 6)
    for step in reversed(steps) if is_reversed else steps:
        stack.happen(step)
    until(stack, 10)
    assert seen(stack) == ["Critical"]


# ---- time ----------------------------------------------------------------------------------------


def test_what_still_fires_is_said_again_after_an_hour_and_not_when_it_is_over(
    stack: DeliverStack,
) -> None:
    stack.happen(change("ALARM", 0))
    until(stack, 59)
    assert seen(stack) == ["Critical"]
    until(stack, 62)
    assert seen(stack) == ["Still firing"]
    stack.happen(change("OK", 70, was="ALARM"))
    until(stack, 150)
    assert seen(stack) == ["Resolved"]


def test_an_end_that_no_event_has_said_is_found_before_a_reminder(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME_ALARMS_PREFIX", ARN)  # and the account has no such alarm
    stack.happen(change("ALARM", 0))
    until(stack, 90)
    assert seen(stack)[0] == "Critical"
    assert "Still firing" not in seen(stack)
    item = stack.route.item()
    assert item is not None
    assert item.incident is None


def test_a_muted_alarm_is_shown_when_the_mute_ends(stack: DeliverStack) -> None:
    muted = change("ALARM", 0)
    muted["detail"]["muteDetail"] = {"mutedByArn": "arn:mute", "muteWindowEnd": stamp(30)}
    stack.happen(muted)
    until(stack, 29)
    assert seen(stack) == []
    until(stack, 32)
    assert seen(stack) == ["Critical"]


def test_a_day_without_data_is_said_once(stack: DeliverStack) -> None:
    stack.happen(change("ALARM", 0))
    until(stack, 5)
    stack.happen(change("INSUFFICIENT_DATA", 5, was="ALARM"))
    until(stack, 34)
    assert seen(stack) == ["Critical"]
    until(stack, 120)
    assert len(seen(stack)) == 1


# ---- storms --------------------------------------------------------------------------------------


def test_a_storm_of_warnings_is_shown_in_a_few_messages_that_name_all(stack: DeliverStack) -> None:
    names = [f"alarm-{number:02}" for number in range(60)]
    stack.happen(*(change("ALARM", 0, name=name, severity="warning") for name in names))
    until(stack, 40)
    emails = [json.loads(body) for body in iter_mail(stack)]
    assert len(emails) <= 4
    text = "\n".join(email["Message"] for email in emails)
    assert [name for name in names if name not in text] == []
    assert len(stack.hook.received) <= 4


def iter_mail(stack: DeliverStack) -> Iterator[str]:
    while bodies := stack.mailbox.take():
        yield from bodies


def test_fifty_contributors_are_one_incident(stack: DeliverStack) -> None:
    everything = [contributor(number) for number in range(50)]
    parent = change("ALARM", 0, name="repeat-offender")
    stack.happen(*everything[:25], parent, *everything[25:])
    until(stack, 4)
    assert seen(stack) == ["Critical"]
    until(stack, 30)
    assert len(seen(stack)) <= 2  # who else has joined, in one message
    stack.happen(
        *(contributor(number, "OK", 30) for number in range(50)),
        change("OK", 30, name="repeat-offender", was="ALARM"),
    )
    until(stack, 60)
    assert seen(stack) == ["Resolved"]


def test_pokes_that_are_all_lost_are_made_up_for_within_a_minute(stack: DeliverStack) -> None:
    stack.route.happen(*(change("ALARM", 0, name=f"alarm-{number}") for number in range(12)))
    assert len(stack.route.pokes()) == 24
    stack.pass_time(2)
    assert len(stack.hook.received) == 12


# ---- channels that fail --------------------------------------------------------------------------


def test_a_channel_that_is_down_delays_no_other(stack: DeliverStack) -> None:
    stack.hook.answer = Answer(500)
    for number in range(5):
        stack.happen(change("ALARM", number, name=f"alarm-{number}"))
        assert seen(stack) == ["Critical"]
        until(stack, number + 1)
    stack.hook.answer = OK
    before = len(stack.hook.received)
    until(stack, 10)
    text = json.dumps(stack.hook.received[before:])
    assert all(f"alarm-{number}" in text for number in range(5))
    assert seen(stack) == []


# ---- the table and the queues away ---------------------------------------------------------------


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the names of the services that are away while they are in it."""
    found: set[str] = set()
    genuine = getattr(BaseClient, CALL)

    def call(self: Any, operation: str, arguments: Any) -> Any:
        if self.meta.service_model.service_name in found:
            error = {"Error": {"Code": "InternalServerError"}}
            raise ClientError({**error, "ResponseMetadata": {"HTTPStatusCode": 500}}, operation)  # type: ignore[typeddict-item]
        return genuine(self, operation, arguments)

    monkeypatch.setattr(BaseClient, CALL, call)
    return found


def test_an_alarm_while_the_table_is_away_is_notified_of_learned_and_ended(
    stack: DeliverStack, away: set[str]
) -> None:
    away.add("dynamodb")
    assert len(stack.route.happen(change("ALARM", 0))) == 1
    stack.clock.forward(6)
    assert stack.route.feed() == []
    stack.feed()
    assert seen(stack) == ["Critical"]
    until(stack, 6)
    away.clear()
    until(stack, 9)
    item = stack.route.item()
    assert item is not None
    assert item.incident is not None
    assert seen(stack) == []
    stack.happen(change("OK", 9, was="ALARM"))
    until(stack, 22)
    assert seen(stack) == ["Resolved"]
    assert len(stack.hook.received) == 2


def test_a_table_that_is_away_at_the_end_delays_it(stack: DeliverStack, away: set[str]) -> None:
    stack.happen(change("ALARM", 0))
    until(stack, 5)
    away.add("dynamodb")
    stack.route.happen(change("OK", 5, was="ALARM"))
    until(stack, 20)
    assert seen(stack) == ["Critical"]
    away.clear()
    until(stack, 35)
    assert seen(stack) == ["Resolved"]
    assert all("heartbeat" in body for body in stack.route.alerts.parked())


def test_a_table_that_is_away_when_a_message_was_sent_repeats_it_once_at_most(
    stack: DeliverStack, away: set[str]
) -> None:
    def judge(_: Any) -> Answer:
        away.add("dynamodb")
        return OK

    stack.hook.judge = judge
    assert stack.route.happen(change("ALARM", 0)) == []
    stack.feed()
    stack.hook.judge = None
    until(stack, 3)
    away.clear()
    until(stack, 12)
    assert len(stack.hook.received) <= 2
    stack.happen(change("OK", 12, was="ALARM"))
    until(stack, 30)
    assert seen(stack)[-1] == "Resolved"
    assert "Resolved" in json.dumps(stack.hook.received[-1])


# ---- sudden death --------------------------------------------------------------------------------


class Died(BaseException):
    """The process ended in the middle of what it did."""


class Death:
    """Ends the process after its n-th call of anything outside, once: the call itself is made."""

    def __init__(self, calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self._left = calls
        self._is_inside = False
        self._wrap(monkeypatch, BaseClient, CALL)
        self._wrap(monkeypatch, JsonPoster, "post_json")

    @property
    def has_come(self) -> bool:
        """Whether the process has died."""
        return self._left <= 0

    def _wrap(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        genuine = getattr(owner, name)

        def call(*arguments: Any, **more: Any) -> Any:
            result = genuine(*arguments, **more)
            if self._is_inside:
                self._left -= 1
                if self._left == 0:
                    raise Died
            return result

        monkeypatch.setattr(owner, name, call)

    def of(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Let a handler be what may die; what it was given then stays hidden in its queue."""

        def call(event: dict[str, Any], context: object) -> dict[str, Any]:
            self._is_inside = True
            try:
                found: dict[str, Any] = handler(event, context)
            except Died:
                messages = [record["messageId"] for record in event["Records"]]
                return {"batchItemFailures": [{"itemIdentifier": each} for each in messages]}
            finally:
                self._is_inside = False
            return found

        return call


def mortal(stack: DeliverStack, monkeypatch: pytest.MonkeyPatch, calls: int) -> Death:
    """Let one of the functions die after so many calls."""
    stack.feed()  # what is made at the first call of a process is made
    death = Death(calls, monkeypatch)
    for module in (stack.handler, stack.route.handler):
        monkeypatch.setattr(module, "handler", death.of(module.handler))
    return death


# With the sweeps between them, an ALARM and its end take more than a hundred calls.
@pytest.mark.parametrize("calls", [*range(1, 30, 3), *range(31, 110, 20)])
def test_who_dies_after_any_call_loses_nothing_and_repeats_one_message_at_most(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    death = mortal(stack, monkeypatch, calls)
    stack.route.happen(change("ALARM", 0))
    stack.feed()
    until(stack, 12, every=3)  # as long as a received message is hidden, and a lease
    first = seen(stack)
    stack.route.happen(change("OK", 12, was="ALARM"))
    stack.feed()
    until(stack, 36, every=3)
    then = seen(stack)
    assert death.has_come
    assert first[0] == "Critical"
    assert then[-1:] == ["Resolved"]
    by_mail = Counter([*first, *then])
    shown = len(stack.hook.received)
    assert (sum(by_mail.values()) - 2) + (shown - 2) <= 1, (by_mail, shown)
    assert "Resolved" in json.dumps(stack.hook.received[-1])
    item = stack.route.item()
    assert item is not None
    assert item.incident is None
    assert all(view.shown and view.shown.state == "resolved" for view in item.views.values())
    assert not any(view.claim or view.sending for view in item.views.values())
    assert stack.route.alerts.parked() == stack.deliveries.parked() == []


@pytest.mark.parametrize("calls", range(5, 200, 60))
def test_who_dies_in_a_storm_loses_nothing(
    stack: DeliverStack, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    death = mortal(stack, monkeypatch, calls)
    names = [f"alarm-{number:02}" for number in range(14)]
    stack.route.happen(*(change("ALARM", 0, name=name) for name in names))
    stack.feed()
    until(stack, 12)
    assert death.has_come
    text = "\n".join(json.loads(body)["Message"] for body in iter_mail(stack))
    assert [name for name in names if name not in text] == []
    assert template_properties("AlertsQueue")["VisibilityTimeout"] < 12 * MINUTE
