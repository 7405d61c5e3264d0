"""Sums of calls by day, caller, application and model, from records or from usage lines."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from bedrock_alerts.errors import TransientError
from bedrock_alerts.invocations.invocation import PICODOLLARS, Cost, Invocation
from bedrock_alerts.invocations.usage_lines import COUNTS, Used

NONE: Final = "(none)"
"""The application of calls that name none."""

MOST_ROWS: Final = 10_000
"""CloudWatch Logs Insights returns no more rows."""

_SUMS: Final = (
    ", ".join(f"sum({name}) as all_{name}" for name in COUNTS)
    + ", sum(cost_usd) as all_cost, sum(guardrail_cost_usd) as all_guardrail_cost"
)
USAGE: Final = (
    "fields datefloor(@timestamp, 1d) as day | filter event = 'usage' | stats "
    f"{_SUMS} by day, principal, application, model | sort all_cost desc | limit {MOST_ROWS}"
)
"""The query of usage lines whose rows a `Book` reads."""

USAGE_BY_DAY: Final = (
    "fields datefloor(@timestamp, 1d) as day | filter event = 'usage' | stats "
    f"{_SUMS} by day | sort day asc | limit {MOST_ROWS}"
)
"""The same by day alone: no caller can push another out of it."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Key(NamedTuple):
    """The key by which calls are grouped; `day` is like `2026-03-02`, in UTC."""

    day: str
    caller: str
    application: str
    model: str


class Book(msgspec.Struct):
    """Everything that was read; `policies` counts findings by policy, category and action."""

    sums: dict[Key, Used] = msgspec.field(default_factory=dict)
    policies: Counter[tuple[str, str, str]] = msgspec.field(default_factory=Counter)
    rejected: Counter[str] = msgspec.field(default_factory=Counter)
    skipped: Counter[str] = msgspec.field(default_factory=Counter)
    duplicates: int = 0

    def count(self, call: Invocation, cost: Cost, application_key: str) -> None:
        """Add one call."""
        application = call.application_by(application_key) or NONE
        key = Key(_day(call.epoch), call.principal, application, call.model)
        self.sums.setdefault(key, Used()).count(((call, cost),))
        for hit in call.guardrail.hits:
            self.policies[hit.policy, hit.category, hit.action] += 1

    def read(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Add the rows of a query of usage lines. Raises TransientError for rows without sums."""
        for row in rows:
            if "all_calls" not in row:
                raise TransientError("the query of the usage lines was answered without its sums")
            key = Key(
                row.get("day", "")[:10],
                row.get("principal", ""),
                row.get("application") or NONE,
                row.get("model", ""),
            )
            self.sums.setdefault(key, Used()).add(read_sums(row))

    def add(self, other: "Book") -> None:
        """Add the sums of another process."""
        for key, sums in other.sums.items():
            self.sums.setdefault(key, Used()).add(sums)
        self.policies.update(other.policies)
        self.rejected.update(other.rejected)
        self.skipped.update(other.skipped)
        self.duplicates += other.duplicates

    def total(self) -> Used:
        """Return the total."""
        return _together(self.sums.values())

    def by(self, of: Callable[[Key], str]) -> list[tuple[str, Used]]:
        """Return the sums by a part of the key, the most expensive first."""
        found: dict[str, Used] = {}
        for key, sums in self.sums.items():
            found.setdefault(of(key), Used()).add(sums)
        return sorted(found.items(), key=lambda one: (-one[1].total, -one[1].calls, one[0]))

    def unpriced_models(self) -> list[tuple[str, int]]:
        """Return the models whose calls cannot be priced, and how many those are."""
        counts: Counter[str] = Counter()
        for key, sums in self.sums.items():
            counts[key.model] += sums.unpriced
        return (+counts).most_common()


def read_sums(row: Mapping[str, str]) -> Used:
    """Return the sums of a row; Logs Insights leaves a sum over nothing empty."""
    return Used(
        **{name: round(float(row.get(f"all_{name}") or 0)) for name in COUNTS},
        picodollars=round(float(row.get("all_cost") or 0) * PICODOLLARS),
        guardrail_picodollars=round(float(row.get("all_guardrail_cost") or 0) * PICODOLLARS),
    )


def _together(some: Iterable[Used]) -> Used:
    total = Used()
    for sums in some:
        total.add(sums)
    return total


def _day(epoch: float) -> str:
    """Return the day of a moment, within the years 1 to 9999."""
    try:
        return (_EPOCH + timedelta(seconds=int(epoch))).date().isoformat()
    except OverflowError:
        return "0001-01-01" if epoch < 0 else "9999-12-31"
