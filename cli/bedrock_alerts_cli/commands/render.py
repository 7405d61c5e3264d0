"""`bedrock-alerts render`: the exact message that a channel would get for an alarm event."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

import click

from bedrock_alerts.alerts.alert import Alert, ChannelKind, Reason
from bedrock_alerts.alerts.channels.amazon_q import render as amazon_q
from bedrock_alerts.alerts.channels.email import render as email
from bedrock_alerts.alerts.channels.pagerduty import render as pagerduty
from bedrock_alerts.alerts.channels.slack import render as slack
from bedrock_alerts.alerts.channels.teams import render as teams
from bedrock_alerts.alerts.channels.webhook import render as webhook
from bedrock_alerts_cli.alarm_files import alerts_in
from bedrock_alerts_cli.terminal import write
from bedrock_alerts_cli.user_errors import InputError
from bedrock_alerts_cli.user_files import NamedText, TextFile

# A replacement for a value that is only in the secret.
_ROUTING_KEY: Final = "ROUTING-KEY-OF-THE-SECRET"


def _email(alert: Alert) -> dict[str, Any]:
    message = email.render(alert)
    return {"subject": message.subject, "body": message.body}


def _pagerduty(alert: Alert) -> dict[str, Any]:
    return pagerduty.render(alert, _ROUTING_KEY)


RENDERERS: Final[Mapping[str, Callable[[Alert], dict[str, Any]]]] = {
    "amazon_q": amazon_q.render,
    "email": _email,
    "pagerduty": _pagerduty,
    "slack": slack.render,
    "teams": teams.render,
    "webhook": webhook.render,
}


@click.command()
@click.argument("event", type=TextFile())
@click.option(
    "--channel",
    type=click.Choice(get_args(ChannelKind)),
    required=True,
    help="The kind of channel that gets the message.",
)
@click.option(
    "--reason",
    type=click.Choice(get_args(Reason)),
    help="Notification reason. Default: derived from the event.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a message.")
def render(event: NamedText, channel: str, reason: Reason | None, *, as_json: bool) -> int:
    """Print the message for the alarm event in the file EVENT (- for standard input).

    EVENT comes from EventBridge, SNS or an alarm's own action, wrapped by SQS and SNS or not. The
    message lacks what `route` looks up in AWS: evidence and the account's alias.

    \b
    Examples:
      bedrock-alerts render events/route/alarm.json --channel email
      bedrock-alerts generate-event route | bedrock-alerts render - --channel slack
    """  # noqa: D301 - \b is click's
    alerts = alerts_in(event.text, event.name, reason)
    if not alerts:
        raise InputError(f"{event.name} has no event that people are notified of")
    for alert in alerts:
        message = RENDERERS[channel](alert)
        if as_json:
            write(json.dumps(message) + "\n")
        elif channel == "email":
            write(f"Subject: {message['subject']}\n\n{message['body']}\n")
        else:
            write(json.dumps(message, indent=2, ensure_ascii=False) + "\n")
    return 0
