"""An alarm's change of state, in the words of the telling that it is told by."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from bedrock_alerts.alerts.console import Console
from bedrock_alerts.alerts.describe.facts import facts_of
from bedrock_alerts.alerts.describe.headline import after, headline_of, label_of
from bedrock_alerts.alerts.describe.trailers import (
    is_link,
    key_of,
    severity_in,
    split_description,
    trailers_of,
)
from bedrock_alerts.alerts.found import Found
from bedrock_alerts.alerts.model import (
    AlarmDefinition,
    Alert,
    Link,
    Severity,
    StateChange,
    Telling,
    Tone,
)
from bedrock_alerts.alerts.next_steps import (
    ABOUT_QUOTAS,
    NO_DATA,
    entry_of,
    steps_for,
    suffix_of,
)
from bedrock_alerts.alerts.questions import callers_query, question
from bedrock_alerts.alerts.widget import widget_of
from bedrock_alerts.alerts.words import (
    STANDING,
    caller_name,
    lasting,
    measure,
    utc,
)
from bedrock_alerts.text import shorten

_STATES: Final = frozenset({"ALARM", "OK", "INSUFFICIENT_DATA"})
_MAX_ATTRIBUTES: Final = 3
_MAX_VALUE: Final = 400
# An ended series that sent nothing any more: CloudWatch calls that OK.
_NO_DATA: Final = re.compile(r"\bno data|\bwithout data|missing data", re.IGNORECASE)
# What the webhook calls these, by contract; people read `label`.
_STATUS: Final = {
    "escalation": "WORSE",
    "reminder": "STILL IN ALARM",
    "resolved": "RESOLVED",
    "late": "OVER ALREADY",
    "no_data": "NO DATA",
    "flapping": "FLAPPING",
    "acknowledged": "ACKNOWLEDGED",
    "silenced": "SILENCED",
}
_TONES: Final[Mapping[str, Tone]] = {
    "resolved": "ok",
    "late": "ok",
    "no_data": "unknown",
    "acknowledged": "info",
    "silenced": "info",
}
_STILL_NOTIFIED: Final = "You are still notified if severity rises."
_HOLDERS: Final = {
    "waitperiod": "the wait period of its suppressor",
    "extensionperiod": "the extension period of its suppressor",
    "alarm": "its suppressor alarm",
    "alarmsuppressor": "its suppressor alarm",
}


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What the stack knows beyond an event.

    `event_logs` are the ARNs of the log groups that hold the event lines; Logs Insights reads them
    in one account and Region, which is the stack's. `every_call` says that all calls have a line.
    `dashboard` is the name of the stack's dashboard.
    """

    event_logs: tuple[str, ...] = ()
    every_call: bool = False
    dashboard: str = ""

    def is_home_of(self, account_id: str, region: str) -> bool:
        """Whether something in this account and Region is where the stack is."""
        return any(log.split(":")[3:5] == [region, account_id] for log in self.event_logs)


def state_change(change: StateChange, telling: Telling, details: Details, found: Found) -> Alert:
    """Say what happened to an alarm, and why it is told now."""
    text, _ = split_description(change.description)
    trailers = trailers_of(change)
    severity = severity_in(trailers)
    stands = telling.kind in STANDING
    change, threshold, operator = _completed(change, found.definition)
    is_seen = not _ended_without_data(change, telling)
    headline = headline_of(change, telling, measure(change, threshold, operator))
    if text and headline.startswith(text.rstrip(".")):
        text = ""  # the headline says it
    return Alert(
        key=_telling_key(change, telling),
        tone=_tone(change, telling, severity),
        status=_status(change, telling, severity),
        title=_title(change),
        summary=_summary(change, _news(change, telling), text, telling),
        account_id=change.account_id,
        account_alias=found.account_alias,
        region=change.region,
        at=(telling.opened_at or change.at) if stands else change.at,
        kind=telling.kind,
        severity=severity,
        state=change.state,
        incident=change.incident_key,
        alarm_arn=change.alarm_arn,
        team=trailers.get("team", ""),
        opened_at=telling.opened_at,
        ended_at=telling.ended_at,
        facts=tuple(facts_of(change, telling, trailers, found.definition)),
        reason=change.reason or _unsaid(change),
        links=tuple(_links(change, trailers, details)),
        recent_values=change.recent_values,
        threshold=threshold,
        evidence=found.evidence,
        next_steps=_next_steps(change, telling),
        widget=widget_of(change, threshold) if stands else "",
        label=label_of(change, telling, severity, is_seen=is_seen),
        headline=headline,
        who=_who(change, telling, details, found),
    )


def _completed(
    change: StateChange, definition: AlarmDefinition | None
) -> tuple[StateChange, float | None, str | None]:
    """Add the limit and the operator that only the definition says; the event counts more."""
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


def _who(change: StateChange, telling: Telling, details: Details, found: Found) -> str:
    """Name the top callers; where no evidence does, say how to find them."""
    if found.evidence is not None and found.evidence.who:
        return found.evidence.who
    if change.contributor and change.contributor.attributes:
        values = [caller_name(value) for _, value in change.contributor.attributes]
        return shorten(", ".join(values[:_MAX_ATTRIBUTES]), _MAX_VALUE)
    is_ours = entry_of(change.alarm_name) is not None
    if not is_ours or telling.kind not in STANDING:
        return ""
    query, log = callers_query(change, every_call=details.every_call)
    return f"Not known yet; run in Logs Insights, on {log}: {query}" if query else ""


def _summary(change: StateChange, news: str, text: str, telling: Telling) -> str:
    """Put the news before what the alarm's owner says of it; that is not said of what is over."""
    says_text = telling.kind in STANDING or telling.kind == "late" or change.state not in _STATES
    said = (news, telling.former_end, telling.note, text if says_text else "")
    return "\n".join(part for part in said if part)


def _telling_key(change: StateChange, telling: Telling) -> str:
    """Make the key of a telling: whoever tells it again, by whatever transport, makes the same."""
    by_whom = {"acknowledged": telling.acked_by, "silenced": telling.held_by}.get(telling.kind, "")
    until = telling.until.isoformat() if telling.until else ""
    state = (change.incident_key, change.state, change.at.isoformat())
    return key_of(*state, telling.kind, str(telling.reminders), by_whom, until)


def _tone(change: StateChange, telling: Telling, severity: Severity) -> Tone:
    if _ended_without_data(change, telling):
        return "unknown"
    by_state: Tone = {"ALARM": severity, "OK": "ok"}.get(change.state, "unknown")
    return _TONES.get(telling.kind, by_state)


def _status(change: StateChange, telling: Telling, severity: Severity) -> str:
    if _ended_without_data(change, telling):
        return "NO LONGER SEEN"
    word = _STATUS.get(telling.kind, "")
    if telling.kind == "settled":
        return f"SETTLED · {change.state}"
    if telling.kind in STANDING and change.state == "ALARM":
        return f"{word or 'ALARM'} · {severity}"
    return word or {"INSUFFICIENT_DATA": "NO DATA"}.get(change.state, change.state)


def _title(change: StateChange) -> str:
    """Name the alarm, and which of its series it is."""
    if change.contributor is None:
        return change.alarm_name
    values = [value for _, value in change.contributor.attributes[:_MAX_ATTRIBUTES]]
    series = ", ".join(values) or change.contributor.id
    return f"{change.alarm_name}: {shorten(series, _MAX_VALUE)}"


def _news(change: StateChange, telling: Telling) -> str:
    """Say in a sentence why it is told now, empty where the headline says it all."""
    if change.state not in _STATES:
        return f"CloudWatch calls this state {change.state}."
    sentences: Mapping[str, Callable[[], str]] = {
        "release": lambda: _release(telling),
        "reminder": lambda: _on_and_off(telling) if telling.transitions else "",
        "resolved": lambda: _resolved(change, telling),
        "late": lambda: _late(change, telling),
        "no_data": lambda: "CloudWatch has no data for this alarm. This is not a recovery.",
        "flapping": lambda: _on_and_off(telling),
        "settled": lambda: _settled(change),
        "acknowledged": lambda: f"No more reminders. {_STILL_NOTIFIED}",
        "silenced": lambda: _STILL_NOTIFIED,
        "plain": lambda: _plain(change),
    }
    sentence = sentences.get(telling.kind)
    return sentence() if sentence else ""


def _release(telling: Telling) -> str:
    holder = _HOLDERS.get(telling.held_by.lower(), telling.held_by)
    by_whom = f" by {holder}" if holder else ""
    return f"Was suppressed{by_whom}; still firing{after(telling.opened_at, telling.at)}."


def _on_and_off(telling: Telling) -> str:
    """Say how often an alarm fired, in what time, and what share of the time."""
    text = "Still firing, on and off"
    if telling.transitions:
        text += f": {telling.transitions} times"
        if telling.share and telling.opened_at and telling.at:
            text += f" in {lasting(telling.at - telling.opened_at)}"
    if telling.share:
        text += f", {telling.share:.0%} of the time"
    return f"{text}."


def _resolved(change: StateChange, telling: Telling) -> str:
    ended = telling.ended_at or change.at
    if _ended_without_data(change, telling):
        return (
            "CloudWatch gets no more data for this contributor, and reports OK."
            " This does not prove a recovery."
        )
    if telling.opened_at is None:
        return "Back to normal."
    return f"Back to normal after {lasting(ended - telling.opened_at)}."


def _late(change: StateChange, telling: Telling) -> str:
    began, ended = telling.opened_at or change.at, telling.ended_at
    if ended is None:
        return f"Delivered late: firing from {utc(began)}, resolved since."
    until = utc(ended) if ended.date() != began.date() else utc(ended).partition(" ")[2]
    return f"Delivered late: firing from {utc(began)} to {until} ({lasting(ended - began)})."


def _settled(change: StateChange) -> str:
    if change.state == "OK":
        return f"OK since {utc(change.at)}, after it fired on and off."
    return f"{change.state} since {utc(change.at)}, after it fired on and off."


def _plain(change: StateChange) -> str:
    if change.state == "OK" and change.previous_state == "INSUFFICIENT_DATA":
        return "CloudWatch has data for this alarm now; it is not firing."
    return "This alarm is not firing." if change.state == "OK" else ""


def _ended_without_data(change: StateChange, telling: Telling) -> bool:
    return (
        telling.kind == "resolved"
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
    yield from _home_links(change, details, console)
    if console.is_known:
        yield Link(change.alarm_name, console.alarm(change.alarm_name))


def _home_links(change: StateChange, details: Details, console: Console) -> Iterator[Link]:
    """Link what only the stack itself has: the calls, the quotas, the dashboard."""
    if not details.is_home_of(change.account_id, change.region) or not console.is_known:
        return
    asked = question(change, every_call=details.every_call)
    if asked:
        url = console.insights(asked.listing, details.event_logs, asked.start, asked.end)
        yield Link("Calls", url)
    if suffix_of(change.alarm_name) in ABOUT_QUOTAS:
        yield Link("Quotas", console.quotas())
    if details.dashboard:
        yield Link("Dashboard", console.dashboard(details.dashboard))


def _next_steps(change: StateChange, telling: Telling) -> tuple[str, ...]:
    if telling.kind == "no_data":
        return NO_DATA
    return steps_for(change.alarm_name) if telling.kind in STANDING else ()
