"""Bodies in S3 are read from one bucket only, within limits, and a failure costs nothing else."""

import gzip
import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import pytest

from bedrock_alerts.errors import GoneError, TransientError
from bedrock_alerts.invocations.offloaded_bodies import BatchBodies, OffloadedBodies
from bedrock_alerts.limits import MAX_BODY_BYTES, MAX_BODY_INFLATED_BYTES

BUCKET: Final = "example-bodies"
KEY: Final = "AWSLogs/111122223333/BedrockModelInvocationLogs/eu-west-1/data/req-1_output.json.gz"
PATH: Final = f"s3://{BUCKET}/{KEY}"
JSON: Final = b'{"stopReason":"end_turn"}'


class Bucket:
    """Objects by key, in pieces; an error stands for one that cannot be read."""

    def __init__(self, objects: Mapping[str, bytes | Exception] = MappingProxyType({})) -> None:
        self.objects: dict[str, bytes | Exception] = {KEY: JSON, **objects}
        self.asked: list[tuple[str, str]] = []
        self.now = 100.0
        self.seconds_a_piece = 0.0
        self.is_open = False

    def chunks(self, bucket: str, key: str) -> Iterator[bytes]:
        self.asked.append((bucket, key))
        found = self.objects[key]
        if isinstance(found, Exception):
            self.now += self.seconds_a_piece
            raise found
        self.is_open = True
        try:
            for start in range(0, len(found), 256 * 1024):
                self.now += self.seconds_a_piece
                yield found[start : start + 256 * 1024]
        finally:
            self.is_open = False

    def clock(self) -> float:
        return self.now

    def batch(self) -> BatchBodies:
        return OffloadedBodies(BUCKET, self.chunks, clock=self.clock).of_a_batch()


def reasons(bodies: BatchBodies) -> dict[str, int]:
    """Return the counts of the one line for the log."""
    notices = bodies.notices()
    if not notices:
        return {}
    (line,) = notices
    document: dict[str, Any] = json.loads(line)
    assert document["event"] == "bodies_not_read"
    assert document["level"] == "WARNING"
    counts: dict[str, int] = document["reasons"]
    assert document["bodies"] == sum(counts.values())
    return counts


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        pytest.param(JSON, JSON, id="as it is"),
        pytest.param(gzip.compress(JSON), JSON, id="gzipped"),
        pytest.param(gzip.compress(b"[1,") + gzip.compress(b"2]"), b"[1,2]", id="in two members"),
        pytest.param(b'{"score":NaN}', b'{"score":NaN}', id="what has to be mended, unmended"),
    ],
)
def test_a_body_is_read(stored: bytes, read: bytes) -> None:
    bucket = Bucket({KEY: stored})
    bodies = bucket.batch()
    assert bodies.read(PATH) == read
    assert bucket.asked == [(BUCKET, KEY)]
    assert bodies.notices() == ()


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("", id="nothing"),
        pytest.param(KEY, id="a key alone"),
        pytest.param(f"https://{BUCKET}/{KEY}", id="another scheme"),
        pytest.param(f"S3://{BUCKET}/{KEY}", id="another spelling of the scheme"),
        pytest.param(f" s3://{BUCKET}/{KEY}", id="a blank before it"),
        pytest.param(f"s3://other-bucket/{KEY}", id="another bucket"),
        pytest.param(f"s3://{BUCKET}.example.com/{KEY}", id="a bucket that begins like ours"),
        pytest.param(f"s3://x@{BUCKET}/{KEY}", id="a user before the bucket"),
        pytest.param(f"s3://{BUCKET.upper()}/{KEY}", id="our bucket in capitals"),
        pytest.param(f"s3:///{KEY}", id="no bucket"),
        pytest.param(f"s3://{BUCKET}//{KEY}\n", id="a line break at its end"),
        pytest.param(f"s3://{BUCKET}/x/data/\x00.json", id="a control character"),
        pytest.param(f"s3://{BUCKET}/x/data/é.json", id="a letter that Bedrock never uses"),
        pytest.param(f"s3://{BUCKET}/", id="no key"),
        pytest.param(f"s3://{BUCKET}/secrets.json", id="no folder of bodies"),
        pytest.param(f"s3://{BUCKET}/x/database/y.json", id="a folder that only begins like it"),
        pytest.param(f"s3://{BUCKET}/x/data", id="an object of that name"),
        pytest.param(f"s3://{BUCKET}/data/x.json", id="a folder that the grant leaves out"),
        pytest.param(f"s3://{BUCKET}/x/data/../../y.json", id="a way out of the folder"),
        pytest.param(f"s3://{BUCKET}/x/./data/y.json", id="a dot between"),
        pytest.param(f"s3://{BUCKET}/x/data/{'y' * 1024}", id="a key longer than any"),
        pytest.param(f"s3://{BUCKET}/{KEY}?versionId=1"[:30], id="cut off"),
    ],
)
def test_no_other_path_is_ever_asked_for(path: str) -> None:
    bucket = Bucket()
    bodies = bucket.batch()
    assert bodies.read(path) is None
    assert bucket.asked == []
    assert reasons(bodies) == {"path_not_allowed": 1}


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        pytest.param(GoneError("the object is gone"), "gone", id="it is not there"),
        pytest.param(
            TransientError("Amazon S3 refused the object: AccessDenied"),
            "Amazon S3 refused the object: AccessDenied",
            id="it is refused",
        ),
        pytest.param(b"", "unreadable", id="it is empty"),
        pytest.param(b"no JSON", "unreadable", id="it is no JSON"),
        pytest.param(b"[" * 100_000, "unreadable", id="it is too deep"),
        pytest.param(gzip.compress(JSON)[:-9], "unreadable", id="its gzip ends too early"),
        pytest.param(b"\x1f\x8bx", "unreadable", id="it is no gzip behind the first bytes"),
        pytest.param(
            gzip.compress(bytes(MAX_BODY_INFLATED_BYTES + 1)), "unreadable", id="it is a bomb"
        ),
        pytest.param(bytes(MAX_BODY_BYTES + 1), "too_large", id="it is larger than any"),
    ],
)
def test_what_cannot_be_had_is_counted_by_reason(stored: bytes | Exception, reason: str) -> None:
    bucket = Bucket({KEY: stored})
    bodies = bucket.batch()
    assert bodies.read(PATH) is None
    assert reasons(bodies) == {reason: 1}
    assert not bucket.is_open


def test_a_body_as_large_as_allowed_is_read() -> None:
    text = b'"' + b"x" * (MAX_BODY_BYTES - 2) + b'"'
    assert Bucket({KEY: text}).batch().read(PATH) == text


def test_nothing_beyond_the_limit_is_fetched() -> None:
    bucket = Bucket({KEY: bytes(10 * MAX_BODY_BYTES)})
    bucket.seconds_a_piece = 0.01
    bucket.batch().read(PATH)
    pieces = (bucket.now - 100) / bucket.seconds_a_piece
    assert round(pieces) == MAX_BODY_BYTES // (256 * 1024) + 1


def test_a_body_is_asked_for_once_however_many_records_name_it() -> None:
    bucket = Bucket({KEY: GoneError("the object is gone")})
    bodies = bucket.batch()
    assert [bodies.read(PATH) for _ in range(3)] == [None] * 3
    assert len(bucket.asked) == 1
    assert reasons(bodies) == {"gone": 3}


def test_one_line_tells_of_all_failures_and_names_nothing() -> None:
    gone = "canary/data/gone.json"
    bucket = Bucket({gone: GoneError("the object is gone"), "x/data/odd": b"canary"})
    bodies = bucket.batch()
    for path in (gone, "x/data/odd", KEY, "canary"):
        bodies.read(f"s3://{BUCKET}/{path}")
    assert reasons(bodies) == {"gone": 1, "unreadable": 1, "path_not_allowed": 1}
    assert b"canary" not in b"".join(bodies.notices())


def test_when_a_batch_has_spent_its_time_the_rest_stays_where_it_is() -> None:
    bucket = Bucket()
    bucket.seconds_a_piece = 3.0
    bodies = bucket.batch()
    answers = []
    for number in range(10):
        bucket.objects[f"x/data/{number}"] = JSON
        bucket.now += 1000  # what else the batch does is not counted
        answers.append(bodies.read(f"s3://{BUCKET}/x/data/{number}"))
    assert answers == [JSON] * 6 + [None] * 4
    assert len(bucket.asked) == 7
    assert reasons(bodies) == {"out_of_time": 4}


def test_a_body_that_trickles_in_is_given_up_in_the_middle() -> None:
    bucket = Bucket({KEY: bytes(MAX_BODY_BYTES)})
    bucket.seconds_a_piece = 8.0
    bodies = bucket.batch()
    assert bodies.read(PATH) is None
    assert reasons(bodies) == {"out_of_time": 1}
    assert not bucket.is_open
    assert bucket.now == 100 + 24


def test_failures_use_up_the_time_too() -> None:
    failing: dict[str, bytes | Exception] = {
        f"x/data/{n}": TransientError("Amazon S3 interrupted the response: Timeout")
        for n in range(50)
    }
    bucket = Bucket(failing)
    bucket.seconds_a_piece = 7.0
    bodies = bucket.batch()
    for key in failing:
        bodies.read(f"s3://{BUCKET}/{key}")
    assert reasons(bodies) == {"Amazon S3 interrupted the response: Timeout": 3, "out_of_time": 47}


def test_the_next_batch_has_all_of_its_time_again() -> None:
    bucket = Bucket()
    bucket.seconds_a_piece = 30.0
    away = OffloadedBodies(BUCKET, bucket.chunks, clock=bucket.clock)
    for _ in range(2):
        bodies = away.of_a_batch()
        assert bodies.read(PATH) is None
        assert reasons(bodies) == {"out_of_time": 1}
    bucket.seconds_a_piece = 0
    assert away.of_a_batch().read(PATH) == JSON
