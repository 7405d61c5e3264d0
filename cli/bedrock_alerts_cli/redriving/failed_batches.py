"""The bucket of failed batches: what Lambda stored there, and what of it can be counted again.

Lambda writes one object for a failed asynchronous invocation, with the event as `requestPayload`,
and one for a failed batch of a stream, with the event as text in `payload`.
Source: "Capturing records of Lambda asynchronous invocations", "Retain discarded batches for a
Kinesis Data Streams event source" in the Lambda developer guide.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

import pybase64

from bedrock_alerts.errors import BatchError
from bedrock_alerts.invocations.decode import LogBatch, decode_batch, decode_event
from bedrock_alerts.invocations.redrives import batch_name, data_name
from bedrock_alerts.text import clean
from bedrock_alerts_cli.deployed.old_claims import OLD_FOLDER

_ERROR_CHARS: Final = 200
_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})


class Stored(NamedTuple):
    """One object of the bucket."""

    key: str
    size: int
    at: datetime


class Part(NamedTuple):
    """What one invocation counts: a name for it, its event, its lines and its newest line.

    `newest` is in seconds since 1970, None where the batch cannot be opened.
    """

    name: str
    event: dict[str, Any]
    records: int = 0
    newest: float | None = None


class FailedBatch(NamedTuple):
    """What an object holds. `problem` says why it cannot be counted by a collector at all."""

    function: str
    error: str
    parts: tuple[Part, ...]
    problem: str = ""

    @property
    def records(self) -> int:
        """Return how many lines of the log it has."""
        return sum(part.records for part in self.parts)

    @property
    def newest(self) -> float | None:
        """Return the time of its newest line, in seconds since 1970."""
        return max((part.newest for part in self.parts if part.newest is not None), default=None)


class Bucket:
    """The bucket of failed batches."""

    def __init__(self, s3: Any, name: str) -> None:
        self._s3 = s3
        self.name = name

    def stored(self) -> Iterator[Stored]:
        """List what Lambda stored, in the order of the keys."""
        pages = self._s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.name):
            for found in page.get("Contents", []):
                if not found["Key"].startswith(OLD_FOLDER):
                    yield Stored(found["Key"], found["Size"], found["LastModified"])

    def open(self, key: str) -> FailedBatch | None:
        """Read an object; None where it is gone."""
        try:
            answer = self._s3.get_object(Bucket=self.name, Key=key)
        except self._s3.exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") in _MISSING:
                return None
            raise
        with answer["Body"] as body:
            return opened(body.read())

    def remove(self, key: str) -> None:
        """Delete an object."""
        self._s3.delete_object(Bucket=self.name, Key=key)


def opened(content: bytes) -> FailedBatch:
    """Read what Lambda stored."""
    try:
        record = json.loads(content)
        context = record["requestContext"]
        function = str(context["functionArn"]).split(":function:")[1].partition(":")[0]
        event = record.get("requestPayload")
        if event is None:
            event = json.loads(record["payload"])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return FailedBatch("", "", (), "it is not a record of a failed invocation")
    error = _error(record.get("responsePayload"), str(context.get("condition", "")))
    parts = tuple(_parts(event))
    problem = "" if parts else "it does not hold a batch of the invocation log"
    return FailedBatch(clean(function, _ERROR_CHARS), error, parts, problem)


def _error(said: Any, condition: str) -> str:
    facts = said if isinstance(said, dict) else {}
    texts = [str(facts[name]) for name in ("errorType", "errorMessage") if facts.get(name)]
    return clean(": ".join(texts) or condition, _ERROR_CHARS)


def _parts(event: Any) -> Iterator[Part]:
    """Cut an event into what can be counted alone: a stream's records are batches each."""
    if not isinstance(event, dict):
        return
    if "awslogs" in event:
        data = event["awslogs"].get("data") if isinstance(event["awslogs"], dict) else None
        if isinstance(data, str):
            try:
                yield _part(event, data, decode_event(event))
            except BatchError:
                yield Part(data_name(data), event)
        return
    records = event.get("Records")
    for record in records if isinstance(records, list) else ():
        kinesis = record.get("kinesis") if isinstance(record, dict) else None
        data = kinesis.get("data") if isinstance(kinesis, dict) else None
        if isinstance(data, str):
            alone = {"Records": [record]}
            try:
                yield _part(alone, data, decode_batch(pybase64.b64decode(data, validate=True)))
            except (BatchError, ValueError):
                yield Part(data_name(data), alone)


def _part(event: dict[str, Any], data: str, batch: LogBatch) -> Part:
    times = [line.timestamp for line in batch.log_events if line.timestamp is not None]
    return Part(
        batch_name(batch) or data_name(data),
        event,
        len(batch.log_events),
        max(times) / 1000 if times else None,
    )
