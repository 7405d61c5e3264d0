"""Reads a log into sums by day, caller, application and model, in one pass."""

from array import array
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from bedrock_alerts.invocations.identity import Naming
from bedrock_alerts.invocations.invocation import Invocation, Rejected, Skipped
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.invocations.pricing import cost_of
from bedrock_alerts.invocations.profiles import is_opaque, resolved
from bedrock_alerts.invocations.usage_book import Book
from bedrock_alerts_cli.log_files import Block, Line
from bedrock_alerts_cli.options import prices, profiles


class Reading(NamedTuple):
    """How a log is read: prices, profiles, caller names and the application key."""

    overrides: bytes | None = None
    listed: bytes | None = None
    naming: Naming = Naming()
    application_key: str = ""


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
