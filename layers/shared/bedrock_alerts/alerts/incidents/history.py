"""Reading an incident: when its alarm stood, what was told of that, what holds back telling it.

Nothing here depends on the order in which events came in: transitions are a set, sorted by
CloudWatch's own times, and every question is answered from the whole of it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from bedrock_alerts.alerts.describe import split_description
from bedrock_alerts.alerts.incidents.model import (
    ANNOUNCEMENTS,
    Incident,
    Policy,
    Told,
    Transition,
)
from bedrock_alerts.alerts.model import (
    DEFAULT_SEVERITY,
    SEVERITIES,
    ConfigurationChange,
    Severity,
    StateChange,
)

MAX_TRANSITIONS: Final = 40
MAX_TOLD: Final = 100
_MAX_CHANGE_BYTES: Final = 48 * 1024
# A mute rule whose end is not known is looked at again after this.
_UNKNOWN_MUTE: Final = timedelta(hours=1)
# A timer that should have said that flapping is over, and is late by this much, does not come.
_PATIENCE: Final = timedelta(minutes=10)


class Opening(NamedTuple):
    """One time that the alarm stood: from `start` to `end`, which is None while it does."""

    start: datetime
    end: datetime | None
    transitions: tuple[Transition, ...]

    def holds(self, moment: datetime) -> bool:
        """Tell whether something happened during it."""
        return self.start <= moment and (self.end is None or moment < self.end)

    @property
    def may_be_told(self) -> bool:
        """Whether CloudWatch ever let the alarm's actions run."""
        return any(item.opens and not item.held_by for item in self.transitions)


class Hold(NamedTuple):
    """Why an alarm may not be told now, and until when, where that is known.

    What CloudWatch itself holds back is held back whatever the severity.
    """

    reason: str
    until: datetime | None
    by_cloudwatch: bool


class Episode(NamedTuple):
    """A time of coming and going that was told as one: to `end`, None while it lasts."""

    start: datetime
    end: datetime | None

    def covers(self, opening: Opening) -> bool:
        """Tell whether an opening was part of it."""
        return self.start <= opening.start and (self.end is None or opening.start < self.end)


def openings(transitions: Iterable[Transition]) -> list[Opening]:
    """Return the times that the alarm stood, oldest first."""
    found: list[Opening] = []
    current: list[Transition] = []
    for item in transitions:
        if item.opens or (current and not item.closes):
            current.append(item)
        elif current:
            found.append(Opening(current[0].at, item.at, tuple(current)))
            current = []
    if current:
        found.append(Opening(current[0].at, None, tuple(current)))
    return found


def standing(incident: Incident) -> Opening | None:
    """Return the opening that has not ended."""
    found = openings(incident.transitions)
    return found[-1] if found and found[-1].end is None else None


def over_since(incident: Incident, opened_at: datetime) -> datetime | None:
    """Return when the alarm that began at `opened_at` ended, None if it stands or is unknown."""
    return next(
        (item.end for item in openings(incident.transitions) if item.holds(opened_at)), None
    )


def learn(incident: Incident, change: StateChange) -> Incident:
    """Add what a state change says. Learning the same twice changes nothing."""
    known = [_transition(change)]
    if change.previous_state == "OK" and change.previous_at is not None:
        # Its own event may still be on its way; without it two alarms would look like one.
        known.append(Transition(at=change.previous_at, state="OK"))
    transitions = incident.transitions
    for item in known:
        transitions = insert(transitions, item)
    learned = _with(incident, transitions)
    newest = incident.change
    if newest is None or (change.at, not known[0].held_by) > (
        newest.at,
        not _transition(newest).held_by,
    ):
        learned = msgspec.structs.replace(learned, change=_bounded(change))
    return _judged(learned, change.description, change.at)


def learn_configuration(incident: Incident, change: ConfigurationChange) -> Incident:
    """Add what a change of the alarm itself says: its severity, its actions, its end."""
    learned = incident
    if change.operation == "delete":
        return close(learned, "DELETED", change.at)
    learned = _judged(learned, change.description, change.at)
    if learned.severity_at == change.at and learned.change is not None:
        # What is told from now on shows how bad it is now.
        shown = msgspec.structs.replace(learned.change, description=change.description)
        learned = msgspec.structs.replace(learned, change=shown)
    if change.actions_enabled is not None and _is_news(change.at, incident.actions_at):
        learned = msgspec.structs.replace(
            learned, actions_enabled=change.actions_enabled, actions_at=change.at
        )
    return learned


def close(incident: Incident, state: str, at: datetime) -> Incident:
    """Add the end of an alarm."""
    return _with(incident, insert(incident.transitions, Transition(at=at, state=state)))


def remember(incident: Incident, told: Told) -> Incident:
    """Add a telling that was queued. Of reminders only the last of an opening is kept."""
    kept = [
        item
        for item in incident.told
        if (item.kind, item.opening, item.number) != (told.kind, told.opening, told.number)
        and not (item.kind == told.kind == "reminder" and item.opening == told.opening)
    ]
    return msgspec.structs.replace(incident, told=(*kept, told)[-MAX_TOLD:])


def insert(transitions: Sequence[Transition], item: Transition) -> tuple[Transition, ...]:
    """Put a transition in its place, as a set would: one for each time and state.

    Of two that differ in what holds back the alarm's actions the freer one stays: the release of a
    held alarm may carry the same time. Only the newest are kept, and the beginning of the opening
    that the oldest of them belongs to.
    """
    if len(transitions) >= MAX_TRANSITIONS and item.at < transitions[0].at:
        return tuple(transitions)
    found = {(other.at, other.state): other for other in transitions}
    other = found.get((item.at, item.state), item)
    found[item.at, item.state] = min(item, other, key=_freedom)
    result = sorted(found.values(), key=lambda one: (one.at, not one.closes, one.state))
    while len(result) > MAX_TRANSITIONS:
        is_one_opening = result[0].opens and not result[1].closes
        del result[1 if is_one_opening else 0]
    return tuple(result)


def told_of(incident: Incident, opening: Opening) -> list[Told]:
    """Return what was told of one opening."""
    return [item for item in incident.told if opening.holds(item.opening)]


def announcement(incident: Incident, opening: Opening) -> Told | None:
    """Return the telling by which people know of an opening."""
    found = (item for item in told_of(incident, opening) if item.kind in ANNOUNCEMENTS)
    return next(found, None)


def announced(incident: Incident | None, before: datetime) -> bool:
    """Tell whether an alarm stands that people have known of since `before`."""
    opening = standing(incident) if incident else None
    told = announcement(incident, opening) if incident and opening else None
    return told is not None and told.at <= before


def last_call(told: Iterable[Told]) -> Told | None:
    """Return the last time that people were called: reminders count from it."""
    found = [item for item in told if item.kind in ANNOUNCEMENTS]
    return max(found, key=lambda item: item.at, default=None)


def is_worse(severity: Severity, than: Told | None) -> bool:
    """Tell whether something is worse than what people last heard."""
    return than is not None and SEVERITIES.index(severity) < SEVERITIES.index(than.severity)


def hold(
    incident: Incident, alarm: Incident | None, opening: Opening, now: datetime
) -> Hold | None:
    """Return what holds back telling that the alarm stands, None when nothing does."""
    last = opening.transitions[-1]
    if last.held_by and (last.held_until is None or now < last.held_until):
        return Hold(f"held back by CloudWatch: {last.held_by}", last.held_until, by_cloudwatch=True)
    return quiet(incident, alarm, now)


def quiet(incident: Incident, alarm: Incident | None, now: datetime) -> Hold | None:
    """Return why nobody wants to hear of an incident for now, None where they do.

    `alarm` is the record of the alarm that a contributor belongs to.
    """
    for record in (incident, alarm):
        if record is not None and not record.actions_enabled:
            until = None if record is incident else _next_full_hour(now)
            return Hold("the alarm's actions are disabled", until, by_cloudwatch=True)
    for record in (incident, alarm):
        if record is not None and record.silenced_until is not None and now < record.silenced_until:
            reason = f"silenced by {record.silenced_by}"
            return Hold(reason, record.silenced_until, by_cloudwatch=False)
    return None


def episodes(incident: Incident, policy: Policy) -> list[Episode]:
    """Return the times of flapping that were told."""
    found: list[Episode] = []
    told = sorted(incident.told, key=lambda item: item.at)
    for number, item in enumerate(told):
        if item.kind == "flapping":
            settled = (other.opening for other in told[number:] if other.kind == "settled")
            end = next(settled, None) or _calm(incident, item.opening, policy)
            found.append(Episode(item.opening, end))
    return found


def flapping(incident: Incident, policy: Policy) -> Episode | None:
    """Return the time of flapping that lasts."""
    return next((item for item in episodes(incident, policy) if item.end is None), None)


def _next_full_hour(now: datetime) -> datetime:
    """Return when to look at a contributor again while the actions of its alarm are disabled.

    The event that enables them names the alarm alone.
    """
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _calm(incident: Incident, since: datetime, policy: Policy) -> datetime | None:
    """Return what came after a calm that was long enough, had its timer not failed to say so."""
    enough = timedelta(seconds=policy.settle_seconds) + _PATIENCE
    times = [item.at for item in incident.transitions if item.at >= since]
    return next((later for earlier, later in pairwise(times) if later - earlier >= enough), None)


def _with(incident: Incident, transitions: tuple[Transition, ...]) -> Incident:
    found = openings(transitions)
    last = found[-1] if found else None
    return msgspec.structs.replace(
        incident,
        transitions=transitions,
        opened_at=last.start if last else None,
        ended_at=last.end if last else None,
    )


def _transition(change: StateChange) -> Transition:
    held_by, held_until = change.suppressed_by, None
    if not held_by and change.muted_by:
        held_by, held_until = change.muted_by, change.muted_until or change.at + _UNKNOWN_MUTE
    return Transition(at=change.at, state=change.state, held_by=held_by, held_until=held_until)


def _freedom(item: Transition) -> tuple[bool, bool, str, str]:
    until = "" if item.held_until is None else item.held_until.isoformat()
    return bool(item.held_by), item.held_until is None, until, item.held_by


def _judged(incident: Incident, description: str, at: datetime) -> Incident:
    """Take the severity from an alarm's description; not every copy of an event brings one."""
    if not description or not _is_news(at, incident.severity_at):
        return incident
    _, trailers = split_description(description)
    said = trailers.get("severity", "").lower()
    severity = next((item for item in SEVERITIES if item == said), DEFAULT_SEVERITY)
    return msgspec.structs.replace(incident, severity=severity, severity_at=at)


def _is_news(at: datetime, known: datetime | None) -> bool:
    return known is None or at >= known


def _bounded(change: StateChange) -> StateChange:
    """Leave out the details of an alarm so large that the table would not take it."""
    if len(msgspec.json.encode(change)) <= _MAX_CHANGE_BYTES:
        return change
    return msgspec.structs.replace(change, metrics=(), expressions=(), children=(), tags=())
