"""What `configure-logging` is set up with."""

from typing import Annotated

import msgspec

from bedrock_alerts.settings import Text


class ConfigureLoggingSettings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """What `configure-logging` needs to know; the rest comes with each request.

    `allow_loopback_webhooks` lets CloudFormation be answered by plain http on this machine: for the
    local stack only.
    """

    metrics_namespace: Annotated[str, Text]
    allow_loopback_webhooks: bool = False
