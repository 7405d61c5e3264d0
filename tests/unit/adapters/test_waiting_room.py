"""A channel has a number of seats a minute; what gets none waits, and nothing of it is dropped."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import boto3
import msgspec
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from bedrock_alerts.adapters.waiting_room import WaitingRoom
from bedrock_alerts.alerts.model import Alert, Waiting
from bedrock_alerts.errors import TransientError
from tests.support.deliver_stack import TABLE, create_table
from tests.support.queues import Clock

ALERT: Final = Alert(
    key="a1",
    tone="warning",
    status="ALARM · warning",
    title="chat",
    summary="",
    account_id="111122223333",
    region="eu-west-1",
    at=None,
)
DUE: Final = datetime(2026, 11, 23, 8, 1, tzinfo=UTC)


def waiting(key: str) -> Waiting:
    return Waiting(alert=msgspec.structs.replace(ALERT, key=key), mentions=("here",))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room(clock: Clock) -> Iterator[WaitingRoom]:
    with mock_aws():
        create_table()
        yield WaitingRoom(TABLE, lambda: clock.seconds)


def test_there_are_only_so_many_seats(room: WaitingRoom) -> None:
    assert [room.take_seat("slack", f"a{n}", 3) for n in range(5)] == [True] * 3 + [False] * 2


def test_who_has_a_seat_keeps_it(room: WaitingRoom) -> None:
    for number in range(3):
        room.take_seat("slack", f"a{number}", 3)
    assert room.take_seat("slack", "a1", 3)
    assert not room.take_seat("slack", "a3", 3)


def test_every_channel_and_group_and_minute_has_seats_of_its_own(
    room: WaitingRoom, clock: Clock
) -> None:
    assert room.take_seat("slack", "a1", 1)
    assert not room.take_seat("slack", "a2", 1)
    assert room.take_seat("slack:payments", "a2", 1)
    assert room.take_seat("slack", "a2", 1, "arn")
    clock.forward(60)
    assert room.take_seat("slack", "a2", 1)


def test_what_waits_is_found_when_it_is_due_and_not_before(room: WaitingRoom) -> None:
    room.wait("slack", DUE, waiting("a1"))
    room.wait("slack", DUE + timedelta(minutes=5), waiting("a2"))
    room.wait("email", DUE, waiting("a3"))
    assert room.due("slack", DUE - timedelta(seconds=1)) == []
    assert [item for _, item in room.due("slack", DUE)] == [waiting("a1")]
    late = room.due("slack", DUE + timedelta(hours=1))
    assert [item.alert.key for _, item in late] == ["a1", "a2"]


def test_what_waits_twice_waits_once(room: WaitingRoom) -> None:
    room.wait("slack", DUE, waiting("a1"))
    room.wait("slack", DUE, waiting("a1"))
    assert len(room.due("slack", DUE)) == 1


def test_seats_are_not_taken_for_alerts_that_wait(room: WaitingRoom) -> None:
    room.take_seat("slack", "a1", 1)
    assert room.due("slack", DUE + timedelta(days=300)) == []


def test_who_leaves_is_gone_and_the_others_stay(room: WaitingRoom) -> None:
    for number in range(60):
        room.wait("slack", DUE, waiting(f"a{number:02}"))
    places = [place for place, _ in room.due("slack", DUE)]
    room.leave("slack", places[:55])
    assert [place for place, _ in room.due("slack", DUE)] == places[55:]
    room.leave("slack", [])
    assert len(room.due("slack", DUE)) == 5


def test_more_than_a_page_of_alerts_is_found(room: WaitingRoom) -> None:
    for number in range(12):
        alert = msgspec.structs.replace(ALERT, key=f"a{number:02}", summary="x" * 100_000)
        room.wait("slack", DUE, Waiting(alert=alert))
    assert len(room.due("slack", DUE)) == 12


def test_what_the_table_does_not_delete_is_tried_again_and_then_said() -> None:
    client = boto3.client("dynamodb")
    stub = Stubber(client)
    left = {
        TABLE: [{"DeleteRequest": {"Key": {"pk": {"S": "channel#slack"}, "sk": {"S": "digest#x"}}}}]
    }
    for _ in range(3):
        stub.add_response("batch_write_item", {"UnprocessedItems": left})
    stub.add_response("batch_write_item", {})
    for _ in range(4):
        stub.add_response("batch_write_item", {"UnprocessedItems": left})
    room = WaitingRoom(TABLE, client=client)
    with stub:
        room.leave("slack", ["digest#x"])
        with pytest.raises(TransientError, match="only some"):
            room.leave("slack", ["digest#x"])


def test_a_table_that_fails_can_be_waited_out() -> None:
    with mock_aws():  # there is no table
        room = WaitingRoom(TABLE)
        for ask in (
            lambda: room.take_seat("slack", "a1", 1),
            lambda: room.wait("slack", DUE, waiting("a1")),
            lambda: room.due("slack", DUE),
            lambda: room.leave("slack", ["digest#x"]),
        ):
            with pytest.raises(TransientError, match="ResourceNotFoundException"):
                ask()


def test_what_cannot_be_read_is_told_as_such_and_holds_up_nothing(room: WaitingRoom) -> None:
    room.wait("slack", DUE, waiting("a1"))
    place = "digest#2026-11-23T08:00:30Z#a0"
    boto3.client("dynamodb").put_item(
        TableName=TABLE,
        Item={
            "pk": {"S": "channel#slack"},
            "sk": {"S": place},
            "data": {"S": '{"alert":5,"prompt":"of a person"}'},
        },
    )
    (odd, unreadable), (_, fine) = room.due("slack", DUE)
    assert odd == place
    assert (unreadable.alert.key, unreadable.alert.status) == ("a0", "UNREADABLE")
    assert "of a person" not in str(unreadable)
    assert fine == waiting("a1")
