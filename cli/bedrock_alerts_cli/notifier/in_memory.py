"""A table, queues and channels in memory, for the simulated notifier.

Every call goes through `World.call`, which may advance time, refuse, or end the process there.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from bedrock_alerts.alerts.found import Found
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts.alerts.notifications.pace import ChannelState
from bedrock_alerts.alerts.ports import Job, Receipt, Sender
from bedrock_alerts.errors import UnknownOutcomeError


class Calls(Protocol):
    """The interface for every call of the notifier."""

    def call(self, name: str) -> None:
        """Make a call of `name`, or raise its error."""

    def now(self) -> float:
        """Return the simulated time."""


class MemoryTable:
    """The incidents table: items with versions."""

    def __init__(self, world: Calls) -> None:
        self._world = world
        self.items: dict[str, tuple[AlarmItem, int, float | None]] = {}
        self.channels: dict[str, tuple[ChannelState, int]] = {}
        self.found: dict[str, Found] = {}

    def load(self, alarm: str) -> tuple[AlarmItem | None, int]:
        """Return an alarm's item and its version."""
        self._world.call("table")
        item = self.items.get(alarm)
        return (None, 0) if item is None else item[:2]

    def put(self, alarm: str, item: AlarmItem, version: int, due: float | None) -> bool:
        """Write an item if its version is still `version`."""
        self._world.call("table")
        known = self.items.get(alarm)
        if (known[1] if known else 0) != version:
            return False
        self.items[alarm] = (item, version + 1, due)
        return True

    def due(self, now: float, limit: int) -> Sequence[str]:
        """Return the alarms that are due, the oldest first."""
        self._world.call("table")
        found = sorted(
            (due, alarm)
            for alarm, (_, _, due) in self.items.items()
            if due is not None and due <= now
        )
        return [alarm for _, alarm in found[:limit]]

    def load_channel(self, channel: str) -> tuple[ChannelState, int]:
        """Return the pace of a channel and its version."""
        self._world.call("table")
        return self.channels.get(channel, (ChannelState(), 0))

    def put_channel(self, channel: str, state: ChannelState, version: int) -> bool:
        """Write the pace of a channel if its version is still `version`."""
        self._world.call("table")
        if self.channels.get(channel, (None, 0))[1] != version:
            return False
        self.channels[channel] = (state, version + 1)
        return True

    def evidence(self, alarm: str) -> Found:
        """Return the stored evidence of an alarm."""
        self._world.call("table")
        return self.found.get(alarm, Found())

    def put_evidence(self, alarm: str, found: Found) -> None:
        """Store the evidence of an alarm."""
        self._world.call("table")
        self.found[alarm] = found


class Sent(NamedTuple):
    """A message to a channel; `ts` is a Slack message, `thread` the one that it replies to."""

    at: float
    channel: str
    action: str
    payload: Mapping[str, Any]
    key: str = ""
    ts: str = ""
    thread: str = ""
    job: Job | None = None


class Channels:
    """A mailbox, PagerDuty, webhooks and a Slack with a bot, in one list."""

    def __init__(self, world: Calls) -> None:
        self._world = world
        self.sent: list[Sent] = []
        self.on_sent: Callable[[Sent], None] = lambda _sent: None
        self.job: Job | None = None
        self._numbers = itertools.count(1)

    def take(self, sent: Sent) -> None:
        """Accept a message, unless the channel is unavailable; also if the outcome is unknown."""
        sent, unknown = sent._replace(job=self.job), None
        try:
            self._world.call(sent.channel)
        except UnknownOutcomeError as error:
            unknown = error
        self.sent.append(sent)
        self.on_sent(sent)
        if unknown is not None:
            raise unknown

    def next_ts(self) -> str:
        """Return the `ts` of a new message."""
        return f"{self._world.now():.0f}.{next(self._numbers):06d}"


class Mailbox:
    """Emails."""

    def __init__(self, world: Calls, channels: Channels) -> None:
        self._world, self._channels = world, channels

    def send(self, subject: str, body: str, *, seconds: float) -> None:
        """Accept an email."""
        del seconds
        payload = {"subject": subject, "body": body}
        self._channels.take(Sent(self._world.now(), "email", "send", payload))


class Topic:
    """The topic of Amazon Q."""

    def __init__(self, world: Calls, channels: Channels) -> None:
        self._world, self._channels = world, channels

    def publish(self, message: str, *, seconds: float) -> None:
        """Accept a notification."""
        del seconds
        self._channels.take(Sent(self._world.now(), "amazon_q", "send", {"message": message}))


class Json:
    """PagerDuty, Teams and webhooks of Slack, by the name of their channel."""

    def __init__(self, world: Calls, channels: Channels, channel: str) -> None:
        self._world, self._channels, self._channel = world, channels, channel

    def post_json(self, url: str, payload: Mapping[str, Any], *, seconds: float) -> None:
        """Accept a request."""
        del seconds
        action = payload.get("event_action", "change" if "/change/" in url else "send")
        key = payload.get("dedup_key", "")
        sent = Sent(self._world.now(), self._channel, action, payload, key=key)
        self._channels.take(sent)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> None:
        """Accept a request of bytes."""
        del headers, seconds, url
        sent = Sent(self._world.now(), self._channel, "send", {"body": body})
        self._channels.take(sent)


class SlackMessages:
    """A Slack with messages that can be edited."""

    def __init__(self, world: Calls, channels: Channels) -> None:
        self._world, self._channels = world, channels

    def post(
        self,
        token: str,
        channel: str,
        payload: Mapping[str, Any],
        *,
        thread_ts: str = "",
        broadcast: bool = False,
        seconds: float,
    ) -> str:
        """Accept a message or a reply, and return its `ts`."""
        del token, channel, seconds
        ts = self._channels.next_ts()
        action = ("broadcast" if broadcast else "reply") if thread_ts else "post"
        self._channels.take(
            Sent(self._world.now(), "slack", action, payload, ts=ts, thread=thread_ts)
        )
        return ts

    def update(
        self, token: str, channel: str, ts: str, payload: Mapping[str, Any], *, seconds: float
    ) -> None:
        """Accept an edit."""
        del token, channel, seconds
        self._channels.take(Sent(self._world.now(), "slack", "edit", payload, ts=ts))

    def upload(
        self,
        token: str,
        channel: str,
        thread_ts: str,
        picture: bytes,
        *,
        title: str,
        seconds: float,
    ) -> None:
        """Ignore a picture."""
        del token, channel, thread_ts, picture, title, seconds


class FixedSecret:
    """A secret that is always the same."""

    def __init__(self, text: str) -> None:
        self._text = text

    def text(self, *, fresh: bool = False) -> str:
        """Return it."""
        del fresh
        return self._text


class Silent:
    """A journal that is not read."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Mapping[str, object]]] = []

    def info(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Store a line."""
        self.lines.append((str(msg), extra))

    warning = info


class Recorded(Sender):
    """A sender of the product that records its jobs."""

    def __init__(self, sender: Sender, channels: Channels) -> None:
        self._sender, self._channels = sender, channels

    def send(self, job: Job, seconds: float) -> Receipt:
        """Send, and record the job with its messages."""
        before, self._channels.job = self._channels.job, job
        try:
            return self._sender.send(job, seconds)
        finally:
            self._channels.job = before
