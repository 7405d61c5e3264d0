"""A log whose times are moved to the present: as one piece, or at a speed."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli.deployed.log_writer import MAX_MESSAGE_BYTES, Event
from bedrock_alerts_cli.log_files import Line
from bedrock_alerts_cli.user_errors import InputError

_TICK_SECONDS: Final = 1.0
_LONGEST_SPAN: Final = 13 * 86_400.0


class _Entry(NamedTuple):
    """A record, or a line that is not one, and its time (seconds since 1970)."""

    at: float
    place: int
    text: str
    record: dict[str, Any] | None


class MovedLog:
    """The lines of a log in the order of their times.

    `left_out` counts those that could not be read, or are longer than CloudWatch Logs takes.
    """

    def __init__(self, entries: Iterable[object]) -> None:
        self.left_out = 0
        found: list[tuple[float | None, str, dict[str, Any] | None]] = []
        for entry in entries:
            if isinstance(entry, Line):
                found.append(_read(entry))
            else:
                self.left_out += 1
        # A line without a time has that of the one before it; the first ones that of the one after.
        at = next((at for at, _, _ in found if at is not None), 0.0)
        placed: list[_Entry] = []
        for place, (known, text, record) in enumerate(found):
            at = at if known is None else known
            placed.append(_Entry(at, place, text, record))
        self._entries = sorted(placed, key=lambda one: one[:2])

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def span(self) -> float:
        """Return the seconds between the first line and the last."""
        return self._entries[-1].at - self._entries[0].at if self._entries else 0.0

    def at_once(self, now: float) -> Iterator[Event]:
        """Return all lines with their gaps, the last of them now.

        Raises InputError if the first would be too old for CloudWatch.
        """
        if self.span > _LONGEST_SPAN:
            raise InputError(
                "the log is longer than 13 days, and CloudWatch takes two weeks: give --speed"
            )
        return self._events(lambda one: now - (self._entries[-1].at - one.at))

    def at_speed(
        self,
        speed: float,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Iterator[tuple[Event, ...]]:
        """Wait as the gaps say, divided by `speed`, and return what is due about once a second."""
        begin = now()
        first = self._entries[0].at if self._entries else 0.0
        due: list[Event] = []
        for event in self._events(lambda one: begin + (one.at - first) / speed):
            wait = event.at / 1000 - now()
            is_old = due and event.at - due[0].at >= _TICK_SECONDS * 1000
            if due and (is_old or wait > _TICK_SECONDS / 10):
                yield tuple(due)
                due = []
            # Writing what was due took its time.
            sleep(max(0.0, event.at / 1000 - now()))
            due.append(event)
        if due:
            yield tuple(due)

    def _events(self, moved: Callable[[_Entry], float]) -> Iterator[Event]:
        for one in self._entries:
            at = moved(one)
            event = Event(int(at * 1000), _stamped(one, at))
            if len(event.message.encode()) > MAX_MESSAGE_BYTES:
                self.left_out += 1
            else:
                yield event


def _read(line: Line) -> tuple[float | None, str, dict[str, Any] | None]:
    """Return a line's time, if the record or the export says one, its text, and its record."""
    text = line.text if isinstance(line.text, str) else line.text.decode("utf-8", "replace")
    try:
        record = json.loads(text)
        at = datetime.fromisoformat(record["timestamp"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return line.logged_at, text, None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp(), text, record


def _stamped(one: _Entry, at: float) -> str:
    """Return the line with another time in it: metrics are of the minute that a record names."""
    if one.record is None:
        return one.text
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({**one.record, "timestamp": stamp}, separators=(",", ":"))
