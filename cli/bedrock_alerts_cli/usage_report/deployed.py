"""The days of a deployed stack: what its weekly report says, read with a person's access."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_alerts.adapters.bedrock import LegacyModels
from bedrock_alerts.adapters.cloudwatch import AlarmHistories, Latencies
from bedrock_alerts.adapters.logs_insights import EventLines
from bedrock_alerts.errors import TransientError
from bedrock_alerts.weekly.read_week import WeekPorts, read_week
from bedrock_alerts.weekly.week import Span, Week
from bedrock_alerts_cli.user_errors import InputError

_PATIENCE_SECONDS: Final = 300.0
_KEPT_FOREVER: Final = 3653


def read_stack(
    stack: str,
    days: int,
    client: Callable[[str], Any],
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    say: Callable[[str], None] = lambda _place: None,
) -> Week:
    """Read the last `days` days, and those before; `client` creates a client for a service.

    `say` is given the stack's account and Region, in words.

    Raises InputError if the stack has no collector, or AWS refuses the query of usage lines.
    """
    end = datetime.fromtimestamp(int(now()), UTC)
    try:
        logs = client("logs")
        groups = _groups(stack, logs, say)
        ports = WeekPorts(
            lines=EventLines([name for name, _ in groups], logs, now, sleep),
            latencies=Latencies(client("cloudwatch")),
            alarms=AlarmHistories(f"{stack}.", client("cloudwatch"), now),
            legacy=LegacyModels(client("bedrock")),
            clock=now,
            left_out=lambda _piece, _error: None,
        )
        week = read_week(
            Span(end - timedelta(days=days), end),
            min(kept for _, kept in groups),
            ports,
            now() + _PATIENCE_SECONDS,
        )
    except (BotoCoreError, ClientError, TransientError) as error:
        raise InputError(f"CloudWatch Logs could not be queried for {stack}: {error}") from error
    week.now.book.policies.update(week.now.findings or {})
    return week


def _groups(stack: str, logs: Any, say: Callable[[str], None]) -> Sequence[tuple[str, int]]:
    """Return the collectors' log groups, and for how many days each is kept."""
    found = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{stack}-collect-")
    for group in found["logGroups"][:1]:
        _, _, _, region, account, *_ = f"{group.get('arn', '')}:::::".split(":")
        say(f"stack {stack}, account {account or 'unknown'}, {region or 'unknown Region'}")
    groups = [
        (group["logGroupName"], group.get("retentionInDays", _KEPT_FOREVER))
        for group in found["logGroups"]
    ]
    if not groups:
        raise InputError(f"no collector of a stack named {stack} has a log in this Region")
    return groups
