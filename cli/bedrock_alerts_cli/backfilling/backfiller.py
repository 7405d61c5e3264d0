"""Filling the hours of a deployed stack: look, plan, write."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bedrock_alerts_cli.backfilling.filled_hours import Filled, FilledHours
from bedrock_alerts_cli.backfilling.hours import (
    HOUR_SECONDS,
    Hour,
    Limits,
    counted_minutes,
    logged_minutes,
    planned,
    points_of,
)
from bedrock_alerts_cli.backfilling.stack_counting import StackCollector, of_files, of_stack
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, said_plainly
from bedrock_alerts_cli.redriving.redriver import Redriver
from bedrock_alerts_cli.user_errors import CommandError, InputError

if TYPE_CHECKING:
    from bedrock_alerts.metrics import Datapoint

_WRITE_SECONDS: Final = 30.0


class Backfiller:
    """What one run works with."""

    def __init__(self, stack: DeployedStack, clock: Callable[[], float] = time.time) -> None:
        self._stack = stack
        self._clock = clock
        self._collector = StackCollector.of(stack)
        # A line that is sent twice is a metric that is twice as high: each call is made once.
        self._filled_hours = FilledHours(
            stack.client("logs", _WRITE_SECONDS), self._collector.log_group, clock
        )
        self._filled: dict[int, Filled] = {}
        self._points: Sequence[Datapoint] = ()

    @property
    def place(self) -> str:
        """Say which stack, account and Region this is about."""
        return self._stack.place

    def look(
        self, files: Sequence[str], start: datetime, end: datetime, limits: Limits
    ) -> list[Hour]:
        """Read the log and CloudWatch, and return what each hour has. Nothing is changed.

        Raises InputError where the log has no line of that time.
        """
        first = max(start.timestamp(), limits.oldest) // HOUR_SECONDS * HOUR_SECONDS
        begin = datetime.fromtimestamp(first, UTC)
        with said_plainly(self.place):
            entries = of_files(files) if files else of_stack(self._stack, begin, end)
            self._points = self._collector.collect(entries).datapoints
            logged = logged_minutes(self._points)
            counted = counted_minutes(
                self._stack.client("cloudwatch"), self._collector.namespace, begin, end
            )
            self._filled = self._filled_hours.all()
        hours = planned(start, end, logged, counted, self._filled, limits)
        if not any(hour.logged for hour in hours):
            raise InputError("the log has no line of that time: check --from and --to")
        return hours

    def refuse_if_something_waits(self) -> None:
        """Raise CommandError while failed batches wait: they would be counted twice."""
        redriver = Redriver(self._stack, self._clock)
        for kind in ("batches", "objects"):
            if redriver.has(kind) and (number := redriver.found(kind).number):
                raise CommandError(
                    f"{number:,} {kind} wait to be counted, and a backfill would count them too:"
                    f" first run `bedrock-alerts redrive {kind} --stack {self._stack.name}`"
                )

    def fill(self, hours: Sequence[Hour]) -> Iterator[Hour]:
        """Write the metrics of some hours. Raises CommandError."""
        for hour in hours:
            with said_plainly(f"log group {self._collector.log_group}"):
                self._filled_hours.fill(
                    hour.at,
                    hour.minutes,
                    points_of(hour, self._points),
                    self._collector.namespace,
                    self._filled.get(hour.at),
                )
            yield hour
