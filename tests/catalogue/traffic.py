"""Two days of believable Bedrock traffic, invented, as CloudWatch sees it: ours and AWS's metrics.

Our metrics come out of the real pipeline, from records in the shape that Bedrock logs.
"""

import json
import math
import random
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from bedrock_alerts.invocations.collector import CollectOptions, Parts, collect
from bedrock_alerts.invocations.decode import decode_event
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts_cli.simulator import Datapoint, published
from tests import records

NAMESPACE: Final = "BedrockAlerts"
BEDROCK: Final = "AWS/Bedrock"
MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
START: Final = 1_772_442_000  # 2026-03-02 09:00 UTC: the alarms are made
HISTORY: Final = 24 * HOUR
INCIDENT: Final = START + 2 * HOUR
END: Final = START + 28 * HOUR
EMBEDDER: Final = "amazon.titan-embed-text-v2:0"
COLLECTORS: Final = ("collect-logs", "collect-objects", "collect-stream")

Record = dict[str, Any]


def counted(events: Iterable[tuple[int, Record | str]]) -> list[Datapoint]:
    """Count records (or what should have been some), each with its second, as the collector does."""
    prices = Prices.load()
    lines = []
    for number, (at, record) in enumerate(events):
        text = record
        if isinstance(record, dict):
            moment = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
            text = json.dumps({**record, "timestamp": moment, "requestId": f"{at}-{number}"})
        lines.append({"id": f"{number:056}", "timestamp": at * 1000, "message": text})
    batch = decode_event(records.awslogs(records.batch(lines)))
    found = collect((batch,), Parts(prices, CollectOptions()), now=END)
    assert found.duplicates == 0
    # All of it is counted at the end: how old the records were then says nothing.
    points = [point for point in found.datapoints if point.metric != "RecordAge"]
    return list(published(points, NAMESPACE))


def native(
    metric: str, at: int, *values: float, namespace: str = BEDROCK, **dimensions: str
) -> Datapoint:
    """Return what AWS measured in the minute of `at`."""
    return Datapoint(
        namespace=namespace,
        metric=metric,
        minute=at // MINUTE * MINUTE,
        dimensions=tuple(sorted(dimensions.items())),
        values=tuple(values),
    )


def every(seconds: int, start: int, end: int) -> range:
    """Return the times from `start` until before `end`, so many seconds apart."""
    return range(start, end, seconds)


# ---- calls ---------------------------------------------------------------------------------------


def chat(chance: random.Random, *parts: Record, stop: str = "end_turn", **more: Any) -> Record:
    """Return a guarded call: clean, or with findings."""
    tokens = (max(50, round(chance.gauss(900, 200))), max(20, round(chance.gauss(220, 60))))
    trace = records.converse_trace(records.assessment(records.invocation_metrics(), *parts))
    return records.converse(trace=trace, tokens=tokens, stop=stop, **more)


def embedding(chance: random.Random) -> Record:
    """Return a call without a guardrail: nobody guards embeddings."""
    tokens = chance.randrange(100, 500)
    body = {"inputTextTokenCount": tokens, "embedding": [0.5, -0.5]}
    return records.invoke(body, model=EMBEDDER, tokens=(tokens, None))


@cache
def ordinary() -> tuple[Datapoint, ...]:
    """Return everything that is measured while nothing is wrong."""
    chance = random.Random(20260302)  # noqa: S311 - repeatable, not secret
    points: list[Datapoint] = []
    for hour in every(HOUR, START - HISTORY, END):
        events: list[tuple[int, Record | str]] = []
        for minute in every(MINUTE, hour, hour + HOUR):
            calls = list(_minute(chance, minute))
            events += [(minute + chance.randrange(60), call) for call in calls]
            points += _native(chance, minute, calls)
            points += _machinery(chance, minute)
        points += counted(events)
    return tuple(points)


def _minute(chance: random.Random, minute: int) -> Iterator[Record]:
    """Return the calls of one minute: more by day than by night, and never quite the same."""
    by_day = 1 + 0.4 * math.sin((minute / HOUR - 9) / 24 * 2 * math.pi)
    for _ in range(max(2, round(chance.gauss(7 * by_day, 1.5)))):
        kind = chance.random()
        if kind < 0.10:
            yield embedding(chance)
        elif kind < 0.104:
            yield records.failed("ValidationException", operation="Converse")
        elif kind < 0.115:
            stop = "guardrail_intervened"
            yield chat(chance, records.pii(), stop=stop)
        elif kind < 0.125:
            yield chat(chance, records.content("NONE", detected=True))
        else:
            yield chat(chance)


def _native(chance: random.Random, minute: int, calls: list[Record]) -> Iterator[Datapoint]:
    """Return what Bedrock itself measures of these calls."""
    answered = [call for call in calls if "errorCode" not in call]
    yield native("Invocations", minute, *[1.0] * len(answered))
    yield native("ModelInvocationLogsCloudWatchDeliverySuccess", minute, *[1.0] * len(calls))
    failed = len(calls) - len(answered)
    if failed:
        yield native("InvocationClientErrors", minute, *[1.0] * failed)
    if chance.random() < 0.01:
        yield native("InvocationThrottles", minute, 1.0)
    if chance.random() < 0.001:
        yield native("InvocationServerErrors", minute, 1.0)
    latencies = [max(200.0, chance.gauss(1800, 500)) for _ in answered]
    yield native("InvocationLatency", minute, *latencies)
    used = [
        float(call["input"]["inputTokenCount"] + call["output"].get("outputTokenCount", 0))
        for call in answered
        if call["modelId"] == records.HAIKU
    ]
    if used:
        yield native("EstimatedTPMQuotaUsage", minute, *used, ModelId=records.HAIKU)
    if chance.random() < 0.02:
        yield native(
            "InvocationsIntervened",
            minute,
            1.0,
            namespace="AWS/Bedrock/Guardrails",
            Operation="ApplyGuardrail",
        )


def _machinery(chance: random.Random, minute: int) -> Iterator[Datapoint]:
    """Return what AWS measures of this tool's functions and queues."""
    for function in (*COLLECTORS, "route", "deliver"):
        for metric in ("Errors", "Throttles"):
            yield native(
                metric,
                minute,
                0.0,
                namespace="AWS/Lambda",
                FunctionName=f"bedrock-alerts-{function}",
            )
    yield native(
        "IteratorAge",
        minute,
        chance.uniform(300, 4000),
        namespace="AWS/Lambda",
        FunctionName="bedrock-alerts-collect-stream",
    )
    for queue in ("alerts", "deliveries", "objects"):
        yield native(
            "ApproximateAgeOfOldestMessage",
            minute,
            float(chance.choice((0, 0, 0, 1, 4, 60))),
            namespace="AWS/SQS",
            QueueName=f"bedrock-alerts-{queue}",
        )
        yield native(
            "ApproximateNumberOfMessagesVisible",
            minute,
            0.0,
            namespace="AWS/SQS",
            QueueName=f"bedrock-alerts-{queue}-dlq",
        )
    yield native("RecordAge", minute, float(chance.randrange(20, 180)), namespace=NAMESPACE)
    if minute // MINUTE % 5 == 0:
        yield native("Heartbeat", minute, 1.0, namespace=NAMESPACE)
    if minute // MINUTE % 1440 == 0:
        yield native("NotificationsFailed", minute, 1.0, namespace=NAMESPACE)


# ---- what may go wrong ---------------------------------------------------------------------------

Story = Callable[[list[Datapoint]], list[Datapoint]]


def adding(*points: Iterable[Datapoint]) -> Story:
    """Return a story in which this is measured too."""
    more = [point for some in points for point in some]
    return lambda ordinary: [*ordinary, *more]


def without(start: int, end: int, *, namespace: str, metric: str | None = None) -> Story:
    """Return a story in which this is not measured for a while."""

    def left(points: list[Datapoint]) -> list[Datapoint]:
        return [
            point
            for point in points
            if not (
                start <= point.minute < end
                and point.namespace == namespace
                and metric in {None, point.metric}
            )
        ]

    return left
