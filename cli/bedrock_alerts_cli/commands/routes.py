"""`bedrock-alerts routes`: check routes, explain what they do, store them for a stack."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

import click
import yaml

from bedrock_alerts.alerts.alert import Alert, Channel, ChannelKind
from bedrock_alerts.alerts.routing import (
    Destination,
    Routes,
    RoutesError,
    destinations,
    escalation_minutes,
    explain,
    parse_routes,
    subject_of,
    tells_bad_news,
)
from bedrock_alerts_cli.alarm_files import alerts_in
from bedrock_alerts_cli.command_groups import Suggests
from bedrock_alerts_cli.deployed.deployed_stack import (
    DeployedStack,
    change_options,
    may_change,
    said_plainly,
    stack_options,
)
from bedrock_alerts_cli.terminal import moment, write
from bedrock_alerts_cli.user_errors import CommandError, InputError
from bedrock_alerts_cli.user_files import NamedText, TextFile, decoded

# Parameter Store stores up to 4 KB free of charge, and up to 8 KB for a small charge.
_MAX_STORED_BYTES: Final = 8192
_STEP: Final = re.compile(r"[.]([A-Za-z0-9_]+)|\[([0-9]+|[.]{3})\]")
_ALL_KINDS: Final[tuple[Channel, ...]] = get_args(ChannelKind)


class RoutesFile(NamedTuple):
    """Routes as read from a file, and as they are stored."""

    routes: Routes
    stored: str


@click.group(cls=Suggests)
def routes() -> None:
    """Alert routing: check routes, explain them, store them for a stack."""


@routes.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--channels", help="Channels of the stack, as in email,slack. Default: all.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON, nothing else.")
def check(file: Path, channels: str | None, *, as_json: bool) -> int:
    """Check a routes file, and name the line of each error.

    \b
    Example:
      bedrock-alerts routes check config/routes.yaml --channels email,slack

    Exit status: 1 if the routes cannot be used, 2 if the file cannot be read.
    """  # noqa: D301 - \b is click's
    try:
        found = _read(file, _channels(channels))
    except _WrongRoutesError as error:
        if not as_json:
            raise
        _print_json({"ok": False, "line": error.line, "path": error.path, "error": error.message})
        return 1
    if as_json:
        _print_json({"ok": True, "routes": len(found.routes.routes), "bytes": len(found.stored)})
    else:
        write(f"{file} is valid: {_count(found.routes)}, {len(found.stored)} bytes.\n")
    return 0


@routes.command(name="explain")
@click.argument("event", type=TextFile())
@click.option(
    "--routes",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Routes file. Default: every channel receives every alert.",
)
@click.option("--channels", help="Channels of the stack, as in email,slack. Default: all.")
@click.option(
    "--at", metavar="TIME", help="Time to evaluate the routes at (ISO 8601, UTC). Default: now."
)
@click.option(
    "--unacknowledged",
    "minutes",
    type=click.FloatRange(min=0),
    metavar="MINUTES",
    help="How long the alarm has been firing without an acknowledgement.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON, nothing else.")
def explain_command(
    event: NamedText,
    file: Path | None,
    channels: str | None,
    at: str | None,
    minutes: float | None,
    *,
    as_json: bool,
) -> int:
    """Show who would receive the alarm event in the file EVENT (- for standard input), and why.

    \b
    Examples:
      bedrock-alerts routes explain events/route/alarm.json --routes config/routes.yaml
      bedrock-alerts generate-event route | bedrock-alerts routes explain -

    Exit status: 1 if the routes cannot be used, 2 if a file cannot be read or has no alarm event.
    """  # noqa: D301 - \b is click's
    known = _channels(channels)
    found = _read(file, known).routes if file else Routes()
    now = _moment(at)
    alerts = alerts_in(event.text, event.name)
    if not alerts:
        raise InputError(f"{event.name} has no alarm event")
    outcome = [_explanation(alert, found, known, now, minutes) for alert in alerts]
    if as_json:
        for each in outcome:
            _print_json(each)
    else:
        write("\n".join(_in_words(each) for each in outcome))
    return 0


@routes.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@stack_options
@change_options
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON, nothing else.")
def put(  # noqa: PLR0913 - click passes every option on its own
    file: Path,
    *,
    stack: str,
    region: str | None,
    endpoint_url: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Check a routes file, and store it for a stack. It takes effect within a minute.

    \b
    Examples:
      bedrock-alerts routes put config/routes.yaml --stack bedrock-alerts
      bedrock-alerts routes put config/routes.yaml --dry-run

    Exit status: 1 if the routes cannot be used or AWS refuses, 2 if the file or the stack cannot be
    read.
    """  # noqa: D301 - \b is click's
    opened = DeployedStack.open(stack, region, endpoint_url)
    name, channels = opened.outputs.get("RoutesParameterName"), opened.outputs.get("Channels")
    if not name or not channels:
        raise InputError(f"{opened.place} has no routes: is it a Bedrock Alerts stack?")
    found = _read(file, _channels(channels))
    what = f"{_count(found.routes)} in {name}"
    is_stored = may_change(f"store {what} ({opened.place})", dry_run=dry_run, yes=yes)
    if is_stored:
        with said_plainly(name):
            opened.client("ssm").put_parameter(
                Name=name,
                Value=found.stored,
                Type="String",
                Tier="Intelligent-Tiering",
                Overwrite=True,
            )
    if as_json:
        _print_json({"stored": is_stored, "parameter": name, "routes": len(found.routes.routes)})
    elif is_stored:
        write(f"Stored {what}.\n")
    return 0


def read_routes(file: Path | None, channels: str) -> tuple[tuple[Channel, ...], Routes]:
    """Read the channels, as in `email,slack` (default: all), and the routes.

    Raises CommandError with the line of an error.
    """
    known = _channels(channels)
    return known, _read(file, known).routes if file else Routes()


class _WrongRoutesError(CommandError):
    def __init__(self, file: Path, line: int, path: str, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}" + (f" (at {path})" if path else ""))
        self.line, self.path, self.message = line, path, message


def _read(file: Path, channels: Sequence[Channel]) -> RoutesFile:
    """Read routes from YAML (JSON is YAML too). Raises _WrongRoutesError with the line."""
    try:
        text = decoded(file.read_bytes(), str(file))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    try:
        tree = yaml.compose(text, yaml.SafeLoader)
        given = yaml.safe_load(text)
        stored = json.dumps(given, separators=(",", ":"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or str(error)
        raise _WrongRoutesError(file, line, "", f"this is not valid YAML: {problem}") from error
    except (TypeError, ValueError, RecursionError) as error:  # dates, keys that are not text
        raise _WrongRoutesError(file, 1, "", f"this cannot be written as JSON: {error}") from error
    if len(stored.encode()) > _MAX_STORED_BYTES:
        message = f"{len(stored.encode())} bytes are too many: the limit is {_MAX_STORED_BYTES}"
        raise _WrongRoutesError(file, 1, "", message)
    try:
        return RoutesFile(parse_routes(stored, channels), stored)
    except RoutesError as error:
        line = _line(tree, error.path)
        raise _WrongRoutesError(file, line, error.path, error.message) from error


def _count(found: Routes) -> str:
    number = len(found.routes)
    return "1 route" if number == 1 else f"{number} routes"


def _line(tree: yaml.Node | None, path: str) -> int:
    """Return the line of a path such as `$.routes[0].match`, as far as it exists."""
    if tree is None:
        return 1
    node, line = tree, tree.start_mark.line
    for key, index in _STEP.findall(path):
        if isinstance(node, yaml.MappingNode) and key:
            found = next((pair for pair in node.value if pair[0].value == key), None)
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        elif (
            isinstance(node, yaml.SequenceNode) and index.isdigit() and int(index) < len(node.value)
        ):
            node = node.value[int(index)]
            line = node.start_mark.line
        else:  # `[...]` is any value of a mapping: the mapping is the closest known place
            break
    return line + 1


def _channels(text: str | None) -> tuple[Channel, ...]:
    if not text:
        return _ALL_KINDS
    channels = tuple(part.strip() for part in text.split(",") if part.strip())
    for channel in channels:
        if channel.partition(":")[0] not in _ALL_KINDS:
            raise click.BadParameter(
                f"{channel} is not one of {', '.join(_ALL_KINDS)}", param_hint="--channels"
            )
    return channels


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text} is not a time, as in 2026-11-23T02:30:00") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _explanation(
    alert: Alert,
    found: Routes,
    channels: Sequence[Channel],
    now: datetime,
    minutes: float | None,
) -> dict[str, Any]:
    subject = subject_of(alert)
    if alert.state == "ALARM":
        subject = subject._replace(unacknowledged_minutes=minutes)
    receive = destinations(subject, found, channels, now, is_bad_news=tells_bad_news(alert))
    escalations = escalation_minutes(subject, found) if alert.state == "ALARM" else ()
    tried = tuple(explain(subject, found))
    return {
        "alarm": alert.title,
        "state": alert.state,
        "severity": alert.severity,
        "routes": [
            {"name": each.route.name, "matches": not each.misfit, "because": each.misfit}
            for each in tried
        ],
        "default": all(each.misfit or each.route.is_escalation for each in tried),
        "channels": [_destination(each, now) for each in receive],
        "escalations_minutes": list(escalations),
    }


def _destination(destination: Destination, now: datetime) -> dict[str, Any]:
    wait = destination.wait_until(now)
    return {
        "channel": destination.channel,
        "mentions": list(destination.mentions),
        "wait_until": None if wait is None else wait.isoformat(),
    }


def _in_words(outcome: dict[str, Any]) -> str:
    lines = [f"{outcome['alarm']} ({outcome['state'] or 'no state'}, {outcome['severity']})"]
    for route in outcome["routes"]:
        said = "matches" if route["matches"] else f"does not match: {route['because']}"
        lines.append(f"  route {route['name']}: {said}")
    if outcome["default"]:
        lines.append("  no route matches: the default channels receive it")
    for each in outcome["channels"]:
        calls = f", mentions {' '.join(each['mentions'])}" if each["mentions"] else ""
        when = "now"
        if each["wait_until"]:
            when = f"at {moment(datetime.fromisoformat(each['wait_until']).timestamp())} UTC"
        lines.append(f"  -> {each['channel']}, {when}{calls}")
    if not outcome["channels"]:
        names = [route["name"] for route in outcome["routes"] if route["matches"]]
        lines.append(f"  -> no one: no channel in route {', '.join(names)}")
    lines += [
        f"  further routes match when unacknowledged for {minutes:g} min"
        for minutes in outcome["escalations_minutes"]
    ]
    return "\n".join(lines) + "\n"


def _print_json(value: dict[str, Any]) -> None:
    write(json.dumps(value) + "\n")
