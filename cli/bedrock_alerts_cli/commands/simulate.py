"""`bedrock-alerts simulate`: who is notified of alarm events, when, and of what."""

import json
from pathlib import Path
from typing import Any, Final

import click

from bedrock_alerts_cli.commands.routes import read_routes
from bedrock_alerts_cli.notifier.play import AFTER_SECONDS, CHANNELS, Simulation
from bedrock_alerts_cli.notifier.sequence import read_lines
from bedrock_alerts_cli.terminal import Column, Table, until_cut_off, write
from bedrock_alerts_cli.user_errors import InputError
from bedrock_alerts_cli.user_files import NamedText, TextFile

_STATE_STYLES: Final = {"firing": "bold red", "no_data": "yellow", "resolved": "green"}
_MESSAGES: Final = (
    Column(title="time (UTC)"),
    Column(title="channel", style=lambda _: "bold"),
    Column(title="action", rank=1),
    Column(title="reason"),
    Column(title="headline", least=30, wraps=True),
)
_SHOWS: Final = (
    Column(title="channel", style=lambda _: "bold"),
    Column(title="shows", style=lambda text: _STATE_STYLES.get(text, "")),
    Column(title="severity", rank=1),
    Column(title="alarm", least=24, wraps=True),
    Column(title="since (UTC)", rank=2),
)


@click.command()
@click.argument("events", nargs=-1, required=True, type=TextFile(), metavar="EVENTS…")
@click.option(
    "--routes",
    "routes_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Routes file. Default: every channel receives every alert.",
)
@click.option(
    "--channels",
    default=",".join(CHANNELS),
    show_default=True,
    help="Channels of the stack. Slack is a bot with buttons.",
)
@click.option(
    "--after",
    "minutes_after",
    type=click.FloatRange(min=0, max=10_080),
    default=AFTER_SECONDS / 60,
    show_default=True,
    metavar="MINUTES",
    help="How long to play on after the last line.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON, nothing else.")
def simulate(
    events: tuple[NamedText, ...],
    *,
    routes_file: Path | None,
    channels: str,
    minutes_after: float,
    as_json: bool,
) -> int:
    """Play alarm events through the notifier, on their own clock, and show who is notified.

    EVENTS are files (- for standard input) with one JSON object a line, or one JSON document. A
    line is an alarm event of any transport, which has its own time, or says what happens when:

    \b
      {"at": "2026-11-20T08:00:00Z", "event": {…}}
      {"at": "…", "press": "acknowledge", "alarm": "NAME or ARN", "by": "ada"}
      {"at": "…", "press": "silence:3600" or "unsilence", "alarm": "NAME or ARN"}
      {"at": "…", "outage": {"channel": "slack", "minutes": 5, "status": 503}}
      {"at": "…", "outage": {"table": "incidents", "minutes": 5}}
      {"at": "…", "routes": {…}}
      {"at": "…", "describe_alarms": {"NAME": {"StateValue": "OK"}}}

    An outage of 0 minutes only advances the clock. NAME is an alarm in account 111122223333,
    us-east-1. Nothing is sent, and AWS is not called.

    \b
    Examples:
      bedrock-alerts simulate events/route/alarm.json
      bedrock-alerts simulate night.jsonl --routes config/routes.yaml --channels email,teams
      bedrock-alerts generate-event route throttling | bedrock-alerts simulate -

    Exit status: 1 if the routes cannot be used, 2 if a file cannot be read or has no events.
    """  # noqa: D301 - \b is click's
    known, routes = read_routes(routes_file, channels)
    lines = [line for file in events for line in read_lines(file.text, file.name)]
    if not lines:
        raise InputError("there are no events in " + ", ".join(file.name for file in events))
    document = Simulation(
        lines, channels=known, routes=routes, seconds_after=60 * minutes_after
    ).document()
    with until_cut_off():
        if as_json:
            write(json.dumps(document) + "\n")
        else:
            _print(document)
    return 0


def _print(document: dict[str, Any]) -> None:
    """Print the messages, and below them what each channel shows at the end."""
    messages = [
        (
            _moment(one["at"]),
            one["channel"],
            one["action"],
            one.get("reason", ""),
            one.get("title", ""),
        )
        for one in document["messages"]
    ]
    Table(_MESSAGES).add(messages)
    if not messages:
        write("No message is sent.\n")
    shown = [
        (one["channel"], one["state"], one["severity"], one["alarm"], _moment(one["since"] or ""))
        for one in document["shows"]
    ]
    if shown:
        write("\nAt the end:\n")
        Table(_SHOWS).add(shown)


def _moment(stamp: str) -> str:
    return stamp.replace("T", " ").removesuffix("Z")
