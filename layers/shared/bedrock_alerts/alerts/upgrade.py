"""Migrates the items of versions before 0.2, so that the end of shown alerts is shown too.

They kept an item for each alarm and each contributor, and one for each alert and channel.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from bedrock_alerts.alerts.alert import (
    DEFAULT_SEVERITY,
    Severity,
)
from bedrock_alerts.alerts.events import (
    StateChange,
    incident_id,
)
from bedrock_alerts.alerts.incidents.item import (
    ALARM,
    AlarmItem,
    Incident,
    Key,
    Policy,
    Reference,
    Series,
    Shown,
    Silence,
    Transition,
    View,
)

# Reasons that ended what was shown.
_ENDS: Final = frozenset({"resolved", "late", "settled"})
_NUMBER: Final = 1


class OldRecord(NamedTuple):
    """An item of the table as it was: its keys, and its content as JSON."""

    pk: str
    sk: str
    data: str


class _OldTransition(msgspec.Struct, frozen=True):
    at: datetime
    state: str


class _OldIncident(msgspec.Struct, frozen=True):
    key: str
    transitions: tuple[_OldTransition, ...] = ()
    change: StateChange | None = None
    severity: Severity = DEFAULT_SEVERITY
    actions_enabled: bool = True
    acked_by: str = ""
    acked_opening: datetime | None = None
    silenced_by: str = ""
    silenced_until: datetime | None = None
    opened_at: datetime | None = None
    ended_at: datetime | None = None


class _OldEntry(msgspec.Struct, frozen=True):
    status: str
    kind: str
    at: float


class _OldThread(msgspec.Struct, frozen=True):
    channel_id: str
    ts: str
    over: bool = False


class _Old(NamedTuple):
    """One alarm or contributor as it was: its facts, what was shown to whom, the Slack message."""

    incident: _OldIncident
    shown: frozenset[str]
    threads: Mapping[str, _OldThread]

    @property
    def is_open(self) -> bool:
        """Whether the alarm was still firing."""
        return self.incident.opened_at is not None and self.incident.ended_at is None


def upgraded(records: Iterable[OldRecord], policy: Policy) -> list[AlarmItem]:
    """Return an item for each alarm that was firing, or whose end a channel was not shown."""
    by_alarm: defaultdict[str, list[_Old]] = defaultdict(list)
    for old in _read(records):
        if old.is_open or old.shown:
            by_alarm[old.incident.key.partition("#")[0]].append(old)
    return [_item(arn, olds, policy) for arn, olds in by_alarm.items()]


def _read(records: Iterable[OldRecord]) -> list[_Old]:
    by_key: defaultdict[str, list[OldRecord]] = defaultdict(list)
    for record in records:
        by_key[record.pk].append(record)
    found = [_old(group) for group in by_key.values()]
    return [old for old in found if old is not None]


def _old(records: list[OldRecord]) -> _Old | None:
    incident: _OldIncident | None = None
    newest: dict[str, _OldEntry] = {}
    threads: dict[str, _OldThread] = {}
    for record in records:
        kind, _, rest = record.sk.partition("#")
        try:
            if kind == "incident":
                incident = msgspec.json.decode(record.data, type=_OldIncident)
            elif kind == "thread":
                threads[rest] = msgspec.json.decode(record.data, type=_OldThread)
            elif kind == "sent":
                channel = rest.rpartition("#")[0]
                entry = msgspec.json.decode(record.data, type=_OldEntry)
                known = newest.get(channel)
                if entry.status == "sent" and (known is None or entry.at > known.at):
                    newest[channel] = entry
        except msgspec.DecodeError:
            continue
    if incident is None:
        return None
    shown = frozenset(
        channel
        for channel, entry in newest.items()
        if entry.kind not in _ENDS and entry.kind != "plain"
    )
    return _Old(incident, shown, threads)


def _item(arn: str, olds: list[_Old], policy: Policy) -> AlarmItem:
    own = next((old for old in olds if old.incident.key == arn), None)
    first = own or olds[0]
    known = first.incident
    opened_at = known.opened_at or known.transitions[-1].at
    item = AlarmItem(
        arn=arn,
        transitions=_transitions(own.incident) if own else (),
        contributors={
            old.incident.key.partition("#")[2]: Series(transitions=_transitions(old.incident))
            for old in olds
            if old is not own
        },
        number=_NUMBER,
        severity=known.severity,
        are_actions_enabled=known.actions_enabled,
        about=known.change,
        latest=known.change,
        incident=Incident(
            number=_NUMBER,
            since=opened_at.timestamp(),
            last_alarm=_last_alarm(known) or opened_at.timestamp(),
            window=policy.window,
            acknowledged_by=known.acked_by if known.acked_opening == known.opened_at else "",
        ),
        silence=_silence(known),
    )
    for channel in sorted({name for old in olds for name in old.shown}):
        item = item.with_view(channel, _view(channel, olds, first))
    return item


def _transitions(known: _OldIncident) -> tuple[Transition, ...]:
    return tuple(Transition(change.at.timestamp(), change.state) for change in known.transitions)


def _last_alarm(known: _OldIncident) -> float:
    return max(
        (change.at.timestamp() for change in known.transitions if change.state == ALARM),
        default=0.0,
    )


def _silence(known: _OldIncident) -> Silence | None:
    if known.silenced_until is None:
        return None
    until = known.silenced_until.timestamp()
    return Silence(until=until, by=known.silenced_by, severity=known.severity)


def _view(channel: str, olds: list[_Old], first: _Old) -> View:
    """Return what a channel was shown; PagerDuty's keys are those of the old version."""
    of_it = [old for old in olds if channel in old.shown]
    keys = {
        incident_id(old.incident.key): Key(number=_NUMBER, state="open")
        for old in of_it
        if channel.startswith("pagerduty")
    }
    thread = first.threads.get(channel)
    reference = None
    if thread is not None and not thread.over:
        reference = Reference(number=_NUMBER, channel_id=thread.channel_id, ts=thread.ts)
    names = tuple(old.incident.key.partition("#")[2] for old in of_it if "#" in old.incident.key)
    known = first.incident
    return View(
        shown=Shown(
            number=_NUMBER,
            state="firing",
            severity=known.severity,
            contributors=names,
            firing=len(names),
            acknowledged_by=known.acked_by if known.acked_opening == known.opened_at else "",
        ),
        keys=keys,
        reference=reference,
        last_noisy=known.opened_at.timestamp() if known.opened_at else 0.0,
    )
