"""Turn batches of the invocation log into metrics. Imports no AWS client unless bodies are read."""

import time
from functools import cache
from typing import Any, NamedTuple

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.invocations.bodies import OffloadedBodies
from bedrock_alerts.invocations.decode import decode_event
from bedrock_alerts.invocations.overrides import load_prices
from bedrock_alerts.invocations.pipeline import CollectOptions, collect, collect_options
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.ports import MetricSink
from bedrock_alerts.settings import CollectLogsSettings, load


class App(NamedTuple):
    """What this function works with."""

    prices: Prices
    options: CollectOptions
    bodies: OffloadedBodies | None
    metrics: MetricSink


@cache
def _app() -> App:
    settings = load(CollectLogsSettings)
    metrics = EmfSink(settings.metrics_namespace)
    prices, complaints = load_prices(settings.price_overrides)
    metrics.publish((), complaints)
    return App(
        prices=prices,
        options=collect_options(settings, own_log_group=settings.own_log_group),
        bodies=_bodies(settings.offloaded_body_bucket_name),
        metrics=metrics,
    )


def _bodies(bucket: str | None) -> OffloadedBodies | None:
    if bucket is None:
        return None
    # Imported only when it is wanted: boto3 takes a third of a second of every cold start.
    from bedrock_alerts.adapters.bodies import body_reader  # noqa: PLC0415

    return OffloadedBodies(bucket, body_reader().chunks)


def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Turn one CloudWatch Logs batch into metrics and event lines.

    A batch that cannot be opened raises: Lambda tries again and then keeps it whole in the bucket
    for failed batches. Metrics are written last, so a retried batch is not counted twice.
    """
    app = _app()
    batches = (decode_event(event),)
    collected = collect(batches, app.prices, app.options, now=time.time(), bodies=app.bodies)
    app.metrics.publish(collected.datapoints, collected.events)
    return collected.counts()
