"""The one versioned item of an alarm: what is known of it, and what each channel was shown.

All times are seconds since 1970. Everything is frozen; a change makes a new item.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from bedrock_alerts.alerts.alert import (
    DEFAULT_SEVERITY,
    SEVERITIES,
    Channel,
    Severity,
)
from bedrock_alerts.alerts.events import (
    ConfigurationChange,
    Notice,
    StateChange,
)
from bedrock_alerts.alerts.quiet_hours import QuietHours
from bedrock_alerts.alerts.test_marks import is_name_of_test, is_test

ALARM: Final = "ALARM"
OK: Final = "OK"
NO_DATA: Final = "INSUFFICIENT_DATA"
DELETED: Final = "DELETED"
MAX_TRANSITIONS: Final = 40
MAX_CONTRIBUTORS: Final = 100

IncidentState: TypeAlias = Literal["firing", "no_data", "recovering", "resolved"]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What can be chosen, in seconds; a reminder after 0 s is none.

    An incident closes when its alarm has been OK for `window`. No data is announced when it has
    lasted `no_data_after`. What ended more than `stale_after` ago is history to whoever was not
    notified of it.
    """

    critical_reminder: float = 3600.0
    warning_reminder: float = 4 * 3600.0
    window: float = 600.0
    longest_window: float = 3600.0
    no_data_after: float = 1800.0
    stale_after: float = 86_400.0

    def reminder(self, severity: Severity) -> float:
        """Return the seconds between two reminders, 0 for none."""
        if severity == "info":
            return 0.0
        return self.critical_reminder if severity == "critical" else self.warning_reminder


def policy_of(reminder_hours: tuple[int, int], recovery_minutes: int) -> Policy:
    """Return the policy of a stack: its reminders of critical alarms and warnings, in hours."""
    critical, warning = reminder_hours
    return Policy(
        critical_reminder=critical * 3600.0,
        warning_reminder=warning * 3600.0,
        window=recovery_minutes * 60.0,
    )


class Transition(msgspec.Struct, frozen=True, array_like=True):
    """A state that an alarm or a contributor took on."""

    at: float
    state: str


class Series(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A contributor: its last transitions, and what people know it by."""

    transitions: tuple[Transition, ...] = ()
    label: str = ""


class Incident(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alarm from the ALARM that opened it until its close. The number never changes.

    `last_alarm` is the last ALARM that counts for it. `recovered_at` and `no_data_since` are set
    while the alarm is OK or has no data. `no_data_lasts` is stored once, after 30 minutes.
    `is_deleted` says that the alarm, or its query, is gone. `closed_by` is who closed it.
    """

    number: int
    since: float
    last_alarm: float
    window: float
    recovered_at: float | None = None
    no_data_since: float | None = None
    no_data_lasts: bool = False
    is_deleted: bool = False
    acknowledged_by: str = ""
    acknowledged_at: float = 0.0
    escalated_at: float | None = None
    closed_by: str = ""

    @property
    def state(self) -> IncidentState:
        """The state of the incident."""
        if self.recovered_at is not None:
            return "recovering"
        return "firing" if self.no_data_since is None else "no_data"


class Ended(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A closed incident: its times, and how it ended. `is_deleted`: the alarm was deleted.

    `by` is the person who closed it.
    """

    number: int
    since: float
    at: float
    is_deleted: bool = False
    by: str = ""
    is_time_unknown: bool = False


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Suppresses an alarm until a time, but not what is worse than at the press."""

    until: float
    by: str
    severity: Severity


class Shown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a channel shows of an incident.

    `contributors` are all that it has named so far, `firing` is how many fire now.
    """

    number: int
    state: IncidentState
    severity: Severity = DEFAULT_SEVERITY
    contributors: tuple[str, ...] = ()
    firing: int = 0
    acknowledged_by: str = ""
    silenced_until: float = 0.0


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A PagerDuty incident of ours: of which incident, and whether it is (perhaps) open.

    `rotation` is that of the view when it was triggered: an older one is to be resolved.
    """

    number: int
    state: Literal["perhaps", "open", "resolved"]
    rotation: int = 0


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """The Slack message that shows an incident."""

    number: int
    channel_id: str
    ts: str


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the route of a channel says beside its name."""

    mentions: tuple[str, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()
    digest_seconds: int = 0


class View(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one channel has been shown, and when to look at it again.

    `sending` with `claim` and `lease` says what is about to be shown: it counts as perhaps shown.
    `wanted` is the incident that the channel is to be notified of, also when it has ended by then.
    `held_since` is when its route began to collect. `lost` is the incident of which a post may have
    gone out without its reference. `undelivered` says which other channel could not be reached, and
    why. `refusal` is why the last attempt failed, empty after one that did not.
    """

    rule: Rule | None = None
    shown: Shown | None = None
    sending: Shown | None = None
    sending_reason: str = ""
    claim: str = ""
    lease: float = 0.0
    keys: dict[str, Key] = {}
    rotation: int = 0
    reference: Reference | None = None
    lost: int = 0
    wanted: int = 0
    last_noisy: float = 0.0
    last_urgent: float = 0.0
    last_looked: float = 0.0
    held_since: float = 0.0
    due: float | None = None
    failures: int = 0
    is_parked: bool = False
    undelivered: str = ""
    refusal: str = ""

    @property
    def is_involved(self) -> bool:
        """Whether the channel is named by a route, or was perhaps shown something that is open."""
        shown = [found for found in (self.shown, self.sending) if found]
        return (
            self.rule is not None
            or any(found.state != "resolved" for found in shown)
            or any(key.state != "resolved" for key in self.keys.values())
        )


class AlarmItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything about one alarm, or about one notice that has no life (`notice`).

    `transitions` are the alarm's own, `contributors` those of its series by their ids. What is
    before `horizon` is history. `closed_at` is the time of the last incident's OK or deletion.
    `about` is the newest ALARM, `latest` the newest state change, `series` the newest contributor
    in ALARM. `suppressed_by` and the other facts are as of the time behind each. `escalate_at` is
    when a route for what no one acknowledges may match. `note` is said with every message.
    """

    arn: str
    transitions: tuple[Transition, ...] = ()
    contributors: dict[str, Series] = {}
    contributors_left_out: int = 0
    deletions: tuple[float, ...] = ()
    query_changes: tuple[float, ...] = ()
    horizon: float = 0.0
    incident: Incident | None = None
    number: int = 0
    closed_at: float = 0.0
    ended: tuple[Ended, ...] = ()
    silence: Silence | None = None
    suppressed_by: str = ""
    suppressed_at: float = 0.0
    muted_until: float = 0.0
    are_actions_enabled: bool = True
    actions_at: float = 0.0
    severity: Severity = DEFAULT_SEVERITY
    severity_at: float = 0.0
    reports_no_end: bool = False
    is_long_window: bool = False
    about: StateChange | None = None
    latest: StateChange | None = None
    series: StateChange | None = None
    change: ConfigurationChange | None = None
    notice: Notice | None = None
    views: dict[Channel, View] = {}
    escalate_at: float | None = None
    note: str = ""

    def view(self, channel: Channel) -> View:
        """Return what a channel was shown; an empty view where that is nothing."""
        return self.views.get(channel) or View()

    def with_view(self, channel: Channel, view: View) -> "AlarmItem":
        """Return the item with another view of a channel."""
        return msgspec.structs.replace(self, views={**self.views, channel: view})


def is_of_test(item: AlarmItem) -> bool:
    """Whether what is known of the alarm now is a test and nothing else."""
    if is_name_of_test(item.arn):
        return True
    about, series, incident = item.about, item.series, item.incident
    if about is None or not is_test(about):
        return False
    is_newer = series is not None and series.at > about.at
    return not is_newer and (incident is None or about.at.timestamp() >= incident.since)


def is_worse(severity: Severity, than: Severity) -> bool:
    """Whether one severity is worse than another."""
    return SEVERITIES.index(severity) < SEVERITIES.index(than)


def firing_contributors(item: AlarmItem) -> tuple[str, ...]:
    """Return the ids of the contributors in ALARM that no end of the alarm has ended."""
    out = [0.0, *item.deletions, *item.query_changes]
    out += [change.at for change in item.transitions if change.state in (OK, NO_DATA)]
    last_out = max(out)
    return tuple(
        name
        for name, series in item.contributors.items()
        if series.transitions
        and series.transitions[-1].state == ALARM
        and series.transitions[-1].at > last_out
    )


def is_suppressed(item: AlarmItem, now: float) -> bool:
    """Whether CloudWatch holds the alarm's actions back."""
    return bool(item.suppressed_by) or not item.are_actions_enabled or now < item.muted_until


def is_silenced(item: AlarmItem, now: float) -> bool:
    """Whether a person has silenced the alarm, and it is no worse than it was then."""
    silence = item.silence
    return (
        silence is not None
        and now < silence.until
        and not is_worse(item.severity, than=silence.severity)
    )


def wake(item: AlarmItem, now: float) -> AlarmItem:
    """Make every view due that something may be lacking in; a parked one gets another chance."""
    views = {
        channel: msgspec.structs.replace(
            view,
            due=now if view.due is None else min(view.due, now),
            is_parked=False,
            failures=0 if view.is_parked else view.failures,
        )
        if view.is_involved
        else view
        for channel, view in item.views.items()
    }
    return msgspec.structs.replace(item, views=views)


def next_due(item: AlarmItem, policy: Policy) -> float | None:
    """Return when someone has to look at the item again, None for never."""
    dues = [view.due for view in item.views.values() if view.due is not None]
    incident = item.incident
    if incident is not None:
        if incident.recovered_at is not None:
            dues.append(incident.recovered_at + incident.window)
        elif incident.no_data_since is not None and not incident.no_data_lasts:
            dues.append(incident.no_data_since + policy.no_data_after)
        if item.escalate_at is not None:
            dues.append(item.escalate_at)
    return min(dues, default=None)
