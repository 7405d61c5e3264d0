"""Adds the facts of an event, a look-up or a person to an alarm's item. Pure."""

import math
from collections.abc import Collection
from typing import NamedTuple

import msgspec

from bedrock_alerts.alerts.describe import severity_of
from bedrock_alerts.alerts.events import (
    Answer,
    ConfigurationChange,
    StateChange,
)
from bedrock_alerts.alerts.incidents.item import (
    ALARM,
    MAX_CONTRIBUTORS,
    MAX_TRANSITIONS,
    NO_DATA,
    OK,
    AlarmItem,
    Incident,
    Policy,
    Series,
    Silence,
    Transition,
    firing_contributors,
    is_worse,
    wake,
)
from bedrock_alerts.alerts.incidents.settle import effective, settle

_KNOWN = (ALARM, OK, NO_DATA)
# A time later than its arrival plus this is cut: the clock was wrong or the time is false.
_FUTURE_SECONDS = 300.0
_A_MOMENT = 0.001
_KEPT_OF_A_SERIES = 6
_LONG_SECONDS = 2 * 3600


class LookedUp(NamedTuple):
    """An alarm's present state in CloudWatch; `state` is None if there is no such alarm.

    `since` is when it entered that state; `contributors` are the ids of those in ALARM, None if not
    looked up.
    """

    state: str | None
    since: float = 0.0
    are_actions_enabled: bool = True
    contributors: Collection[str] | None = None


def learn_change(item: AlarmItem, event: StateChange, now: float) -> AlarmItem:
    """Learn a change of state, of the alarm or of one contributor."""
    at = min(event.at.timestamp(), now + _FUTURE_SECONDS)
    item = _learn_definition(item, event, at)
    if event.contributor is not None:
        return _learn_contributor(item, event, at, now)
    changes = {change.at: change.state for change in item.transitions}
    learned = (*_before(item, event, at), (at, _known(event.state)))
    changes |= {moment: state for moment, state in learned if moment > item.horizon}
    item = _with_transitions(item, changes)
    item = _learn_suppression(item, event, now)
    newest = item.latest is None or event.at >= item.latest.at
    about = item.about
    if _known(event.state) == ALARM and (about is None or event.at >= about.at):
        about = event
    return wake(
        msgspec.structs.replace(item, latest=event if newest else item.latest, about=about), now
    )


def _known(state: str) -> str:
    """Return CloudWatch's state; an unknown one counts as ALARM."""
    return state if state in _KNOWN else ALARM


def _before(item: AlarmItem, event: StateChange, at: float) -> list[tuple[float, str]]:
    """Return the earlier transitions that an event proves."""
    if event.previous_state is None or event.previous_state not in _KNOWN:
        return []
    if event.previous_at is not None:
        moment = event.previous_at.timestamp()
        return [(moment, event.previous_state)] if moment < at else []
    known = [change for change in effective(item) if change.at < at]
    last = known[-1] if known else None
    is_other = last is None or last.state != event.previous_state
    if event.previous_state == ALARM and is_other and _known(event.state) != ALARM:
        return [(at - _A_MOMENT, ALARM)]
    if event.previous_state == OK and last and is_other and _known(event.state) == ALARM:
        # It recovered at an unknown time: assume just after the last known ALARM.
        return [(last.at + _A_MOMENT, OK)]
    return []


def _with_transitions(item: AlarmItem, changes: dict[float, str]) -> AlarmItem:
    ordered = sorted(changes.items())
    kept = ordered[-MAX_TRANSITIONS:]
    horizon = item.horizon
    if len(kept) < len(ordered):
        horizon = max(horizon, kept[0][0] - _A_MOMENT)
    return msgspec.structs.replace(
        item, transitions=tuple(Transition(at, state) for at, state in kept), horizon=horizon
    )


def _learn_contributor(item: AlarmItem, event: StateChange, at: float, now: float) -> AlarmItem:
    contributor = event.contributor
    if contributor is None:
        return item
    known = item.contributors.get(contributor.id)
    if known is None:
        item = _make_room(item)
        if len(item.contributors) >= MAX_CONTRIBUTORS:
            more = item.contributors_left_out + (event.state == ALARM)
            return wake(msgspec.structs.replace(item, contributors_left_out=more), now)
    changes = {change.at: change.state for change in (known.transitions if known else ())}
    changes[at] = _known(event.state)
    kept = sorted(changes.items())[-_KEPT_OF_A_SERIES:]
    label = ", ".join(value for _, value in contributor.attributes[:3]) or contributor.id
    series = Series(transitions=tuple(Transition(*change) for change in kept), label=label[:200])
    newest = item.series is None or event.at >= item.series.at
    return wake(
        msgspec.structs.replace(
            item,
            contributors={**item.contributors, contributor.id: series},
            series=event if newest and event.state == ALARM else item.series,
        ),
        now,
    )


def _make_room(item: AlarmItem) -> AlarmItem:
    """Drop ended contributors if there is no room for a new one."""
    if len(item.contributors) < MAX_CONTRIBUTORS:
        return item
    firing = set(firing_contributors(item))
    kept = {name: series for name, series in item.contributors.items() if name in firing}
    return msgspec.structs.replace(item, contributors=kept)


def _learn_definition(
    item: AlarmItem, event: StateChange | ConfigurationChange, at: float
) -> AlarmItem:
    """Learn the severity and the definition of an alarm from its events."""
    if at < item.severity_at:
        return item
    severity = severity_of(event)
    incident = item.incident
    if incident and is_worse(severity, than=item.severity):
        incident = msgspec.structs.replace(incident, acknowledged_by="", escalated_at=at)
    item = msgspec.structs.replace(item, severity=severity, severity_at=at, incident=incident)
    if isinstance(event, ConfigurationChange):
        return item
    periods = [part.period or 0 for part in event.metrics]
    periods += [part.period or 0 for part in event.expressions]
    return msgspec.structs.replace(
        item,
        reports_no_end=event.transport == "sns" and event.has_ok_actions is False,
        is_long_window=max(periods, default=0) >= _LONG_SECONDS,
    )


def _learn_suppression(item: AlarmItem, event: StateChange, now: float) -> AlarmItem:
    """Learn whether CloudWatch suppresses the alarm, as of the time of the envelope."""
    if (
        event.transport == "sns"
    ):  # it is sent only when actions run, and says nothing about suppression
        return item
    sent_at = event.sent_at or event.at
    moment = min(sent_at.timestamp(), now + _FUTURE_SECONDS)
    if moment < item.suppressed_at:
        return item
    until = event.muted_until.timestamp() if event.muted_until else 0.0
    held_by = event.suppressed_by or ("" if until else event.muted_by)
    return msgspec.structs.replace(
        item,
        suppressed_by=held_by,
        suppressed_at=moment,
        muted_until=until if event.muted_by else 0.0,
    )


def learn_configuration(item: AlarmItem, event: ConfigurationChange, now: float) -> AlarmItem:
    """Learn that an alarm was created, changed or deleted; the times are whole seconds."""
    end_of_second = math.floor(min(event.at.timestamp(), now + _FUTURE_SECONDS)) + 0.999
    if event.operation == "delete":
        deletions = (*item.deletions, end_of_second)[-4:]
        item = msgspec.structs.replace(item, deletions=deletions, change=event)
        return wake(_as_new(item, end_of_second), now)
    item = _learn_definition(item, event, event.at.timestamp())
    if event.is_query_changed:
        changes = (*item.query_changes, end_of_second)[-4:]
        item = msgspec.structs.replace(item, query_changes=changes)
    at = event.at.timestamp()
    if event.actions_enabled is not None and at >= item.actions_at:
        item = msgspec.structs.replace(
            item, are_actions_enabled=event.actions_enabled, actions_at=at
        )
    return wake(msgspec.structs.replace(item, change=event), now)


def _as_new(item: AlarmItem, at: float) -> AlarmItem:
    """Drop the definition of a deleted alarm: its name may be used again."""
    if at >= item.suppressed_at:
        item = msgspec.structs.replace(item, suppressed_by="", muted_until=0.0, suppressed_at=at)
    if at >= item.actions_at:
        item = msgspec.structs.replace(item, are_actions_enabled=True, actions_at=at)
    return item


def learn_look_up(item: AlarmItem, found: LookedUp, now: float) -> AlarmItem:
    """Learn the present state from CloudWatch, which ends what no event has ended."""
    if found.state is None:
        return wake(msgspec.structs.replace(item, deletions=(*item.deletions, now)[-4:]), now)
    changes = {change.at: change.state for change in item.transitions}
    newest = max(changes, default=0.0)
    at = min(found.since, now)
    gone = max(item.deletions, default=0.0)
    if found.state == ALARM and item.incident is None:
        at = max(at, item.closed_at + _A_MOMENT)
    if at > newest or gone > at:
        changes[max(at, gone + _A_MOMENT if gone else at)] = _known(found.state)
    item = _with_transitions(item, changes)
    if now >= item.actions_at:
        item = msgspec.structs.replace(
            item, are_actions_enabled=found.are_actions_enabled, actions_at=now
        )
    if found.contributors is not None:
        item = _end_contributors(item, found.contributors, now)
    return wake(item, now)


def looked_up(item: AlarmItem, found: LookedUp, now: float, policy: Policy) -> AlarmItem:
    """Return the item after a look-up; incidents that ended before it are closed first."""
    return settle(learn_look_up(settle(item, now, policy), found, now), now, policy)


def _end_contributors(item: AlarmItem, firing: Collection[str], now: float) -> AlarmItem:
    ended = {
        name: msgspec.structs.replace(
            item.contributors[name],
            transitions=(*item.contributors[name].transitions, Transition(now, OK))[
                -_KEPT_OF_A_SERIES:
            ],
        )
        for name in firing_contributors(item)
        if name not in firing and item.contributors[name].transitions[-1].at < now
    }
    return msgspec.structs.replace(item, contributors={**item.contributors, **ended})


def press(item: AlarmItem, answer: Answer, now: float) -> tuple[AlarmItem, str]:
    """Act on a button or a command, and return a reply for the person.

    A press is bound to its incident, and refused after that has ended. The undo of a silence is
    bound to the silence. A command's silence is for the alarm, whether an incident is open or not.
    """
    if answer.kind == "unsilence":
        if item.silence is None or now >= item.silence.until:
            return item, "Nothing is silenced."
        return wake(msgspec.structs.replace(item, silence=None), now), "The silence has ended."
    if answer.kind == "resend":
        return _due_again(item, answer, now), "What is lacking is sent."
    incident = item.incident
    if incident is not None and _is_of(answer, incident):
        return _press_of_open(item, incident, answer, now)
    if answer.kind == "silence" and answer.alarm_arn:
        return _silenced(item, answer, now)
    what = "silenced" if answer.kind == "silence" else "changed"
    return item, f"The incident of this message is resolved. Nothing was {what}."


def _press_of_open(
    item: AlarmItem, incident: Incident, answer: Answer, now: float
) -> tuple[AlarmItem, str]:
    if answer.kind == "silence":
        return _silenced(item, answer, now)
    if answer.kind == "close":
        return _closed_by_hand(item, incident, answer, now)
    by = answer.name if answer.kind == "acknowledge" else ""
    changed = msgspec.structs.replace(incident, acknowledged_by=by, acknowledged_at=now)
    text = "Acknowledged." if by else "The acknowledgement was taken back."
    return wake(msgspec.structs.replace(item, incident=changed), now), text


def _silenced(item: AlarmItem, answer: Answer, now: float) -> tuple[AlarmItem, str]:
    until = answer.at.timestamp() + answer.seconds
    if until <= now:
        return item, "This silence would have ended by now. Nothing was silenced."
    # An alarm that has never changed its state has no known severity: none is worse.
    severity = item.severity if item.severity_at else "critical"
    silence = Silence(until=until, by=answer.name, severity=severity)
    return wake(msgspec.structs.replace(item, silence=silence), now), "Silenced."


def _due_again(item: AlarmItem, answer: Answer, now: float) -> AlarmItem:
    """Make due what a channel lacks, even if given up; what it shows is not repeated."""
    views = {
        channel: msgspec.structs.replace(view, due=now, is_parked=False, failures=0)
        if answer.channel in ("", channel) and (view.is_involved or view.wanted or view.is_parked)
        else view
        for channel, view in item.views.items()
    }
    return msgspec.structs.replace(item, views=views)


def _closed_by_hand(
    item: AlarmItem, incident: Incident, answer: Answer, now: float
) -> tuple[AlarmItem, str]:
    """End an incident as a deletion of the alarm does: at once, and of all its contributors.

    An ALARM after the press is not of this incident, whenever it is learned.
    """
    at = min(answer.at.timestamp(), now)
    series = [change for one in item.contributors.values() for change in one.transitions]
    fired = [change.at for change in (*item.transitions, *series) if change.state == ALARM]
    if max(fired, default=incident.last_alarm) >= at:
        return item, "The alarm has fired again. Nothing was closed."
    closed = msgspec.structs.replace(incident, closed_by=answer.name)
    deletions = (*item.deletions, at)[-4:]
    item = msgspec.structs.replace(item, incident=closed, deletions=deletions)
    return wake(item, now), "Closed."


def _is_of(answer: Answer, incident: Incident) -> bool:
    """Whether a press is for this incident; messages of versions before 0.2 carry no number."""
    if answer.number:
        return answer.number == incident.number
    return answer.at.timestamp() >= incident.since
