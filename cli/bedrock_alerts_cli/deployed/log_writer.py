"""Writing to a stream of a log group, within the limits of PutLogEvents."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli.user_errors import CommandError

# "PutLogEvents" in the CloudWatch Logs API reference
_BATCH_BYTES: Final = 1_048_576
_EVENT_OVERHEAD_BYTES: Final = 26
_BATCH_EVENTS: Final = 10_000
_BATCH_SPAN_MS: Final = 24 * 3600 * 1000
MAX_MESSAGE_BYTES: Final = _BATCH_BYTES - _EVENT_OVERHEAD_BYTES
"""The longest event that PutLogEvents takes."""


class Event(NamedTuple):
    """A log event; `at` is in milliseconds since 1970."""

    at: int
    message: str

    @property
    def size(self) -> int:
        """Return what it counts for in a batch, in bytes."""
        return len(self.message.encode()) + _EVENT_OVERHEAD_BYTES


def batches(events: Iterable[Event]) -> Iterator[tuple[Event, ...]]:
    """Cut events, which are in the order of their times, into what one call takes."""
    batch: list[Event] = []
    size = 0
    for event in events:
        is_full = batch and (
            size + event.size > _BATCH_BYTES
            or len(batch) == _BATCH_EVENTS
            or event.at - batch[0].at >= _BATCH_SPAN_MS
        )
        if is_full:
            yield tuple(batch)
            batch, size = [], 0
        batch.append(event)
        size += event.size
    if batch:
        yield tuple(batch)


class LogStream:
    """A stream of a log group. Its events are written in order, each call once."""

    def __init__(self, logs: Any, group: str, name: str) -> None:
        self._logs = logs
        self.group = group
        self.name = name

    def create(self) -> bool:
        """Make the stream; False if there is one of that name."""
        try:
            self._logs.create_log_stream(logGroupName=self.group, logStreamName=self.name)
        except self._logs.exceptions.ResourceAlreadyExistsException:
            return False
        return True

    def put(self, batch: tuple[Event, ...]) -> None:
        """Write one batch. Raises CommandError if CloudWatch Logs leaves any of it out."""
        answer = self._logs.put_log_events(
            logGroupName=self.group,
            logStreamName=self.name,
            logEvents=[{"timestamp": event.at, "message": event.message} for event in batch],
        )
        if refused := answer.get("rejectedLogEventsInfo"):
            raise CommandError(
                f"log group {self.group} refused some events ({', '.join(refused)}): check the"
                " group's retention, which must not be shorter than their age"
            )
