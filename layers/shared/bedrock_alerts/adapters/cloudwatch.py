"""Amazon CloudWatch: pictures of metrics, and how alarms are now."""

from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from bedrock_alerts.adapters.aws_errors import translated
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts.alerts.incidents.learn import LookedUp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_cloudwatch import CloudWatchClient

# A picture is nice to have: one attempt.
_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=7, retries={"mode": "standard", "total_max_attempts": 1}
)


_SERVICE: Final = "Amazon CloudWatch"
_MAX_PAGES: Final = 5


def described(client: "CloudWatchClient", name: str) -> "Mapping[str, Any] | None":
    """Return CloudWatch's description of a metric or composite alarm, None where there is none.

    Raises what the client raises.
    """
    answer = client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    alarms = [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]
    return alarms[0] if alarms else None


class MetricPictures:
    """CloudWatch draws graphs of metrics."""

    def __init__(self, client: "CloudWatchClient | None" = None) -> None:
        self._client = client

    def draw(self, widget: str) -> bytes:
        """Return the picture of a widget as PNG. Raises TransientError."""
        if self._client is None:  # made at the first picture: most deliveries have none
            self._client = boto3.client("cloudwatch", config=_CONFIG)
        with translated(_SERVICE):
            answer = self._client.get_metric_widget_image(MetricWidget=widget)
        return answer["MetricWidgetImage"]


class AlarmStates:
    """How the alarms of one account and Region are; their ARNs begin with `prefix`."""

    def __init__(self, prefix: str, client: "CloudWatchClient | None" = None) -> None:
        self._prefix = prefix
        self._client = client

    def __call__(self, item: AlarmItem) -> LookedUp | None:
        """Return how an alarm is now, None for one of elsewhere. Raises TransientError."""
        if not item.arn.startswith(self._prefix):
            return None
        if self._client is None:  # made at the first question: most deliveries have none
            self._client = boto3.client("cloudwatch", config=_CONFIG)
        name = item.arn.removeprefix(self._prefix)
        with translated(_SERVICE):
            alarm = described(self._client, name)
        if alarm is None:
            return LookedUp(state=None)
        since = alarm.get("StateTransitionedTimestamp") or alarm.get("StateUpdatedTimestamp")
        return LookedUp(
            state=alarm.get("StateValue"),
            since=since.timestamp() if since else 0.0,
            are_actions_enabled=alarm.get("ActionsEnabled", True),
            contributors=self._contributors(name) if item.contributors else None,
        )

    def _contributors(self, name: str) -> frozenset[str] | None:
        """Return the ids of the contributors in ALARM, None where they cannot be asked for."""
        client = self._client
        if client is None or not hasattr(client, "describe_alarm_contributors"):
            return None  # since botocore 1.40.44
        found: set[str] = set()
        token: dict[str, Any] = {}
        for _ in range(_MAX_PAGES):
            with translated(_SERVICE):
                answer = client.describe_alarm_contributors(AlarmName=name, **token)
            found |= {one["ContributorId"] for one in answer.get("AlarmContributors", [])}
            if not answer.get("NextToken"):
                return frozenset(found)
            token = {"NextToken": answer["NextToken"]}
        return None
