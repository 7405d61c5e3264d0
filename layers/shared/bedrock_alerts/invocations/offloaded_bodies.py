"""Reads output bodies that were too large for their record from S3, one by one, within limits.

The path comes from a record, so it may be anything: only Bedrock's folders of bodies in the
configured bucket are read. After a failure the record stays `offloaded`, and a log line gives the
number for each reason, never the paths.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

import msgspec

from bedrock_alerts.errors import BatchError, GoneError, TransientError
from bedrock_alerts.invocations.event_lines import notice
from bedrock_alerts.invocations.gunzip import inflate
from bedrock_alerts.invocations.lenient_json import (
    mend,
    shallow,
)
from bedrock_alerts.limits import MAX_BODY_BYTES, MAX_BODY_INFLATED_BYTES

Chunks: TypeAlias = Callable[[str, str], Iterator[bytes]]
"""Returns an object's bytes in pieces, by bucket and key. Raises GoneError or TransientError."""

# A third of the shortest time-out of a collector, whose other work needs the rest.
SECONDS_PER_BATCH: Final = 20.0

_PATH: Final = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>[\x20-\x7e]{1,1024})")
_GZIP: Final = b"\x1f\x8b"
_NOT_ALLOWED: Final = "path_not_allowed"
_OUT_OF_TIME: Final = "out_of_time"


class BatchBodies:
    """Reads the bodies of one batch until its time is used up, and counts failures.

    A body is read once: otherwise two records of one call would count as two calls if only one
    could be read.
    """

    def __init__(self, bucket: str, chunks: Chunks, clock: Callable[[], float]) -> None:
        self._bucket = bucket
        self._chunks = chunks
        self._clock = clock
        self._spent = 0.0
        self._failed: dict[str, str] = {}
        self._reasons: Counter[str] = Counter()

    def read(self, path: str) -> bytes | None:
        """Return the JSON at `path`, inflated; None if it cannot be read."""
        key = self._key(path)
        if key is None:
            self._reasons[_NOT_ALLOWED] += 1
            return None
        reason = self._failed.get(key)
        if reason is None:
            found = self._timed(key)
            if isinstance(found, bytes):
                return found
            reason = self._failed[key] = found
        self._reasons[reason] += 1
        return None

    def reasons(self) -> Mapping[str, int]:
        """Return why bodies could not be read, and how many of each."""
        return self._reasons

    def notices(self) -> tuple[bytes, ...]:
        """Return one line for the log if any body could not be read."""
        if not self._reasons:
            return ()
        line = notice(
            "bodies_not_read",
            "WARNING",
            "output bodies in S3 could not be read: their guardrail results are unknown",
            bodies=self._reasons.total(),
            reasons=dict(self._reasons),
        )
        return (line,)

    def _key(self, path: str) -> str | None:
        """Return the key of a body in the permitted bucket, None for all else."""
        found = _PATH.fullmatch(path)
        if found is None or found["bucket"] != self._bucket:
            return None
        *folders, _ = found["key"].split("/")
        # S3 takes dots literally, but clients resolve them as in a file system.
        return found["key"] if "data" in folders[1:] and not {".", ".."} & set(folders) else None

    def _timed(self, key: str) -> bytes | str:
        began = self._clock()
        try:
            return self._fetched(key, began)
        finally:
            self._spent += self._clock() - began

    def _fetched(self, key: str, began: float) -> bytes | str:
        """Return a body as JSON, or the reason for the failure."""
        try:
            return _opened(self._packed(key, began))
        except _UnreadError as failure:
            return str(failure)
        except GoneError:
            return "gone"
        except TransientError as error:
            return str(error)  # names only AWS's error code

    def _packed(self, key: str, began: float) -> bytes:
        """Return the object's bytes. Raises _UnreadError without time or room for them."""
        left = SECONDS_PER_BATCH - self._spent
        if left <= 0:
            raise _UnreadError(_OUT_OF_TIME)
        packed = bytearray()
        for piece in self._chunks(self._bucket, key):
            packed += piece
            if len(packed) > MAX_BODY_BYTES:
                raise _UnreadError("too_large")
            if self._clock() - began > left:
                raise _UnreadError(_OUT_OF_TIME)
        return bytes(packed)


class OffloadedBodies:
    """The bucket whose bodies are read, for as long as a function lives."""

    def __init__(
        self, bucket: str, chunks: Chunks, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._bucket = bucket
        self._chunks = chunks
        self._clock = clock

    def of_a_batch(self) -> BatchBodies:
        """Begin a batch, with its full time."""
        return BatchBodies(self._bucket, self._chunks, self._clock)


class _UnreadError(Exception):
    """A body that cannot be read; the message is a one-word reason."""


def _opened(packed: bytes) -> bytes:
    """Return the JSON of a body, gzipped or not. Raises _UnreadError."""
    try:
        text = inflate(packed, MAX_BODY_INFLATED_BYTES) if packed.startswith(_GZIP) else packed
    except BatchError:
        raise _UnreadError("unreadable") from None
    if not _is_json(text):
        raise _UnreadError("unreadable")
    return text


def _is_json(text: bytes) -> bool:
    """Whether it can be parsed, after repair if needed, like a record."""
    for attempt in (bytes, shallow, _mended):
        try:
            msgspec.json.decode(attempt(text), type=msgspec.Raw)
        except (ValueError, RecursionError):
            continue
        return True
    return False


def _mended(text: bytes) -> bytes:
    return mend(shallow(text))
