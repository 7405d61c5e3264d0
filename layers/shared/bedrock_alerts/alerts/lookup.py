"""Looks up what an event does not say: each piece is optional, all take a few seconds at most.

A piece that fails or takes too long is left out. It never delays an alert beyond the deadline, and
never loses one.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from bedrock_alerts.alerts.alert import Notification
from bedrock_alerts.alerts.describe import Details
from bedrock_alerts.alerts.events import (
    AlarmDefinition,
    News,
    StateChange,
)
from bedrock_alerts.alerts.evidence import Row, evidence
from bedrock_alerts.alerts.formatting import STANDING
from bedrock_alerts.alerts.found import Found
from bedrock_alerts.alerts.questions import Question, question

BUDGET_SECONDS: Final = 4.0
"""Default time limit for all pieces together."""

# Evidence is looked up only for these, while there is something to find out.
_ASKED_FOR: Final = STANDING
# Time reserved for the next step, in seconds.
_RESERVE_SECONDS: Final = 0.05
_SINCE_A_REMINDER: Final = timedelta(hours=1)
Answers: TypeAlias = Mapping[str, Any]


class AlarmsPort(Protocol):
    """Reads the definitions of alarms in the stack's account and Region."""

    def definition(self, name: str) -> AlarmDefinition | None:
        """Return it, None if there is no such alarm. Raises any error."""


class AccountPort(Protocol):
    """Reads the alias of the stack's account."""

    def alias(self) -> str:
        """Return it, empty if it has none. Raises any error."""


class EventLinesPort(Protocol):
    """Answers questions about the collectors' event lines."""

    def ask(self, query: str, start: datetime, end: datetime, deadline: float) -> Sequence[Row]:
        """Return the rows found, before `deadline` by the same clock, or raise."""


class Ports(NamedTuple):
    """The look-ups; None for those not wanted.

    `left_out` is called for each missing piece. It receives the name of the piece and the kind of
    error, never the error's text.
    """

    details: Details = Details()
    alarms: AlarmsPort | None = None
    account: AccountPort | None = None
    event_lines: EventLinesPort | None = None
    left_out: Callable[[str, str], None] = lambda _piece, _error: None
    clock: Callable[[], float] = time.time
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def look_up(event: News, notification: Notification, ports: Ports, deadline: float) -> Found:
    """Return the facts found before `deadline`, a time by the ports' clock. Never raises."""
    try:
        return _look_up(event, notification, ports, deadline)
    except Exception as error:  # noqa: BLE001 - no alert is lost for an optional fact
        ports.left_out("everything", type(error).__name__)
        return Found()


def _look_up(event: News, notification: Notification, ports: Ports, deadline: float) -> Found:
    if not ports.details.is_home_of(event.account_id, event.region):
        return Found()
    asked = _question(event, notification, ports) if isinstance(event, StateChange) else None
    answers = _answers(dict(_pieces(event, asked, ports, deadline)), ports, deadline)
    has_calls = asked is not None and "calls" in answers
    before = answers.get("calls_of_the_day_before")
    return Found(
        account_alias=answers.get("alias") or "",
        definition=answers.get("definition"),
        evidence=evidence(asked, answers["calls"], before) if asked and has_calls else None,
    )


def _pieces(
    event: News, asked: Question | None, ports: Ports, deadline: float
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the facts to look up, and how."""
    if ports.account:
        yield "alias", ports.account.alias
    if ports.alarms and isinstance(event, StateChange):
        yield "definition", partial(ports.alarms.definition, event.alarm_name)
    if ports.event_lines and asked:
        latest = deadline - _RESERVE_SECONDS
        for name, each in (("calls", asked), ("calls_of_the_day_before", asked.a_day_before)):
            yield name, partial(ports.event_lines.ask, each.evidence, each.start, each.end, latest)


def _question(change: StateChange, notification: Notification, ports: Ports) -> Question | None:
    if notification.kind not in _ASKED_FOR:
        return None
    asked = question(change, every_call=ports.details.every_call)
    if asked and notification.kind == "still_firing":
        # The beginning is known: look up who keeps it firing.
        now = ports.now()
        return asked._replace(start=now - _SINCE_A_REMINDER, end=now)
    return asked


def _answers(pieces: Mapping[str, Callable[[], Any]], ports: Ports, deadline: float) -> Answers:
    """Look up all pieces in parallel, and return what is there at the deadline."""
    seconds = deadline - _RESERVE_SECONDS - ports.clock()
    if not pieces or seconds <= 0:
        for name in pieces:
            ports.left_out(name, "NoTimeLeft")
        return {}
    executor = ThreadPoolExecutor(max_workers=len(pieces), thread_name_prefix="look-up")
    try:
        running = {name: executor.submit(piece) for name, piece in pieces.items()}
        wait(running.values(), timeout=seconds)
        return dict(_finished(running, ports))
    finally:
        # Look-ups that still run have their own time-outs, and are not waited for.
        executor.shutdown(wait=False, cancel_futures=True)


def _finished(running: Mapping[str, Future[Any]], ports: Ports) -> Iterator[tuple[str, Any]]:
    for name, future in running.items():
        if not future.done():
            ports.left_out(name, "NoTimeLeft")
        elif error := future.exception():
            ports.left_out(name, type(error).__name__)
        else:
            yield name, future.result()
