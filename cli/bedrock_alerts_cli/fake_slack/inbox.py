"""A channel and a mailbox, with all messages and their later changes."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CHANNEL: Final = "bedrock-alerts"


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """One message in a channel; `picture` is a `data:` URL, empty for none."""

    channel: str
    ts: str
    payload: Mapping[str, Any]
    received_at: datetime
    edited: bool = False
    thread_ts: str | None = None
    broadcast: bool = False
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as received, before later edits: its line of text, and the time."""

    text: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Email:
    """One plain-text email in a mailbox."""

    subject: str
    body: str
    to: str
    received_at: datetime


class Inbox:
    """A channel's messages, files and a mailbox. Every method may be called from any thread."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        # Guards everything below, and wakes wait_for() at each change.
        self._changed = threading.Condition()
        self._messages: tuple[SlackMessage, ...] = ()
        self._arrivals: tuple[Arrival, ...] = ()
        self._uploads: dict[str, bytes] = {}
        self._emails: tuple[Email, ...] = ()
        self._summary: tuple[tuple[str, str], ...] = ()
        self._version = 0
        # A new inbox must differ from the previous one.
        self._instance = secrets.token_hex(4)

    def messages(self) -> tuple[SlackMessage, ...]:
        """Return the channel's messages, oldest first."""
        with self._changed:
            return self._messages

    def arrivals(self) -> tuple[Arrival, ...]:
        """Return the channel's messages as received, oldest first, without edits."""
        with self._changed:
            return self._arrivals

    def emails(self) -> tuple[Email, ...]:
        """Return the mailbox's emails, oldest first."""
        with self._changed:
            return self._emails

    def summary(self) -> tuple[tuple[str, str], ...]:
        """Return what the status strip shows."""
        with self._changed:
            return self._summary

    def version(self) -> str:
        """Return a tag that changes whenever the page does."""
        with self._changed:
            return f"{self._instance}-{self._version}"

    def add_message(
        self, payload: Mapping[str, Any], *, channel: str = CHANNEL, picture: str = ""
    ) -> SlackMessage:
        """Put a message into a channel."""
        with self._changed:
            now = self._clock()
            thread_ts = payload.get("thread_ts")
            message = SlackMessage(
                channel=channel,
                # Slack's own form; the counter keeps two in one microsecond apart.
                ts=f"{int(now.timestamp())}.{len(self._messages) + 1:06d}",
                payload=payload,
                received_at=now,
                thread_ts=thread_ts if isinstance(thread_ts, str) else None,
                broadcast=payload.get("reply_broadcast") is True,
                picture=picture,
            )
            self._messages += (message,)
            self._arrivals += (Arrival(str(payload.get("text", "")), now),)
            self._announce()
            return message

    def edit_message(self, ts: str, payload: Mapping[str, Any]) -> bool:
        """Replace what a message says; False if there is none."""
        with self._changed:
            if not self.has_message(ts):
                return False
            self._messages = tuple(
                replace(message, payload=payload, edited=True) if message.ts == ts else message
                for message in self._messages
            )
            self._announce()
            return True

    def has_message(self, ts: str) -> bool:
        """Whether a message exists."""
        with self._changed:
            return any(message.ts == ts for message in self._messages)

    def expect_file(self) -> str:
        """Return the id of a file that will be uploaded."""
        with self._changed:
            name = f"F0LOCAL{len(self._uploads):04d}"
            self._uploads[name] = b""
            return name

    def keep_file(self, name: str, content: bytes) -> bool:
        """Store an uploaded file; False if it was not expected."""
        with self._changed:
            if name not in self._uploads:
                return False
            self._uploads[name] = content
            return True

    def file(self, name: str) -> bytes:
        """Return an uploaded file, empty if there is none."""
        with self._changed:
            return self._uploads.get(name, b"")

    def add_email(self, email: Email) -> None:
        """Put an email into the mailbox."""
        with self._changed:
            self._emails += (email,)
            self._announce()

    def set_summary(self, items: Sequence[tuple[str, str]]) -> None:
        """Replace the labels and values of the status strip."""
        with self._changed:
            self._summary = tuple(items)
            self._announce()

    def wait_for(self, predicate: Callable[[Self], bool], timeout: float) -> bool:
        """Wait until the predicate is true, checked at each change; False if it never was.

        The predicate runs under our lock: it should only read its arguments.
        """
        with self._changed:
            return self._changed.wait_for(lambda: predicate(self), timeout)

    def _announce(self) -> None:
        self._version += 1
        self._changed.notify_all()
