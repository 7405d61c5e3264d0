"""Flow 1 from end to end, without I/O: lines in, data points and event lines out."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, Literal, Protocol

import msgspec

from bedrock_alerts.errors import GoneError
from bedrock_alerts.invocations.aggregate import AggregateOptions, Aggregator, PrincipalScope
from bedrock_alerts.invocations.bodies import BatchBodies, OffloadedBodies
from bedrock_alerts.invocations.decode import LogBatch
from bedrock_alerts.invocations.lines import inflated, lines
from bedrock_alerts.invocations.model import (
    Billing,
    Cost,
    GuardrailUnits,
    Invocation,
    Rejected,
    Skipped,
    Usage,
)
from bedrock_alerts.invocations.objects import LogObject
from bedrock_alerts.invocations.parse import ReadBody, parse
from bedrock_alerts.invocations.report import event_line, is_notable
from bedrock_alerts.limits import (
    MAX_OBJECT_INFLATED_BYTES,
    METRIC_MAX_AGE_SECONDS,
    METRIC_MAX_AHEAD_SECONDS,
)
from bedrock_alerts.metrics import Datapoint

_NO_USAGE: Final = Usage()
_ROUND: Final = 500  # invocations held until they are counted together
_STREAMING: Final = frozenset({"ConverseStream", "InvokeModelWithResponseStream"})


class PriceList(Protocol):
    """Says what a call costs."""

    def cost(
        self,
        *,
        model_id: str,
        region: str,
        usage: Usage,
        billing: Billing,
        units: GuardrailUnits | None,
    ) -> Cost:
        """Return the cost, unpriced where no price is known."""


class ObjectReader(Protocol):
    """Reads objects from S3."""

    def chunks(self, bucket: str, key: str) -> Iterator[bytes]:
        """Return an object's bytes in pieces. Raises GoneError or TransientError."""


class CollectOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the collectors publish beyond the defaults."""

    aggregate: AggregateOptions = AggregateOptions()
    every_event: bool = False
    own_log_groups: tuple[str, ...] = ()


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of the log. `event_id` is CloudWatch's, empty where the source has none."""

    text: str | bytes
    where: str
    event_id: str = ""
    logged_at: float | None = None


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch came to. `received = processed + rejected + skipped`; duplicates are in none.

    `events` are lines of JSON: as objects, those of a large log would not fit into memory.
    """

    datapoints: tuple[Datapoint, ...]
    events: tuple[bytes, ...]
    received: int
    processed: int
    rejected: int
    skipped: int
    duplicates: int

    def counts(self) -> dict[str, int]:
        """Return the line counters alone."""
        return {
            "received": self.received,
            "processed": self.processed,
            "rejected": self.rejected,
            "skipped": self.skipped,
            "duplicates": self.duplicates,
        }


class Collector:
    """Takes lines one by one and keeps only what they add up to, however many there are.

    `now` (seconds since 1970) is when they are counted: CloudWatch refuses metrics of other days,
    so that records outside its window are skipped. Without `now` every time is taken.
    `keep_events=False` is for logs with more event lines than fit into memory. `read_body` gets
    output bodies that are not in their records, see `parse`.
    """

    def __init__(
        self,
        prices: PriceList,
        options: CollectOptions,
        *,
        now: float | None,
        keep_events: bool = True,
        read_body: ReadBody | None = None,
    ) -> None:
        self._prices = prices
        self._options = options
        self._aggregator = Aggregator(options.aggregate, now=now)
        self._now = now
        self._keep_events = keep_events
        self._read_body = read_body
        self._latest = 0.0
        self._undated: Counter[Rejected | Skipped] = Counter()
        self._event_ids: set[str] = set()
        self._fingerprints: set[int] = set()
        self._request_ids: set[int] = set()  # hashes: a long log has millions
        self._read: list[tuple[Invocation, str]] = []
        self._empty: list[tuple[Invocation, str]] = []
        self._events: list[bytes] = []
        self._received = self._processed = self._rejected = self._skipped = self._duplicates = 0

    def add(self, line: Line) -> None:
        """Count one line, whatever it holds."""
        if self._is_repeated(line):
            return
        outcome = parse(
            line.text, where=line.where, logged_at=line.logged_at, read_body=self._read_body
        )
        if isinstance(outcome, Invocation):
            self._read.append((outcome, line.where))
            if len(self._read) == _ROUND:
                self._count_read()
        else:
            self.add_unread(outcome, line.logged_at)

    def add_unread(self, outcome: Rejected | Skipped, at: float | None) -> None:
        """Count a line that is no invocation; `at` is its time in seconds since 1970, if known."""
        self._received += 1
        if isinstance(outcome, Rejected):
            self._rejected += 1
        else:
            self._skipped += 1
        if at is None or not self._is_countable(at):
            at = self._now
        if at is None:
            self._undated[msgspec.structs.replace(outcome, where="")] += 1
        else:
            self._aggregate_unread(outcome, at)

    def skip(self, line: Line, reason: str) -> None:
        """Count one line without looking at it."""
        if not self._is_repeated(line):
            self.add_unread(Skipped(reason, line.where), line.logged_at)

    def finish(self) -> Collected:
        """Decide about the records that waited for a better twin, and return the whole."""
        self._count_read()
        alone: list[Invocation] = []
        for invocation, where in self._empty:
            if hash(invocation.request_id) in self._request_ids or _is_hollow(invocation):
                self.add_unread(Skipped("superseded", where), invocation.epoch)
            else:
                alone.append(invocation)
        self._empty.clear()
        self._count(alone)
        # In a log of the past, a line without a time of its own counts at the end.
        for outcome in self._undated.elements():
            self._aggregate_unread(outcome, self._latest)
        self._undated.clear()
        return Collected(
            datapoints=self._aggregator.datapoints(),
            events=tuple(self._events),
            received=self._received,
            processed=self._processed,
            rejected=self._rejected,
            skipped=self._skipped,
            duplicates=self._duplicates,
        )

    def _is_repeated(self, line: Line) -> bool:
        if not line.event_id:
            return False
        if line.event_id in self._event_ids:
            self._duplicates += 1
            return True
        self._event_ids.add(line.event_id)
        return False

    def _count_read(self) -> None:
        """Count what has been read, step by step: one small loop after the other.

        A loop that does everything for one record before the next takes a third longer, because
        each step finds the processor's caches full of another.
        """
        read, self._read = self._read, []
        self._count([call for call, where in read if self._is_to_be_counted(call, where)])

    def _is_to_be_counted(self, invocation: Invocation, where: str) -> bool:
        if invocation.request_id:
            fingerprint = _fingerprint(invocation)
            if fingerprint in self._fingerprints:
                self._duplicates += 1
                return False
            self._fingerprints.add(fingerprint)
        if not self._is_countable(invocation.epoch):
            self.add_unread(Skipped("outside_metric_window", where), None)
            return False
        if invocation.request_id:
            if _carries_nothing(invocation):
                self._empty.append((invocation, where))
                return False
            self._request_ids.add(hash(invocation.request_id))
        return True

    def _count(self, invocations: list[Invocation]) -> None:
        price = self._prices.cost
        costs = [
            price(
                model_id=call.called_id,
                region=call.region,
                usage=call.usage,
                billing=call.billing,
                units=call.guardrail.units,
            )
            for call in invocations
        ]
        for call, cost in zip(invocations, costs, strict=True):
            self._aggregator.add_invocation(call, cost)
        if self._keep_events:
            self._events += [
                event_line(call, cost)
                for call, cost in zip(invocations, costs, strict=True)
                if self._options.every_event or is_notable(call)
            ]
        self._received += len(invocations)
        self._processed += len(invocations)
        self._latest = max((self._latest, *(call.epoch for call in invocations)))

    def _aggregate_unread(self, outcome: Rejected | Skipped, at: float) -> None:
        minute = int(at // 60) * 60
        if isinstance(outcome, Rejected):
            self._aggregator.add_rejected(outcome, minute)
        else:
            self._aggregator.add_skipped(outcome, minute)

    def _is_countable(self, at: float) -> bool:
        if self._now is None:
            return math.isfinite(at)
        # What is counted is the minute in which it was, so that is what has to be in the window.
        age = self._now - at // 60 * 60
        return -METRIC_MAX_AHEAD_SECONDS <= age <= METRIC_MAX_AGE_SECONDS


def collect(
    batches: Iterable[LogBatch],
    prices: PriceList,
    options: CollectOptions,
    *,
    now: float,
    bodies: OffloadedBodies | None = None,
) -> Collected:
    """Turn subscription batches into metrics; `now` is in seconds since 1970.

    Output bodies that lie in S3 are read through `bodies`; what could not be is told in one line.
    """
    away = bodies.of_a_batch() if bodies else None
    collector = Collector(prices, options, now=now, read_body=away.read if away else None)
    for batch in batches:
        reason = _reason_to_skip(batch, options)
        for line in _lines(batch):
            if reason:
                collector.skip(line, reason)
            else:
                collector.add(line)
    return _finished(collector, away)


def collect_objects(
    found: Iterable[LogObject | Rejected | Skipped],
    reader: ObjectReader,
    prices: PriceList,
    options: CollectOptions,
    *,
    now: float,
    bodies: OffloadedBodies | None = None,
) -> Collected:
    """Turn objects in S3 into metrics, line by line; what is no log object is counted as such.

    An object that is gone was counted by nobody and never will be: it is a rejected line. An object
    without a line is a skipped one, so that no object passes without a trace. `bodies`: see
    `collect`.
    """
    away = bodies.of_a_batch() if bodies else None
    collector = Collector(prices, options, now=now, read_body=away.read if away else None)
    for item in found:
        if not isinstance(item, LogObject):
            collector.add_unread(item, now)
            continue
        where = f"s3://{item.bucket}/{item.key}"
        number = 0
        try:
            packed = reader.chunks(item.bucket, item.key)
            unpacked = inflated(packed, limit=MAX_OBJECT_INFLATED_BYTES)
            for number, text in enumerate(lines(unpacked), 1):
                place = f"{where}:{number}"
                if text is None:
                    collector.add_unread(Rejected("too_large", place), None)
                else:
                    collector.add(Line(text, place))
        except GoneError:
            collector.add_unread(Rejected("object_gone", where), now)
        else:
            if not number:
                collector.add_unread(Skipped("empty_object", where), now)
    return _finished(collector, away)


def _finished(collector: Collector, away: BatchBodies | None) -> Collected:
    """Return the whole, with a line for the log about bodies that could not be read."""
    collected = collector.finish()
    notices = away.notices() if away else ()
    if not notices:
        return collected
    return msgspec.structs.replace(collected, events=(*collected.events, *notices))


class Choices(Protocol):
    """What a collector's settings let people choose."""

    @property
    def event_lines(self) -> Literal["notable", "all"]:
        """Which calls get an event line."""

    @property
    def principal_metrics(self) -> PrincipalScope:
        """Which callers get metrics of their own."""

    @property
    def application_metadata_key(self) -> str | None:
        """The key of the request metadata that names the application."""


def collect_options(settings: Choices, *, own_log_group: str | None = None) -> CollectOptions:
    """Return the options that a collector's settings ask for."""
    return CollectOptions(
        aggregate=AggregateOptions(
            principals=settings.principal_metrics,
            application_key=settings.application_metadata_key,
        ),
        every_event=settings.event_lines == "all",
        own_log_groups=(own_log_group,) if own_log_group else (),
    )


def _lines(batch: LogBatch) -> Iterator[Line]:
    for number, event in enumerate(batch.log_events):
        at = None if event.timestamp is None else event.timestamp / 1000
        yield Line(event.message, f"event {event.id or number}", event.id, at)


def _reason_to_skip(batch: LogBatch, options: CollectOptions) -> str | None:
    if batch.is_control_message:
        return "control_message"
    # A collector subscribed to its own log would feed on itself for ever.
    return "own_log_group" if batch.log_group in options.own_log_groups else None


def _carries_nothing(invocation: Invocation) -> bool:
    """Whether there is nothing to count but the call: no token, error, picture or finding.

    A body that was put elsewhere may hold anything.
    """
    return (
        invocation.usage == _NO_USAGE
        and invocation.status == "ok"
        and invocation.guardrail.verdict == "none"
        and not invocation.billing.images
        and invocation.body != "offloaded"
    )


def _is_hollow(invocation: Invocation) -> bool:
    """Whether this is the empty record that a stream may log before its real one."""
    return (
        invocation.operation in _STREAMING
        and invocation.body == "absent"
        and invocation.stop_reason is None
        and invocation.latency_ms is None
    )


def _fingerprint(invocation: Invocation) -> int:
    """Identify a call whose record was delivered twice under different event ids.

    Everything that is counted is in it, so records that share a request id and differ stay two.
    """
    return hash(
        (
            invocation.request_id,
            invocation.epoch,
            invocation.operation,
            invocation.region,
            invocation.model_id,
            invocation.principal_arn,
            invocation.error_code,
            invocation.stop_reason,
            invocation.usage,
            invocation.billing,
            invocation.modality,
            invocation.latency_ms,
            invocation.first_byte_ms,
            invocation.guardrail,
            invocation.body,
            tuple(invocation.metadata.items()),
        )
    )
