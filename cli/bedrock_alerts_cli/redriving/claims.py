"""Who counts a failed batch: a claim in the failed-batches bucket, taken by one run at a time.

A claim is written before a batch is counted, with a conditional write, so two runs cannot both take
it. It is deleted after the batch is. A claim that was left behind says until when its run may have
had the batch counted; after that, the collector's log says whether it did.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

import msgspec

from bedrock_alerts_cli.user_errors import CommandError

FOLDER: Final = "redrive/"
"""Where the claims are in the bucket: what is there is not a failed batch."""

_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
# S3 says the second where two conditional writes meet.
_TAKEN: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The claim on one batch; times are in seconds since 1970.

    `until` is when its run could have had it counted at the latest, `settled` when the collector's
    log surely shows it.
    """

    state: Literal["running", "counted"]
    since: float
    until: float
    settled: float


class Held(NamedTuple):
    """A claim as it is stored; `tag` changes with each write."""

    claim: Claim
    tag: str


class Claims:
    """The claims on one kind of thing."""

    def __init__(self, s3: Any, bucket: str, kind: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = f"{FOLDER}{kind}/"

    def read(self, name: str) -> Held | None:
        """Return the claim on something, None where there is none. Raises CommandError."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + name)
        except self._s3.exceptions.ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise
        with answer["Body"] as body:
            content = body.read()
        try:
            return Held(msgspec.json.decode(content, type=Claim), answer["ETag"])
        except msgspec.DecodeError as error:
            where = f"s3://{self._bucket}/{self._prefix}{name}"
            raise CommandError(
                f"{where} is not a claim of this command: look who wrote it, and delete it"
            ) from error

    def take(self, name: str, claim: Claim, before: Held | None) -> Held | None:
        """Store a claim if nothing changed since `before` was read. None if someone else did."""
        condition = {"IfMatch": before.tag} if before else {"IfNoneMatch": "*"}
        try:
            answer = self._s3.put_object(
                Bucket=self._bucket,
                Key=self._prefix + name,
                Body=msgspec.json.encode(claim),
                **condition,
            )
        except self._s3.exceptions.ClientError as error:
            if _code(error) in _TAKEN | _MISSING:
                return None
            raise
        return Held(claim, answer["ETag"])

    def mark_counted(self, name: str, held: Held) -> None:
        """Record that it was counted. If that fails, the collector's log still says so."""
        self.take(name, msgspec.structs.replace(held.claim, state="counted"), held)

    def release(self, name: str) -> None:
        """Give a claim up: it was certainly not counted, or what it was on is gone."""
        self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    def names(self) -> Iterator[str]:
        """Name everything that has a claim."""
        pages = self._s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
            for found in page.get("Contents", []):
                yield found["Key"].removeprefix(self._prefix)


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
