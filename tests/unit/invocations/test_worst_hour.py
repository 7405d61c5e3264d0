"""How many series one hour can have at most, whatever callers invent: each costs money."""

import json
from typing import Final

import pytest

from bedrock_alerts.invocations.aggregate import AggregateOptions, MetricSet
from bedrock_alerts.invocations.collector import CollectOptions, Parts, collect
from bedrock_alerts.invocations.decode import LogBatch, LogLine
from bedrock_alerts.invocations.identity import Naming
from bedrock_alerts.invocations.memory import Memory
from bedrock_alerts.invocations.pricing import Prices
from tests.records import ACCOUNT, EPOCH, Json, content, converse, converse_trace, failed

PRICES: Final = Prices.load()
BATCHES: Final = 20
# What `docs/cost.md` says of the worst hour.
MOST: Final = {"essential": 600, "all": 1_500}


def invented(number: int) -> list[Json]:
    """Return calls in which whoever may call Bedrock has made up all that can be made up."""
    caller = {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/app/session-{number}"}
    same: Json = {"identity": caller, "requestMetadata": {"app": f"app-{number}"}}
    trace = converse_trace(content(kind=f"KIND-{number}"), guardrail=f"gr{number}")
    return [
        failed(f"Error{number}Exception", modelId=f"acme.model-{number}", **same),
        converse(modelId=f"acme.tuned-{number}", stop="guardrail_intervened", trace=trace, **same),
    ]


@pytest.mark.parametrize("metric_set", ["essential", "all"])
def test_the_worst_hour_has_only_so_many_series(metric_set: MetricSet) -> None:
    options = CollectOptions(
        aggregate=AggregateOptions(metric_set=metric_set, principals="all", application_key="app"),
        naming=Naming("session"),
    )
    parts = Parts(PRICES, options, memory=Memory())
    series = set()
    for number in range(BATCHES):
        calls = [
            {**call, "requestId": f"{number}-{place}-{kind}"}
            for place in range(100)
            for kind, call in enumerate(invented(number * 100 + place))
        ]
        events = tuple(
            LogLine(id=call["requestId"], timestamp=EPOCH * 1000, message=json.dumps(call))
            for call in calls
        )
        found = collect((LogBatch(log_events=events),), parts, now=EPOCH + 60)
        assert found.processed == len(calls)
        series |= {(point.metric, point.dimensions) for point in found.datapoints}
    assert MOST[metric_set] / 2 < len(series) <= MOST[metric_set]
