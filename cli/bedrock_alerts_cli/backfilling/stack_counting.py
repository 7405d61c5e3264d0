"""Counting a log as a stack's collector would: its settings, prices and profiles, its own code."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import click

from bedrock_alerts.adapters.bedrock import BedrockProfiles
from bedrock_alerts.adapters.s3 import ObjectReader
from bedrock_alerts.errors import BatchError, GoneError, TransientError
from bedrock_alerts.invocations.collector import Collected, Collector, Parts, collect_options
from bedrock_alerts.invocations.gunzip import inflated, lines
from bedrock_alerts.invocations.invocation import Rejected, Skipped
from bedrock_alerts.invocations.offloaded_bodies import OffloadedBodies
from bedrock_alerts.invocations.price_list import PricesError
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.invocations.s3_notifications import LogObject
from bedrock_alerts.limits import MAX_OBJECT_INFLATED_BYTES
from bedrock_alerts.settings import load
from bedrock_alerts.wiring.collector_settings import CollectorSettings
from bedrock_alerts.wiring.collectors import given_prices
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, said_plainly
from bedrock_alerts_cli.deployed.log_bucket import LogBucket
from bedrock_alerts_cli.log_files import Line, Sources
from bedrock_alerts_cli.user_errors import CommandError, InputError

# The collectors, in the order in which a stack has one of them: function and log group.
COLLECTORS: Final = (
    ("CollectLogsFunction", "CollectLogsLogGroup"),
    ("CollectObjectsFunction", "CollectObjectsLogGroup"),
    ("CollectStreamFunction", "CollectStreamLogGroup"),
)
# Bodies that the collector could not read either: expired, elsewhere, too large, damaged.
_UNREADABLE: Final = frozenset({"gone", "path_not_allowed", "too_large", "unreadable"})
# What Bedrock says of a profile that was deleted.
_GONE: Final = ("ResourceNotFoundException", "ValidationException")
# A record is written when its call has ended, and its stamp is of the beginning.
_LONGEST_CALL: Final = timedelta(hours=1)

Entry = Line | Rejected | Skipped


class StackCollector(NamedTuple):
    """What a stack's collector counts with, and the log group that its metrics go through."""

    parts: Parts
    namespace: str
    log_group: str

    @classmethod
    def of(cls, stack: DeployedStack, *, only_times: bool = False) -> "StackCollector":
        """Read the settings of the stack's collector. Raises InputError where it has none.

        With `only_times` nothing else is read: only when calls were is to be known.
        """
        found = [pair for pair in COLLECTORS if pair[0] in stack.resources]
        if not found:
            raise InputError(f"{stack.place} has no collector: is it a Bedrock Alerts stack?")
        function, group = (stack.resource(name) for name in found[0])
        with said_plainly(f"function {function}"):
            answer = stack.client("lambda").get_function_configuration(FunctionName=function)
        settings = load(CollectorSettings, answer.get("Environment", {}).get("Variables", {}))
        if only_times:
            parts = Parts(Prices.load(), collect_options(settings))
            return cls(parts, settings.metrics_namespace, group)
        reader = ObjectReader(stack.client("s3"))
        bodies = settings.offloaded_body_bucket_name
        parts = Parts(
            _prices(settings.price_overrides, reader),
            collect_options(settings),
            # Here no other batch waits, so reading them may take any time.
            bodies=OffloadedBodies(bodies, reader.chunks, clock=lambda: 0.0) if bodies else None,
            profiles=BedrockProfiles(
                _refuse_profile,
                settings.application_metadata_key,
                stack.client("bedrock"),
            ),
        )
        return cls(parts, settings.metrics_namespace, group)

    def collect(self, entries: Iterable[Entry]) -> Collected:
        """Count lines of the log, of whatever time.

        Raises CommandError where the collector's numbers would be others: what is counted once
        stays.
        """
        away = self.parts.bodies.of_a_batch() if self.parts.bodies else None
        collector = Collector(self.parts, now=None, keep_events=False, away=away)
        for entry in entries:
            if isinstance(entry, Line):
                collector.add(
                    entry.text,
                    event_id=entry.event_id,
                    logged_at=entry.logged_at,
                    where=entry.where,
                )
            else:
                collector.add_unread(entry, None)
        collected = collector.finish()
        reasons = away.reasons() if away else {}
        refused = [f"{number:,} {why}" for why, number in reasons.items() if why not in _UNREADABLE]
        if refused:
            raise CommandError(
                f"output bodies in S3 could not be read ({', '.join(refused)}): without them"
                " guardrail results are missing. Run it again; if access is denied, allow"
                " s3:GetObject and s3:ListBucket on their bucket: docs/operate.md. Nothing was"
                " counted"
            )
        return collected


def _prices(overrides: str | None, reader: ObjectReader) -> Prices:
    """Return the stack's prices. Raises CommandError where they cannot be read."""
    for given in given_prices(overrides, reader.chunks):
        if given.missing:
            raise CommandError(
                f"PriceOverrides of the stack cannot be read: {given.where}: {given.missing}."
                " Without it costs would be wrong. Nothing was counted"
            )
        try:
            return Prices.load(given.text)
        except PricesError as error:
            raise CommandError(f"{given.where}: {error}. Nothing was counted") from error
    return Prices.load()


def _refuse_profile(arn: str, reason: str) -> None:
    if any(gone in reason for gone in _GONE):
        return  # the collector would not know it either
    raise CommandError(
        f"application inference profile {arn} cannot be read ({reason}): its calls would have no"
        " price or no application. Run it again; if access is denied, allow"
        " bedrock:GetInferenceProfile and bedrock:ListTagsForResource: docs/operate.md. Nothing was"
        " counted"
    )


def of_files(files: Sequence[str]) -> Iterator[Entry]:
    """Read the log from files, in any form."""
    return Sources(files, note=lambda text: click.echo(text, err=True)).entries()


def of_stack(stack: DeployedStack, start: datetime, end: datetime) -> Iterator[Entry]:
    """Read the log that a stack reads, from its bucket or log group, for calls of [start, end)."""
    if stack.parameters.get("InvocationLogBucketName"):
        return _of_bucket(LogBucket.of(stack), start, end)
    group = stack.outputs.get("InvocationLogGroupName")
    if group:
        return _of_group(stack.client("logs"), group, start, end)
    raise InputError(f"{stack.place} reads a stream, which keeps no log: give files")


def _of_bucket(bucket: LogBucket, start: datetime, end: datetime) -> Iterator[Entry]:
    reader = ObjectReader(bucket.s3)
    for found in bucket.objects(start, end + _LONGEST_CALL):
        yield from of_object(reader, found.place)


def of_object(reader: ObjectReader, found: LogObject) -> Iterator[Entry]:
    """Read one object of the log. Raises CommandError."""
    where = f"s3://{found.bucket}/{found.key}"
    try:
        unpacked = inflated(reader.chunks(found.bucket, found.key), limit=MAX_OBJECT_INFLATED_BYTES)
        for number, text in enumerate(lines(unpacked), 1):
            place = f"{where}:{number}"
            yield Rejected("too_large", place) if text is None else Line(text, place)
    except (GoneError, TransientError, BatchError) as error:
        raise CommandError(f"{where}: {error}") from error


def _of_group(logs: Any, group: str, start: datetime, end: datetime) -> Iterator[Entry]:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        startTime=int(start.timestamp() * 1000),
        endTime=int((end + _LONGEST_CALL).timestamp() * 1000),
    )
    with said_plainly(f"log group {group}"):
        for page in pages:
            for event in page.get("events", []):
                yield Line(event["message"], group, event["eventId"], event["timestamp"] / 1000)
