"""Send each delivery to its channel: one attempt, the queue does the waiting."""

import time
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec
from aws_lambda_powertools import Logger

from bedrock_alerts.adapters.aws import DeliveryQueue, EmailTopic, Secret
from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.adapters.http import SLACK_HOSTS, JsonPoster
from bedrock_alerts.adapters.sqs_batch import SqsMessage, handle_each
from bedrock_alerts.alerts.describe import sent_late
from bedrock_alerts.alerts.model import Channel, Delivery
from bedrock_alerts.alerts.send import Sender, email_sender, pause_before_retry, send, slack_sender
from bedrock_alerts.errors import TransientError
from bedrock_alerts.metrics import count_now
from bedrock_alerts.observability import make_logger
from bedrock_alerts.settings import DeliverSettings, load


class App(NamedTuple):
    """What this function works with."""

    queue: DeliveryQueue
    senders: Mapping[Channel, Sender]
    metrics: EmfSink
    logger: Logger


@cache
def _app() -> App:
    settings = load(DeliverSettings)
    senders: dict[Channel, Sender] = {"email": email_sender(EmailTopic(settings.email_topic_arn))}
    if settings.slack_secret_arn:
        poster = JsonPoster(SLACK_HOSTS, allow_loopback=settings.allow_loopback_webhooks)
        senders["slack"] = slack_sender(poster, Secret(settings.slack_secret_arn))
    return App(
        queue=DeliveryQueue(settings.deliveries_queue_url),
        senders=senders,
        metrics=EmfSink(settings.metrics_namespace),
        logger=make_logger("deliver"),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Send every delivery of an SQS batch; those that fail stay in the queue."""
    app = _app()

    def deliver(message: SqsMessage) -> None:
        delivery = msgspec.json.decode(message.body, type=Delivery)
        try:
            for alert in delivery.alerts:
                waited = time.time() - delivery.queued_at
                send(sent_late(alert, waited), delivery.channel, app.senders)
        except TransientError as error:
            pause = pause_before_retry(error, message.receive_count)
            app.queue.postpone(message.receipt_handle, pause)
            raise
        # Answers "was anyone told?": the key is the same on every channel and every retry.
        keys = [alert.key for alert in delivery.alerts]
        app.logger.info("sent", channel=delivery.channel, alerts=keys)

    outcome = handle_each(event, deliver, app.logger)
    app.metrics.publish(
        count_now({"NotificationsSent": outcome.succeeded, "NotificationsFailed": outcome.failed})
    )
    return outcome.response
