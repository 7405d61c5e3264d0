"""What each function is set up with: environment variables, read once, checked, typed.

Every settings class lists exactly the variables its function gets from `template.yaml`; a test
compares the two.
"""

import os
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar, get_origin

import msgspec

from bedrock_alerts.alerts.model import Channel
from bedrock_alerts.errors import SettingsError

Text: Final = msgspec.Meta(min_length=1)
SettingsT = TypeVar("SettingsT", bound=msgspec.Struct)


def load(kind: type[SettingsT], environment: Mapping[str, str] | None = None) -> SettingsT:
    """Read the variables that `kind` names, from the process's environment by default.

    Raises SettingsError with the variable and the shape it needs.
    """
    source = os.environ if environment is None else environment
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        text = source.get(field.encode_name, "")
        if text:
            is_list = get_origin(field.type) is tuple
            given[field.encode_name] = text.split(",") if is_list else text
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{kind.__name__}: {error}") from error


class CollectorSettings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """What every collector needs to know."""

    metrics_namespace: Annotated[str, Text]
    event_lines: Literal["notable", "all"] = "notable"
    principal_metrics: Literal["none", "violations", "all"] = "violations"
    application_metadata_key: str | None = None
    offloaded_body_bucket_name: str | None = None
    price_overrides: str | None = None
    metric_set: Literal["essential", "all"] = "all"
    caller_detail: Literal["auto", "role", "session", "hashed"] = "auto"
    caller_key: str = ""


class CollectLogsSettings(CollectorSettings, frozen=True, kw_only=True, rename="upper"):
    """What `collect-logs` needs to know: also which log it must not read, its own."""

    own_log_group: Annotated[str, Text]


class CollectObjectsSettings(CollectorSettings, frozen=True, kw_only=True, rename="upper"):
    """What `collect-objects` needs to know."""


class CollectStreamSettings(CollectLogsSettings, frozen=True, kw_only=True, rename="upper"):
    """What `collect-stream` needs to know."""


class NotifierSettings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """What both functions of the notifier need to know. `channels` is a comma-separated list.

    `reminder_hours` are those of critical alarms and of warnings, 0 for none. The ARNs of this
    account's and Region's alarms begin with `home_alarms_prefix`. Evidence is looked up in the log
    group with the event lines. `slack_channel_id` is that of the bot.
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
    """What `route` needs to know.

    CloudWatch itself emails the alarms about this tool, whose ARNs begin with `own_alarms_prefix`
    and Pipeline or Notifier.
    """

    alerts_queue_url: Annotated[str, Text]
    routes_parameter_name: Annotated[str, Text]
    own_alarms_prefix: str | None = None


class DeliverSettings(NotifierSettings, frozen=True, kw_only=True, rename="upper"):
    """What `deliver` needs to know.

    What is absent is a channel that the stack does not have; with a Slack bot the webhook of Slack
    is not used. `allow_loopback_webhooks` lets webhooks be plain http to this machine: for the
    local stack only.
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
    """What `slack_interactions` needs to know."""

    metrics_namespace: Annotated[str, Text]
    alerts_queue_url: Annotated[str, Text]
    slack_bot_secret_arn: Annotated[str, Text]


class ConfigureLoggingSettings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """What `configure-logging` needs to know; the rest comes with each request.

    `allow_loopback_webhooks` lets CloudFormation be answered by plain http on this machine: for the
    local stack only.
    """

    metrics_namespace: Annotated[str, Text]
    allow_loopback_webhooks: bool = False
