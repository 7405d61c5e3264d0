"""What a message's body becomes: the event, and the alert of it; and what Slack's buttons send."""

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from bedrock_alerts.alerts.alert import Alert
from bedrock_alerts.alerts.describe import describe, without_memory
from bedrock_alerts.alerts.events import (
    Answer,
    Event,
    Heartbeat,
    Kept,
    StateChange,
    Timer,
)
from bedrock_alerts.alerts.normalise import normalise

RESPONSE_URL: Final = "https://hooks.slack.com/actions/T0INVENTED/1/invented"
ROUTE_EVENTS: Final = Path(__file__).parents[2] / "events" / "route"


def sample_body(name: str) -> str:
    """Return the first message's body of a sample event for `route`."""
    event = json.loads((ROUTE_EVENTS / f"{name}.json").read_text())
    body: str = event["Records"][0]["body"]
    return body


def event_of(body: str) -> Event:
    """Return the one event that a body holds."""
    (event,) = normalise(body)
    return event


def change_of(body: str) -> StateChange:
    """Return the one change of state that a body holds."""
    event = event_of(body)
    assert isinstance(event, StateChange)
    return event


def alert_of(body: str) -> Alert:
    """Return the alert for the one event in a body, without stored facts."""
    event = event_of(body)
    assert not isinstance(event, Timer | Answer | Heartbeat | Kept)
    return describe(event, without_memory(event))


def pressed(*values: str) -> str:
    """Return the form that Slack sends when buttons with these values were pressed."""
    actions = [{"type": "button", "value": each, "action_ts": "1795421442.25"} for each in values]
    payload = {
        "type": "block_actions",
        "user": {"id": "U0EXAMPLE", "name": "ada"},
        "actions": actions,
        "response_url": RESPONSE_URL,
    }
    return urlencode({"payload": json.dumps(payload)})


def signed_request(body: str, secret: str) -> dict[str, Any]:
    """Return the request of a function's URL, signed as Slack signs it."""
    stamp = str(int(time.time()))
    signature = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256)
    return {
        "version": "2.0",
        "headers": {
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": f"v0={signature.hexdigest()}",
        },
        "body": body,
        "isBase64Encoded": False,
    }
