"""Which metrics the collectors publish with which dimensions, found out by running their code."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from msgspec import structs

from bedrock_alerts.invocations.aggregate import AggregateOptions, Aggregator
from bedrock_alerts.invocations.model import (
    Billing,
    Cost,
    GuardrailResult,
    Invocation,
    Rejected,
    Skipped,
    Usage,
)
from bedrock_alerts_cli.cost.traffic import Counts, imagined_call

_COUNTS: Final = Counts(calls=1, applications=1)
_EXACT: Final = Cost(model_picodollars=1, guardrail_picodollars=1, priced="exact")
_UNPRICED: Final = Cost(model_picodollars=None, guardrail_picodollars=0, priced="unpriced")
_VERDICTS: Final = (("masked", "ANONYMIZED"), ("detected", "NONE"), ("unexplained", "NONE"))


def dimension_sets() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return every set of dimensions that a metric is published with, everything switched on."""
    options = AggregateOptions(principals="all", application_key="application")
    aggregator = Aggregator(options, now=2e9)
    aggregator.add(_calls())
    aggregator.add_rejected(Rejected("example", ""), 0)
    aggregator.add_skipped(Skipped("example", ""), 0)
    found: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for point in aggregator.datapoints():
        found[point.metric].add(tuple(name for name, _ in point.dimensions))
    return {metric: tuple(sorted(sets)) for metric, sets in found.items()}


def _calls() -> Iterator[tuple[Invocation, Cost]]:
    """Give one call of every kind."""
    plain = imagined_call(_COUNTS, 0)
    blocked = imagined_call(_COUNTS, 0, finding=0)
    cached = Usage(input_tokens=1, output_tokens=1, cache_read_tokens=1, cache_write_tokens=1)
    yield structs.replace(plain, usage=cached, billing=Billing(images=1)), _EXACT
    yield structs.replace(plain, guardrail=GuardrailResult(verdict="none")), _UNPRICED
    offloaded = structs.replace(plain, body="offloaded", guardrail=GuardrailResult(verdict="none"))
    yield offloaded, _EXACT
    yield blocked, _EXACT
    for verdict, action in _VERDICTS:
        hits = tuple(structs.replace(hit, action=action) for hit in blocked.guardrail.hits)
        guardrail = structs.replace(blocked.guardrail, verdict=verdict, hits=hits)
        yield structs.replace(blocked, guardrail=guardrail), _EXACT
    # A throttled call.
    yield imagined_call(_COUNTS, 0, error="ThrottlingException"), _EXACT
