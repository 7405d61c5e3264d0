"""CloudWatch Logs Insights, as far as the weekly report asks it: over lines of the collectors."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

_SUM: Final = re.compile(r"sum\((\w+)\) as (\w+)")
_COUNT: Final = re.compile(r"count\(\*\) as (\w+)")
_BY: Final = re.compile(r" by ([\w, ]+?) \|")
_LIMIT: Final = re.compile(r"limit (\d+)")


class InsightsLines:
    """Lines with their times; the queries asked are in `asked`."""

    def __init__(self) -> None:
        self._lines: list[tuple[datetime, Mapping[str, Any]]] = []
        self.asked: list[str] = []
        self.fails_at: tuple[str, ...] = ()

    def write(self, at: datetime, lines: Iterable[bytes]) -> None:
        """Add lines that were logged at a time."""
        self._lines += [(at, json.loads(line)) for line in lines]

    def ask(
        self, query: str, start: datetime, end: datetime, deadline: float
    ) -> Sequence[Mapping[str, str]]:
        """Answer a query."""
        del deadline
        self.asked.append(query)
        if any(word in query for word in self.fails_at):
            raise TimeoutError("the query takes too long")
        names = [name.strip() for name in _found(_BY, query).split(",")]
        sums: defaultdict[tuple[str, ...], defaultdict[str, float]] = defaultdict(
            lambda: defaultdict(float)
        )
        for row in self._rows(query, start, end):
            group = sums[tuple("" if row.get(name) is None else str(row[name]) for name in names)]
            for field, name in _SUM.findall(query):
                group[name] += row[field]
            for name in _COUNT.findall(query):
                group[name] += 1
        rows = [
            {**dict(zip(names, key, strict=True)), **{name: repr(n) for name, n in found.items()}}
            for key, found in sums.items()
        ]
        return rows[: int(_found(_LIMIT, query))]

    def _rows(self, query: str, start: datetime, end: datetime) -> Iterator[Mapping[str, Any]]:
        for at, line in self._lines:
            # An end in Logs Insights is inclusive, in whole seconds.
            if not start <= at <= end or f"event = '{line['event']}'" not in query:
                continue
            row = {**line, "day": f"{at.astimezone(UTC):%Y-%m-%d} 00:00:00.000"}
            if "status = 'error'" in query and line["status"] != "error":
                continue
            if "unnest" in query:
                yield from line["guardrail"]["hits"]
            else:
                yield row


def _found(pattern: re.Pattern[str], query: str) -> str:
    found = pattern.search(query)
    assert found, query
    return found[1]
