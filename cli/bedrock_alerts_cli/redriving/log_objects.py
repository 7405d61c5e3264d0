"""The log's objects in S3: which of them the collector counted, and which it never did.

The collector writes a line for every object it has counted, in the output that holds the metrics.
Objects from before the first such line say nothing: the stack did not write them then.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from bedrock_alerts.invocations.redrives import COUNTED, object_name
from bedrock_alerts_cli.deployed.log_bucket import Found, LogBucket
from bedrock_alerts_cli.redriving.count_once import Collector, proves

SETTLING: Final = timedelta(minutes=15)
"""So young an object may be on its way to the collector."""


_THE_BEGINNING: Final = datetime.fromtimestamp(0, UTC)


class Looked(NamedTuple):
    """The objects of a time: all, those that were never counted, and since when that is known.

    `filled` are those of which a backfill has counted calls.
    """

    number: int
    uncounted: tuple[Found, ...]
    known_since: datetime | None
    filled: tuple[Found, ...] = ()


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
