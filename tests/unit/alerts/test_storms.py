"""What waits comes together, in deliveries that a message of the queue can hold."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.model import Alert, Channel, Delivery, Timer, Waiting
from bedrock_alerts.alerts.storms import Digests, end_of_minute
from bedrock_alerts.errors import TransientError
from bedrock_alerts.limits import SQS_MESSAGE_BYTES

NOW: Final = datetime(2026, 11, 23, 8, 0, 30, tzinfo=UTC)
ALERT: Final = Alert(
    key="a",
    tone="warning",
    status="ALARM · warning",
    title="chat",
    summary="",
    account_id="111122223333",
    region="eu-west-1",
    at=None,
)


class Room:
    """What waits, and how many seats were asked for."""

    def __init__(self, *waiting: Waiting) -> None:
        self.inside = {item.alert.key: item for item in waiting}
        self.asked: list[tuple[int, str]] = []

    def take_seat(self, channel: Channel, alert: str, seats: int, group: str = "") -> bool:
        assert (channel, alert) == ("slack", "a")
        self.asked.append((seats, group))
        return True

    def wait(self, channel: Channel, due: datetime, waiting: Waiting) -> None:
        assert channel == "slack"
        assert due > NOW
        self.inside[waiting.alert.key] = waiting

    def due(self, channel: Channel, by: datetime) -> Sequence[tuple[str, Waiting]]:
        assert (channel, by) == ("slack", NOW)
        return list(self.inside.items())

    def leave(self, channel: Channel, places: Sequence[str]) -> None:
        assert channel == "slack"
        for place in places:
            del self.inside[place]


class Queue:
    """Takes so many deliveries, and then no more."""

    def __init__(self, room_for: int = 1000) -> None:
        self.taken: list[Delivery] = []
        self._room_for = room_for

    def put(self, deliveries: Sequence[Delivery]) -> None:
        if len(self.taken) >= self._room_for:
            raise TransientError("full")
        self.taken += deliveries


class Timers(list[Timer]):
    def set(self, timer: Timer) -> None:
        self.append(timer)


def waiting(number: int, size: int = 0, **more: tuple[str, ...]) -> Waiting:
    alert = msgspec.structs.replace(ALERT, key=f"a{number}", summary="x" * size)
    return Waiting(alert=alert, **more)


def bring(*items: Waiting) -> list[Delivery]:
    queue, room = Queue(), Room(*items)
    assert Digests(room, Timers(), queue).bring("slack", NOW, now=NOW) == len(items)
    assert room.inside == {}
    return queue.taken


@given(st.lists(st.integers(0, 60_000), max_size=130))
def test_nothing_is_dropped_and_every_delivery_fits_a_message(sizes: list[int]) -> None:
    deliveries = bring(*(waiting(number, size) for number, size in enumerate(sizes)))
    told = [alert.key for delivery in deliveries for alert in delivery.alerts]
    assert told == [f"a{number}" for number in range(len(sizes))]
    for delivery in deliveries:
        assert 1 <= len(delivery.alerts) <= 50
        assert len(msgspec.json.encode(delivery)) <= SQS_MESSAGE_BYTES


def test_a_digest_is_known_by_what_is_in_it() -> None:
    (one,), (two,), (other,) = (
        bring(waiting(1), waiting(2)),
        bring(waiting(1), waiting(2)),
        bring(waiting(1), waiting(3)),
    )
    assert one.digest == two.digest != other.digest


def test_an_alert_that_waited_alone_is_no_digest() -> None:
    (delivery,) = bring(waiting(1))
    assert delivery.digest == ""
    assert delivery.queued_at == NOW.timestamp()


def test_everybody_is_mentioned_once_and_only_so_many() -> None:
    (delivery,) = bring(
        waiting(1, mentions=("here", "U1"), notes=("broken",)),
        waiting(2, mentions=("U1", "U2"), notes=("broken",)),
    )
    assert (delivery.mentions, delivery.notes) == (("here", "U1", "U2"), ("broken",))
    many = [waiting(n, mentions=(f"U{n}",), notes=(f"note {n}",)) for n in range(40)]
    (delivery,) = bring(*many)
    assert (len(delivery.mentions), len(delivery.notes)) == (20, 5)


def test_what_was_queued_is_taken_away_even_if_the_rest_fails() -> None:
    room, queue = Room(*(waiting(number) for number in range(120))), Queue(room_for=2)
    digests = Digests(room, Timers(), queue)
    with pytest.raises(TransientError, match="full"):
        digests.bring("slack", NOW, now=NOW)
    assert len(room.inside) == 20


def test_what_is_critical_has_seats_of_its_own() -> None:
    room = Room()
    digests = Digests(room, Timers(), Queue())
    digests.has_seat("slack", ALERT)
    digests.has_seat("slack", msgspec.structs.replace(ALERT, severity="critical"))
    digests.has_seat("slack", ALERT, group="arn")
    assert room.asked == [(10, ""), (10, "critical"), (1, "arn"), (10, "")]


def test_waiting_sets_a_timer_for_all_who_wait_till_then() -> None:
    timers, room = Timers(), Room()
    digests = Digests(room, timers, Queue())
    for number in range(2):
        digests.wait_until("slack", NOW, waiting(number), now=NOW)
    assert len(room.inside) == 2
    assert {(timer.kind, timer.subject, timer.due) for timer in timers} == {
        ("digest", "slack", NOW + timedelta(seconds=30))
    }
    assert len({timer.stamp for timer in timers}) == 1


@pytest.mark.parametrize(("second", "end"), [(0, 60), (30, 60), (44.9, 60), (45, 120), (59.9, 120)])
def test_nobody_waits_for_a_timer_that_may_be_gone_before_he_sits(second: float, end: int) -> None:
    minute = NOW.replace(second=0)
    assert end_of_minute(minute + timedelta(seconds=second)) == minute + timedelta(seconds=end)
