"""The hours that were backfilled: each has a stream in the collector's log group.

The metrics are EMF lines, as the collector writes them. The stream is made first, which only one
run can do, and it ends with a line that says that the hour is complete. What is left of a run that
was stopped can be read there, so another run writes only the lines that are missing.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bedrock_alerts.adapters.emf import emf_lines
from bedrock_alerts.metrics import Datapoint
from bedrock_alerts_cli.deployed.log_writer import Event, LogStream, batches
from bedrock_alerts_cli.user_errors import CommandError

_PREFIX: Final = "bedrock-alerts-backfill/"
_BEGUN: Final = "backfill_begun"
_COMPLETE: Final = "backfill_complete"
# After so long, what another run has written can be read, and that run has ended.
_SETTLED_SECONDS: Final = 900.0

_Key = tuple[int, str, str]


class Filled(NamedTuple):
    """What was written for an hour so far.

    `generation` counts the runs that wrote some of it, the last of which began at `since`.
    `minutes` are those that the first of them set out to fill, None if it wrote nothing.
    """

    generation: int
    since: float
    is_complete: bool = False
    minutes: frozenset[int] | None = None


class FilledHours:
    """The hours that were backfilled into one log group."""

    def __init__(self, logs: Any, log_group: str, clock: Callable[[], float] = time.time) -> None:
        self._logs = logs
        self._group = log_group
        self._clock = clock

    def minutes(self) -> frozenset[int]:
        """Return every minute that was filled or is being filled, in seconds since 1970.

        Raises CommandError while that may change.
        """
        filled = self.all()
        for hour, one in filled.items():
            self._refuse_if_new(hour, one)
        return frozenset().union(*(one.minutes or () for one in filled.values()))

    def all(self) -> dict[int, Filled]:
        """Return them by their beginning, in seconds since 1970."""
        found: dict[int, Filled] = {}
        pages = self._logs.get_paginator("describe_log_streams").paginate(
            logGroupName=self._group, logStreamNamePrefix=_PREFIX
        )
        for page in pages:
            for stream in page["logStreams"]:
                stamp, _, number = stream["logStreamName"].removeprefix(_PREFIX).rpartition("/")
                hour = int(datetime.fromisoformat(f"{stamp}:00+00:00").timestamp())
                generation = int(number)
                if hour not in found or found[hour].generation < generation:
                    found[hour] = Filled(generation, stream["creationTime"] / 1000)
        return {hour: self._looked_at(hour, filled) for hour, filled in found.items()}

    def fill(
        self,
        hour: int,
        minutes: frozenset[int],
        points: Sequence[Datapoint],
        namespace: str,
        filled: Filled | None,
    ) -> int:
        """Write what an hour lacks and return the number of lines. Raises CommandError.

        `filled` is what `all` said about it: if another run has begun since, that is an error.
        """
        now = self._clock()
        if filled:
            self._refuse_if_new(hour, filled)
        before = filled.generation if filled else 0
        there = Counter(map(_key, self._written(hour, before)))
        stream = LogStream(self._logs, self._group, _name(hour, before + 1))
        if not stream.create():
            raise CommandError(f"another run has begun to fill {_stamp(hour)}: run it again later")
        lacking: list[str] = []
        for line in emf_lines(points, namespace):
            text = line.decode()
            key = _key(text)
            if there[key]:
                there[key] -= 1
            else:
                lacking.append(text)
        at = int(now * 1000)
        first = json.dumps({"event": _BEGUN, "hour": _stamp(hour), "minutes": sorted(minutes)})
        last = json.dumps({"event": _COMPLETE, "hour": _stamp(hour), "lines": len(lacking)})
        for batch in batches(Event(at, text) for text in (first, *lacking, last)):
            stream.put(batch)
        return len(lacking)

    def _refuse_if_new(self, hour: int, filled: Filled) -> None:
        """Raise CommandError while the run that began last may still write."""
        left = _SETTLED_SECONDS - self._clock() + filled.since
        if left > 0:
            raise CommandError(
                f"another run may be filling {_stamp(hour)}: run it again in"
                f" {round(left / 60) + 1} min"
            )

    def _looked_at(self, hour: int, filled: Filled) -> Filled:
        for line in self._written(hour, filled.generation):
            said = json.loads(line)
            if said.get("event") == _COMPLETE:
                return filled._replace(is_complete=True)
            if said.get("event") == _BEGUN and filled.minutes is None:
                filled = filled._replace(minutes=frozenset(said["minutes"]))
        return filled

    def _written(self, hour: int, generations: int) -> Iterator[str]:
        for number in range(1, generations + 1):
            token: dict[str, str] = {}
            while True:
                answer = self._logs.get_log_events(
                    logGroupName=self._group,
                    logStreamName=_name(hour, number),
                    startFromHead=True,
                    **token,
                )
                yield from (event["message"] for event in answer["events"])
                following = answer.get("nextForwardToken")
                if not answer["events"] or following == token.get("nextToken"):
                    break
                token = {"nextToken": following}


def _name(hour: int, generation: int) -> str:
    return f"{_PREFIX}{_stamp(hour)}/{generation}"


def _stamp(hour: int) -> str:
    # A colon is not allowed in the name of a stream.
    return f"{datetime.fromtimestamp(hour, UTC):%Y-%m-%dT%H}"


def _key(line: str) -> _Key:
    """Return what identifies a line of an hour: its minute, dimensions and metrics."""
    document = json.loads(line)
    about = document.get("_aws")
    if about is None:
        return (0, "", line)
    directive = about["CloudWatchMetrics"][0]
    dimensions = {name: document[name] for name in directive["Dimensions"][0]}
    names = [metric["Name"] for metric in directive["Metrics"]]
    return (about["Timestamp"], json.dumps(dimensions), json.dumps(names))
