"""What a collector wrote, added up the way a dashboard would."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any


def _lines(text: str) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in text.splitlines())


def _values(text: str, dimension: str | None) -> Iterator[tuple[str, str, float]]:
    for document in _lines(text):
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            if directive["Dimensions"] == [[] if dimension is None else [dimension]]:
                for metric in directive["Metrics"]:
                    found = document[metric["Name"]]
                    total = sum(found) if isinstance(found, list) else found
                    yield metric["Name"], document.get(dimension or "", ""), total


def counted(text: str) -> dict[str, float]:
    """Add up the counters of lines and calls; zeros are left out."""
    found: Counter[str] = Counter()
    for metric, _, value in _values(text, None):
        if metric.startswith("Records") or metric == "Invocations":
            found[metric] += value  # type: ignore[assignment]
    return {metric: value for metric, value in found.items() if value}


def by_reason(text: str) -> dict[str, float]:
    """Return how many lines were rejected and skipped for each reason."""
    found: Counter[str] = Counter()
    for _, reason, value in _values(text, "Reason"):
        found[reason] += value  # type: ignore[assignment]
    return dict(found)


def event_requests(text: str) -> list[str]:
    """Return the request ids of the event lines."""
    return [line["request_id"] for line in _lines(text) if line.get("event") == "invocation"]
