"""Look where `route` has poked, and show each channel what it lacks."""

import time
from functools import cache
from typing import Any, Final, NamedTuple

from aws_lambda_powertools import Logger

from bedrock_alerts.adapters.cloudwatch import AlarmStates, MetricPictures
from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.adapters.http import PAGERDUTY_HOSTS, SLACK_HOSTS, TEAMS_HOSTS, JsonPoster
from bedrock_alerts.adapters.incidents_table import IncidentsTable
from bedrock_alerts.adapters.public_web import PublicPoster
from bedrock_alerts.adapters.secrets_manager import Secret
from bedrock_alerts.adapters.slack import SlackWeb
from bedrock_alerts.adapters.sns import EmailTopic, NotificationTopic
from bedrock_alerts.adapters.sqs import DeadLetterQueue, DeliveriesQueue
from bedrock_alerts.adapters.sqs_batch import SqsMessage, handle_each
from bedrock_alerts.alerts.channels.amazon_q.send import AmazonQSender
from bedrock_alerts.alerts.channels.email.send import EmailSender
from bedrock_alerts.alerts.channels.pagerduty.send import PagerDutySender
from bedrock_alerts.alerts.channels.slack.send import SlackBotSender
from bedrock_alerts.alerts.channels.slack.webhook_send import SlackWebhookSender
from bedrock_alerts.alerts.channels.teams.send import TeamsSender
from bedrock_alerts.alerts.channels.webhook.send import WebhookSender
from bedrock_alerts.alerts.deliverer import Deliverer, Parts
from bedrock_alerts.alerts.incidents.item import policy_of
from bedrock_alerts.alerts.model import OldDelivery
from bedrock_alerts.alerts.notifications.pace import FIRST_INTERVAL
from bedrock_alerts.alerts.ports import Sender
from bedrock_alerts.looking_up import details_of
from bedrock_alerts.metrics import count_now, measure_now
from bedrock_alerts.observability import make_logger
from bedrock_alerts.pokes import read_poke
from bedrock_alerts.settings import DeliverSettings, load

# Kept back of the function's time for what comes after the last message.
_RESERVE_SECONDS: Final = 3.0


# On the local stack what shares a message is seen at once, and not minutes later.
_LOCAL_INTERVAL: Final = 10.0


class App(NamedTuple):
    """What this function works with."""

    parts: Parts
    metrics: EmfSink
    logger: Logger


@cache
def _app() -> App:
    settings = load(DeliverSettings)
    logger = make_logger("deliver")
    parts = Parts(
        table=IncidentsTable(settings.incidents_table_name),
        queue=DeliveriesQueue(settings.deliveries_queue_url),
        senders=_senders(settings),
        journal=logger,
        look_up=AlarmStates(settings.home_alarms_prefix),
        parked=DeadLetterQueue(settings.deliveries_dead_letter_queue_url).park,
        channels=settings.channels,
        policy=policy_of(settings.reminder_hours, settings.recovery_minutes),
        details=details_of(settings),
        has_bot=bool(settings.slack_bot_secret_arn),
        first_interval=_LOCAL_INTERVAL if settings.allow_loopback_webhooks else FIRST_INTERVAL,
    )
    return App(parts, EmfSink(settings.metrics_namespace), logger)


def _senders(settings: DeliverSettings) -> dict[str, Sender]:
    """Make the senders of the channels that the stack has."""
    is_local = settings.allow_loopback_webhooks
    found: dict[str, Sender] = {"email": EmailSender(EmailTopic(settings.email_topic_arn))}
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


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Follow every poke of an SQS batch; those that fail come back."""
    app = _app()
    seconds = context.get_remaining_time_in_millis() / 1000
    deliverer = Deliverer(app.parts, time.time() + seconds - _RESERVE_SECONDS)

    def deliver(message: SqsMessage) -> None:
        poke = read_poke(message.body)
        if isinstance(poke, OldDelivery):
            deliverer.deliver_old(poke)
        else:
            deliverer.deliver(poke)

    outcome = handle_each(event, deliver, app.logger)
    counts = deliverer.counts
    app.metrics.publish(
        [
            *count_now({"NotificationsSent": counts.sent, "NotificationsFailed": counts.failed}),
            *measure_now("AlertLatency", counts.latencies),
        ]
    )
    return outcome.response
