"""From an event to facts: learn and route it, and poke each channel that may lack something.

    normalise ─► learn ─► settle ─► route ─► store ─► look up evidence ─► poke

No message is decided here. Once a minute the sweep pokes whatever is due: it is the guarantee, and
pokes only make it faster.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from bedrock_alerts.alerts.alert import (
    Channel,
    Severity,
)
from bedrock_alerts.alerts.describe import severity_of
from bedrock_alerts.alerts.events import (
    Answer,
    ConfigurationChange,
    Event,
    Heartbeat,
    Kept,
    News,
    Notified,
    StateChange,
    Tampering,
    Timer,
    Unrecognised,
    incident_id,
)
from bedrock_alerts.alerts.found import Found
from bedrock_alerts.alerts.incidents.item import (
    ALARM,
    AlarmItem,
    Key,
    Policy,
    Shown,
    is_silenced,
    is_suppressed,
    wake,
)
from bedrock_alerts.alerts.incidents.learn import (
    LookedUp,
    learn_change,
    learn_configuration,
    looked_up,
    press,
)
from bedrock_alerts.alerts.incidents.settle import settle
from bedrock_alerts.alerts.lookup import BUDGET_SECONDS
from bedrock_alerts.alerts.normalise import normalise, normalise_object
from bedrock_alerts.alerts.notifications.message import is_worth_a_notice
from bedrock_alerts.alerts.notifications.plan import pagerduty_key
from bedrock_alerts.alerts.notifications.routed import routed, subject_of_item
from bedrock_alerts.alerts.ports import JournalPort, LookUpPort, Poke, PokeQueuePort, TablePort
from bedrock_alerts.alerts.routing import (
    Routes,
    destinations,
)
from bedrock_alerts.alerts.updating import update
from bedrock_alerts.alerts.upgrade import OldRecord, upgraded
from bedrock_alerts.errors import TransientError
from bedrock_alerts.limits import SQS_BATCH_MESSAGES

_SWEPT: Final = 2000
# Limit for all evidence of a batch together: the function has half a minute for it.
_EVIDENCE_SECONDS: Final = 12.0
# An event kept while the table is unavailable returns after this delay.
_KEPT_SECONDS: Final = 60.0
_LONGEST_DELAY: Final = 900.0
EMAILED_BY_CLOUDWATCH: Final = ("Pipeline", "Notifier")
"""How the names of the alarms about this tool begin: CloudWatch itself emails them."""


class KeepPort(Protocol):
    """The alerts queue."""

    def keep(self, note: Kept, delay: float) -> None:
        """Send an internal message that returns after `delay` seconds, or raise TransientError."""


class OldTablePort(Protocol):
    """The items stored by versions before 0.2. Every method raises TransientError."""

    def is_upgraded(self) -> bool:
        """Whether they have been migrated."""

    def set_upgraded(self) -> None:
        """Mark them as migrated."""

    def old_records(self) -> Iterable[OldRecord]:
        """Return them."""


class Parts(NamedTuple):
    """The parts of a Router.

    `routes` returns the routes, and any error in them. `evidence` looks up what an event does not
    say, before a time by the parts' clock. `answered` replies to the person who pressed a button.
    """

    table: TablePort
    queue: PokeQueuePort
    kept: KeepPort
    journal: JournalPort
    channels: tuple[Channel, ...]
    policy: Policy = Policy()
    routes: Callable[[], tuple[Routes, str]] = lambda: (Routes(), "")
    look_up: LookUpPort = lambda _item: None
    evidence: Callable[[News, float], Found] | None = None
    answered: Callable[[Answer, str], None] = lambda _answer, _text: None
    own_alarms_prefix: str = ""
    is_email_confirmed: Callable[[], bool] = lambda: True
    clock: Callable[[], float] = time.time


class Router:
    """Learns the events of one batch, and counts the results."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._evidence_until = parts.clock() + _EVIDENCE_SECONDS
        self.counts: Counter[str] = Counter()

    def route(self, body: str, attempt: int) -> None:
        """Route a message of the alerts queue; `attempt` is 1 at the first receive.

        Raises TransientError if it must return.
        """
        self._route_all(normalise(body), attempt)

    def route_object(self, event: Any) -> None:
        """Route the event of a Lambda alarm action. Raises TransientError.

        Lambda tries such a call only three times, minutes apart: if the table fails, it is skipped
        at once.
        """
        self._route_all(normalise_object(event), attempt=2)

    def upgrade(self, old: OldTablePort) -> None:
        """Migrate the items of versions before 0.2, once. Raises TransientError."""
        if old.is_upgraded():
            return
        now, policy = self._parts.clock(), self._parts.policy
        for made in upgraded(old.old_records(), policy):
            item = wake(self._routed(settle(made, now, policy), now), now)
            alarm = incident_id(made.arn)
            update(self._parts.table, alarm, policy, lambda known, item=item: known or item)  # type: ignore[misc]
        old.set_upgraded()

    def _route_all(self, events: Sequence[Event], attempt: int) -> None:
        """Route every event; one that fails does not stop the others."""
        failure: TransientError | None = None
        for event in events:
            try:
                self._route(event, attempt)
            except TransientError as error:
                failure = error
        if failure is not None:
            raise failure

    def _route(self, event: Event, attempt: int) -> None:
        if isinstance(event, Heartbeat):
            self._beat()
        elif isinstance(event, Timer):  # from a version before 0.2: the sweep does its work now
            self._parts.journal.info(
                "a timer of an older version is ignored", extra={"kind": event.kind}
            )
        elif isinstance(event, Answer):
            self._press(event)
        elif isinstance(event, Kept):
            self._learn_kept(event)
        elif isinstance(event, StateChange | ConfigurationChange):
            if not self._is_emailed_by_cloudwatch(event):
                self._follow(event, attempt)
        else:
            self._notice(event)

    def _is_emailed_by_cloudwatch(self, event: StateChange | ConfigurationChange) -> bool:
        """Whether an alarm is about this tool, and has the email topic as its own action.

        If no one receives those emails, the other channels are notified.
        """
        prefix = self._parts.own_alarms_prefix
        names = tuple(prefix + name for name in EMAILED_BY_CLOUDWATCH)
        return (
            bool(prefix) and event.alarm_arn.startswith(names) and self._parts.is_email_confirmed()
        )

    # ---- facts -----------------------------------------------------------------------------------

    def _follow(self, event: StateChange | ConfigurationChange, attempt: int) -> None:
        """Learn an alarm's event, and poke the channels."""
        try:
            self._learn(event)
        except TransientError as error:
            self._go_on_without_table(event, attempt, error)

    def _learn(
        self, event: StateChange | ConfigurationChange, notified: Sequence[Notified] = ()
    ) -> None:
        parts, now = self._parts, self._parts.clock()
        alarm = incident_id(event.alarm_arn)
        known, _ = parts.table.load(alarm)
        definition = self._look_up(AlarmItem(arn=event.alarm_arn)) if known is None else None
        number_before = known.number if known else 0
        was_open = known is not None and known.incident is not None

        def change(item: AlarmItem | None) -> AlarmItem:
            item = settle(item or AlarmItem(arn=event.alarm_arn), now, parts.policy)
            if isinstance(event, StateChange):
                item = learn_change(item, event, now)
            else:
                item = learn_configuration(item, event, now)
            if definition is not None and now >= item.actions_at:
                item = msgspec.structs.replace(
                    item, are_actions_enabled=definition.are_actions_enabled, actions_at=now
                )
            item = settle(self._routed(item, now), now, parts.policy)
            # Route again: escalation counts from the incident's beginning, which is known only now.
            return _learned_as_shown(self._routed(item, now), notified)

        item = update(parts.table, alarm, parts.policy, change)
        if item is None:
            return
        if isinstance(event, ConfigurationChange):
            if event.is_query_changed:
                item = self._look_again(alarm, item, now) or item
            if is_worth_a_notice(event) and not (was_open and event.operation == "delete"):
                self._notice(event)
        else:
            self.counts["StateChanges"] += 1
            if item.incident and (item.number > number_before or event.contributor):
                self._look_up_evidence(alarm, event)
        self._poke(alarm, item)
        if (item.incident and is_suppressed(item, now)) or is_silenced(item, now):
            self.counts["NotificationsSuppressed"] += 1

    def _look_up(self, item: AlarmItem) -> LookedUp | None:
        """Return an alarm's state from CloudWatch, None if it cannot be looked up."""
        try:
            return self._parts.look_up(item)
        except TransientError as error:
            self._parts.journal.info("alarm state not looked up", extra={"reason": str(error)})
            return None

    def _look_again(self, alarm: str, item: AlarmItem, now: float) -> AlarmItem | None:
        """Learn the state of an alarm after its query has changed, which sends no event."""
        found = self._look_up(item)
        if found is None:
            return None

        def change(known: AlarmItem | None) -> AlarmItem | None:
            return known and looked_up(known, found, now, self._parts.policy)

        return update(self._parts.table, alarm, self._parts.policy, change)

    def _look_up_evidence(self, alarm: str, event: StateChange) -> None:
        """Store evidence for the notification. No alert is lost or delayed for it."""
        if self._parts.evidence is None:
            return
        try:
            deadline = min(self._parts.clock() + BUDGET_SECONDS, self._evidence_until)
            found = self._parts.evidence(event, deadline)
            self._parts.table.put_evidence(alarm, found)
        except Exception as error:  # noqa: BLE001 - of any kind: this part is optional
            self._parts.journal.warning(
                "no evidence", extra={"alarm": alarm, "error": type(error).__name__}
            )

    def _press(self, answer: Answer) -> None:
        """Act on a button, and reply to the person who pressed it."""
        now, said = self._parts.clock(), ["This alarm is no longer known."]

        def change(item: AlarmItem | None) -> AlarmItem | None:
            if item is None and answer.kind == "silence" and answer.alarm_arn:
                item = AlarmItem(arn=answer.alarm_arn)
            if item is None:
                return None
            item, said[0] = press(settle(item, now, self._parts.policy), answer, now)
            return settle(item, now, self._parts.policy)

        item = update(self._parts.table, answer.incident, self._parts.policy, change)
        if item is not None:
            self._poke(answer.incident, item)
        self._parts.answered(answer, said[0])

    def _notice(self, event: ConfigurationChange | Tampering | Unrecognised) -> None:
        """Store an event that is not an alarm until each channel has shown it once."""
        now, identity = self._parts.clock(), _identity(event)
        alarm = incident_id(identity)

        def change(item: AlarmItem | None) -> AlarmItem | None:
            if item is not None:
                return None
            severity = (
                severity_of(event) if isinstance(event, ConfigurationChange) else _severity(event)
            )
            made = AlarmItem(arn=identity, notice=event, severity=severity)
            return wake(self._routed(made, now), now)

        item = update(self._parts.table, alarm, self._parts.policy, change)
        if item is not None:
            self._poke(alarm, item)

    # ---- routes ----------------------------------------------------------------------------------

    @cached_property
    def _routes(self) -> tuple[Routes, str]:
        """The routes, read once for a batch: an unavailable store delays it only once."""
        return self._parts.routes()

    def _routed(self, item: AlarmItem, now: float) -> AlarmItem:
        routes, complaint = self._routes
        return routed(item, routes, self._parts.channels, complaint, now)

    # ---- pokes -----------------------------------------------------------------------------------

    def _beat(self) -> None:
        """Sweep; if that fails, the next heartbeat repeats it, and this one does not count."""
        try:
            self._sweep()
        except TransientError as error:
            self._parts.journal.warning("due alarms not checked", extra={"reason": str(error)})

    def _sweep(self) -> None:
        """Poke what is due: at most 2,000 alarms, the oldest first."""
        now = self._parts.clock()
        for alarm in self._parts.table.due(now, _SWEPT):
            item = update(self._parts.table, alarm, self._parts.policy, self._swept)
            if item is not None:
                self._poke(alarm, item)
        self.counts["Heartbeat"] += 1

    def _swept(self, item: AlarmItem | None) -> AlarmItem | None:
        if item is None:
            return None
        now = self._parts.clock()
        settled = settle(item, now, self._parts.policy)
        if settled.escalate_at is not None and settled.escalate_at <= now:
            return wake(self._routed(settled, now), now)
        return settled

    def _poke(self, alarm: str, item: AlarmItem) -> None:
        """Poke each channel that is due; the sweep replaces lost pokes."""
        now = self._parts.clock()
        pokes = [
            Poke(alarm=alarm, channel=channel)
            for channel, view in item.views.items()
            if view.due is not None and view.due <= now
        ]
        try:
            for first in range(0, len(pokes), SQS_BATCH_MESSAGES):
                self._parts.queue.put(pokes[first : first + SQS_BATCH_MESSAGES])
            self._poke_at_close(alarm, item, now)
        except TransientError as error:
            self._parts.journal.warning("delivery not queued", extra={"reason": str(error)})

    def _poke_at_close(self, alarm: str, item: AlarmItem, now: float) -> None:
        """Poke again at the end of the recovery window, if the queue's delay allows."""
        incident = item.incident
        if incident is None or incident.recovered_at is None:
            return
        involved = [channel for channel, view in item.views.items() if view.is_involved]
        wait = incident.recovered_at + incident.window - now
        if involved and 0 < wait <= _LONGEST_DELAY:
            self._parts.queue.put([Poke(alarm=alarm, channel=involved[0])], wait)

    # ---- without the table -----------------------------------------------------------------------

    def _go_on_without_table(
        self, event: StateChange | ConfigurationChange, attempt: int, error: TransientError
    ) -> None:
        """Notify of an ALARM without the table, and keep the event to learn it later.

        A suppressed alarm needs the table, so its event waits in the queue. Raises `error` for
        other events.
        """
        is_held = isinstance(event, StateChange) and (event.suppressed_by or event.muted_by)
        is_firing = isinstance(event, StateChange) and event.state == ALARM
        if attempt == 1 or is_held or not isinstance(event, StateChange):
            raise error
        notified = self._notify_without_table(event) if is_firing else ()
        self._parts.kept.keep(Kept(event=event, notified=notified), _KEPT_SECONDS)
        self._parts.journal.warning(
            "handled without the incidents table", extra={"reason": str(error)}
        )

    def _notify_without_table(self, event: StateChange) -> tuple[Notified, ...]:
        now = self._parts.clock()
        routes, _ = self._routes
        subject = subject_of_item(learn_change(AlarmItem(arn=event.alarm_arn), event, now), now)
        at = datetime.fromtimestamp(now, UTC)
        key = pagerduty_key(AlarmItem(arn=event.alarm_arn), int(event.at.timestamp()), 0)
        alarm = incident_id(event.alarm_arn)
        found = destinations(subject, routes, self._parts.channels, at, is_bad_news=True)
        pokes = [
            Poke(
                alarm=alarm,
                channel=one.channel,
                event=event,
                key=key,
                mentions=one.mentions,
                account_name=routes.accounts.get(event.account_id, ""),
            )
            for one in found
        ]
        self._parts.queue.put(pokes)
        return tuple(Notified(channel=one.channel, key=key, at=now) for one in found)

    def _learn_kept(self, kept: Kept) -> None:
        try:
            self._learn(kept.event, kept.notified)
        except TransientError:
            self._parts.kept.keep(kept, _KEPT_SECONDS)


def _learned_as_shown(item: AlarmItem, notified: Iterable[Notified]) -> AlarmItem:
    """Learn that channels were notified while the table was unavailable."""
    number = item.incident.number if item.incident else item.number
    for one in notified:
        view = item.view(one.channel)
        if one.key in view.keys or not number:
            continue
        is_pagerduty = one.channel.startswith("pagerduty")
        keys = dict(view.keys)
        if is_pagerduty:
            # Only queued, perhaps never sent; a repeated trigger of one key pages no one.
            keys[one.key] = Key(number=number, state="perhaps", rotation=view.rotation)
        view = msgspec.structs.replace(
            view,
            shown=Shown(number=number, state="firing", severity=item.severity),
            keys=keys,
            lost=number,
            wanted=0,
            last_noisy=one.at,
        )
        item = item.with_view(one.channel, view)
    return item


def _identity(event: ConfigurationChange | Tampering | Unrecognised) -> str:
    if isinstance(event, ConfigurationChange):
        return f"{event.alarm_arn}@{event.operation}@{event.at.isoformat()}"
    if isinstance(event, Tampering):
        return f"cloudtrail@{event.event_id}"
    return f"event@{event.identity}"


def _severity(event: Tampering | Unrecognised) -> Severity:
    return "critical" if isinstance(event, Tampering) and not event.error_code else "warning"
