"""Describes an alarm's state change in the words of its notification."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from bedrock_alerts.alerts.alert import (
    Alert,
    Fact,
    Link,
    Notification,
    Severity,
    Tone,
)
from bedrock_alerts.alerts.console import Console
from bedrock_alerts.alerts.describe.facts import facts_of
from bedrock_alerts.alerts.describe.headline import headline_of, label_of
from bedrock_alerts.alerts.describe.trailers import (
    is_link,
    key_of,
    severity_in,
    split_description,
    trailers_of,
)
from bedrock_alerts.alerts.events import (
    AlarmDefinition,
    StateChange,
)
from bedrock_alerts.alerts.formatting import (
    STANDING,
    caller_name,
    lasting,
    measure,
)
from bedrock_alerts.alerts.found import Found
from bedrock_alerts.alerts.next_steps import (
    ABOUT_QUOTAS,
    NO_DATA,
    TEST,
    entry_of,
    steps_for,
    suffix_of,
)
from bedrock_alerts.alerts.questions import callers_query, question
from bedrock_alerts.alerts.test_marks import is_name_of_test, is_test
from bedrock_alerts.alerts.widget import widget_of
from bedrock_alerts.text import shorten

_STATES: Final = frozenset({"ALARM", "OK", "INSUFFICIENT_DATA"})
_MAX_ATTRIBUTES: Final = 3
_MAX_VALUE: Final = 400
_ACCOUNT_IN_ARN: Final = 4
# CloudWatch reports OK for a contributor that sends no more data.
_NO_DATA: Final = re.compile(r"\bno data|\bwithout data|missing data", re.IGNORECASE)
# The `status` values of the webhook's contract; people read `label`.
_STATUS: Final = {
    "escalated": "WORSE",
    "still_firing": "STILL IN ALARM",
    "undelivered": "STILL IN ALARM",
    "resolved": "RESOLVED",
    "no_data": "NO DATA",
    "acknowledged": "ACKNOWLEDGED",
    "silenced": "SILENCED",
    "recovering": "RECOVERING",
}
_TONES: Final[Mapping[str, Tone]] = {
    "resolved": "ok",
    "no_data": "unknown",
    "acknowledged": "info",
    "silenced": "info",
    "recovering": "ok",
}
_STILL_NOTIFIED: Final = "You are still notified if severity rises."


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """Details that the stack adds to an event.

    `event_logs` are the ARNs of the log groups that hold the event lines; Logs Insights reads them
    in one account and Region: the stack's. `every_call` says that all calls have a line.
    `dashboard` is the name of the stack's dashboard.
    """

    event_logs: tuple[str, ...] = ()
    every_call: bool = False
    dashboard: str = ""

    def is_home_of(self, account_id: str, region: str) -> bool:
        """Whether this account and Region are the stack's."""
        return any(log.split(":")[3:5] == [region, account_id] for log in self.event_logs)

    def is_elsewhere(self, account_id: str, region: str) -> bool:
        """Whether this is a known account and Region that the stack cannot look into."""
        known = bool(self.event_logs and account_id and region)
        return known and not self.is_home_of(account_id, region)

    def logs_of(self, change: StateChange) -> tuple[str, ...]:
        """Return the ARNs of the log groups with the event lines about an alarm.

        Elsewhere that is the group of the stack that the alarm is named after, which is taken to
        read its log in the same way as this stack.
        """
        if self.is_home_of(change.account_id, change.region):
            return self.event_logs
        stack, dot, _ = change.alarm_name.rpartition(".")
        partition = change.alarm_arn.split(":")[1]
        start = f"arn:{partition}:logs:{change.region}:{change.account_id}:log-group:"
        reads = (log.rpartition("-collect-")[2] for log in self.event_logs if "-collect-" in log)
        return tuple(f"{start}/aws/lambda/{stack}-collect-{way}" for way in reads if dot)


def state_change(
    change: StateChange, notification: Notification, details: Details, found: Found
) -> Alert:
    """Describe what happened to an alarm, and why a notification is sent now."""
    text, _ = split_description(change.description)
    trailers = trailers_of(change)
    severity = severity_in(trailers)
    stands = notification.kind in STANDING
    change, threshold, operator = _completed(change, found.definition)
    is_seen = not _ended_without_data(change, notification)
    headline = headline_of(change, notification, measure(change, threshold, operator))
    if text and headline.startswith(text.rstrip(".")):
        text = ""  # the headline says it
    return Alert(
        key=_key(change, notification),
        tone=_tone(change, notification, severity),
        status=_status(change, notification, severity),
        title=_title(change),
        summary=_summary(change, _news(change, notification), text, notification),
        account_id=change.account_id,
        account_alias=found.account_alias,
        region=change.region,
        at=(notification.opened_at or change.at) if stands else change.at,
        kind=notification.kind,
        severity=severity,
        state=change.state,
        incident=change.incident_key,
        alarm_arn=change.alarm_arn,
        team=trailers.get("team", ""),
        opened_at=notification.opened_at,
        ended_at=notification.ended_at,
        facts=(
            *facts_of(change, notification, trailers, found.definition),
            *_sign_in(change, details, found),
        ),
        reason=change.reason or _unsaid(change),
        links=tuple(_links(change, trailers, details)),
        recent_values=change.recent_values,
        threshold=threshold,
        evidence=found.evidence,
        next_steps=_next_steps(change, notification),
        widget=widget_of(change, threshold) if stands else "",
        label=label_of(change, notification, severity, is_seen=is_seen),
        headline=headline,
        who=_who(change, notification, details, found),
    )


def _completed(
    change: StateChange, definition: AlarmDefinition | None
) -> tuple[StateChange, float | None, str | None]:
    """Add the limit and the operator from the definition if the event lacks them."""
    if definition is None:
        return change, change.threshold, change.operator
    threshold = change.threshold
    if threshold is None and change.band is None:
        threshold = definition.threshold
    completed = msgspec.structs.replace(
        change,
        threshold=threshold,
        operator=change.operator or definition.operator,
        evaluation=change.evaluation or definition.evaluation,
    )
    return completed, threshold, completed.operator


def _sign_in(change: StateChange, details: Details, found: Found) -> Iterator[Fact]:
    """Say which account the links need: the console shows the account you are signed in to."""
    home = {log.split(":")[4] for log in details.event_logs if log.count(":") > _ACCOUNT_IN_ARN}
    if not change.account_id or not home or change.account_id in home:
        return
    if is_name_of_test(change.alarm_name):
        return
    name = found.account_alias
    where = f"{name} ({change.account_id})" if name else change.account_id
    yield Fact("Links", f"sign in to {where} first")


def _who(change: StateChange, notification: Notification, details: Details, found: Found) -> str:
    """Return the top callers, or how to find them if no evidence names them."""
    if found.evidence is not None and found.evidence.who:
        return found.evidence.who
    if change.contributor and change.contributor.attributes:
        values = [caller_name(value) for _, value in change.contributor.attributes]
        return shorten(", ".join(values[:_MAX_ATTRIBUTES]), _MAX_VALUE)
    is_ours = entry_of(change.alarm_name) is not None
    if not is_ours or notification.kind not in STANDING:
        return ""
    query, log = callers_query(change, every_call=details.every_call)
    if not query:
        return ""
    if details.is_elsewhere(change.account_id, change.region):
        where = f"{found.account_alias or change.account_id} {change.region}"
        return f"Not looked up; in {where}, run in Logs Insights, on {log}: {query}"
    return f"Not known yet; run in Logs Insights, on {log}: {query}"


def _summary(change: StateChange, news: str, text: str, notification: Notification) -> str:
    """Put the event before the owner's description, which is left out after the end."""
    says_text = notification.kind in STANDING or change.state not in _STATES
    said = (news, notification.former_end, notification.note, text if says_text else "")
    return "\n".join(part for part in said if part)


def _key(change: StateChange, notification: Notification) -> str:
    """Return the key of a notification, the same on every transport."""
    by_whom = {"acknowledged": notification.acked_by, "silenced": notification.held_by}.get(
        notification.kind, ""
    )
    until = notification.until.isoformat() if notification.until else ""
    state = (change.incident_key, change.state, change.at.isoformat())
    return key_of(*state, notification.kind, by_whom, until)


def _tone(change: StateChange, notification: Notification, severity: Severity) -> Tone:
    if _ended_without_data(change, notification):
        return "unknown"
    is_marked = notification.is_test or is_test(change)
    by_state: Tone = {"ALARM": "info" if is_marked else severity, "OK": "ok"}.get(
        change.state, "unknown"
    )
    return _TONES.get(notification.kind, by_state)


def _status(change: StateChange, notification: Notification, severity: Severity) -> str:
    if _ended_without_data(change, notification):
        return "NO DATA"
    word = _STATUS.get(notification.kind, "")
    if notification.kind in STANDING and change.state == "ALARM":
        return f"{word or 'ALARM'} · {severity}"
    return word or {"INSUFFICIENT_DATA": "NO DATA"}.get(change.state, change.state)


def _title(change: StateChange) -> str:
    """Return the name of the alarm and of its contributor."""
    if change.contributor is None:
        return change.alarm_name
    values = [value for _, value in change.contributor.attributes[:_MAX_ATTRIBUTES]]
    series = ", ".join(values) or change.contributor.id
    return f"{change.alarm_name}: {shorten(series, _MAX_VALUE)}"


def _news(change: StateChange, notification: Notification) -> str:
    """Return the reason for a notification in a sentence, empty if the headline is enough."""
    if change.state not in _STATES:
        return f"CloudWatch calls this state {change.state}."
    sentences: Mapping[str, Callable[[], str]] = {
        "still_firing": lambda: _on_and_off(notification) if notification.transitions else "",
        "resolved": lambda: _resolved(change, notification),
        "no_data": lambda: "CloudWatch has no data for this alarm. This is not a recovery.",
        "acknowledged": lambda: f"No more reminders. {_STILL_NOTIFIED}",
        "silenced": lambda: _STILL_NOTIFIED,
        "notice": lambda: _plain(change),
    }
    sentence = sentences.get(notification.kind)
    return sentence() if sentence else ""


def _on_and_off(notification: Notification) -> str:
    """Return how often an alarm fired, in what time, and what share of the time."""
    text = "Still firing, on and off"
    if notification.transitions:
        text += f": {notification.transitions} times"
        if notification.share and notification.opened_at and notification.at:
            text += f" in {lasting(notification.at - notification.opened_at)}"
    if notification.share:
        text += f", {notification.share:.0%} of the time"
    return f"{text}."


def _resolved(change: StateChange, notification: Notification) -> str:
    ended = notification.ended_at or change.at
    if notification.closed_by:
        return (
            f"{notification.closed_by} closed this incident by hand."
            " If the alarm fires again, that is a new incident."
        )
    if notification.is_test or is_test(change):
        return "The test has ended: alerts and their ends arrive here."
    if _ended_without_data(change, notification):
        return (
            "CloudWatch gets no more data for this contributor, and reports OK."
            " This does not prove a recovery."
        )
    if notification.opened_at is None:
        return "Back to normal."
    return f"Back to normal after {lasting(ended - notification.opened_at)}."


def _plain(change: StateChange) -> str:
    if change.state == "OK" and change.previous_state == "INSUFFICIENT_DATA":
        return "CloudWatch has data for this alarm now; it is not firing."
    return "This alarm is not firing." if change.state == "OK" else ""


def _ended_without_data(change: StateChange, notification: Notification) -> bool:
    return (
        notification.kind == "resolved"
        and change.contributor is not None
        and bool(_NO_DATA.search(change.reason))
    )


def _unsaid(change: StateChange) -> str:
    if change.kind == "log":
        return "(left out: an alarm over log lines may quote them)"
    return ""


def _links(change: StateChange, trailers: Mapping[str, str], details: Details) -> Iterator[Link]:
    """Yield the links, the alarm itself last and by its name."""
    console = Console(change.alarm_arn, change.region)
    runbook = trailers.get("runbook", "")
    if is_link(runbook):
        yield Link("Runbook", runbook)
    yield from _links_of_ours(change, details, console)
    if console.is_known and not is_name_of_test(change.alarm_name):
        yield Link(change.alarm_name, console.alarm(change.alarm_name))


def _links_of_ours(change: StateChange, details: Details, console: Console) -> Iterator[Link]:
    """Yield links to what a stack adds to its alarms: calls, quotas, dashboard.

    For an alarm of a stack elsewhere, they lead to the console of the alarm's own Region.
    """
    is_home = details.is_home_of(change.account_id, change.region)
    is_ours = entry_of(change.alarm_name) is not None
    is_there = is_home or (is_ours and details.is_elsewhere(change.account_id, change.region))
    if not is_there or not console.is_known:
        return
    asked, logs = question(change, every_call=details.every_call), details.logs_of(change)
    if asked and logs:
        yield Link("Calls", console.insights(asked.listing, logs, asked.start, asked.end))
    if suffix_of(change.alarm_name) in ABOUT_QUOTAS:
        yield Link("Quotas", console.quotas())
    if details.dashboard and is_home:
        yield Link("Dashboard", console.dashboard(details.dashboard))


def _next_steps(change: StateChange, notification: Notification) -> tuple[str, ...]:
    if notification.is_test or is_test(change):
        return TEST if notification.kind in STANDING else ()
    if notification.kind == "no_data":
        return NO_DATA
    return steps_for(change.alarm_name) if notification.kind in STANDING else ()
