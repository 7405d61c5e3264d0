"""Sends to Amazon Q Developer in chat applications, through an SNS topic that it watches."""

from typing import Protocol

import msgspec

from bedrock_alerts.alerts.channels.amazon_q import render as amazon_q
from bedrock_alerts.alerts.channels.digest import as_one
from bedrock_alerts.alerts.channels.targets import no_target
from bedrock_alerts.alerts.ports import Job, Receipt, Sender


class TopicPort(Protocol):
    """Publishes to a topic."""

    def publish(self, message: str, *, seconds: float) -> None:
        """Publish it, or raise TransientError or PermanentError."""


class AmazonQSender(Sender):
    """Publishes custom notifications."""

    def __init__(self, topic: TopicPort) -> None:
        self._topic = topic

    def send(self, job: Job, seconds: float) -> Receipt:
        """Publish one notification."""
        no_target(job, "amazon_q")
        message = amazon_q.render(as_one(job.alerts), job.notes)
        self._topic.publish(msgspec.json.encode(message).decode(), seconds=seconds)
        return Receipt()
