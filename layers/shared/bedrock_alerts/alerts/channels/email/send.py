"""Sends email through an SNS topic, which has no targets."""

from typing import Final, Protocol

from bedrock_alerts.alerts.channels.digest import as_one
from bedrock_alerts.alerts.channels.email import render as email
from bedrock_alerts.alerts.channels.targets import no_target
from bedrock_alerts.alerts.ports import Job, Receipt, Sender

# An email has room for every alert of a digest.
_LIST_CHARS: Final = 60_000


class EmailPort(Protocol):
    """Sends an email."""

    def send(self, subject: str, body: str, *, seconds: float) -> None:
        """Send it, or raise TransientError or PermanentError."""


class EmailSender(Sender):
    """Publishes emails."""

    def __init__(self, topic: EmailPort) -> None:
        self._topic = topic

    def send(self, job: Job, seconds: float) -> Receipt:
        """Publish one email."""
        no_target(job, "email")
        message = email.render(as_one(job.alerts, chars=_LIST_CHARS), job.notes)
        self._topic.send(message.subject, message.body, seconds=seconds)
        return Receipt()
