"""Filling the hours of a deployed stack: look, plan, write."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bedrock_alerts_cli.backfilling.filled_hours import Filled, FilledHours
from bedrock_alerts_cli.backfilling.hours import (
    Hour,
    Limits,
    counted_minutes,
    logged_minutes,
    planned,
    points_of,
    whole_hours,
    written_minutes,
)
from bedrock_alerts_cli.backfilling.stack_counting import StackCollector, of_files, of_stack
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, said_plainly
from bedrock_alerts_cli.user_errors import CommandError, InputError

if TYPE_CHECKING:
    from bedrock_alerts.metrics import Datapoint

_WRITE_SECONDS: Final = 30.0
# Lambda keeps a batch of a log group for six hours; EventBridge and streams try for a day.
_TRIED_HOURS: Final = 7.0
_TRIED_LONGER: Final = 25.0


class Backfiller:
    """What one run works with."""

    def __init__(self, stack: DeployedStack, clock: Callable[[], float] = time.time) -> None:
        self._stack = stack
        self.clock = clock
        self._collector = StackCollector.of(stack)
        # A line that is sent twice is a metric that is twice as high: each call is made once.
        self._filled_hours = FilledHours(
            stack.client("logs", _WRITE_SECONDS), self._collector.log_group, clock
        )
        self._filled: dict[int, Filled] = {}
        self._points: Sequence[Datapoint] = ()
        self._looked_at = clock()

    @property
    def place(self) -> str:
        """Say which stack, account and Region this is about."""
        return self._stack.place

    @property
    def tried_hours(self) -> float:
        """Return how long AWS may try to have a call counted, with an hour to spare."""
        return _TRIED_HOURS if self._stack.outputs.get("InvocationLogGroupName") else _TRIED_LONGER

    def look(
        self, files: Sequence[str], start: datetime, end: datetime, limits: Limits
    ) -> list[Hour]:
        """Read the log and CloudWatch, and return what each hour has. Nothing is changed.

        Raises InputError where the log has no line of that time.
        """
        self._looked_at = self.clock()
        span = whole_hours(start, end)
        oldest = datetime.fromtimestamp(limits.oldest, UTC)
        read = whole_hours(max(start, oldest), end)
        with said_plainly(self.place):
            entries = of_files(files) if files else of_stack(self._stack, *read)
            self._points = self._collector.collect(entries).datapoints
            logged = logged_minutes(self._points)
            counted = self._counted(*read)
            self._filled = self._filled_hours.all()
        hours = planned(*span, logged, counted, self._filled, limits)
        if not any(hour.logged for hour in hours):
            raise InputError("the log has no line of that time: check --from and --to")
        return hours

    def _counted(self, start: datetime, end: datetime) -> Counter[int]:
        """Return the lines that were counted: CloudWatch shows some of them two days later."""
        namespace = self._collector.namespace
        shown = counted_minutes(self._stack.client("cloudwatch"), namespace, start, end)
        logs = self._stack.client("logs")
        return shown | written_minutes(logs, self._collector.log_group, namespace, start, end)

    def refuse_if_something_waits(self, why_unclear: Callable[[float], str]) -> None:
        """Raise CommandError if a backfill would count what was or will be counted otherwise.

        `why_unclear` says what keeps the past from being known at a time: see `Redriver`.
        """
        if why := why_unclear(self._looked_at):
            raise CommandError(f"a backfill may count some calls twice: {why}")

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
