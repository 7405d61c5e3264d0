"""A month of calls as billed: the number of series, batches and bytes of log.

Both a log sample and plain counts are run through the collector's own code, so that new metrics and
longer lines are always included.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from math import expm1
from typing import Final

import msgspec
from msgspec import structs

from bedrock_alerts.adapters.emf import emf_lines
from bedrock_alerts.invocations.aggregate import Aggregator
from bedrock_alerts.invocations.collector import CollectOptions, Collector, Parts
from bedrock_alerts.invocations.event_lines import event_line, is_notable
from bedrock_alerts.invocations.invocation import (
    Billing,
    GuardrailResult,
    GuardrailUnits,
    Hit,
    Invocation,
    Rejected,
    Skipped,
    Usage,
)
from bedrock_alerts.invocations.pricing import PriceList
from bedrock_alerts.invocations.usage_lines import UsageLines
from bedrock_alerts.metrics import Datapoint, Dimensions
from bedrock_alerts_cli.cost.rates import HOURS_A_MONTH
from bedrock_alerts_cli.log_files import Line

_HOUR: Final = 3600
_MONTH_SECONDS: Final = HOURS_A_MONTH * _HOUR
_FIRST: Final = 1_772_446_500.0  # any moment: sample calls all happen at once
_BATCHES_IMAGINED: Final = 20
_POLICIES: Final = ("content", "topic", "sensitive_information", "word")
_NAMESPACE: Final = "BedrockAlerts"
# The collector publishes it as it counts; a log of the past does not show it.
_AGE: Final = "RecordAge"


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """The traffic of a month. `metric_months` counts each series by the share of hours it has data.

    `bedrock_log_bytes` is the invocation log itself, None if unknown.
    """

    calls: float
    batches: float
    series: int
    metric_months: float
    principals: int
    metric_line_bytes: float
    event_line_bytes: float
    bedrock_log_bytes: float | None
    span_seconds: float | None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """A month of traffic in numbers. `notable` is the share of calls with an error or finding."""

    calls: float
    models: int = 3
    guardrails: int = 1
    findings: int = 5
    error_codes: int = 2
    principals: int = 10
    applications: int = 0
    notable: float = 0.05


class _Meter:
    """Sums up what batches publish."""

    def __init__(self, options: CollectOptions) -> None:
        self._has_age = options.aggregate.metric_set == "all"
        self.calls = self.batches = 0
        self.metric_bytes = self.event_bytes = self.log_bytes = 0
        self.series: set[tuple[str, Dimensions]] = set()
        self.series_hours: set[tuple[str, Dimensions, int]] = set()
        self.first: int | None = None
        self.last = 0

    def see(self, points: Sequence[Datapoint]) -> None:
        """Record the series and their times."""
        for point in points:
            hour = point.minute // _HOUR
            self.series.add((point.metric, point.dimensions))
            self.series_hours.add((point.metric, point.dimensions, hour))
            if self._has_age:
                self.series.add((_AGE, ()))
                self.series_hours.add((_AGE, (), hour))
            self.first = point.minute if self.first is None else min(self.first, point.minute)
            self.last = max(self.last, point.minute)

    def weigh(self, points: Sequence[Datapoint], events: Iterable[bytes], calls: int) -> None:
        """Record the size of a batch's lines."""
        self.calls += calls
        self.batches += 1
        self.metric_bytes += sum(len(line) + 1 for line in emf_lines(points, _NAMESPACE))
        self.event_bytes += sum(len(line) + 1 for line in events)

    def month(self, factor: float, calls_per_batch: int, *, has_log: bool) -> Traffic:
        """Return `factor` times this traffic."""
        first = self.last if self.first is None else self.first
        hours = self.last // _HOUR - first // _HOUR + 1
        calls = self.calls * factor
        return Traffic(
            calls=calls,
            batches=calls / calls_per_batch,
            series=len(self.series),
            metric_months=len(self.series_hours) / hours,
            principals=len({dims for metric, dims in self.series if _is_of_a_caller(metric, dims)}),
            metric_line_bytes=self.metric_bytes * factor,
            event_line_bytes=self.event_bytes * factor,
            bedrock_log_bytes=self.log_bytes * factor if has_log else None,
            span_seconds=self.last - first + 60 if has_log else None,
        )


def _is_of_a_caller(metric: str, dimensions: Dimensions) -> bool:
    """Whether RepeatOffender evaluates a series."""
    return metric == "ContentFilteredCount" and [name for name, _ in dimensions] == ["Principal"]


def of_a_sample(
    entries: Iterable[Line | Rejected | Skipped],
    prices: PriceList,
    options: CollectOptions,
    *,
    calls_per_batch: int,
    calls_a_month: float | None = None,
) -> Traffic | None:
    """Scale a log to a month: by `calls_a_month`, or by the time between its first and last call.

    Returns None for a log without a call.
    """
    meter = _Meter(options)
    remaining = iter(entries)
    while batch := list(islice(remaining, calls_per_batch)):
        collector = Collector(Parts(prices, options), now=None)
        for entry in batch:
            if isinstance(entry, Line):
                collector.add(entry.text, event_id=entry.event_id, logged_at=entry.logged_at)
                meter.log_bytes += len(entry.text)
            else:
                collector.add_unread(entry, None)
        collected = collector.finish()
        meter.see(collected.datapoints)
        lines = (*collected.events, *collected.usage)
        meter.weigh(collected.datapoints, lines, collected.processed)
    if not meter.calls or meter.first is None:
        return None
    factor = (
        _MONTH_SECONDS / (meter.last - meter.first + 60)
        if calls_a_month is None
        else calls_a_month / meter.calls
    )
    return meter.month(factor, calls_per_batch, has_log=True)


def of_counts(
    counts: Counts, prices: PriceList, options: CollectOptions, *, calls_per_batch: int
) -> Traffic:
    """Create sample calls with these numbers of models, callers and findings, scaled to a month.

    They are spread evenly over its hours: a series with few calls has data in few of them.
    """
    meter = _Meter(options)
    special = list(_special(counts))
    ordinary = [imagined_call(counts, number) for number in range(max(1, counts.models))]
    # The limit of values is for each batch, and a month has many.
    uncapped = structs.replace(
        options,
        aggregate=structs.replace(options.aggregate, values_per_hour=10**9, callers_per_hour=10**9),
    )
    points, _ = _published([*ordinary, *special], prices, uncapped)
    meter.see(points)
    hours = _hours_with_data(counts, ordinary, special, prices, uncapped)
    step = round(1 / counts.notable) if counts.notable and special else 0
    number = 0
    for _ in range(_BATCHES_IMAGINED):
        batch: list[Invocation] = []
        for _ in range(calls_per_batch):
            number += 1
            is_special = step and number % step == 0
            batch.append(
                special[number // step % len(special)]
                if is_special
                else ordinary[number % len(ordinary)]
            )
        meter.weigh(*_published(batch, prices, options), len(batch))
    month = meter.month(counts.calls / meter.calls, calls_per_batch, has_log=False)
    # A caller without a notable call has no series.
    principals = min(month.principals, round(counts.calls * counts.notable))
    return structs.replace(month, metric_months=hours, principals=principals)


def _hours_with_data(
    counts: Counts,
    ordinary: Sequence[Invocation],
    special: Sequence[Invocation],
    prices: PriceList,
    options: CollectOptions,
) -> float:
    """Return the sum over all series of the share of a month's hours with data."""
    notable = counts.notable if special else 0.0
    calls_of: dict[tuple[str, Dimensions], float] = {}
    for kinds, share in ((ordinary, 1 - notable), (special, notable)):
        for call in kinds:
            points, _ = _published([call], prices, options)
            for point in points:
                series = (point.metric, point.dimensions)
                calls_of[series] = calls_of.get(series, 0.0) + counts.calls * share / len(kinds)
    if options.aggregate.metric_set == "all":
        calls_of[_AGE, ()] = counts.calls
    return sum(-expm1(-calls / HOURS_A_MONTH) for calls in calls_of.values())


def _published(
    calls: Sequence[Invocation], prices: PriceList, options: CollectOptions
) -> tuple[tuple[Datapoint, ...], list[bytes]]:
    aggregator, usage = Aggregator(options.aggregate), UsageLines(options.aggregate.application_key)
    events: list[bytes] = []
    for call in calls:
        cost = prices.cost(
            model_id=call.model,  # the same priced model for all: only the profile's name differs
            region=call.region,
            usage=call.usage,
            billing=call.billing,
            units=call.guardrail.units,
        )
        aggregator.add([(call, cost)])
        usage.add([(call, cost)])
        if options.every_event or is_notable(call):
            events.append(event_line(call, cost))
    return aggregator.datapoints(), [*events, *usage.lines()]


def _special(counts: Counts) -> Iterator[Invocation]:
    """Yield sample calls with each kind of error, finding, caller and application at least once."""
    models = max(1, counts.models)
    for code in range(counts.error_codes):
        for model in range(models):
            yield imagined_call(counts, model, error=f"Example{code}Exception")
    if not (counts.guardrails and counts.findings and counts.principals):
        return
    many = max(counts.principals, counts.findings * models, counts.guardrails, counts.applications)
    for number in range(many):
        yield imagined_call(counts, number, finding=number // models % max(1, counts.findings))


def imagined_call(
    counts: Counts, number: int, *, error: str | None = None, finding: int | None = None
) -> Invocation:
    """Return the sample call with this `number`."""
    model = number % max(1, counts.models)
    guardrail_id = f"gr{number % max(1, counts.guardrails):010}"
    role = f"application-role-{number % max(1, counts.principals):04}"
    hits: tuple[Hit, ...] = ()
    if finding is not None:
        hits = (
            Hit(
                guardrail_id=guardrail_id,
                guardrail_version="1",
                policy=_POLICIES[finding % len(_POLICIES)],
                category=f"CATEGORY_{finding}",
                action="BLOCKED",
                source="input",
                confidence="HIGH",
            ),
        )
    is_guarded = bool(counts.guardrails) and error is None
    return Invocation(
        request_id=f"00000000-0000-4000-8000-{number:012}",
        timestamp="2026-03-02T10:15:00Z",
        epoch=_FIRST,
        account_id="111122223333",
        region="us-east-1",
        operation="Converse",
        model_id="amazon.nova-lite-v1:0",
        model="amazon.nova-lite-v1:0",
        inference_profile=f"example.model-{model}-v1:0",
        principal=role,
        principal_arn=f"arn:aws:sts::111122223333:assumed-role/{role}/session@example.com",
        status="ok" if error is None else "error",
        error_code=error,
        stop_reason="end_turn",
        usage=Usage(input_tokens=900, output_tokens=200),
        billing=Billing(),
        modality="text",
        latency_ms=900 + number,
        first_byte_ms=300 + number,
        guardrail=GuardrailResult(
            verdict="blocked" if hits else "clean",
            ids=(guardrail_id,),
            hits=hits,
            latency_ms=200 + number,
            units=GuardrailUnits(content=2),
        )
        if is_guarded
        else GuardrailResult(verdict="none"),
        body="inline" if error is None else "absent",
        metadata=(("application", f"application-{number % counts.applications}"),)
        if counts.applications
        else (),
    )


def options_of(
    principals: str, application_key: str, event_lines: str, metric_set: str = "all"
) -> CollectOptions:
    """Return the collector options for the template's parameters of these names."""
    return msgspec.convert(
        {
            "aggregate": {
                "metric_set": metric_set,
                "principals": principals,
                "application_key": application_key or None,
            },
            "every_event": event_lines == "all",
        },
        CollectOptions,
    )
