"""The last step: one alert to one channel. What fails says whether another attempt can help."""

import random
from collections.abc import Mapping
from typing import Any, Final, Protocol

from bedrock_alerts.alerts.model import Alert, Channel
from bedrock_alerts.alerts.render import email, slack
from bedrock_alerts.errors import PermanentError, TransientError

_FIRST_PAUSE_SECONDS: Final = 5.0
_LONGEST_PAUSE_SECONDS: Final = 900.0
_MAX_TRIPLINGS: Final = 5  # 5 s tripled five times is above the longest pause


class EmailPort(Protocol):
    """Sends an e-mail."""

    def send(self, subject: str, body: str) -> None:
        """Send it, or raise TransientError or PermanentError."""


class SecretPort(Protocol):
    """Knows a secret."""

    def text(self) -> str:
        """Return it, or raise TransientError or PermanentError."""


class WebhookPort(Protocol):
    """Posts JSON."""

    def post(self, url: str, payload: Mapping[str, Any]) -> None:
        """Post it, or raise TransientError or PermanentError."""


class Sender(Protocol):
    """Sends alerts to one channel."""

    def __call__(self, alert: Alert) -> None:
        """Send one alert, or raise TransientError or PermanentError."""


def email_sender(topic: EmailPort) -> Sender:
    """Return the sender of the e-mail channel."""

    def send(alert: Alert) -> None:
        message = email.render(alert)
        topic.send(message.subject, message.body)

    return send


def slack_sender(webhook: WebhookPort, secret: SecretPort) -> Sender:
    """Return the sender of a Slack incoming webhook whose URL is the secret."""

    def send(alert: Alert) -> None:
        webhook.post(secret.text(), slack.render(alert))

    return send


def send(alert: Alert, channel: Channel, senders: Mapping[Channel, Sender]) -> None:
    """Send one alert to one channel. Raises PermanentError when the channel is not set up."""
    sender = senders.get(channel)
    if sender is None:
        raise PermanentError(f"there is no channel {channel!r} in this stack")
    sender(alert)


def pause_before_retry(error: TransientError, attempt: int) -> float:
    """Return the seconds to wait after the `attempt`-th failure (1 for the first).

    The pauses triple up to a quarter of an hour, and are longer where the other side asks for it:
    never shorter, because twelve quick attempts would park a delivery within seconds. A little
    chance is added, so that a storm of alerts does not come back as one.
    """
    pause = _FIRST_PAUSE_SECONDS * 3.0 ** min(attempt - 1, _MAX_TRIPLINGS)
    if error.retry_after is not None:
        pause = max(pause, error.retry_after)
    return min(pause, _LONGEST_PAUSE_SECONDS) * random.uniform(1.0, 1.2)  # noqa: S311 - spreads retries, guards nothing
