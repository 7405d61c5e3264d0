"""Amazon SQS: the queues of alerts and deliveries."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import boto3
import msgspec
from botocore.config import Config

from bedrock_alerts.adapters.aws_errors import translated
from bedrock_alerts.alerts.model import Delivery
from bedrock_alerts.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import BatchResultErrorEntryTypeDef

_SERVICE: Final = "Amazon SQS"
_MAX_VISIBILITY_SECONDS: Final = 43_200
_PUT_ATTEMPTS: Final = 2
# A message may come twice, so a call gets two attempts: a stale connection is no failure.
_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=7, retries={"mode": "standard", "total_max_attempts": 2}
)


class DeliveryQueue:
    """The queue between `route` and `deliver`: one message per state change and channel."""

    def __init__(self, url: str, client: "SQSClient | None" = None) -> None:
        self._url = url
        self._client = client or _client()

    def put(self, deliveries: Sequence[Delivery]) -> None:
        """Enqueue all of `deliveries`, or raise TransientError so that all are tried again.

        What the queue refuses alone is offered once more at once: to try the whole state change
        again would send twice what the queue has taken.
        """
        waiting = [msgspec.json.encode(delivery).decode() for delivery in deliveries]
        failed: list[BatchResultErrorEntryTypeDef] = []
        for _ in range(_PUT_ATTEMPTS):
            if not waiting:
                return
            failed = self._put(waiting)
            waiting = [waiting[int(entry["Id"])] for entry in failed]
        if failed:
            codes = ", ".join(sorted({entry["Code"] for entry in failed}))
            raise TransientError(f"{len(failed)} of {len(deliveries)} not enqueued: {codes}")

    def _put(self, bodies: Sequence[str]) -> "list[BatchResultErrorEntryTypeDef]":
        with translated(_SERVICE):
            answer = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)
                ],
            )
        return answer.get("Failed", [])

    def postpone(self, receipt_handle: str, seconds: float) -> None:
        """Hide a received message for `seconds`, so that the queue does the waiting.

        Raises TransientError; the message then comes back after the queue's own time-out.
        """
        with translated(_SERVICE):
            self._client.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=math.ceil(min(seconds, _MAX_VISIBILITY_SECONDS)),
            )


class AlertsQueue:
    """The queue that `route` reads: what is put there is acted on at least once."""

    def __init__(self, url: str, client: "SQSClient | None" = None) -> None:
        self._url = url
        self._client = client or _client()

    def put(self, body: str) -> None:
        """Put one message there. Raises TransientError."""
        with translated(_SERVICE):
            self._client.send_message(QueueUrl=self._url, MessageBody=body)


class DeadLetterQueue:
    """Where deliveries lie that cannot be sent, until somebody sends them back."""

    def __init__(self, url: str, client: "SQSClient | None" = None) -> None:
        self._url = url
        self._client = client

    def park(self, body: str) -> None:
        """Put a delivery there as it came. Raises TransientError."""
        if self._client is None:  # hardly ever needed, and its making takes time
            self._client = _client()
        with translated(_SERVICE):
            self._client.send_message(QueueUrl=self._url, MessageBody=body)


def _client() -> "SQSClient":
    return boto3.client("sqs", config=_CONFIG)
