"""Reads a log into sums by day, caller, application and model, in one pass.

Which calls are duplicates, and which empty records another one supersedes, is decided by the rules
of the collector: but over the whole log, and with hashes that are the same in all processes.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from bedrock_alerts.invocations.identity import Naming
from bedrock_alerts.invocations.invocation import Cost, Invocation, Rejected, Skipped
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.invocations.pricing import cost_of
from bedrock_alerts.invocations.profiles import is_opaque, resolved
from bedrock_alerts.invocations.same_call import carries_nothing, is_hollow
from bedrock_alerts.invocations.usage_book import Book, Key
from bedrock_alerts.invocations.usage_lines import Used
from bedrock_alerts_cli.log_files import Block, Line
from bedrock_alerts_cli.options import prices, profiles


class Reading(NamedTuple):
    """How a log is read: prices, profiles, caller names and the application key."""

    overrides: bytes | None = None
    listed: bytes | None = None
    naming: Naming = Naming()
    application_key: str = ""


class Sums(msgspec.Struct, frozen=True):
    """The sums of all calls, and once more of those whose price is approximate."""

    book: Book
    approximate: Book

    def count(self, call: Invocation, cost: Cost, application_key: str) -> None:
        """Add one call."""
        self.book.count(call, cost, application_key)
        if cost.priced == "approximate":
            self.approximate.count(call, cost, application_key)

    def add(self, other: "Sums") -> None:
        """Add the sums of another process."""
        self.book.add(other.book)
        self.approximate.add(other.approximate)


class EmptyCall(NamedTuple):
    """What counts of an empty record: its place in the book, and its sums."""

    key: Key
    used: tuple[Any, ...]
    is_approximate: bool


class Page(NamedTuple):
    """A block and its sums, with hashes of eight bytes.

    `seen` identifies calls and events, to find duplicates. `request_ids` are those of the calls in
    `sums`. `empty` has the request ids of empty records, which are not in `sums`: a better record
    may follow.
    """

    block: Block
    sums: Sums
    seen: "array[int]"
    request_ids: "array[int]"
    empty: "dict[EmptyCall, array[int]]"


def read_block(block: Block, reading: Reading, seen: frozenset[int] = frozenset()) -> Page:
    """Read a block; calls in `seen`, and those that repeat in it, count as duplicates."""
    page = Page(block, Sums(Book(), Book()), array("Q"), array("Q"), {})
    book, here = page.sums.book, set(seen)
    known_prices, known = prices(reading.overrides), profiles(reading.listed)

    def is_repeated(fingerprint: int) -> bool:
        if fingerprint in here:
            book.duplicates += 1
            return True
        here.add(fingerprint)
        page.seen.append(fingerprint)
        return False

    for entry in block.entries():
        if isinstance(entry, Line) and entry.event_id and is_repeated(_hash(entry.event_id)):
            continue
        outcome = _outcome(entry, reading.naming)
        if isinstance(outcome, Rejected):
            book.rejected[outcome.reason] += 1
        elif isinstance(outcome, Skipped):
            book.skipped[outcome.reason] += 1
        elif not (outcome.request_id and is_repeated(_hash(msgspec.structs.astuple(outcome)))):
            call = resolved(outcome, known) if known and is_opaque(outcome) else outcome
            _count(page, call, cost_of(call, known_prices), reading.application_key)
    return page


def _outcome(entry: Line | Rejected | Skipped, naming: Naming) -> Invocation | Rejected | Skipped:
    if isinstance(entry, Line):
        return parse(entry.text, where=entry.where, logged_at=entry.logged_at, naming=naming)
    return entry


def _count(page: Page, call: Invocation, cost: Cost, application_key: str) -> None:
    if not call.request_id:
        page.sums.count(call, cost, application_key)
    elif not carries_nothing(call):
        page.request_ids.append(_hash(call.request_id))
        page.sums.count(call, cost, application_key)
    elif is_hollow(call):
        page.sums.book.skipped["superseded"] += 1
    else:
        alone = Book()
        alone.count(call, cost, application_key)
        ((key, used),) = alone.sums.items()
        kind = EmptyCall(key, msgspec.structs.astuple(used), cost.priced == "approximate")
        page.empty.setdefault(kind, array("Q")).append(_hash(call.request_id))


def _hash(value: str | tuple[Any, ...]) -> int:
    """Return a hash of eight bytes, the same in all processes."""
    return int.from_bytes(blake2b(msgspec.msgpack.encode(value), digest_size=8).digest())


def bound(pages: Iterable[Page], reading: Reading) -> Sums:
    """Merge pages; a block with calls of an earlier one is read again without them."""
    sums, seen = Sums(Book(), Book()), set[int]()
    request_ids: list[array[int]] = []
    empty: defaultdict[EmptyCall, array[int]] = defaultdict(lambda: array("Q"))
    for found in pages:
        page = found
        if not seen.isdisjoint(page.seen):
            page = read_block(page.block, reading, frozenset(seen.intersection(page.seen)))
        seen.update(page.seen)
        sums.add(page.sums)
        request_ids.append(page.request_ids)
        for kind, ids in page.empty.items():
            empty[kind].extend(ids)
    _settle(sums, request_ids, empty)
    return sums


def _settle(
    sums: Sums, request_ids: "list[array[int]]", empty: "dict[EmptyCall, array[int]]"
) -> None:
    """Count the empty records whose request has no better one."""
    waiting = {one for ids in empty.values() for one in ids}
    better = {one for ids in request_ids for one in ids if one in waiting} if waiting else set()
    for kind, ids in empty.items():
        alone = sum(one not in better for one in ids)
        sums.book.skipped["superseded"] += len(ids) - alone
        if not alone:
            continue
        used = Used(*(alone * figure for figure in kind.used))
        sums.book.sums.setdefault(kind.key, Used()).add(used)
        if kind.is_approximate:
            sums.approximate.sums.setdefault(kind.key, Used()).add(used)
    sums.book.skipped = +sums.book.skipped
