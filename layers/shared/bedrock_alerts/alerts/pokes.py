"""Reading what the deliveries queue brings."""

import msgspec

from bedrock_alerts.alerts.alert import OldDelivery
from bedrock_alerts.alerts.ports import Poke
from bedrock_alerts.errors import TransientError


def read_poke(body: str) -> Poke | OldDelivery:
    """Read a poke, or what versions before 0.2 put there.

    Raises TransientError for what another version has written: it comes back, until one is there
    that understands it.
    """
    try:
        return msgspec.json.decode(body, type=Poke)
    except msgspec.DecodeError:
        pass
    try:
        return msgspec.json.decode(body, type=OldDelivery)
    except msgspec.DecodeError as error:
        raise TransientError("a message of another version") from error
