"""The one versioned item of an alarm: its facts, and what each channel was shown.

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
    """Time limits, in seconds; 0 s means no reminder.

    An incident closes when its alarm has been OK for `window`. No data is announced when it has
    lasted `no_data_after`. A channel that was not notified of an incident is not notified after
    `stale_after`.
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
    """A state that an alarm or a contributor entered."""

    at: float
    state: str


class Series(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A contributor: its last transitions and its name for people."""

    transitions: tuple[Transition, ...] = ()
    label: str = ""


class Incident(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alarm from the ALARM that opened it until its close. The number never changes.

    `last_alarm` is its last ALARM. `recovered_at` and `no_data_since` are set while the alarm is OK
    or has no data. `no_data_lasts` is stored once, after 30 minutes. `is_deleted` says that the
    alarm, or its query, is gone. `closed_by` is the person who closed it.
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
    """A person's silence of an alarm until a time; a higher severity than at the press ends it."""

    until: float
    by: str
    severity: Severity


class Shown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a channel shows of an incident.

    `contributors` are all that were named so far, `firing` is how many fire now.
    """

    number: int
    state: IncidentState
    severity: Severity = DEFAULT_SEVERITY
    contributors: tuple[str, ...] = ()
    firing: int = 0
    acknowledged_by: str = ""
    silenced_until: float = 0.0


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One of our PagerDuty incidents: its incident number, and whether it is (perhaps) open.

    `rotation` is that of the view when it was triggered: an older one must be resolved.
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
    """The options of a channel's route."""

    mentions: tuple[str, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()
    digest_seconds: int = 0


class View(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one channel was shown, and when to check it again.

    `last_shown` is when a message was last sent or edited, `last_noisy` when people were last
    notified. `sending` with `claim` and `lease` says what is about to be shown: it counts as
    perhaps shown.
    `wanted` is the incident to notify the channel of, even if it has ended by then. `held_since` is
    when its route's digest began. `lost` is the incident of which a post may have been sent without
    its reference being stored. `undelivered` names another channel that could not be reached, and
    the reason. `refusal` is why the last attempt failed, empty if it did not.
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
    last_shown: float = 0.0
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
        """Whether a route names the channel, or it was perhaps shown an open incident."""
        shown = [found for found in (self.shown, self.sending) if found]
        return (
            self.rule is not None
            or any(found.state != "resolved" for found in shown)
            or any(key.state != "resolved" for key in self.keys.values())
        )


class AlarmItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything about one alarm, or about one event without an incident (`notice`).

    `transitions` are the alarm's own, `contributors` have theirs by id. Events before `horizon` are
    ignored. `closed_at` is the time of the last incident's OK or deletion. `about` is the newest
    ALARM, `latest` the newest state change, `series` the newest contributor in ALARM.
    `suppressed_by` and the other facts are as of the time that follows each. `escalate_at` is when
    a route for unacknowledged incidents may match. `note` is added to every message. `account_name`
    is what the routes file calls the alarm's account.
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
    account_name: str = ""

    def view(self, channel: Channel) -> View:
        """Return what a channel was shown; an empty view if nothing."""
        return self.views.get(channel) or View()

    def with_view(self, channel: Channel, view: View) -> "AlarmItem":
        """Return the item with another view of a channel."""
        return msgspec.structs.replace(self, views={**self.views, channel: view})


def is_of_test(item: AlarmItem) -> bool:
    """Whether all known facts of the alarm are of a test."""
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
    """Return the ids of the contributors in ALARM, unless the alarm ended after them."""
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
    """Whether CloudWatch suppresses the alarm's actions."""
    return bool(item.suppressed_by) or not item.are_actions_enabled or now < item.muted_until


def is_silenced(item: AlarmItem, now: float) -> bool:
    """Whether a person has silenced the alarm, and its severity has not risen since."""
    silence = item.silence
    return (
        silence is not None
        and now < silence.until
        and not is_worse(item.severity, than=silence.severity)
    )


def wake(item: AlarmItem, now: float) -> AlarmItem:
    """Make due every view that may lack something, including those that were given up."""
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
    """Return when the item must be checked again, None for never."""
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
