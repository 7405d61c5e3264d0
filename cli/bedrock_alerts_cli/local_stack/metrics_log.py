"""Reads metrics from a function's EMF log lines, like CloudWatch.

The engine stores log lines but creates no metrics from them.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from bedrock_alerts_cli.simulator import Datapoint


class MetricsLog:
    """Reads a growing log, each line once."""

    def __init__(self) -> None:
        self._read: Counter[str] = Counter()

    def read(self, lines: Iterable[str]) -> list[Datapoint]:
        """Return the data points of lines that are new in the whole log."""
        found = Counter(line for line in lines if '"_aws"' in line)
        new = found - self._read
        self._read |= found
        return [point for line in new.elements() for point in _datapoints(line)]


def _datapoints(line: str) -> Iterator[Datapoint]:
    try:
        document = json.loads(line)
        directives = document["_aws"]["CloudWatchMetrics"]
        minute = document["_aws"]["Timestamp"] // 60_000 * 60
    except (ValueError, KeyError, TypeError):
        return
    for directive in directives:
        for names in directive["Dimensions"]:
            dimensions = tuple(sorted((name, document[name]) for name in names))
            for metric in directive["Metrics"]:
                yield Datapoint(
                    namespace=directive["Namespace"],
                    metric=metric["Name"],
                    dimensions=dimensions,
                    minute=minute,
                    values=_values(document[metric["Name"]]),
                )


def _values(value: Any) -> tuple[float, ...]:
    return tuple(value) if isinstance(value, list) else (value,)
