"""The log's objects in S3: which of them the collector counted, and which it never did.

The collector writes a line for every object it has counted, in the output that holds the metrics.
Objects from before the first such line say nothing: the stack did not write them then.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from bedrock_alerts.invocations.redrives import COUNTED, object_name
from bedrock_alerts.invocations.s3_notifications import LogObject, log_objects
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, said_plainly
from bedrock_alerts_cli.redriving.count_once import Collector, proves
from bedrock_alerts_cli.user_errors import InputError

SETTLING: Final = timedelta(minutes=15)
"""So young an object may be on its way to the collector."""


_THE_BEGINNING: Final = datetime.fromtimestamp(0, UTC)


class Found(NamedTuple):
    """One log object: where it is, and since when."""

    place: LogObject
    size: int
    at: datetime

    @property
    def message(self) -> str:
        """Return the message that EventBridge would put into the queue."""
        described = {"key": self.place.key, "size": self.size, "etag": self.place.version}
        detail = {"bucket": {"name": self.place.bucket}, "object": described}
        return json.dumps({"detail-type": "Object Created", "source": "aws.s3", "detail": detail})


class Looked(NamedTuple):
    """The objects of a time: all, those that were never counted, and since when that is known.

    `filled` are those of which a backfill has counted calls.
    """

    number: int
    uncounted: tuple[Found, ...]
    known_since: datetime | None
    filled: tuple[Found, ...] = ()


class LogBucket(NamedTuple):
    """The bucket that Bedrock logs to, and how the keys of one account and Region begin."""

    s3: Any
    name: str
    prefix: str

    @classmethod
    def of(cls, stack: DeployedStack) -> "LogBucket":
        """Return the bucket that a stack reads. Raises InputError where it reads none."""
        name = stack.parameters.get("InvocationLogBucketName")
        if not name:
            raise InputError(f"{stack.place} reads no bucket: its parameter names none")
        with said_plainly("Bedrock's invocation logging"):
            bedrock = stack.client("bedrock")
            known = bedrock.get_model_invocation_logging_configuration().get("loggingConfig", {})
        logged = known.get("s3Config", {})
        folder = logged.get("keyPrefix", "") if logged.get("bucketName") == name else ""
        folder = f"{folder.rstrip('/')}/" if folder else ""
        prefix = f"{folder}AWSLogs/{stack.account}/BedrockModelInvocationLogs/{stack.region}/"
        return cls(stack.client("s3"), name, prefix)

    def objects(self, start: datetime, end: datetime) -> Iterator[Found]:
        """List the log objects whose folders may hold calls of [start, end)."""
        hour = start.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
        pages = self.s3.get_paginator("list_objects_v2")
        while hour < end:
            prefix = f"{self.prefix}{hour:%Y/%m/%d/%H}/"
            for page in pages.paginate(Bucket=self.name, Prefix=prefix):
                yield from self._among(page.get("Contents", []))
            hour += timedelta(hours=1)

    def _among(self, listed: Iterable[dict[str, Any]]) -> Iterator[Found]:
        for one in listed:
            place = LogObject(self.name, one["Key"], one["ETag"].strip('"'))
            found = Found(place, one["Size"], one["LastModified"])
            # The collector's own reading of such a message says whether it is a log object.
            if all(isinstance(each, LogObject) for each in log_objects(found.message)):
                yield found


def look(bucket: LogBucket, collector: Collector, start: datetime, end: datetime) -> Looked:
    """Compare the objects that were stored in a time with what the collector's log proves."""
    since = next((at for _, at in _proofs(collector, _THE_BEGINNING)), None)
    # An object is counted after it is stored, by clocks that differ a little.
    names = {name for name, _ in _proofs(collector, start - SETTLING)} if since else set[str]()
    found = [one for one in bucket.objects(start, end) if start <= one.at < end]
    uncounted = [
        one
        for one in found
        if since is not None and one.at >= since and object_name(one.place) not in names
    ]
    return Looked(len(found), tuple(uncounted), since)


def _proofs(collector: Collector, start: datetime) -> Iterator[tuple[str, datetime]]:
    """Yield what the log proves to have been counted, the oldest line first."""
    pages = collector.logs.get_paginator("filter_log_events").paginate(
        logGroupName=collector.log_group,
        filterPattern=f'"{COUNTED}"',
        startTime=int(start.timestamp() * 1000),
    )
    for page in pages:
        for event in page.get("events", []):
            if name := proves(event["message"]):
                yield name, datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
