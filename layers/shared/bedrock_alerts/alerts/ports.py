"""Interfaces that the notifier needs, implemented by adapters and fakes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from bedrock_alerts.alerts.alert import (
    Alert,
    Channel,
    Reason,
)
from bedrock_alerts.alerts.events import StateChange
from bedrock_alerts.alerts.found import Found
from bedrock_alerts.alerts.incidents.item import AlarmItem, Reference, Shown
from bedrock_alerts.alerts.incidents.learn import LookedUp
from bedrock_alerts.alerts.notifications.pace import ChannelState
from bedrock_alerts.alerts.notifications.reasons import Action


class Poke(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message of the deliveries queue: check this alarm for this channel.

    `alarm` is the alarm's id. `event` and `key` are set only while the table is unavailable: then
    the event itself is sent, `key` is PagerDuty's, and `account_name` is the routes file's.
    """

    alarm: str
    channel: Channel
    event: StateChange | None = None
    key: str = ""
    mentions: tuple[str, ...] = ()
    account_name: str = ""


class TablePort(Protocol):
    """Stores items with versions.

    Every method raises TransientError. A version is 0 if there is no item yet.
    """

    def load(self, alarm: str) -> tuple[AlarmItem | None, int]:
        """Return an alarm's item and its version."""

    def put(self, alarm: str, item: AlarmItem, version: int, due: float | None) -> bool:
        """Write an item if its version is still `version`; False if not."""

    def due(self, now: float, limit: int) -> Sequence[str]:
        """Return the alarms that are due, the oldest first."""

    def load_channel(self, channel: Channel) -> tuple[ChannelState, int]:
        """Return the pace of a channel and its version."""

    def put_channel(self, channel: Channel, state: ChannelState, version: int) -> bool:
        """Write the pace of a channel if its version is still `version`."""

    def evidence(self, alarm: str) -> Found:
        """Return the stored evidence of an alarm."""

    def put_evidence(self, alarm: str, found: Found) -> None:
        """Store the evidence of an alarm."""


class PokeQueuePort(Protocol):
    """The deliveries queue."""

    def put(self, pokes: Sequence[Poke], delay: float = 0.0) -> None:
        """Enqueue all of them after `delay` seconds, or raise TransientError."""


class LookUpPort(Protocol):
    """Looks up alarm states in CloudWatch."""

    def __call__(self, item: AlarmItem) -> LookedUp | None:
        """Return an alarm's state, None if it cannot be looked up. Raises TransientError."""


class JournalPort(Protocol):
    """Writes log lines."""

    def info(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Log normal operation."""

    def warning(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Log what may need attention."""


class Job(NamedTuple):
    """One message to one channel; several `alerts` are a digest.

    `target` is the part of the channel after its kind. `key` is PagerDuty's. `reference` is the
    Slack message to edit or reply to. `reasons` and `shows` are those of each alert.
    """

    action: Action
    alerts: tuple[Alert, ...]
    target: str = ""
    mentions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    key: str = ""
    reference: Reference | None = None
    number: int = 0
    reasons: tuple[Reason, ...] = ()
    shows: tuple[Shown, ...] = ()


class Receipt(NamedTuple):
    """The result of a job: the Slack message to store, and any defect of the sent message."""

    reference: Reference | None = None
    defect: str = ""


class JsonPort(Protocol):
    """Posts JSON to known hosts."""

    def post_json(self, url: str, payload: Mapping[str, Any], *, seconds: float) -> None:
        """Post it, or raise TransientError or PermanentError."""


class Sender(ABC):
    """Sends to one kind of channel."""

    @abstractmethod
    def send(self, job: Job, seconds: float) -> Receipt:
        """Send within `seconds`.

        Raises TransientError (certainly not shown), UnknownOutcomeError (perhaps shown) or
        PermanentError.
        """

    def extras(
        self, job: Job, reference: Reference, seconds: float
    ) -> Sequence[Callable[[], None]]:
        """Return the optional replies to a new message; each may fail alone."""
        del job, reference, seconds
        return ()
