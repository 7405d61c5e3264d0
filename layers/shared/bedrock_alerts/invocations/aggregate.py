"""The fourth step: many invocations become few data points, by dimensions and minute.

Grouping before emission is what makes metrics cheap: the records of one model and minute are one
line of output. Counters add up; latencies keep every value, so that percentiles stay true.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeAlias

import msgspec

from bedrock_alerts.invocations.model import (
    PICODOLLARS,
    Cost,
    Invocation,
    Modality,
    Rejected,
    Skipped,
)
from bedrock_alerts.metrics import METRICS, Datapoint, Dimensions
from bedrock_alerts.text import dimension_value

OTHER_VALUES: Final = "__other__"
_THROTTLES: Final = frozenset({"ThrottlingException", "TooManyRequestsException"})
_VERDICT_METRICS: Final = {
    "blocked": "ContentFilteredCount",
    "masked": "MaskedCount",
    "detected": "DetectedCount",
    "unexplained": "UnexplainedInterventions",
}
_DOLLARS: Final = frozenset({"EstimatedCost", "GuardrailCost"})
# Published without dimensions even as 0, so that a graph has a line and a ratio has a bottom.
_ALWAYS: Final = (
    "InvocationErrors",
    "Throttles",
    "ContentFilteredCount",
    "MaskedCount",
    "UnexplainedInterventions",
    "UnpricedInvocations",
    "RecordsRejected",
)
# What tells how often a value of a dimension occurs; every group has one of these.
_CALLS: Final = (
    "Invocations",
    "InvocationErrors",
    "GuardedInvocations",
    "PolicyHits",
    *_VERDICT_METRICS.values(),
)
_BY_MODALITY: Final = frozenset({"Invocations", "InputTokens", "OutputTokens", "ImagesGenerated"})

PrincipalScope: TypeAlias = Literal["none", "violations", "all"]


class AggregateOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the optional dimensions are published: every series costs money.

    `values_per_dimension` caps what one batch may add to a dimension whose values come from
    outside; the rarest share the value `__other__`.
    """

    principals: PrincipalScope = "violations"
    application_key: str | None = None
    values_per_dimension: int = 50


class Group:
    """What one set of dimensions adds up to in one minute; dollars are whole pico-dollars."""

    __slots__ = ("counters", "values")

    def __init__(self) -> None:
        self.counters: dict[str, int] = {}
        self.values: dict[str, list[int]] = {}

    def count(self, metric: str, amount: int = 1) -> None:
        """Add `amount` to a counter."""
        self.counters[metric] = self.counters.get(metric, 0) + amount

    def keep(self, metric: str, value: int) -> None:
        """Keep one value of a distribution."""
        self.values.setdefault(metric, []).append(value)

    def add(self, other: "Group", only: frozenset[str] | None = None) -> None:
        """Add everything that `other` holds, or `only` some of its metrics."""
        for metric, amount in other.counters.items():
            if only is None or metric in only:
                self.count(metric, amount)
        if only is None:
            for metric, values in other.values.items():
                self.values.setdefault(metric, []).extend(values)


class Cell:
    """What the calls of one model and modality add up to in one minute.

    Every call passes through here, so the counts are plain attributes; what few calls have goes
    into `other`.
    """

    __slots__ = (
        "cache_read_tokens",
        "cache_write_tokens",
        "calls",
        "first_byte",
        "guarded",
        "input_tokens",
        "latency",
        "other",
        "output_tokens",
        "picodollars",
        "unguarded",
        "unpriced",
    )

    def __init__(self) -> None:
        self.calls = self.guarded = self.unguarded = self.unpriced = self.picodollars = 0
        self.input_tokens = self.output_tokens = 0
        self.cache_read_tokens = self.cache_write_tokens = 0
        self.latency: list[int] = []
        self.first_byte: list[int] = []
        self.other = Group()

    def add(self, invocation: Invocation, cost: Cost) -> None:
        """Add up what every call has."""
        usage = invocation.usage
        self.calls += 1
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.cache_read_tokens += usage.cache_read_tokens
        self.cache_write_tokens += usage.cache_write_tokens
        if cost.model_picodollars is None:
            self.unpriced += 1
        else:
            self.picodollars += cost.model_picodollars
        if invocation.latency_ms is not None:
            self.latency.append(invocation.latency_ms)
        if invocation.first_byte_ms is not None:
            self.first_byte.append(invocation.first_byte_ms)
        if invocation.guardrail.verdict != "none":
            self.guarded += 1
        elif invocation.body == "inline":
            if invocation.error_code is None:
                self.unguarded += 1
        elif invocation.body == "offloaded":
            self.other.count("OffloadedBodies")
        if invocation.billing.images:
            self.other.count("ImagesGenerated", invocation.billing.images)

    def group(self) -> Group:
        """Return all of it by metric."""
        group = Group()
        group.counters = {
            "Invocations": self.calls,
            "InputTokens": self.input_tokens,
            "OutputTokens": self.output_tokens,
            "CacheReadTokens": self.cache_read_tokens,
            "CacheWriteTokens": self.cache_write_tokens,
            "UnpricedInvocations": self.unpriced,
            "GuardedInvocations": self.guarded,
            "UnguardedInvocations": self.unguarded,
        }
        if self.calls > self.unpriced:
            group.counters["EstimatedCost"] = self.picodollars
        group.values = {
            metric: values
            for metric, values in (("Latency", self.latency), ("TimeToFirstByte", self.first_byte))
            if values
        }
        group.add(self.other)
        return group


_CellKey: TypeAlias = tuple[int, str, Modality]
_Key: TypeAlias = tuple[int, Dimensions]


class Aggregator:
    """Collects outcomes and turns them into data points. The order of what is added never matters.

    `now` (seconds since 1970) is the time of counting; without it no `RecordAge` is published.
    """

    def __init__(self, options: AggregateOptions, *, now: float | None = None) -> None:
        self._options = options
        self._now = now
        self._cells: defaultdict[_CellKey, Cell] = defaultdict(Cell)
        self._groups: defaultdict[_Key, Group] = defaultdict(Group)
        self._guardrails: dict[tuple[int, str], Group] = {}

    def add_invocation(self, invocation: Invocation, cost: Cost) -> None:
        """Count one call and its cost."""
        minute = int(invocation.epoch // 60) * 60
        cell = self._cells[minute, invocation.called_id, invocation.modality]
        cell.add(invocation, cost)
        verdict = invocation.guardrail.verdict
        if invocation.error_code is not None:
            self._add_error(cell.other, minute, invocation.error_code)
        if verdict != "none":
            self._add_guardrail(cell.other, minute, invocation, cost)
        if self._options.principals == "all" or (
            self._options.principals == "violations" and verdict in _VERDICT_METRICS
        ):
            self._add_principal(minute, invocation)
        if self._options.application_key is not None and invocation.metadata:
            self._add_application(minute, invocation, cost)

    def add_rejected(self, rejected: Rejected, minute: int) -> None:
        """Count a line that could not be read."""
        self._add_line("RecordsRejected", rejected.reason, minute)

    def add_skipped(self, skipped: Skipped, minute: int) -> None:
        """Count a line that was none of our business."""
        self._add_line("RecordsSkipped", skipped.reason, minute)

    def datapoints(self) -> tuple[Datapoint, ...]:
        """Return every data point, in a stable order."""
        groups = self._rolled_up()
        for name in ("ModelId", "GuardrailId", "Category", "ErrorCode", "Principal", "Application"):
            groups = _capped(groups, name, self._options.values_per_dimension)
        return tuple(point for key in sorted(groups) for point in _points(key, groups[key]))

    def _add_line(self, metric: str, reason: str, minute: int) -> None:
        self._groups[minute, ()].count(metric)
        self._groups[minute, ()].count("RecordsReceived")
        self._groups[minute, (("Reason", reason),)].count(metric)

    def _add_error(self, other: Group, minute: int, error_code: str) -> None:
        other.count("InvocationErrors")
        if error_code in _THROTTLES:
            other.count("Throttles")
        self._groups[minute, (("ErrorCode", error_code),)].count("InvocationErrors")

    def _add_guardrail(self, other: Group, minute: int, invocation: Invocation, cost: Cost) -> None:
        guardrail = invocation.guardrail
        metric = _VERDICT_METRICS.get(guardrail.verdict)
        if metric:
            other.count(metric)
        if guardrail.hits:
            other.count("PolicyHits", len(guardrail.hits))
        if guardrail.latency_ms is not None:
            other.keep("GuardrailLatency", guardrail.latency_ms)
        if guardrail.units is not None:
            other.count("GuardrailUnits", guardrail.units.total())
            other.count("GuardrailCost", cost.guardrail_picodollars)
        for guardrail_id in guardrail.ids:
            by_id = self._by_guardrail(minute, guardrail_id)
            by_id.count("GuardedInvocations")
            if metric and (
                guardrail.verdict == "unexplained" or _is_theirs(guardrail_id, invocation)
            ):
                by_id.count(metric)
        for hit in guardrail.hits:
            by_action = (("Policy", hit.policy), ("Action", hit.action))
            category = ("Category", dimension_value(hit.category))
            self._groups[minute, by_action].count("PolicyHits")
            self._groups[minute, (by_action[0], category, by_action[1])].count("PolicyHits")
            self._by_guardrail(minute, hit.guardrail_id).count("PolicyHits")

    def _by_guardrail(self, minute: int, guardrail_id: str) -> Group:
        """Return a guardrail's group; found by its id, because nearly every call asks for it."""
        group = self._guardrails.get((minute, guardrail_id))
        if group is None:
            group = self._groups[minute, (("GuardrailId", dimension_value(guardrail_id)),)]
            self._guardrails[minute, guardrail_id] = group
        return group

    def _add_principal(self, minute: int, invocation: Invocation) -> None:
        group = self._groups[minute, (("Principal", dimension_value(invocation.principal)),)]
        if self._options.principals == "all":
            group.count("Invocations")
        metric = _VERDICT_METRICS.get(invocation.guardrail.verdict)
        if metric:
            group.count(metric)

    def _add_application(self, minute: int, invocation: Invocation, cost: Cost) -> None:
        application = invocation.metadata.get(self._options.application_key or "")
        if not application:
            return
        group = self._groups[minute, (("Application", dimension_value(application)),)]
        group.count("Invocations")
        group.count("InputTokens", invocation.usage.input_tokens)
        group.count("OutputTokens", invocation.usage.output_tokens)
        group.count("EstimatedCost", cost.model_picodollars or 0)
        group.count("UnpricedInvocations", int(cost.model_picodollars is None))
        metric = _VERDICT_METRICS.get(invocation.guardrail.verdict)
        if metric:
            group.count(metric)

    def _rolled_up(self) -> dict[_Key, Group]:
        """Add the cells up: over everything, by model and by modality."""
        groups: defaultdict[_Key, Group] = defaultdict(Group)
        for key, group in self._groups.items():
            groups[key].add(group)
        for (minute, model_id, modality), cell in self._cells.items():
            group = cell.group()
            total = groups[minute, ()]
            total.add(group)
            total.count("RecordsProcessed", cell.calls)
            total.count("RecordsReceived", cell.calls)
            groups[minute, (("ModelId", dimension_value(model_id)),)].add(group)
            groups[minute, (("Modality", modality),)].add(group, only=_BY_MODALITY)
        for (minute, dimensions), group in groups.items():
            if not dimensions:
                for metric in _ALWAYS:
                    group.count(metric, 0)
                if self._now is not None:
                    group.keep("RecordAge", max(0, int(self._now - minute)))
        return groups


def _is_theirs(guardrail_id: str, invocation: Invocation) -> bool:
    """Whether this guardrail, of several, has a hit that explains the call's verdict."""
    action = {"blocked": "BLOCKED", "masked": "ANONYMIZED"}.get(invocation.guardrail.verdict)
    return any(
        hit.guardrail_id == guardrail_id and (action is None or hit.action == action)
        for hit in invocation.guardrail.hits
    )


def _capped(groups: dict[_Key, Group], name: str, limit: int) -> dict[_Key, Group]:
    """Let `name` have at most `limit` values; the rarest share `__other__`."""
    seen: Counter[str] = Counter()
    for (_, dimensions), group in groups.items():
        for dimension, value in dimensions:
            if dimension == name:
                seen[value] += max(group.counters.get(metric, 0) for metric in _CALLS)
    if len(seen) <= limit:
        return groups
    by_frequency = sorted(seen, key=lambda value: (-seen[value], value))
    kept = set(by_frequency[: limit - 1])
    capped: defaultdict[_Key, Group] = defaultdict(Group)
    for (minute, dimensions), group in groups.items():
        capped[
            minute,
            tuple(
                (dimension, value if dimension != name or value in kept else OTHER_VALUES)
                for dimension, value in dimensions
            ),
        ].add(group)
    return capped


def _points(key: _Key, group: Group) -> Iterator[Datapoint]:
    minute, dimensions = key
    for metric, amount in group.counters.items():
        if amount or (not dimensions and (metric in _ALWAYS or metric in _DOLLARS)):
            value = amount / PICODOLLARS if metric in _DOLLARS else amount
            yield Datapoint(metric=metric, dimensions=dimensions, minute=minute, values=(value,))
    for metric, values in group.values.items():
        kept: Iterable[int] = (max(values),) if METRICS[metric].combine == "max" else sorted(values)
        yield Datapoint(metric=metric, dimensions=dimensions, minute=minute, values=tuple(kept))
