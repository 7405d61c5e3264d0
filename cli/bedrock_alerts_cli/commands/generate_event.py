"""`bedrock-alerts generate-event`: a sample event for a function, with the present time."""

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

import click

from bedrock_alerts.alerts.button_presses import buttons
from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts_cli.sample_account import ACCOUNT, REGION
from bedrock_alerts_cli.terminal import write

_FIRST: Final = {
    "collect-logs": "traffic",
    "collect-objects": "object_created",
    "collect-stream": "control_message",
    "configure-logging": "create",
    "deliver": "email",
    "route": "alarm",
    "slack-button": "acknowledge",
}
_BUTTON: Final = "slack-button"
_ALARM: Final = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:bedrock-alerts.PromptAttack"


@click.command(name="generate-event")
@click.argument("function", type=click.Choice(sorted(_FIRST)))
@click.argument("event", required=False)
@click.option("--list", "only_names", is_flag=True, help="Print the names of its events instead.")
@click.option(
    "--signing-secret",
    default="local",
    show_default=True,
    help="For slack-button: the signing_secret in the bot's secret.",
)
def generate_event(
    function: str, event: str | None, *, only_names: bool, signing_secret: str
) -> None:
    """Print a sample event for FUNCTION, with the present time.

    \b
    Examples:
      bedrock-alerts generate-event collect-logs | sam local invoke CollectLogsFunction -e -
      bedrock-alerts generate-event route throttling | sam local invoke RouteFunction -e -
      bedrock-alerts generate-event route --list

    The events in the folder events/ are the same with a fixed date, and go stale: the collectors
    skip records that are older than 14 days.
    """  # noqa: D301 - \b is click's
    events = _events(function, signing_secret)
    if only_names:
        write("".join(f"{name}\n" for name in events))
        return
    chosen = event or _FIRST[function]
    if chosen not in events:
        raise click.BadParameter(
            f"{chosen!r} is not one of {', '.join(events)}", param_hint="EVENT"
        )
    write(events[chosen])


def _events(function: str, signing_secret: str) -> dict[str, str]:
    """Return the text of each of a function's events by its name."""
    if function == _BUTTON:
        return {"acknowledge": _pressed(signing_secret)}
    # It reads the template and simulates an alarm: too slow for `--help`.
    from bedrock_alerts_cli.samples.function_events import sample_events  # noqa: PLC0415

    folder = function.replace("-", "_") + "/"
    return {
        path.removeprefix(folder).removesuffix(".json"): text
        for path, text in sample_events(datetime.now(UTC)).items()
        if path.startswith(folder) and path.endswith(".json")
    }


def _pressed(signing_secret: str) -> str:
    """Return the request of a pressed button, signed as Slack signs it."""
    value = buttons(incident_id(_ALARM), 1)[0].value
    action = {"type": "button", "value": value, "action_ts": f"{time.time():.6f}"}
    user = {"id": "U0EXAMPLE", "name": "alex"}
    payload = {"type": "block_actions", "user": user, "actions": [action]}
    body = urlencode({"payload": json.dumps(payload)})
    stamp = str(int(time.time()))
    signature = hmac.new(signing_secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256)
    headers = {
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={signature.hexdigest()}",
    }
    event = {"version": "2.0", "headers": headers, "body": body, "isBase64Encoded": False}
    return json.dumps(event, indent=2) + "\n"
