"""Records of a stream are opened up to the first bad one, and nothing behind it is lost."""

import copy
import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.errors import BatchError
from bedrock_alerts.invocations.decode import StreamRecords, decode_records
from bedrock_alerts_cli.samples.function_events import kinesis_event, log_batch
from tests.records import converse
from tests.support.secrecy import shown, traces

SECRET: Final = "canary-5d2f"
AT: Final = 1_772_446_500_000
LINES: Final = [json.dumps(converse(f'quoted "{number}", Zoë 🦆\\u2028')) for number in range(3)]
GOOD: Final = [log_batch([line], AT + number) for number, line in enumerate(LINES)]
NUMBERS: Final = [record["kinesis"]["sequenceNumber"] for record in kinesis_event(GOOD)["Records"]]


def messages(read: StreamRecords) -> list[list[str]]:
    return [[line.message for line in batch.log_events] for batch in read.batches]


def with_record(position: int, record: Any) -> dict[str, Any]:
    event = kinesis_event(GOOD)
    event["Records"].insert(position, record)
    return event


def with_data(position: int, data: Any) -> dict[str, Any]:
    (record,) = kinesis_event([b""])["Records"]
    record["kinesis"] |= {"data": data, "sequenceNumber": "the-bad-one"}
    return with_record(position, record)


def test_every_record_is_a_batch_and_every_message_a_json_text_inside() -> None:
    read = decode_records(kinesis_event(GOOD))
    assert messages(read) == [[line] for line in LINES]
    assert (read.sequence_number, read.failure) == (None, None)
    assert read.response() == {"batchItemFailures": []}


def test_a_probe_is_a_batch_like_any_other() -> None:
    probe = log_batch(["CWL CONTROL MESSAGE"], AT, "CONTROL_MESSAGE")
    read = decode_records(kinesis_event([probe, *GOOD]))
    assert [batch.is_control_message for batch in read.batches] == [True, False, False, False]


def test_no_record_is_no_batch() -> None:
    assert decode_records({"Records": []}) == StreamRecords(())


BAD_DATA: Final = [
    pytest.param(SECRET, "not valid base64", id="no base64"),
    pytest.param("AAAAA", "not valid base64", id="truncated base64"),
    pytest.param(None, "not valid base64", id="null"),
    pytest.param(7, "not valid base64", id="a number"),
    pytest.param([SECRET], "not valid base64", id="a list"),
    pytest.param("", "is empty", id="no data"),
    pytest.param("Y2FuYXJ5LTVkMmY=", "gzip data is damaged", id="no gzip"),
    pytest.param(
        kinesis_event([GOOD[0][:-9]])["Records"][0]["kinesis"]["data"], "ends too early",
        id="truncated gzip",
    ),
]  # fmt: skip


@pytest.mark.parametrize("position", [1, 2, 3])
@pytest.mark.parametrize(("data", "failure"), BAD_DATA)
def test_what_stands_before_a_bad_record_is_read_and_its_number_reported(
    position: int, data: Any, failure: str
) -> None:
    read = decode_records(with_data(position, data))
    assert messages(read) == [[line] for line in LINES[:position]]
    assert read.response() == {"batchItemFailures": [{"itemIdentifier": "the-bad-one"}]}
    assert failure in str(read.failure)
    assert SECRET not in str(read.failure)


@pytest.mark.parametrize(("data", "failure"), BAD_DATA)
def test_a_bad_record_at_the_beginning_is_an_error_that_repeats_nothing_of_it(
    data: Any, failure: str
) -> None:
    with pytest.raises(BatchError, match=failure) as caught:
        decode_records(with_data(0, data))
    assert not shown([SECRET], traces(caught.value))


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(None, id="null"),
        pytest.param("text", id="a text"),
        pytest.param({}, id="an empty object"),
        pytest.param({"kinesis": None}, id="null inside"),
        pytest.param({"kinesis": []}, id="a list inside"),
        pytest.param({"kinesis": {"data": "x"}}, id="bad data without a number"),
        pytest.param({"kinesis": {"data": "x", "sequenceNumber": 7}}, id="an odd number"),
        pytest.param({"kinesis": {"data": "x", "sequenceNumber": ""}}, id="an empty number"),
    ],
)
@pytest.mark.parametrize("position", [0, 1, 3])
def test_a_bad_record_that_cannot_be_reported_is_an_error_of_the_batch(
    record: Any, position: int
) -> None:
    # Lambda would take such an answer for a failure of all, and what was counted counted twice.
    with pytest.raises(BatchError):
        decode_records(with_record(position, record))


def test_a_good_record_needs_no_number() -> None:
    event = kinesis_event(GOOD)
    for record in event["Records"]:
        del record["kinesis"]["sequenceNumber"]
    assert messages(decode_records(event)) == [[line] for line in LINES]


@pytest.mark.parametrize("event", [None, [], {}, {"Records": None}, {"Records": {"kinesis": {}}}])
def test_an_event_of_another_kind_is_an_error(event: Any) -> None:
    with pytest.raises(BatchError, match="not a stream batch"):
        decode_records(event)


@given(bad=st.sets(st.integers(0, 7)))
def test_lambda_gets_to_every_good_record_once_and_to_each_bad_one_alone(bad: set[int]) -> None:
    packed = [log_batch([f"m{number}"], AT) for number in range(8)]
    for number in bad:
        packed[number] = b"poison"
    read: list[str] = []
    parked: list[str] = []
    pending = [kinesis_event(packed)["Records"]]
    while pending:
        records = pending.pop()
        try:
            found = decode_records({"Records": copy.deepcopy(records)})
        except BatchError:
            # A function that fails has its batch split in two, and a single record parked.
            half = len(records) // 2
            if half:
                pending += [records[:half], records[half:]]
            else:
                parked += [records[0]["kinesis"]["sequenceNumber"]]
            continue
        read += [message for batch in messages(found) for message in batch]
        numbers = [record["kinesis"]["sequenceNumber"] for record in records]
        if found.sequence_number is not None:
            pending.append(records[numbers.index(found.sequence_number) :])
    assert sorted(read) == [f"m{number}" for number in range(8) if number not in bad]
    assert sorted(parked) == [f"{number + 1:056d}" for number in sorted(bad)]
