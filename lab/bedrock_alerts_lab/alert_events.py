"""Alarm events in files, as the alerts that would be told of them."""

import json

from bedrock_alerts.alerts.describe import describe, without_memory
from bedrock_alerts.alerts.model import (
    Alert,
    ConfigurationChange,
    StateChange,
    Tampering,
    Unrecognised,
)
from bedrock_alerts.alerts.normalise import normalise
from bedrock_alerts_lab.errors import InputError


def alerts_in(text: str, name: str) -> tuple[Alert, ...]:
    """Read an alarm event of any transport, or a batch of them as `events/route/` has it.

    Notes that the functions send to themselves are left out. Raises InputError for what is no JSON;
    `name` is the file's.
    """
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is no JSON: {error}") from error
    return tuple(
        describe(event, without_memory(event))
        for event in normalise(text)
        if isinstance(event, StateChange | ConfigurationChange | Tampering | Unrecognised)
    )
