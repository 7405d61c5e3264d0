"""Objects are read in pieces; what goes wrong says whether trying again can help."""

import io
from collections.abc import Iterator
from typing import Any, Final

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.response import StreamingBody
from botocore.stub import Stubber
from moto import mock_aws
from mypy_boto3_s3 import S3Client

from bedrock_alerts.adapters.s3 import ObjectReader
from bedrock_alerts.errors import GoneError, TransientError
from tests.support.loopback import Answer, Hook

BUCKET: Final = "example-invocation-logs"
KEY: Final = "all teams/env=prod/x.json.gz"
CONTENT: Final = bytes(range(256)) * 4096  # a megabyte


@pytest.fixture
def s3() -> Iterator[S3Client]:
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        client.put_object(Bucket=BUCKET, Key=KEY, Body=CONTENT)
        yield client


def test_an_object_comes_in_pieces_of_at_most_a_quarter_of_a_megabyte(s3: S3Client) -> None:
    pieces = list(ObjectReader(s3).chunks(BUCKET, KEY))
    assert b"".join(pieces) == CONTENT
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= 256 * 1024


def test_without_a_client_the_reader_makes_its_own(s3: S3Client) -> None:
    s3.put_object(Bucket=BUCKET, Key="small", Body=b"x")
    assert list(ObjectReader().chunks(BUCKET, "small")) == [b"x"]


def test_an_empty_object_has_no_piece(s3: S3Client) -> None:
    s3.put_object(Bucket=BUCKET, Key="empty", Body=b"")
    assert list(ObjectReader(s3).chunks(BUCKET, "empty")) == []


@pytest.mark.parametrize(
    ("bucket", "key"), [(BUCKET, "deleted"), ("no-such-bucket", KEY)], ids=["object", "bucket"]
)
def test_what_was_deleted_is_gone_for_good(s3: S3Client, bucket: str, key: str) -> None:
    with pytest.raises(GoneError, match="the object is gone"):
        list(ObjectReader(s3).chunks(bucket, key))


@pytest.mark.parametrize(
    "code", ["AccessDenied", "SlowDown", "InternalError", "InvalidObjectState"]
)
def test_what_s3_refuses_may_be_granted_later(code: str) -> None:
    client = boto3.client("s3")
    with Stubber(client) as stubber:
        stubber.add_client_error("get_object", code, "Access to example-invocation-logs denied")
        with pytest.raises(TransientError) as caught:
            list(ObjectReader(client).chunks(BUCKET, KEY))
    assert str(caught.value) == f"Amazon S3 refused the object: {code}"


def test_a_name_that_no_bucket_can_have_is_no_crash(s3: S3Client) -> None:
    with pytest.raises(TransientError, match="ParamValidationError"):
        list(ObjectReader(s3).chunks("", KEY))


class Broken(io.RawIOBase):
    """A response that breaks off after its first piece."""

    def __init__(self, error: Exception | None) -> None:
        self._pieces = [b"x" * 10]
        self._error = error

    def read(self, _size: int = -1) -> bytes:
        if self._pieces:
            return self._pieces.pop()
        if self._error is None:
            return b""
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(None, "IncompleteReadError", id="it ends too early"),
        pytest.param(
            urllib3.exceptions.ProtocolError("reset"), "ResponseStreamingError", id="it is reset"
        ),
        pytest.param(
            urllib3.exceptions.ReadTimeoutError(None, "/", "slow"),  # type: ignore[arg-type]
            "ReadTimeoutError",
            id="nothing more comes",
        ),
        pytest.param(urllib3.exceptions.SSLError("bad record"), "SSLError", id="TLS fails"),
    ],
)
def test_a_response_that_breaks_off_may_be_whole_next_time(
    error: Exception | None, kind: str
) -> None:
    client = boto3.client("s3")
    body: Any = Broken(error)
    with Stubber(client) as stubber:
        stubber.add_response("get_object", {"Body": StreamingBody(body, 20)})
        pieces = ObjectReader(client).chunks(BUCKET, KEY)
        assert next(pieces) == b"x" * 10
        with pytest.raises(TransientError, match=f"interrupted the response: {kind}"):
            next(pieces)
    assert body.closed


ONCE: Final = Config(retries={"total_max_attempts": 1})
HALF: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 500


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(Answer(raw=HALF), "IncompleteReadError", id="in the middle"),
        pytest.param(None, "ConnectionClosedError", id="at once"),
    ],
)
def test_a_connection_that_is_lost_may_hold_next_time(answer: Answer | None, kind: str) -> None:
    with Hook(answer) as hook:
        client = boto3.client("s3", endpoint_url=hook.url, config=ONCE)
        with pytest.raises(TransientError, match=f"interrupted the response: {kind}"):
            list(ObjectReader(client).chunks(BUCKET, KEY))
        client.close()


def test_a_reader_that_stops_early_lets_its_connection_go() -> None:
    client = boto3.client("s3")
    body: Any = io.BytesIO(CONTENT)
    with Stubber(client) as stubber:
        stubber.add_response("get_object", {"Body": StreamingBody(body, len(CONTENT))})
        pieces = ObjectReader(client).chunks(BUCKET, KEY)
        next(pieces)
        assert not body.closed
        del pieces
    assert body.closed
