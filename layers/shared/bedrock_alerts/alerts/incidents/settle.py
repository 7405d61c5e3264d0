"""From facts to incidents: which have opened, recovered and closed by now. Pure.

A close is a stored fact, made before anyone is notified of it, and what is closed never opens
again.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from bedrock_alerts.alerts.incidents.item import (
    ALARM,
    DELETED,
    NO_DATA,
    OK,
    AlarmItem,
    Ended,
    Incident,
    Policy,
    Transition,
    is_of_test,
    is_silenced,
    is_suppressed,
    wake,
)

# The number of closed incidents that are kept, with their times.
_KEPT_ENDS = 8
_DOUBLING_SECONDS = 2 * 3600.0


class _Span(NamedTuple):
    """One incident, derived from the transitions."""

    since: float
    last_alarm: float
    recovered_at: float | None = None
    no_data_since: float | None = None
    is_deleted: bool = False


def settle(item: AlarmItem, now: float, policy: Policy) -> AlarmItem:
    """Return the item with its present incident; incidents that have ended are closed."""
    while True:
        spans = _spans(item, policy)
        if not spans:
            return item
        span = spans[0]
        item = _opened(item, span, now, policy) if item.incident is None else item
        item = _updated(item, span, now, policy)
        incident = item.incident
        if incident is None or not (len(spans) > 1 or _is_over(incident, now)):
            return item
        item = _closed(item, incident, now)


def _is_over(incident: Incident, now: float) -> bool:
    recovered = incident.recovered_at
    if recovered is None:
        return False
    return incident.is_deleted or now - recovered >= incident.window


def _opened(item: AlarmItem, span: _Span, now: float, policy: Policy) -> AlarmItem:
    number = item.number + 1
    incident = Incident(
        number=number, since=span.since, last_alarm=span.last_alarm, window=policy.window
    )
    is_held = is_suppressed(item, now) or is_silenced(item, now)
    views = {
        channel: msgspec.structs.replace(view, wanted=number)
        if view.rule is not None and not is_held
        else view
        for channel, view in item.views.items()
    }
    return wake(msgspec.structs.replace(item, incident=incident, number=number, views=views), now)


def _window(item: AlarmItem, recovered_at: float, policy: Policy) -> float:
    """Return the recovery window in seconds: it doubles with each recent incident.

    A test has none.
    """
    if is_of_test(item):
        return 0.0
    recent = sum(0 <= recovered_at - end.at < _DOUBLING_SECONDS for end in item.ended)
    return float(min(policy.longest_window, policy.window * 2**recent))


def _updated(item: AlarmItem, span: _Span, now: float, policy: Policy) -> AlarmItem:
    incident = item.incident
    if incident is None:
        return item
    recovered_at = span.recovered_at
    changed = msgspec.structs.replace(
        incident,
        window=incident.window if recovered_at is None else _window(item, recovered_at, policy),
        since=min(span.since, incident.since),
        last_alarm=_last_alarm(item, incident, span),
        recovered_at=recovered_at,
        no_data_since=span.no_data_since,
        is_deleted=span.is_deleted,
    )
    if span.no_data_since is None:
        if changed.no_data_lasts:  # an ALARM after an announced "no data" is new to people
            changed = msgspec.structs.replace(changed, no_data_lasts=False, acknowledged_by="")
    elif now - span.no_data_since >= policy.no_data_after and not changed.no_data_lasts:
        changed = msgspec.structs.replace(changed, no_data_lasts=True, acknowledged_by="")
        item = wake(item, now)
    return msgspec.structs.replace(item, incident=changed)


def _last_alarm(item: AlarmItem, incident: Incident, span: _Span) -> float:
    """Return the incident's last known ALARM, also one that changed nothing.

    A recovery between two of them that is learned late does not make two incidents of one.
    """
    known = [incident.last_alarm, span.last_alarm]
    if span.recovered_at is None:
        known += [change.at for change in item.transitions if change.state == ALARM]
    return max(known)


def _closed(item: AlarmItem, incident: Incident, now: float) -> AlarmItem:
    at = incident.last_alarm if incident.recovered_at is None else incident.recovered_at
    end = Ended(
        number=incident.number,
        since=incident.since,
        at=at,
        is_deleted=incident.is_deleted,
        by=incident.closed_by,
        is_time_unknown=item.reports_no_end,
    )
    closed = msgspec.structs.replace(
        item,
        incident=None,
        closed_at=max(item.closed_at, at),
        ended=(*item.ended, end)[-_KEPT_ENDS:],
        escalate_at=None,
    )
    return wake(closed, now)


def _spans(item: AlarmItem, policy: Policy) -> list[_Span]:
    """Return the incidents in the facts after the last close."""
    incident = item.incident
    found: list[_Span] = []
    changes = [change for change in effective(item) if change.at > item.closed_at]
    for change in changes:
        last = found[-1] if found else None
        if change.state == ALARM:
            if last is None or _is_apart(item, last, change.at, policy):
                found.append(_Span(since=change.at, last_alarm=change.at))
            else:
                found[-1] = _Span(since=last.since, last_alarm=change.at)
        elif last is not None:
            found[-1] = _ending(last, change)
    if incident and not found:  # its ALARM is no longer among the stored transitions
        span = _Span(since=incident.since, last_alarm=incident.last_alarm)
        later = [change for change in changes if change.at > incident.last_alarm]
        found.append(_ending(span, later[0]) if later else span)
    return found


def _is_apart(item: AlarmItem, last: _Span, at: float, policy: Policy) -> bool:
    """Whether an ALARM opens another incident; a known incident is never split."""
    incident = item.incident
    if incident is not None and at <= incident.last_alarm:
        return False
    if last.recovered_at is None:
        return False
    window = _window(item, last.recovered_at, policy)
    return last.is_deleted or at - last.recovered_at >= window


def _ending(span: _Span, change: Transition) -> _Span:
    if change.state == DELETED:
        return span._replace(
            recovered_at=change.at if span.recovered_at is None else span.recovered_at,
            no_data_since=None,
            is_deleted=True,
        )
    if change.state == NO_DATA:
        if span.recovered_at is not None:  # no data after an OK does not stop the window
            return span
        since = change.at if span.no_data_since is None else span.no_data_since
        return span._replace(no_data_since=since)
    if span.recovered_at is not None:
        return span
    return span._replace(recovered_at=change.at, no_data_since=None)


def effective(item: AlarmItem) -> Iterator[Transition]:
    """Yield the states of the whole alarm: its own, its contributors' and its deletions.

    It fires while its own newest state is ALARM, or a contributor's ALARM is later than its last
    OK or no data.
    """
    moments: dict[float, list[tuple[int, str, str]]] = {}
    for rank, name, changes in _sources(item):
        for change in changes:
            moments.setdefault(change.at, []).append((rank, name, change.state))
    own = ""
    firing: set[str] = set()
    before = ""
    for at in sorted(moments):
        for _, name, state in sorted(moments[at]):
            if state == DELETED:
                own, firing = (own, set()) if name else ("", set())
                if not name:
                    before = DELETED
                    yield Transition(at, DELETED)
            elif name:
                (firing.add if state == ALARM else firing.discard)(name)
            else:
                own = state
                if state in (OK, NO_DATA):
                    firing.clear()
        whole = ALARM if firing else (own or (OK if before != DELETED else DELETED))
        if whole != before:
            before = whole
            yield Transition(at, whole)


def _sources(item: AlarmItem) -> Iterator[tuple[int, str, Iterable[Transition]]]:
    """Yield the changes of the alarm; the order decides between simultaneous ones."""
    yield 0, "", (Transition(at, DELETED) for at in item.deletions)
    yield 1, "query", (Transition(at, DELETED) for at in item.query_changes)
    yield 2, "", item.transitions
    for name, series in item.contributors.items():
        yield 3, f"#{name}", series.transitions


def on_and_off(item: AlarmItem, since: float, now: float) -> tuple[int, float]:
    """Return how often the alarm fired since then, and for what share of the time."""
    times, fired, began = 0, 0.0, None
    for change in effective(item):
        if change.state == ALARM and began is None:
            began = change.at
            times += change.at >= since
        elif change.state != ALARM and began is not None:
            fired += max(0.0, change.at - max(began, since))
            began = None
    if began is not None:
        fired += max(0.0, now - max(began, since))
    length = now - since
    return times, (min(1.0, fired / length) if length > 0 else 0.0)
