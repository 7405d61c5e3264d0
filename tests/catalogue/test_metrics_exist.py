"""Every metric that an alarm watches exists: our code emits it, or AWS documents it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from bedrock_alerts_cli.simulator import MetricAlarm
from tests import records
from tests.catalogue.alarms import SOURCES, alarms, names, source_of
from tests.catalogue.documented_metrics import DOCUMENTED
from tests.catalogue.proofs import DETECTED, FOREIGN, blocked
from tests.catalogue.traffic import INCIDENT, NAMESPACE, Record, counted, ordinary

ROOT: Final = Path(__file__).resolve().parents[2]
# What functions other than the collectors emit, and the test that replays them doing so.
REPLAYED_ELSEWHERE: Final = {
    "Heartbeat": ("tests/functions/test_route.py", '"Heartbeat": 2'),
    "NotificationsFailed": ("tests/functions/test_deliver.py", '["NotificationsFailed"] == 3'),
}


class Watched(NamedTuple):
    """A metric that an alarm watches; for a query, the dimensions it asks for."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    keys: frozenset[str]


def watched(name: str) -> Iterator[Watched]:
    alarm = alarms(source_of(name))[name]
    if not isinstance(alarm, MetricAlarm):
        return  # a composite watches alarms
    for item in alarm.items:
        if item.signal is not None:
            signal = item.signal
            keys = frozenset(key for key, _ in signal.dimensions)
            yield Watched(signal.namespace, signal.metric, signal.dimensions, keys)
        elif item.query is not None:
            query = item.query
            yield Watched(query.namespace, query.metric, (), query.dimensions or frozenset())


CHARGED: Final = records.converse_trace(
    records.assessment(records.invocation_metrics(contentPolicyUnits=2))
)


@pytest.fixture(scope="module")
def emitted() -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """Replay ordinary traffic, and one call of everything that can go wrong, through the code."""
    wrong = [
        *blocked(1, records.content("BLOCKED", kind="PROMPT_ATTACK")),
        *blocked(1, records.pii("BLOCKED")),
        *blocked(1, records.pii("ANONYMIZED")),
        *blocked(1, records.pii("NONE", detected=True)),
        records.converse(stop="guardrail_intervened"),
        records.converse(trace=DETECTED),
        records.converse(trace=CHARGED),
        records.converse(model="example.unheard-of-v1:0"),
        records.failed("AccessDeniedException"),
        records.failed("ThrottlingException", operation="Converse"),
    ]
    lines: list[Record | str] = [*wrong, "no JSON", FOREIGN]
    points = counted((INCIDENT + second, line) for second, line in enumerate(lines))
    ours = [point for point in ordinary() if point.namespace == NAMESPACE]
    return {(point.metric, point.dimensions) for point in (*points, *ours)}


@pytest.mark.parametrize("name", names())
def test_what_an_alarm_watches_is_there(
    name: str, emitted: set[tuple[str, tuple[tuple[str, str], ...]]]
) -> None:
    for one in watched(name):
        if one.namespace != NAMESPACE:
            documented = DOCUMENTED[one.namespace, one.metric]
            assert one.keys == documented.dimensions
            assert set(documented.values) <= set(one.dimensions)
        elif one.metric in REPLAYED_ELSEWHERE:
            path, proof = REPLAYED_ELSEWHERE[one.metric]
            assert proof in (ROOT / path).read_text()
            assert one.keys == frozenset()
        elif one.keys and not one.dimensions:
            by_keys = {(metric, frozenset(key for key, _ in found)) for metric, found in emitted}
            assert (one.metric, one.keys) in by_keys
        else:
            assert (one.metric, one.dimensions) in emitted


def test_no_documented_metric_is_listed_that_nothing_watches() -> None:
    used = {(one.namespace, one.metric) for name in names() for one in watched(name)}
    in_buckets = {("AWS/Bedrock", "ModelInvocationLogsS3DeliveryFailure")}
    assert set(DOCUMENTED) <= used | in_buckets


def test_a_stack_that_reads_from_a_bucket_watches_the_delivery_to_buckets() -> None:
    alarm = alarms("bucket")["LogDeliveryFailure"]
    assert isinstance(alarm, MetricAlarm)
    (item,) = alarm.items
    assert item.signal is not None
    assert item.signal.metric == "ModelInvocationLogsS3DeliveryFailure"


@pytest.mark.parametrize("source", SOURCES)
def test_the_functions_and_queues_that_alarms_name_are_those_of_the_stack(source: str) -> None:
    collectors = {"log group": "logs", "bucket": "objects", "stream": "stream"}
    expected = {
        f"bedrock-alerts-{name}"
        for name in (f"collect-{collectors[source]}", "route", "deliver", "answer")
    }
    found = {
        value
        for alarm in alarms(source).values()
        if isinstance(alarm, MetricAlarm)
        for item in alarm.items
        if item.signal is not None
        for key, value in item.signal.dimensions
        if key == "FunctionName"
    }
    assert found == expected


@pytest.mark.parametrize("metric", sorted(DOCUMENTED))
def test_a_documented_metric_says_where_it_is_documented(metric: tuple[str, str]) -> None:
    documented = DOCUMENTED[metric]
    assert documented.source.startswith("https://docs.aws.amazon.com/") or documented.doubt
