"""What flow 2 speaks of: state changes of alarms, alerts about them, deliveries to channels."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

Severity: TypeAlias = Literal["critical", "warning", "info"]
Tone: TypeAlias = Literal["critical", "warning", "info", "ok", "unknown"]
Channel: TypeAlias = Literal["email", "slack"]


class MetricRef(msgspec.Struct, frozen=True, kw_only=True):
    """A metric that an alarm watches, as the state change names it; `period` is in seconds."""

    name: str
    namespace: str | None = None
    statistic: str | None = None
    period: int | None = None
    dimensions: tuple[tuple[str, str], ...] = ()


class StateChange(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm going from one state to another, whatever transport brought it.

    `state` is CloudWatch's word (`ALARM`, `OK`, `INSUFFICIENT_DATA`), or whatever stood there.
    Times are ISO 8601. `threshold` is None where the event does not say it (composite, anomaly).
    """

    alarm_name: str
    alarm_arn: str
    account_id: str
    region: str
    state: str
    at: datetime
    reason: str
    description: str = ""
    previous_state: str | None = None
    previous_at: datetime | None = None
    metrics: tuple[MetricRef, ...] = ()
    expressions: tuple[str, ...] = ()
    threshold: float | None = None
    recent_values: tuple[float, ...] = ()


class Unrecognised(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is no state change we know: shown plainly, never dropped.

    Only the names and values of a few well-known envelope fields are kept: an unknown event may
    carry log lines, and those hold prompts.
    """

    title: str
    account_id: str
    region: str
    at: datetime | None
    facts: tuple[tuple[str, str], ...]


class Link(msgspec.Struct, frozen=True):
    """A place that answers the next question."""

    label: str
    url: str


class Fact(msgspec.Struct, frozen=True):
    """One labelled line of an alert."""

    label: str
    value: str


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a message says, before any channel's format. All text in it is plain text.

    `key` identifies the state change: the same on every delivery and every retry of it.
    """

    key: str
    tone: Tone
    status: str
    title: str
    summary: str
    account_id: str
    region: str
    at: datetime | None
    facts: tuple[Fact, ...] = ()
    reason: str = ""
    links: tuple[Link, ...] = ()


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One alert on its way to one channel: the message of the deliveries queue.

    `queued_at` is when it was put there, in seconds since 1970.
    """

    channel: Channel
    alert: Alert
    queued_at: float
