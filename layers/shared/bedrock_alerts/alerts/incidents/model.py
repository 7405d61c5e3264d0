"""What is remembered of an alarm, what was told of it, and what a decision says."""

import hashlib
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from bedrock_alerts.alerts.model import (
    DEFAULT_SEVERITY,
    ConfigurationChange,
    Severity,
    StateChange,
    Telling,
    TellingKind,
    Timer,
)

OK: Final = "OK"
NO_DATA: Final = "INSUFFICIENT_DATA"
# An alarm that is deleted while it stands never becomes OK: this is how we remember its end.
DELETED: Final = "DELETED"
CLOSED: Final = (OK, DELETED)

# What tells people that an alarm stands (or stood); one of them is enough.
ANNOUNCEMENTS: Final[frozenset[str]] = frozenset(
    {"first", "release", "late", "flapping", "settled", "escalation"}
)
# These announce the same: whichever goes out first, the others would repeat it.
_OPENED: Final[frozenset[str]] = frozenset({"first", "release", "flapping"})
# A mark in place of a telling: the alarm was over before what held it back had ended.
Mark: TypeAlias = Literal["withheld"]


class Transition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One state that an alarm took on, and when.

    `held_by` is why CloudWatch held the alarm's actions back (a suppressor, a mute rule), empty
    when it did not; `held_until` is the end of that where it is known beforehand.
    """

    at: datetime
    state: str
    held_by: str = ""
    held_until: datetime | None = None

    @property
    def closes(self) -> bool:
        """Whether nothing is wrong any more. No data is no recovery."""
        return self.state in CLOSED

    @property
    def opens(self) -> bool:
        """Whether something is wrong. A state that nobody knows is taken for the worse."""
        return self.state not in CLOSED and self.state != NO_DATA


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A telling that is on its way: why, of the alarm that began at `opening`, and when.

    `number` tells apart what may be told several times: the round of a reminder, the end of a
    silence in seconds since 1970.
    """

    kind: TellingKind | Mark
    opening: datetime
    at: datetime
    severity: Severity = DEFAULT_SEVERITY
    number: int = 0


class Incident(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything remembered of one alarm, or of one contributor of it. All else follows from it.

    `transitions` are in CloudWatch's order, whatever order they came in; `told` are those tellings
    that really were queued. `change` is the newest state change, for timers that have to tell it.
    `severity` and `actions_enabled` are as of their own times. An acknowledgement is of one
    opening, a silence of the whole incident. `opened_at` and `ended_at` are of the last time that
    the alarm stood, for readers who want to know no more than whether it is over.
    """

    key: str
    transitions: tuple[Transition, ...] = ()
    told: tuple[Told, ...] = ()
    change: StateChange | None = None
    severity: Severity = DEFAULT_SEVERITY
    severity_at: datetime | None = None
    actions_enabled: bool = True
    actions_at: datetime | None = None
    acked_by: str = ""
    acked_opening: datetime | None = None
    silenced_by: str = ""
    silenced_until: datetime | None = None
    opened_at: datetime | None = None
    ended_at: datetime | None = None


class Memory(NamedTuple):
    """What is known when a decision is made: None where there is no record yet.

    `alarm` is the record of the alarm that a contributor belongs to, None for all others.
    """

    incident: Incident | None = None
    alarm: Incident | None = None


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What can be chosen; everything is in seconds, 0 reminds nobody, 0 flaps never flap.

    More than `flap_count` alarms within `flap_seconds` are flapping, until nothing has changed for
    `settle_seconds`. An alarm that is known to be over is not told any more after `stale_seconds`.
    """

    critical_reminder_seconds: int = 3600
    warning_reminder_seconds: int = 4 * 3600
    flap_count: int = 4
    flap_seconds: int = 1800
    settle_seconds: int = 900
    stale_seconds: int = 86400

    def reminder_seconds(self, severity: Severity) -> int:
        """Return how long to wait before reminding of an alarm that stands, 0 for never."""
        return {
            "critical": self.critical_reminder_seconds,
            "warning": self.warning_reminder_seconds,
            "info": 0,
        }[severity]


class Decision(NamedTuple):
    """What follows from an event: what to remember, what to tell (or why not), when to look again.

    `next` is None where the incident is not known any more: there is nothing to remember. `told` is
    to be remembered when the telling has been queued, and not before; `about` is the event that the
    telling is about, which a timer's is not itself. `opening` is the key of the alert that told of
    the alarm's beginning, empty where this telling is the one.
    """

    next: Incident | None
    telling: Telling | None = None
    about: StateChange | ConfigurationChange | None = None
    told: Told | None = None
    opening: str = ""
    withheld: str = ""
    timers: tuple[Timer, ...] = ()

    @property
    def key(self) -> str:
        """The key of the alert: the same for every attempt to tell this, by every transport."""
        if self.told is None or self.next is None:
            return ""
        return alert_key(self.next.key, self.told)


def alert_key(incident: str, told: Told) -> str:
    """Return what one telling of an incident is known by.

    A beginning has one key, whether it is told at once, at its release or as flapping.
    """
    kind: str = "opened" if told.kind in _OPENED and not told.number else told.kind
    if kind == "escalation":
        kind = f"escalation {told.severity}"
    parts = (incident, kind, told.opening.isoformat(), str(told.number))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
