"""CloudWatch Logs Insights: the collectors' event lines."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bedrock_alerts.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

# An alert waits for these, so each gets one short attempt.
_CONFIG: Final = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1}
)
# Nothing waits for a report.
_PATIENT: Final = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4}
)
_POLL_SECONDS: Final = 0.25
_RUNNING: Final = frozenset({"Scheduled", "Running"})


class EventLines:
    """Queries the collectors' event lines with CloudWatch Logs Insights.

    Each has its own session: boto3's default one must not create clients in two threads at once.
    """

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
        return self._given or Session().client("logs", config=_CONFIG)

    def ask(
        self, query: str, start: datetime, end: datetime, deadline: float
    ) -> Sequence[Mapping[str, str]]:
        """Return the rows of [start, end).

        Raises TransientError if the query has not ended by `deadline`.
        """
        started = self._client.start_query(
            logGroupIdentifiers=self._logs,
            startTime=int(start.timestamp()),
            endTime=int(end.timestamp()) - 1,  # it is inclusive
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
        """Stop an abandoned query; one that cannot be stopped ends by itself."""
        try:
            self._client.stop_query(queryId=query_id)
        except (ClientError, BotoCoreError):
            return


def patient_lines(
    logs: Sequence[str], clock: Callable[[], float], client: "CloudWatchLogsClient | None" = None
) -> EventLines:
    """Return queries for a report: requests that fail are tried again."""
    return EventLines(logs, client or Session().client("logs", config=_PATIENT), clock)


def _row(fields: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {field["field"]: field.get("value", "") for field in fields if "field" in field}
