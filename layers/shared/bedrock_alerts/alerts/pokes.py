"""Reads messages of the deliveries queue."""

import msgspec

from bedrock_alerts.alerts.alert import OldDelivery
from bedrock_alerts.alerts.ports import Poke
from bedrock_alerts.errors import TransientError


def read_poke(body: str) -> Poke | OldDelivery:
    """Read a poke, or a message of versions before 0.2.

    Raises TransientError for a message of another version, which returns until a version that knows
    it is deployed.
    """
    try:
        return msgspec.json.decode(body, type=Poke)
    except msgspec.DecodeError:
        pass
    try:
        return msgspec.json.decode(body, type=OldDelivery)
    except msgspec.DecodeError as error:
        raise TransientError("a message of another version") from error
