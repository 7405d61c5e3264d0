"""The forms of logs that people have: each holds the same three records."""

import base64
import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import pytest

from bedrock_alerts.invocations.invocation import Invocation, Rejected
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts_cli.log_files import Line, Sources
from bedrock_alerts_cli.main import main

FIXTURES: Final = Path(__file__).parents[2] / "fixtures"
FORMS: Final = FIXTURES / "records" / "forms"
RECORDS: Final = (FORMS / "records.ndjson").read_text().splitlines()


class Outcome(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


Run: TypeAlias = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process."""

    def run_it(*words: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["bedrock-alerts", *words])
        code = main()
        return Outcome(code, *capfd.readouterr())

    return run_it


def read(*paths: Path) -> list[Invocation]:
    found = []
    for entry in Sources([str(path) for path in paths], lambda _: None).entries():
        assert isinstance(entry, Line), entry
        call = parse(entry.text, logged_at=entry.logged_at)
        assert isinstance(call, Invocation)
        found.append(call)
    return found


WANTED: Final = read(FORMS / "records.ndjson")


@pytest.mark.parametrize("name", sorted(path.name for path in FORMS.iterdir()))
def test_every_form_holds_the_same_three_records(name: str) -> None:
    assert read(FORMS / name) == WANTED
    assert [call.guardrail.verdict for call in WANTED] == ["none", "blocked", "none"]


def test_a_firehose_event_holds_them_too(tmp_path: Path) -> None:
    packed = [base64.b64encode(line.encode()).decode() for line in RECORDS]
    packed[1] = base64.b64encode(gzip.compress(RECORDS[1].encode())).decode()
    file = tmp_path / "firehose.json"
    file.write_text(json.dumps({"records": [{"recordId": "1", "data": one} for one in packed]}))
    assert read(file) == WANTED


def test_a_large_table_is_read_in_blocks(tmp_path: Path) -> None:
    rows = ['"' + line.replace('"', '""') + '"' for line in RECORDS]
    file = tmp_path / "large.csv"
    file.write_text("@timestamp,@message\n" + "".join(f"2026,{row}\n" for row in rows * 600))
    blocks = list(Sources([str(file)], lambda _: None).blocks())
    assert len(blocks) > 1
    assert sum(1 for block in blocks for _ in block.entries()) == 1_800


def test_a_row_that_breaks_off_costs_only_itself(tmp_path: Path) -> None:
    file = tmp_path / "cut.csv"
    file.write_text((FORMS / "insights-export.csv").read_text()[:-40])
    entries = list(Sources([str(file)], lambda _: None).entries())
    assert len(entries) == 3


def test_the_bodies_of_a_bucket_are_left_out_whatever_its_prefix(tmp_path: Path) -> None:
    said: list[str] = []
    logs = tmp_path / "data" / "AWSLogs/111122223333/BedrockModelInvocationLogs/eu-west-1"
    hour = logs / "2026/11/20/09"
    (hour / "data").mkdir(parents=True)
    (hour / "x.json").write_text(RECORDS[0])
    (hour / "data" / "y_output.json").write_text("{}")
    for folder in (tmp_path, logs):
        entries = list(Sources([str(folder)], said.append).entries())
        assert [type(entry) for entry in entries] == [Line]
    assert all("left out 1 under data/" in text for text in said)


def deep(depth: int) -> str:
    """Return a record whose request is nested this deep."""
    nested = '{"a":' * depth + "1" + "}" * depth
    return RECORDS[0].replace('"inputBodyJson": {', f'"inputBodyJson": {{"deep": {nested}, ', 1)


def test_other_fields_may_come_before_the_message(tmp_path: Path) -> None:
    file = tmp_path / "fields.json"
    rows = [{"schemaType": "ModelInvocationLog", "@message": record} for record in RECORDS]
    file.write_text(json.dumps(rows))
    assert read(file) == WANTED
    file.write_text("\n".join(map(json.dumps, rows)))
    assert read(file) == WANTED


@pytest.mark.parametrize("depth", [90, 480, 980, 5_000, 100_000])
@pytest.mark.parametrize(
    "form",
    [
        pytest.param("[{}]", id="array"),
        pytest.param('{{"logEvents": [{}]}}', id="wrapper"),
        pytest.param("{}", id="documents"),
    ],
)
@pytest.mark.parametrize("field", ["", "@message", "message"])
def test_a_deep_record_costs_no_other(tmp_path: Path, form: str, field: str, depth: int) -> None:
    if form.startswith("{{") and not field:
        field = "message"
    records = [*RECORDS, deep(depth), *RECORDS, *RECORDS]
    assert len(records[3]) > len(RECORDS[0]) + depth
    if field:
        records = [f'{{"{field}": {record}}}' for record in records]
    file = tmp_path / "deep.json"
    between = "\n" if form == "{}" else ",\n"
    file.write_text(form.format(between.join(records).replace(", ", ",\n ")))
    assert len(read(file)) == 10


def test_a_damaged_record_of_an_array_costs_no_other(tmp_path: Path) -> None:
    file = tmp_path / "damaged.json"
    file.write_text(f"[{RECORDS[0]}, {{'a': 1}}, {{\"b\" 2}}, {RECORDS[1]}, oh no, {RECORDS[2]}]")
    entries = list(Sources([str(file)], lambda _: None).entries())
    outcomes = [parse(entry.text) for entry in entries if isinstance(entry, Line)]
    assert [one for one in outcomes if isinstance(one, Invocation)] == WANTED
    assert len(outcomes) == 6


def test_half_an_emoji_in_a_field_is_read(tmp_path: Path) -> None:
    file = tmp_path / "emoji.json"
    record = RECORDS[0].replace("{", '{"half": "\\ud83d", ', 1)
    file.write_text(f'[{{"@message": {record}}}]')
    assert read(file) == WANTED[:1]


def test_messages_as_text_may_be_longer_than_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bedrock_alerts_cli.logs.log_splitting.MAX_RECORD_BYTES", 5_000)
    file = tmp_path / "messages.txt"
    for text in ("\t".join(RECORDS * 4), "".join(RECORDS * 4)):
        file.write_text(text)
        assert read(file) == WANTED * 4


@pytest.mark.parametrize("size", [1, 50, 3_000])
def test_tail_is_read_in_whatever_pieces_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("bedrock_alerts_cli.logs.log_blocks.BLOCK_BYTES", size)
    text = (FORMS / "tail-json.txt").read_text()
    file = tmp_path / "tail.txt"
    file.write_text(text * 3)
    assert read(file) == WANTED * 3
    blocks = list(Sources([str(file)], lambda _: None).blocks())
    assert max(block.size for block in blocks) < size + 3_000


@pytest.mark.parametrize("size", [1, 50, 3_000])
def test_other_lines_of_tail_are_named_and_cost_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("bedrock_alerts_cli.logs.log_blocks.BLOCK_BYTES", size)
    text = (FORMS / "tail-json.txt").read_text()
    other = "2026-11-20T09:00:00.000000+00:00 aws/bedrock/modelinvocations Another message.\n"
    file = tmp_path / "tail.txt"
    file.write_text((other + text) * 2)
    outcomes = [
        parse(entry.text)
        for entry in Sources([str(file)], lambda _: None).entries()
        if isinstance(entry, Line)
    ]
    assert [one for one in outcomes if isinstance(one, Invocation)] == WANTED * 2
    assert [type(one) for one in outcomes].count(Rejected) == 2


def test_a_record_of_tail_that_is_too_long_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bedrock_alerts_cli.logs.log_splitting.MAX_RECORD_BYTES", 100)
    monkeypatch.setattr("bedrock_alerts_cli.logs.log_blocks.BLOCK_BYTES", 100)
    file = tmp_path / "tail.txt"
    file.write_text((FORMS / "tail-json.txt").read_text())
    entries = list(Sources([str(file)], lambda _: None).entries())
    assert Rejected("too_large", f"{file}: record 1") in entries


def test_an_export_task_is_read_without_its_check(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "aws-logs-write-test").write_text("Permission Check Successful")
    (tmp_path / "stream").mkdir()
    (tmp_path / "stream" / "000000.gz").write_bytes(
        gzip.compress("".join(f"2026-11-20T09:00:05.000Z {one}\n" for one in RECORDS).encode())
    )
    entries = list(Sources([str(tmp_path)], said.append).entries())
    assert [type(entry) for entry in entries] == [Line] * 3
    assert said == [f"{tmp_path}: left out 1 that CloudWatch Logs wrote to check its permission"]


def test_an_hour_is_read_without_its_bodies(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "data").mkdir()
    (tmp_path / "20261120T090005Z_a1.json.gz").write_bytes(gzip.compress(RECORDS[0].encode()))
    (tmp_path / "data" / "a1_output.json").write_text("{}")
    (tmp_path / "data" / "a1_input.pdf").write_bytes(b"%PDF-1.7\n\0\xff")
    entries = list(Sources([str(tmp_path)], said.append).entries())
    assert [type(entry) for entry in entries] == [Line]
    assert said == [f"{tmp_path}: left out 2 under data/, which are bodies and no records"]


@pytest.mark.parametrize("given", ["11", "11/data", "11/data/team"])
def test_the_folders_above_the_one_that_was_given_do_not_count(tmp_path: Path, given: str) -> None:
    folder = tmp_path / "11" / "data" / "team"
    folder.mkdir(parents=True)
    (folder / "calls.ndjson").write_text("\n".join(RECORDS))
    if given != "11/data/team":
        (folder / "calls.ndjson").rename(folder.parent / "calls.ndjson")
    assert read(tmp_path / given) == WANTED


@pytest.mark.parametrize("command", ["inspect", "metrics", "report", "backtest", "stack-cost"])
@pytest.mark.parametrize("name", ["cloudtrail.json", "empty", "picture.png", "table.csv", "text"])
def test_where_nothing_was_read_it_is_an_error_that_names_what_can_be(
    run: Run, tmp_path: Path, command: str, name: str
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\n")
    (tmp_path / "table.csv").write_text("calls,errors\n5,0\n7,1\n")
    (tmp_path / "text").write_text('{"broken\n')
    path = FIXTURES / name if name == "cloudtrail.json" else tmp_path / name
    outcome = run(command, str(path))
    assert command == "inspect" or not outcome.out
    assert outcome.code == 2
    assert "no invocation record was found" in outcome.err
    assert "Logs Insights" in outcome.err


def test_what_is_in_its_place_is_named(run: Run) -> None:
    assert "1 cloudtrail_event" in run("inspect", str(FIXTURES / "cloudtrail.json")).err


def test_a_file_that_is_no_text_is_one_line_and_no_traceback(run: Run) -> None:
    outcome = run("render", "--channel", "email", str(FIXTURES / "not-utf8.json"))
    assert (outcome.code, outcome.out) == (2, "")
    assert "is not UTF-8 text" in outcome.err


def test_a_byte_order_mark_is_no_obstacle(run: Run) -> None:
    outcome = run("render", "--channel", "email", str(FIXTURES / "bom-event.json"))
    assert outcome.code == 0
    assert outcome.out.startswith("Subject: ")


def test_a_file_without_an_event_is_not_rendered_in_silence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "nothing.json").write_text('{"bedrock_alerts": {"heartbeat": true}}')
    outcome = run("render", "--channel", "email", str(tmp_path / "nothing.json"))
    assert outcome.code == 2
    assert "no event that people are notified of" in outcome.err


def test_the_version_is_told(run: Run) -> None:
    outcome = run("--version")
    assert outcome.code == 0
    assert outcome.out.startswith("bedrock-alerts ")
