"""What is looked up about an alarm: its definition, the account's alias, the event lines."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bedrock_alerts.adapters.cloudwatch import described
from bedrock_alerts.alerts.model import AlarmDefinition
from bedrock_alerts.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_logs import CloudWatchLogsClient

# An alert waits for these: one attempt each, and a short one.
_CONFIG: Final = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1}
)
_DEFINITION_SECONDS: Final = 60.0
_DEFINITIONS: Final = 500
_ALIAS_SECONDS: Final = 3600.0
_POLL_SECONDS: Final = 0.25
_RUNNING: Final = frozenset({"Scheduled", "Running"})


class AlarmDefinitions:
    """How the alarms of this account and Region are set, each kept for a minute."""

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
        return self._given or _session().client("cloudwatch", config=_CONFIG)

    def definition(self, name: str) -> AlarmDefinition | None:
        """Return what an alarm is set to, None where there is none of this name."""
        known = self._known.get(name)
        if known and self._clock() - known[0] < _DEFINITION_SECONDS:
            return known[1]
        alarm = described(self._client, name)
        found = _definition(alarm) if alarm is not None else None
        if len(self._known) >= _DEFINITIONS:
            self._known.clear()
        self._known[name] = (self._clock(), found)
        return found


class AccountAlias:
    """What people call this account. Kept for an hour, also when it could not be learned."""

    def __init__(
        self, client: "IAMClient | None" = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._given = client
        self._clock = clock
        self._known: tuple[float, str] | None = None

    @cached_property
    def _client(self) -> "IAMClient":
        return self._given or _session().client("iam", config=_CONFIG)

    def alias(self) -> str:
        """Return it, empty where the account has none. Raises only when it asks, once an hour."""
        if self._known and self._clock() - self._known[0] < _ALIAS_SECONDS:
            return self._known[1]
        self._known = (self._clock(), "")
        aliases = self._client.list_account_aliases().get("AccountAliases", [])
        self._known = (self._clock(), aliases[0] if aliases else "")
        return self._known[1]


class EventLines:
    """The collectors' event lines, asked through CloudWatch Logs Insights."""

    def __init__(
        self,
        logs: Sequence[str],
        client: "CloudWatchLogsClient | None" = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._logs = list(logs)
        self._given = client
        self._clock = clock
        self._sleep = sleep

    @cached_property
    def _client(self) -> "CloudWatchLogsClient":
        return self._given or _session().client("logs", config=_CONFIG)

    def ask(
        self, query: str, start: datetime, end: datetime, deadline: float
    ) -> Sequence[Mapping[str, str]]:
        """Return the rows found. Raises TransientError where there are none before `deadline`."""
        started = self._client.start_query(
            logGroupIdentifiers=self._logs,
            startTime=int(start.timestamp()),
            endTime=int(end.timestamp()),
            queryString=query,
        )
        query_id = started["queryId"]
        while True:
            answer = self._client.get_query_results(queryId=query_id)
            if answer["status"] == "Complete":
                return [_row(fields) for fields in answer["results"]]
            if answer["status"] not in _RUNNING:
                raise TransientError(f"the query ended as {answer['status']}")
            if self._clock() + _POLL_SECONDS >= deadline:
                self._stop(query_id)
                raise TransientError("the query takes too long")
            self._sleep(_POLL_SECONDS)

    def _stop(self, query_id: str) -> None:
        """Stop what no one waits for any more; when it cannot be stopped it ends by itself."""
        try:
            self._client.stop_query(queryId=query_id)
        except (ClientError, BotoCoreError):
            return


def _session() -> Session:
    """Return a session: clients are made when they are first needed, and then by several threads.

    The session that boto3 keeps for all must not make clients in two threads at once.
    """
    return Session()


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


def _row(fields: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {field["field"]: field.get("value", "") for field in fields if "field" in field}
