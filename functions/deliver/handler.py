"""Send each delivery to its channel: one attempt, the queue does the waiting."""

import time
from functools import cache
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from bedrock_alerts.adapters.cloudwatch import MetricPictures
from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.adapters.http import PAGERDUTY_HOSTS, SLACK_HOSTS, TEAMS_HOSTS, JsonPoster
from bedrock_alerts.adapters.ledger import Ledger
from bedrock_alerts.adapters.public_web import PublicPoster
from bedrock_alerts.adapters.secrets_manager import Secret
from bedrock_alerts.adapters.slack import SlackWeb
from bedrock_alerts.adapters.sns import EmailTopic, NotificationTopic
from bedrock_alerts.adapters.sqs import DeadLetterQueue, DeliveryQueue
from bedrock_alerts.adapters.sqs_batch import SqsMessage, handle_each
from bedrock_alerts.alerts.deliverer import Attempt, Deliverer, Parts
from bedrock_alerts.alerts.send import (
    AmazonQSender,
    EmailSender,
    PagerDutySender,
    Sender,
    SlackWebhookSender,
    TeamsSender,
    WebhookSender,
)
from bedrock_alerts.alerts.slack_bot import SlackBotSender
from bedrock_alerts.metrics import count_now
from bedrock_alerts.observability import make_logger
from bedrock_alerts.settings import DeliverSettings, load


class App(NamedTuple):
    """What this function works with."""

    parts: Parts
    metrics: EmfSink
    logger: Logger


@cache
def _app() -> App:
    settings = load(DeliverSettings)
    logger = make_logger("deliver")
    email = EmailTopic(settings.email_topic_arn)
    parts = Parts(
        senders={"email": EmailSender(email), **_senders(settings)},
        ledger=Ledger(settings.incidents_table_name, time.time),
        queue=DeliveryQueue(settings.deliveries_queue_url),
        parking=DeadLetterQueue(settings.deliveries_dead_letter_queue_url),
        fallback=email,
        journal=logger,
        attempts=settings.max_attempts,
        clock=time.time,
        sleep=time.sleep,
    )
    return App(parts, EmfSink(settings.metrics_namespace), logger)


def _senders(settings: DeliverSettings) -> dict[str, Sender]:
    """Make the senders of the channels that the stack has."""
    is_local = settings.allow_loopback_webhooks
    found: dict[str, Sender] = {}
    if settings.slack_bot_secret_arn:
        found["slack"] = SlackBotSender(
            SlackWeb(settings.slack_api_url, allow_loopback=is_local),
            Secret(settings.slack_bot_secret_arn),
            settings.slack_channel_id,
            MetricPictures(),
            is_answered=settings.slack_buttons,
        )
    elif settings.slack_secret_arn:
        poster = JsonPoster(SLACK_HOSTS, allow_loopback=is_local)
        found["slack"] = SlackWebhookSender(poster, Secret(settings.slack_secret_arn))
    if settings.webhook_secret_arn:
        public = PublicPoster(allow_loopback=is_local)
        found["webhook"] = WebhookSender(public, Secret(settings.webhook_secret_arn), time.time)
    if settings.pagerduty_secret_arn:
        poster = JsonPoster(PAGERDUTY_HOSTS, allow_loopback=is_local)
        found["pagerduty"] = PagerDutySender(poster, Secret(settings.pagerduty_secret_arn))
    if settings.teams_webhook_secret_arn:
        poster = JsonPoster(TEAMS_HOSTS, allow_loopback=is_local)
        found["teams"] = TeamsSender(poster, Secret(settings.teams_webhook_secret_arn))
    if settings.amazon_q_topic_arn:
        found["amazon_q"] = AmazonQSender(NotificationTopic(settings.amazon_q_topic_arn))
    return found


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Send every delivery of an SQS batch; those that have to wait stay in the queue."""
    app = _app()
    deliverer = Deliverer(app.parts)

    def deliver(message: SqsMessage) -> None:
        deliverer.deliver(
            Attempt(message.body, message.message_id, message.receipt_handle, message.receive_count)
        )

    outcome = handle_each(event, deliver, app.logger)
    counts = deliverer.counts
    app.metrics.publish(
        count_now(
            {
                "NotificationsSent": counts.sent,
                "NotificationsFailed": counts.failed,
                "NotificationsSuppressed": counts.withheld,
            }
        )
    )
    return outcome.response
