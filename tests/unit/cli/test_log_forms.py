"""The forms of logs that people have: each holds the same three records."""

import base64
import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import pytest

from bedrock_alerts.invocations.model import Invocation
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


@pytest.mark.parametrize("command", ["inspect", "metrics"])
@pytest.mark.parametrize("name", ["cloudtrail.json", "empty"])
def test_where_nothing_was_read_it_is_an_error_that_names_what_can_be(
    run: Run, tmp_path: Path, command: str, name: str
) -> None:
    (tmp_path / "empty").touch()
    path = tmp_path / name if name == "empty" else FIXTURES / name
    outcome = run(command, str(path))
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
