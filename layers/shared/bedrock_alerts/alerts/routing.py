"""Which channels receive an alert.

Routes are tried from the top. The first that matches decides, unless it says `continue`; if none
matches, the default channels receive it. A route with `unacknowledged` only adds receivers: it is
always tried. What can be matched is described in `config/routes.yaml`.
"""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from bedrock_alerts.alerts.alert import Alert, Channel, Severity
from bedrock_alerts.alerts.quiet_hours import QuietHours, end_of_quiet
from bedrock_alerts.alerts.routes_file import (
    Match,
    Route,
    RouteBook,
    Routes,
    RoutesError,
    canonical,
    each_once,
    parse_routes,
    seconds_of,
    slack_aliases,
)

__all__ = [
    "Destination",
    "Route",
    "RouteBook",
    "Routes",
    "RoutesError",
    "Subject",
    "Tried",
    "canonical",
    "destinations",
    "each_once",
    "escalation_minutes",
    "explain",
    "parse_routes",
    "slack_aliases",
    "subject_of",
    "tells_bad_news",
]

# The alarms of a stack are named STACK.Name, and a stack name has no dot.
_STACK: Final = re.compile(r"\A[A-Za-z][A-Za-z0-9-]*[.]")
# Names of contributor attributes and evidence columns, by what routes match.
_CALLERS: Final = ("Principal", "caller")
_APPLICATIONS: Final = ("Application", "application")
_MODELS: Final = ("ModelId", "model")


class Subject(NamedTuple):
    """What routes match; `alarm_name` has the stack's name, and no contributor.

    `unacknowledged_minutes` is how long the incident has been firing without an acknowledgement,
    None if it is not firing or is acknowledged.
    """

    alarm_name: str
    severity: Severity
    team: str = ""
    account_id: str = ""
    region: str = ""
    state: str = ""
    callers: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    unacknowledged_minutes: float | None = None


class Destination(NamedTuple):
    """One channel that receives an alert, with its mentions and delays.

    `quiet_until` is None outside of quiet hours, `digest_seconds` 0 without a digest. `quiet_hours`
    are those of the route.
    """

    channel: Channel
    mentions: tuple[str, ...] = ()
    quiet_until: datetime | None = None
    digest_seconds: int = 0
    quiet_hours: tuple[QuietHours, ...] = ()

    def wait_until(self, now: datetime) -> datetime | None:
        """Return when to send, after quiet hours and at the digest's end; None for now.

        Digests end on the clock: 30-minute ones at :00 and :30 UTC.
        """
        if not self.digest_seconds:
            return self.quiet_until
        number = math.floor(now.timestamp() / self.digest_seconds) + 1
        end = datetime.fromtimestamp(number * self.digest_seconds, UTC)
        return end if self.quiet_until is None else max(end, self.quiet_until)


class Tried(NamedTuple):
    """One route that was tried; `misfit` says what did not match, empty if all did."""

    route: Route
    misfit: str


def subject_of(alert: Alert) -> Subject:
    """Return what routes match in an alert, as if it needed no acknowledgement."""
    # An alert's title may also name the contributor; an ARN has only the alarm's name.
    name = alert.alarm_arn.partition(":alarm:")[2].partition("#")[0] or alert.title
    return Subject(
        alarm_name=name,
        severity=alert.severity,
        team=alert.team,
        account_id=alert.account_id,
        region=alert.region,
        state=alert.state,
        callers=_named(alert, _CALLERS),
        applications=_named(alert, _APPLICATIONS),
        models=_named(alert, _MODELS),
    )


def _named(alert: Alert, labels: tuple[str, ...]) -> tuple[str, ...]:
    found = [fact.value for fact in alert.facts if fact.label in labels]
    for table in alert.evidence.tables if alert.evidence else ():
        if table.columns[0] in labels:
            found += [row[0] for row in table.rows]
    return tuple(dict.fromkeys(found))


def tells_bad_news(alert: Alert) -> bool:
    """Whether to mention people: not for a recovery."""
    if alert.kind == "notice":
        return alert.state != "OK"
    return alert.kind not in {"resolved", "acknowledged", "silenced"}


def destinations(
    subject: Subject,
    routes: Routes,
    channels: Sequence[Channel],
    now: datetime,
    *,
    is_bad_news: bool,
) -> tuple[Destination, ...]:
    """Return who receives an alert: each channel once, by the first route that names it.

    `channels` are those of the stack. People are not mentioned for recoveries. A route with
    `unacknowledged` comes after all others: it adds its mentions, and decides when to send.
    """

    def as_said(route: Route, channel: Channel) -> Destination:
        severity = subject.severity
        digest = route.digest if severity != "critical" else None
        return Destination(
            channel,
            mentions=route.mentions.get(severity, ()) if is_bad_news else (),
            quiet_until=end_of_quiet(route.quiet, severity, now),
            digest_seconds=seconds_of(digest) if digest else 0,
            quiet_hours=tuple(route.quiet),
        )

    matched = [tried.route for tried in explain(subject, routes) if not tried.misfit]
    found: dict[Channel, Destination] = {}
    if all(route.is_escalation for route in matched):
        default = channels if routes.default is None else routes.default
        found = {channel: Destination(channel) for channel in each_once(default)}
    for route in sorted(matched, key=lambda route: route.is_escalation):
        for channel in each_once(route.channels):
            before, here = found.get(channel), as_said(route, channel)
            if before is None:
                found[channel] = here
            elif route.is_escalation:
                mentions = tuple(dict.fromkeys((*before.mentions, *here.mentions)))
                found[channel] = here._replace(mentions=mentions)
    return tuple(found.values())


def explain(subject: Subject, routes: Routes) -> Iterator[Tried]:
    """Yield the routes that are tried, each with the reason why it does not match."""
    is_decided = False
    for route in routes.routes:
        if is_decided and not route.is_escalation:
            continue
        misfit = _misfit(subject, route.match) or _too_early(subject, route.match)
        yield Tried(route, misfit)
        is_decided = is_decided or not (misfit or route.goes_on or route.is_escalation)


def escalation_minutes(subject: Subject, routes: Routes) -> tuple[float, ...]:
    """Return the unacknowledged minutes after which further routes match, the soonest first.

    The subject's own unacknowledged time is ignored.
    """
    found = {
        seconds_of(route.match.unacknowledged) / 60
        for route in routes.routes
        if route.match.unacknowledged and not _misfit(subject, route.match)
    }
    return tuple(sorted(found))


def _misfit(subject: Subject, match: Match) -> str:
    """Return what does not match, apart from the unacknowledged time."""
    name = subject.alarm_name
    for label, patterns, values in (
        ("severity", match.severity, (subject.severity,)),
        ("account", match.account, (subject.account_id,)),
        ("region", match.region, (subject.region,)),
        # Alerts without a state, such as tampering, are not about an alarm: no route excludes them.
        ("state", match.state if subject.state else (), (subject.state,)),
        ("alarm", match.alarm, (name, _STACK.sub("", name))),
        ("team", match.team, (subject.team,)),
        ("caller", match.caller, subject.callers),
        ("application", match.application, subject.applications),
        ("model", match.model, subject.models),
    ):
        known = [value for value in values if value]
        if patterns and not _fits(patterns, known):
            shown = known[:1] if label == "alarm" else known
            return f"{label} is {', '.join(shown) or 'unknown'}"
    return ""


def _fits(patterns: Sequence[str], texts: Sequence[str]) -> bool:
    # Only `*` and `?` are patterns: a bracket in an alarm name is literal.
    plain = [pattern.replace("[", "[[]") for pattern in patterns]
    return any(fnmatchcase(text, pattern) for pattern in plain for text in texts)


def _too_early(subject: Subject, match: Match) -> str:
    """Return why an incident has not been unacknowledged for as long as a route requires."""
    if match.unacknowledged is None:
        return ""
    minutes = subject.unacknowledged_minutes
    if minutes is None:
        return "it is not firing, or it is acknowledged"
    if minutes * 60 < seconds_of(match.unacknowledged):
        return f"unacknowledged for {minutes:g} min; the route requires {match.unacknowledged}"
    return ""
