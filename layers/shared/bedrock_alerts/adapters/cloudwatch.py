"""Amazon CloudWatch: pictures of metrics."""

from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config

from bedrock_alerts.adapters.aws_errors import translated

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

# A picture is nice to have: one attempt.
_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=7, retries={"mode": "standard", "total_max_attempts": 1}
)


class MetricPictures:
    """CloudWatch draws graphs of metrics."""

    def __init__(self, client: "CloudWatchClient | None" = None) -> None:
        self._client = client

    def draw(self, widget: str) -> bytes:
        """Return the picture of a widget as PNG. Raises TransientError."""
        if self._client is None:  # made at the first picture: most deliveries have none
            self._client = boto3.client("cloudwatch", config=_CONFIG)
        with translated("Amazon CloudWatch"):
            answer = self._client.get_metric_widget_image(MetricWidget=widget)
        return answer["MetricWidgetImage"]
