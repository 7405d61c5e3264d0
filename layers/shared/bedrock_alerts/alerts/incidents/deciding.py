"""What an event means for an incident: first learn what it says, then tell what people lack.

An alarm's life, as people hear of it:

    ALARM ──► first ──► reminder … ──► resolved
      │         ├─► escalation           it is worse than they were told
      │         └─► no_data              CloudWatch cannot judge it any more; it stays open
      ├─► flapping ──► settled           it comes and goes: told as one
      ├─► (held back) ──► release        told when what held it back ends and it still stands
      └─► late                           it was over before it could be told

What is told depends on what is known and on what was told, never on the order in which events
came. An event that comes again is decided again: what was told by then is not told twice, and what
was stored but never told, because the function died in between, is told now.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

import msgspec

from bedrock_alerts.alerts.incidents.history import (
    Hold,
    Opening,
    announcement,
    episodes,
    flapping,
    hold,
    is_worse,
    last_call,
    learn,
    learn_configuration,
    openings,
    quiet,
    remember,
    standing,
    told_of,
)
from bedrock_alerts.alerts.incidents.model import (
    CLOSED,
    NO_DATA,
    Decision,
    Incident,
    Memory,
    Policy,
    Told,
    alert_key,
)
from bedrock_alerts.alerts.model import (
    Answer,
    ConfigurationChange,
    StateChange,
    Telling,
    TellingKind,
    Timer,
)

Happening: TypeAlias = StateChange | ConfigurationChange | Timer | Answer

_TOLD_ALREADY = "told already"
_FLAPPING = "flapping: told as one"
_NOTHING_STANDS = "nothing stands any more"


class _Verdict(NamedTuple):
    """What to tell, or why nothing; `mark` notes that an opening passed without being told."""

    telling: Telling | None = None
    told: Told | None = None
    about: StateChange | ConfigurationChange | None = None
    withheld: str = ""
    opening: Opening | None = None
    mark: Told | None = None


class _Case(NamedTuple):
    """An event with everything known, its own news included.

    `alarm` is the record of the alarm that a contributor belongs to.
    """

    incident: Incident
    alarm: Incident | None
    event: Happening | None
    policy: Policy
    now: datetime

    def tell(self, kind: TellingKind, opening: Opening, number: int = 0, **more: Any) -> _Verdict:
        """Tell something about an opening; `more` goes into the telling."""
        known = announcement(self.incident, opening)
        start = opening.start if known is None else known.opening
        telling = Telling(
            kind=kind,
            at=self.now,
            opened_at=start,
            ended_at=opening.end,
            reminders=number if kind == "reminder" else 0,
            held_by=self._held_by(opening) if kind == "release" else "",
            acked_by=self.acked_by(opening),
        )
        told = Told(
            kind=kind, opening=start, at=self.now, severity=self.incident.severity, number=number
        )
        return _Verdict(
            telling=msgspec.structs.replace(telling, **more),
            told=told,
            about=self._about(opening),
            opening=opening,
        )

    def hold(self, opening: Opening) -> Hold | None:
        """Return what holds back telling of an opening."""
        return hold(self.incident, self.alarm, opening, self.now)

    def is_told(self, kind: TellingKind, opening: Opening) -> bool:
        """Whether something was told of an opening."""
        return any(item.kind == kind for item in told_of(self.incident, opening))

    def acked_by(self, opening: Opening) -> str:
        """Return who has taken on this opening."""
        at = self.incident.acked_opening
        return self.incident.acked_by if at is not None and opening.holds(at) else ""

    def _about(self, opening: Opening) -> StateChange | None:
        event = self.event
        is_of_it = isinstance(event, StateChange) and (
            event.at == opening.end or opening.holds(event.at)
        )
        return event if isinstance(event, StateChange) and is_of_it else self.incident.change

    def _held_by(self, opening: Opening) -> str:
        held = [item.held_by for item in opening.transitions if item.held_by]
        if held:
            return held[-1]
        if isinstance(self.event, ConfigurationChange):
            return "disabled actions"
        silenced = self.incident.silenced_until
        is_silence = silenced is not None and opening.start < silenced <= self.now
        return self.incident.silenced_by if is_silence else ""


def decide(memory: Memory, event: Happening, policy: Policy, now: datetime) -> Decision:
    """Return what to remember and what to tell. Pure: the same again for the same again."""
    if isinstance(event, Timer | Answer):
        if memory.incident is None:
            return Decision(None, withheld="the incident is forgotten")
        if isinstance(event, Timer):
            # Schedules are exact to the minute: what is due is due.
            now = max(now, event.due)
            return _on_timer(_Case(memory.incident, memory.alarm, event, policy, now), event)
        if event.kind == "acknowledge":
            return acknowledge(memory.incident, event.name, now, policy)
        until = event.at + timedelta(seconds=event.seconds)
        return silence(memory.incident, event.name, until, now, policy)
    if isinstance(event, ConfigurationChange):
        known = memory.incident or Incident(key=event.alarm_arn)
        incident = learn_configuration(known, event)
        case = _Case(incident, memory.alarm, event, policy, now)
        return _decision(case, _on_configuration_change(case, event))
    incident = learn(memory.incident or Incident(key=event.incident_key), event)
    case = _Case(incident, memory.alarm, event, policy, now)
    return _decision(case, _on_state_change(case, event))


def acknowledge(incident: Incident, who: str, now: datetime, policy: Policy) -> Decision:
    """Note that somebody has taken on what stands. Nothing is reopened where nothing stands."""
    case = _Case(incident, None, None, policy, now)
    opening = standing(incident)
    if opening is None:
        return _decision(case, _Verdict(withheld=_NOTHING_STANDS))
    if not case.acked_by(opening):
        incident = msgspec.structs.replace(incident, acked_by=who, acked_opening=opening.start)
        case = case._replace(incident=incident)
    if case.is_told("acknowledged", opening):
        return _decision(case, _Verdict(withheld=_TOLD_ALREADY))
    return _decision(case, case.tell("acknowledged", opening))


def silence(
    incident: Incident, who: str, until: datetime, now: datetime, policy: Policy
) -> Decision:
    """Keep an incident quiet until then; what still stands then is told again."""
    if until > now:
        incident = msgspec.structs.replace(incident, silenced_by=who, silenced_until=until)
    case = _Case(incident, None, None, policy, now)
    opening = standing(incident)
    number = int(until.timestamp())
    is_told = any((item.kind, item.number) == ("silenced", number) for item in incident.told)
    reason = ""
    if until <= now:
        reason = "the silence is over already"
    elif is_told:
        reason = _TOLD_ALREADY
    if opening is None or reason:
        return _decision(case, _Verdict(withheld=reason or _NOTHING_STANDS))
    return _decision(case, case.tell("silenced", opening, number, held_by=who, until=until))


# ---- events ------------------------------------------------------------------------------------


def _on_state_change(case: _Case, event: StateChange) -> _Verdict:
    if not any(
        (item.at, item.state) == (event.at, event.state) for item in case.incident.transitions
    ):
        return _Verdict(withheld="older than everything that is remembered")
    verdicts = [_judge(case, opening) for opening in _concerned(case.incident, event)]
    told = next((verdict for verdict in verdicts if verdict.telling), None)
    verdict = told or next(iter(verdicts), _Verdict(withheld="nothing was open"))
    return verdict._replace(mark=next((item.mark for item in verdicts if item.mark), None))


def _concerned(incident: Incident, event: StateChange) -> list[Opening]:
    """Return the openings that a state change may give something to tell of.

    It is the one that it belongs to or ends, and where it ends one also the next: two openings had
    looked like one until then.
    """
    found = openings(incident.transitions)
    for number, opening in enumerate(found):
        if opening.holds(event.at):
            return [opening]
        if opening.end == event.at and event.state in CLOSED:
            return found[number : number + 2]
    return []


def _on_configuration_change(case: _Case, event: ConfigurationChange) -> _Verdict:
    opening = standing(case.incident)
    verdict = _judge(case, opening) if opening else _Verdict()
    if verdict.telling:
        return verdict
    if not _is_worth_telling(event):
        reason = "a change of the alarm that takes nothing away"
        return _Verdict(withheld=verdict.withheld or reason, opening=opening)
    told = Told(kind="plain", opening=event.at, at=case.now, severity=case.incident.severity)
    if any((item.kind, item.opening) == ("plain", event.at) for item in case.incident.told):
        return _Verdict(withheld=_TOLD_ALREADY)
    return _Verdict(telling=_of_change(case.incident, event), told=told, about=event)


def _of_change(incident: Incident, event: ConfigurationChange) -> Telling:
    """Say with a deletion when the alarm had begun that it ended, if people know of that."""
    if event.operation == "delete":
        for opening in openings(incident.transitions):
            known = announcement(incident, opening)
            if opening.end == event.at and known:
                return Telling(kind="plain", opened_at=known.opening, ended_at=event.at)
    return Telling(kind="plain")


def _is_worth_telling(event: ConfigurationChange) -> bool:
    """Tell whether an alarm may be quieter from now on than its owners think."""
    is_disabled = event.actions_enabled is False and event.previous_actions_enabled is not False
    thresholds = (event.previous_threshold, event.threshold)
    is_moved = None not in thresholds and thresholds[0] != thresholds[1]
    return event.operation == "delete" or is_disabled or is_moved


def _on_timer(case: _Case, timer: Timer) -> Decision:
    incident = case.incident
    opening = standing(incident)
    if timer.kind == "settle":
        return _decision(case, _settle(case, timer, opening))
    if opening is None:
        return _decision(case, _Verdict(withheld=_NOTHING_STANDS))
    verdict = _judge(case, opening)
    if verdict.telling is None and announcement(incident, opening):
        again = _remind if timer.kind == "reminder" else _end_silence
        verdict = again(case, timer, opening)
    return _decision(case, verdict)


def _settle(case: _Case, timer: Timer, opening: Opening | None) -> _Verdict:
    episode = flapping(case.incident, case.policy)
    if episode is None or timer.stamp != _last(case.incident).isoformat():
        return _Verdict(withheld="overtaken by a newer change")
    since = [item for item in case.incident.transitions if item.at >= episode.start]
    last = _last(case.incident)
    calm = opening or Opening(last, last, ())
    # Where it stands, this is how people know of it; else the episode ends behind all of it.
    told = Told(kind="settled", opening=calm.start, at=case.now, severity=case.incident.severity)
    began = calm.start if opening else episode.start
    verdict = case.tell("settled", calm, transitions=len(since), opened_at=began)
    return verdict._replace(told=told)


def _remind(case: _Case, timer: Timer, opening: Opening) -> _Verdict:
    stamp, _, text = timer.stamp.rpartition("/")
    called = last_call(told_of(case.incident, opening))
    if called is None or stamp != called.at.isoformat() or not text.isdecimal():
        return _Verdict(withheld="overtaken by newer news")
    held = case.hold(opening)
    number = int(text)
    reason = ""
    if case.acked_by(opening):
        reason = f"acknowledged by {case.acked_by(opening)}"
    elif held:
        reason = held.reason
    elif flapping(case.incident, case.policy):
        reason = _FLAPPING
    elif not case.policy.reminder_seconds(case.incident.severity):
        reason = "nobody wants to be reminded"
    elif any(
        item.kind == "reminder" and item.number >= number
        for item in told_of(case.incident, opening)
    ):
        reason = _TOLD_ALREADY
    return _Verdict(withheld=reason) if reason else case.tell("reminder", opening, number)


def _end_silence(case: _Case, timer: Timer, opening: Opening) -> _Verdict:
    until = case.incident.silenced_until
    called = last_call(told_of(case.incident, opening))
    if until is None or timer.stamp != until.isoformat() or called is None:
        return _Verdict(withheld=_TOLD_ALREADY)
    held = case.hold(opening)
    if held:
        return _Verdict(withheld=held.reason)
    if case.acked_by(opening) or flapping(case.incident, case.policy) or called.at >= until:
        return _Verdict(withheld=_TOLD_ALREADY)
    return case.tell("release", opening, int(until.timestamp()))


# ---- openings ----------------------------------------------------------------------------------


def _judge(case: _Case, opening: Opening) -> _Verdict:
    """Say what people lack about one opening."""
    if opening.end is not None:
        return _judge_ended(case, opening)
    if announcement(case.incident, opening) is None:
        return _judge_untold(case, opening)
    held = case.hold(opening)
    called = last_call(told_of(case.incident, opening))
    if is_worse(case.incident.severity, called) and not (held and held.by_cloudwatch):
        return case.tell("escalation", opening)
    if opening.transitions[-1].state != NO_DATA or case.is_told("no_data", opening):
        return _Verdict(withheld=_TOLD_ALREADY)
    if held or flapping(case.incident, case.policy):
        return _Verdict(withheld=held.reason if held else _FLAPPING)
    return case.tell("no_data", opening)


def _judge_untold(case: _Case, opening: Opening) -> _Verdict:
    """Say what is due where an alarm stands that nobody has heard of."""
    held = case.hold(opening)
    if held or flapping(case.incident, case.policy):
        passes = is_worse(case.incident.severity, last_call(case.incident.told))
        if passes and not (held and held.by_cloudwatch):
            return case.tell("escalation", opening)
        return _Verdict(withheld=held.reason if held else _FLAPPING)
    if opening.transitions[-1].state == NO_DATA and not opening.may_be_told:
        return _Verdict(withheld="no data, and the alarm before was held back by CloudWatch")
    since = opening.start - timedelta(seconds=case.policy.flap_seconds)
    if _is_too_often(case, opening, since):
        changes = [item for item in case.incident.transitions if item.at > since]
        return case.tell("flapping", opening, transitions=len(changes))
    was_held = any(item.held_by for item in opening.transitions)
    is_news = isinstance(case.event, StateChange) and not was_held
    return case.tell("first" if is_news else "release", opening)


def _is_too_often(case: _Case, opening: Opening, since: datetime) -> bool:
    recent = [
        item
        for item in openings(case.incident.transitions)
        if item.may_be_told and since < item.start <= opening.start
    ]
    return 0 < case.policy.flap_count < len(recent)


def _judge_ended(case: _Case, opening: Opening) -> _Verdict:
    incident, event = case.incident, case.event
    if any(item.covers(opening) for item in episodes(incident, case.policy)):
        return _Verdict(withheld=_FLAPPING)
    told = announcement(incident, opening)
    if told is None:
        return _judge_missed(case, opening)
    is_its_end = isinstance(event, StateChange) and event.at == opening.end
    if not is_its_end or told.kind == "late" or case.is_told("resolved", opening):
        return _Verdict(withheld=_TOLD_ALREADY)
    if openings(incident.transitions)[-1] != opening:
        return _Verdict(withheld="the alarm has gone off again since")
    return case.tell("resolved", opening)


def _judge_missed(case: _Case, opening: Opening) -> _Verdict:
    """Say what is due where an alarm is over that nobody has heard of."""
    marks = [item for item in told_of(case.incident, opening) if item.kind == "withheld"]
    if marks or not opening.may_be_told:
        return _Verdict(withheld="held back until it was over: nobody had been told")
    held = quiet(case.incident, case.alarm, case.now)
    if held:
        mark = Told(kind="withheld", opening=opening.start, at=case.now)
        return _Verdict(withheld=f"{held.reason}; nobody had been told", mark=mark)
    ended = opening.end or case.now
    if case.now - ended > timedelta(seconds=case.policy.stale_seconds):
        return _Verdict(withheld="over for too long when it came: nobody had been told")
    return case.tell("late", opening)


# ---- decisions ---------------------------------------------------------------------------------


def _decision(case: _Case, verdict: _Verdict) -> Decision:
    incident = case.incident if verdict.mark is None else remember(case.incident, verdict.mark)
    known = announcement(incident, verdict.opening) if verdict.opening else None
    key = "" if known is None else alert_key(incident.key, known)
    return Decision(
        next=incident,
        telling=verdict.telling,
        about=verdict.about,
        told=verdict.told,
        opening=key,
        withheld=verdict.withheld,
        timers=_timers(case, remember(incident, verdict.told) if verdict.told else incident),
    )


def _timers(case: _Case, incident: Incident) -> tuple[Timer, ...]:
    """Return when to look again, however often it was asked: setting a timer twice is harmless."""
    case = case._replace(incident=incident)
    opening = standing(incident)
    if flapping(incident, case.policy):
        due = _last(incident) + timedelta(seconds=case.policy.settle_seconds)
        stamp = _last(incident).isoformat()
        return (Timer(kind="settle", subject=incident.key, due=due, stamp=stamp),)
    if opening is None:
        return ()
    timers = []
    held = case.hold(opening)
    if held and held.until:
        timers.append(_look_again(incident, held.until, held.until))
    if _judge(case, opening).telling:
        # One event told of the alarm, and more is due: its loss of data had come before it.
        timers.append(_look_again(incident, case.now + timedelta(minutes=1), _last(incident)))
    called = last_call(told_of(incident, opening))
    seconds = case.policy.reminder_seconds(incident.severity)
    if called and seconds and not case.acked_by(opening):
        rounds = int((case.now - called.at).total_seconds() // seconds) + 1
        due = called.at + timedelta(seconds=rounds * seconds)
        stamp = f"{called.at.isoformat()}/{rounds}"
        timers.append(Timer(kind="reminder", subject=incident.key, due=due, stamp=stamp))
    return tuple(timers)


def _look_again(incident: Incident, due: datetime, stamp: datetime) -> Timer:
    return Timer(kind="release", subject=incident.key, due=due, stamp=stamp.isoformat())


def _last(incident: Incident) -> datetime:
    return incident.transitions[-1].at
