"""Reads a week: bounded queries of the collectors' lines, CloudWatch, and Bedrock's model list.

Without usage lines there is no report. Every other piece may be missing, and is named then.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple, Protocol, TypeVar

from bedrock_alerts.invocations.usage_book import USAGE, USAGE_BY_DAY, Book, read_sums
from bedrock_alerts.invocations.usage_lines import Used
from bedrock_alerts.weekly.week import AlarmRecord, Half, ModelEnd, Span, Week

Row = Mapping[str, str]
Found = TypeVar("Found")

FINDINGS: Final = (
    "fields jsonParse(@message) as line | filter event = 'invocation'"
    " | unnest line.guardrail.hits into hit | filter ispresent(hit.policy)"
    " | fields hit.policy as policy, hit.category as category, hit.action as action"
    " | stats count(*) as findings by policy, category, action | sort findings desc | limit 1000"
)
ERRORS: Final = (
    "filter event = 'invocation' and status = 'error'"
    " | stats count(*) as calls by error_code | sort calls desc | limit 1000"
)
# Of the time left, no query may take more.
_QUERY_SECONDS: Final = 60.0


class LinesPort(Protocol):
    """Queries the collectors' lines."""

    def ask(self, query: str, start: datetime, end: datetime, deadline: float) -> Sequence[Row]:
        """Return the rows. Raises if the query fails, or has not ended by `deadline`."""


class LatenciesPort(Protocol):
    """Reads Bedrock's latency."""

    def __call__(self, start: datetime, end: datetime) -> Mapping[str, float]:
        """Return the 95th percentile by model, in ms. Raises if it cannot be read."""


class AlarmsPort(Protocol):
    """Reads the alarms of the stack."""

    def __call__(self, start: datetime, end: datetime, deadline: float) -> Sequence[AlarmRecord]:
        """Return them all. Raises if they cannot be read by `deadline`."""


class LegacyPort(Protocol):
    """Reads which models are legacy."""

    def __call__(self) -> Mapping[str, date | None]:
        """Return their ids, with the end-of-life date if there is one. Raises if unreadable."""


class WeekPorts(NamedTuple):
    """What a week is read from; `left_out` is called with a missing piece and the error."""

    lines: LinesPort
    latencies: LatenciesPort
    alarms: AlarmsPort
    legacy: LegacyPort
    clock: Callable[[], float]
    left_out: Callable[[str, Exception], None]


def read_week(span: Span, reaches_back: int, ports: WeekPorts, deadline: float) -> Week:
    """Read a week and the one before; `reaches_back` is the number of days the log is kept.

    Raises what the query of the usage lines raises.
    """
    return _Reader(span, ports, deadline).week(reaches_back)


class _Reader:
    def __init__(self, span: Span, ports: WeekPorts, deadline: float) -> None:
        self._span = span
        self._ports = ports
        self._deadline = deadline
        self._missing: list[str] = []

    def week(self, reaches_back: int) -> Week:
        span = self._span
        book = Book()
        book.read(self._ask(USAGE, span))
        before = None
        if reaches_back >= 2 * span.days + 1:
            before = self._optional("the time before", lambda: self._before(span.before))
        month = span.end.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        days = Span(min(month, span.start), span.end)
        by_day = self._optional("the month so far", lambda: _by_day(self._ask(USAGE_BY_DAY, days)))
        now = self._half(book, span, "")
        alarms = self._optional(
            "alarms", lambda: tuple(self._ports.alarms(span.start, span.end, self._limit()))
        )
        ends = self._optional("models near their end", lambda: _ends(book, self._ports.legacy()))
        return Week(
            span=span,
            now=now,
            before=before,
            by_day=by_day,
            reaches_back=reaches_back,
            alarms=alarms,
            ends=ends,
            missing=tuple(self._missing),
        )

    def _before(self, span: Span) -> Half | None:
        book = Book()
        book.read(self._ask(USAGE, span))
        return self._half(book, span, " before") if book.sums else None

    def _half(self, book: Book, span: Span, when: str) -> Half:
        return Half(
            book=book,
            findings=self._optional(
                f"guardrail findings{when}", lambda: _findings(self._ask(FINDINGS, span))
            ),
            errors=self._optional(f"errors{when}", lambda: _errors(self._ask(ERRORS, span))),
            latency=self._optional(
                f"latency{when}", lambda: self._ports.latencies(span.start, span.end)
            ),
        )

    def _ask(self, query: str, span: Span) -> Sequence[Row]:
        return self._ports.lines.ask(query, span.start, span.end, self._limit())

    def _limit(self) -> float:
        return min(self._deadline, self._ports.clock() + _QUERY_SECONDS)

    def _optional(self, piece: str, read: Callable[[], Found]) -> Found | None:
        try:
            if self._ports.clock() >= self._deadline:
                raise TimeoutError("no time is left")  # noqa: TRY301 - left out like any other
            return read()
        except Exception as error:  # noqa: BLE001 - a report without this piece is still a report
            self._missing.append(piece)
            self._ports.left_out(piece, error)
            return None


def _by_day(rows: Sequence[Row]) -> Mapping[str, Used]:
    return {row.get("day", "")[:10]: read_sums(row) for row in rows}


def _findings(rows: Sequence[Row]) -> Counter[tuple[str, str, str]]:
    found: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        key = row.get("policy", ""), row.get("category", ""), row.get("action", "")
        found[key] += _count(row, "findings")
    return found


def _errors(rows: Sequence[Row]) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        found[row.get("error_code") or "unknown"] += _count(row, "calls")
    return found


def _count(row: Row, name: str) -> int:
    return round(float(row.get(name) or 0))


def _ends(book: Book, legacy: Mapping[str, date | None]) -> tuple[ModelEnd, ...]:
    """Return the legacy models in use, those that end first before the others."""
    found = [
        ModelEnd(model, legacy[model], sums.calls)
        for model, sums in book.by(lambda key: key.model)
        if model in legacy
    ]
    return tuple(sorted(found, key=lambda one: (one.ends or date.max, one.model)))
