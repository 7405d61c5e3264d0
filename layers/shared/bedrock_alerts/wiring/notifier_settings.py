"""Settings of each function of the notifier."""

from typing import Annotated, Literal

import msgspec

from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.settings import Text


class NotifierSettings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """Settings that both functions of the notifier need. `channels` is a comma-separated list.

    `reminder_hours` are those of critical alarms and of warnings, 0 for none. The ARNs of this
    account's and Region's alarms begin with `home_alarms_prefix`. Evidence is looked up in the log
    group with the event lines. `slack_channel_id` is the bot's.
    """

    metrics_namespace: Annotated[str, Text]
    deliveries_queue_url: Annotated[str, Text]
    incidents_table_name: Annotated[str, Text]
    email_topic_arn: Annotated[str, Text]
    channels: tuple[Channel, ...]
    home_alarms_prefix: Annotated[str, Text]
    reminder_hours: tuple[int, int] = (1, 4)
    recovery_minutes: Annotated[int, msgspec.Meta(ge=1, le=60)] = 10
    event_log_group_arn: str | None = None
    event_lines: Literal["notable", "all"] = "notable"
    dashboard_name: str | None = None
    slack_channel_id: str = ""


class RouteSettings(NotifierSettings, frozen=True, kw_only=True, rename="upper"):
    """Settings of `route`.

    CloudWatch itself emails the alarms about this tool, whose ARNs begin with `own_alarms_prefix`
    and Pipeline or Notifier.
    """

    alerts_queue_url: Annotated[str, Text]
    routes_parameter_name: Annotated[str, Text]
    own_alarms_prefix: str | None = None


class DeliverSettings(NotifierSettings, frozen=True, kw_only=True, rename="upper"):
    """Settings of `deliver`; with a Slack bot, Slack's webhook is not used.

    A missing setting means that the stack lacks the channel. `allow_loopback_webhooks` lets
    webhooks be plain http to this machine: for the local stack only.
    """

    deliveries_dead_letter_queue_url: Annotated[str, Text]
    slack_secret_arn: str | None = None
    slack_bot_secret_arn: str | None = None
    slack_api_url: str = "https://slack.com/api/"
    slack_buttons: bool = False
    webhook_secret_arn: str | None = None
    pagerduty_secret_arn: str | None = None
    teams_webhook_secret_arn: str | None = None
    amazon_q_topic_arn: str | None = None
    allow_loopback_webhooks: bool = False


class SlackInteractionsSettings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """Settings of `slack_interactions`."""

    metrics_namespace: Annotated[str, Text]
    alerts_queue_url: Annotated[str, Text]
    slack_bot_secret_arn: Annotated[str, Text]
