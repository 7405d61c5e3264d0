"""A thin stand-in for the part of CloudWatch that the engine lacks.

EMF lines become metrics, alarms are evaluated over them, and a change of state becomes the event
that EventBridge would put into the alerts queue. It knows plain metric alarms only, and judges one
window that ends with the present minute: enough for the demo, no more than that.
"""

import json
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from bedrock_alerts_lab.local_stack.engine import ACCOUNT, REGION

_OPERATORS: Final[Mapping[str, tuple[Callable[[float, float], bool], str]]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
_RECENT: Final = 10

MetricKey = tuple[str, str, tuple[tuple[str, str], ...]]


class Metrics:
    """What has been published: the values of every metric by minute."""

    def __init__(self) -> None:
        self._values: defaultdict[MetricKey, defaultdict[int, list[float]]] = defaultdict(
            lambda: defaultdict(list)
        )

    def read(self, lines: Iterable[str]) -> int:
        """Take the whole log, in place of what was read before; return the number of values."""
        self._values.clear()
        return sum(self._read_line(line) for line in lines)

    def _read_line(self, line: str) -> int:
        if '"_aws"' not in line:
            return 0
        try:
            document = json.loads(line)
            directives = document["_aws"]["CloudWatchMetrics"]
            minute = document["_aws"]["Timestamp"] // 60_000 * 60
        except (ValueError, KeyError, TypeError):
            return 0
        count = 0
        for directive in directives:
            for names in directive["Dimensions"]:
                dimensions = tuple(sorted((name, document[name]) for name in names))
                for metric in directive["Metrics"]:
                    value = document[metric["Name"]]
                    values = value if isinstance(value, list) else [value]
                    key = (directive["Namespace"], metric["Name"], dimensions)
                    self._values[key][minute].extend(values)
                    count += len(values)
        return count

    def total(self, key: MetricKey) -> float:
        """Add up everything ever published of a metric."""
        return sum(value for values in self._values[key].values() for value in values)

    def sum(self, key: MetricKey, start: datetime, end: datetime) -> float | None:
        """Add up a metric from `start` until before `end`, None where there is no data."""
        found = [
            value
            for minute, values in self._values[key].items()
            if start.timestamp() <= minute < end.timestamp()
            for value in values
        ]
        return sum(found) if found else None


class Transition(NamedTuple):
    """An alarm's change of state, and the event that says so."""

    alarm: str
    state: str
    previous: str
    at: datetime
    value: float
    threshold: float
    event: Mapping[str, Any]


class Alarms:
    """Evaluates the alarms that CloudFormation has made, minute by minute."""

    def __init__(self, alarms: list[dict[str, Any]], metrics: Metrics, start: datetime) -> None:
        self._alarms = alarms
        self._metrics = metrics
        self._states = {alarm["AlarmName"]: ("OK", start) for alarm in alarms}
        self._recent: defaultdict[str, list[float]] = defaultdict(list)

    def evaluate(self, now: datetime) -> list[Transition]:
        """Judge every alarm at the end of a minute."""
        found = (self._evaluate(alarm, now) for alarm in self._alarms)
        return [transition for transition in found if transition is not None]

    def _evaluate(self, alarm: Mapping[str, Any], now: datetime) -> Transition | None:
        name: str = alarm["AlarmName"]
        dimensions = tuple(
            sorted((item["Name"], item["Value"]) for item in alarm.get("Dimensions", []))
        )
        key = (alarm["Namespace"], alarm["MetricName"], dimensions)
        window = timedelta(seconds=alarm["Period"])
        value = self._metrics.sum(key, now - window, now)
        compare, _ = _OPERATORS[alarm["ComparisonOperator"]]
        # Every alarm of the stack treats missing data as not breaching.
        breaching = value is not None and compare(value, alarm["Threshold"])
        state = "ALARM" if breaching else "OK"
        recent = self._recent[name]
        recent.append(value or 0.0)
        previous, since = self._states[name]
        if state == previous:
            return None
        self._states[name] = (state, now)
        event = alarm_event(alarm, state, previous, (since, now), recent[-_RECENT:])
        return Transition(name, state, previous, now, value or 0.0, alarm["Threshold"], event)


def alarm_event(
    alarm: Mapping[str, Any],
    state: str,
    previous: str,
    times: tuple[datetime, datetime],
    recent: list[float],
) -> dict[str, Any]:
    """Write the event in the shape that EventBridge delivers.

    `times` are those of the previous state and of this one; `recent` ends with the value judged.
    """
    since, now = times
    _, words = _OPERATORS[alarm["ComparisonOperator"]]
    start = now - timedelta(seconds=alarm["Period"])
    reason = (
        f"Threshold Crossed: 1 out of the last 1 datapoints [{float(recent[-1])} "
        f"({start:%d/%m/%y %H:%M:%S})] was {'' if state == 'ALARM' else 'not '}{words} the "
        f"threshold ({float(alarm['Threshold'])}) (minimum 1 datapoint for {previous} -> {state} "
        "transition)."
    )
    data = {
        "version": "1.0",
        "queryDate": _stamp(now),
        "startDate": _stamp(start),
        "statistic": alarm["Statistic"],
        "period": alarm["Period"],
        "recentDatapoints": recent,
        "threshold": alarm["Threshold"],
        "evaluatedDatapoints": [{"timestamp": _stamp(start), "value": recent[-1]}],
    }
    return {
        "version": "0",
        "id": f"00000000-0000-4000-8000-{abs(hash((alarm['AlarmName'], now))) % 16**12:012x}",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": ACCOUNT,
        "time": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm['AlarmName']}"],
        "detail": {
            "alarmName": alarm["AlarmName"],
            "configuration": {
                "description": alarm.get("AlarmDescription", ""),
                "metrics": [
                    {
                        "id": "m1",
                        "returnData": True,
                        "metricStat": {
                            "metric": {
                                "namespace": alarm["Namespace"],
                                "name": alarm["MetricName"],
                                "dimensions": {
                                    item["Name"]: item["Value"]
                                    for item in alarm.get("Dimensions", [])
                                },
                            },
                            "period": alarm["Period"],
                            "stat": alarm["Statistic"],
                        },
                    }
                ],
            },
            "previousState": {"value": previous, "timestamp": _stamp(since)},
            "state": {
                "value": state,
                "reason": reason,
                "reasonData": json.dumps(data),
                "timestamp": _stamp(now),
            },
        },
    }


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
