"""Flow 2 up to the deliveries: from the body of a message to one delivery for each channel.

    normalise ─► decide ─► store ─► look up ─► describe ─► routes ─► queue (or wait) ─► confirm

What was stored is told again until it has been confirmed: whoever dies in between, the message
comes back from its queue, and the same decision is made again. The alert then has the same key, and
`deliver` sends each key once to a channel.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec

from bedrock_alerts.alerts.describe import Details, Found, describe, without_memory
from bedrock_alerts.alerts.incidents import (
    Decision,
    Happening,
    Incident,
    Memory,
    Policy,
    Told,
    alert_key,
    announced,
    decide,
    remember,
)
from bedrock_alerts.alerts.lookup import BUDGET_SECONDS
from bedrock_alerts.alerts.memory import JournalPort
from bedrock_alerts.alerts.model import (
    Alert,
    Answer,
    Channel,
    ConfigurationChange,
    Delivery,
    Event,
    Fact,
    Heartbeat,
    News,
    StateChange,
    Telling,
    Timer,
    Waiting,
    incident_id,
)
from bedrock_alerts.alerts.normalise import normalise, normalise_object
from bedrock_alerts.alerts.routing import (
    Destination,
    Routes,
    destinations,
    subject_of,
    tells_bad_news,
)
from bedrock_alerts.alerts.storms import Digests, QueuePort, TimerPort, WaitingPort, end_of_minute
from bedrock_alerts.errors import TransientError
from bedrock_alerts.limits import SQS_BATCH_MESSAGES

# All alerts of a batch together: the function has half a minute for it.
_LOOK_UP_SECONDS: Final = 12.0
# What takes this long to fail would use up the function's time, were it asked for every alert.
_SLOW_SECONDS: Final = 2.0
_A_MINUTE: Final = timedelta(minutes=1)
# A digest whose timer was lost is late by this much when the sign of life finds it.
_OVERDUE: Final = timedelta(minutes=2)
T = TypeVar("T")

# How the names of the alarms about this tool begin: CloudWatch itself emails them.
EMAILED_BY_CLOUDWATCH: Final = ("Pipeline", "Notifier")


class MemoryPort(Protocol):
    """Remembers incidents by their ids. Every method raises TransientError."""

    def load(self, incident: str) -> Incident | None:
        """Return what is remembered of an incident."""

    def update(
        self, incident: str, change: Callable[[Incident | None], tuple[Incident | None, T]]
    ) -> T:
        """Remember what `change` makes of what is remembered, and return what else it gives."""


class MutePort(Protocol):
    """CloudWatch's own mute rules."""

    def mute(self, alarm_name: str, incident: str, until: datetime, who: str) -> None:
        """Mute an alarm, or raise TransientError."""


class LookUp(Protocol):
    """Finds out what an event does not say, until `deadline` (seconds since 1970) at the latest."""

    def __call__(self, news: News, telling: Telling, deadline: float) -> Found:
        """Return what was found; whatever it raises, the alert goes out without."""


class Parts(NamedTuple):
    """What a Router works with. `routes` gives the routes, and what is wrong with them if so.

    CloudWatch itself emails the alarms about this tool, whose ARNs begin with `own_alarms_prefix`.
    """

    memory: MemoryPort
    timers: TimerPort
    waiting: WaitingPort
    queue: QueuePort
    journal: JournalPort
    clock: Callable[[], float]
    channels: tuple[Channel, ...]
    policy: Policy = Policy()
    routes: Callable[[], tuple[Routes, str]] = lambda: (Routes(), "")
    look_up: LookUp | None = None
    details: Details = Details()
    mutes: MutePort | None = None
    own_alarms_prefix: str = ""


class Fuse:
    """Leaves alone for the rest of a batch what took long to fail: the others are not told late."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._blown = ""

    def ask(self, call: Callable[[], T]) -> T:
        """Call, or raise the TransientError of the slow failure before."""
        if self._blown:
            raise TransientError(self._blown)
        started = self._clock()
        try:
            return call()
        except TransientError as error:
            if self._clock() - started >= _SLOW_SECONDS:
                self._blown = str(error)
            raise


class Router:
    """Turns the events of one batch into deliveries, and counts what became of them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._digests = Digests(parts.waiting, parts.timers, parts.queue)
        self._looked_up_until = parts.clock() + _LOOK_UP_SECONDS
        self._table = Fuse(parts.clock)
        self._timers = Fuse(parts.clock)
        self.counts: Counter[str] = Counter()

    def route(self, body: str, attempt: int) -> None:
        """Route a message of the alerts queue; `attempt` is 1 when it is received first.

        Raises TransientError when it has to come back.
        """
        self._route_all(normalise(body), attempt)

    def route_object(self, event: Any) -> None:
        """Route what the function was called with by an alarm action. Raises TransientError.

        Lambda tries such a call only three times, minutes apart: a table that fails is done
        without at once.
        """
        self._route_all(normalise_object(event), attempt=2)

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
        elif self._is_emailed_by_cloudwatch(event):
            return
        elif isinstance(event, Timer) and event.kind == "digest":
            by = max(event.due, self._now())
            self._digests.bring(event.subject, by, now=self._now())
        elif isinstance(event, StateChange | ConfigurationChange | Timer | Answer):
            self._follow(event, attempt)
        else:
            self._send(self._described(event, without_memory(event)))

    def _is_emailed_by_cloudwatch(self, event: Event) -> bool:
        """Tell whether an alarm is about this tool, and has the email topic as its own action."""
        prefix = self._parts.own_alarms_prefix
        if not prefix or not isinstance(event, StateChange | ConfigurationChange):
            return False
        return event.alarm_arn.startswith(tuple(prefix + name for name in EMAILED_BY_CLOUDWATCH))

    # ---- incidents -------------------------------------------------------------------------------

    def _follow(self, event: Happening, attempt: int) -> None:
        """Decide what an event means for its incident, and see to it."""
        try:
            incident, alarm, decision = self._decide(event)
        except TransientError as error:
            self._go_on_without_memory(event, attempt, error)
            return
        if not self._tell(decision, alarm):
            self._withhold(decision.withheld, event)
        for timer in decision.timers:
            self._timers.ask(partial(self._parts.timers.set, timer))
        if decision.told is not None:
            self._confirm(incident, decision.told)
        if isinstance(event, StateChange):
            self.counts["StateChanges"] += 1

    def _decide(self, event: Happening) -> tuple[str, Incident | None, Decision]:
        """Return the incident's id, the record of a contributor's alarm, and the decision."""
        incident = _incident_of(event)
        alarm = self._alarm_of(event, incident)
        now = self._now()

        def change(found: Incident | None) -> tuple[Incident | None, Decision]:
            decision = decide(Memory(found, alarm), event, self._parts.policy, now)
            return decision.next, decision

        decision = self._table.ask(lambda: self._parts.memory.update(incident, change))
        return incident, alarm, decision

    def _alarm_of(self, event: Happening, incident: str) -> Incident | None:
        """Return the record of the alarm that a contributor belongs to."""
        change: StateChange | None = None
        if isinstance(event, StateChange):
            change = event
        elif isinstance(event, Timer | Answer):
            known = self._table.ask(lambda: self._parts.memory.load(incident))
            change = known.change if known else None
        if change is None or change.contributor is None:
            return None
        arn = change.alarm_arn
        return self._table.ask(lambda: self._parts.memory.load(incident_id(arn)))

    def _tell(self, decision: Decision, alarm: Incident | None) -> bool:
        """Tell what was decided; False where that is nothing."""
        if decision.telling is None or decision.about is None or decision.next is None:
            return False
        alert = msgspec.structs.replace(
            self._described(decision.about, decision.telling),
            key=decision.key,
            incident=decision.next.key,
            opening=decision.opening,
        )
        if decision.telling.kind == "silenced":
            self._mute(decision, alert)
        group, waits = "", False
        if isinstance(decision.about, StateChange) and decision.about.contributor:
            # Its alarm speaks for it, and the contributors of one bad minute make one list. Only
            # one that joins an alarm that people know of already is news of its own.
            group = decision.about.alarm_arn
            waits = not announced(alarm, before=self._now() - _A_MINUTE)
        self._send(alert, group=group, waits=waits)
        return True

    def _mute(self, decision: Decision, alert: Alert) -> None:
        """Show a silence in CloudWatch's console too; without that it holds all the same."""
        telling = decision.telling
        if self._parts.mutes is None or telling is None or telling.until is None:
            return
        # One series of an alarm cannot be muted there: the others would be with it.
        if alert.incident != alert.alarm_arn:
            return
        try:
            incident = incident_id(alert.incident)
            self._parts.mutes.mute(alert.title, incident, telling.until, telling.held_by)
        except TransientError as error:
            self._parts.journal.warning("not muted in CloudWatch", extra={"reason": str(error)})

    def _confirm(self, incident: str, told: Told) -> None:
        """Remember that a telling is on its way."""

        def change(found: Incident | None) -> tuple[Incident | None, None]:
            return (None if found is None else remember(found, told)), None

        self._table.ask(lambda: self._parts.memory.update(incident, change))

    def _go_on_without_memory(self, event: Happening, attempt: int, error: TransientError) -> None:
        """Tell what has to be told although nothing is remembered. Raises `error` for the rest.

        What is held back has to be remembered: it waits in the queue until it can be.
        """
        is_held = isinstance(event, StateChange) and (event.suppressed_by or event.muted_by)
        if attempt == 1 or not isinstance(event, StateChange) or is_held:
            raise error
        telling = without_memory(event)
        opened_at = telling.opened_at or event.at
        told = Told(kind=telling.kind, opening=opened_at, at=self._now())
        alert = self._described(event, telling)
        fact = Fact(
            "Without memory", "the incidents' table fails, so this may have been told before"
        )
        alert = msgspec.structs.replace(
            alert, key=alert_key(event.incident_key, told), facts=(*alert.facts, fact)
        )
        self._parts.journal.warning(
            "without memory", extra={"incident": alert.incident, "reason": str(error)}
        )
        self._send(alert)
        self.counts["StateChanges"] += 1

    # ---- deliveries ------------------------------------------------------------------------------

    @cached_property
    def _routes(self) -> tuple[Routes, str]:
        """The routes, read once for a batch: a store that does not answer holds it up once."""
        return self._parts.routes()

    def _described(self, news: News, telling: Telling) -> Alert:
        """Look up first, then write the message once from all that is known."""
        found = Found()
        if self._parts.look_up is not None:
            try:
                deadline = min(self._parts.clock() + BUDGET_SECONDS, self._looked_up_until)
                found = self._parts.look_up(news, telling, deadline)
            except Exception as error:  # noqa: BLE001 - no alert is lost for what would add to it
                self._parts.journal.warning("not looked up", extra={"error": type(error).__name__})
        return describe(news, telling, self._parts.details, found)

    def _send(self, alert: Alert, *, group: str = "", waits: bool = False) -> None:
        """Queue an alert for every channel that hears of it, or let it wait there.

        Raises TransientError when it is neither queued nor waiting everywhere.
        """
        routes, complaint = self._routes
        notes = (complaint,) if complaint else ()
        now = self._now()
        found = destinations(
            subject_of(alert),
            routes,
            self._parts.channels,
            now,
            is_bad_news=tells_bad_news(alert),
        )
        at_once: list[Delivery] = []
        for destination in found:
            due = self._due(destination, alert, group, waits=waits)
            waiting = Waiting(alert=alert, mentions=destination.mentions, notes=notes)
            if due is None or not self._wait(destination.channel, due, waiting):
                at_once.append(
                    Delivery(
                        channel=destination.channel,
                        alerts=(alert,),
                        queued_at=now.timestamp(),
                        mentions=destination.mentions,
                        notes=notes,
                    )
                )
        for first in range(0, len(at_once), SQS_BATCH_MESSAGES):
            self._parts.queue.put(at_once[first : first + SQS_BATCH_MESSAGES])
        if not found:
            self._withhold("no route has a channel for it", alert)

    def _due(
        self, destination: Destination, alert: Alert, group: str, *, waits: bool
    ) -> datetime | None:
        """Return until when an alert waits on a channel, None where it is told at once."""
        wait_until = destination.wait_until(self._now())
        if wait_until is not None:
            return wait_until
        try:
            has_seat = not waits and self._table.ask(
                lambda: self._digests.has_seat(destination.channel, alert, group=group)
            )
        except TransientError as error:
            self._parts.journal.warning("seats not counted", extra={"reason": str(error)})
            return None
        return None if has_seat else end_of_minute(self._now())

    def _wait(self, channel: Channel, due: datetime, waiting: Waiting) -> bool:
        """Let an alert wait; False where it cannot, so that it is told at once."""
        try:
            self._table.ask(
                lambda: self._digests.wait_until(channel, due, waiting, now=self._now())
            )
        except TransientError as error:
            self._parts.journal.warning(
                "cannot wait", extra={"channel": channel, "reason": str(error)}
            )
            return False
        return True

    def _beat(self) -> None:
        """Count the sign of life, and bring digests whose timer was lost."""
        self.counts["Heartbeat"] += 1
        now = self._now()
        routes, _ = self._routes
        named = [channel for route in routes.routes for channel in route.channels]
        for channel in dict.fromkeys((*self._parts.channels, *named)):
            try:
                self._table.ask(partial(self._digests.bring, channel, now - _OVERDUE, now=now))
            except TransientError as error:
                self._parts.journal.warning("digests not looked at", extra={"reason": str(error)})

    def _withhold(self, reason: str, subject: Happening | Alert) -> None:
        """Write down that nobody is told, and why."""
        self.counts["NotificationsSuppressed"] += 1
        self._parts.journal.info("withheld", extra={"reason": reason, **_named(subject)})

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._parts.clock(), UTC)


def deliveries(body: str, channels: Sequence[Channel], *, now: float) -> tuple[Delivery, ...]:
    """Turn each event into one delivery per channel, as if nothing were remembered."""
    alerts = [
        describe(event, without_memory(event))
        for event in normalise(body)
        if not isinstance(event, Timer | Answer | Heartbeat)
    ]
    return tuple(
        Delivery(channel=channel, alerts=(alert,), queued_at=now)
        for alert in alerts
        for channel in channels
    )


def _incident_of(event: Happening) -> str:
    """Return the id of the incident that an event is about."""
    if isinstance(event, Answer):
        return event.incident
    if isinstance(event, Timer):
        return incident_id(event.subject)
    if isinstance(event, ConfigurationChange):
        return incident_id(event.alarm_arn)
    return incident_id(event.incident_key)


def _named(subject: Happening | Alert) -> dict[str, str]:
    """Name what is withheld, in words that are ours or were cleaned."""
    if isinstance(subject, Alert):
        return {"alert": subject.key, "incident": subject.incident}
    named = {"incident": _incident_of(subject), "kind": type(subject).__name__}
    if isinstance(subject, StateChange):
        named |= {"alarm": subject.alarm_name, "state": subject.state}
    return named
