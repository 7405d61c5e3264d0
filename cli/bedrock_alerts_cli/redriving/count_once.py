"""Having a collector count something exactly once, whatever breaks off in between.

The order is: claim, count, record that it was counted, remove what was counted. The claim stays.
A run that finds a claim that was left behind looks for the collector's line about it, and counts
again only when such a line can no longer appear. `docs/operate.md` says what that guarantees.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from bedrock_alerts.invocations.redrives import COUNTED, Redrive, marked
from bedrock_alerts.text import clean
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, said_plainly
from bedrock_alerts_cli.redriving.claims import Claim, Claims
from bedrock_alerts_cli.user_errors import CommandError

Verdict: TypeAlias = Literal["counted", "counted before", "failed", "left", "unclear", "gone"]

START_SECONDS: Final = 120.0
"""How long after a claim the collector may begin, so also how far this clock may be wrong."""
LOG_SECONDS: Final = 600.0
"""How long a line may take until CloudWatch Logs finds it, with room for clocks that differ."""

_ERROR_CHARS: Final = 200
_CLIENT_ERRORS: Final = range(400, 500)
_OVERRUN_SECONDS: Final = 30.0


class Unit(NamedTuple):
    """Something to be counted by one invocation.

    `proven_since` is when a line about it may have been written by a first try (seconds since
    1970), None where only redrives write one.
    """

    name: str
    event: dict[str, Any]
    proven_since: float | None = None


class Outcome(NamedTuple):
    """What became of a unit; `why` for a person, `counts` as the collector gave them."""

    verdict: Verdict
    why: str = ""
    counts: Mapping[str, Any] = {}


class Collector(NamedTuple):
    """A deployed collector. `seconds` is the longest that it may run."""

    function: str
    log_group: str
    seconds: float
    functions: Any
    logs: Any

    @classmethod
    def of(cls, stack: DeployedStack, function: str, log_group: str) -> "Collector":
        """Return the collector that a stack has under these logical ids."""
        name = stack.resource(function)
        with said_plainly(f"function {name}"):
            found = stack.client("lambda").get_function_configuration(FunctionName=name)
        seconds = float(found["Timeout"])
        return cls(
            name,
            stack.resource(log_group),
            seconds,
            # It must not be called twice by a client that gives up and tries again.
            stack.client("lambda", seconds + _OVERRUN_SECONDS),
            stack.client("logs"),
        )

    def has_counted(self, name: str, since: float) -> bool:
        """Whether its log has the line that proves it, written after `since`."""
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.log_group,
            filterPattern=f'"{name}"',
            startTime=max(0, int((since - LOG_SECONDS) * 1000)),
        )
        return any(
            proves(event["message"]) == name for page in pages for event in page.get("events", [])
        )


def proves(line: str) -> str:
    """Return what a line of the collector's log proves to have been counted, or nothing."""
    if COUNTED not in line:
        return ""
    try:
        found = json.loads(line)
    except ValueError:
        return ""
    is_proof = isinstance(found, dict) and found.get("event") == COUNTED
    return str(found.get("batch", "")) if is_proof else ""


class CountOnce:
    """Has one collector count units, each once."""

    def __init__(
        self, collector: Collector, claims: Claims, clock: Callable[[], float] = time.time
    ) -> None:
        self._collector = collector
        self._claims = claims
        self._clock = clock

    def count(self, unit: Unit) -> Outcome:
        """Count a unit, unless it was counted or may be under way. Raises CommandError."""
        now = self._clock()
        known = self._claims.read(unit.name)
        if known is not None and known.state == "counted":
            return Outcome("counted before")
        since = known.since if known else unit.proven_since
        if since is not None and self._collector.has_counted(unit.name, since):
            if known is not None:
                self._claims.mark_counted(unit.name, known)
            return Outcome("counted before")
        if known is not None and now < known.settled:
            minutes = max(1, round((known.settled - now) / 60))
            return Outcome(
                "unclear", f"another run may be counting it: look again in {minutes} min"
            )
        until = now + START_SECONDS
        claim = Claim(
            state="running",
            since=now,
            until=until,
            settled=until + self._collector.seconds + LOG_SECONDS,
        )
        if not self._claims.take(unit.name, claim, known):
            return Outcome("unclear", "another run has just begun to count it")
        return self._counted(unit, claim)

    def _counted(self, unit: Unit, claim: Claim) -> Outcome:
        event = marked(unit.event, Redrive(batch=unit.name, until=claim.until))
        with self._released_if_refused(unit.name):
            answer = self._collector.functions.invoke(
                FunctionName=self._collector.function,
                InvocationType="RequestResponse",
                Payload=json.dumps(event).encode(),
            )
        said = _read(answer["Payload"])
        if answer.get("FunctionError"):
            return self._failed(unit.name, said)
        if said.get("counted") == unit.name:
            self._claims.mark_counted(unit.name, claim)
            return Outcome("counted", counts=said)
        if said.get("batchItemFailures"):
            self._claims.release(unit.name)
            why = f"the collector could not read it: see the log group {self._collector.log_group}"
            return Outcome("failed", why)
        raise CommandError(
            f"{self._collector.function} is older than this command and does not say what it"
            " counted: deploy this version, then run it again. One batch may have been counted"
        )

    def _failed(self, name: str, said: dict[str, Any]) -> Outcome:
        """Give the claim up if the function's code raised: that is before anything is written."""
        kind = str(said.get("errorType", ""))
        why = clean(f"{kind}: {said.get('errorMessage', '')}".strip(": "), _ERROR_CHARS)
        # Runtime.ExitError, Sandbox.Timedout: it was ended from outside, at whatever point.
        if not kind or "." in kind:
            return Outcome("unclear", f"{why}: look again later")
        self._claims.release(name)
        return Outcome("failed", why)

    @contextmanager
    def _released_if_refused(self, name: str) -> Iterator[None]:
        """Give the claim up where Lambda refused to run the function; say everything plainly."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - boto3 is slow to load

        with said_plainly(f"function {self._collector.function}"):
            try:
                yield
            except ClientError as error:
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
                if status in _CLIENT_ERRORS:
                    self._claims.release(name)
                raise


def _read(payload: Any) -> dict[str, Any]:
    try:
        said = json.loads(payload.read())
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
