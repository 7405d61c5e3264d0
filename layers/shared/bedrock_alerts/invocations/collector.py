"""Flow 1 from end to end, without I/O: from lines to data points and event lines."""

import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple, Protocol

import msgspec

from bedrock_alerts.errors import BatchError, GoneError
from bedrock_alerts.invocations.aggregate import (
    AggregateOptions,
    Aggregator,
    MetricSet,
    PrincipalScope,
)
from bedrock_alerts.invocations.decode import LogBatch
from bedrock_alerts.invocations.event_lines import event_line, is_notable, notice
from bedrock_alerts.invocations.gunzip import inflated, lines
from bedrock_alerts.invocations.identity import CallerDetail, Naming
from bedrock_alerts.invocations.invocation import Invocation, Rejected, Skipped
from bedrock_alerts.invocations.memory import Memory
from bedrock_alerts.invocations.offloaded_bodies import BatchBodies, OffloadedBodies
from bedrock_alerts.invocations.packed_lines import PackedLines
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.invocations.pricing import PriceList, cost_of
from bedrock_alerts.invocations.profiles import Profiles, is_opaque, resolved
from bedrock_alerts.invocations.s3_notifications import LogObject
from bedrock_alerts.invocations.same_call import carries_nothing, is_hollow
from bedrock_alerts.invocations.usage_lines import UsageLines
from bedrock_alerts.limits import (
    MAX_OBJECT_INFLATED_BYTES,
    METRIC_MAX_AGE_SECONDS,
    METRIC_MAX_AHEAD_SECONDS,
)
from bedrock_alerts.metrics import Datapoint
from bedrock_alerts.text import clean

_ROUND: Final = 500  # invocations held until they are counted together
# Duplicates are found within at least this many consecutive lines of a log; their stored hashes
# take up to 50 MB. Batches are far smaller, so all of their duplicates are found.
_REMEMBERED: Final = 100_000
# The most notices of a batch about unreadable lines; the metric counts them all.
_MOST_NOTICES: Final = 20
_MAX_SHOWN: Final = 300


class ObjectReader(Protocol):
    """Reads objects from S3."""

    def chunks(self, bucket: str, key: str) -> Iterator[bytes]:
        """Return an object's bytes in pieces. Raises GoneError or TransientError."""


class CollectOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the collectors publish beyond the defaults."""

    aggregate: AggregateOptions = AggregateOptions()
    every_event: bool = False
    naming: Naming = Naming()


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a batch. `received = processed + rejected + skipped`; duplicates are in none.

    `events` are lines of JSON, compressed if there are many; `usage` are the usage lines, `notices`
    those about unreadable lines. `deliveries` are the counted deliveries, as hashes for
    `Memory.keep`.
    """

    datapoints: tuple[Datapoint, ...]
    events: Sequence[bytes]
    received: int
    processed: int
    rejected: int
    skipped: int
    duplicates: int
    usage: tuple[bytes, ...] = ()
    notices: tuple[bytes, ...] = ()
    deliveries: frozenset[int] = frozenset()

    def counts(self) -> dict[str, int]:
        """Return only the line counters."""
        return {
            "received": self.received,
            "processed": self.processed,
            "rejected": self.rejected,
            "skipped": self.skipped,
            "duplicates": self.duplicates,
        }


class Parts(NamedTuple):
    """The parts of a collector.

    `bodies` reads output bodies from S3; failures are logged in one line. Deliveries in `memory`
    are duplicates. `profiles` looks up application inference profiles.
    """

    prices: PriceList
    options: CollectOptions
    bodies: OffloadedBodies | None = None
    memory: Memory | None = None
    profiles: Profiles | None = None


class Collector:
    """Takes any number of lines one by one, and keeps only their sums.

    `now` (seconds since 1970) is when they are counted: CloudWatch refuses metrics of other days,
    so records outside its window are skipped. Without `now`, every time is accepted.
    `keep_events=False` is for logs with more event lines than fit into memory. `away` reads output
    bodies that are not in their records.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        now: float | None,
        keep_events: bool = True,
        away: BatchBodies | None = None,
    ) -> None:
        options = parts.options
        self._prices = parts.prices
        self._options = options
        self._memory = parts.memory or Memory()
        self._profiles = parts.profiles
        self._aggregator = Aggregator(options.aggregate, now=now, memory=self._memory)
        self._now = now
        self._keep_events = keep_events
        self._read_body = away.read if away else None
        self._latest = 0.0
        self._first, self._end = _countable_times(now)
        self._undated: Counter[Rejected | Skipped] = Counter()
        self._read: list[Invocation] = []
        self._seen, self._seen_before = _Seen(), _Seen()
        self._events = PackedLines()
        self._notices: list[bytes] = []
        self._usage = UsageLines(options.aggregate.application_key)
        self._received = self._processed = self._rejected = self._skipped = self._duplicates = 0

    def add(
        self,
        text: str | bytes,
        *,
        event_id: str = "",
        logged_at: float | None = None,
        where: str = "",
    ) -> None:
        """Count one line, whatever it holds.

        `event_id` is CloudWatch's, empty if the source has none; `logged_at` is in seconds since
        1970. `where` is the place of a line without id.
        """
        self._seen.lines += 1
        if self._seen.lines == _REMEMBERED:
            self._forget()
        if event_id and self.is_repeated(event_id):
            return
        outcome = parse(
            text,
            where=where,
            logged_at=logged_at,
            read_body=self._read_body,
            naming=self._options.naming,
        )
        if type(outcome) is Invocation:
            self._read.append(outcome)
            if len(self._read) == _ROUND:
                self._count_read()
        else:
            if isinstance(outcome, Rejected) and len(self._notices) < _MOST_NOTICES:
                self._notices.append(_notice_of(outcome, event_id))
            self.add_unread(outcome, logged_at)

    def add_unread(self, outcome: Rejected | Skipped, at: float | None) -> None:
        """Count a line without an invocation; `at` is its time in seconds since 1970, if known."""
        self._received += 1
        if isinstance(outcome, Rejected):
            self._rejected += 1
        else:
            self._skipped += 1
        if at is None or not self._first <= at < self._end:
            at = self._now
        if at is None:
            self._undated[msgspec.structs.replace(outcome, where="")] += 1
        else:
            self._aggregate_unread(outcome, at)

    def skip(self, reason: str, *, event_id: str, logged_at: float | None) -> None:
        """Count one line without looking at it."""
        if not (event_id and self.is_repeated(event_id)):
            self.add_unread(Skipped(reason, ""), logged_at)

    def finish(self) -> Collected:
        """Decide about the records that waited for a better duplicate, and return the result."""
        self._count_read()
        self._settle(self._seen_before)
        self._settle(self._seen)
        # In a log of the past, a line without a time counts at the end.
        for outcome in self._undated.elements():
            self._aggregate_unread(outcome, self._latest)
        self._undated.clear()
        return Collected(
            datapoints=self._aggregator.datapoints(),
            events=self._events,
            received=self._received,
            processed=self._processed,
            rejected=self._rejected,
            skipped=self._skipped,
            duplicates=self._duplicates,
            usage=tuple(self._usage.lines()),
            notices=tuple(self._notices),
            deliveries=frozenset(self._seen.event_ids | self._seen_before.event_ids),
        )

    def is_repeated(self, delivery: str) -> bool:
        """Whether an event or object was counted before; if so, count it as a duplicate."""
        seen = hash(delivery)
        ids, before = self._seen.event_ids, self._seen_before.event_ids
        if seen in ids or seen in before or self._memory.has_counted(seen):
            self._duplicates += 1
            return True
        ids.add(seen)
        return False

    def _count_read(self) -> None:
        """Count the records read, one step after the other.

        One loop that runs all steps for each record takes a third longer, because the steps evict
        each other from the processor's caches.
        """
        read, self._read = self._read, []
        calls = self._without_duplicates(read)
        if self._profiles is not None:
            profiles = self._profiles
            calls = [resolved(call, profiles) if is_opaque(call) else call for call in calls]
        self._count(self._countable(calls))

    def _without_duplicates(self, calls: list[Invocation]) -> list[Invocation]:
        seen, seen_before = self._seen.fingerprints, self._seen_before.fingerprints
        fresh: list[Invocation] = []
        for call in calls:
            if call.request_id:
                fingerprint = hash(call)
                if fingerprint in seen or fingerprint in seen_before:
                    continue
                seen.add(fingerprint)
            fresh.append(call)
        self._duplicates += len(calls) - len(fresh)
        return fresh

    def _countable(self, calls: list[Invocation]) -> list[Invocation]:
        """Leave out calls that no metric accepts, and those that may have a better duplicate."""
        request_ids = self._seen.request_ids
        countable: list[Invocation] = []
        for call in calls:
            if not self._first <= call.epoch < self._end:
                self.add_unread(Skipped("outside_metric_window", ""), None)
            elif not call.request_id:
                countable.append(call)
            elif not call.usage.input_tokens and carries_nothing(call):
                self._put_aside(call)
            else:
                request_ids.add(hash(call.request_id))
                countable.append(call)
        return countable

    def _put_aside(self, call: Invocation) -> None:
        """Let an empty record wait for a better duplicate, unless that was read before."""
        if self._has_twin(call):
            self.add_unread(Skipped("superseded", ""), call.epoch)
        else:
            self._seen.empty.append(call)

    def _has_twin(self, call: Invocation) -> bool:
        key = hash(call.request_id)
        return (
            key in self._seen.request_ids or key in self._seen_before.request_ids or is_hollow(call)
        )

    def _settle(self, seen: "_Seen") -> None:
        """Decide about the empty records that waited."""
        alone: list[Invocation] = []
        for call in seen.empty:
            if self._has_twin(call):
                self.add_unread(Skipped("superseded", ""), call.epoch)
            else:
                alone.append(call)
        seen.empty.clear()
        self._count(alone)

    def _forget(self) -> None:
        """Drop the hashes of the previous period, and begin a new period."""
        self._settle(self._seen_before)
        self._seen, self._seen_before = _Seen(), self._seen

    def _count(self, calls: list[Invocation]) -> None:
        if not calls:
            return
        prices = self._prices
        priced = [(call, cost_of(call, prices)) for call in calls]
        self._aggregator.add(priced)
        if self._keep_events:
            self._usage.add(priced)
            every, key = self._options.every_event, self._options.aggregate.application_key
            self._events.extend(
                event_line(call, cost, key) for call, cost in priced if every or is_notable(call)
            )
        self._received += len(calls)
        self._processed += len(calls)
        self._latest = max(self._latest, *[call.epoch for call in calls])

    def _aggregate_unread(self, outcome: Rejected | Skipped, at: float) -> None:
        minute = int(at // 60) * 60
        if isinstance(outcome, Rejected):
            self._aggregator.add_rejected(outcome, minute)
        else:
            self._aggregator.add_skipped(outcome, minute)


def _notice_of(rejected: Rejected, event_id: str) -> bytes:
    """Note which line could not be read, without its content."""
    return notice(
        "record_rejected",
        "WARNING",
        "a line of the invocation log cannot be read",
        reason=rejected.reason,
        log_event_id=event_id or None,
        where=rejected.where or None,
    )


class _Seen:
    """The records of a period, as hashes, because a long log has millions.

    `empty` are the records that wait for a better duplicate.
    """

    __slots__ = ("empty", "event_ids", "fingerprints", "lines", "request_ids")

    def __init__(self) -> None:
        self.lines = 0
        self.event_ids: set[int] = set()
        self.fingerprints: set[int] = set()
        self.request_ids: set[int] = set()
        self.empty: list[Invocation] = []


def collect(batches: Iterable[LogBatch], parts: Parts, *, now: float) -> Collected:
    """Turn subscription batches into metrics; `now` is in seconds since 1970."""
    away = parts.bodies.of_a_batch() if parts.bodies else None
    collector = Collector(parts, now=now, away=away)
    for batch in batches:
        for event in batch.log_events:
            at = None if event.timestamp is None else event.timestamp / 1000
            if batch.is_control_message:
                collector.skip("control_message", event_id=event.id, logged_at=at)
            else:
                collector.add(event.message, event_id=event.id, logged_at=at)
    return _finished(collector, away)


def collect_objects(
    found: Iterable[LogObject | Rejected | Skipped],
    reader: ObjectReader,
    parts: Parts,
    *,
    now: float,
) -> Collected:
    """Turn objects in S3 into metrics, line by line; other objects are counted as skipped.

    A deleted object can never be counted: it is a rejected line. An object without lines is a
    skipped line, so every object is counted. Raises BatchError, with the object's name, if one is
    damaged or too large.
    """
    away = parts.bodies.of_a_batch() if parts.bodies else None
    collector = Collector(parts, now=now, away=away)
    for item in found:
        if not isinstance(item, LogObject):
            collector.add_unread(item, now)
            continue
        where = f"s3://{item.bucket}/{item.key}"
        if item.version and collector.is_repeated(f"{where} {item.version}"):
            continue
        number = 0
        try:
            packed = reader.chunks(item.bucket, item.key)
            unpacked = inflated(packed, limit=MAX_OBJECT_INFLATED_BYTES)
            for number, text in enumerate(lines(unpacked), 1):
                place = f"{where}:{number}"
                if text is None:
                    collector.add_unread(Rejected("too_large", place), None)
                else:
                    collector.add(text, where=place)
        except GoneError:
            collector.add_unread(Rejected("object_gone", where), now)
        except BatchError as error:
            raise BatchError(f"{clean(where, _MAX_SHOWN)}: {error}") from error
        else:
            if not number:
                collector.add_unread(Skipped("empty_object", where), now)
    return _finished(collector, away)


def _finished(collector: Collector, away: BatchBodies | None) -> Collected:
    """Return the result, with a log line about bodies that could not be read."""
    collected = collector.finish()
    notices = away.notices() if away else ()
    if not notices:
        return collected
    return msgspec.structs.replace(collected, notices=(*collected.notices, *notices))


class Choices(Protocol):
    """The options in a collector's settings."""

    @property
    def event_lines(self) -> Literal["notable", "all"]:
        """Which calls get an event line."""

    @property
    def metric_set(self) -> MetricSet:
        """Which metrics are published."""

    @property
    def principal_metrics(self) -> PrincipalScope:
        """Which callers get their own metrics."""

    @property
    def application_metadata_key(self) -> str | None:
        """The key of the request metadata that names the application."""

    @property
    def caller_detail(self) -> CallerDetail:
        """How callers are named."""

    @property
    def caller_key(self) -> str:
        """The key for hashed names."""


def collect_options(settings: Choices) -> CollectOptions:
    """Return the options of a collector's settings."""
    return CollectOptions(
        aggregate=AggregateOptions(
            metric_set=settings.metric_set,
            principals=settings.principal_metrics,
            application_key=settings.application_metadata_key,
        ),
        every_event=settings.event_lines == "all",
        naming=Naming(settings.caller_detail, settings.caller_key),
    )


def _countable_times(now: float | None) -> tuple[float, float]:
    """Return the first time that can be counted, and the first that no longer can.

    A call counts in its minute, so that minute must be in the window.
    """
    if now is None:
        return -sys.float_info.max, sys.float_info.max
    oldest, newest = now - METRIC_MAX_AGE_SECONDS, now + METRIC_MAX_AHEAD_SECONDS
    return math.ceil(oldest / 60) * 60, (math.floor(newest / 60) + 1) * 60
