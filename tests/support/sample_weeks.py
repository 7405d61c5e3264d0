"""Two weeks of sample calls as their collector logs them, and what a report is read from."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from bedrock_alerts.invocations.aggregate import AggregateOptions
from bedrock_alerts.invocations.collector import Collected, CollectOptions, Parts, collect
from bedrock_alerts.invocations.decode import LogBatch, LogLine
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.weekly.read_week import WeekPorts
from bedrock_alerts.weekly.week import AlarmRecord, Span
from tests.records import ACCOUNT, HAIKU, Json, content, converse, converse_trace, failed
from tests.support.insights_lines import InsightsLines

END: Final = datetime(2026, 3, 16, tzinfo=UTC)  # a Monday
WEEK: Final = Span(END - timedelta(days=7), END)
OPUS: Final = "anthropic.claude-opus-4-1-20250805-v1:0"
NOVA: Final = "amazon.nova-lite-v1:0"
LATENCY: Final = {HAIKU: 1_912.4, OPUS: 24_310.0}
ALARMS: Final = (
    AlarmRecord("PromptAttack", 3, lacks_data=False),
    AlarmRecord("Throttling", 1, lacks_data=False),
    AlarmRecord("TokenQuota", 0, lacks_data=True),
    AlarmRecord("LogSilence", 0, lacks_data=False),
)
LEGACY: Final[Mapping[str, date | None]] = {OPUS: date(2026, 8, 5), "amazon.titan-text-v1": None}


def call(number: int, at: datetime, caller: str, model: str = HAIKU, **more: Any) -> Json:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{caller}/session"
    return {
        **converse(**{"identity": {"arn": arn}, "model": model, **more}),
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "requestId": f"r{number}",
    }


def week_of_calls(first: datetime, times: int, start: int) -> list[Json]:
    """Return a week of calls; `times` is how busy it is."""
    found: list[Json] = []
    for day in range(7):
        at = first + timedelta(days=day, hours=10)
        number = start + 1000 * day
        found += [
            call(number + n, at, "chat-backend", tokens=(90_000, 4_000),
                 requestMetadata={"team": "support"})
            for n in range(3 * times)
        ]  # fmt: skip
        found += [
            call(number + 100 + n, at, "batch-summaries", OPUS, tokens=(40_000, 9_000))
            for n in range(times * (1 + day % 3))
        ]
        found.append(call(number + 200, at, "ci", NOVA, tokens=(2_000, 900)))
        throttled = failed(modelId=HAIKU)
        found += [
            {**throttled, "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}", "requestId": f"t{number + n}"}
            for n in range(times - 1)
        ]
        attack = {
            **content(kind="PROMPT_ATTACK"),
            "invocationMetrics": {"usage": {"contentPolicyUnits": 900}},
        }
        found += [
            call(number + 300 + n, at, "chat-backend", stop="guardrail_intervened", tokens=(0, 0),
                 trace=converse_trace(attack))
            for n in range(times)
        ]  # fmt: skip
    return found


NOW_CALLS: Final = week_of_calls(WEEK.start, 3, 0)
BEFORE_CALLS: Final = week_of_calls(WEEK.before.start, 2, 50_000)


def counted(calls: Sequence[Json], application_key: str | None = "team") -> Collected:
    """Let the collector count some calls."""
    lines = tuple(
        LogLine(json.dumps(record), f"e{number}", 0) for number, record in enumerate(calls)
    )
    options = CollectOptions(aggregate=AggregateOptions(application_key=application_key))
    at = datetime.fromisoformat(calls[-1]["timestamp"]).timestamp()
    batch = LogBatch(log_events=lines, message_type="DATA_MESSAGE")
    return collect((batch,), Parts(Prices.load(), options), now=at + 60)


def insights(*weeks: Sequence[Json]) -> InsightsLines:
    """Return the log that a collector wrote, a batch for each day."""
    found = InsightsLines()
    for calls in weeks:
        by_day: dict[str, list[Json]] = {}
        for record in calls:
            by_day.setdefault(record["timestamp"], []).append(record)
        for at, records in by_day.items():
            outcome = counted(records)
            found.write(datetime.fromisoformat(at), (*outcome.events, *outcome.usage))
    return found


def ports(lines: InsightsLines, clock: Any = lambda: 0.0, **more: Any) -> WeekPorts:
    """Return what a report is read from, each piece replaceable."""
    found = WeekPorts(
        lines=lines,
        latencies=lambda start, end: LATENCY if (start, end) == WEEK else {HAIKU: 1_700.0},
        alarms=lambda _start, _end, _deadline: ALARMS,
        legacy=lambda: LEGACY,
        clock=clock,
        left_out=lambda _piece, _error: None,
    )
    return found._replace(**more)
