"""The events of a test alert, in the form in which EventBridge delivers those of CloudWatch."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bedrock_alerts.alerts.alert import Channel, Severity
from bedrock_alerts.alerts.test_marks import CHANNELS_TAG, TEST_REASON
from bedrock_alerts.text import clean

_MAX_NAME = 80


class TrialAlarm(NamedTuple):
    """The alarm of one test: there is no such alarm in CloudWatch.

    Without `channels` the routes say who is notified. `by` is who runs the test.
    """

    arn: str
    severity: Severity
    by: str
    channels: tuple[Channel, ...] = ()

    @property
    def name(self) -> str:
        """The alarm's name."""
        return self.arn.rpartition(":alarm:")[2]

    def event(self, value: str, before: str, at: float) -> str:
        """Return the alarm's change to a state, as a message of the alerts queue."""
        moment = datetime.fromtimestamp(at, UTC)
        by = clean(self.by, _MAX_NAME) or "someone"
        event: dict[str, Any] = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "CloudWatch Alarm State Change",
            "source": "aws.cloudwatch",
            "account": self.arn.split(":")[4],
            "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            "region": self.arn.split(":")[3],
            "resources": [self.arn],
            "detail": {
                "alarmName": self.name,
                "configuration": {
                    "description": (
                        "Nothing is wrong, this is a test alert.\n"
                        f"{by} tries out whether alerts arrive.\n"
                        f"Severity: {self.severity}"
                    )
                },
                "previousState": {"value": before},
                "state": {
                    "value": value,
                    "reason": f"{TEST_REASON}, run by {by}",
                    "timestamp": _stamp(moment),
                },
            },
        }
        if self.channels:
            event["detail"]["tags"] = {CHANNELS_TAG: ",".join(self.channels)}
        return json.dumps(event)


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"
