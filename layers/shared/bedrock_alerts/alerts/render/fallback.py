"""The e-mail that goes out when an alert cannot be sent to its channel: the reason, the alerts."""

from collections.abc import Sequence
from typing import Final

from bedrock_alerts.alerts.model import Alert
from bedrock_alerts.alerts.render.email import Email, render, subject, within_bytes
from bedrock_alerts.alerts.render.layout import headline
from bedrock_alerts.limits import SNS_MESSAGE_BYTES
from bedrock_alerts.text import clean

_REASON_CHARS: Final = 500
_CHANNEL_CHARS: Final = 80
_KEPT: Final = (
    "It is in the dead-letter queue of the deliveries for 14 days. Fix the cause, then in SQS"
    " choose Start DLQ redrive; what has been sent since is not sent twice."
)
_RULE: Final = "-" * 60


def render_fallback(alerts: Sequence[Alert], channel: str, reason: str) -> Email:
    """Write what was to be sent to `channel`, and why it was not.

    Without alerts it is about a delivery that nobody can read.
    """
    where = clean(channel, _CHANNEL_CHARS) or "its channel"
    lines = [f"This could not be sent to {where}: {clean(reason, _REASON_CHARS)}.", "", _KEPT]
    for alert in alerts:
        lines += ["", _RULE, "", render(alert).body.rstrip()]
    first = alerts[0] if alerts else None
    about = headline(first, _REASON_CHARS) if first else "a notification that cannot be read"
    more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    return Email(
        subject(f"[Not delivered to {where}] {about}{more}"),
        within_bytes("\n".join(lines) + "\n", SNS_MESSAGE_BYTES),
    )
