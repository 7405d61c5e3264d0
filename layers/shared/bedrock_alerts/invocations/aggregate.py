"""The fourth step: aggregates invocations into data points by dimensions and minute.

Grouping before emission is what makes metrics cheap: the records of one model and minute are one
line of output. Counters add up; latencies keep every value, so that percentiles stay true.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from bedrock_alerts.invocations.identity import OTHER_VALUES
from bedrock_alerts.invocations.invocation import (
    PICODOLLARS,
    Body,
    Cost,
    GuardrailResult,
    Invocation,
    Modality,
    PricedCall,
    Rejected,
    Skipped,
    Verdict,
)
from bedrock_alerts.invocations.memory import Memory
from bedrock_alerts.metrics import METRICS, Datapoint, Dimensions
from bedrock_alerts.text import dimension_value

_HOUR: Final = 3600
THROTTLES: Final = frozenset({"ThrottlingException", "TooManyRequestsException"})
"""The error codes of calls that Bedrock throttled."""
_VERDICT_METRICS: Final = {
    "blocked": "ContentFilteredCount",
    "masked": "MaskedCount",
    "detected": "DetectedCount",
    "unexplained": "UnexplainedInterventions",
}
_DOLLARS: Final = frozenset({"EstimatedCost", "GuardrailCost"})
# Published without dimensions even as 0, so that graphs have a line and ratios a denominator.
_ALWAYS: Final = (
    "InvocationErrors",
    "Throttles",
    "ContentFilteredCount",
    "MaskedCount",
    "UnexplainedInterventions",
    "UnpricedInvocations",
    "RecordsRejected",
)
# Metrics that count how often a dimension's value occurs; every group has one of them.
_CALLS: Final = (
    "Invocations",
    "InvocationErrors",
    "GuardedInvocations",
    "PolicyHits",
    *_VERDICT_METRICS.values(),
)
# Dimensions whose values others choose. Capping one changes no value of another.
_FROM_OUTSIDE: Final = frozenset(
    {"ModelId", "GuardrailId", "Category", "ErrorCode", "Principal", "Application"}
)
_BY_MODALITY: Final = frozenset({"Invocations", "InputTokens", "OutputTokens", "ImagesGenerated"})

# Published with AlarmSet=essential, by the names of the dimensions: each series costs money.
# Applications are published whole: someone asked for them.
_ESSENTIAL: Final[Mapping[tuple[str, ...], frozenset[str]]] = {
    (): frozenset(
        {
            "Invocations",
            "EstimatedCost",
            "GuardrailCost",
            "UnpricedInvocations",
            "GuardedInvocations",
            "UnguardedInvocations",
            "ContentFilteredCount",
            "ApiKeyInvocations",
            "RecordsReceived",
            "RecordsRejected",
        }
    ),
    ("ErrorCode",): frozenset({"InvocationErrors"}),
    ("Policy", "Action"): frozenset({"PolicyHits"}),
    ("Principal",): frozenset({"ContentFilteredCount"}),
}
_PROMPT_ATTACK: Final = (
    ("Policy", "content"),
    ("Category", "PROMPT_ATTACK"),
    ("Action", "BLOCKED"),
)

MetricSet: TypeAlias = Literal["essential", "all"]
PrincipalScope: TypeAlias = Literal["none", "violations", "all"]


class AggregateOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The optional dimensions to publish: every metric costs money.

    `caller_details` adds the cost and the errors of each caller, for a backtest, where metrics cost
    nothing. `values_per_hour` caps the names of a dimension whose values come from outside, and
    `callers_per_hour` those of `Principal`; the rarest share the value `__other__`.
    """

    metric_set: MetricSet = "all"
    principals: PrincipalScope = "violations"
    caller_details: bool = False
    application_key: str | None = None
    values_per_hour: int = 50
    callers_per_hour: int = 200


class Group:
    """The sums of one set of dimensions in one minute; dollars are whole pico-dollars."""

    __slots__ = ("counters", "values")

    def __init__(self) -> None:
        self.counters: dict[str, int] = {}
        self.values: dict[str, list[int]] = {}

    def count(self, metric: str, amount: int = 1) -> None:
        """Add `amount` to a counter."""
        self.counters[metric] = self.counters.get(metric, 0) + amount

    def keep(self, metric: str, value: int) -> None:
        """Store one value of a distribution."""
        self.values.setdefault(metric, []).append(value)

    def add(self, other: "Group", only: frozenset[str] | None = None) -> None:
        """Add the values of `other`, or `only` some of its metrics."""
        for metric, amount in other.counters.items():
            if only is None or metric in only:
                self.count(metric, amount)
        if only is None:
            for metric, values in other.values.items():
                self.values.setdefault(metric, []).extend(values)


_Common: TypeAlias = tuple[
    int, str, str, Modality, str | None, Body, Verdict, tuple[str, ...], bool
]


class Alike(NamedTuple):
    """The properties that calls counted together share: everything but numbers."""

    minute: int
    called_id: str
    model: str
    modality: Modality
    error_code: str | None
    body: Body
    verdict: Verdict
    guardrails: tuple[str, ...]
    is_api_key: bool


class Cell:
    """The sums of calls with equal properties.

    Every call is added here, so this only adds; shared properties are evaluated once, when the
    cells are rolled up.
    """

    __slots__ = (
        "cache_read_tokens",
        "cache_write_tokens",
        "calls",
        "first_byte",
        "guardrail_latency",
        "guardrail_picodollars",
        "hits",
        "images",
        "input_tokens",
        "latency",
        "output_tokens",
        "picodollars",
        "unit_calls",
        "units",
        "unpriced",
    )

    def __init__(self) -> None:
        self.calls = self.images = self.picodollars = self.unpriced = 0
        self.input_tokens = self.output_tokens = 0
        self.cache_read_tokens = self.cache_write_tokens = 0
        self.hits = self.unit_calls = self.units = self.guardrail_picodollars = 0
        self.latency: list[int] = []
        self.first_byte: list[int] = []
        self.guardrail_latency: list[int] = []

    def add(self, calls: list[PricedCall]) -> None:
        """Add some calls; the sums are local variables, which are fastest."""
        read = written = cache_read = cache_written = images = unpriced = picodollars = 0
        hits = unit_calls = units = guardrail_picodollars = 0
        for call, cost in calls:
            usage = call.usage
            read += usage.input_tokens
            written += usage.output_tokens
            cache_read += usage.cache_read_tokens
            cache_written += usage.cache_write_tokens
            images += call.billing.images
            if cost.model_picodollars is None:
                unpriced += 1
            else:
                picodollars += cost.model_picodollars
            if call.latency_ms is not None:
                self.latency.append(call.latency_ms)
            if call.first_byte_ms is not None:
                self.first_byte.append(call.first_byte_ms)
            guardrail = call.guardrail
            if guardrail.latency_ms is not None:
                self.guardrail_latency.append(guardrail.latency_ms)
            if guardrail.hits:
                hits += len(guardrail.hits)
            if guardrail.units is not None:
                unit_calls += 1
                units += guardrail.units.charged()
                guardrail_picodollars += cost.guardrail_picodollars
        self.calls += len(calls)
        self.input_tokens += read
        self.output_tokens += written
        self.cache_read_tokens += cache_read
        self.cache_write_tokens += cache_written
        self.images += images
        self.unpriced += unpriced
        self.picodollars += picodollars
        self.hits += hits
        self.unit_calls += unit_calls
        self.units += units
        self.guardrail_picodollars += guardrail_picodollars

    def group(self, alike: Alike) -> Group:
        """Return the sums by metric."""
        group = Group()
        group.counters = {
            "Invocations": self.calls,
            "InputTokens": self.input_tokens,
            "OutputTokens": self.output_tokens,
            "CacheReadTokens": self.cache_read_tokens,
            "CacheWriteTokens": self.cache_write_tokens,
            "ImagesGenerated": self.images,
            "UnpricedInvocations": self.unpriced,
            "PolicyHits": self.hits,
            **dict.fromkeys(_counters_of(alike), self.calls),
        }
        if self.calls > self.unpriced:
            group.counters["EstimatedCost"] = self.picodollars
        if self.unit_calls:
            group.counters["GuardrailUnits"] = self.units
            group.counters["GuardrailCost"] = self.guardrail_picodollars
        group.values = {
            metric: values
            for metric, values in (
                ("Latency", self.latency),
                ("TimeToFirstByte", self.first_byte),
                ("GuardrailLatency", self.guardrail_latency),
            )
            if values
        }
        return group


def _counters_of(alike: Alike) -> Iterator[str]:
    """Return the metrics in which such a call counts as one, besides `Invocations`."""
    if alike.is_api_key:
        yield "ApiKeyInvocations"
    if alike.error_code is not None:
        yield "InvocationErrors"
        if alike.error_code in THROTTLES:
            yield "Throttles"
    if alike.verdict != "none":
        yield "GuardedInvocations"
        if alike.verdict in _VERDICT_METRICS:
            yield _VERDICT_METRICS[alike.verdict]
    elif alike.body == "offloaded":
        yield "OffloadedBodies"
    elif alike.body == "inline" and alike.error_code is None and _takes_guardrails(alike):
        yield "UnguardedInvocations"


def _takes_guardrails(alike: Alike) -> bool:
    """Whether such a call could have had a guardrail: embeddings and rerank cannot.

    https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-supported.html
    """
    return alike.modality != "embedding" and "rerank" not in alike.model


_Key: TypeAlias = tuple[int, Dimensions]


class Aggregator:
    """Collects outcomes and turns them into data points. The order of additions does not matter.

    `now` (seconds since 1970) is the time of counting; without it no `RecordAge` is published.
    `memory` knows the names of earlier batches.
    """

    def __init__(
        self, options: AggregateOptions, *, now: float | None = None, memory: Memory | None = None
    ) -> None:
        self._options = options
        self._memory = memory or Memory()
        self._now = now
        self._cells: defaultdict[_Common, Cell] = defaultdict(Cell)
        self._groups: defaultdict[_Key, Group] = defaultdict(Group)

    def add(self, calls: Iterable[PricedCall]) -> None:
        """Count some calls, each with its cost."""
        alike: defaultdict[_Common, list[PricedCall]] = defaultdict(list)
        for call, cost in calls:
            minute = int(call.epoch // 60) * 60
            guardrail = call.guardrail
            called_id, model = call.inference_profile or call.model, call.model
            if call.error_code and not cost.is_listed:
                # Any caller of Bedrock can invent model names at no cost.
                called_id = model = OTHER_VALUES
            alike[
                minute,
                called_id,
                model,
                call.modality,
                call.error_code,
                call.body,
                guardrail.verdict,
                guardrail.ids,
                call.is_api_key,
            ].append((call, cost))
        for common, some in alike.items():
            self._cells[common].add(some)
            self._add_to_groups(Alike(*common), some)

    def _add_to_groups(self, alike: Alike, calls: list[PricedCall]) -> None:
        """Count calls with further dimensions: only some have them, most are complete by now."""
        is_violation = alike.verdict in _VERDICT_METRICS
        scope = self._options.principals
        by_principal = scope == "all" or (scope == "violations" and is_violation)
        by_application = self._options.application_key is not None
        if not (is_violation or by_principal or by_application):
            return
        for call, cost in calls:
            if is_violation:
                self._add_hits(alike.minute, call.guardrail)
            if by_principal:
                self._add_principal(alike.minute, call, cost)
            if by_application:
                self._add_application(alike.minute, call, cost)

    def add_rejected(self, rejected: Rejected, minute: int) -> None:
        """Count a line that could not be read."""
        self._add_line("RecordsRejected", rejected.reason, minute)

    def add_skipped(self, skipped: Skipped, minute: int) -> None:
        """Count a line that is not an invocation record."""
        self._add_line("RecordsSkipped", skipped.reason, minute)

    def datapoints(self) -> tuple[Datapoint, ...]:
        """Return every data point, in a stable order."""
        groups = self._rolled_up()
        for name in _FROM_OUTSIDE & {name for _, pairs in groups for name, _ in pairs}:
            groups = self._capped(groups, name)
        if self._options.metric_set == "essential":
            groups = _essential(groups)
        return tuple(point for key in sorted(groups) for point in _points(key, groups[key]))

    def _capped(self, groups: dict[_Key, Group], name: str) -> dict[_Key, Group]:
        """Limit the values of `name` in an hour; the rarest share one."""
        options = self._options
        most = options.callers_per_hour if name == "Principal" else options.values_per_hour
        seen: defaultdict[int, Counter[str]] = defaultdict(Counter)
        for (minute, dimensions), group in groups.items():
            for dimension, value in dimensions:
                if dimension == name and value != OTHER_VALUES:
                    often = max(group.counters.get(metric, 0) for metric in _CALLS)
                    seen[minute // _HOUR][value] += often
        kept = {
            hour: self._memory.published(hour, name, counts, most)
            for hour, counts in sorted(seen.items())
        }
        if all(seen[hour].keys() <= names for hour, names in kept.items()):
            return groups
        capped: defaultdict[_Key, Group] = defaultdict(Group)
        for (minute, dimensions), group in groups.items():
            here = kept.get(minute // _HOUR, frozenset())
            capped[
                minute,
                tuple(
                    (dimension, value if dimension != name or value in here else OTHER_VALUES)
                    for dimension, value in dimensions
                ),
            ].add(group)
        return capped

    def _add_line(self, metric: str, reason: str, minute: int) -> None:
        self._groups[minute, ()].count(metric)
        self._groups[minute, ()].count("RecordsReceived")
        self._groups[minute, (("Reason", reason),)].count(metric)

    def _add_hits(self, minute: int, guardrail: GuardrailResult) -> None:
        for hit in guardrail.hits:
            by_action = (("Policy", hit.policy), ("Action", hit.action))
            category = ("Category", dimension_value(hit.category))
            self._groups[minute, by_action].count("PolicyHits")
            self._groups[minute, (by_action[0], category, by_action[1])].count("PolicyHits")
            self._groups[minute, _by_guardrail(hit.guardrail_id)].count("PolicyHits")
        metric = _VERDICT_METRICS.get(guardrail.verdict)
        if metric and guardrail.verdict != "unexplained":
            for guardrail_id in guardrail.ids:
                if _is_theirs(guardrail_id, guardrail):
                    self._groups[minute, _by_guardrail(guardrail_id)].count(metric)

    def _add_principal(self, minute: int, invocation: Invocation, cost: Cost) -> None:
        caller = ("Principal", dimension_value(invocation.principal))
        group = self._groups[minute, (caller,)]
        if self._options.principals == "all":
            group.count("Invocations")
        metric = _VERDICT_METRICS.get(invocation.guardrail.verdict)
        if metric:
            group.count(metric)
        if not self._options.caller_details:
            return
        group.count("UnpricedInvocations", int(cost.model_picodollars is None))
        group.count("EstimatedCost", cost.model_picodollars or 0)
        group.count("GuardrailCost", cost.guardrail_picodollars)
        if invocation.error_code:
            code = ("ErrorCode", dimension_value(invocation.error_code))
            self._groups[minute, (code, caller)].count("InvocationErrors")

    def _add_application(self, minute: int, invocation: Invocation, cost: Cost) -> None:
        application = invocation.application_by(self._options.application_key)
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
        """Roll the cells up: in total, by model and by modality."""
        groups: defaultdict[_Key, Group] = defaultdict(Group)
        for key, group in self._groups.items():
            groups[key].add(group)
        for common, cell in self._cells.items():
            alike = Alike(*common)
            minute, calls = alike.minute, cell.calls
            group = cell.group(alike)
            total = groups[minute, ()]
            total.add(group)
            total.count("RecordsProcessed", calls)
            total.count("RecordsReceived", calls)
            groups[minute, (("ModelId", dimension_value(alike.called_id)),)].add(group)
            groups[minute, (("Modality", alike.modality),)].add(group, only=_BY_MODALITY)
            if alike.error_code is not None:
                groups[minute, (("ErrorCode", alike.error_code),)].count("InvocationErrors", calls)
            for guardrail_id in alike.guardrails:
                by_guardrail = groups[minute, _by_guardrail(guardrail_id)]
                by_guardrail.count("GuardedInvocations", calls)
                if alike.verdict == "unexplained":  # the record does not say by which, so by each
                    by_guardrail.count("UnexplainedInterventions", calls)
        for (_, dimensions), group in groups.items():
            if not dimensions:
                for metric in _ALWAYS:
                    group.count(metric, 0)
        if self._now is not None and groups:
            # In the minute of counting: no alarm evaluates the minute of an old call.
            age = max(0, int(self._now - min(minute for minute, _ in groups)))
            groups[int(self._now) // 60 * 60, ()].keep("RecordAge", age)
        return groups


def _essential(groups: Mapping[_Key, Group]) -> dict[_Key, Group]:
    """Keep the metrics that the essential alarms and the daily sums need."""
    kept: dict[_Key, Group] = {}
    for (minute, dimensions), group in groups.items():
        names = tuple(name for name, _ in dimensions)
        if names == ("Application",) or dimensions == _PROMPT_ATTACK:
            kept[minute, dimensions] = group
        elif names in _ESSENTIAL:
            smaller = Group()
            smaller.add(group, only=_ESSENTIAL[names])
            kept[minute, dimensions] = smaller
    return kept


def _by_guardrail(guardrail_id: str) -> Dimensions:
    return (("GuardrailId", dimension_value(guardrail_id)),)


def _is_theirs(guardrail_id: str, guardrail: GuardrailResult) -> bool:
    """Whether this guardrail, of several, has a hit that explains the call's verdict."""
    action = {"blocked": "BLOCKED", "masked": "ANONYMIZED"}.get(guardrail.verdict)
    return any(
        hit.guardrail_id == guardrail_id and (action is None or hit.action == action)
        for hit in guardrail.hits
    )


def _points(key: _Key, group: Group) -> Iterator[Datapoint]:
    minute, dimensions = key
    for metric, amount in group.counters.items():
        if amount or (not dimensions and (metric in _ALWAYS or metric in _DOLLARS)):
            value = amount / PICODOLLARS if metric in _DOLLARS else amount
            yield Datapoint(metric=metric, dimensions=dimensions, minute=minute, values=(value,))
    for metric, values in group.values.items():
        kept: Iterable[int] = (max(values),) if METRICS[metric].combine == "max" else sorted(values)
        yield Datapoint(metric=metric, dimensions=dimensions, minute=minute, values=tuple(kept))
