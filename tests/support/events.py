"""What a message's body becomes: the event it is about, and the alert that is told of it."""

import json
from pathlib import Path
from typing import Final

from bedrock_alerts.alerts.describe import describe, without_memory
from bedrock_alerts.alerts.model import Alert, Answer, Event, Heartbeat, StateChange, Timer
from bedrock_alerts.alerts.normalise import normalise

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
    """Return what is told of the one event that a body holds, when nothing is remembered."""
    event = event_of(body)
    assert not isinstance(event, Timer | Answer | Heartbeat)
    return describe(event, without_memory(event))
