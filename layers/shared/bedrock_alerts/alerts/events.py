"""Events of the alert flow: received events and internal messages.

All is plain, frozen data. Text is cleaned and bounded, but not escaped: each channel's renderer
does that.  Times are aware, in UTC.
"""

import hashlib
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from bedrock_alerts.alerts.alert import Channel

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


TimerKind: TypeAlias = Literal["reminder", "release", "settle", "digest"]


class MetricRef(msgspec.Struct, frozen=True, kw_only=True):
    """A metric that an alarm watches, as in the state change; `period` is in seconds.

    `id` is its name in expressions; `is_shown` is False if it is only an input of an expression.
    `account_id` is set if the metric is in another account, `unit` if the alarm sets one.
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
    """An expression over metrics, or a query; `label` is its owner's name for it."""

    text: str
    label: str = ""
    id: str = ""
    period: int | None = None
    is_shown: bool = True


class Contributor(msgspec.Struct, frozen=True, kw_only=True):
    """A contributor of an alarm, with its distinguishing attributes (`Principal=…`)."""

    id: str
    attributes: tuple[tuple[str, str], ...] = ()


class AlarmState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a child alarm of a composite alarm."""

    name: str
    arn: str
    state: str
    at: datetime | None = None


class AlarmDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """The definition of an alarm, as far as its events lack it.

    It fires when `to_alarm` of the last `periods` periods breach; `period` is in seconds.
    `evaluation` is CloudWatch's word for an evaluation of incomplete data (`PARTIAL_DATA`,
    `EVALUATION_ERROR`), mostly empty.
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

    `state` is CloudWatch's word (`ALARM`, `OK`, `INSUFFICIENT_DATA`), or any other text of the
    event. `threshold` is None if the event does not say it (composite, anomaly), `operator` is
    CloudWatch's `ComparisonOperator`. `suppressed_by` is why the alarm's actions are suppressed
    (`WaitPeriod`, `ExtensionPeriod`, `Alarm`), empty if they are not; the end of suppression is a
    state change from ALARM to ALARM. `muted_by` is set while a mute rule is active, `muted_until`
    too if its end is known. `band` holds the lower and the upper limit for the last value of an
    anomaly alarm. A composite's `children` are those that the event names, in any state. `value`
    decided the state: the newest of `recent_values` that breached, with its `band`. `unit` is
    CloudWatch's word for the unit of the values, `evaluation` its word for an evaluation of
    incomplete data (`PARTIAL_DATA`). `sent_at` is the time of the envelope, by which suppression is
    ordered. `has_ok_actions` is None if the event does not say whether a recovery will be reported.
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
    sent_at: datetime | None = None
    has_ok_actions: bool | None = None
    tags: tuple[tuple[str, str], ...] = ()
    value: float | None = None
    unit: str = ""
    evaluation: str = ""

    @property
    def incident_key(self) -> str:
        """The key of an incident: the alarm's ARN, with the contributor's id if it has one.

        The same on every transport.
        """
        return f"{self.alarm_arn}#{self.contributor.id}" if self.contributor else self.alarm_arn


class ConfigurationChange(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An alarm created, updated or deleted; `actions_enabled` is None if not in the event."""

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
    is_query_changed: bool = False


class Tampering(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A change, from CloudTrail, of something that this tool relies on.

    `action` is the API's name (`DeleteGuardrail`), `target` what was changed, `error_code` is set
    if the call was denied.
    """

    action: str
    principal: str
    target: str
    account_id: str
    region: str
    at: datetime
    event_id: str
    error_code: str = ""


class Unrecognised(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An event of an unknown kind: shown plainly, never dropped.

    Only the names and values of a few well-known envelope fields are kept: an unknown event may
    carry log lines, and those hold prompts. `identity` distinguishes two such events.
    """

    title: str
    account_id: str
    region: str
    at: datetime | None
    facts: tuple[tuple[str, str], ...]
    identity: str = ""


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """An internal message that returns at `due`: check the incident (or the digest) again.

    `subject` is an incident's key, or the channel of a digest. `stamp` identifies the state in
    which the timer was set; an outdated timer does nothing.
    """

    kind: TimerKind
    subject: str
    due: datetime
    stamp: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A button press in a Slack message, or a command at a terminal.

    `incident` is the alarm's id as `incident_id` makes it, `number` the incident that the message
    shows (0 in messages of versions before 0.2), `seconds` how long to silence the alarm. `user` is
    the presser's Slack ID, `name` their name in Slack. `response_url` accepts replies to the
    presser for half an hour. Only a command can close an incident, send to a channel again (to
    every one where `channel` is empty), and silence an alarm without an incident: then `alarm_arn`
    is the alarm's, which may not be known yet.
    """

    kind: Literal["acknowledge", "unacknowledge", "silence", "unsilence", "close", "resend"]
    incident: str
    user: str
    name: str
    at: datetime
    seconds: int = 0
    number: int = 0
    response_url: str = ""
    alarm_arn: str = ""
    channel: str = ""


class Notified(msgspec.Struct, frozen=True, kw_only=True):
    """A channel that was notified while the table was unavailable; `key` is PagerDuty's."""

    channel: Channel
    key: str
    at: float


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An event to learn when the table is available again, and the channels already notified."""

    event: StateChange
    notified: tuple[Notified, ...] = ()


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The scheduled heartbeat, which passes through the queue like every alert."""


# Events that people can be notified of; the rest are internal messages.
Notice: TypeAlias = ConfigurationChange | Tampering | Unrecognised


News: TypeAlias = StateChange | Notice


Event: TypeAlias = News | Timer | Answer | Kept | Heartbeat


def incident_id(key: str) -> str:
    """Return a short id for an incident's key: 32 hexadecimal digits, safe in any name or URL."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
