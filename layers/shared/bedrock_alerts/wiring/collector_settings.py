"""Settings of each collector."""

from typing import Annotated, Literal

import msgspec

from bedrock_alerts.settings import Text


class CollectorSettings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """Settings of every collector."""

    metrics_namespace: Annotated[str, Text]
    event_lines: Literal["notable", "all"] = "notable"
    principal_metrics: Literal["none", "violations", "all"] = "violations"
    application_metadata_key: str | None = None
    offloaded_body_bucket_name: str | None = None
    price_overrides: str | None = None
    metric_set: Literal["essential", "all"] = "all"
    caller_detail: Literal["auto", "role", "session", "hashed"] = "auto"
    caller_key: str = ""
