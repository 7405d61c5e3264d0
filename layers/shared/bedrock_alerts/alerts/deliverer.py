"""Each alert once to each channel, whatever dies in between.

A delivery claims its alerts in the ledger, waits for its turn, sends, and records that it has. Who
finds the claim of somebody who has died sends again: what may come twice is what was accepted just
before the function died, and nothing is lost. Where the ledger fails, everything is sent without
it. Nothing here sleeps for long: the queue does the waiting.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol

import msgspec

from bedrock_alerts.alerts.delivering import (
    LONGEST_PAUSE_SECONDS,
    STANDING,
    ended_in,
    judge_claim,
    judge_recovery,
    pause_before_retry,
    told_late,
)
from bedrock_alerts.alerts.describe import sent_late
from bedrock_alerts.alerts.incidents import over_since
from bedrock_alerts.alerts.memory import JournalPort, LedgerPort, Memory
from bedrock_alerts.alerts.model import Alert, Delivery, LedgerEntry
from bedrock_alerts.alerts.render.fallback import render_fallback
from bedrock_alerts.alerts.send import EmailPort, Post, Receipt, Sender
from bedrock_alerts.errors import (
    BedrockAlertsError,
    PermanentError,
    PostponedError,
    TransientError,
)

_LONGEST_NAP_SECONDS: Final = 3.0


class Attempt(NamedTuple):
    """One receipt of a delivery's message; `number` is 1 for the first."""

    body: str
    message_id: str
    receipt_handle: str
    number: int


class QueuePort(Protocol):
    """Knows how to make a message come back later."""

    def postpone(self, receipt_handle: str, seconds: float) -> None:
        """Hide a message, or raise TransientError."""


class ParkPort(Protocol):
    """Keeps what cannot be sent."""

    def park(self, body: str) -> None:
        """Put a delivery aside, or raise TransientError."""


class Parts(NamedTuple):
    """What a Deliverer works with; `attempts` is how often a delivery is tried before it is parked.

    `senders` are by kind of channel. `fallback` sends e-mails about what could not be sent.
    """

    senders: Mapping[str, Sender]
    ledger: LedgerPort
    queue: QueuePort
    parking: ParkPort
    fallback: EmailPort
    journal: JournalPort
    attempts: int
    clock: Callable[[], float]
    sleep: Callable[[float], None]


class Counts(NamedTuple):
    """What became of messages: accepted, tried in vain, withheld on purpose."""

    sent: int = 0
    failed: int = 0
    withheld: int = 0


class Deliverer:
    """Sends deliveries, and counts what became of them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.counts = Counts()

    def deliver(self, attempt: Attempt) -> None:
        """Send one delivery. Returns when its message is done with: sent, or parked.

        Raises PostponedError or TransientError when it has to come back.
        """
        try:
            delivery = msgspec.json.decode(attempt.body, type=Delivery)
        except (msgspec.DecodeError, RecursionError) as error:
            self._give_up(attempt, None, f"it cannot be read ({type(error).__name__})")
            return
        run = _Run(self._parts, delivery, attempt)
        try:
            run.send_all()
        except PostponedError as error:
            self._parts.queue.postpone(attempt.receipt_handle, error.seconds)
            raise
        except Exception as error:  # noqa: BLE001 - raised again, or told by e-mail
            self._after_failure(attempt, run, error)
        finally:
            self._count(*run.counts)

    def _after_failure(self, attempt: Attempt, run: "_Run", error: Exception) -> None:
        """Let the message come back, or give it up: at once where trying again cannot help."""
        is_ours = isinstance(error, BedrockAlertsError)
        if not isinstance(error, PermanentError) and attempt.number < self._parts.attempts:
            self._count(failed=1)
            if isinstance(error, TransientError):
                run.hold_channel(error)
                pause = pause_before_retry(error, attempt.number)
                self._parts.queue.postpone(attempt.receipt_handle, pause)
            raise error
        # Of an error that is not ours only the kind is told: its text may quote anything.
        reason = str(error) if is_ours else f"a fault of Bedrock Alerts ({type(error).__name__})"
        self._give_up(attempt, run, reason)

    def _give_up(self, attempt: Attempt, run: "_Run | None", reason: str) -> None:
        """Say by e-mail what cannot be sent, and put it aside. Raises TransientError."""
        self._count(failed=1)
        channel = run.channel if run else ""
        self._parts.journal.warning(
            "given up: parked, and told by e-mail",
            extra={
                "channel": channel,
                "alerts": [alert.key for alert in run.unsent] if run else [],
                "message_id": attempt.message_id,
                "reason": reason,
            },
        )
        try:
            if run is None:
                self._send_fallback((), channel, reason)
            elif run.kind != "email":
                alerts = [alert for alert in run.unsent if not run.is_emailed(alert)]
                if alerts:
                    self._send_fallback(alerts, channel, reason)
                    run.mark_emailed(alerts)
            self._parts.parking.park(attempt.body)
        except TransientError as error:
            pause = pause_before_retry(error, 1)
            self._parts.queue.postpone(attempt.receipt_handle, pause)
            raise

    def _send_fallback(self, alerts: Sequence[Alert], channel: str, reason: str) -> None:
        message = render_fallback(alerts, channel, reason)
        try:
            self._parts.fallback.send(message.subject, message.body)
        except PermanentError as error:
            # Parked without it: the alarm on the dead-letter queue is all that is left.
            self._parts.journal.warning("no fallback e-mail", extra={"reason": str(error)})

    def _count(self, sent: int = 0, failed: int = 0, withheld: int = 0) -> None:
        was = self.counts
        self.counts = Counts(was.sent + sent, was.failed + failed, was.withheld + withheld)


class _Due(NamedTuple):
    """An alert whose turn it is: as it was queued, as it is told, what the ledger says of it."""

    queued: Alert
    told: Alert
    entry: LedgerEntry


class _Run:
    """One attempt at one delivery."""

    def __init__(self, parts: Parts, delivery: Delivery, attempt: Attempt) -> None:
        self._parts = parts
        self._delivery = delivery
        self._attempt = attempt
        self._is_last = attempt.number >= parts.attempts
        self._memory = Memory(parts.ledger, parts.journal)
        self._is_done: set[str] = set()
        self.channel = delivery.channel
        self.kind, _, self._target = delivery.channel.partition(":")
        self.counts = Counts()

    @property
    def unsent(self) -> list[Alert]:
        """What still has to be told."""
        return [alert for alert in self._delivery.alerts if alert.key not in self._is_done]

    def send_all(self) -> None:
        """Send what has not been sent, as one message or several.

        One that fails does not stop the others. What passes is raised before what does not: a
        delivery is not given up while part of it may still be sent.
        """
        sender = self._parts.senders.get(self.kind)
        if sender is None:
            raise PermanentError(f"there is no channel {self.channel!r} in this stack")
        alerts = self._delivery.alerts
        failures: list[BedrockAlertsError] = []
        for unit in [alerts] if sender.takes_digests else [(alert,) for alert in alerts]:
            try:
                self._send(sender, unit)
            except (PostponedError, TransientError, PermanentError) as error:
                failures.append(error)
        for kind in (TransientError, PostponedError, PermanentError):
            for failure in failures:
                if isinstance(failure, kind):
                    raise failure

    def hold_channel(self, error: TransientError) -> None:
        """Let everybody leave a channel in peace that has asked for it."""
        if error.retry_after is not None:
            wait = min(error.retry_after, LONGEST_PAUSE_SECONDS)
            self._memory.hold(self.channel, self._parts.clock() + wait)

    def is_emailed(self, alert: Alert) -> bool:
        """Tell whether the fallback e-mail about an alert has been sent before."""
        entry = self._memory.entry(self.channel, alert)
        return entry is not None and entry.emailed

    def mark_emailed(self, alerts: Iterable[Alert]) -> None:
        """Remember that the fallback e-mail is out."""
        for alert in alerts:
            entry = self._entry(alert, "failed")
            self._memory.write(
                self.channel, alert, msgspec.structs.replace(entry, emailed=True), always=True
            )

    def _send(self, sender: Sender, alerts: Sequence[Alert]) -> None:
        due: list[_Due] = []
        try:
            # Ends first: of an alarm that is here as well, the end is withheld, and the alarm then
            # told together with it. The other way round, each would wait for the other.
            for alert in sorted(alerts, key=lambda alert: alert.kind != "resolved"):
                admitted = self._admit(alert)
                if admitted is not None:
                    due.append(admitted)
        except BedrockAlertsError:
            self._release(due, "waiting")
            raise
        if not due:
            return
        self._wait_for_turn(due)
        post = self._post([item.told for item in due])
        try:
            receipt = sender.send(post)
        except Exception:
            self._release(due, "failed")
            raise
        self._record(due, receipt)
        if receipt.thread is not None:
            self._add_extras(sender.extras(post, receipt.thread))

    # -- before --

    def _admit(self, alert: Alert) -> _Due | None:
        """Claim an alert, and decide how it is told. None when it is not to be told.

        First the claim: of an alarm and its end that come side by side, one sees the other.
        """
        now = self._parts.clock()
        entry = self._claim(alert, now)
        if entry is None:
            return None
        if alert.kind == "resolved":
            return self._admit_recovery(_Due(alert, alert, entry), now)
        over = self._over_since(alert)
        if over is not None and alert.kind == "reminder":
            self._withhold(_Due(alert, alert, entry), "the alarm is over")
            return None
        told = told_late(alert, over) if over is not None else alert
        told = sent_late(told, now - self._delivery.queued_at)
        return _Due(alert, told, msgspec.structs.replace(entry, kind=told.kind))

    def _admit_recovery(self, due: _Due, now: float) -> _Due | None:
        entries = self._memory.entries(self.channel, due.queued.incident)
        verdict = "go" if entries is None else judge_recovery(entries, due.queued, now)
        if verdict == "skip":
            self._withhold(due, "this channel has not heard of the alarm alone")
            return None
        if verdict == "wait" and not self._is_last:
            self._release([due], "waiting")
            raise self._too_early("the alarm is being sent")
        told = sent_late(due.queued, now - self._delivery.queued_at)
        return _Due(due.queued, told, due.entry)

    def _claim(self, alert: Alert, now: float) -> LedgerEntry | None:
        """Claim an alert in the ledger. None when it has been sent, PostponedError when it may be.

        What was known of it before stays with it: its turn, and that the fallback e-mail is out.
        """
        entry = self._entry(alert, "sending")
        found = self._memory.begin(self.channel, alert, entry, None)
        if found is None:
            return entry
        verdict = judge_claim(found, self._attempt.message_id, now)
        if verdict == "go":
            entry = msgspec.structs.replace(entry, slot=found.slot, emailed=found.emailed)
            found = self._memory.begin(self.channel, alert, entry, found)
            if found is None:
                return entry
            verdict = judge_claim(found, self._attempt.message_id, now)
        if verdict == "skip":
            self._is_done.add(alert.key)
            self._parts.journal.info(
                "sent before", extra={"channel": self.channel, "alerts": [alert.key]}
            )
            return None
        if self._is_last:
            raise PermanentError("another attempt to send it never came to an end")
        raise self._too_early("it is being sent")

    def _over_since(self, alert: Alert) -> datetime | None:
        """Return when an alarm ended that is to be told as standing."""
        if alert.kind not in STANDING or alert.opened_at is None:
            return None
        incident = self._memory.incident(alert.incident)
        ended_at = over_since(incident, alert.opened_at) if incident else None
        if ended_at is not None:
            return ended_at
        return ended_in(self._memory.entries(self.channel, alert.incident) or (), alert)

    def _too_early(self, why: str) -> PostponedError:
        pause = pause_before_retry(PostponedError(why, seconds=0), self._attempt.number)
        return PostponedError(why, seconds=pause)

    def _wait_for_turn(self, due: list[_Due]) -> None:
        """Take a second of the channel's, and wait for it: here if it is near, else in the queue.

        A turn once taken is kept, so that nobody waits twice.
        """
        slot = next((item.entry.slot for item in due if item.entry.slot), 0.0)
        if not slot:
            slot = self._memory.reserve(self.channel, self._parts.clock())
        wait = slot - self._parts.clock()
        if wait <= 0 or self._is_last:
            return
        if wait <= _LONGEST_NAP_SECONDS:
            self._parts.sleep(wait)
            return
        self._release(due, "waiting", slot)
        raise PostponedError("the channel takes one message a second", seconds=wait)

    def _post(self, alerts: Sequence[Alert]) -> Post:
        alert = alerts[0]
        thread = parent = None
        if len(alerts) == 1 and alert.incident and self.kind == "slack":
            thread = self._memory.thread(self.channel, alert.incident)
            if alert.alarm_arn and alert.alarm_arn != alert.incident:
                parent = self._memory.thread(self.channel, alert.alarm_arn)
        return Post(
            alerts=tuple(alerts),
            target=self._target,
            mentions=self._delivery.mentions,
            notes=self._delivery.notes,
            digest=self._delivery.digest,
            thread=thread,
            parent=parent,
        )

    # -- after --

    def _record(self, due: Sequence[_Due], receipt: Receipt) -> None:
        """Write down who was told of what: the ledger, and the log for the one who asks later.

        The thread first: an entry that says `sent` is never without it.
        """
        now = self._parts.clock()
        incident = due[0].queued.incident
        if receipt.thread is not None and incident:
            self._memory.keep_thread(self.channel, incident, receipt.thread)
        for item in due:
            entry = msgspec.structs.replace(item.entry, status="sent", at=now)
            self._memory.write(self.channel, item.queued, entry, always=True)
            self._is_done.add(item.queued.key)
        self.counts = self.counts._replace(sent=self.counts.sent + 1)
        self._parts.journal.info(
            "sent",
            extra={
                "channel": self.channel,
                "alerts": [item.queued.key for item in due],
                "kinds": [item.told.kind for item in due],
            },
        )
        if receipt.defect:
            self._parts.journal.warning(
                "sent in plain words: our message was refused", extra={"reason": receipt.defect}
            )

    def _release(
        self, due: Iterable[_Due], status: Literal["waiting", "failed"], slot: float = 0.0
    ) -> None:
        for item in due:
            entry = msgspec.structs.replace(
                item.entry, status=status, at=self._parts.clock(), slot=slot
            )
            self._memory.write(self.channel, item.queued, entry)

    def _withhold(self, due: _Due, reason: str) -> None:
        self._release([due], "failed")
        alert = due.queued
        self._is_done.add(alert.key)
        self.counts = self.counts._replace(withheld=self.counts.withheld + 1)
        self._parts.journal.info(
            "withheld", extra={"channel": self.channel, "alerts": [alert.key], "reason": reason}
        )

    def _add_extras(self, extras: Iterable[Callable[[], None]]) -> None:
        """Add what is nice to have. The alert is out: nothing here may fail it."""
        for add in extras:
            slot = self._memory.reserve(self.channel, self._parts.clock())
            wait = slot - self._parts.clock()
            if wait > _LONGEST_NAP_SECONDS:
                self._parts.journal.info(
                    "left out: the channel is busy", extra={"channel": self.channel}
                )
                return
            self._parts.sleep(max(0.0, wait))
            try:
                add()
            except Exception as error:  # noqa: BLE001 - of whatever kind: it is not worth the alert
                reason = str(error) if isinstance(error, BedrockAlertsError) else ""
                self._parts.journal.warning(
                    "left out",
                    extra={
                        "channel": self.channel,
                        "error": type(error).__name__,
                        "reason": reason,
                    },
                )

    def _entry(
        self, alert: Alert, status: Literal["sending", "waiting", "sent", "failed"]
    ) -> LedgerEntry:
        return LedgerEntry(
            status=status,
            kind=alert.kind,
            owner=self._attempt.message_id,
            at=self._parts.clock(),
            opened_at=alert.opened_at,
            ended_at=alert.ended_at or (alert.at if alert.kind == "resolved" else None),
        )
