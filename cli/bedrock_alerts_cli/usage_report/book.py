"""Sums of calls by day, caller, application and model, in one pass over a log."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from bedrock_alerts.invocations.identity import Naming
from bedrock_alerts.invocations.invocation import Cost, Invocation, Rejected, Skipped
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.invocations.pricing import cost_of
from bedrock_alerts.invocations.profiles import is_opaque, resolved
from bedrock_alerts.invocations.usage_lines import Used
from bedrock_alerts_cli.log_files import Block, Line
from bedrock_alerts_cli.options import prices, profiles
from bedrock_alerts_cli.terminal import moment

NONE: Final = "(none)"
"""The application of calls that name none."""


class Reading(NamedTuple):
    """How a log is read: prices, profiles, caller names and the application key."""

    overrides: bytes | None = None
    listed: bytes | None = None
    naming: Naming = Naming()
    application_key: str = ""


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
        application = call.metadata.get(application_key) or call.application or NONE
        key = Key(moment(call.epoch)[:10], call.principal, application, call.model)
        self.sums.setdefault(key, Used()).count(call, cost)
        for hit in call.guardrail.hits:
            self.policies[hit.policy, hit.category, hit.action] += 1

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


def _together(some: Iterable[Used]) -> Used:
    total = Used()
    for sums in some:
        total.add(sums)
    return total


class Page(NamedTuple):
    """A block, its sums, and its calls as hashes of eight bytes."""

    block: Block
    book: Book
    calls: "array[int]"


def read_block(block: Block, reading: Reading, seen: frozenset[int] = frozenset()) -> Page:
    """Read a block; calls in `seen`, and those that repeat in it, count as duplicates."""
    book, calls, here = Book(), array("Q"), set[int]()
    known_prices, known = prices(reading.overrides), profiles(reading.listed)
    for outcome in _outcomes(block, reading.naming):
        if isinstance(outcome, Rejected):
            book.rejected[outcome.reason] += 1
        elif isinstance(outcome, Skipped):
            book.skipped[outcome.reason] += 1
        else:
            if outcome.request_id:
                fingerprint = _fingerprint(outcome)
                if fingerprint in here or fingerprint in seen:
                    book.duplicates += 1
                    continue
                here.add(fingerprint)
                calls.append(fingerprint)
            call = resolved(outcome, known) if known and is_opaque(outcome) else outcome
            book.count(call, cost_of(call, known_prices), reading.application_key)
    return Page(block, book, calls)


def _outcomes(block: Block, naming: Naming) -> Iterator[Invocation | Rejected | Skipped]:
    for entry in block.entries():
        if isinstance(entry, Line):
            yield parse(entry.text, where=entry.where, logged_at=entry.logged_at, naming=naming)
        else:
            yield entry


def _fingerprint(call: Invocation) -> int:
    """Return a call's hash, the same in all processes."""
    text = f"{call.request_id} {call.epoch} {call.model_id} {call.error_code} {call.usage}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


def bound(pages: Iterable[Page], reading: Reading) -> Book:
    """Merge pages; a block with calls of an earlier one is read again without them."""
    book, seen = Book(), set[int]()
    for page in pages:
        if not seen.isdisjoint(page.calls):
            again = read_block(page.block, reading, frozenset(seen.intersection(page.calls)))
            book.add(again.book)
        else:
            book.add(page.book)
        seen.update(page.calls)
    return book
