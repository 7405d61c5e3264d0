"""Reads objects of any size from S3, in pieces, and writes pages."""

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from bedrock_alerts.adapters.aws_errors import translated
from bedrock_alerts.errors import GoneError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3}
)
# One attempt: an unreadable body is counted, and the batch must not wait for it.
_BODY_CONFIG: Final = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1}
)
_CHUNK_BYTES: Final = 256 * 1024
_GONE: Final = frozenset({"NoSuchKey", "NoSuchBucket"})


class ObjectReader:
    """Reads objects."""

    def __init__(self, client: "S3Client | None" = None) -> None:
        self._client: S3Client = client or boto3.client("s3", config=_CONFIG)

    def chunks(self, bucket: str, key: str) -> Iterator[bytes]:
        """Return the object's bytes in pieces of at most 256 KiB.

        Raises GoneError, or TransientError for everything else. That includes a missing permission:
        the message then waits in its queue until someone fixes it.
        """
        try:
            # Also closed if the reader stops early, or its connection would stay open.
            with closing(self._client.get_object(Bucket=bucket, Key=key)["Body"]) as body:
                yield from body.iter_chunks(_CHUNK_BYTES)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown")
            if code in _GONE:
                raise GoneError("the object is gone") from error
            raise TransientError(f"Amazon S3 refused the object: {code}") from error
        except (BotoCoreError, HTTPError) as error:  # botocore does not wrap all of urllib3's
            raise TransientError(
                f"Amazon S3 interrupted the response: {type(error).__name__}"
            ) from error


class PageBucket:
    """A private bucket for HTML pages."""

    def __init__(self, bucket: str, client: "S3Client | None" = None) -> None:
        self._bucket = bucket
        self._client: S3Client = client or boto3.client("s3", config=_CONFIG)

    def put(self, key: str, page: str) -> None:
        """Store a page. Raises TransientError."""
        with translated("Amazon S3"):
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=page.encode("utf-8", "replace"),
                ContentType="text/html; charset=utf-8",
            )


def bounded(chunks: Iterator[bytes], limit: int) -> bytes:
    """Return a whole object. Raises TransientError if it has more than `limit` bytes."""
    text = bytearray()
    for chunk in chunks:
        text += chunk
        if len(text) > limit:
            raise TransientError(f"the object is larger than {limit} bytes")
    return bytes(text)


def body_reader() -> ObjectReader:
    """Return a reader of the bodies that records refer to, with short time-outs."""
    return ObjectReader(boto3.client("s3", config=_BODY_CONFIG))
