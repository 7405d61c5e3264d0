"""Alerts: why a message is sent, what it says, and where it goes.

All is plain, frozen data. Text is cleaned and bounded, but not escaped: each channel's renderer
does that. Times are aware, in UTC.
"""

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

Severity: TypeAlias = Literal["critical", "warning", "info"]
Tone: TypeAlias = Literal["critical", "warning", "info", "ok", "unknown"]
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

# Reasons for a message to a channel:
#   firing        the alarm fires, and the channel does not show it
#   contributors  new contributors in ALARM
#   escalated     the severity rose above the one shown
#   still_firing  a reminder
#   undelivered   another channel could not be reached
#   no_data       CloudWatch has had no data for a while: not a recovery
#   acknowledged  a person has acknowledged the incident: no more reminders
#   silenced      a person has silenced the alarm for a while
#   recovering    the alarm is OK, and its recovery window is not over
#   changed       an edit says what is true now: firing again, less severe, an undone press
#   resolved      the incident is closed
#   notice        no incident: an unknown event, a configuration change, tampering
Reason: TypeAlias = Literal[
    "firing",
    "contributors",
    "escalated",
    "still_firing",
    "undelivered",
    "no_data",
    "acknowledged",
    "silenced",
    "recovering",
    "changed",
    "resolved",
    "notice",
]


# ---- notifications: why a message is sent --------------------------------------------------------


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """Why a message is sent, with facts of the incident.

    `at` is when it is sent. `opened_at` is when the incident began, `ended_at` when it ended,
    `transitions` how often the alarm fired in it. `held_by` is
    who silenced the alarm and `until` when; `acked_by` is who acknowledged. `share` is the part of
    the time in ALARM (0 to 1) of an alarm that fires on and off. `former_end` says how the previous
    incident ended, `is_late` that the channel is notified only after the end. `note` is any other
    sentence for the message. `closed_by` is the person who closed the incident. `is_test` says that
    a person tries out whether alerts arrive.
    """

    kind: Reason
    at: datetime | None = None
    opened_at: datetime | None = None
    ended_at: datetime | None = None
    transitions: int = 0
    held_by: str = ""
    acked_by: str = ""
    until: datetime | None = None
    share: float = 0.0
    is_late: bool = False
    former_end: str = ""
    note: str = ""
    closed_by: str = ""
    is_test: bool = False


# ---- alerts: what a message says -----------------------------------------------------------------


class Link(msgspec.Struct, frozen=True):
    """A link that answers the next question."""

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
    """Evidence from the event lines in the alarm's window; `summary` is one line of totals.

    `who` is one line of the top callers, each with its share.
    """

    summary: str = ""
    tables: tuple[Table, ...] = ()
    who: str = ""


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The content of a message, before any channel's format; all text is plain text.

    `key` identifies the notification: it is the same on every delivery and retry. `incident` is the
    key of the incident, empty if there is none. `recent_values` are the metric's last values,
    oldest first, for a sparkline; `widget` is the JSON of a metric picture (GetMetricWidgetImage),
    empty for none. `next_steps` say what to do, most useful first. `label` and `headline` begin a
    message: severity or state (`Critical`, `Resolved`), and what happened (`14 prompt attacks
    blocked in 5 min`). `who` names the top callers, or how to find them.
    """

    key: str
    tone: Tone
    status: str
    title: str
    summary: str
    account_id: str
    region: str
    at: datetime | None
    kind: Reason = "notice"
    severity: Severity = DEFAULT_SEVERITY
    state: str = ""
    incident: str = ""
    number: int = 0
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
        """Whether this reports that an alarm was deleted while it was firing."""
        return self.kind == "notice" and bool(self.alarm_arn) and self.ended_at is not None


class OldDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the deliveries queue as versions before 0.2 wrote it."""

    channel: Channel
    alerts: tuple[Alert, ...]
    mentions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
