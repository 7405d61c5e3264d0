"""Flow 2 from end to end, without I/O: the body of a message in, deliveries out."""

from collections.abc import Sequence

from bedrock_alerts.alerts.describe import describe
from bedrock_alerts.alerts.model import Channel, Delivery
from bedrock_alerts.alerts.normalise import normalise


def deliveries(body: str, channels: Sequence[Channel], *, now: float) -> tuple[Delivery, ...]:
    """Turn one event into one delivery per channel, so that each channel is retried alone."""
    alert = describe(normalise(body))
    return tuple(Delivery(channel=channel, alerts=(alert,), queued_at=now) for channel in channels)
