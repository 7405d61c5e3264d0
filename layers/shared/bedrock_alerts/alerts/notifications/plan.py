"""Decides what one channel lacks of one alarm now. Pure; no other module decides it.

    facts, view, policy, now  ->  Send | Wait | LookUp | Rotate

A channel lacks the difference between the facts and what it was, or perhaps was, shown.
"""

import math
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

from bedrock_alerts.alerts.alert import (
    Channel,
    Reason,
)
from bedrock_alerts.alerts.events import (
    ConfigurationChange,
    incident_id,
)
from bedrock_alerts.alerts.incidents.item import (
    MAX_CONTRIBUTORS,
    AlarmItem,
    Ended,
    Incident,
    Policy,
    Shown,
    View,
    firing_contributors,
    is_of_test,
    is_silenced,
    is_suppressed,
    is_worse,
)
from bedrock_alerts.alerts.notifications.reasons import NOISY, Action, Kind, action_of
from bedrock_alerts.alerts.quiet_hours import end_of_quiet

_URGENT_SECONDS = 3600.0
_ONE_DAY = 86_400.0
# A left-over claim on one of these is sent again, because it may not have been shown.
_REPEATED = ("firing", "contributors", "escalated", "still_firing", "no_data")


class Wait(NamedTuple):
    """Nothing to do before `due`; None: not before the facts change.

    `collects` says that something is lacking and waits for its route's digest.
    """

    due: float | None = None
    collects: bool = False


class LookUp(NamedTuple):
    """Look up the alarm's state in CloudWatch first."""


class Rotate(NamedTuple):
    """PagerDuty needs a new key: a trigger on an open incident pages no one."""


class Send(NamedTuple):
    """A message to send: its reason, the action, and what the channel shows afterwards.

    `key` is PagerDuty's. `is_urgent` is sent at once even if its group was just notified. `ended`
    is the incident whose end is (also) reported.
    """

    reason: Reason
    action: Action
    shows: Shown
    key: str = ""
    ended: Ended | None = None
    is_urgent: bool = False
    new: tuple[str, ...] = ()

    @property
    def is_noisy(self) -> bool:
        """Whether it notifies people, and does not only edit."""
        return self.action in NOISY


Plan: TypeAlias = Wait | LookUp | Rotate | Send


def plan(item: AlarmItem, channel: Channel, kind: Kind, policy: Policy, now: float) -> Plan:
    """Return what the channel lacks now."""
    view = item.view(channel)
    if item.notice is not None:
        return _notice(item, view, kind, now)
    found = _Look(item, view, kind, policy, now)
    return found.pagerduty() if kind == "pagerduty" else found.messages()


def pagerduty_key(item: AlarmItem, number: int, rotation: int) -> str:
    """Return the key of an incident: a new one after an announced "no data"."""
    return f"{incident_id(item.arn)}-{number}" + (f"-{rotation}" if rotation else "")


def _notice(item: AlarmItem, view: View, kind: Kind, now: float) -> Plan:
    if view.shown is not None or view.rule is None:
        return Wait()
    action = action_of("notice", kind)
    if action == "change" and not isinstance(item.notice, ConfigurationChange):
        action = "trigger"  # a person must resolve it
    shows = Shown(number=0, state="resolved", severity=item.severity)
    send = Send("notice", action, shows, key=incident_id(item.arn))
    return _unless_quiet(view, item, send, now)


def _unless_quiet(view: View, item: AlarmItem, send: Send, now: float) -> Plan:
    """Delay a notification until the end of quiet hours, or of its route's digest."""
    rule = view.rule
    if rule is None or not (send.is_noisy or send.action == "trigger") or is_of_test(item):
        return send
    end = end_of_quiet(rule.quiet_hours, item.severity, datetime.fromtimestamp(now, UTC))
    until = end.timestamp() if end else None
    if until is not None:
        return Wait(until)
    if rule.digest_seconds and item.severity != "critical" and send.is_noisy:
        digest = _end_of_stretch(view.held_since or now, rule.digest_seconds)
        return Wait(digest, collects=True) if now < digest else send
    return send


def _end_of_stretch(at: float, seconds: int) -> float:
    """Return the end of the interval that contains `at`; intervals are aligned to the clock."""
    return (at // seconds + 1) * seconds


class _Look:
    """One check of one view."""

    def __init__(self, item: AlarmItem, view: View, kind: Kind, policy: Policy, now: float) -> None:
        self.item, self.view, self.kind, self.policy, self.now = item, view, kind, policy, now
        self.incident = item.incident
        self.is_hushed = is_suppressed(item, now) or is_silenced(item, now)

    # ---- messages: email, Slack, Teams, webhooks -----------------------------------------------

    def messages(self) -> Plan:
        """Return what a channel of messages lacks."""
        ended = self._untold_end()
        incident = self.incident
        if incident is None:
            return self._end(ended) if ended else Wait()
        if ended is not None and self.kind == "bot" and self._can_edit(ended.number):
            return self._end(ended)  # an edit is quiet, so a new firing gets its own message
        news = self._news(incident, ended)
        if ended is None or (isinstance(news, Send) and news.ended is not None):
            return news
        return self._end(ended)

    def _untold_end(self) -> Ended | None:
        """Return the closed incident whose end the channel lacks."""
        number = self.incident.number if self.incident else 0
        for shown in (self.view.sending, self.view.shown):
            is_open = shown is not None and shown.state != "resolved"
            if shown is not None and is_open and shown.number != number:
                return self._ended(shown.number)
        sending = self.view.sending
        if sending is not None and sending.state == "resolved":  # a claim that was left over
            return self._ended(sending.number)
        wanted, shown = self.view.wanted, self.view.shown
        if wanted and wanted != number and (shown is None or shown.number < wanted):
            found = self._ended(wanted)
            return found if self.now - found.at < self.policy.stale_after else None
        return None

    def _ended(self, number: int) -> Ended:
        known = next((end for end in self.item.ended if end.number == number), None)
        return known or Ended(number=number, since=0.0, at=self.item.closed_at)

    def _end(self, ended: Ended) -> Plan:
        shows = Shown(number=ended.number, state="resolved", severity=self.item.severity)
        send = self._send("resolved", shows, ended=ended)
        return _unless_quiet(self.view, self.item, send, self.now)

    def _news(self, incident: Incident, ended: Ended | None) -> Plan:
        view, state = self.view, incident.state
        shown = self._shown_of(incident)
        if shown is None:
            may_be_shown = state == "firing" or incident.no_data_lasts
            if view.rule is None or not may_be_shown or (self.is_hushed and not self._perhaps()):
                return self._idle(incident)
            reason: Reason = "no_data" if incident.no_data_lasts else "firing"
            return self._noise(reason, incident, ended)
        if state == "no_data" and not incident.no_data_lasts:
            return self._wait()
        return self._follow_up(incident, shown)

    def _follow_up(self, incident: Incident, shown: Shown) -> Plan:
        """Return what is lacking if the incident was shown."""
        is_open = incident.state != "recovering"
        if is_open and not self.is_hushed:
            reason = self._noisy_reason(incident, shown)
            if reason is None and self.view.undelivered:
                reason = "undelivered"
            if reason is not None:
                return self._noise(reason, incident, None)
        silenced_until = self._silenced_until()
        if incident.acknowledged_by and incident.acknowledged_by != shown.acknowledged_by:
            return self._quietly("acknowledged", incident)
        if silenced_until and silenced_until != shown.silenced_until:
            return self._quietly("silenced", incident)
        if self._perhaps() and is_open and self.view.sending_reason in _REPEATED:
            return self._noise("still_firing", incident, None)
        if self.kind == "bot" and self._can_edit(incident.number):
            wanted = self._shows(incident)
            if wanted != shown or self._perhaps():
                reason = "recovering" if wanted.state == "recovering" else "changed"
                return self._send(reason, wanted)
        return self._remind(incident)

    def _noisy_reason(self, incident: Incident, shown: Shown) -> Reason | None:
        if incident.state == "no_data":
            return "no_data" if shown.state != "no_data" else None
        # A message that cannot be edited and says "recovering" (a silence, say) is no longer true.
        is_stale = self.kind == "plain" and shown.state == "recovering"
        if shown.state == "no_data" or is_stale:
            return "firing"
        if is_worse(self.item.severity, than=shown.severity):
            return "escalated"
        if self._new_contributors(shown):
            return "contributors"
        return None

    def _new_contributors(self, shown: Shown) -> tuple[str, ...]:
        known = set(shown.contributors)
        return tuple(name for name in firing_contributors(self.item) if name not in known)

    def _remind(self, incident: Incident) -> Plan:
        """Send a reminder, after checking in CloudWatch that the alarm still fires."""
        every = self.policy.reminder(self.item.severity)
        if incident.state == "no_data" and every:
            every = max(every, _ONE_DAY)
        last = self.view.last_noisy
        if not every or incident.state == "recovering" or not last:
            return self._idle(incident)
        rounds = math.floor((self.now - last) / every)
        if rounds < 1:
            return self._idle(incident, last + every)
        if self.view.last_looked < last + rounds * every:
            return LookUp()
        is_held = self.is_hushed or incident.acknowledged_by or self.item.reports_no_end
        is_nothing_new = self.item.is_long_window and incident.last_alarm <= last
        if is_held or is_nothing_new:
            return self._idle(incident, last + (rounds + 1) * every)
        reason: Reason = "no_data" if incident.state == "no_data" else "still_firing"
        return self._noise(reason, incident, None)

    def _idle(self, incident: Incident, due: float | None = None) -> Plan:
        """Wait, and check CloudWatch now and then: an end may have been lost."""
        if incident.state == "recovering":
            return self._wait(due)
        every = self.policy.reminder(self.item.severity) or self.policy.warning_reminder or _ONE_DAY
        last = max(self.view.last_looked, self.view.last_noisy, incident.since)
        if self.now - last >= every:
            return LookUp()
        return self._wait(last + every if due is None else min(due, last + every))

    def _noise(self, reason: Reason, incident: Incident, ended: Ended | None) -> Plan:
        shown = self._shown_of(incident)
        send = self._send(
            reason,
            self._shows(incident),
            ended=ended,
            new=self._new_contributors(shown) if shown else (),
        )
        is_first = reason in ("firing", "escalated") and self.item.severity == "critical"
        is_urgent = is_first and self.now - self.view.last_urgent >= _URGENT_SECONDS
        return _unless_quiet(self.view, self.item, send._replace(is_urgent=is_urgent), self.now)

    def _quietly(self, reason: Reason, incident: Incident) -> Plan:
        """Show what a person did; a message keeps to quiet hours."""
        send = self._send(reason, self._shows(incident))
        return _unless_quiet(self.view, self.item, send, self.now)

    def _send(
        self,
        reason: Reason,
        shows: Shown,
        *,
        ended: Ended | None = None,
        new: tuple[str, ...] = (),
    ) -> Send:
        action = action_of(reason, self.kind)
        if action in ("edit", "broadcast") and not self._can_edit(shows.number):
            action = "post"
        elif action == "post" and self._can_edit(shows.number):
            action = "broadcast"  # firing again after no data: the message must not say "no data"
        return Send(reason, action, shows, ended=ended, new=new)

    def _can_edit(self, number: int) -> bool:
        """Whether the bot's message of an incident is known, and is its last one."""
        reference = self.view.reference
        return reference is not None and reference.number == number and self.view.lost != number

    # ---- PagerDuty -------------------------------------------------------------------------------

    def pagerduty(self) -> Plan:
        """Return what PagerDuty lacks: one key for each incident, resolved at every end."""
        incident = self.incident
        ended = self._open_key_of_the_past()
        if ended is not None:
            return ended
        if incident is None:
            return Wait()
        key = self._current_key(incident)
        known = self.view.keys.get(key)
        if known is not None and known.state == "resolved":
            return Rotate()
        if known is None or known.state != "open":
            return self._trigger(incident, key, is_perhaps=known is not None)
        return self._update_pagerduty(incident, key)

    def _open_key_of_the_past(self) -> Send | None:
        """Return the resolve of a key that is (perhaps) open, and not of the present incident."""
        incident = self.incident
        current = (incident.number, self.view.rotation) if incident else None
        for name, key in self.view.keys.items():
            if key.state != "resolved" and (key.number, key.rotation) != current:
                shows = Shown(number=key.number, state="resolved", severity=self.item.severity)
                ended = self._ended(key.number)
                return Send("resolved", "resolve", shows, key=name, ended=ended)
        return None

    def _update_pagerduty(self, incident: Incident, key: str) -> Plan:
        """Return what is lacking if the incident is open on PagerDuty."""
        shows = self._shows(incident)
        shown = self._shown_of(incident) or shows
        is_back = shown.state == "no_data" and incident.state == "firing"
        if is_back and not self.is_hushed:
            return Rotate()
        reason: Reason | None = None
        if not self.is_hushed and is_worse(shows.severity, than=shown.severity):
            reason = "escalated"
        elif incident.acknowledged_by and incident.acknowledged_by != shown.acknowledged_by:
            reason = "acknowledged"
        elif shows.silenced_until and shows.silenced_until != shown.silenced_until:
            reason = "silenced"
        elif incident.no_data_lasts and shown.state != "no_data":
            reason = "no_data"
        if reason is None or (is_back and reason == "no_data"):
            return self._idle(incident)
        return Send(reason, action_of(reason, "pagerduty"), shows, key=key)

    def _current_key(self, incident: Incident) -> str:
        """Return the incident's key: an open one, also from while the table was unavailable."""
        of_it = [
            name
            for name, key in self.view.keys.items()
            if (key.number, key.rotation) == (incident.number, self.view.rotation)
        ]
        name = pagerduty_key(self.item, incident.number, self.view.rotation)
        return next((each for each in of_it if self.view.keys[each].state != "resolved"), name)

    def _trigger(self, incident: Incident, key: str, *, is_perhaps: bool) -> Plan:
        may_be_shown = incident.state == "firing" or incident.no_data_lasts
        is_held = self.is_hushed or self.view.rule is None or not may_be_shown
        if is_held and not is_perhaps:
            return self._idle(incident)
        send = Send("firing", "trigger", self._shows(incident), key=key)
        rule = self.view.rule
        if rule is None or is_perhaps:
            return send
        return _unless_quiet(self.view, self.item, send, self.now)

    # ---- both ------------------------------------------------------------------------------------

    def _shown_of(self, incident: Incident) -> Shown | None:
        shown = self.view.shown
        if shown is None or shown.number != incident.number or shown.state == "resolved":
            return None
        return shown

    def _perhaps(self) -> bool:
        """Whether a claim was left over, so its content may have been shown."""
        sending = self.view.sending
        return (
            sending is not None
            and self.incident is not None
            and sending.number == self.incident.number
        )

    def _shows(self, incident: Incident) -> Shown:
        state = incident.state
        if state == "no_data" and not incident.no_data_lasts:
            state = "firing"
        shown = self._shown_of(incident)
        firing = firing_contributors(self.item)
        severity = self.item.severity
        if self.kind != "bot" and shown and is_worse(shown.severity, than=severity):
            severity = shown.severity
        return Shown(
            number=incident.number,
            state=state,
            severity=severity,
            contributors=tuple(dict.fromkeys((*(shown.contributors if shown else ()), *firing)))[
                -MAX_CONTRIBUTORS:
            ],
            firing=len(firing),
            acknowledged_by=incident.acknowledged_by,
            silenced_until=self._silenced_until(),
        )

    def _silenced_until(self) -> float:
        silence = self.item.silence
        return silence.until if silence and self.now < silence.until else 0.0

    def _wait(self, due: float | None = None) -> Wait:
        """Wait for the earliest of `due` and the end of the window, a mute or a silence."""
        incident, item = self.incident, self.item
        found = [] if due is None else [due]
        if incident and incident.recovered_at is not None:
            found.append(incident.recovered_at + incident.window)
        elif incident and incident.no_data_since is not None and not incident.no_data_lasts:
            found.append(incident.no_data_since + self.policy.no_data_after)
        found += [end for end in (item.muted_until, self._silenced_until()) if end > self.now]
        return Wait(min(found, default=None))
