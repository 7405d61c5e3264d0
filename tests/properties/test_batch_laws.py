"""What holds for every batch: order, splitting and repetition change nothing, nothing is lost."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.properties.batches import (
    batches_of_lines,
    events_by_request,
    events_of,
    run,
    summary,
)


@given(lines=batches_of_lines(), data=st.data())
def test_the_order_of_lines_changes_nothing(lines: list[Any], data: st.DataObject) -> None:
    events = events_of(lines)
    first, second = run(events), run(data.draw(st.permutations(events)))
    assert summary(first) == summary(second)
    assert first.counts() == second.counts()
    assert events_by_request(first) == events_by_request(second)


@given(lines=batches_of_lines(), data=st.data())
def test_splitting_a_batch_changes_nothing(lines: list[Any], data: st.DataObject) -> None:
    events = events_of(lines)
    whole = run(events)
    chosen = data.draw(st.lists(st.integers(0, 2), min_size=len(events), max_size=len(events)))
    parts = [
        run([event for event, part in zip(events, chosen, strict=True) if part == number])
        for number in range(3)
    ]
    assert summary(*parts) == summary(whole)
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part.counts())
    assert {name: counts[name] for name in whole.counts()} == whole.counts()


@given(lines=batches_of_lines(), data=st.data())
def test_repeating_events_changes_nothing(lines: list[Any], data: st.DataObject) -> None:
    events = events_of(lines)
    if not events:
        return
    again = data.draw(st.lists(st.sampled_from(events), max_size=9))
    once, more = run(events), run(data.draw(st.permutations(events + again)))
    assert summary(more) == summary(once)
    assert more.counts() == once.counts() | {"duplicates": len(again)}


@given(lines=batches_of_lines())
def test_records_delivered_again_under_other_event_ids_change_nothing(lines: list[Any]) -> None:
    records = [line for line in lines if isinstance(line, dict) and "requestId" in line]
    once = run(events_of(records))
    twice = run(events_of(records) + events_of(records, "again"))
    assert summary(twice) == summary(once)
    assert twice.received == once.received
    assert once.duplicates + len(records) == twice.duplicates


@given(lines=batches_of_lines())
def test_every_line_is_processed_rejected_skipped_or_a_duplicate(lines: list[Any]) -> None:
    result = run(events_of(lines))
    assert result.received == result.processed + result.rejected + result.skipped
    assert result.received + result.duplicates == len(lines)
    totals: Counter[str] = Counter()
    for (_, dimensions, metric), value in summary(result).items():
        if not dimensions and metric != "RecordAge":
            totals[metric] += value if isinstance(value, (int, float)) else 0  # type: ignore[assignment]
    assert totals["RecordsReceived"] == result.received
    assert totals["RecordsProcessed"] == totals["Invocations"] == result.processed
    assert totals["RecordsRejected"] == result.rejected
    assert totals["RecordsSkipped"] == result.skipped


@given(lines=batches_of_lines())
def test_sums_by_model_and_modality_are_the_sum_over_all(lines: list[Any]) -> None:
    laid = summary(run(events_of(lines)))
    for metric in ("Invocations", "InputTokens", "OutputTokens", "ImagesGenerated"):
        for name in ("ModelId", "Modality"):
            parts = sum(
                value
                for (_, dimensions, found), value in laid.items()
                if found == metric and [key for key, _ in dimensions] == [name]
            )
            total = sum(
                value
                for (_, dimensions, found), value in laid.items()
                if found == metric and not dimensions
            )
            assert parts == total
