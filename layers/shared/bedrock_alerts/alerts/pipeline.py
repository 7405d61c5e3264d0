"""Flow 2 from end to end, without I/O: the body of a message in, deliveries out."""

from collections.abc import Sequence

from bedrock_alerts.alerts.describe import describe, without_memory
from bedrock_alerts.alerts.model import Answer, Channel, Delivery, Heartbeat, Timer
from bedrock_alerts.alerts.normalise import normalise


def deliveries(body: str, channels: Sequence[Channel], *, now: float) -> tuple[Delivery, ...]:
    """Turn each event into one delivery per channel, so that each channel is retried alone."""
    alerts = [
        describe(event, without_memory(event))
        for event in normalise(body)
        if not isinstance(event, Timer | Answer | Heartbeat)
    ]
    return tuple(
        Delivery(channel=channel, alerts=(alert,), queued_at=now)
        for alert in alerts
        for channel in channels
    )
