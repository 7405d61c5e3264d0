"""One message to one channel: from claims to a request and its outcome."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from bedrock_alerts.alerts.alert import (
    Alert,
    Channel,
    Fact,
)
from bedrock_alerts.alerts.describe import Details, describe, without_memory
from bedrock_alerts.alerts.events import (
    ConfigurationChange,
    incident_id,
)
from bedrock_alerts.alerts.found import Found
from bedrock_alerts.alerts.incidents.item import AlarmItem, Reference
from bedrock_alerts.alerts.notifications.message import message
from bedrock_alerts.alerts.notifications.plan import Send
from bedrock_alerts.alerts.notifications.reasons import TABLE, Action, Kind, action_of
from bedrock_alerts.alerts.notifications.shown import Outcome, Result
from bedrock_alerts.alerts.ports import Job, JournalPort, Poke, Receipt, Sender, TablePort
from bedrock_alerts.errors import (
    BedrockAlertsError,
    PermanentError,
    TransientError,
    UnknownOutcomeError,
)

_REQUEST_SECONDS: Final = 10.0
# Reserved for storing what was shown, in seconds.
_RESERVE_SECONDS: Final = 5.0
# Optional parts are added only while this many seconds are left.
_EXTRAS_SECONDS: Final = 15.0
_LONGEST_RETRY_AFTER: Final = 900.0


class Claim(NamedTuple):
    """An alarm whose view is claimed: its item before the claim, and what is sent."""

    alarm: str
    item: AlarmItem
    send: Send


class Sent(NamedTuple):
    """The result of a request: the outcome, and the job as it was sent."""

    outcome: Outcome
    job: Job | None = None


class Sending(NamedTuple):
    """Sends until `deadline`, a time by the clock; `senders` are by kind of channel."""

    table: TablePort
    senders: Mapping[str, Sender]
    journal: JournalPort
    details: Details
    deadline: float
    clock: Callable[[], float] = time.time

    def send(self, channel: Channel, claims: Sequence[Claim]) -> Sent:
        """Send one message and return the outcome. Raises only what ends the process."""
        extra: dict[str, object] = {
            "channel": channel,
            "alarms": [one.alarm for one in claims],
            "reasons": [one.send.reason for one in claims],
        }
        try:
            job = self._job(channel, claims)
            receipt = self.request(channel, job)
        except Exception as error:  # noqa: BLE001 - an error of ours must not block the alarm
            outcome = _failure(error, self.clock())
            self.journal.warning(
                "not sent", extra={**extra, "result": outcome.result, "reason": outcome.reason}
            )
            return Sent(outcome)
        self.journal.info("sent", extra=extra)
        if receipt.defect:
            self.journal.warning(
                "sent as plain text: the formatted message was refused",
                extra={"reason": receipt.defect},
            )
        return Sent(Outcome("shown", receipt.reference), job)

    def add_extras(self, channel: Channel, sent: Sent) -> None:
        """Send the optional parts. The message is sent, so nothing here may make it fail."""
        reference, job = sent.outcome.reference, sent.job
        if job is None or reference is None or job.action != "post":
            return
        for add in self._sender(channel).extras(job, reference, _REQUEST_SECONDS):
            if self.clock() + _EXTRAS_SECONDS > self.deadline:
                return
            try:
                add()
            except Exception as error:  # noqa: BLE001 - of any kind: this part is optional
                self.journal.info("optional reply not sent", extra={"error": type(error).__name__})

    def send_event(self, poke: Poke, kind: Kind) -> None:
        """Send an event while the table is unavailable: the message says that it may be a repeat.

        Raises TransientError and PermanentError.
        """
        event = poke.event
        if event is None:
            return
        found = Found(account_alias=poke.account_name)
        alert = describe(event, without_memory(event), self.details, found)
        fact = Fact("Incidents table", "not available, so this may be a repeat")
        alert = msgspec.structs.replace(alert, incident=event.alarm_arn, facts=(*alert.facts, fact))
        job = Job(
            action=action_of("firing", kind),
            alerts=(alert,),
            target=poke.channel.partition(":")[2],
            mentions=poke.mentions,
            key=poke.key,
            reasons=("firing",),
        )
        self.request(poke.channel, job)

    def request(self, channel: Channel, job: Job) -> Receipt:
        """Send one job in the time left. Raises TransientError and PermanentError."""
        seconds = min(_REQUEST_SECONDS, self.deadline - _RESERVE_SECONDS - self.clock())
        if seconds <= 0:
            raise TransientError("no time is left for it")
        return self._sender(channel).send(job, seconds)

    def _sender(self, channel: Channel) -> Sender:
        sender = self.senders.get(channel.partition(":")[0])
        if sender is None:
            raise PermanentError(f"this stack has no channel {channel}")
        return sender

    def _job(self, channel: Channel, claims: Sequence[Claim]) -> Job:
        first = claims[0]
        mentions: dict[str, None] = {}
        for one in claims:
            rule = one.item.view(channel).rule
            if rule and TABLE[one.send.reason].is_bad_news:
                mentions |= dict.fromkeys(rule.mentions)
        reference = self._reference(first, channel)
        return Job(
            action=_action(claims, reference),
            alerts=tuple(self._alert(one, channel) for one in claims),
            target=channel.partition(":")[2],
            mentions=tuple(mentions),
            notes=tuple(dict.fromkeys(one.item.note for one in claims if one.item.note)),
            key=first.send.key or incident_id(first.item.arn),
            reference=reference,
            number=first.send.shows.number,
            reasons=tuple(one.send.reason for one in claims),
            shows=tuple(one.send.shows for one in claims),
        )

    def _alert(self, one: Claim, channel: Channel) -> Alert:
        try:
            found = self.table.evidence(one.alarm)
        except TransientError:
            found = Found()
        alert = message(
            one.item, one.item.view(channel), one.send, found, self.details, self.clock()
        )
        if alert is None:
            raise PermanentError("no stored event describes the alarm")
        return alert

    def _reference(self, one: Claim, channel: Channel) -> Reference | None:
        """Return the message to edit; a notice about an alarm that is shown replies to that."""
        notice = one.item.notice
        if notice is None:
            return one.item.view(channel).reference
        if not isinstance(notice, ConfigurationChange):
            return None
        alarm, _ = self.table.load(incident_id(notice.alarm_arn))
        return alarm.view(channel).reference if alarm and alarm.incident else None


def _action(claims: Sequence[Claim], reference: Reference | None) -> Action:
    """Return what is done for one alarm; several alarms share a new message."""
    first = claims[0]
    if len(claims) > 1:
        return "send" if first.send.action == "send" else "post"
    is_reply = first.item.notice is not None and first.send.action == "post" and reference
    return "reply" if is_reply else first.send.action


def _failure(error: Exception, now: float) -> Outcome:
    """Return the outcome of a failure. Only the kind of an error that is not ours is shown."""
    if not isinstance(error, BedrockAlertsError):
        return Outcome("permanent", reason=f"an error in Bedrock Alerts ({type(error).__name__})")
    result: Result = "permanent"
    retry_at = 0.0
    if isinstance(error, TransientError):
        result = "unknown" if isinstance(error, UnknownOutcomeError) else "refused"
        if error.retry_after is not None:
            retry_at = now + min(error.retry_after, _LONGEST_RETRY_AFTER)
    return Outcome(result, retry_at=retry_at, reason=str(error))
