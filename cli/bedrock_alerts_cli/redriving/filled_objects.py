"""Which of the log's objects a backfill has counted: those with a call in a filled minute."""

from collections.abc import Callable
from functools import cached_property
from typing import Final

from bedrock_alerts.adapters.s3 import ObjectReader
from bedrock_alerts.errors import TransientError
from bedrock_alerts_cli.backfilling.filled_hours import FilledHours
from bedrock_alerts_cli.backfilling.hours import logged_minutes
from bedrock_alerts_cli.backfilling.stack_counting import StackCollector, of_object
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.log_bucket import Found
from bedrock_alerts_cli.user_errors import CommandError

# An object in which no line has a time: it counts at the end of whatever it is read with.
_NO_TIME: Final = frozenset({0})


class FilledObjects:
    """What was backfilled into one log group. Raises CommandError while that may change."""

    def __init__(self, stack: DeployedStack, log_group: str, clock: Callable[[], float]) -> None:
        self._stack = stack
        self._minutes = FilledHours(stack.client("logs"), log_group, clock).minutes()

    @cached_property
    def _collector(self) -> StackCollector:
        return StackCollector.of(self._stack, only_times=True)

    @cached_property
    def _reader(self) -> ObjectReader:
        return ObjectReader(self._stack.client("s3"))

    def has(self, found: Found) -> bool:
        """Whether a backfill may have counted a call of an object. Raises CommandError.

        It is asked only about objects that the collector never counted, so it reads them.
        """
        if not self._minutes:
            return False
        collector = self._collector
        try:
            lines = collector.collect(of_object(self._reader, found.place))
        except CommandError as error:
            if isinstance(error.__cause__, TransientError):
                raise
            return False  # it is gone or damaged, which the collector says better
        return bool(logged_minutes(lines.datapoints).keys() & (self._minutes | _NO_TIME))
