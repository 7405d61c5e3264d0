"""Turn log batches that come through a Kinesis stream into metrics."""

import time
from functools import cache
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.invocations.bodies import OffloadedBodies
from bedrock_alerts.invocations.decode import decode_records
from bedrock_alerts.invocations.overrides import load_prices
from bedrock_alerts.invocations.pipeline import CollectOptions, collect, collect_options
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.observability import make_logger
from bedrock_alerts.settings import CollectStreamSettings, load


class App(NamedTuple):
    """What this function works with."""

    prices: Prices
    options: CollectOptions
    bodies: OffloadedBodies | None
    metrics: EmfSink
    logger: Logger


@cache
def _app() -> App:
    settings = load(CollectStreamSettings)
    metrics = EmfSink(settings.metrics_namespace)
    prices, complaints = load_prices(settings.price_overrides)
    metrics.publish((), complaints)
    return App(
        prices=prices,
        options=collect_options(settings, own_log_group=settings.own_log_group),
        bodies=_bodies(settings.offloaded_body_bucket_name),
        metrics=metrics,
        logger=make_logger("collect-stream"),
    )


def _bodies(bucket: str | None) -> OffloadedBodies | None:
    if bucket is None:
        return None
    # Imported only when it is wanted: boto3 takes a third of a second of every cold start.
    from bedrock_alerts.adapters.bodies import body_reader  # noqa: PLC0415

    return OffloadedBodies(bucket, body_reader().chunks)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Count the batches up to the first that cannot be opened, and report that one.

    Lambda comes back with the reported record and those after it. Then it is the first, and raises:
    the batch is split until the bad one is alone, which is kept in the bucket for failed batches.
    """
    app = _app()
    read = decode_records(event)
    collected = collect(read.batches, app.prices, app.options, now=time.time(), bodies=app.bodies)
    app.metrics.publish(collected.datapoints, collected.events)
    if read.failure is not None:
        app.logger.warning("a record cannot be opened, the stream keeps it", error=read.failure)
    return read.response()
