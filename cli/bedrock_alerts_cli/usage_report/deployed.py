"""Who spent what in a deployed stack: its collectors' usage lines, added up by CloudWatch Logs."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_alerts.invocations.invocation import PICODOLLARS
from bedrock_alerts.invocations.usage_lines import COUNTS, Used
from bedrock_alerts_cli.usage_report.book import NONE, Book, Key
from bedrock_alerts_cli.user_errors import InputError

_MOST_ROWS: Final = 10_000  # CloudWatch Logs returns no more
_PATIENCE_SECONDS: Final = 60.0
_DAY_SECONDS: Final = 86_400
_UNDER_WAY: Final = frozenset({"Scheduled", "Running"})
_QUERY: Final = (
    "fields datefloor(@timestamp, 1d) as day | filter event = 'usage' | stats "
    + ", ".join(f"sum({name}) as all_{name}" for name in COUNTS)
    + ", sum(cost_usd) as all_cost, sum(guardrail_cost_usd) as all_guardrail_cost"
    f" by day, principal, application, model | sort all_cost desc | limit {_MOST_ROWS}"
)


def read_stack(
    stack: str,
    days: int,
    logs: Any,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Book:
    """Add up the usage lines of the last `days` days; `logs` is a client of CloudWatch Logs.

    Raises InputError if the stack has no collector, or AWS refuses.
    """
    try:
        groups = _groups(stack, logs)
        end = int(now())
        started = logs.start_query(
            logGroupNames=groups,
            startTime=end - days * _DAY_SECONDS,
            endTime=end,
            queryString=_QUERY,
        )
        rows = _rows(started["queryId"], logs, now, sleep)
    except (BotoCoreError, ClientError) as error:
        raise InputError(f"CloudWatch Logs could not be queried for {stack}: {error}") from error
    book = Book()
    for row in rows:
        key = Key(
            row.get("day", "")[:10],
            row.get("principal", ""),
            row.get("application") or NONE,
            row.get("model", ""),
        )
        book.sums.setdefault(key, Used()).add(_sums(row))
    return book


def _groups(stack: str, logs: Any) -> list[str]:
    found = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{stack}-collect-")
    groups = [group["logGroupName"] for group in found["logGroups"]]
    if not groups:
        raise InputError(f"no collector of a stack named {stack} has a log in this Region")
    return groups


def _rows(
    query: str, logs: Any, now: Callable[[], float], sleep: Callable[[float], None]
) -> list[Mapping[str, str]]:
    deadline = now() + _PATIENCE_SECONDS
    while True:
        answer = logs.get_query_results(queryId=query)
        if answer["status"] == "Complete":
            return [{one["field"]: one["value"] for one in row} for row in answer["results"]]
        if answer["status"] not in _UNDER_WAY or now() > deadline:
            raise InputError(f"the query of CloudWatch Logs did not finish: {answer['status']}")
        sleep(1.0)


def _sums(row: Mapping[str, str]) -> Used:
    return Used(
        **{name: round(float(row.get(f"all_{name}") or 0)) for name in COUNTS},
        picodollars=round(float(row.get("all_cost") or 0) * PICODOLLARS),
        guardrail_picodollars=round(float(row.get("all_guardrail_cost") or 0) * PICODOLLARS),
    )
