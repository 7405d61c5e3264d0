"""The senders of the channels that a stack has."""

from collections.abc import Callable

from bedrock_alerts.adapters.cloudwatch import MetricPictures
from bedrock_alerts.adapters.http import PAGERDUTY_HOSTS, SLACK_HOSTS, TEAMS_HOSTS, JsonPoster
from bedrock_alerts.adapters.public_http import PublicPoster
from bedrock_alerts.adapters.secrets_manager import Secret
from bedrock_alerts.adapters.slack_api import SlackWeb
from bedrock_alerts.adapters.sns import EmailTopic, NotificationTopic
from bedrock_alerts.alerts.channels.amazon_q.send import AmazonQSender
from bedrock_alerts.alerts.channels.email.send import EmailSender
from bedrock_alerts.alerts.channels.pagerduty.send import PagerDutySender
from bedrock_alerts.alerts.channels.slack.send import SlackBotSender
from bedrock_alerts.alerts.channels.slack.webhook_send import SlackWebhookSender
from bedrock_alerts.alerts.channels.teams.send import TeamsSender
from bedrock_alerts.alerts.channels.webhook.send import WebhookSender
from bedrock_alerts.alerts.ports import Sender
from bedrock_alerts.wiring.notifier_settings import DeliverSettings


def senders(settings: DeliverSettings, clock: Callable[[], float]) -> dict[str, Sender]:
    """Create the senders of the stack's channels; `clock` dates webhook signatures."""
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
        found["webhook"] = WebhookSender(public, Secret(settings.webhook_secret_arn), clock)
    if settings.pagerduty_secret_arn:
        poster = JsonPoster(PAGERDUTY_HOSTS, allow_loopback=is_local)
        found["pagerduty"] = PagerDutySender(poster, Secret(settings.pagerduty_secret_arn))
    if settings.teams_webhook_secret_arn:
        poster = JsonPoster(TEAMS_HOSTS, allow_loopback=is_local)
        found["teams"] = TeamsSender(poster, Secret(settings.teams_webhook_secret_arn))
    if settings.amazon_q_topic_arn:
        found["amazon_q"] = AmazonQSender(NotificationTopic(settings.amazon_q_topic_arn))
    return found
