"""The last step: check one alarm for one channel, and send what the channel lacks.

    poke ─► read ─► settle ─► plan ─► claim ─► send ─► write what was shown ─► plan again

A poke may be lost, doubled or late: it says only where to look. A message is true when it is sent.
If the process dies between a claim and its outcome, the claim remains and is sent again after its
lease: that is the only case in which a message repeats.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from bedrock_alerts.alerts.alert import (
    Channel,
    OldDelivery,
)
from bedrock_alerts.alerts.describe import Details
from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.incidents.item import AlarmItem, Policy, is_of_test, next_due
from bedrock_alerts.alerts.incidents.learn import looked_up
from bedrock_alerts.alerts.incidents.settle import settle
from bedrock_alerts.alerts.notifications import shown
from bedrock_alerts.alerts.notifications.groups import group_of
from bedrock_alerts.alerts.notifications.message import latency_ms
from bedrock_alerts.alerts.notifications.pace import FIRST_INTERVAL, MOST_OF_A_DIGEST
from bedrock_alerts.alerts.notifications.plan import LookUp, Plan, Rotate, Send, Wait, plan
from bedrock_alerts.alerts.notifications.reasons import Kind, action_of, kind_of
from bedrock_alerts.alerts.ports import (
    Job,
    JournalPort,
    LookUpPort,
    Poke,
    PokeQueuePort,
    Sender,
    TablePort,
)
from bedrock_alerts.alerts.sending import Claim, Sending
from bedrock_alerts.alerts.turns import Turns
from bedrock_alerts.alerts.updating import update
from bedrock_alerts.errors import TransientError

_ROUNDS: Final = 12
_LONGEST_DELAY: Final = 900.0
_A_MOMENT_SECONDS: Final = 5.0


class Counts(NamedTuple):
    """Results of one batch of pokes; `latencies` are in milliseconds."""

    sent: int = 0
    failed: int = 0
    latencies: tuple[float, ...] = ()


class Parts(NamedTuple):
    """The parts of a Deliverer; `senders` are by kind of channel.

    `first_interval` is the delay of a group's second message, in seconds. `parked` stores the poke
    of a view that was given up. `channels` are all of the stack's.
    """

    table: TablePort
    queue: PokeQueuePort
    senders: Mapping[str, Sender]
    journal: JournalPort
    look_up: LookUpPort = lambda _item: None
    parked: Callable[[Poke], None] = lambda _poke: None
    channels: tuple[Channel, ...] = ()
    policy: Policy = Policy()
    details: Details = Details()
    has_bot: bool = False
    first_interval: float = FIRST_INTERVAL
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


class Deliverer:
    """Processes pokes until `deadline`, a time by the parts' clock, and counts results."""

    def __init__(self, parts: Parts, deadline: float) -> None:
        self._parts = parts
        self._deadline = deadline
        self._turns = Turns(
            parts.table, parts.journal, parts.clock, parts.sleep, parts.first_interval
        )
        self._sending = Sending(
            parts.table, parts.senders, parts.journal, parts.details, deadline, parts.clock
        )
        self.counts = Counts()

    def deliver(self, poke: Poke) -> None:
        """Send a channel what it lacks of an alarm. Raises TransientError to be retried."""
        if poke.event is not None:
            self._sending.send_event(poke, self._kind(poke.channel))
            self.counts = self.counts._replace(sent=self.counts.sent + 1)
            return
        for _ in range(_ROUNDS):
            if not self._step(poke):
                return

    def deliver_old(self, old: OldDelivery) -> None:
        """Send a message queued by a version before 0.2, unless an item covers it too.

        Raises TransientError and PermanentError.
        """
        alerts = tuple(alert for alert in old.alerts if not alert.incident)
        for alert in alerts:
            job = Job(
                action=action_of("notice", self._kind(old.channel)),
                alerts=(alert,),
                target=old.channel.partition(":")[2],
                mentions=old.mentions,
                notes=old.notes,
                key=incident_id(alert.key),
                reasons=("notice",),
            )
            self._sending.request(old.channel, job)
            self.counts = self.counts._replace(sent=self.counts.sent + 1)

    def _step(self, poke: Poke) -> bool:
        """Take one step for the channel; False if nothing is left to do now."""
        table, policy = self._parts.table, self._parts.policy
        item, version = table.load(poke.alarm)
        if item is None:
            return False
        now = self._parts.clock()
        settled = settle(item, now, policy)
        if settled != item:  # a close is stored before anyone is notified of it
            if self._put(poke.alarm, settled, version):
                self._poke_others(poke, settled, now)
            return True
        view = item.view(poke.channel)
        if view.claim and view.lease > now:
            return False
        found = plan(item, poke.channel, self._kind(poke.channel), policy, now)
        if isinstance(found, Send):
            return self._show(poke, item, version, found)
        return self._note(poke, item, version, found, now)

    def _note(self, poke: Poke, item: AlarmItem, version: int, found: Plan, now: float) -> bool:
        """Store the result of a plan without a message; False if it is to wait."""
        view = item.view(poke.channel)
        if isinstance(found, LookUp):
            self._look_up(poke, now)
            return True
        if isinstance(found, Rotate):
            view = msgspec.structs.replace(view, rotation=view.rotation + 1)
            self._put(poke.alarm, item.with_view(poke.channel, view), version)
            return True
        if isinstance(found, Wait):
            held_since = (view.held_since or now) if found.collects else 0.0
            changed = msgspec.structs.replace(view, due=found.due, held_since=held_since)
            if changed == view:
                return False
            return not self._put(poke.alarm, item.with_view(poke.channel, changed), version)
        return False

    def _look_up(self, poke: Poke, now: float) -> None:
        """Learn from CloudWatch what events may have missed."""
        item, _ = self._parts.table.load(poke.alarm)
        found = None
        if item is not None:
            try:
                found = self._parts.look_up(item)
            except TransientError as error:
                self._parts.journal.warning(
                    "alarm state not looked up", extra={"reason": str(error)}
                )

        def learn(known: AlarmItem | None) -> AlarmItem | None:
            if known is None:
                return None
            view = msgspec.structs.replace(known.view(poke.channel), last_looked=now)
            known = known.with_view(poke.channel, view)
            if found is None:
                return known
            return looked_up(known, found, now, self._parts.policy)

        update(self._parts.table, poke.alarm, self._parts.policy, learn)

    # ---- one message -----------------------------------------------------------------------------

    def _show(self, poke: Poke, item: AlarmItem, version: int, send: Send) -> bool:
        """Send one message and store what is shown; False if it must wait."""
        if not send.action:  # the channel shows nothing of it
            done = shown.Outcome("shown")
            view = item.view(poke.channel)
            view = shown.after(view, view, send, "", done, self._parts.clock())
            self._put(poke.alarm, item.with_view(poke.channel, view), version)
            return True
        claim = uuid.uuid4().hex
        turn = self._turns.take(poke.channel, poke.alarm, item, send, claim)
        if turn is not None:
            return self._wait(poke, item, version, turn)
        others = self._turns.others(poke.channel, poke.alarm, item, send)
        planned = send
        if others and send.action == "broadcast":
            send = send._replace(action="post")  # alarms that share a message get a new one
        while not self._claim(poke.alarm, item, version, poke.channel, send, claim):
            # Nearly always another channel has stored what it shows. The turn is kept: a new one
            # would be a second later.
            found, version = self._parts.table.load(poke.alarm)
            if found is None or not self._is_still(planned, found, poke.channel):
                self._turns.give_up(poke.channel, item, send, claim)
                return True
            item = found
        claims = [Claim(poke.alarm, item, send)]
        for alarm in others[: MOST_OF_A_DIGEST - 1]:
            claims += self._joining(alarm, poke.channel, group_of(item), claim)
        return self._send(poke.channel, claims, claim)

    def _is_still(self, planned: Send, item: AlarmItem, channel: Channel) -> bool:
        """Whether an item changed by another process needs the same message on the channel."""
        now, policy = self._parts.clock(), self._parts.policy
        view = item.view(channel)
        if settle(item, now, policy) != item or (view.claim and view.lease > now):
            return False
        return plan(item, channel, self._kind(channel), policy, now) == planned

    def _wait(self, poke: Poke, item: AlarmItem, version: int, until: float) -> bool:
        """Check again then; the queue returns the poke if its delay allows.

        For a few seconds nothing is stored: it would only conflict with the sender.
        """
        now = self._parts.clock()
        view = item.view(poke.channel)
        if view.due is not None and now < view.due <= until:
            return False  # another check is due by then
        if until - now > _A_MOMENT_SECONDS:
            view = msgspec.structs.replace(view, due=until)
            if not self._put(poke.alarm, item.with_view(poke.channel, view), version):
                return True
        if until - now <= _LONGEST_DELAY:
            self._parts.queue.put([poke], max(0.0, until - now))
        return False

    def _claim(
        self, alarm: str, item: AlarmItem, version: int, channel: Channel, send: Send, claim: str
    ) -> bool:
        view = shown.claimed(item.view(channel), send, claim, self._parts.clock())
        return self._put(alarm, item.with_view(channel, view), version)

    def _joining(self, alarm: str, channel: Channel, group: str, claim: str) -> list[Claim]:
        """Claim another alarm of the group, if the channel still lacks a notification of it."""
        item, version = self._parts.table.load(alarm)
        now = self._parts.clock()
        if item is None or group_of(item) != group or settle(item, now, self._parts.policy) != item:
            return []
        view = item.view(channel)
        if view.claim and view.lease > now:
            return []
        send = plan(item, channel, self._kind(channel), self._parts.policy, now)
        if not isinstance(send, Send) or not send.is_noisy:
            return []
        if send.action == "broadcast":
            send = send._replace(action="post")
        is_claimed = self._claim(alarm, item, version, channel, send, claim)
        return [Claim(alarm, item, send)] if is_claimed else []

    def _send(self, channel: Channel, claims: list[Claim], claim: str) -> bool:
        sent = self._sending.send(channel, claims)
        for one in claims:
            self._store(channel, one, claim, sent.outcome, is_one=len(claims) == 1)
        alarms = tuple(one.alarm for one in claims)
        first = claims[0]
        self._turns.done(channel, first.item, first.send, claim, sent.outcome, alarms)
        is_shown = sent.outcome.result == "shown"
        if is_shown:
            self._count_sent(claims)
            self._sending.add_extras(channel, sent)
        else:
            self.counts = self.counts._replace(failed=self.counts.failed + 1)
        return is_shown

    def _store(
        self, channel: Channel, one: Claim, claim: str, outcome: shown.Outcome, *, is_one: bool
    ) -> None:
        """Retry storing what is shown until the deadline."""
        before = one.item.view(channel)
        if not is_one:  # a message that several share is never edited
            outcome = outcome._replace(reference=None)

        def change(item: AlarmItem | None) -> AlarmItem | None:
            if item is None:
                return None
            now = self._parts.clock()
            view = shown.after(item.view(channel), before, one.send, claim, outcome, now)
            return item.with_view(channel, view)

        item = self._insist(one.alarm, change)
        # The terminal reports a failed test: it leaves no dead letter.
        if item is not None and item.view(channel).is_parked and not is_of_test(item):
            self._park(Poke(alarm=one.alarm, channel=channel), item, outcome.reason)

    # ---- what cannot be sent ---------------------------------------------------------------------

    def _park(self, poke: Poke, item: AlarmItem, reason: str) -> None:
        """Give a view up until the next fact, and report it on another channel."""
        self._parts.journal.warning(
            "parked", extra={"channel": poke.channel, "alarm": poke.alarm, "reason": reason}
        )
        other = self._fallback(item, poke.channel)
        if other is not None and (item.incident or item.notice):
            text = f"{poke.channel}: {reason}"

            def change(known: AlarmItem | None) -> AlarmItem | None:
                return known and shown.fallen_back(known, other, text, self._parts.clock())

            self._insist(poke.alarm, change)
            self._parts.queue.put([Poke(alarm=poke.alarm, channel=other)])
        self._parts.parked(poke)

    def _fallback(self, item: AlarmItem, failed: Channel) -> Channel | None:
        """Return the first other channel that people read, those in the routes first."""
        routed = [name for name, view in item.views.items() if view.rule]
        names = [
            name
            for name in dict.fromkeys((*routed, *self._parts.channels))
            if name != failed and not item.view(name).is_parked
        ]
        return min(names, key=lambda name: name.startswith("pagerduty"), default=None)

    # ---- small things ----------------------------------------------------------------------------

    def _kind(self, channel: Channel) -> Kind:
        return kind_of(channel, has_bot=self._parts.has_bot)

    def _put(self, alarm: str, item: AlarmItem, version: int) -> bool:
        return self._parts.table.put(alarm, item, version, next_due(item, self._parts.policy))

    def _poke_others(self, poke: Poke, item: AlarmItem, now: float) -> None:
        pokes = [
            Poke(alarm=poke.alarm, channel=channel)
            for channel, view in item.views.items()
            if channel != poke.channel and view.due is not None and view.due <= now
        ]
        if pokes:
            try:
                self._parts.queue.put(pokes)
            except TransientError as error:  # the sweep finds them
                self._parts.journal.warning("delivery not queued", extra={"reason": str(error)})

    def _insist(
        self, alarm: str, change: Callable[[AlarmItem | None], AlarmItem | None]
    ) -> AlarmItem | None:
        """Retry storing until the deadline: after that, the claim is what remains."""
        pause = 0.2
        while True:
            try:
                return update(self._parts.table, alarm, self._parts.policy, change)
            except TransientError:
                if self._parts.clock() + pause >= self._deadline:
                    raise
                self._parts.sleep(pause)
                pause = min(5.0, pause * 2)

    def _count_sent(self, claims: list[Claim]) -> None:
        now = self._parts.clock()
        found = [latency_ms(one.item, one.send, now) for one in claims]
        self.counts = self.counts._replace(
            sent=self.counts.sent + 1,
            latencies=(*self.counts.latencies, *(ms for ms in found if ms is not None)),
        )
