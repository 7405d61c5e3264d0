"""An alarm's change of state, in the words of the telling that it is told by."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

import msgspec

from bedrock_alerts.alerts.console import Console
from bedrock_alerts.alerts.describe.trailers import (
    is_link,
    key_of,
    severity_in,
    split_description,
    trailers_of,
)
from bedrock_alerts.alerts.model import (
    Alert,
    Fact,
    Link,
    Severity,
    StateChange,
    Telling,
    Tone,
)
from bedrock_alerts.alerts.next_steps import ABOUT_QUOTAS, NO_DATA, steps_for, suffix_of
from bedrock_alerts.alerts.questions import question
from bedrock_alerts.alerts.widget import widget_of
from bedrock_alerts.alerts.words import STANDING, lasting, measured, utc, watched
from bedrock_alerts.text import shorten

_STATES: Final = frozenset({"ALARM", "OK", "INSUFFICIENT_DATA"})
_MAX_ATTRIBUTES: Final = 3
_MAX_VALUE: Final = 400
# An ended series that sent nothing any more: CloudWatch calls that OK.
_NO_DATA: Final = re.compile(r"\bno data|\bwithout data|missing data", re.IGNORECASE)
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


def state_change(change: StateChange, telling: Telling, details: Details) -> Alert:
    """Say what happened to an alarm, and why it is told now."""
    text, _ = split_description(change.description)
    trailers = trailers_of(change)
    severity = severity_in(trailers)
    stands = telling.kind in STANDING
    return Alert(
        key=_telling_key(change, telling),
        tone=_tone(change, telling, severity),
        status=_status(change, telling, severity),
        title=_title(change),
        summary=_summary(change, _news(change, telling, severity), text, telling),
        account_id=change.account_id,
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
        facts=tuple(_facts(change, telling, trailers)),
        reason=change.reason or _unsaid(change),
        links=tuple(_links(change, trailers, details)),
        recent_values=change.recent_values,
        threshold=change.threshold,
        next_steps=_next_steps(change, telling),
        widget=widget_of(change, change.threshold) if stands else "",
    )


def _summary(change: StateChange, news: str, text: str, telling: Telling) -> str:
    """Put the news before what the alarm's owner says of it; that is not said of what is over."""
    says_text = telling.kind in STANDING or telling.kind == "late" or change.state not in _STATES
    return "\n".join(part for part in (news, text if says_text else "") if part)


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


def _news(change: StateChange, telling: Telling, severity: Severity) -> str:
    """Say in a sentence why it is told now, empty where the state says it all."""
    if change.state not in _STATES:
        return f"CloudWatch calls this state {change.state}."
    sentences: Mapping[str, Callable[[], str]] = {
        "escalation": lambda: f"It is worse than what was told before: {severity} now.",
        "release": lambda: _release(telling),
        "reminder": lambda: f"Still in alarm{_after(telling.opened_at, telling.at)}.",
        "resolved": lambda: _resolved(change, telling),
        "late": lambda: _late(change, telling),
        "no_data": lambda: "CloudWatch has no data to judge this alarm by. This is not a recovery.",
        "flapping": lambda: (
            f"It comes and goes{_times(telling.transitions)}. Nothing more is said of it until it"
            " stays as it is, or gets worse."
        ),
        "settled": lambda: _settled(change),
        "acknowledged": lambda: (
            f"{telling.acked_by or 'Somebody'} has taken it on. No more reminders."
        ),
        "silenced": lambda: _silenced(telling),
        "plain": lambda: _plain(change),
    }
    sentence = sentences.get(telling.kind)
    return sentence() if sentence else ""


def _release(telling: Telling) -> str:
    holder = _HOLDERS.get(telling.held_by.lower(), telling.held_by)
    by_whom = f" by {holder}" if holder else ""
    return f"It was held back{by_whom}, and still stands{_after(telling.opened_at, telling.at)}."


def _resolved(change: StateChange, telling: Telling) -> str:
    ended = telling.ended_at or change.at
    if _ended_without_data(change, telling):
        return (
            "CloudWatch gets no more data for this series, and calls that OK. It does not prove"
            " that the problem is gone."
        )
    if telling.opened_at is None:
        return "Back to normal."
    return f"Back to normal after {lasting(ended - telling.opened_at)}."


def _late(change: StateChange, telling: Telling) -> str:
    began, ended = telling.opened_at or change.at, telling.ended_at
    if ended is None:
        return f"It was in alarm from {utc(began)} on, and is over already."
    return (
        f"It was in alarm from {utc(began)} to {utc(ended)} ({lasting(ended - began)}), and is over"
        " already."
    )


def _settled(change: StateChange) -> str:
    if change.state == "OK":
        return f"It came and went, and has been OK since {utc(change.at)}."
    return f"It came and went, and stays in {change.state} since {utc(change.at)}."


def _silenced(telling: Telling) -> str:
    until = f" until {utc(telling.until)}" if telling.until else ""
    return f"{telling.held_by or 'Somebody'} silenced it{until}. Worse news is still told."


def _plain(change: StateChange) -> str:
    if change.state == "OK" and change.previous_state == "INSUFFICIENT_DATA":
        return "CloudWatch can judge this alarm now, and it is not firing."
    return ""


def _ended_without_data(change: StateChange, telling: Telling) -> bool:
    return (
        telling.kind == "resolved"
        and change.contributor is not None
        and bool(_NO_DATA.search(change.reason))
    )


def _after(began: datetime | None, now: datetime | None) -> str:
    return "" if began is None or now is None else f" after {lasting(now - began)}"


def _times(count: int) -> str:
    return f" ({count} times within a short while)" if count else ""


def _unsaid(change: StateChange) -> str:
    if change.kind == "log":
        return "(left out: an alarm over log lines may quote them)"
    return ""


def _facts(change: StateChange, telling: Telling, trailers: Mapping[str, str]) -> Iterator[Fact]:
    """Yield the facts, the most telling first: a channel may have no room for the last ones."""
    value = measured(change, change.threshold, change.operator)
    if value:
        yield value
    if change.contributor:
        for name, text in change.contributor.attributes[:_MAX_ATTRIBUTES]:
            yield Fact(name, text)
    yield from _children(change)
    what = watched(change)
    if what:
        yield Fact("Metric", what)
    if telling.acked_by and telling.kind != "acknowledged":
        yield Fact("Acknowledged by", telling.acked_by)
    is_new = telling.kind == "first" and change.previous_state not in {None, "ALARM"}
    if is_new and change.previous_state and change.previous_at:
        before = change.previous_state.replace("_", " ").lower().replace("ok", "OK")
        yield Fact("Before", f"{before} for {lasting(change.at - change.previous_at)}")
    if "team" in trailers:
        yield Fact("Team", trailers["team"])
    # What is no link is still what somebody wrote down for this moment.
    if "runbook" in trailers and not is_link(trailers["runbook"]):
        yield Fact("Runbook", trailers["runbook"])


def _children(change: StateChange) -> Iterator[Fact]:
    """Name the alarms that a composite fires for, or its rule where the event names none."""
    stack = "".join(change.alarm_name.rpartition(".")[:2])
    in_alarm = [
        child.name.removeprefix(stack) for child in change.children if child.state == "ALARM"
    ]
    if in_alarm and change.state == "ALARM":
        yield Fact("In alarm", shorten(", ".join(in_alarm), _MAX_VALUE))
    elif change.alarm_rule:
        yield Fact("Rule", shorten(change.alarm_rule, _MAX_VALUE))


def _links(change: StateChange, trailers: Mapping[str, str], details: Details) -> Iterator[Link]:
    console = Console(change.alarm_arn, change.region)
    runbook = trailers.get("runbook", "")
    if console.is_known:
        yield Link("Open alarm", console.alarm(change.alarm_name))
    if is_link(runbook):
        yield Link("Runbook", runbook)
    yield from home_links(change, details)


def home_links(change: StateChange, details: Details) -> Iterator[Link]:
    """Link what only the stack itself has: the calls, the quotas, the dashboard."""
    console = Console(change.alarm_arn, change.region)
    if not details.is_home_of(change.account_id, change.region) or not console.is_known:
        return
    asked = question(change, every_call=details.every_call)
    if asked:
        url = console.insights(asked.listing, details.event_logs, asked.start, asked.end)
        yield Link("See the calls", url)
    if suffix_of(change.alarm_name) in ABOUT_QUOTAS:
        yield Link("Quotas", console.quotas())
    if details.dashboard:
        yield Link("Dashboard", console.dashboard(details.dashboard))


def _next_steps(change: StateChange, telling: Telling) -> tuple[str, ...]:
    if telling.kind == "no_data":
        return NO_DATA
    return steps_for(change.alarm_name) if telling.kind in STANDING else ()
