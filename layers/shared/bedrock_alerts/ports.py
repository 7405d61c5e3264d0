"""What the core needs from the outside, in one to three methods each."""

from collections.abc import Iterable
from typing import Protocol

from bedrock_alerts.metrics import Datapoint


class MetricSink(Protocol):
    """Takes data points and event lines, all at once, as the last thing a function does."""

    def publish(self, datapoints: Iterable[Datapoint], events: Iterable[bytes] = ()) -> None:
        """Write everything in one go; an event is a line of JSON."""
