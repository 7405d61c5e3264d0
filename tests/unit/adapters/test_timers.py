"""A timer is a schedule that fires once, and setting it again is harmless."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
import msgspec
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from bedrock_alerts.adapters.timers import Timers, TimerTarget, schedule_name
from bedrock_alerts.alerts.model import Timer
from bedrock_alerts.alerts.normalise import encode_note, normalise
from bedrock_alerts.errors import TransientError

TARGET: Final = TimerTarget(
    group="timers",
    role_arn="arn:aws:iam::111122223333:role/timers",
    queue_arn="arn:aws:sqs:eu-west-1:111122223333:alerts",
    dead_letter_queue_arn="arn:aws:sqs:eu-west-1:111122223333:alerts-dlq",
)
NOW: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TIMER: Final = Timer(
    kind="reminder",
    subject="arn:aws:cloudwatch:eu-west-1:111122223333:alarm:chat",
    due=NOW + timedelta(hours=4, seconds=0.5),
    stamp="2026-11-23T08:00:00+00:00/1",
)


@pytest.fixture
def scheduler() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("scheduler")
        client.create_schedule_group(Name="timers")
        yield client


def timers(client: Any) -> Timers:
    return Timers(TARGET, encode_note, NOW.timestamp, client)


def names(client: Any) -> list[str]:
    return [item["Name"] for item in client.list_schedules(GroupName="timers")["Schedules"]]


def test_a_timer_comes_back_as_it_was_set(scheduler: Any) -> None:
    timers(scheduler).set(TIMER)
    (name,) = names(scheduler)
    schedule = scheduler.get_schedule(GroupName="timers", Name=name)
    assert normalise(schedule["Target"]["Input"]) == (TIMER,)
    assert schedule["ScheduleExpression"] == "at(2026-11-23T12:00:01)"
    assert schedule["ScheduleExpressionTimezone"] == "UTC"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["ActionAfterCompletion"] == "DELETE"
    assert schedule["Target"]["Arn"] == TARGET.queue_arn
    assert schedule["Target"]["RoleArn"] == TARGET.role_arn
    assert schedule["Target"]["DeadLetterConfig"] == {"Arn": TARGET.dead_letter_queue_arn}


def test_setting_a_timer_twice_is_harmless(scheduler: Any) -> None:
    ours, theirs = timers(scheduler), timers(scheduler)
    ours.set(TIMER)
    ours.set(TIMER)
    theirs.set(msgspec.structs.replace(TIMER, due=NOW + timedelta(days=1)))
    assert len(names(scheduler)) == 1


def test_a_timer_that_was_set_is_not_asked_for_again(scheduler: Any) -> None:
    ours = timers(scheduler)
    ours.set(TIMER)
    scheduler.delete_schedule(GroupName="timers", Name=schedule_name(TIMER))
    ours.set(TIMER)
    assert names(scheduler) == []


def test_only_so_many_are_remembered(scheduler: Any) -> None:
    ours = timers(scheduler)
    ours.set(TIMER)
    for number in range(1000):
        ours.set(msgspec.structs.replace(TIMER, stamp=str(number)))
    scheduler.delete_schedule(GroupName="timers", Name=schedule_name(TIMER))
    ours.set(TIMER)
    assert schedule_name(TIMER) in names(scheduler)


def test_what_is_due_already_comes_soon(scheduler: Any) -> None:
    timers(scheduler).set(msgspec.structs.replace(TIMER, due=NOW - timedelta(hours=1)))
    (name,) = names(scheduler)
    schedule = scheduler.get_schedule(GroupName="timers", Name=name)
    assert schedule["ScheduleExpression"] == "at(2026-11-23T08:00:10)"
    (back,) = normalise(schedule["Target"]["Input"])
    assert isinstance(back, Timer)
    assert back.due == NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    "other",
    [
        msgspec.structs.replace(TIMER, kind="release"),
        msgspec.structs.replace(TIMER, subject="arn#one"),
        msgspec.structs.replace(TIMER, stamp="another"),
    ],
)
def test_timers_for_different_things_have_different_names(other: Timer) -> None:
    assert schedule_name(other) != schedule_name(TIMER)


def test_a_name_is_one_that_scheduler_takes() -> None:
    name = schedule_name(msgspec.structs.replace(TIMER, subject="\ud800 ü" * 100))
    assert len(name) <= 64
    assert name.replace("-", "").isalnum()


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_a_timer_that_is_not_taken_can_be_tried_again(code: str) -> None:
    client = boto3.client("scheduler")
    stub = Stubber(client)
    stub.add_client_error("create_schedule", code, "a secret text")
    stub.add_response(
        "create_schedule", {"ScheduleArn": "arn:aws:scheduler:eu-west-1:1:schedule/x/y"}
    )
    ours = timers(client)
    with stub:
        with pytest.raises(TransientError) as caught:
            ours.set(TIMER)
        assert str(caught.value) == f"EventBridge Scheduler took no timer: {code}"
        ours.set(TIMER)
        stub.assert_no_pending_responses()


def test_no_answer_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("scheduler")

    def silent(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://scheduler.example.com")

    monkeypatch.setattr(client, "create_schedule", silent)
    with pytest.raises(TransientError, match="no answer from EventBridge Scheduler: Endpoint"):
        timers(client).set(TIMER)
