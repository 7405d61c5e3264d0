"""What flow 2 speaks of: events, incidents, alerts about them, deliveries to channels.

Everything here is plain, frozen data. Text in it has been cleaned and bounded, never escaped: each
channel's renderer does that its own way. Times are aware, in UTC.
"""

import hashlib
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

Severity: TypeAlias = Literal["critical", "warning", "info"]
Tone: TypeAlias = Literal["critical", "warning", "info", "ok", "unknown"]
AlarmKind: TypeAlias = Literal[
    "metric",
    "math",
    "anomaly",
    "query",
    "contributor",
    "composite",
    "promql",
    "log",
    "unknown",
]
Transport: TypeAlias = Literal["eventbridge", "sns", "lambda"]
ChannelKind: TypeAlias = Literal["email", "slack", "webhook", "pagerduty", "teams", "amazon_q"]
# A kind of channel, or one target of that kind: `slack`, `slack:payments`.
Channel: TypeAlias = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(email|slack|webhook|pagerduty|teams|amazon_q)(:[A-Za-z0-9_.-]{1,64})?\Z"
    ),
]
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "info")  # the worst first
DEFAULT_SEVERITY: Final[Severity] = "warning"

# Why something is said about an incident:
#   first        an alarm began, and nobody had been told
#   escalation   the alarm stands, and it is worse than what was told
#   release      an alarm that was held back (suppressed, muted, silenced) may be told, and stands
#   reminder     the alarm still stands after a while
#   resolved     the alarm is over
#   late         the alarm is known to be over already when its beginning is told
#   no_data      CloudWatch cannot judge an alarm that stood: not a recovery
#   flapping     the alarm comes and goes: one message, then silence until it settles
#   settled      an alarm that came and went stays as it is
#   acknowledged somebody has taken it on: no more reminders
#   silenced     somebody does not want to hear of it for a while
#   plain        no alarm's life: an unknown event, a configuration change, tampering
TellingKind: TypeAlias = Literal[
    "first",
    "escalation",
    "release",
    "reminder",
    "resolved",
    "late",
    "no_data",
    "flapping",
    "settled",
    "acknowledged",
    "silenced",
    "plain",
]
TimerKind: TypeAlias = Literal["reminder", "release", "settle", "digest"]


# ---- events: what arrives ----------------------------------------------------------------------


class MetricRef(msgspec.Struct, frozen=True, kw_only=True):
    """A metric that an alarm watches, as the state change names it; `period` is in seconds.

    `id` is what expressions call it; `is_shown` is not set where it only feeds an expression.
    `account_id` is set where the metric is in another account, `unit` where the alarm sets one.
    """

    name: str
    namespace: str | None = None
    statistic: str | None = None
    period: int | None = None
    dimensions: tuple[tuple[str, str], ...] = ()
    id: str = ""
    is_shown: bool = True
    account_id: str = ""
    unit: str = ""


class Expression(msgspec.Struct, frozen=True, kw_only=True):
    """A calculation over metrics, or a query; `label` is what its owner calls it."""

    text: str
    label: str = ""
    id: str = ""
    period: int | None = None
    is_shown: bool = True


class Contributor(msgspec.Struct, frozen=True, kw_only=True):
    """One series of an alarm over several, with what tells it apart (`Principal=…`)."""

    id: str
    attributes: tuple[tuple[str, str], ...] = ()


class AlarmState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of another alarm, as a composite alarm names its children."""

    name: str
    arn: str
    state: str
    at: datetime | None = None


class AlarmDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """What an alarm is set to, as far as its events do not say it.

    It fires when `to_alarm` of the last `periods` periods are bad; `period` is in seconds.
    `evaluation` is CloudWatch's word for a judgement on less than it should have had
    (`PARTIAL_DATA`, `EVALUATION_ERROR`), mostly empty.
    """

    threshold: float | None = None
    operator: str | None = None
    period: int | None = None
    periods: int | None = None
    to_alarm: int | None = None
    actions_enabled: bool = True
    evaluation: str = ""


class StateChange(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm, or one contributor of it, going from one state to another.

    `state` is CloudWatch's word (`ALARM`, `OK`, `INSUFFICIENT_DATA`), or whatever stood there.
    `threshold` is None where the event does not say it (composite, anomaly), `operator` is
    CloudWatch's `ComparisonOperator`. `suppressed_by` is why the alarm's actions are held back
    (`WaitPeriod`, `ExtensionPeriod`, `Alarm`), empty when they are not; the end of it comes as a
    state change from ALARM to ALARM. `muted_by` is set while a mute rule is active, `muted_until`
    too where its end is known. `band` holds the lower and the upper limit that an anomaly alarm
    judged its last value by. A composite's `children` are those that the event names, in any state.
    `value` is what the state was decided by: the newest of `recent_values` that breached, with its
    `band`. `unit` is CloudWatch's word for the unit of the values, `evaluation` its word for an
    evaluation of incomplete data (`PARTIAL_DATA`).
    """

    alarm_name: str
    alarm_arn: str
    account_id: str
    region: str
    state: str
    at: datetime
    reason: str
    kind: AlarmKind = "metric"
    transport: Transport = "eventbridge"
    description: str = ""
    previous_state: str | None = None
    previous_at: datetime | None = None
    metrics: tuple[MetricRef, ...] = ()
    expressions: tuple[Expression, ...] = ()
    threshold: float | None = None
    operator: str | None = None
    recent_values: tuple[float, ...] = ()
    band: tuple[float | None, float | None] | None = None
    contributor: Contributor | None = None
    alarm_rule: str = ""
    children: tuple[AlarmState, ...] = ()
    suppressed_by: str = ""
    muted_by: str = ""
    muted_until: datetime | None = None
    tags: tuple[tuple[str, str], ...] = ()
    value: float | None = None
    unit: str = ""
    evaluation: str = ""

    @property
    def incident_key(self) -> str:
        """What an incident is known by: the alarm's ARN, with the contributor's id if it has one.

        The same on every transport.
        """
        return f"{self.alarm_arn}#{self.contributor.id}" if self.contributor else self.alarm_arn


class ConfigurationChange(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm created, updated or deleted; `actions_enabled` is None where the event is silent."""

    alarm_name: str
    alarm_arn: str
    account_id: str
    region: str
    at: datetime
    operation: str
    description: str = ""
    actions_enabled: bool | None = None
    previous_actions_enabled: bool | None = None
    threshold: float | None = None
    previous_threshold: float | None = None


class Tampering(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody changed what this tool relies on, as CloudTrail tells it.

    `action` is the API's name (`DeleteGuardrail`), `target` what it was done to, `error_code` is
    set where the call was refused.
    """

    action: str
    principal: str
    target: str
    account_id: str
    region: str
    at: datetime
    event_id: str
    error_code: str = ""


class Unrecognised(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is no state change we know: shown plainly, never dropped.

    Only the names and values of a few well-known envelope fields are kept: an unknown event may
    carry log lines, and those hold prompts. `identity` tells two such events apart.
    """

    title: str
    account_id: str
    region: str
    at: datetime | None
    facts: tuple[tuple[str, str], ...]
    identity: str = ""


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """A note to ourselves that comes back at `due`: look at the incident (or the digest) again.

    `subject` is an incident's key, or the channel of a digest. `stamp` names the state of things
    that the timer was set in; one that has been overtaken does nothing.
    """

    kind: TimerKind
    subject: str
    due: datetime
    stamp: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody answered to a message by pressing a button in Slack.

    `incident` is the incident's id as `incident_id` makes it, `seconds` how long to silence it.
    `user` is Slack's id of who pressed it, `name` what Slack calls them.
    """

    kind: Literal["acknowledge", "silence"]
    incident: str
    user: str
    name: str
    at: datetime
    seconds: int = 0


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The scheduled sign of life that goes through the queue like every alert."""


# What can be told to people; the rest are notes to ourselves.
News: TypeAlias = StateChange | ConfigurationChange | Tampering | Unrecognised
Event: TypeAlias = News | Timer | Answer | Heartbeat


def incident_id(key: str) -> str:
    """Return a short id for an incident's key: 32 hexadecimal digits, safe in any name or URL."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


# ---- incidents: what is remembered ---------------------------------------------------------------


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision wants said, and what only the incident's memory knows of it.

    `at` is the moment of the decision. `opened_at` is when the alarm began, `ended_at` when it
    ended, `transitions` how often it changed within the time that flapping is judged by,
    `reminders` the number of this one. `held_by` is what held a `release` back, or who silenced it
    and `until` when; `acked_by` is who has taken it on. `share` is the part of the time in ALARM
    (0 to 1) of an alarm that fires on and off. `former_end` says how the incident before this one
    ended, `note` is any other sentence that belongs into the message.
    """

    kind: TellingKind
    at: datetime | None = None
    opened_at: datetime | None = None
    ended_at: datetime | None = None
    transitions: int = 0
    reminders: int = 0
    held_by: str = ""
    acked_by: str = ""
    until: datetime | None = None
    share: float = 0.0
    former_end: str = ""
    note: str = ""


# ---- alerts: what is said ----------------------------------------------------------------------


class Link(msgspec.Struct, frozen=True):
    """A place that answers the next question."""

    label: str
    url: str


class Fact(msgspec.Struct, frozen=True):
    """One labelled line of an alert."""

    label: str
    value: str


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A small table of evidence: who, which model, how many; `rows` are the biggest first."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the event lines say about the alarm's window; `summary` is one line of totals.

    `who` is one line of the top callers, each with its part.
    """

    summary: str = ""
    tables: tuple[Table, ...] = ()
    who: str = ""


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything a message says, before any channel's format. All text in it is plain text.

    `key` identifies what is told: the same on every delivery and every retry of it. `incident` is
    the key of the incident, empty for what has no life. `opening` is the key of the alert that told
    of the incident's beginning, empty where this is the one or where that is not known.
    `recent_values` are the watched metric's last values, oldest first, for a sparkline; `widget` is
    the JSON of a metric picture (GetMetricWidgetImage), empty for none. `next_steps` say what to
    do, most useful first. `label` and `headline` are what a message begins with: how bad or which
    state (`Critical`, `Resolved`), and what happened (`14 prompt attacks blocked in 5 min`). `who`
    names the top callers, or how to find them.
    """

    key: str
    tone: Tone
    status: str
    title: str
    summary: str
    account_id: str
    region: str
    at: datetime | None
    kind: TellingKind = "plain"
    severity: Severity = DEFAULT_SEVERITY
    state: str = ""
    incident: str = ""
    opening: str = ""
    alarm_arn: str = ""
    account_alias: str = ""
    team: str = ""
    opened_at: datetime | None = None
    ended_at: datetime | None = None
    facts: tuple[Fact, ...] = ()
    reason: str = ""
    links: tuple[Link, ...] = ()
    recent_values: tuple[float, ...] = ()
    threshold: float | None = None
    evidence: Evidence | None = None
    next_steps: tuple[str, ...] = ()
    widget: str = ""
    label: str = ""
    headline: str = ""
    who: str = ""

    @property
    def ends_by_deletion(self) -> bool:
        """Whether this tells that an alarm was deleted while it stood."""
        return self.kind == "plain" and bool(self.alarm_arn) and self.ended_at is not None


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is on its way to one channel: the message of the deliveries queue.

    Several `alerts` are sent as one digest. `queued_at` is when it was put there, in seconds since
    1970. `mentions` are for the renderer of that channel (Slack: `here`, `channel`, a user's or
    group's id). `notes` are said with the alerts, such as that the routes could not be read.
    """

    channel: Channel
    alerts: tuple[Alert, ...]
    queued_at: float
    mentions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    digest: str = ""


class Waiting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An alert that waits to be told together with others, and what its delivery would carry."""

    alert: Alert
    mentions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


# ---- the ledger: who was told --------------------------------------------------------------------


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one alert on one channel.

    `sending` was begun at `at` (seconds since 1970) by the queue's message `owner`, and may have
    died; `waiting` has its turn at `slot`; `sent` was accepted, as `kind` (an alarm that is over by
    now is told as `late`); `failed` was given back. `emailed` says that the fallback e-mail is out.
    `opened_at` and `ended_at` are the alarm's.
    """

    status: Literal["sending", "waiting", "sent", "failed"]
    kind: TellingKind
    owner: str
    at: float
    opened_at: datetime | None = None
    ended_at: datetime | None = None
    slot: float = 0.0
    emailed: bool = False


class Thread(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The Slack message that shows an incident: what gets edited and replied to.

    `ts` is the message, `root` the thread that it stands in (the same, unless it is a reply
    itself). `opened_at` is the beginning of the alarm that it tells, `severity` how bad that was;
    `over` is set when it shows that all is well again.
    """

    channel_id: str
    ts: str
    root: str
    opened_at: datetime | None = None
    severity: Severity = DEFAULT_SEVERITY
    over: bool = False
