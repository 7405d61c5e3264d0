"""What each hour has, in the log and in CloudWatch, and so what is to be filled."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from bedrock_alerts.metrics import Datapoint
from bedrock_alerts_cli.backfilling.filled_hours import Filled

LINES: Final = "RecordsReceived"
"""The metric that counts every line of the log, whatever it holds."""
OLDEST: Final = timedelta(days=14) - timedelta(hours=1)
"""How far back metrics are written: CloudWatch takes two weeks, and the run takes a while."""

State: TypeAlias = Literal["fill", "in part", "counted", "no calls", "filled", "too old", "too new"]
HOUR_SECONDS: Final = 3600
_MINUTE_SECONDS: Final = 60
_POINTS: Final = 100_000


class Hour(NamedTuple):
    """One hour: lines in the log, lines that were counted, and the minutes that are to be filled.

    `at` is its beginning, in seconds since 1970.
    """

    at: int
    logged: int
    counted: int
    minutes: frozenset[int]
    state: State

    @property
    def is_filled(self) -> bool:
        """Whether something is to be written."""
        return bool(self.minutes)


class Limits(NamedTuple):
    """What may be filled: the first and the last minute, and hours with data too if `all_hours`."""

    oldest: float
    newest: float
    all_hours: bool


def counted_minutes(
    cloudwatch: Any, namespace: str, start: datetime, end: datetime
) -> Counter[int]:
    """Return how many lines CloudWatch says were counted in each minute (seconds since 1970)."""
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[
            {
                "Id": "lines",
                "MetricStat": {
                    "Metric": {"Namespace": namespace, "MetricName": LINES},
                    "Period": _MINUTE_SECONDS,
                    "Stat": "Sum",
                },
            }
        ],
        StartTime=start,
        EndTime=end,
        PaginationConfig={"PageSize": _POINTS},
    )
    found: Counter[int] = Counter()
    for page in pages:
        for result in page["MetricDataResults"]:
            for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                found[int(at.timestamp()) // _MINUTE_SECONDS * _MINUTE_SECONDS] += round(value)
    return found


def written_minutes(
    logs: Any, log_group: str, namespace: str, start: datetime, end: datetime
) -> Counter[int]:
    """Return how many lines of [start, end) were counted in each minute, as the log group says."""
    first, last = (int(at.timestamp() * 1000) for at in (start, end))
    about = f"$._aws.Timestamp >= {first} && $._aws.Timestamp < {last}"
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=log_group,
        # No call is counted before it is made.
        startTime=first,
        filterPattern=f"{{ $.{LINES} >= 0 && {about} }}",
    )
    found: Counter[int] = Counter()
    for page in pages:
        for event in page.get("events", []):
            at, number = _written(event["message"], namespace)
            if first <= at * 1000 < last:
                found[at // _MINUTE_SECONDS * _MINUTE_SECONDS] += number
    return found


def _written(line: str, namespace: str) -> tuple[int, int]:
    """Return the time of a line with metrics, in seconds since 1970, and its counted lines."""
    try:
        document = json.loads(line)
        about = document["_aws"]
        (directive,) = about["CloudWatchMetrics"]
        if directive["Namespace"] != namespace or directive["Dimensions"] != [[]]:
            return (0, 0)
        return (int(about["Timestamp"]) // 1000, round(document[LINES]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return (0, 0)


def whole_hours(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Return the begin of the hour in which a time begins, and the end of that in which it ends."""
    first = int(start.timestamp() // HOUR_SECONDS) * HOUR_SECONDS
    last = math.ceil(end.timestamp() / HOUR_SECONDS) * HOUR_SECONDS
    return datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC)


def logged_minutes(points: Iterable[Datapoint]) -> Counter[int]:
    """Return how many lines of the log the collector counts in each minute."""
    found: Counter[int] = Counter()
    for point in points:
        if point.metric == LINES and not point.dimensions:
            found[point.minute] += round(sum(point.values))
    return found


def planned(
    start: datetime,
    end: datetime,
    logged: Mapping[int, int],
    counted: Mapping[int, int],
    filled: Mapping[int, Filled],
    limits: Limits,
) -> list[Hour]:
    """Return every hour of [start, end), which are whole hours, with what is to be filled."""
    hours = range(int(start.timestamp()), int(end.timestamp()), HOUR_SECONDS)
    return [_hour(at, logged, counted, filled.get(at), limits) for at in hours]


def _hour(
    at: int,
    logged: Mapping[int, int],
    counted: Mapping[int, int],
    filled: Filled | None,
    limits: Limits,
) -> Hour:
    minutes = range(at, at + HOUR_SECONDS, _MINUTE_SECONDS)
    in_log = sum(logged.get(minute, 0) for minute in minutes)
    in_metrics = sum(counted.get(minute, 0) for minute in minutes)
    missing = frozenset(
        minute for minute in minutes if logged.get(minute) and not counted.get(minute)
    )
    if filled and filled.minutes is not None:
        # A run that was stopped goes on with its minutes, some of which CloudWatch has by now.
        missing = filled.minutes
    state: State = "fill"
    if filled and filled.is_complete:
        state = "filled"
    elif not in_log:
        state = "no calls"
    elif at < limits.oldest:
        state = "too old"
    elif at + HOUR_SECONDS > limits.newest:
        state = "too new"
    elif in_metrics and not filled:
        state = "in part" if limits.all_hours and missing else "counted"
    is_wanted = state in {"fill", "in part"}
    return Hour(at, in_log, in_metrics, missing if is_wanted else frozenset(), state)


def points_of(hour: Hour, points: Sequence[Datapoint]) -> list[Datapoint]:
    """Return the data points that are to be written for an hour.

    How old records were when they were counted is not: it says nothing about the hour.
    """
    return [
        point for point in points if point.minute in hour.minutes and point.metric != "RecordAge"
    ]


def moment(at: int) -> str:
    """Write an hour as a person does."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
