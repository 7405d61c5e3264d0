"""CloudWatch's own mute rules, so that the console shows a silence too."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bedrock_alerts.errors import TransientError
from bedrock_alerts.text import shorten

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=7, retries={"mode": "standard", "total_max_attempts": 2}
)
_MAX_NAME: Final = 255
_MAX_DESCRIPTION: Final = 1024
_ONE_MINUTE: Final = timedelta(minutes=1)


class MuteRules:
    """The mute rules of one stack; their names begin with `prefix`.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutAlarmMuteRule.html
    """

    def __init__(self, prefix: str, client: "CloudWatchClient | None" = None) -> None:
        self._prefix = prefix
        self._client: CloudWatchClient = client or boto3.client("cloudwatch", config=_CONFIG)

    def mute(self, alarm_name: str, incident: str, until: datetime, who: str) -> None:
        """Mute an alarm from the next full minute until `until`; again for an incident replaces it.

        Raises TransientError, whatever went wrong: a silence of ours holds without CloudWatch's.
        """
        if not hasattr(self._client, "put_alarm_mute_rule"):  # since botocore 1.42.60
            raise TransientError("the boto3 of this function is too old for mute rules")
        begin = datetime.now(UTC).replace(second=0, microsecond=0) + _ONE_MINUTE
        minutes = max(1, round((until - begin) / _ONE_MINUTE))
        try:
            self._client.put_alarm_mute_rule(
                Name=f"{self._prefix}{incident}"[:_MAX_NAME],
                Description=shorten(f"Silenced by {who} in Slack", _MAX_DESCRIPTION),
                Rule={
                    "Schedule": {
                        "Expression": f"at({begin:%Y-%m-%dT%H:%M})",
                        "Duration": f"PT{minutes}M",
                        "Timezone": "UTC",
                    }
                },
                MuteTargets={"AlarmNames": [alarm_name]},
                ExpireDate=begin + minutes * _ONE_MINUTE,
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown")
            raise TransientError(f"CloudWatch took no mute rule: {code}") from error
        except BotoCoreError as error:
            raise TransientError(f"CloudWatch took no mute rule: {type(error).__name__}") from error
