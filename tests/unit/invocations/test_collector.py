"""Lines in, counts out: what is a duplicate, what is skipped, and that nothing gets lost."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from bedrock_alerts.invocations import collector as pipeline
from bedrock_alerts.invocations.collector import (
    Collected,
    CollectOptions,
    Collector,
    Parts,
    collect,
)
from bedrock_alerts.invocations.decode import LogBatch, LogLine
from bedrock_alerts.invocations.invocation import Cost
from bedrock_alerts.limits import METRIC_MAX_AGE_SECONDS, METRIC_MAX_AHEAD_SECONDS
from bedrock_alerts.metrics import Dimensions
from tests import records
from tests.records import (
    EPOCH,
    LOG_GROUP,
    Json,
    anthropic_chunks,
    converse,
    converse_trace,
    failed,
    hollow,
    invoke,
    metadata_only,
    offloaded,
    stream,
    topic,
)

NOW: Final = EPOCH + 90
CENT: Final = 10**10


class OneCent:
    """A price list by which every call costs a cent, and every call of `free` is unpriced."""

    def cost(self, *, model_id: str, **_: object) -> Cost:
        price = None if model_id == "free" else CENT
        return Cost(
            model_picodollars=price,
            guardrail_picodollars=CENT // 10,
            priced="unpriced" if price is None else "exact",
        )


def of(documents: Iterable[Any], *, first_id: int = 0) -> LogBatch:
    """Make a batch in which every line has an event id of its own."""
    return LogBatch(
        log_events=tuple(
            LogLine(
                document if isinstance(document, str) else json.dumps(document),
                f"e{number}",
                EPOCH * 1000,
            )
            for number, document in enumerate(documents, first_id)
        ),
        message_type="DATA_MESSAGE",
        log_group=LOG_GROUP,
    )


def collected(*batches: LogBatch, now: float = NOW, **options: Any) -> Collected:
    return collect(batches, Parts(OneCent(), CollectOptions(**options)), now=now)


def totals(result: Collected, dimensions: Dimensions = ()) -> dict[str, float]:
    """Add up what was counted under some dimensions; zeros are left out."""
    sums: Counter[str] = Counter()
    for point in result.datapoints:
        if point.dimensions == dimensions and point.metric != "RecordAge":
            sums[point.metric] += sum(point.values)  # type: ignore[assignment]
    return {metric: amount for metric, amount in sums.items() if amount}


def events(result: Collected) -> list[Json]:
    return [json.loads(line) for line in result.events]


def counts(received: int, processed: int, *, rejected: int = 0, skipped: int = 0,
           duplicates: int = 0) -> dict[str, int]:  # fmt: skip
    return {
        "received": received,
        "processed": processed,
        "rejected": rejected,
        "skipped": skipped,
        "duplicates": duplicates,
    }


RICH: Final = converse(operation="ConverseStream")
BLOCKED: Final = converse(
    stop="guardrail_intervened", tokens=(0, 0), trace=converse_trace(topic()), body={"metrics": {}}
)
# Another call's tokens under the same request id.
OTHER: Final = converse(operation="ConverseStream", tokens=(1, 2))
GUARDED: Final = converse(
    operation="ConverseStream", trace=converse_trace(records.invocation_metrics())
)
AWAY: Final = offloaded(operation="ConverseStream", tokens=(0, 0))
REPEATS: Final = [
    pytest.param([RICH, RICH], counts(1, 1, duplicates=1), id="one record delivered twice"),
    pytest.param(
        [RICH, RICH, RICH], counts(1, 1, duplicates=2), id="one record delivered three times"
    ),
    pytest.param(
        [RICH, OTHER], counts(2, 2), id="records that share a request id and differ are two"
    ),
    pytest.param(
        [RICH, OTHER, RICH, OTHER], counts(2, 2, duplicates=2), id="two that differ, twice each"
    ),
    pytest.param(
        [RICH, converse(operation="ConverseStream", requestMetadata={"team": "x"})],
        counts(2, 2),
        id="records that differ in their metadata alone are two",
    ),
    pytest.param(
        [RICH, GUARDED], counts(2, 2), id="records that differ in their guardrails alone are two"
    ),
    pytest.param(
        [AWAY, RICH], counts(2, 2), id="an answer in S3 is no empty record, whatever it counts"
    ),
    pytest.param(
        [hollow(), RICH], counts(2, 1, skipped=1), id="a stream's empty record, then its real one"
    ),
    pytest.param(
        [RICH, hollow()], counts(2, 1, skipped=1), id="a stream's empty record, after its real one"
    ),
    pytest.param(
        [hollow()], counts(1, 0, skipped=1), id="a stream's empty record, its real one elsewhere"
    ),
    pytest.param(
        [hollow(), hollow()], counts(1, 0, skipped=1, duplicates=1), id="an empty record twice"
    ),
    pytest.param(
        [hollow(), RICH, OTHER],
        counts(3, 2, skipped=1),
        id="an empty record and two that differ",
    ),
    pytest.param(
        [hollow(), failed()], counts(2, 1, skipped=1), id="a stream's empty record and its error"
    ),
    pytest.param(
        [hollow(requestId="another"), RICH],
        counts(2, 1, skipped=1),
        id="another stream's empty record",
    ),
    pytest.param([BLOCKED], counts(1, 1), id="no token, but a guardrail's result"),
    pytest.param([failed()], counts(1, 1), id="no token, but an error"),
    pytest.param(
        [hollow(errorCode="ModelTimeoutException")], counts(1, 1), id="an empty record of an error"
    ),
    pytest.param(
        [hollow(operation="Converse")], counts(1, 1), id="no token at all, but no stream either"
    ),
    pytest.param(
        [hollow(operation="Converse"), converse()],
        counts(2, 1, skipped=1),
        id="no token at all, and its richer twin",
    ),
    pytest.param(
        [converse(operation="ConverseStream", tokens=(0, 0))],
        counts(1, 1),
        id="a stream with no token, but with an answer",
    ),
    pytest.param(
        [stream(anthropic_chunks()[2:5], tokens=(0, 0))],
        counts(1, 1),
        id="a stream cut before its counters",
    ),
    pytest.param(
        [offloaded(operation="ConverseStream", tokens=(0, 0))],
        counts(1, 1),
        id="a stream with no token, its answer in S3",
    ),
    pytest.param(
        [metadata_only(operation="ConverseStream")],
        counts(1, 1),
        id="a stream whose texts are not delivered",
    ),
    pytest.param(
        [invoke({"images": ["x"]}, tokens=(0, 0))], counts(1, 1), id="no token, but a picture"
    ),
    pytest.param(
        [RICH | {"requestId": None}] * 2,
        counts(2, 2),
        id="without a request id nothing tells two records from one",
    ),
]


@pytest.mark.parametrize(("documents", "expected"), REPEATS)
def test_a_call_counts_once_however_often_it_is_logged(
    documents: Sequence[Json], expected: dict[str, int]
) -> None:
    result = collected(of(documents))
    assert result.counts() == expected
    assert totals(result).get("Invocations", 0) == expected["processed"]


def test_one_event_id_counts_once_whatever_it_holds() -> None:
    twice = of([RICH, OTHER, "no JSON", {"schemaType": "x"}])
    expected = counts(4, 2, rejected=1, skipped=1, duplicates=4)
    assert collected(twice, twice).counts() == expected
    control = LogBatch(log_events=of(["hello"]).log_events, message_type="CONTROL_MESSAGE")
    assert collected(control, control).counts() == counts(1, 0, skipped=1, duplicates=1)


def test_the_richer_of_two_records_is_the_one_that_counts() -> None:
    for documents in ([hollow(), RICH], [RICH, hollow()]):
        result = collected(of(documents))
        assert totals(result) == {
            "Invocations": 1,
            "InputTokens": 12,
            "OutputTokens": 34,
            "EstimatedCost": 0.01,
            "Latency": 640,
            "UnguardedInvocations": 1,
            "RecordsReceived": 2,
            "RecordsProcessed": 1,
            "RecordsSkipped": 1,
        }
        assert totals(result, (("Reason", "superseded"),)) == {"RecordsSkipped": 1}


@pytest.mark.parametrize(
    ("line", "reason", "metric"),
    [
        pytest.param("no JSON", "not_json", "RecordsRejected", id="no JSON"),
        pytest.param("", "not_json", "RecordsRejected", id="nothing"),
        pytest.param("[1]", "not_an_object", "RecordsRejected", id="no object"),
        pytest.param("[" * 100_000, "not_json", "RecordsRejected", id="levels without an end"),
        pytest.param(records.record(model=""), "no_model", "RecordsRejected", id="no model"),
        pytest.param({"schemaType": "x"}, "foreign_record", "RecordsSkipped", id="not ours"),
    ],
)
def test_a_bad_line_is_counted_with_its_reason_and_its_neighbours_are_whole(
    line: Any, reason: str, metric: str
) -> None:
    result = collected(of([RICH, line, OTHER]))
    expected = totals(collected(of([RICH, OTHER])))
    expected |= {metric: 1, "RecordsReceived": 3}
    assert totals(result) == expected
    assert totals(result, (("Reason", reason),)) == {metric: 1}


def test_a_batch_that_only_checks_the_destination_is_skipped_unread() -> None:
    lines = of([RICH, "no JSON"]).log_events
    probe = LogBatch(log_events=lines, message_type="CONTROL_MESSAGE")
    result = collected(probe, of([OTHER], first_id=9))
    assert result.counts() == counts(3, 1, skipped=2)
    assert totals(result, (("Reason", "control_message"),)) == {"RecordsSkipped": 2}


def at(offset: float) -> Json:
    """Build a record of a time so many seconds from now."""
    return converse(timestamp=f"{_iso(NOW + offset)}Z")


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


@pytest.mark.parametrize(
    ("offset", "is_counted"),
    [
        pytest.param(0, True, id="of now"),
        pytest.param(-METRIC_MAX_AGE_SECONDS + 60, True, id="of just under two weeks ago"),
        pytest.param(-METRIC_MAX_AGE_SECONDS - 1, False, id="of just over two weeks ago"),
        pytest.param(METRIC_MAX_AHEAD_SECONDS, True, id="of two hours ahead"),
        pytest.param(METRIC_MAX_AHEAD_SECONDS + 60, False, id="of more than two hours ahead"),
        pytest.param(-50 * 365 * 86400, False, id="of fifty years ago"),
    ],
)
def test_a_record_outside_the_window_of_metrics_is_skipped_in_the_minute_of_now(
    offset: float, *, is_counted: bool
) -> None:
    result = collected(of([at(offset)]))
    assert result.counts() == (counts(1, 1) if is_counted else counts(1, 0, skipped=1))
    if not is_counted:
        assert totals(result, (("Reason", "outside_metric_window"),)) == {"RecordsSkipped": 1}
        assert {point.minute for point in result.datapoints} == {NOW // 60 * 60}
        assert not result.events


@pytest.mark.parametrize(
    "timestamp", [None, float("nan"), float("inf"), -1e300, 1e300, 0.0, NOW * 1e6]
)
def test_an_unreadable_line_logged_at_an_impossible_time_is_counted_now(
    timestamp: float | None,
) -> None:
    batch = LogBatch(log_events=(LogLine("no JSON", "e1", timestamp),))
    result = collected(batch)
    assert result.counts() == counts(1, 0, rejected=1)
    assert {point.minute for point in result.datapoints} == {NOW // 60 * 60}


def test_without_a_now_every_time_is_counted() -> None:
    collector = Collector(Parts(OneCent(), CollectOptions()), now=None)
    for number, year in enumerate((1971, 2026, 9999)):
        document = converse(timestamp=f"{year}-01-01T00:00:00Z", requestId=f"r{number}")
        collector.add(json.dumps(document))
    collector.add("no JSON", logged_at=float("inf"))
    result = collector.finish()
    assert result.counts() == counts(4, 3, rejected=1)
    assert "RecordAge" not in {point.metric for point in result.datapoints}


def _remembering(monkeypatch: pytest.MonkeyPatch, lines: int) -> Collector:
    """Return a collector that counts line by line and remembers so many."""
    monkeypatch.setattr(pipeline, "_ROUND", 1)
    monkeypatch.setattr(pipeline, "_REMEMBERED", lines)
    return Collector(Parts(OneCent(), CollectOptions()), now=NOW)


def _numbered(number: int, **more: Any) -> str:
    return json.dumps(converse(requestId=f"r{number}", **more))


@pytest.mark.parametrize("event_id", ["", "e"])
def test_duplicates_are_found_among_the_calls_that_are_remembered(
    monkeypatch: pytest.MonkeyPatch, event_id: str
) -> None:
    collector = _remembering(monkeypatch, 33)
    for number in range(100):
        for back in (0, 1, 10):  # itself, the one before again, and one of 30 lines before
            again = max(0, number - back)
            collector.add(_numbered(again), event_id=event_id and f"{event_id}{again}")
    result = collector.finish()
    assert (result.processed, result.duplicates) == (100, 200)


@pytest.mark.parametrize("event_id", ["", "e"])
def test_what_is_remembered_does_not_grow_with_the_log(
    monkeypatch: pytest.MonkeyPatch, event_id: str
) -> None:
    collector = _remembering(monkeypatch, 10)
    for number in range(100):
        collector.add(_numbered(number), event_id=event_id and f"{event_id}{number}")
    for seen in (collector._seen, collector._seen_before):  # noqa: SLF001
        kept = (seen.event_ids, seen.fingerprints, seen.request_ids)
        assert max(map(len, kept)) <= 10


def test_lines_that_are_no_calls_are_forgotten_too(monkeypatch: pytest.MonkeyPatch) -> None:
    collector = _remembering(monkeypatch, 10)
    for number in range(100):
        collector.add("no JSON", event_id=f"e{number}")
    assert len(collector._seen.event_ids) <= 10  # noqa: SLF001
    assert collector.finish().counts() == counts(100, 0, rejected=100)


@pytest.mark.parametrize("first", ["empty", "rich"])
@pytest.mark.parametrize("between", [0, 5, 9])
def test_an_empty_record_finds_its_twin_though_others_come_between(
    monkeypatch: pytest.MonkeyPatch, first: str, between: int
) -> None:
    empty = _numbered(1, tokens=(0, 0))
    pair = [empty, _numbered(1)] if first == "empty" else [_numbered(1), empty]
    for before in range(11):  # wherever the pair falls among the times that are remembered
        collector = _remembering(monkeypatch, 10)
        others = iter(range(100, 200))
        for text in (
            *(_numbered(next(others)) for _ in range(before)),
            pair[0],
            *(_numbered(next(others)) for _ in range(between)),
            pair[1],
            *(_numbered(next(others)) for _ in range(40)),
        ):
            collector.add(text)
        calls = before + between + 41
        assert collector.finish().counts() == counts(calls + 1, calls, skipped=1)


def test_an_empty_record_without_a_twin_is_counted_though_it_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collector = _remembering(monkeypatch, 10)
    for number in range(100):
        collector.add(_numbered(number, tokens=(0, 0)))
    assert collector.finish().counts() == counts(100, 100)


def test_event_lines_are_for_what_failed_or_was_found() -> None:
    documents = [RICH, failed(requestId="r2"), BLOCKED | {"requestId": "r3"}]
    found = events(collected(of(documents)))
    assert [event["request_id"] for event in found] == ["r2", "r3"]
    every = events(collected(of(documents), every_event=True))
    assert [event["request_id"] for event in every] == ["req-0001", "r2", "r3"]


def test_a_line_that_cannot_be_read_leaves_a_notice_with_its_id_and_nothing_else() -> None:
    collector = Collector(Parts(OneCent(), CollectOptions()), now=None)
    collector.add('{"modelId": "a secret', event_id="event-7")
    collector.add("another secret", where="s3://example/x.gz:3")
    for _ in range(100):
        collector.add("no JSON")
    notices = [json.loads(line) for line in collector.finish().notices]
    assert len(notices) == 20
    assert [(one["reason"], one["log_event_id"], one["where"]) for one in notices[:2]] == [
        ("not_json", "event-7", None),
        ("not_json", None, "s3://example/x.gz:3"),
    ]
    assert "secret" not in json.dumps(notices)


def test_an_event_line_has_the_documented_fields_in_their_order() -> None:
    (event,) = events(collected(of([BLOCKED])))
    assert list(event) == [
        "event", "request_id", "timestamp", "account_id", "region", "operation", "model_id", "model",
        "inference_profile", "application", "principal", "principal_arn", "status", "error_code",
    "stop_reason",
        "usage", "modality", "latency_ms", "first_byte_ms", "cost_usd", "priced", "price_fallback",
        "guardrail", "body", "metadata",
    ]  # fmt: skip
    assert list(event["guardrail"]) == ["verdict", "ids", "hits", "latency_ms", "cost_usd"]
    assert (event["cost_usd"], event["guardrail"]["cost_usd"]) == (0.01, 0.001)


def test_an_unpriced_call_has_no_cost_rather_than_none_to_pay() -> None:
    result = collected(of([converse(modelId="free")]), every_event=True)
    (event,) = events(result)
    assert event["cost_usd"] is None
    assert totals(result)["UnpricedInvocations"] == 1
    assert "EstimatedCost" not in totals(result)


def test_a_batch_of_more_than_one_round_is_counted_like_the_sum_of_its_parts() -> None:
    calls = [converse(requestId=f"request-{number}") for number in range(1100)]
    whole = collected(of([*calls, calls[0], calls[700]], first_id=10_000))
    assert whole.counts() == {
        "received": 1100,
        "processed": 1100,
        "rejected": 0,
        "skipped": 0,
        "duplicates": 2,
    }
    parts = [totals(collected(of(calls[at : at + 100]))) for at in range(0, 1100, 100)]
    for metric in ("Invocations", "InputTokens", "RecordsReceived", "EstimatedCost"):
        assert totals(whole)[metric] == pytest.approx(sum(part[metric] for part in parts))
