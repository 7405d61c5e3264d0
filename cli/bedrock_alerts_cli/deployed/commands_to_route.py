"""Queues commands from a terminal like button presses in Slack: `route` acts on them."""

from datetime import UTC, datetime
from typing import Any, Final, Literal

from bedrock_alerts.alerts.events import Answer, incident_id
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts.alerts.incidents.settle import settle
from bedrock_alerts.alerts.normalise import encode_note
from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier
from bedrock_alerts_cli.user_errors import CommandError

LEARNS_SECONDS: Final = 30.0
"""How long to wait until `route` has acted."""


def say(
    notifier: DeployedNotifier,
    kind: Literal["silence", "unsilence", "close", "resend"],
    arn: str,
    by: str,
    **more: Any,
) -> float:
    """Put it into the alerts queue, and return its time."""
    at = notifier.clock()
    answer = Answer(
        kind=kind,
        incident=incident_id(arn),
        user="",
        name=by,
        at=datetime.fromtimestamp(at, UTC),
        alarm_arn=arn,
        **more,
    )
    notifier.put(encode_note(answer), 0.0)
    return at


def item_now(notifier: DeployedNotifier, arn: str) -> AlarmItem:
    """Return what is known of an alarm at this moment."""
    item = notifier.load(incident_id(arn)) or AlarmItem(arn=arn)
    return settle(item, notifier.clock(), notifier.policy)


def not_learned(notifier: DeployedNotifier, what: str) -> CommandError:
    """Return the error that `route` has not acted in time."""
    return CommandError(
        f"{what} was put into the alerts queue of stack {notifier.stack}, and not acted on within"
        f" {LEARNS_SECONDS:.0f} s: see the log of the route function, then look again"
    )
