"""State changes, and their EventBridge events.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from bedrock_alerts_cli.sample_account import ACCOUNT, REGION
from bedrock_alerts_cli.simulator.alarm_definitions import Alarm, CompositeAlarm, Item, MetricAlarm
from bedrock_alerts_cli.simulator.evaluation import State

UNCHECKED: Final = "Unchecked: Initial alarm creation"
_STATE_CHANGE: Final = "CloudWatch Alarm State Change"
_CONTRIBUTOR_CHANGE: Final = "CloudWatch Alarm Contributor State Change"
_MOST_REASON: Final = 1023


def arn(alarm: str, account: str = ACCOUNT, region: str = REGION) -> str:
    """Return the ARN of an alarm."""
    return f"arn:aws:cloudwatch:{region}:{account}:alarm:{alarm}"


def moment(seconds: int) -> datetime:
    """Return the time for seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def stamp(seconds: int) -> str:
    """Return a time in CloudWatch's format."""
    return f"{moment(seconds):%Y-%m-%dT%H:%M:%S}.000+0000"


class Contributor(msgspec.Struct, frozen=True):
    """A contributor of an alarm; its id is the same in every run."""

    attributes: tuple[tuple[str, str], ...]

    @property
    def id(self) -> str:
        """16 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.attributes).encode()).hexdigest()[:16]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The state an alarm is in, since when (seconds since 1970), and why.

    `suppression` is what suppresses its actions: WaitPeriod, ExtensionPeriod, Alarm, or empty.
    """

    state: State
    at: int
    reason: str = UNCHECKED
    data: Mapping[str, Any] | None = None
    suppression: str = ""
    suppressor: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A state change of an alarm or a contributor.

    Both states are the same if only the suppression of the actions has changed.
    """

    alarm: Alarm
    before: Standing
    after: Standing
    contributor: Contributor | None = None

    @property
    def alarm_name(self) -> str:
        """The alarm's name."""
        return self.alarm.name

    @property
    def at(self) -> datetime:
        """When it changed."""
        return moment(self.after.at)

    @property
    def from_state(self) -> State:
        """The state before."""
        return self.before.state

    @property
    def to_state(self) -> State:
        """The state from then on."""
        return self.after.state

    @property
    def reason(self) -> str:
        """Why, in CloudWatch's words."""
        return self.after.reason

    @property
    def suppression(self) -> str:
        """What suppresses the actions: WaitPeriod, ExtensionPeriod, Alarm, or empty."""
        return self.after.suppression

    def event(self, account: str = ACCOUNT, region: str = REGION) -> dict[str, Any]:
        """Return the event in EventBridge's format."""
        name = self.alarm.name
        detail: dict[str, Any] = {"alarmName": name}
        if self.contributor is not None:
            attributes = dict(self.contributor.attributes)
            detail["alarmContributor"] = {"id": self.contributor.id, "attributes": attributes}
        detail["configuration"] = _configuration(self.alarm)
        if self.contributor is None:
            detail["previousState"] = _state(self.before, account, region)
        detail["state"] = _state(self.after, account, region)
        return {
            "version": "0",
            "id": self._id(account, region),
            "detail-type": _STATE_CHANGE if self.contributor is None else _CONTRIBUTOR_CHANGE,
            "source": "aws.cloudwatch",
            "account": account,
            "time": f"{self.at:%Y-%m-%dT%H:%M:%SZ}",
            "region": region,
            "resources": [arn(name, account, region)],
            "detail": detail,
        }

    def _id(self, account: str, region: str) -> str:
        """Return a unique id that is the same in every simulation of this change."""
        after = self.after
        parts = (
            arn(self.alarm.name, account, region),
            self.contributor.id if self.contributor else "",
            self.before.state,
            after.state,
            str(after.at),
            after.suppression,
        )
        digest = hashlib.sha256("\n".join(parts).encode()).digest()
        return str(UUID(bytes=digest[:16], version=4))


def _state(standing: Standing, account: str, region: str) -> dict[str, Any]:
    """Return a state; its ARNs are those of the account and Region."""
    ours, theirs = arn(""), arn("", account, region)
    state: dict[str, Any] = {
        "value": standing.state,
        "reason": standing.reason.replace(ours, theirs)[:_MOST_REASON],
        "timestamp": stamp(standing.at),
    }
    if standing.data is not None:
        data = json.dumps(standing.data, separators=(",", ":"), ensure_ascii=False)
        state["reasonData"] = data.replace(ours, theirs)
    if standing.suppression:
        state["actionsSuppressedBy"] = standing.suppression
        by = standing.suppression
        if by == "Alarm":
            by = standing.suppressor
        state["actionsSuppressedReason"] = f"Actions suppressed by {by}"
    return state


def _configuration(alarm: Alarm) -> dict[str, Any]:
    """Return the part of the configuration that is in a state change."""
    described = {} if alarm.description is None else {"description": alarm.description}
    if isinstance(alarm, MetricAlarm):
        return {**described, "metrics": [_metric(alarm, item) for item in alarm.items]}
    return {**described, **_composite(alarm)}


def _composite(alarm: CompositeAlarm) -> dict[str, Any]:
    configuration: dict[str, Any] = {"alarmRule": alarm.rule_text}
    if alarm.suppressor_text is not None:
        configuration |= {
            "actionsSuppressor": alarm.suppressor_text,
            "actionsSuppressorWaitPeriod": alarm.wait_period,
            "actionsSuppressorExtensionPeriod": alarm.extension_period,
        }
    return configuration


def _metric(alarm: MetricAlarm, item: Item) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": _metric_id(alarm) if alarm.is_single else item.id}
    if item.signal is not None:
        signal = item.signal
        entry["metricStat"] = {
            "metric": {
                "namespace": signal.namespace,
                "name": signal.metric,
                "dimensions": dict(signal.dimensions),
            },
            "period": signal.period,
            "stat": signal.statistic.label,
        }
    elif item.expression is not None:
        entry["expression"] = item.expression.text
    else:
        entry["expression"] = item.query_text
        entry["period"] = alarm.period
    if item.label is not None:
        entry["label"] = item.label
    entry["returnData"] = item.is_returned
    return entry


def _metric_id(alarm: MetricAlarm) -> str:
    """Return the id that CloudWatch generates for the metric of a plain alarm."""
    return str(UUID(bytes=hashlib.sha256(alarm.name.encode()).digest()[:16], version=4))
