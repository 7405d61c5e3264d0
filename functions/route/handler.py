"""Turn alarm state changes into deliveries: one message per state change and channel."""

import time
from functools import cache
from typing import Any, Final, NamedTuple

from aws_lambda_powertools import Logger

from bedrock_alerts.adapters.aws import DeliveryQueue
from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.adapters.sqs_batch import SqsMessage, handle_each
from bedrock_alerts.alerts.pipeline import deliveries
from bedrock_alerts.metrics import count_now
from bedrock_alerts.observability import make_logger
from bedrock_alerts.settings import RouteSettings, load

# What the schedule in template.yaml sends: the answer is a metric, and an alarm misses it.
_HEARTBEAT: Final = '{"bedrock_alerts": {"heartbeat": true}}'


class App(NamedTuple):
    """What this function works with."""

    settings: RouteSettings
    queue: DeliveryQueue
    metrics: EmfSink
    logger: Logger


@cache
def _app() -> App:
    settings = load(RouteSettings)
    return App(
        settings=settings,
        queue=DeliveryQueue(settings.deliveries_queue_url),
        metrics=EmfSink(settings.metrics_namespace),
        logger=make_logger("route"),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Route every state change of an SQS batch; those that fail stay in the queue."""
    app = _app()

    beats = 0

    def route(message: SqsMessage) -> None:
        nonlocal beats
        if message.body == _HEARTBEAT:
            beats += 1
            return
        app.queue.put(deliveries(message.body, app.settings.channels, now=time.time()))

    outcome = handle_each(event, route, app.logger)
    app.metrics.publish(count_now({"StateChanges": outcome.succeeded - beats, "Heartbeat": beats}))
    return outcome.response
