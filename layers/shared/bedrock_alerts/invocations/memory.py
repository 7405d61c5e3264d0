"""What a warm container stores from one batch to the next, within bounds.

It makes repeats harmless and limits names, for one container. Containers that run in parallel do
not share it.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

_MOST_IDS: Final = 50_000
# Records may be two weeks old, and fewer than ten dimensions have values from outside.
_MOST_SETS: Final = 15 * 24 * 10


class Memory:
    """The deliveries that were counted, and the names that were published in each hour."""

    def __init__(self, most_ids: int = _MOST_IDS) -> None:
        self._most_ids = most_ids
        self._counted: set[int] = set()
        self._counted_before: set[int] = set()
        self._published: dict[tuple[int, str], set[str]] = {}

    def has_counted(self, delivery: int) -> bool:
        """Whether a delivery, by its hash, was counted recently."""
        return delivery in self._counted or delivery in self._counted_before

    def keep(self, deliveries: Iterable[int]) -> None:
        """Record counted deliveries; call it after the metrics are written."""
        self._counted.update(deliveries)
        if len(self._counted) > self._most_ids:
            self._counted, self._counted_before = set(), self._counted

    def published(self, hour: int, name: str, counts: Counter[str], most: int) -> frozenset[str]:
        """Return the values of a dimension that keep their name in an hour, and record them.

        Those that already had one keep it; then the most frequent are added, up to `most`.
        """
        kept = self._published.setdefault((hour, name), set())
        new = sorted(counts.keys() - kept, key=lambda value: (-counts[value], value))
        kept.update(new[: most - len(kept)] if len(kept) < most else ())
        if len(self._published) > _MOST_SETS:
            del self._published[next(iter(self._published))]
        return frozenset(kept)
