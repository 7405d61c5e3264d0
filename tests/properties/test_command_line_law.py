"""Whatever is typed, and whatever a file holds: an answer or an error for people, no traceback."""

import contextlib
import gzip
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_alerts_cli.main import cli, main

ROOT: Final = Path(__file__).parents[2]
# 0 well, 1 something is wrong, 2 bad usage or unreadable input, 130 stopped.
STATUSES: Final = {0, 1, 2, 130}
# They start other programs: only their options are tried.
LONG: Final = {("demo",), ("deploy",), ("try-aws",), ("invoke",)}
RECORD: Final = json.dumps(
    {
        "schemaType": "ModelInvocationLog",
        "timestamp": "2026-11-23T02:30:00Z",
        "accountId": "111122223333",
        "region": "eu-west-1",
        "requestId": "0a1b2c3d",
        "operation": "Converse",
        "modelId": "amazon.nova-lite-v1:0",
        "identity": {"arn": "arn:aws:sts::111122223333:assumed-role/app/session"},
        "input": {"inputTokenCount": 12},
        "output": {"outputTokenCount": 3},
    }
)
FILES: Final[dict[str, bytes]] = {
    "record.ndjson": RECORD.encode(),
    "bom.ndjson": b"\xef\xbb\xbf" + RECORD.encode(),
    "utf16.json": RECORD.encode("utf-16"),
    "record.json.gz": gzip.compress(RECORD.encode()),
    "cut.json.gz": gzip.compress(RECORD.encode() * 50)[:60],
    "empty.json": b"",
    "binary.bin": bytes(range(256)) * 8,
    "nul.txt": b"\0" * 64,
    "list.json": b'[1, null, {}, [[]], "x"]',
    "number.json": b"17",
    "null.json": b"null",
    "deep.json": b"[" * 5000,
    "nan.json": b'{"entries": NaN, "routes": NaN, "accounts": Infinity}',
    "other.json": b'{"Records": [{"body": 7, "s3": {}}], "awslogs": {"data": 3}, "entries": 3}',
    "routes.yaml": b"routes:\n  - name: money\n    channels: [email]\n",
    "broken.yaml": b"routes: [\n  - : }{",
    "tags.yaml": b"!!python/object/apply:os.system ['true']",
    "anchors.yaml": b"a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\nroutes: *b\n",
    "table.csv": b'@timestamp,@message\n2026-11-23 02:30:00.000,"{""a"": 1"\n',
    "lone.json": b'{"modelId": "\\ud800", "schemaType": "ModelInvocationLog"}',
    "digits.json": b'{"schemaType": "ModelInvocationLog", "n": ' + b"9" * 5000 + b"}",
}  # fmt: skip
WORDS: Final = (
    "", " ", "-1", "0", "1", "nan", "inf", "1e400", "x" * 300, "ümlaut ☃", "\x1b[31m", "a\nb",
    "A=B", "=", "2026-11-23T02:30", "2026-13-99", "0001-01-01", "9999-12-31T23:59:59+00:00", "30m",
    "1d", "-", "--", "{}", "[]", "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:x", "email",
    "slack:C0EXAMPLE1", "critical", "bedrock-alerts", "..", "/dev/null", "nothing-here.json",
    "s3://example-bucket/key", "http://[::1", "http://127.0.0.1:1", "eu-west-1", "mars-north-1",
)  # fmt: skip


class Leaf(NamedTuple):
    """A command, and the words that call it."""

    words: tuple[str, ...]
    command: click.Command


def leaves(command: click.Command = cli, words: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Return every command that does something."""
    if not isinstance(command, click.Group):
        yield Leaf(words, command)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, (*words, name))


LEAVES: Final = tuple(leaves())


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: " ".join(leaf.words))
def test_every_commands_help_has_an_example(leaf: Leaf) -> None:
    text = leaf.command.get_help(click.Context(leaf.command))
    _, examples, rest = text.partition("Example")
    assert examples
    assert f"bedrock-alerts {' '.join(leaf.words)}" in rest or f"make {leaf.words[0]}" in rest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with files of every kind."""
    found = tmp_path_factory.mktemp("typed")
    for name, content in FILES.items():
        (found / name).write_bytes(content)
    (found / "folder").mkdir()
    unreadable = found / "unreadable.json"
    unreadable.write_bytes(b"{}")
    unreadable.chmod(0)
    (found / "loop").symlink_to("loop")
    return found


@pytest.fixture(autouse=True)
def nowhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in that folder, with credentials for an AWS that cannot be reached."""
    monkeypatch.chdir(folder)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "invented",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_CONFIG_FILE": str(folder / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(folder),
    }.items():
        monkeypatch.setenv(name, value)


TYPED: Final = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from((*FILES, "folder", "unreadable.json", "loop")),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Type a command with some of its options and arguments, or with ones that it does not have."""
    leaf = draw(st.sampled_from([leaf for leaf in LEAVES if leaf.words not in LONG]))
    line = list(leaf.words)
    for option in (one for one in leaf.command.params if isinstance(one, click.Option)):
        if not option.required and draw(st.integers(0, 3)):
            continue
        line.append(draw(st.sampled_from([*option.opts, *option.secondary_opts])))
        if not option.is_flag:
            line.append(draw(_value(option)))
    for argument in (one for one in leaf.command.params if isinstance(one, click.Argument)):
        most = 1 if argument.nargs == 1 else 3
        line += draw(st.lists(_value(argument), min_size=draw(st.integers(0, 1)), max_size=most))
    return line + draw(st.lists(TYPED, max_size=1 if draw(st.integers(0, 9)) == 0 else 0))


def _value(parameter: click.Parameter) -> st.SearchStrategy[str]:
    if isinstance(parameter.type, click.Choice):
        return st.one_of(st.sampled_from([str(one) for one in parameter.type.choices]), TYPED)
    return TYPED


@given(command_lines())
@settings(max_examples=400)
def test_an_answer_or_an_error_and_never_a_traceback(line: list[str]) -> None:
    tried(line)


@pytest.mark.parametrize("words", sorted(LONG), ids=" ".join)
def test_of_what_starts_programs_the_options(words: tuple[str, ...]) -> None:
    for more in (["--nonsense"], ["--help"], ["too", "many"]):
        tried([*words, *more])


@pytest.mark.parametrize("file", [*FILES, "folder", "unreadable.json", "loop", "missing.json"])
@pytest.mark.parametrize(
    "words",
    [
        ("inspect",), ("metrics",), ("report",), ("backtest",), ("stack-cost",),
        ("render", "--channel", "slack"),
        ("routes", "check"), ("routes", "put"), ("routes", "explain", "--routes"), ("simulate",),
        ("replay", "--yes"), ("prices", "put"), ("prices", "show"), ("backfill", "--yes"),
        ("inspect", "record.ndjson", "--prices"), ("inspect", "record.ndjson", "--profiles"),
        ("generate-event", "collect-logs"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_file_is_read_or_refused(words: tuple[str, ...], file: str) -> None:
    tried([*words, file])


def tried(line: Sequence[str]) -> tuple[int, str]:
    """Run a command line as a shell does, and return its exit status and all that it printed."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape")
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "argv", ["bedrock-alerts", *line])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
        try:
            status: Any = main()
        except SystemExit as error:
            status = error.code
    out.flush()
    printed = out.buffer.getvalue().decode("utf-8", "replace")
    assert status in STATUSES, (line, status)
    assert "Traceback" not in printed, (line, printed)
    assert printed or status == 0, line
    return status, printed
