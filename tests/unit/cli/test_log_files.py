"""Every form in which people have their logs comes down to the same lines."""

from __future__ import annotations

import gzip
import io
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from bedrock_alerts.invocations.invocation import Rejected, Skipped
from bedrock_alerts_cli.log_files import Block, Entry, Line, Sources
from bedrock_alerts_cli.logs import log_blocks, log_splitting
from bedrock_alerts_cli.user_errors import InputError
from tests.records import EPOCH, awslogs, batch, converse, failed, log_events

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST = converse(requestId="req-0001")
SECOND = failed(requestId="req-0002")
THIRD = converse(text="Größe \U0001f642", requestId="req-0003")
RECORDS = (FIRST, SECOND, THIRD)
NDJSON = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
EVENTS = [
    {"eventId": event["id"], "timestamp": event["timestamp"], "message": event["message"]}
    for event in log_events(RECORDS)
]


def entries_of(path: Path) -> list[Entry]:
    return list(Sources([str(path)], note=pytest.fail).entries())


def written(folder: Path, content: bytes | str, name: str = "calls") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def request_ids(entries: list[Entry]) -> list[str]:
    return [
        json.loads(entry.text)["requestId"] if isinstance(entry, Line) else entry.reason
        for entry in entries
    ]


def places(entries: list[Entry]) -> list[str]:
    return [entry.where.rpartition("/")[2] for entry in entries]


def indented(*documents: Any) -> str:
    return "\n".join(json.dumps(document, indent=2) for document in documents)


def one_a_line(before: str, documents: Any, after: str) -> str:
    return before + ",\n".join(json.dumps(document) for document in documents) + after


LINES = ["calls:1", "calls:2", "calls:3"]
VALUES = ["calls: record 1", "calls: record 2", "calls: record 3"]
EVENT_PLACES = ["calls: event 1", "calls: event 2", "calls: event 3"]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        pytest.param(NDJSON, LINES, id="one record a line"),
        pytest.param(NDJSON.rstrip(), LINES, id="without a last line break"),
        pytest.param(NDJSON.replace(b"\n", b"\r\n"), LINES, id="with line breaks of Windows"),
        pytest.param(
            b"\n" + NDJSON.replace(b"\n", b"\n \n"), ["calls:2", "calls:4", "calls:6"], id="gaps"
        ),
        pytest.param(b"\xef\xbb\xbf" + NDJSON, LINES, id="with a byte order mark"),
        pytest.param(NDJSON.decode().encode("utf-16"), LINES, id="as PowerShell redirects it"),
        pytest.param(
            b"\xfe\xff" + NDJSON.decode().encode("utf-16-be"), LINES, id="big-endian UTF-16"
        ),
        pytest.param(gzip.compress(NDJSON), LINES, id="gzip"),
        pytest.param(
            b"".join(map(gzip.compress, NDJSON.splitlines(keepends=True))) + b"\0" * 9,
            LINES,
            id="gzip of several members, padded",
        ),
        pytest.param(gzip.compress(gzip.compress(NDJSON)), LINES, id="gzip in gzip"),
        pytest.param(json.dumps(RECORDS), VALUES, id="an array on one line"),
        pytest.param(indented(RECORDS), VALUES, id="an indented array"),
        pytest.param(one_a_line("[\n", RECORDS, "\n]\n"), VALUES, id="an array with lines"),
        pytest.param(gzip.compress(indented(RECORDS).encode()), VALUES, id="a gzipped array"),
        pytest.param(indented(*RECORDS), VALUES, id="indented records one after the other"),
        pytest.param(
            NDJSON.replace(b"\n", b""),
            ["calls:1: record 1", "calls:1: record 2", "calls:1: record 3"],
            id="records without anything between them, as Firehose writes",
        ),
        pytest.param(json.dumps(awslogs(batch(log_events(RECORDS)))), EVENT_PLACES, id="awslogs"),
        pytest.param(
            indented(awslogs(batch(log_events(RECORDS)))), EVENT_PLACES, id="and indented"
        ),
        pytest.param(json.dumps(batch(log_events(RECORDS))), EVENT_PLACES, id="a decoded batch"),
        pytest.param(indented(batch(log_events(RECORDS))), EVENT_PLACES, id="indented, too"),
        pytest.param(
            gzip.compress(json.dumps(batch(log_events(RECORDS))).encode()),
            EVENT_PLACES,
            id="a batch as a subscription packs it",
        ),
        pytest.param(
            "\n".join(json.dumps(batch(log_events([record]))) for record in RECORDS),
            ["calls:1: event 1", "calls:2: event 1", "calls:3: event 1"],
            id="a batch a line",
        ),
        pytest.param(
            json.dumps(batch(log_events(RECORDS[:1]))) + json.dumps(batch(log_events(RECORDS[1:]))),
            ["calls: record 1: event 1", "calls: record 2: event 1", "calls: record 2: event 2"],
            id="batches without anything between them",
        ),
        pytest.param(indented({"events": EVENTS}), EVENT_PLACES, id="aws logs filter-log-events"),
        pytest.param(
            one_a_line('{"events": [\n', EVENTS, "\n]}"), EVENT_PLACES, id="with an event a line"
        ),
        pytest.param(indented(EVENTS), VALUES, id="--query events"),
        pytest.param(
            "\n".join(map(json.dumps, EVENTS)), LINES, id="an event a line, as jq prints them"
        ),
        pytest.param(
            indented([event["message"] for event in EVENTS]), VALUES, id="--query events[].message"
        ),
        pytest.param(
            "".join(f"2026-03-02T10:15:00.000Z {event['message']}\n" for event in EVENTS),
            LINES,
            id="an export of CloudWatch Logs",
        ),
        pytest.param(
            "".join(
                f"2026-03-02T10:15:00+00:00 aws/bedrock/modelinvocations {event['message']}\n"
                for event in EVENTS
            ),
            LINES,
            id="aws logs tail",
        ),
    ],
)
def test_every_form_holds_the_same_records(
    tmp_path: Path, content: bytes | str, where: list[str]
) -> None:
    entries = entries_of(written(tmp_path, content))
    assert request_ids(entries) == ["req-0001", "req-0002", "req-0003"]
    assert places(entries) == where


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(NDJSON, id="lines"),
        pytest.param(gzip.compress(NDJSON), id="gzip"),
        pytest.param(
            b"".join(map(gzip.compress, NDJSON.splitlines(keepends=True))) + b"\0" * 9, id="members"
        ),
        pytest.param(NDJSON.decode().encode("utf-16"), id="UTF-16"),
        pytest.param(indented(*RECORDS).encode(), id="indented"),
        pytest.param(indented(RECORDS).encode(), id="array"),
    ],
)
def test_it_does_not_matter_in_what_pieces_a_text_arrives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, size: int
) -> None:
    monkeypatch.setattr(log_blocks, "BLOCK_BYTES", size)
    entries = entries_of(written(tmp_path, content))
    assert request_ids(entries) == ["req-0001", "req-0002", "req-0003"]


def test_one_record_is_named_after_its_file_or_its_line(tmp_path: Path) -> None:
    assert places(entries_of(written(tmp_path, indented(FIRST)))) == ["calls"]
    assert places(entries_of(written(tmp_path, json.dumps(FIRST)))) == ["calls:1"]


def test_events_bring_their_ids_and_times(tmp_path: Path) -> None:
    for content in (indented({"events": EVENTS}), json.dumps(awslogs(batch(log_events(RECORDS))))):
        first = entries_of(written(tmp_path, content))[0]
        assert isinstance(first, Line)
        assert (first.event_id, first.logged_at) == (f"{0:056}", EPOCH)


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-03-02T10:15:00.000Z", EPOCH),
        ("2026-03-02T10:15:00", EPOCH),
        ("2026-03-02T11:15:00+01:00", EPOCH),
        ("2026-03-02T99:15:00Z", None),
    ],
)
def test_an_exported_line_brings_its_time(
    tmp_path: Path, stamp: str, expected: float | None
) -> None:
    (line,) = entries_of(written(tmp_path, f"{stamp} {json.dumps(FIRST)}"))
    assert isinstance(line, Line)
    assert line.logged_at == expected


@pytest.mark.parametrize("timestamp", [None, "soon", -1, 10**400, 1e300, True])
def test_an_events_time_may_be_nonsense(tmp_path: Path, timestamp: object) -> None:
    event = {"message": json.dumps(FIRST), "timestamp": timestamp, "id": 7}
    (line,) = entries_of(written(tmp_path, json.dumps({"events": [event]})))
    assert isinstance(line, Line)
    assert line.event_id == ""
    assert line.logged_at in {None, 0.001}


def test_events_without_a_message_are_rejected_one_by_one(tmp_path: Path) -> None:
    events = [{"message": json.dumps(FIRST)}, {"message": 7}, "nothing"]
    entries = entries_of(written(tmp_path, json.dumps({"logEvents": events})))
    assert request_ids(entries) == ["req-0001", "wrong_shape", "wrong_shape"]


def test_a_control_message_is_skipped(tmp_path: Path) -> None:
    document = batch(log_events(["CWL CONTROL MESSAGE"]), messageType="CONTROL_MESSAGE")
    for content in (document, awslogs(document)):
        (entry,) = entries_of(written(tmp_path, json.dumps(content)))
        assert isinstance(entry, Skipped)
        assert entry.reason == "control_message"


def test_a_batch_that_cannot_be_opened_is_rejected(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps({"awslogs": {"data": "bm90IGd6aXA="}}))
    assert entries_of(path) == [Rejected("unreadable_batch", str(path))]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        pytest.param('{"schemaType": "Mod', ["calls:1"], id="a record that is cut off"),
        pytest.param('{"foo', ["calls"], id="something that is cut off"),
        pytest.param("garbage\nmore garbage", ["calls:1", "calls:2"], id="no JSON at all"),
        pytest.param(f"oh no\n{json.dumps(FIRST)}", LINES[:2], id="no JSON, then a record"),
        pytest.param('{"schemaType\n' + NDJSON.decode(), [*LINES, "calls:4"], id="broken line 1"),
        pytest.param(NDJSON.decode() + '{"schemaType', [*LINES, "calls:4"], id="broken line 4"),
        pytest.param('{"broken\n' + json.dumps(FIRST), LINES[:2], id="broken line of two"),
        pytest.param(indented(FIRST)[:-9], ["calls"], id="an indented record that is cut off"),
        pytest.param(indented(RECORDS)[:-9], VALUES, id="an array that is cut off"),
        pytest.param("[" * 100_000, [], id="only brackets"),
        pytest.param("[1, null]", VALUES[:2], id="an array of something else"),
        pytest.param("{}", ["calls"], id="an empty object"),
        pytest.param('{"a": 1}\n{"b": 2}', LINES[:2], id="lines of something else"),
        pytest.param('{"a": 1} trailing', VALUES[:2], id="an object and a rest"),
        pytest.param("null\n7\n", LINES[:2], id="lines of no objects"),
        pytest.param('{"events": 7, "logEvents": null}', ["calls"], id="events that are none"),
        pytest.param('{"a":' * 100_000, ["calls"], id="too deep"),
        pytest.param(b'{"schemaType": "\xff"}', ["calls:1"], id="invalid UTF-8"),
        pytest.param(b'{"a": "\xff\\ud800"}', ["calls"], id="invalid UTF-8, half an emoji"),
        pytest.param("", [], id="nothing"),
        pytest.param(" \n\n", [], id="nearly nothing"),
        pytest.param(gzip.compress(b""), [], id="nothing, gzipped"),
        pytest.param("[]", [], id="an empty array"),
    ],
)
def test_what_is_broken_is_passed_on_in_its_place(
    tmp_path: Path, content: bytes | str, where: list[str]
) -> None:
    assert places(entries_of(written(tmp_path, content))) == where


def test_text_that_looks_like_a_seam_is_left_alone(tmp_path: Path) -> None:
    record = converse(text='{"a":{}}{"b":1}', requestMetadata={"team": '}{"'})
    record["toolResult"] = "}{"
    (line,) = entries_of(written(tmp_path, json.dumps(record)))
    assert isinstance(line, Line)
    assert json.loads(line.text) == record


def test_a_record_whose_key_is_escaped_is_still_a_record(tmp_path: Path) -> None:
    text = json.dumps(FIRST).replace('"schemaType"', '"schema\\u0054ype"')
    assert request_ids(entries_of(written(tmp_path, text))) == ["req-0001"]


def test_a_line_that_is_too_long_is_rejected_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_splitting, "MAX_RECORD_BYTES", 5000)
    monkeypatch.setattr(log_blocks, "BLOCK_BYTES", 1000)
    long = json.dumps(converse(text="x" * 9000))
    short = json.dumps(FIRST)
    path = written(tmp_path, f"{short}\n{long}\n{short}\n{long}\n{long}\n{short}\n{long}")
    entries = entries_of(path)
    long_ones = [entry.where for entry in entries if isinstance(entry, Rejected)]
    assert long_ones == [f"{path}:{number}" for number in (2, 4, 5, 7)]
    assert places(entries) == [f"calls:{number}" for number in range(1, 8)]


def test_a_block_with_no_line_break_but_the_long_ones_holds_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_splitting, "MAX_RECORD_BYTES", 10)
    path = written(tmp_path, "x" * 50 + "\n")
    assert entries_of(path) == [Rejected("too_large", f"{path}:1")]


def test_a_long_text_of_lines_is_never_held_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_blocks, "BLOCK_BYTES", 2000)
    monkeypatch.setattr(log_splitting, "DOCUMENT_BYTES", 20_000)
    blocks = list(Sources([str(written(tmp_path, NDJSON * 100))], note=pytest.fail).blocks())
    assert max(block.size for block in blocks) <= 2 * 2000
    assert sum(block.size for block in blocks) == len(NDJSON) * 100
    broken = written(tmp_path, b'{"schemaType": "Mod\n' + NDJSON * 100)
    assert len(entries_of(broken)) == 301


def test_a_long_array_comes_in_several_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_blocks, "BLOCK_BYTES", 2000)
    path = written(tmp_path, json.dumps(RECORDS * 10))
    blocks = list(Sources([str(path)], note=pytest.fail).blocks())
    assert len(blocks) > 5
    assert all(block.size for block in blocks)
    places_ = [entry.where for block in blocks for entry in block.entries()]
    assert places_ == [f"{path}: record {number}" for number in range(1, 31)]


def test_a_document_that_is_too_large_is_refused_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_blocks, "BLOCK_BYTES", 500)
    monkeypatch.setattr(log_splitting, "DOCUMENT_BYTES", 2000)
    with pytest.raises(InputError, match="one record a line"):
        entries_of(written(tmp_path, indented(RECORDS)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"PK\x03\x04\0\0\0", "neither text nor gzip", id="a zip file"),
        pytest.param(gzip.compress(NDJSON)[:-20], "ends too early", id="a gzip that is cut off"),
        pytest.param(gzip.compress(NDJSON)[:15] + b"\xff" * 99, "damaged", id="a damaged gzip"),
        pytest.param(gzip.compress(NDJSON) + b"the rest of it", "damaged", id="a gzip and a rest"),
        pytest.param(b"\x1f\x8b", "ends too early", id="the beginning of a gzip"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_by_name(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=rf"calls: .*{message}"):
        entries_of(written(tmp_path, content))


def test_what_came_before_the_damage_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(NDJSON) + gzip.compress(NDJSON)[:20])
    entries = Sources([str(path)], note=pytest.fail).entries()
    assert len([next(entries) for _ in range(3)]) == 3
    with pytest.raises(InputError):
        next(entries)


def test_a_file_that_went_away_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone: No such file"):
        entries_of(tmp_path / "gone")


def test_names_are_shown_without_what_could_harm_a_terminal(tmp_path: Path) -> None:
    (entry,) = entries_of(written(tmp_path, json.dumps(FIRST), "evil\x1b[31m\nname"))
    assert entry.where.endswith("evil [31m name:1")


class TestFolders:
    @pytest.fixture
    def bucket(self, tmp_path: Path) -> Path:
        logs = tmp_path / "logs"
        hour = logs / "2026/03/02/10"
        (hour / "data").mkdir(parents=True)
        (hour.parent / "09").mkdir()
        for name, record in (("10/b", THIRD), ("10/a", SECOND), ("09/z", FIRST)):
            path = hour.parent / f"{name}.json.gz"
            path.write_bytes(gzip.compress(json.dumps(record).encode()))
        (hour / "data/req-0001_input.json.gz").write_bytes(b"a body, never read")
        (logs / "amazon-bedrock-logs-permission-check").write_bytes(b"\0")
        (logs / ".hidden").write_bytes(b"\0")
        return logs

    def test_files_come_in_sorted_order_and_bodies_are_left_out(self, bucket: Path) -> None:
        notes: list[str] = []
        sources = Sources([str(bucket)], note=notes.append)
        assert request_ids(list(sources.entries())) == ["req-0001", "req-0002", "req-0003"]
        assert [note.removeprefix(f"{bucket}: ") for note in notes] == [
            "left out 1 under data/, which are bodies and no records",
            "left out 1 that Bedrock wrote to check its permission",
        ]

    def test_a_folder_named_data_can_be_asked_for(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        path = written(tmp_path, NDJSON, "data/calls")
        assert len(entries_of(path.parent)) == 3
        assert len(entries_of(path)) == 3

    def test_progress_is_counted_in_bytes_on_disk(self, bucket: Path) -> None:
        sources = Sources([str(bucket)], note=lambda _: None)
        files = [path for path in bucket.rglob("*.gz") if path.parent.name != "data"]
        total = sum(path.stat().st_size for path in files)
        assert sources.total_bytes() == total
        list(sources.blocks())
        assert sources.bytes_read == total

    def test_a_folder_that_may_not_be_listed_is_an_input_error(
        self, bucket: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: object) -> Iterator[os.DirEntry[str]]:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(os, "scandir", refuse)
        with pytest.raises(InputError, match="logs: Permission denied"):
            entries_of(bucket)


class TestStandardInput:
    @pytest.mark.parametrize(
        "content",
        [NDJSON, gzip.compress(NDJSON), indented(RECORDS).encode()],
        ids=["plain", "gzip", "array"],  # as bytes they would hold the time of the gzip
    )
    def test_it_is_read_like_a_file(self, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        sources = Sources(["-"], note=pytest.fail)
        assert sources.is_live
        assert sources.total_bytes() is None
        entries = list(sources.entries())
        assert request_ids(entries) == ["req-0001", "req-0002", "req-0003"]
        assert entries[0].where in {"stdin:1", "stdin: record 1"}

    def test_a_line_is_handed_on_as_soon_as_it_is_there(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        receiving, sending = os.pipe()
        with os.fdopen(receiving) as stdin, os.fdopen(sending, "wb", buffering=0) as writer:
            monkeypatch.setattr("sys.stdin", stdin)
            entries = Sources(["-"], note=pytest.fail).entries()
            for number, line in enumerate(NDJSON.splitlines(keepends=True), 1):
                writer.write(line)
                assert next(entries).where == f"stdin:{number}"
            entries.close()  # type: ignore[attr-defined] # a generator


def test_a_block_of_a_value_that_is_alone_has_no_number() -> None:
    block = Block(name="one.json", label="", content=(b" 7 ",))
    assert block.size == 3
    assert list(block.entries()) == [Line(b"7", "one.json")]
