"""Settings of `configure-logging`."""

from typing import Annotated

import msgspec

from bedrock_alerts.settings import Text


class ConfigureLoggingSettings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """Settings of `configure-logging`; the rest comes with each request.

    `allow_loopback_webhooks` allows plain http on this machine for responses to CloudFormation: for
    the local stack only.
    """

    metrics_namespace: Annotated[str, Text]
    allow_loopback_webhooks: bool = False
