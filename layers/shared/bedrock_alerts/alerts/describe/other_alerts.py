"""Words for all events other than alarm state changes."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from bedrock_alerts.alerts.alert import (
    DEFAULT_SEVERITY,
    Alert,
    Fact,
    Link,
    Notification,
    Severity,
)
from bedrock_alerts.alerts.console import Console
from bedrock_alerts.alerts.describe.trailers import key_of, split_description, trailers_of
from bedrock_alerts.alerts.events import (
    ConfigurationChange,
    Tampering,
    Unrecognised,
)
from bedrock_alerts.alerts.formatting import caller_name, written
from bedrock_alerts.alerts.next_steps import (
    ALARM_CHANGED,
    REFUSED,
    TAMPERED,
    entry_of,
    suffix_of,
)


class Deed(NamedTuple):
    """What an API call does, to end `X …` and `X tried to …`, and its harm."""

    did: str
    do: str
    harm: str


_DEEDS: Final[Mapping[str, Deed]] = {
    "DeleteModelInvocationLoggingConfiguration": Deed(
        "switched Bedrock's invocation logging off",
        "switch Bedrock's invocation logging off",
        "Later calls are not seen, and most alarms cannot fire.",
    ),
    "PutModelInvocationLoggingConfiguration": Deed(
        "changed Bedrock's invocation logging",
        "change Bedrock's invocation logging",
        "If it goes elsewhere or leaves text out, guardrail results cannot be seen.",
    ),
    "DeleteGuardrail": Deed(
        "deleted a guardrail",
        "delete a guardrail",
        "Calls that name it fail, or are not guarded once they stop naming it.",
    ),
    "UpdateGuardrail": Deed(
        "changed a guardrail",
        "change a guardrail",
        "It may block less than it did: compare it with the previous version.",
    ),
    "CreateGuardrailVersion": Deed(
        "created a new version of a guardrail",
        "create a new version of a guardrail",
        "Calls that name that version use it.",
    ),
}


def configuration_change(event: ConfigurationChange, notification: Notification) -> Alert:
    """Describe a change of an alarm; deletion ends its incident."""
    status, summary, severity = _changed(event)
    is_ours = entry_of(event.alarm_name) is not None
    before, now = event.previous_threshold, event.threshold
    is_moved = status == "ALARM CHANGED" and None not in (before, now) and before != now
    change = f", threshold {written(before or 0)} to {written(now or 0)}" if is_moved else ""
    if notification.ended_at is not None:
        summary = f"{summary} It was firing when it was deleted; no recovery will be reported."
    text, _ = split_description(event.description)
    trailers = trailers_of(event)
    console = Console(event.alarm_arn, event.region)
    is_there = console.is_known and event.operation != "delete"
    return Alert(
        key=key_of(event.alarm_arn, event.operation, event.at.isoformat()),
        tone=severity,
        status=status,
        title=event.alarm_name,
        summary=summary,
        account_id=event.account_id,
        region=event.region,
        at=event.at,
        severity=severity,
        alarm_arn=event.alarm_arn,
        opened_at=notification.opened_at if notification.ended_at else None,
        ended_at=notification.ended_at,
        team=trailers.get("team", ""),
        # The alarm's purpose has not changed, and must not read like an event.
        facts=tuple(
            Fact(label, value)
            for label, value in (("About", text), ("Team", trailers.get("team", "")))
            if value
        ),
        links=(Link(event.alarm_name, console.alarm(event.alarm_name)),) if is_there else (),
        next_steps=ALARM_CHANGED,
        label=status.capitalize(),
        headline=f"{suffix_of(event.alarm_name) if is_ours else event.alarm_name}{change}",
    )


def _changed(event: ConfigurationChange) -> tuple[str, str, Severity]:
    """Return what was done to an alarm, and its severity."""
    if event.operation == "delete":
        return "ALARM DELETED", "What this alarm watched is no longer watched.", "warning"
    if event.operation == "create":
        return "ALARM CREATED", "There is a new alarm.", "info"
    was, is_ = event.previous_actions_enabled, event.actions_enabled
    if was is not False and is_ is False:
        words = "Its actions were disabled: no notifications until they are enabled again."
        return "ALARM SWITCHED OFF", words, "warning"
    if was is False and is_ is True:
        return "ALARM SWITCHED ON", "Its actions were enabled again.", "info"
    before, now = event.previous_threshold, event.threshold
    if before is not None and now is not None and before != now:
        words = f"Its threshold was changed from {written(before)} to {written(now)}."
        return "ALARM CHANGED", words, "info"
    return "ALARM CHANGED", f"Its configuration was changed ({event.operation}).", "info"


def tampering(event: Tampering) -> Alert:
    """Describe who changed, or tried to change, what this tool relies on."""
    who = caller_name(event.principal)
    deed = _DEEDS.get(event.action, Deed(f"called {event.action}", f"call {event.action}", ""))
    if event.error_code:
        did = f"{who} tried to {deed.do}, and was refused ({event.error_code})."
        summary, severity, status = did, DEFAULT_SEVERITY, "TAMPERING REFUSED"
    else:
        did = f"{who} {deed.did}."
        summary = f"{did}\n{deed.harm}" if deed.harm else did
        severity, status = "critical", "TAMPERING"
    console = Console("", event.region)
    is_linked = console.is_known and bool(event.event_id)
    return Alert(
        key=key_of(event.event_id, event.action, event.at.isoformat()),
        tone=severity,
        status=f"{status} · {severity}",
        title=event.action,
        summary=summary,
        account_id=event.account_id,
        region=event.region,
        at=event.at,
        severity=severity,
        facts=(
            *((Fact("What", event.target),) if event.target else ()),
            Fact("Call", event.action),
        ),
        links=(Link("Open in CloudTrail", console.trail(event.event_id)),) if is_linked else (),
        next_steps=REFUSED if event.error_code else TAMPERED,
        label=severity.capitalize(),
        headline=did.removesuffix("."),
        who=event.principal,
    )


def unrecognised(event: Unrecognised) -> Alert:
    """Describe an unknown event, without its content."""
    return Alert(
        key=key_of(event.identity, event.title),
        tone="unknown",
        status="UNKNOWN EVENT",
        title=event.title,
        summary="Bedrock Alerts does not know this kind of event. Its content is left out because"
        " it may be private.",
        account_id=event.account_id,
        region=event.region,
        at=event.at,
        facts=tuple(Fact(label, value) for label, value in event.facts),
        label="Unknown event",
        headline=event.title,
    )
