"""Which channels hear of an alert: the routes, read from JSON, and the rules they follow.

Routes are tried from the top. The first that matches decides, unless it says `continue`; where none
matches, the default channels hear it. What is matched, and every other word, is described in
`config/routes.yaml`.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from bedrock_alerts.alerts.model import Alert, Channel, Severity
from bedrock_alerts.errors import BedrockAlertsError, PermanentError, TransientError
from bedrock_alerts.text import clean

_MAX_SHOWN: Final = 300
_ONE_DAY: Final = timedelta(days=1)
_CHANNELS: Final = (
    "email, slack, webhook, pagerduty, teams, amazon_q, or one target of these as in slack:C0EXAMP"
)
# What is wrong is told with what would be right. YAML reads 22:00 and 0123 as numbers: quotes help.
_TAKES: Final = {
    "severity": "critical, warning and info",
    "state": "ALARM, OK and INSUFFICIENT_DATA",
    "account": 'account ids of 12 digits, in quotes, as in "111122223333"',
    "channels": _CHANNELS,
    "default": _CHANNELS,
    "mentions": "here, channel, everyone, or ids of users and groups, by severity",
    "from": 'a time of day in quotes, as in "22:00"',
    "to": 'a time of day in quotes, as in "07:00"',
    "days": "mon, tue, wed, thu, fri, sat and sun",
    "except": "critical, warning and info",
    "digest": "minutes or hours, as in 30m or 2h",
}
_KEY: Final = re.compile(r"[.]([a-z_]+)")

Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Pattern: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
# `here`, `channel`, `everyone`, or the id of a user (U…, W…) or of a user group (S…).
Mention: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=r"^(here|channel|everyone|[UWS][A-Z0-9]{5,20})\Z")
]
Clock: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z")]
Duration: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^([1-9][0-9]{0,2}m|[1-9][0-9]?h)\Z")]


class RoutesError(BedrockAlertsError):
    """The routes cannot be used; `path` is where, as in `$.routes[0].match`, empty for all."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(f"{message} - at `{path}`" if path else message)
        self.message = message
        self.path = path


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an alert must be like: all that is given must fit, and of each list one entry.

    `alarm` and `team` are patterns with `*` and `?`. An alarm's pattern may leave out the stack's
    name that the alarms of this stack begin with.
    """

    severity: tuple[Severity, ...] = ()
    alarm: tuple[Pattern, ...] = ()
    team: tuple[Pattern, ...] = ()
    account: tuple[Annotated[str, msgspec.Meta(pattern=r"^[0-9]{12}\Z")], ...] = ()
    region: tuple[Pattern, ...] = ()
    state: tuple[Literal["ALARM", "OK", "INSUFFICIENT_DATA"], ...] = ()


class QuietHours(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"begin": "from"}
):
    """When a route keeps quiet: from one time of day to another, over midnight if need be.

    What comes meanwhile is told as one digest when the quiet time ends, but what is `except`ed is
    told at once. `days` are those on which the quiet time begins.
    """

    begin: Clock
    to: Clock
    timezone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "UTC"
    days: tuple[Weekday, ...] = _WEEKDAYS
    exceptions: tuple[Severity, ...] = msgspec.field(default=("critical",), name="except")


class Route(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"goes_on": "continue"},
):
    """Where the alerts that match go. No channels means nobody: that is logged and counted.

    `digest` collects what comes within so many minutes or hours into one message; what is critical
    is never made to wait.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    channels: tuple[Channel, ...]
    match: Match = Match()
    mentions: dict[Severity, tuple[Mention, ...]] = {}
    quiet_hours: QuietHours | None = None
    digest: Duration | None = None
    goes_on: bool = False


class Routes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All routes; `default` is for what none of them matches, every channel if it is not given."""

    routes: Annotated[tuple[Route, ...], msgspec.Meta(max_length=100)] = ()
    default: tuple[Channel, ...] | None = None


class Destination(NamedTuple):
    """One channel that hears of an alert: whom to mention, and until when to wait, None for now."""

    channel: Channel
    mentions: tuple[str, ...] = ()
    wait_until: datetime | None = None


class Tried(NamedTuple):
    """One route that was looked at; `misfit` says what did not match, empty when all did."""

    route: Route
    misfit: str


def parse_routes(text: str | bytes, channels: Sequence[Channel] | None = None) -> Routes:
    """Read routes from JSON, and check what their types cannot say.

    `channels` are those the stack has; a route to another one would never arrive anywhere.
    Raises RoutesError with the place and what is wrong there.
    """
    try:
        routes = msgspec.json.decode(text, type=Routes)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        path = path.rstrip("`")
        raise RoutesError(_in_words(message, path), path=path) from error
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise RoutesError("the routes are no JSON") from error
    _check(routes, channels)
    return routes


def _in_words(message: str, path: str) -> str:
    """Say what is wrong without regular expressions, and what belongs there."""
    what = "this has the wrong shape" if "regex" in message else message
    name = next((key for key in reversed(_KEY.findall(path)) if key in _TAKES), "")
    return clean(what, _MAX_SHOWN) + (f"; `{name}` takes {_TAKES[name]}" if name else "")


def _check(routes: Routes, channels: Sequence[Channel] | None) -> None:
    names: set[str] = set()
    for number, route in enumerate(routes.routes):
        path = f"$.routes[{number}]"
        if route.name in names:
            raise RoutesError(f"another route is called {clean(route.name, 64)} too", path=path)
        names.add(route.name)
        _check_channels(route.channels, channels, f"{path}.channels")
        if route.quiet_hours:
            _check_quiet_hours(route.quiet_hours, f"{path}.quiet_hours")
    _check_channels(routes.default or (), channels, "$.default")


def _check_channels(
    named: Sequence[Channel], channels: Sequence[Channel] | None, path: str
) -> None:
    if channels is None:
        return
    for number, channel in enumerate(named):
        if channel.partition(":")[0] not in {known.partition(":")[0] for known in channels}:
            known = ", ".join(channels) or "none"
            raise RoutesError(
                f"this stack has no channel {channel} (it has: {known})", path=f"{path}[{number}]"
            )


def _check_quiet_hours(quiet: QuietHours, path: str) -> None:
    if quiet.begin == quiet.to:
        raise RoutesError("the quiet time has no length", path=path)
    try:
        ZoneInfo(quiet.timezone)
    except (KeyError, OSError, ValueError) as error:  # what is a folder of zones is an OSError
        raise RoutesError("there is no such time zone", path=f"{path}.timezone") from error


def destinations(
    alert: Alert, routes: Routes, channels: Sequence[Channel], now: datetime
) -> tuple[Destination, ...]:
    """Return who hears of `alert`: each channel once, as the first route that names it says."""
    found: dict[Channel, Destination] = {}
    matched = [tried.route for tried in explain(alert, routes) if not tried.misfit]
    for route in matched:
        mentions = route.mentions.get(alert.severity, ()) if _is_bad_news(alert) else ()
        wait_until = _wait_until(alert, route, now)
        for channel in route.channels:
            found.setdefault(channel, Destination(channel, mentions, wait_until))
    if not matched:
        default = channels if routes.default is None else routes.default
        return tuple(Destination(channel) for channel in default)
    return tuple(found.values())


def explain(alert: Alert, routes: Routes) -> Iterator[Tried]:
    """Go through the routes as far as they are tried, and say of each why it does not match."""
    for route in routes.routes:
        misfit = _misfit(alert, route.match)
        yield Tried(route, misfit)
        if not misfit and not route.goes_on:
            return


def _misfit(alert: Alert, match: Match) -> str:
    for name, wanted, found in (
        ("severity", match.severity, alert.severity),
        ("account", match.account, alert.account_id),
        ("region", match.region, alert.region),
    ):
        if wanted and found not in wanted:
            return f"{name} is {found or 'unknown'}"
    # What has no state, such as tampering, is no alarm's life: no route means to leave it out.
    if match.state and alert.state and alert.state not in match.state:
        return f"state is {alert.state}"
    if match.alarm and not _fits(match.alarm, alert.title, alert.title.rpartition(".")[2]):
        return f"alarm is {alert.title}"
    if match.team and not _fits(match.team, alert.team):
        return f"team is {alert.team or 'unknown'}"
    return ""


def _fits(patterns: Sequence[str], *texts: str) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns for text in texts)


def _is_bad_news(alert: Alert) -> bool:
    """Tell whether somebody should be called: nobody is woken to hear that all is well."""
    return alert.kind not in ("resolved", "late", "settled")


def _wait_until(alert: Alert, route: Route, now: datetime) -> datetime | None:
    waits = []
    if route.quiet_hours and alert.severity not in route.quiet_hours.exceptions:
        end = _end_of_quiet(route.quiet_hours, now)
        waits += [] if end is None else [end]
    if route.digest and alert.severity != "critical":
        waits.append(_end_of_digest(route.digest, now))
    return max(waits, default=None)


def _end_of_quiet(quiet: QuietHours, now: datetime) -> datetime | None:
    """Return when the quiet time that `now` falls into ends, None when it falls into none."""
    zone = ZoneInfo(quiet.timezone)
    begins, ends = time.fromisoformat(quiet.begin), time.fromisoformat(quiet.to)
    today = now.astimezone(zone).date()
    for first in (today - _ONE_DAY, today):
        if _WEEKDAYS[first.weekday()] not in quiet.days:
            continue
        last = first if begins < ends else first + _ONE_DAY
        begin = datetime.combine(first, begins, zone)
        end = datetime.combine(last, ends, zone)
        # Compared in UTC: within one zone Python compares what the clocks on the wall show.
        if begin.astimezone(UTC) <= now < end.astimezone(UTC):
            return end.astimezone(UTC)
    return None


def _end_of_digest(every: Duration, now: datetime) -> datetime:
    """Return the end of the stretch of time `now` is in; stretches are aligned to the clock."""
    seconds = int(every[:-1]) * (60 if every.endswith("m") else 3600)
    return datetime.fromtimestamp((math.floor(now.timestamp() / seconds) + 1) * seconds, UTC)


class RouteBook:
    """The routes that are in force: those stored, or what to go on with when they are of no use."""

    def __init__(self, source: Callable[[], str], channels: Sequence[Channel]) -> None:
        self._source = source
        self._channels = tuple(channels)
        self._last_good: Routes | None = None

    def current(self) -> tuple[Routes, str]:
        """Return the routes, and what to say with every alert as long as something is wrong.

        Never raises: broken routes must not stop an alert. The last good ones this process knows
        stay in force, or else every alert goes to every channel.
        """
        try:
            self._last_good = parse_routes(self._source(), self._channels)
        except (RoutesError, TransientError, PermanentError) as error:
            instead = (
                "everybody is told" if self._last_good is None else "the last good ones are used"
            )
            return self._last_good or Routes(), f"The routes cannot be used, {instead}: {error}"
        return self._last_good, ""
