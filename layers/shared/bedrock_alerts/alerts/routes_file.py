"""The routes file: its format, how it is read from JSON, and which routes are in force."""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from bedrock_alerts.alerts.alert import Channel, Severity
from bedrock_alerts.alerts.quiet_hours import QuietHours, never_ends
from bedrock_alerts.errors import BedrockAlertsError, PermanentError, TransientError
from bedrock_alerts.text import clean

_MAX_SHOWN: Final = 300
_CHANNELS: Final = (
    "email, slack, webhook, pagerduty, teams, amazon_q, or one target of these, as in slack:C0EXAMP"
)
_DURATION: Final = "minutes or hours, as in 30m or 2h"
# Valid values for error messages. YAML reads 22:00 and 0123 as numbers, hence the quotes.
_TAKES: Final = {
    "severity": "critical, warning and info",
    "state": "ALARM, OK and INSUFFICIENT_DATA",
    "account": 'account ids of 12 digits, in quotes, as in "111122223333"',
    "caller": "a list of patterns, as in role/ci-*",
    "application": "a list of patterns, as in checkout*",
    "model": "a list of patterns, as in anthropic.*",
    "unacknowledged": _DURATION,
    "channels": _CHANNELS,
    "default": _CHANNELS,
    "mentions": "here, channel, everyone, or ids of users and groups, by severity",
    "from": 'a time of day in quotes, as in "22:00"',
    "to": 'a time of day in quotes, as in "07:00"',
    "days": "mon, tue, wed, thu, fri, sat and sun",
    "except": "critical, warning and info",
    "digest": _DURATION,
    "accounts": 'names of 1 to 40 characters by account id in quotes, as in "111122223333": prod',
}
_KEY: Final = re.compile(r"[.]([a-z_]+)")
_MAX_ACCOUNT_NAME: Final = 40
# The entry of a channel's secret for alerts without a target.
_DEFAULT_TARGET: Final = ":default"
NO_ALIASES: Final[Mapping[Channel, Channel]] = MappingProxyType({})

Pattern: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
# `here`, `channel`, `everyone`, or the id of a user (U…, W…) or of a user group (S…).
Mention: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=r"^(here|channel|everyone|[UWS][A-Z0-9]{5,20})\Z")
]
AccountId: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{12}\Z")]
AccountName: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=_MAX_ACCOUNT_NAME)]
Duration: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^([1-9][0-9]{0,2}m|[1-9][0-9]?h)\Z")]


class RoutesError(BedrockAlertsError):
    """The routes are not valid; `path` is the place, as in `$.routes[0].match`, empty for all."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(f"{message} - at `{path}`" if path else message)
        self.message = message
        self.path = path


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conditions for an alert: every given field must match, and one entry of each list.

    `alarm`, `team`, `caller`, `application` and `model` are patterns with `*` and `?`. An alarm's
    pattern matches its name with or without the stack's name. `unacknowledged` is how long an
    incident must have been firing without an acknowledgement.
    """

    severity: tuple[Severity, ...] = ()
    alarm: tuple[Pattern, ...] = ()
    team: tuple[Pattern, ...] = ()
    account: tuple[AccountId, ...] = ()
    region: tuple[Pattern, ...] = ()
    state: tuple[Literal["ALARM", "OK", "INSUFFICIENT_DATA"], ...] = ()
    caller: tuple[Pattern, ...] = ()
    application: tuple[Pattern, ...] = ()
    model: tuple[Pattern, ...] = ()
    unacknowledged: Duration | None = None


class Route(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"goes_on": "continue"},
):
    """A route: the channels for matching alerts.

    No channels means no one, which is logged and counted. `digest` collects the alerts of so many
    minutes or hours into one message; critical alerts never wait for it.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    channels: tuple[Channel, ...]
    match: Match = Match()
    mentions: dict[Severity, tuple[Mention, ...]] = {}
    quiet_hours: (
        QuietHours | Annotated[tuple[QuietHours, ...], msgspec.Meta(max_length=20)] | None
    ) = None
    digest: Duration | None = None
    goes_on: bool = False

    @property
    def quiet(self) -> tuple[QuietHours, ...]:
        """All its quiet hours."""
        found = self.quiet_hours
        return (found,) if isinstance(found, QuietHours) else found or ()

    @property
    def is_escalation(self) -> bool:
        """Whether it adds receivers for unacknowledged incidents; it never stops other routes."""
        return self.match.unacknowledged is not None


class Routes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All routes; `default` is for alerts that match none, every channel if not given.

    `accounts` are the names of accounts by id, as messages show them.
    """

    routes: Annotated[tuple[Route, ...], msgspec.Meta(max_length=100)] = ()
    default: tuple[Channel, ...] | None = None
    accounts: dict[AccountId, AccountName] = {}


def seconds_of(duration: Duration) -> int:
    """Return the seconds of `30m` or `2h`."""
    return int(duration[:-1]) * (60 if duration.endswith("m") else 3600)


def slack_aliases(channel_id: str) -> Mapping[Channel, Channel]:
    """Return the other name of `slack`: the bot's default channel, if it has one."""
    return {f"slack:{channel_id}": "slack"} if channel_id else NO_ALIASES


def canonical(channel: Channel, aliases: Mapping[Channel, Channel] = NO_ALIASES) -> Channel:
    """Return the canonical name of a target: `aliases` maps its other names, as in slack:C0DEFAULT.

    The target `default` is always the one of the kind alone.
    """
    channel = channel.removesuffix(_DEFAULT_TARGET)
    return aliases.get(channel, channel)


def each_once(
    channels: Sequence[Channel], aliases: Mapping[Channel, Channel] = NO_ALIASES
) -> tuple[Channel, ...]:
    """Return canonical channels, each once, in their order."""
    return tuple(dict.fromkeys(canonical(channel, aliases) for channel in channels))


def parse_routes(
    text: str | bytes,
    channels: Sequence[Channel] | None = None,
    aliases: Mapping[Channel, Channel] = NO_ALIASES,
) -> Routes:
    """Read routes from JSON, check them beyond their types, and make channels canonical.

    `channels` are those the stack has: a route to another one could never deliver. Raises
    RoutesError with the place and the error.
    """
    if text.strip() in {"", b"", "null", b"null"}:
        raise RoutesError("the routes file is empty; for every alert to every channel, write {}")
    try:
        routes = msgspec.json.decode(text, type=Routes)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        path = path.rstrip("`").rpartition("`")[2]  # of a key: key` in `$.accounts
        raise RoutesError(_in_words(message, path), path=path) from error
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise RoutesError("the routes are not valid JSON") from error
    _check(routes, channels)
    return msgspec.structs.replace(
        routes,
        routes=tuple(
            msgspec.structs.replace(route, channels=each_once(route.channels, aliases))
            for route in routes.routes
        ),
        default=None if routes.default is None else each_once(routes.default, aliases),
    )


def _in_words(message: str, path: str) -> str:
    """Return an error without regular expressions, and the valid values."""
    what = "this has the wrong shape" if "regex" in message else message
    name = next((key for key in reversed(_KEY.findall(path)) if key in _TAKES), "")
    return clean(what, _MAX_SHOWN) + (f"; `{name}` takes {_TAKES[name]}" if name else "")


def _check(routes: Routes, channels: Sequence[Channel] | None) -> None:
    names: set[str] = set()
    for number, route in enumerate(routes.routes):
        path = f"$.routes[{number}]"
        if route.name in names:
            raise RoutesError(f"another route is also called {clean(route.name, 64)}", path=path)
        names.add(route.name)
        _check_channels(route.channels, channels, f"{path}.channels")
        _check_quiet_hours(route, f"{path}.quiet_hours")
    _check_channels(routes.default or (), channels, "$.default")
    _check_receivers(routes)
    _check_accounts(routes.accounts)


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


def _check_quiet_hours(route: Route, path: str) -> None:
    for number, quiet in enumerate(route.quiet):
        place = path if isinstance(route.quiet_hours, QuietHours) else f"{path}[{number}]"
        if (quiet.begin is None) != (quiet.to is None):
            raise RoutesError("give both `from` and `to`, or neither for whole days", path=place)
        if quiet.begin is not None and quiet.begin == quiet.to:
            raise RoutesError(
                "the quiet time has no length; for whole days, leave out `from` and `to`",
                path=place,
            )
        try:
            ZoneInfo(quiet.timezone)
        except (
            KeyError,
            OSError,
            ValueError,
        ) as error:  # a name of a folder of zones raises OSError
            raise RoutesError("there is no such time zone", path=f"{place}.timezone") from error
    if never_ends(route.quiet):
        raise RoutesError("the quiet time never ends: nothing would be sent", path=path)


def _check_accounts(accounts: Mapping[AccountId, AccountName]) -> None:
    """Refuse names by which people would take one account for another."""
    known: dict[str, AccountId] = {}
    for account, name in accounts.items():
        path = f"$.accounts.{account}"
        if clean(name, _MAX_ACCOUNT_NAME) != name:
            raise RoutesError("an account's name is one line, without spaces around it", path=path)
        if name.isdigit():
            raise RoutesError("an account's name cannot be a number", path=path)
        other = known.setdefault(name.casefold(), account)
        if other != account:
            raise RoutesError(f"account {other} is also called {name}", path=path)


def _check_receivers(routes: Routes) -> None:
    """Refuse routes that would leave people without alerts by mistake."""
    if routes.default == ():
        raise RoutesError(
            "`default` is empty, so alerts that match no route would reach no one: name a channel,"
            " leave `default` out for every channel, or end with a route that has no channels",
            path="$.default",
        )
    reached: list[Route] = []
    catches_all = False
    for route in routes.routes:
        if route.is_escalation or not catches_all:
            reached.append(route)
        catches_all = catches_all or (route.match == Match() and not route.goes_on)
    has_default = not any(route.match == Match() for route in reached)
    if not has_default and not any(route.channels for route in reached):
        raise RoutesError("no alert would reach anyone: name a channel", path="$.routes")


class RouteBook:
    """The routes in force: the stored ones, or their replacement while those are not valid."""

    def __init__(
        self,
        source: Callable[[], str],
        channels: Sequence[Channel],
        aliases: Mapping[Channel, Channel] = NO_ALIASES,
    ) -> None:
        self._source = source
        self._channels = tuple(channels)
        self._aliases = aliases
        self._last_good: Routes | None = None

    def current(self) -> tuple[Routes, str]:
        """Return the routes, and a note for every alert while the stored ones are not valid.

        Never raises: an invalid routes file never blocks alerts. The last valid routes that this
        process read stay in force; without them every alert goes to every channel.
        """
        try:
            self._last_good = parse_routes(self._source(), self._channels, self._aliases)
        except (RoutesError, TransientError, PermanentError) as error:
            instead = (
                "every alert goes to every channel"
                if self._last_good is None
                else "the last valid routes are used"
            )
            return self._last_good or Routes(), f"The routes cannot be used, so {instead}: {error}"
        return self._last_good, ""
