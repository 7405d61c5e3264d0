"""Turn log objects in S3 into metrics, one object at a time, however large they are."""

import time
from functools import cache
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from bedrock_alerts.adapters.bodies import body_reader
from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.adapters.s3 import ObjectReader
from bedrock_alerts.adapters.sqs_batch import SqsMessage, handle_each
from bedrock_alerts.invocations.bodies import OffloadedBodies
from bedrock_alerts.invocations.objects import log_objects
from bedrock_alerts.invocations.overrides import load_prices
from bedrock_alerts.invocations.pipeline import CollectOptions, collect_objects, collect_options
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.observability import make_logger
from bedrock_alerts.settings import CollectObjectsSettings, load


class App(NamedTuple):
    """What this function works with."""

    prices: Prices
    options: CollectOptions
    objects: ObjectReader
    bodies: OffloadedBodies | None
    metrics: EmfSink
    logger: Logger


@cache
def _app() -> App:
    settings = load(CollectObjectsSettings)
    bucket = settings.offloaded_body_bucket_name
    metrics = EmfSink(settings.metrics_namespace)
    prices, complaints = load_prices(settings.price_overrides)
    metrics.publish((), complaints)
    return App(
        prices=prices,
        options=collect_options(settings),
        objects=ObjectReader(),
        bodies=OffloadedBodies(bucket, body_reader().chunks) if bucket else None,
        metrics=metrics,
        logger=make_logger("collect-objects"),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Read every object that an SQS batch tells of; messages that fail stay in the queue.

    The metrics of a message are written when all of its objects have been read, so a message that
    is tried again is not counted twice.
    """
    app = _app()

    def collect(message: SqsMessage) -> None:
        found = log_objects(message.body)
        collected = collect_objects(
            found, app.objects, app.prices, app.options, now=time.time(), bodies=app.bodies
        )
        app.metrics.publish(collected.datapoints, collected.events)

    return handle_each(event, collect, app.logger).response
