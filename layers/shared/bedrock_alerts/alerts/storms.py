"""Many alerts at once: a few of them at once, the rest together, and nothing dropped.

A channel has a number of seats a minute. What gets none waits in the table, and a timer at the end
of the minute brings all that waits as one delivery, or several where it is too much for one. The
same serves whatever has to wait for another reason, such as quiet hours.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import msgspec

from bedrock_alerts.alerts.model import Alert, Channel, Delivery, Timer, Waiting
from bedrock_alerts.limits import SQS_MESSAGE_BYTES

SEATS: Final = 10
MAX_ALERTS_A_DELIVERY: Final = 50
_MAX_MENTIONS: Final = 20
_MAX_NOTES: Final = 5
_MINUTE: Final = timedelta(minutes=1)
# Whoever is about to wait must be there before the timer comes: this is longer than its writing
# can take.
_TO_SIT_DOWN: Final = timedelta(seconds=15)
_ENVELOPE_BYTES: Final = 16 * 1024


class WaitingPort(Protocol):
    """Keeps alerts that wait. Every method raises TransientError."""

    def take_seat(self, channel: Channel, alert: str, seats: int, group: str = "") -> bool:
        """Tell whether an alert is among the first `seats` of this minute."""

    def wait(self, channel: Channel, due: datetime, waiting: Waiting) -> None:
        """Let an alert wait."""

    def due(self, channel: Channel, by: datetime) -> Sequence[tuple[str, Waiting]]:
        """Return what is due, with its place."""

    def leave(self, channel: Channel, places: Sequence[str]) -> None:
        """Take alerts away."""


class TimerPort(Protocol):
    """Sets timers."""

    def set(self, timer: Timer) -> None:
        """Let a timer come back when it is due. Raises TransientError."""


class QueuePort(Protocol):
    """The queue of deliveries."""

    def put(self, deliveries: Sequence[Delivery]) -> None:
        """Enqueue all of them, or raise TransientError."""


class Digests:
    """Lets alerts wait, and brings them together when they are due."""

    def __init__(self, waiting: WaitingPort, timers: TimerPort, queue: QueuePort) -> None:
        self._waiting = waiting
        self._timers = timers
        self._queue = queue

    def has_seat(self, channel: Channel, alert: Alert, *, group: str = "") -> bool:
        """Tell whether an alert may be told at once. Raises TransientError.

        What is critical has seats of its own: others' noise does not make it wait. A `group` has
        one seat, beside the channel's.
        """
        if group and not self._waiting.take_seat(channel, alert.key, 1, group):
            return False
        rank = "critical" if alert.severity == "critical" else ""
        return self._waiting.take_seat(channel, alert.key, SEATS, rank)

    def wait_until(
        self, channel: Channel, due: datetime, waiting: Waiting, *, now: datetime
    ) -> None:
        """Let an alert wait until `due`, or the end of this minute if that is later.

        When this returns, the alert is as safe as in a queue. Raises TransientError.
        """
        due = max(due, end_of_minute(now))
        self._waiting.wait(channel, due, waiting)
        self._timers.set(Timer(kind="digest", subject=channel, due=due, stamp=due.isoformat()))

    def bring(self, channel: Channel, by: datetime, *, now: datetime) -> int:
        """Queue everything that is due, and return how many alerts that were.

        Each delivery's alerts are taken away only when it is queued: who dies in between queues it
        again. Raises TransientError.
        """
        found = self._waiting.due(channel, by)
        for batch in _batches(found):
            self._queue.put([_delivery(channel, [item for _, item in batch], now)])
            self._waiting.leave(channel, [place for place, _ in batch])
        return len(found)


def end_of_minute(now: datetime) -> datetime:
    """Return the end of the present minute, or of the next where that is too soon to wait for."""
    soonest = now.astimezone(UTC) + _TO_SIT_DOWN
    return soonest.replace(second=0, microsecond=0) + _MINUTE


def _batches(
    found: Sequence[tuple[str, Waiting]],
) -> Iterator[list[tuple[str, Waiting]]]:
    """Part what waits into deliveries that a message of the queue can hold."""
    batch: list[tuple[str, Waiting]] = []
    room = SQS_MESSAGE_BYTES - _ENVELOPE_BYTES
    for item in found:
        size = len(msgspec.json.encode(item[1].alert)) + 1
        if batch and (size > room or len(batch) == MAX_ALERTS_A_DELIVERY):
            yield batch
            batch, room = [], SQS_MESSAGE_BYTES - _ENVELOPE_BYTES
        batch.append(item)
        room -= size
    if batch:
        yield batch


def _delivery(channel: Channel, waiting: Sequence[Waiting], now: datetime) -> Delivery:
    alerts = tuple(item.alert for item in waiting)
    mentions = dict.fromkeys(mention for item in waiting for mention in item.mentions)
    notes = dict.fromkeys(note for item in waiting for note in item.notes)
    digest = hashlib.sha256("\n".join(alert.key for alert in alerts).encode()).hexdigest()[:32]
    return Delivery(
        channel=channel,
        alerts=alerts,
        queued_at=now.timestamp(),
        mentions=tuple(mentions)[:_MAX_MENTIONS],
        notes=tuple(notes)[:_MAX_NOTES],
        digest=digest if len(alerts) > 1 else "",
    )
