"""What the output of a contender comes to in CloudWatch, so that all can be shown to do one job."""

import json
from collections import defaultdict
from typing import Any

# When a record was counted says nothing of what was counted.
_NOT_COMPARED = frozenset({"RecordAge"})

Series = tuple[tuple[tuple[str, str], ...], str]


def sums(text: str) -> dict[Series, float]:
    """Add up every metric of EMF lines by its dimensions; what is 0 is left out."""
    found: defaultdict[Series, float] = defaultdict(float)
    for document in _documents(text):
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in directive["Dimensions"]:
                dimensions = tuple(sorted((name, document[name]) for name in names))
                for metric in directive["Metrics"]:
                    value = document[metric["Name"]]
                    amounts = value if isinstance(value, list) else [value]
                    found[dimensions, metric["Name"]] += sum(amounts)
    return {
        series: round(amount, 9)
        for series, amount in found.items()
        if amount and series[1] not in _NOT_COMPARED
    }


def calls_with_a_line(text: str) -> list[str]:
    """Return the request ids of the event lines."""
    return sorted(line["request_id"] for line in _documents(text) if "_aws" not in line)


def check_same(ours: str, others: str, who: str) -> None:
    """Raise AssertionError unless `others` holds all that `ours` does, to the last value."""
    expected, found = sums(ours), sums(others)
    different = [series for series, amount in expected.items() if found.get(series) != amount]
    if different or calls_with_a_line(ours) != calls_with_a_line(others):
        raise AssertionError(f"{who} does another job: {different or 'other event lines'}")


def _documents(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]
