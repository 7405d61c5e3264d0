"""`inspect` shows each record in its place, for programs and for people."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts_cli import parallel, terminal
from bedrock_alerts_cli.commands.inspect import (
    _COLUMNS,
    Reading,
    Tally,
    examine_as_json,
    examine_as_rows,
)
from bedrock_alerts_cli.log_files import Block, Sources
from bedrock_alerts_cli.main import cli, main
from bedrock_alerts_cli.terminal import Column, Table, moment, watched
from bedrock_alerts_cli.user_errors import CommandError, InputError
from tests.records import (
    assessment,
    batch,
    content,
    converse,
    converse_trace,
    custom_word,
    failed,
    invocation_metrics,
    log_events,
    offloaded,
    pii,
    topic,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

FIELDS = [
    "request_id", "timestamp", "account_id", "region", "operation", "model_id", "model",
    "inference_profile", "application", "principal", "principal_arn", "status", "error_code",
    "stop_reason",
    "usage", "modality", "latency_ms", "first_byte_ms", "cost_usd", "priced", "price_fallback",
    "guardrail", "body", "metadata",
]  # fmt: skip
GUARDRAIL_FIELDS = ["verdict", "ids", "hits", "latency_ms", "cost_usd"]
HIT_FIELDS = [
    "guardrail_id", "guardrail_version", "policy", "category", "action", "source", "confidence",
]  # fmt: skip

OK = converse(requestId="req-0001")
BLOCKED = converse(
    requestId="req-0002",
    model="eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    stop="guardrail_intervened",
    trace=converse_trace(
        assessment(
            content(kind="PROMPT_ATTACK"), content(kind="PROMPT_ATTACK"), topic(name="[bold]Tea[/]"),
            pii(), custom_word(),
        )
    ),
)  # fmt: skip
MASKED = converse(trace=converse_trace(answered={"gr0example1": [pii()]}))
CLEAN = converse(trace=converse_trace(invocation_metrics(contentPolicyUnits=1)))
DETECTED = converse(trace=converse_trace(content(action="NONE")))
UNEXPLAINED = converse(stop="guardrail_intervened")
UNKNOWN = converse(model="example.unknown-v1:0", tokens=(1234, 5))
FOREIGN = {"level": "INFO"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["bedrock-alerts", *map(str, arguments)])
        code = main()
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


if TYPE_CHECKING:
    Run = Callable[..., Outcome]


def written(folder: Path, *records: Any, name: str = "calls.ndjson") -> Path:
    path = folder / name
    path.write_text(
        "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records),
        encoding="utf-8",
    )
    return path


class TestJson:
    def test_a_record_has_the_documented_fields_in_their_order(
        self, run: Run, tmp_path: Path
    ) -> None:
        outcome = run("inspect", written(tmp_path, BLOCKED), "--json")
        (document,) = outcome.documents
        assert list(document) == FIELDS
        assert list(document["guardrail"]) == GUARDRAIL_FIELDS
        assert list(document["guardrail"]["hits"][0]) == HIT_FIELDS
        assert document["guardrail"]["verdict"] == "blocked"
        assert (outcome.code, outcome.err) == (0, "")

    def test_each_line_is_answered_in_its_place(self, run: Run, tmp_path: Path) -> None:
        path = written(tmp_path, OK, '{"broken', FOREIGN, OK, batch(log_events(["x"])))
        outcome = run("inspect", "--json", path)
        assert [
            document.get("request_id") or {**document, "where": document["where"].split("/")[-1]}
            for document in outcome.documents
        ] == [
            "req-0001",
            {"rejected": "not_json", "where": "calls.ndjson:2"},
            {"skipped": "foreign_record", "where": "calls.ndjson:3"},
            "req-0001",  # duplicates stay
            {"rejected": "not_json", "where": "calls.ndjson:5: event 1"},
        ]
        assert (outcome.code, outcome.err) == (1, "")

    def test_files_are_shown_in_the_order_given(self, run: Run, tmp_path: Path) -> None:
        first = written(tmp_path, OK, name="b")
        second = written(tmp_path, BLOCKED, name="a")
        assert [
            document["request_id"] for document in run("inspect", first, second, "--json").documents
        ] == ["req-0001", "req-0002"]

    def test_standard_input_may_be_gzipped(self) -> None:
        packed = gzip.compress(json.dumps(OK).encode())
        result = CliRunner().invoke(cli, ["inspect", "-", "--json"], input=packed)
        assert json.loads(result.output)["request_id"] == "req-0001"
        assert result.exit_code == 0

    def test_no_content_is_shown(self, run: Run, tmp_path: Path) -> None:
        path = written(tmp_path, BLOCKED)
        shown = run("inspect", path, "--json").out + run("inspect", path).out
        for secret in ("withheld", "alice@example.com is", 'sensitive"', "short question"):
            assert secret not in shown


class TestTable:
    def test_in_a_pipe_it_is_plain_and_aligned(self, run: Run, tmp_path: Path) -> None:
        path = written(
            tmp_path, OK, BLOCKED, MASKED, CLEAN, DETECTED, '{"broken', UNEXPLAINED, FOREIGN,
            failed(), offloaded(), UNKNOWN, offloaded(tokens=(9, 0)),
        )  # fmt: skip
        outcome = run("inspect", path)
        assert outcome.out.replace(f"{tmp_path}/", "") == (
            "time (UTC)      outcome      model              principal      in  out  cached   ms       cost  findings\n"
            "03-02 10:15:00  ok           claude-haiku-4-5   search-app     12   34          640  $0.000200\n"
            "03-02 10:15:00  blocked      claude-sonnet-4-5  search-app     12   34          640  $0.000601  content/PROMPT_ATTACK BLOCKED input x2, sensitive_information/EMAIL ANONYMIZED input, topic/[bold]Tea[/] BLOCKED input, 1 more\n"
            "03-02 10:15:00  masked       claude-haiku-4-5   search-app     12   34          640  $0.000200  sensitive_information/EMAIL ANONYMIZED output\n"
            "03-02 10:15:00  clean        claude-haiku-4-5   search-app     12   34          640  $0.000200\n"
            "03-02 10:15:00  detected     claude-haiku-4-5   search-app     12   34          640  $0.000200  content/INSULTS NONE input\n"
            "                rejected                                                                        not_json at calls.ndjson:6\n"
            "03-02 10:15:00  unexplained  claude-haiku-4-5   search-app     12   34          640  $0.000200  changed by a guardrail, no trace\n"
            "                skipped                                                                         foreign_record at calls.ndjson:8\n"
            "03-02 10:15:00  error        claude-haiku-4-5   search-app      0    0               $0.000000  ThrottlingException\n"
            "03-02 10:15:00  ok           claude-haiku-4-5   search-app     12   34               $0.000200  output kept in S3\n"
            "03-02 10:15:00  ok           unknown            search-app  1,234    5          640          ?\n"
            "03-02 10:15:00  ok           claude-haiku-4-5   search-app      9    0               $0.000010  output kept in S3\n"
            "\n"
            "10 records, 2026-03-02 10:15:00 to 2026-03-02 10:15:00 UTC\n"
            "verdicts  5 none, 1 blocked, 1 masked, 1 clean, 1 detected, 1 unexplained\n"
            "errors    1 ThrottlingException\n"
            "tokens    1,327 in, 243 out\n"
            "cost      $0.001812, guardrails $0.000150, 1 unpriced and not in the sum\n"
            "models    anthropic.claude-haiku-4-5-20251001-v1:0 $0.001361, anthropic.claude-sonnet-4-5-20250929-v1:0 $0.000601\n"
            "rejected  1 not_json\n"
            "skipped   1 foreign_record\n"
            f"prices    the list of {Prices.load().dated}\n"
        )
        assert (outcome.code, outcome.err) == (1, "")

    def test_a_price_that_is_only_near_is_marked(self, run: Run, tmp_path: Path) -> None:
        near = converse(body={"serviceTier": {"type": "unheard-of"}})
        cached = converse()
        cached["input"]["cacheReadInputTokenCount"] = 88_000
        outcome = run("inspect", written(tmp_path, near, cached))
        assert "  ~$0.000200" in outcome.out
        assert "  88,000  " in outcome.out
        assert "88,000 read from the cache\n" in outcome.out
        assert "1 priced approximately\n" in outcome.out

    def test_nothing_at_all_is_an_error(self, run: Run, tmp_path: Path) -> None:
        outcome = run("inspect", written(tmp_path))
        assert (outcome.code, outcome.out) == (2, "0 records\n")
        assert "no invocation record was found" in outcome.err

    def test_what_could_be_read_is_shown_before_the_error(self, run: Run, tmp_path: Path) -> None:
        good = written(tmp_path, OK)
        bad = tmp_path / "bad"
        bad.write_bytes(b"\0\0\0")
        outcome = run("inspect", good, bad)
        assert "claude-haiku-4-5" in outcome.out
        assert outcome.code == 2
        assert outcome.err.startswith(f"bedrock-alerts: {bad}: this is neither text nor gzip.")


class TestUsage:
    @pytest.mark.parametrize("arguments", [(), ("no-such-file",), ("--nonsense",)])
    def test_bad_usage_ends_with_2(self, run: Run, arguments: Sequence[str]) -> None:
        outcome = run("inspect", *arguments)
        assert (outcome.code, outcome.out) == (2, "")
        assert "Error" in outcome.err

    def test_what_a_folder_leaves_out_is_noted_beside_the_output(
        self, run: Run, tmp_path: Path
    ) -> None:
        (tmp_path / "09" / "data").mkdir(parents=True)
        written(tmp_path, "a body", name="09/data/x")
        written(tmp_path, OK)
        outcome = run("inspect", tmp_path, "--json")
        assert len(outcome.documents) == 1
        assert "left out 1 under data/" in outcome.err


def blocks_of(*lines: str) -> list[Block]:
    return [
        Block(name="x", first=number, content=line.encode()) for number, line in enumerate(lines, 1)
    ]


def give_name(block: Block) -> tuple[int, int]:
    return block.first, os.getpid()


def give_up(block: Block) -> None:
    os._exit(block.first)


class TestAllCores:
    @pytest.fixture(autouse=True)
    def two_cores(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parallel, "available_cores", lambda: 2)

    def test_a_long_log_gives_the_same_in_the_same_order(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bedrock_alerts_cli.logs.log_blocks.BLOCK_BYTES", 3000)
        path = written(
            tmp_path, *([OK, '{"broken', BLOCKED, FOREIGN, {**OK, "timestamp": "2026-03-03"}] * 40)
        )
        for arguments in ((path, "--json"), (path,)):
            alone = run("inspect", *arguments)
            with monkeypatch.context() as patched:
                patched.setattr(parallel, "POOL_AFTER_BYTES", 4000)
                assert run("inspect", *arguments) == alone
        assert "120 records, 2026-03-02 10:15:00 to 2026-03-03 00:00:00 UTC" in alone.out

    def test_results_come_in_order_from_other_processes(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parallel, "POOL_AFTER_BYTES", 1)
        results = list(parallel.in_order(give_name, iter(blocks_of(*"abcdefghijklmnopqrst"))))
        assert [number for number, _ in results] == list(range(1, 21))
        assert results[0][1] == os.getpid()
        assert os.getpid() not in {process for _, process in results[1:]}

    def test_only_a_few_blocks_are_taken_ahead(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parallel, "POOL_AFTER_BYTES", 1)
        taken: list[int] = []

        def blocks() -> Iterator[Block]:
            for block in blocks_of(*"x" * 100):
                taken.append(block.first)
                yield block

        results = parallel.in_order(give_name, blocks())
        for number in range(1, 50):
            next(results)
            assert len(taken) <= number + 2 * 3 + 1
        results.close()  # type: ignore[attr-defined] # a generator

    def test_an_unreadable_end_is_told_after_the_results_before_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parallel, "POOL_AFTER_BYTES", 1)

        def blocks() -> Iterator[Block]:
            yield from blocks_of("a", "b", "c")
            raise InputError("the end is missing")

        results = parallel.in_order(give_name, blocks())
        assert [next(results)[0] for _ in range(3)] == [1, 2, 3]
        with pytest.raises(InputError):
            next(results)

    def test_a_worker_that_dies_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parallel, "POOL_AFTER_BYTES", 0)
        monkeypatch.setattr(parallel, "_started", lambda _: _Broken())
        results = parallel.in_order(give_name, iter(blocks_of("a", "b")))
        next(results)
        with pytest.raises(CommandError, match="a worker process ended"):
            next(results)

    def test_there_is_at_least_one_core(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        assert parallel.available_cores() >= 1


class _Broken:
    """A pool whose worker was killed."""

    def submit(self, *_: object) -> None:
        raise BrokenProcessPool

    def shutdown(self, *, cancel_futures: bool) -> None:
        assert cancel_futures


class TestProcess:
    """The command as it is really started."""

    def start(self, *arguments: object, **more: Any) -> subprocess.Popen[bytes]:
        code = "import sys; from bedrock_alerts_cli.main import main; sys.exit(main())"
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **more,
        )

    def test_nobody_reading_on_is_no_error(self, tmp_path: Path) -> None:
        path = written(tmp_path, *[OK] * 2000)
        for option in ([], ["--json"]):
            with self.start("inspect", path, *option) as process:
                assert process.stdout is not None
                assert process.stderr is not None
                process.stdout.read(1)
                process.stdout.close()
                assert process.stderr.read() == b""
            assert process.returncode == 0

    @pytest.mark.usefixtures("hears_ctrl_c")
    def test_ctrl_c_ends_it_cleanly_with_its_workers(self, tmp_path: Path) -> None:
        path = written(tmp_path, *[OK] * 30_000)
        with self.start("inspect", path, "--json", start_new_session=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            read = 0
            while read < 20_000_000:  # by then its workers are at work
                read += len(process.stdout.read(1_000_000))
            os.killpg(process.pid, signal.SIGINT)
            process.stdout.read()
            assert process.stderr.read().split() == [b"Stopped."]
        assert process.returncode == 130


class FakeTerminal(io.StringIO):
    """A text stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class TestTerminal:
    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "60")
        monkeypatch.delenv("NO_COLOR", raising=False)

    def test_outcomes_have_colours_and_texts_are_no_markup(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        screen = FakeTerminal()
        monkeypatch.setattr(sys, "stdout", screen)
        table = Table(
            (Column(title="outcome", style=lambda _: "bold red"), Column(title="found", wraps=True))
        )
        table.add([("blocked", "topic/[green]Tea[/]")])
        table.add([("ok", "")])
        table.add([])
        lines = screen.getvalue().splitlines()
        assert len(lines) == 3
        assert "\x1b[1;31mblocked\x1b[0m" in lines[1]
        assert "topic/[green]Tea[/]" in lines[1]

    def test_first_columns_are_left_out_then_narrowed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        screen = FakeTerminal()
        monkeypatch.setattr(sys, "stdout", screen)
        table = Table(
            (
                Column(title="a", least=10),
                Column(title="b", rank=2),
                Column(title="c", rank=1),
                Column(title="d"),
            )
        )
        table.add([("a" * 30, "b" * 10, "c" * 20, "d" * 20)])
        assert [line.split() for line in screen.getvalue().splitlines()][1:] == [
            ["a" * 23 + "…", "b" * 10, "d" * 20]
        ]

    def test_what_cannot_fit_is_cut_all_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        screen = FakeTerminal()
        monkeypatch.setattr(sys, "stdout", screen)
        table = Table((Column(title="a"), Column(title="b")))
        table.add([("a" * 50, "b" * 50)])
        assert len(screen.getvalue().splitlines()[1]) <= 60

    @pytest.mark.parametrize("columns", [40, 60, 80, 100, 200])
    def test_no_figure_is_cut(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
        columns: int,
    ) -> None:
        prices = tmp_path / "prices.json"
        prices.write_text('{"entries": [{"model": "dear", "rates": {"input": 8470000}}]}')
        records = [
            converse(tokens=(123_456, 12_345)),
            BLOCKED,
            converse(model="dear", tokens=(123_456, 0)),
        ]
        screen = FakeTerminal()
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "stdout", screen)
        block = Block(name="x", content="\n".join(map(json.dumps, records)).encode())
        rows, _ = examine_as_rows(block, Reading(prices.read_bytes()))
        table = Table(_COLUMNS)
        table.add(rows)
        table.add(rows[:1])
        text = re.sub("\x1b[^m]*m", "", screen.getvalue())
        assert not re.search(r"\d…", text)
        first, _, again = (line for line in text.splitlines() if "123" in line)
        shown = columns >= 100
        assert ("123,456" in first) is shown
        assert ("123k" in first) is ("12.3k" in again) is not shown
        assert ("$1.05" in text) is not shown
        assert ("rounded to three digits" in capsys.readouterr().err) is not shown

    def test_characters_that_the_encoding_lacks_become_question_marks(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
        terminal.write("Größe\n")
        assert raw.getvalue() == b"Gr??e\n"

    def test_a_bar_shows_up_only_for_long_work_on_a_terminal(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        screen = FakeTerminal()
        monkeypatch.setattr(sys, "stderr", screen)
        sources = Sources([str(written(tmp_path, OK))], note=pytest.fail)
        assert list(watched("abc", sources, shown=False)) == ["a", "b", "c"]
        assert list(watched("abc", sources, shown=True)) == ["a", "b", "c"]
        assert screen.getvalue() == ""
        monkeypatch.setattr(terminal, "PATIENCE_SECONDS", 0.0)
        for item in watched("abc", sources, shown=True):
            time.sleep(0.2 if item == "b" else 0)
        assert "bytes" in screen.getvalue()

    @pytest.mark.parametrize(
        ("seconds", "expected"),
        [
            (1_772_446_500.9, "2026-03-02 10:15:00"),
            (-1e30, "0001-01-01 00:00:00"),
            (1e30, "9999-12-31 23:59:59"),
        ],
    )
    def test_every_time_can_be_shown(self, seconds: float, expected: str) -> None:
        assert moment(seconds) == expected


def test_both_ways_of_examining_count_the_same() -> None:
    lines = "\n".join(json.dumps(record) for record in (OK, BLOCKED, FOREIGN, UNKNOWN)) + "\n{"
    block = Block(name="x", content=lines.encode())
    assert examine_as_json(block)[1] == examine_as_rows(block)[1]


def test_tallies_add_up() -> None:
    one = examine_as_json(Block(name="x", content=json.dumps(OK).encode()))[1]
    both = Tally()
    for _ in range(2):
        both.add(one)
    both.add(Tally())
    assert (
        both
        == examine_as_json(Block(name="x", content=f"{json.dumps(OK)}\n{json.dumps(OK)}".encode()))[
            1
        ]
    )
