"""Settings of `weekly_report`."""

from typing import Annotated

import msgspec

from bedrock_alerts.settings import Text


class WeeklyReportSettings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """Settings of `weekly_report`; with a Slack bot, Slack's webhook is not used.

    The ARNs of the stack's alarms begin with `stack_alarms_prefix`. The log of the usage lines is
    kept for `log_retention_days`. `allow_loopback_webhooks` is for the local stack only.
    """

    metrics_namespace: Annotated[str, Text]
    stack_alarms_prefix: Annotated[str, Text]
    event_log_group_arn: Annotated[str, Text]
    reports_bucket_name: Annotated[str, Text]
    email_topic_arn: Annotated[str, Text]
    log_retention_days: Annotated[int, msgspec.Meta(ge=1)] = 30
    dashboard_name: str | None = None
    slack_secret_arn: str | None = None
    slack_bot_secret_arn: str | None = None
    slack_channel_id: str = ""
    slack_api_url: str = "https://slack.com/api/"
    allow_loopback_webhooks: bool = False
