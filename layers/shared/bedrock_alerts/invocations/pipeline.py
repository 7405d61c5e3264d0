"""Flow 1 from end to end, without I/O: lines in, data points and event lines out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

import msgspec

from bedrock_alerts.invocations.aggregate import AggregateOptions, Aggregator
from bedrock_alerts.invocations.decode import LogBatch
from bedrock_alerts.invocations.model import (
    Billing,
    Cost,
    GuardrailUnits,
    Invocation,
    Rejected,
    Skipped,
    Usage,
)
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.invocations.report import is_notable, report
from bedrock_alerts.metrics import Datapoint

_NO_USAGE: Final = Usage()
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


class CollectOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the collectors publish beyond the defaults."""

    aggregate: AggregateOptions = AggregateOptions()
    every_event: bool = False
    own_log_groups: tuple[str, ...] = ()


class Line(msgspec.Struct, frozen=True):
    """One line of the log. `event_id` is CloudWatch's, empty where the source has none."""

    text: str | bytes
    where: str
    event_id: str = ""
    logged_at: float | None = None


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch came to. `received = processed + rejected + skipped`; duplicates are in none."""

    datapoints: tuple[Datapoint, ...]
    events: tuple[Mapping[str, Any], ...]
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
    """Takes lines one by one and keeps only what they add up to, however many there are."""

    def __init__(self, prices: PriceList, options: CollectOptions, *, now: float | None) -> None:
        self._prices = prices
        self._options = options
        self._aggregator = Aggregator(options.aggregate, now=now)
        self._now = now
        self._event_ids: set[str] = set()
        self._fingerprints: set[int] = set()
        self._request_ids: set[str] = set()
        self._empty: list[tuple[Invocation, str]] = []
        self._events: list[Mapping[str, Any]] = []
        self._received = self._processed = self._rejected = self._skipped = self._duplicates = 0

    def add(self, line: Line) -> None:
        """Count one line, whatever it holds."""
        if line.event_id:
            if line.event_id in self._event_ids:
                self._duplicates += 1
                return
            self._event_ids.add(line.event_id)
        outcome = parse(line.text, where=line.where, logged_at=line.logged_at)
        if isinstance(outcome, Invocation):
            self._add_invocation(outcome, line.where)
        else:
            self._add_unread(outcome, line.logged_at)

    def skip(self, line: Line, reason: str) -> None:
        """Count one line without looking at it."""
        self._add_unread(Skipped(reason, line.where), line.logged_at)

    def finish(self) -> Collected:
        """Decide about the records that waited for a better twin, and return the whole."""
        for invocation, where in self._empty:
            if invocation.request_id in self._request_ids or _is_hollow(invocation):
                self._add_unread(Skipped("superseded", where), invocation.epoch)
            else:
                self._count(invocation)
        self._empty.clear()
        return Collected(
            datapoints=self._aggregator.datapoints(),
            events=tuple(self._events),
            received=self._received,
            processed=self._processed,
            rejected=self._rejected,
            skipped=self._skipped,
            duplicates=self._duplicates,
        )

    def _add_invocation(self, invocation: Invocation, where: str) -> None:
        if invocation.request_id:
            fingerprint = _fingerprint(invocation)
            if fingerprint in self._fingerprints:
                self._duplicates += 1
                return
            self._fingerprints.add(fingerprint)
            if _carries_nothing(invocation):
                self._empty.append((invocation, where))
                return
            self._request_ids.add(invocation.request_id)
        self._count(invocation)

    def _count(self, invocation: Invocation) -> None:
        self._received += 1
        self._processed += 1
        cost = self._prices.cost(
            model_id=invocation.called_id,
            region=invocation.region,
            usage=invocation.usage,
            billing=invocation.billing,
            units=invocation.guardrail.units,
        )
        self._aggregator.add_invocation(invocation, cost)
        if self._options.every_event or is_notable(invocation):
            self._events.append(report(invocation, cost))

    def _add_unread(self, outcome: Rejected | Skipped, at: float | None) -> None:
        minute = int((at if at is not None else self._now or 0) // 60) * 60
        self._received += 1
        if isinstance(outcome, Rejected):
            self._rejected += 1
            self._aggregator.add_rejected(outcome, minute)
        else:
            self._skipped += 1
            self._aggregator.add_skipped(outcome, minute)


def collect(
    batches: Iterable[LogBatch], prices: PriceList, options: CollectOptions, *, now: float
) -> Collected:
    """Turn subscription batches into metrics; `now` is in seconds since 1970."""
    collector = Collector(prices, options, now=now)
    for batch in batches:
        reason = _reason_to_skip(batch, options)
        for line in _lines(batch):
            if reason:
                collector.skip(line, reason)
            else:
                collector.add(line)
    return collector.finish()


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
    """Whether there is nothing to count but the call: no token, error, picture or finding."""
    return (
        invocation.usage == _NO_USAGE
        and invocation.status == "ok"
        and invocation.guardrail.verdict == "none"
        and not invocation.billing.images
    )


def _is_hollow(invocation: Invocation) -> bool:
    """Whether this is the empty record that a stream may log before its real one."""
    return (
        invocation.operation in _STREAMING
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
            invocation.model_id,
            invocation.error_code,
            invocation.stop_reason,
            invocation.usage,
            invocation.billing,
            invocation.latency_ms,
            invocation.guardrail,
        )
    )
