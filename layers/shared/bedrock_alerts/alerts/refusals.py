"""Requests not signed by Slack: anyone can send them, so they must not cost a log line each."""

from collections.abc import Callable
from typing import Final

_PAUSE_SECONDS: Final = 60.0


class Refusals:
    """Counts refused requests, and publishes their number at most once a minute.

    A function that ends loses what it has not published: the metric is a lower bound.
    """

    def __init__(self, publish: Callable[[int], None], clock: Callable[[], float]) -> None:
        self._publish = publish
        self._clock = clock
        self._published_at = float("-inf")
        self._count = 0

    def add(self) -> bool:
        """Count one more; True if the number was just published."""
        self._count += 1
        now = self._clock()
        if now - self._published_at < _PAUSE_SECONDS:
            return False
        self._publish(self._count)
        self._published_at, self._count = now, 0
        return True
