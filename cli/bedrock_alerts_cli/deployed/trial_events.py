"""The events of a test alert, in the form in which EventBridge delivers those of CloudWatch."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bedrock_alerts.alerts.alert import Channel, Severity
from bedrock_alerts.alerts.test_marks import CHANNELS_TAG
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

    def fires(self, at: float) -> str:
        """Return the message of the alerts queue that the alarm fires."""
        return self._event("ALARM", at, {"value": "OK"})

    def ends(self, at: float, fired_at: float) -> str:
        """Return the message that it is OK: it may come twice, and says of which ALARM it is."""
        fired = datetime.fromtimestamp(fired_at, UTC)
        return self._event("OK", at, {"value": "ALARM", "timestamp": _stamp(fired)})

    def _event(self, value: str, at: float, before: Mapping[str, str]) -> str:
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
                        f"This is a test: {by} tries out whether alerts arrive.\n"
                        f"Severity: {self.severity}"
                    )
                },
                "previousState": before,
                "state": {"value": value, "timestamp": _stamp(moment)},
            },
        }
        if self.channels:
            event["detail"]["tags"] = {CHANNELS_TAG: ",".join(self.channels)}
        return json.dumps(event)


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"
