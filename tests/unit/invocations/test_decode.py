"""Opening what CloudWatch Logs delivers, and refusing what it never would."""

import base64
import gzip
import json
import subprocess
import sys
import traceback
import zlib
from pathlib import Path
from typing import Any

import pytest

from bedrock_alerts.errors import BatchError
from bedrock_alerts.invocations import decode
from bedrock_alerts.invocations.decode import (
    LogLine,
    decode_batch,
    decode_event,
)
from bedrock_alerts.invocations.gunzip import inflate
from bedrock_alerts.invocations.lenient_json import mend
from bedrock_alerts.limits import MAX_BATCH_BASE64_BYTES
from tests.records import ACCOUNT, LOG_GROUP, awslogs, batch, log_events

ROOT = Path(__file__).resolve().parents[3]
SECRET = "canary-5d2f"
EVENTS = log_events(["first", "second"])
LINES = tuple(LogLine(event["message"], event["id"], event["timestamp"]) for event in EVENTS)


def test_a_batch_is_opened() -> None:
    opened = decode_event(awslogs(batch(EVENTS)))
    assert opened == decode.LogBatch(
        log_events=LINES, message_type="DATA_MESSAGE", log_group=LOG_GROUP, owner=ACCOUNT
    )
    assert not opened.is_control_message


def test_a_control_message_is_known() -> None:
    assert decode_event(awslogs(batch(EVENTS, messageType="CONTROL_MESSAGE"))).is_control_message


def test_decoding_is_the_opposite_of_encoding() -> None:
    messages = ["", "plain", 'quoted "x"', "\\ud83d", "Zoë 🦆", "\u2028", "{}", "a\nb"]
    opened = decode_event(awslogs(batch(log_events(messages))))
    assert [line.message for line in opened.log_events] == messages


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        pytest.param({"id": "x", "timestamp": 1}, LogLine("", "x", 1.0), id="no message"),
        pytest.param({"message": 7, "id": "x"}, LogLine("", "x"), id="a number for a message"),
        pytest.param({"message": "m", "id": 7}, LogLine("m"), id="a number for an id"),
        pytest.param({"message": "m", "timestamp": "1"}, LogLine("m"), id="a text for a time"),
        pytest.param({"message": "m", "timestamp": 10**400}, LogLine("m"), id="an endless time"),
        pytest.param({"message": "m", "timestamp": float("nan")}, LogLine("m"), id="NaN for a time"),
        pytest.param({"message": "m", "id": None}, LogLine("m"), id="null for an id"),
        pytest.param({"message": "half \ud83d"}, LogLine("half ?"), id="half an emoji"),
        pytest.param({}, LogLine(""), id="an empty event"),
        pytest.param(None, LogLine(""), id="null"),
        pytest.param("text", LogLine(""), id="a text"),
        pytest.param([], LogLine(""), id="a list"),
    ],
)  # fmt: skip
def test_an_odd_event_is_read_as_far_as_possible_and_its_neighbours_whole(
    odd: Any, expected: LogLine
) -> None:
    opened = decode_event(awslogs(batch([EVENTS[0], odd, EVENTS[1]])))
    assert opened.log_events == (LINES[0], expected, LINES[1])
    assert opened.log_group == LOG_GROUP


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(b"first", b"fi\xff\xfest", "fi\ufffd\ufffdst", id="bytes that are no UTF-8"),
        pytest.param(b"first", b"fi\nst", "fi\nst", id="a line break that is not escaped"),
        pytest.param(b"first", b"fi\0st", "fi\0st", id="a NUL"),
        pytest.param(b"first", b"fi\\ud83dst", "fi?st", id="half an emoji, escaped"),
        pytest.param(b"{", b"\xef\xbb\xbf{", "first", id="a byte order mark"),
    ],
)
def test_broken_text_does_not_cost_the_batch(old: bytes, new: bytes, expected: str) -> None:
    text = json.dumps(batch(EVENTS)).encode()
    opened = decode_event(awslogs(text.replace(old, new, 1)))
    assert [line.message for line in opened.log_events] == [expected, "second"]


@pytest.mark.parametrize(
    "odd", [{"messageType": 7}, {"owner": None}, {"logGroup": ["x"]}, {"logStream": {}}]
)
def test_odd_facts_about_a_batch_do_not_cost_its_lines(odd: dict[str, Any]) -> None:
    assert decode_event(awslogs(batch(EVENTS, **odd))).log_events == LINES


PACKED = gzip.compress(json.dumps(batch(EVENTS)).encode())
LIMIT = MAX_BATCH_BASE64_BYTES


def as_event(packed: bytes) -> Any:
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


UNREADABLE = [
    pytest.param({}, "`awslogs.data` is missing", id="an empty event"),
    pytest.param([], "`awslogs.data` is missing", id="an event that is a list"),
    pytest.param(None, "`awslogs.data` is missing", id="no event"),
    pytest.param({"awslogs": []}, "`awslogs.data` is missing", id="an envelope that is a list"),
    pytest.param({"awslogs": {"data": 7}}, "`awslogs.data` is missing", id="data that is a number"),
    pytest.param({"awslogs": {"data": SECRET}}, "not valid base64", id="no base64"),
    pytest.param({"awslogs": {"data": "\ud83d"}}, "not valid base64", id="half an emoji"),
    pytest.param({"awslogs": {"data": "AAAAA"}}, "not valid base64", id="truncated base64"),
    pytest.param({"awslogs": {"data": "A" * (LIMIT + 1)}}, "larger than", id="too much base64"),
    pytest.param({"awslogs": {"data": ""}}, "is empty", id="no bytes"),
    pytest.param(as_event(SECRET.encode()), "gzip data is damaged", id="no gzip"),
    pytest.param(as_event(zlib.compress(PACKED)), "gzip data is damaged", id="another compression"),
    pytest.param(as_event(PACKED[:-1]), "ends too early", id="truncated gzip, in its checksum"),
    pytest.param(as_event(PACKED[: len(PACKED) // 2]), "ends too early", id="half of the gzip"),
    pytest.param(as_event(PACKED[:5]), "ends too early", id="half of the header"),
    pytest.param(
        as_event(PACKED + b"something more after it"),
        "gzip data is damaged",
        id="something after the gzip",
    ),
    pytest.param(
        as_event(PACKED[:-8] + bytes(8)), "gzip data is damaged", id="gzip with the wrong checksum"
    ),
    pytest.param(
        as_event(PACKED + gzip.compress(b"") * 100), "more than 100 members", id="many members"
    ),
    pytest.param(awslogs(b""), "no CloudWatch Logs JSON", id="an empty text"),
    pytest.param(awslogs(SECRET.encode()), "no CloudWatch Logs JSON", id="no JSON"),
    pytest.param(awslogs(b"\xff" + SECRET.encode()), "no CloudWatch Logs JSON", id="no text"),
    pytest.param(awslogs([SECRET]), "no CloudWatch Logs JSON", id="a list"),
    pytest.param(awslogs({}), "no CloudWatch Logs JSON", id="an object without events"),
    pytest.param(awslogs({"logEvents": SECRET}), "no CloudWatch Logs JSON", id="a text for events"),
    pytest.param(awslogs({"logEvents": None}), "no CloudWatch Logs JSON", id="null for events"),
    pytest.param(
        awslogs(b"[" * 100_000 + b"]" * 100_000), "no CloudWatch Logs JSON", id="100,000 lists deep"
    ),
    pytest.param(
        awslogs(b'{"logEvents":[],"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001),
        "no CloudWatch Logs JSON",
        id="100,000 objects deep",
    ),
    pytest.param(
        awslogs(b'{"logEvents":[{}],"x":"' + b"x" * (9 * 1024 * 1024) + b'"}'),
        "no CloudWatch Logs JSON",
        id="too long to be repaired",
    ),
]


@pytest.mark.parametrize(("event", "expected"), UNREADABLE)
def test_what_cannot_be_opened_says_why_and_repeats_nothing_of_it(
    event: Any, expected: str
) -> None:
    with pytest.raises(BatchError, match=expected) as caught:
        decode_event(event)
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in f"{error!s} {error!r} {vars(error)}"
        error = error.__cause__ or error.__context__
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_all_members_of_a_gzip_are_read() -> None:
    text = json.dumps(batch(EVENTS)).encode()
    packed = gzip.compress(text[:40]) + gzip.compress(b"") + gzip.compress(text[40:]) + bytes(512)
    assert decode_batch(packed).log_events == LINES


def test_gzip_is_read_up_to_the_limit_and_no_byte_beyond() -> None:
    assert inflate(gzip.compress(b"x" * 1000), 1000) == b"x" * 1000
    assert inflate(gzip.compress(b"x" * 600) + gzip.compress(b"x" * 400), 1000) == b"x" * 1000
    for packed in (
        gzip.compress(b"x" * 1001),
        gzip.compress(b"x" * 600) + gzip.compress(b"x" * 401),
    ):
        with pytest.raises(BatchError, match="more than 1000 bytes"):
            inflate(packed, 1000)


_BOMB = """
import base64, pathlib, resource, zlib
from bedrock_alerts.errors import BatchError
from bedrock_alerts.invocations.decode import decode_event

packer = zlib.compressobj(9, zlib.DEFLATED, 31)
block = {block}
packed = b"".join(packer.compress(block) for _ in range({blocks})) + packer.flush()
event = {{"awslogs": {{"data": base64.b64encode(packed).decode()}}}}
del packed
try:
    decode_event(event)
except BatchError as error:
    print(error)
try:
    # On Linux, `ru_maxrss` starts from what the parent had.
    peak = int(pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak // 1024)
"""


@pytest.mark.parametrize(
    ("block", "blocks"),
    [
        pytest.param("bytes(2**20)", 1024, id="one gibibyte of nothing"),
        pytest.param("b'[' * 2**20", 64, id="millions of brackets"),
        pytest.param("b' ' * 2**20", 64, id="millions of blanks"),
    ],
)
def test_a_gzip_bomb_takes_less_than_100_megabytes(block: str, blocks: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BOMB.format(block=block, blocks=blocks)],
        env={"PYTHONPATH": str(ROOT / "layers" / "shared")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    refusal, megabytes = done.stdout.splitlines()
    assert "inflates to more than" in refusal
    assert int(megabytes) < 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"a": NaN, "b": Infinity, "c": -Infinity}', {"a": None, "b": None, "c": None},
            id="numbers that JSON does not have"),
        pytest.param('{"a": 1e999, "b": -1e999, "c": 1.5}', {"a": None, "b": None, "c": 1.5},
            id="numbers beyond a float"),
        pytest.param('{"a": ' + "9" * 5000 + ', "b": 7}', {"a": None, "b": 7}, id="5,000 digits"),
        pytest.param('{"\\ud83d": "\\udc00x"}', {"?": "?x"}, id="halves of emoji"),
        pytest.param('{"a": "\\ud83e\\udd86"}', {"a": "🦆"}, id="whole emoji"),
        pytest.param(b'{"a": "\xff"}', {"a": "\ufffd"}, id="bytes that are no UTF-8"),
        pytest.param(b"\xef\xbb\xbf[]", [], id="a byte order mark"),
    ],
)  # fmt: skip
def test_mended_text_is_strict_json(text: str | bytes, expected: Any) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    assert json.loads(mend(text).decode("utf-8", "strict"), parse_constant=refuse) == expected


def test_what_cannot_be_mended_is_refused() -> None:
    for text in ("", "{", "[1,]", "x" * (8 * 1024 * 1024 + 1)):
        with pytest.raises(ValueError):  # noqa: PT011 - json's own words
            mend(text)
    with pytest.raises(RecursionError):
        mend("[" * 100_000)
