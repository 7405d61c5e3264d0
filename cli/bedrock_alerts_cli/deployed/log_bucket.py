"""The bucket that Bedrock logs to, and the log objects in it."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bedrock_alerts.invocations.s3_notifications import LogObject, log_objects
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, said_plainly
from bedrock_alerts_cli.user_errors import InputError


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
