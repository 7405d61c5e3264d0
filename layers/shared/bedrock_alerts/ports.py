"""What the core needs from the outside, in one to three methods each."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from bedrock_alerts.metrics import Datapoint


class MetricSink(Protocol):
    """Takes data points and event lines, all at once, as the last thing a function does."""

    def publish(
        self, datapoints: Iterable[Datapoint], events: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        """Write everything in one go."""
