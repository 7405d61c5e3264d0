"""Amazon CloudWatch: metric graphs, and the states and definitions of alarms."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import boto3
import msgspec
from boto3.session import Session
from botocore.config import Config

from bedrock_alerts.adapters.aws_errors import translated
from bedrock_alerts.alerts.events import AlarmDefinition
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts.alerts.incidents.learn import LookedUp
from bedrock_alerts.alerts.test_marks import TEST_REASON
from bedrock_alerts.errors import TransientError
from bedrock_alerts.weekly.week import AlarmRecord

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

# A picture is nice to have: one attempt.
_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=7, retries={"mode": "standard", "total_max_attempts": 1}
)
# Nothing waits for a report, and CloudWatch allows few requests a second about alarms.
_PATIENT: Final = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4}
)
_SERVICE: Final = "Amazon CloudWatch"
_MAX_PAGES: Final = 5
# An alert waits for a definition: one attempt, and a short one.
_QUICK: Final = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1}
)
_DAY_SECONDS: Final = 86_400
# A stack has far fewer alarms, and an alarm that fires more often needs no exact number.
_MAX_ALARM_PAGES: Final = 10
_MAX_HISTORY_PAGES: Final = 5
_LATENCIES: Final = (
    f"SEARCH('{{AWS/Bedrock,ModelId}} MetricName=\"InvocationLatency\"', 'p95', {_DAY_SECONDS})"
)
_DEFINITION_SECONDS: Final = 60.0
_DEFINITIONS: Final = 500


def described(client: "CloudWatchClient", name: str) -> Mapping[str, Any] | None:
    """Return CloudWatch's description of a metric or composite alarm, None if there is none.

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
        if self._client is None:  # created for the first graph: most deliveries have none
            self._client = boto3.client("cloudwatch", config=_CONFIG)
        with translated(_SERVICE):
            answer = self._client.get_metric_widget_image(MetricWidget=widget)
        return answer["MetricWidgetImage"]


class AlarmStates:
    """The present states of one account and Region's alarms; their ARNs begin with `prefix`."""

    def __init__(self, prefix: str, client: "CloudWatchClient | None" = None) -> None:
        self._prefix = prefix
        self._client = client

    def __call__(self, item: AlarmItem) -> LookedUp | None:
        """Return an alarm's state, None in another account or Region. Raises TransientError."""
        if not item.arn.startswith(self._prefix):
            return None
        if self._client is None:  # created at the first look-up: most deliveries have none
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
        """Return the ids of the contributors in ALARM, None if CloudWatch cannot list them."""
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


class AlarmDefinitions:
    """The definitions of this account and Region's alarms, each cached for a minute."""

    def __init__(
        self,
        client: "CloudWatchClient | None" = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._given = client
        self._clock = clock
        self._known: dict[str, tuple[float, AlarmDefinition | None]] = {}

    @cached_property
    def _client(self) -> "CloudWatchClient":
        return self._given or Session().client("cloudwatch", config=_QUICK)

    def definition(self, name: str) -> AlarmDefinition | None:
        """Return the definition of an alarm, None if no alarm has this name."""
        known = self._known.get(name)
        if known and self._clock() - known[0] < _DEFINITION_SECONDS:
            return known[1]
        alarm = described(self._client, name)
        found = _definition(alarm) if alarm is not None else None
        if len(self._known) >= _DEFINITIONS:
            self._known.clear()
        self._known[name] = (self._clock(), found)
        return found


class AlarmHistories:
    """How often each alarm whose name begins with `prefix` fired, and whether it has data."""

    def __init__(
        self,
        prefix: str,
        client: "CloudWatchClient | None" = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._prefix = prefix
        self._given = client
        self._clock = clock

    @cached_property
    def _client(self) -> "CloudWatchClient":
        return self._given or Session().client("cloudwatch", config=_PATIENT)

    def __call__(self, start: datetime, end: datetime, deadline: float) -> Sequence[AlarmRecord]:
        """Return them all. Raises TransientError, also if `deadline` passes before the last."""
        found = []
        for alarm in self._alarms():
            if self._clock() >= deadline:
                raise TransientError("reading the alarms takes too long")
            name = alarm["AlarmName"]
            found.append(
                AlarmRecord(
                    name.removeprefix(self._prefix),
                    self._fired(name, start, end),
                    alarm.get("StateValue") == "INSUFFICIENT_DATA",
                )
            )
        return found

    def _alarms(self) -> Iterator[Mapping[str, Any]]:
        token: dict[str, Any] = {}
        for _ in range(_MAX_ALARM_PAGES):
            with translated(_SERVICE):
                answer = self._client.describe_alarms(
                    AlarmNamePrefix=self._prefix,
                    AlarmTypes=["MetricAlarm", "CompositeAlarm"],
                    **token,
                )
            yield from answer.get("MetricAlarms", [])
            yield from answer.get("CompositeAlarms", [])
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}

    def _fired(self, name: str, start: datetime, end: datetime) -> int:
        fired, token = 0, dict[str, Any]()
        for _ in range(_MAX_HISTORY_PAGES):
            with translated(_SERVICE):
                answer = self._client.describe_alarm_history(
                    AlarmName=name,
                    AlarmTypes=["MetricAlarm", "CompositeAlarm"],
                    HistoryItemType="StateUpdate",
                    StartDate=start,
                    EndDate=end,
                    MaxRecords=100,
                    **token,
                )
            fired += sum(
                _has_fired(item.get("HistoryData", ""))
                for item in answer.get("AlarmHistoryItems", [])
            )
            if not answer.get("NextToken"):
                break
            token = {"NextToken": answer["NextToken"]}
        return fired


def _has_fired(data: str) -> bool:
    """Whether an item of an alarm's history is an ALARM that no test has set."""
    try:
        state = msgspec.json.decode(data)["newState"]
        reason = str(state.get("stateReason", ""))
        return state["stateValue"] == "ALARM" and not reason.startswith(TEST_REASON)
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError):
        return False


class Latencies:
    """The latency of Bedrock's models, from CloudWatch's own metric."""

    def __init__(self, client: "CloudWatchClient | None" = None) -> None:
        self._given = client

    @cached_property
    def _client(self) -> "CloudWatchClient":
        return self._given or Session().client("cloudwatch", config=_PATIENT)

    def __call__(self, start: datetime, end: datetime) -> Mapping[str, float]:
        """Return the median of the days' 95th percentiles by model, in ms.

        Percentiles cannot be added up, so the days' are not those of the week. Raises
        TransientError.
        """
        with translated(_SERVICE):
            answer = self._client.get_metric_data(
                MetricDataQueries=[
                    {
                        "Id": "p95",
                        "Expression": _LATENCIES,
                        "Period": _DAY_SECONDS,
                        "Label": "${PROP('Dim.ModelId')}",
                    }
                ],
                StartTime=start,
                EndTime=end,
            )
        return {
            result["Label"]: median(result["Values"])
            for result in answer.get("MetricDataResults", [])
            if result.get("Values")
        }


def _definition(alarm: Mapping[str, Any]) -> AlarmDefinition:
    return AlarmDefinition(
        threshold=alarm.get("Threshold"),
        operator=alarm.get("ComparisonOperator"),
        period=alarm.get("Period") or _longest_period(alarm.get("Metrics", [])),
        periods=alarm.get("EvaluationPeriods"),
        to_alarm=alarm.get("DatapointsToAlarm"),
        actions_enabled=alarm.get("ActionsEnabled", True),
        evaluation=alarm.get("EvaluationState", ""),
    )


def _longest_period(metrics: Sequence[Mapping[str, Any]]) -> int | None:
    periods = [
        metric.get("Period") or metric.get("MetricStat", {}).get("Period") or 0
        for metric in metrics
    ]
    return max(periods, default=0) or None
