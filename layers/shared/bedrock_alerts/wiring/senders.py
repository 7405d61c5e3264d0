"""The senders of the channels that a stack has."""

from collections.abc import Callable
from typing import Protocol

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


class EmailAndSlack(Protocol):
    """The settings of email and Slack, which every function that sends has."""

    @property
    def email_topic_arn(self) -> str:
        """The topic of emails."""

    @property
    def slack_secret_arn(self) -> str | None:
        """The secret with a webhook's URL."""

    @property
    def slack_bot_secret_arn(self) -> str | None:
        """The secret with a bot's token, which is used instead of a webhook."""

    @property
    def slack_channel_id(self) -> str:
        """The bot's channel."""

    @property
    def slack_api_url(self) -> str:
        """The address of Slack's API."""

    @property
    def allow_loopback_webhooks(self) -> bool:
        """Whether addresses of the local stack are allowed."""


def email_and_slack(settings: EmailAndSlack, *, is_answered: bool = False) -> dict[str, Sender]:
    """Create the senders of email and of Slack; `is_answered` says that its buttons work."""
    is_local = settings.allow_loopback_webhooks
    found: dict[str, Sender] = {"email": EmailSender(EmailTopic(settings.email_topic_arn))}
    if settings.slack_bot_secret_arn:
        found["slack"] = SlackBotSender(
            SlackWeb(settings.slack_api_url, allow_loopback=is_local),
            Secret(settings.slack_bot_secret_arn),
            settings.slack_channel_id,
            MetricPictures(),
            is_answered=is_answered,
        )
    elif settings.slack_secret_arn:
        poster = JsonPoster(SLACK_HOSTS, allow_loopback=is_local)
        found["slack"] = SlackWebhookSender(poster, Secret(settings.slack_secret_arn))
    return found


def senders(settings: DeliverSettings, clock: Callable[[], float]) -> dict[str, Sender]:
    """Create the senders of the stack's channels; `clock` dates webhook signatures."""
    is_local = settings.allow_loopback_webhooks
    found = email_and_slack(settings, is_answered=settings.slack_buttons)
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
