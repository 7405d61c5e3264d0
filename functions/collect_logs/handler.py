"""Turn batches of the invocation log into metrics. Needs no AWS client, and imports none."""

import time
from functools import cache
from typing import Any, NamedTuple

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.invocations.decode import decode_event
from bedrock_alerts.invocations.pipeline import CollectOptions, collect, collect_options
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.ports import MetricSink
from bedrock_alerts.settings import CollectLogsSettings, load


class App(NamedTuple):
    """What this function works with."""

    prices: Prices
    options: CollectOptions
    metrics: MetricSink


@cache
def _app() -> App:
    settings = load(CollectLogsSettings)
    return App(
        prices=Prices.load(),
        options=collect_options(settings, own_log_group=settings.own_log_group),
        metrics=EmfSink(settings.metrics_namespace),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Turn one CloudWatch Logs batch into metrics and event lines.

    A batch that cannot be opened raises: Lambda tries again and then keeps it whole in the bucket
    for failed batches. Metrics are written last, so a retried batch is not counted twice.
    """
    app = _app()
    collected = collect((decode_event(event),), app.prices, app.options, now=time.time())
    app.metrics.publish(collected.datapoints, collected.events)
    return collected.counts()
