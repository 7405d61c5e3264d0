"""Amazon SQS: the queues of alerts and deliveries."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import boto3
import msgspec
from botocore.config import Config

from bedrock_alerts.adapters.aws_errors import translated
from bedrock_alerts.alerts.normalise import Note, encode_note
from bedrock_alerts.alerts.ports import Poke
from bedrock_alerts.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import BatchResultErrorEntryTypeDef

_SERVICE: Final = "Amazon SQS"
_MAX_VISIBILITY_SECONDS: Final = 43_200
_MAX_DELAY_SECONDS: Final = 900
_PUT_ATTEMPTS: Final = 2
# Duplicates are harmless, so a call gets two attempts: a stale connection is not a failure.
_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=7, retries={"mode": "standard", "total_max_attempts": 2}
)


class Queue:
    """An SQS queue and its operations. Every method raises TransientError."""

    def __init__(self, url: str, client: "SQSClient | None" = None) -> None:
        self._url = url
        self._client = client or _client()

    def put_text(self, body: str, delay: float = 0.0) -> None:
        """Send one message, visible after `delay` seconds, at most 900."""
        with translated(_SERVICE):
            self._client.send_message(
                QueueUrl=self._url, MessageBody=body, DelaySeconds=_delay(delay)
            )

    def postpone(self, receipt_handle: str, seconds: float) -> None:
        """Hide a received message for `seconds`, instead of the queue's visibility time-out."""
        with translated(_SERVICE):
            self._client.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=math.ceil(min(seconds, _MAX_VISIBILITY_SECONDS)),
            )


class AlertsQueue(Queue):
    """The queue that `route` reads: each message is acted on at least once."""

    def keep(self, note: Note, delay: float) -> None:
        """Send an internal message."""
        self.put_text(encode_note(note), delay)


class DeliveriesQueue(Queue):
    """The queue between `route` and `deliver`; its messages say where to look."""

    def put(self, pokes: Sequence[Poke], delay: float = 0.0) -> None:
        """Enqueue all pokes; entries that the queue refuses are retried once, at once."""
        waiting = [msgspec.json.encode(poke).decode() for poke in pokes]
        failed: list[BatchResultErrorEntryTypeDef] = []
        for _ in range(_PUT_ATTEMPTS):
            if not waiting:
                return
            failed = self._put(waiting, delay)
            waiting = [waiting[int(entry["Id"])] for entry in failed]
        if failed:
            codes = ", ".join(sorted({entry["Code"] for entry in failed}))
            raise TransientError(f"{len(failed)} of {len(pokes)} not enqueued: {codes}")

    def _put(self, bodies: Sequence[str], delay: float) -> "list[BatchResultErrorEntryTypeDef]":
        with translated(_SERVICE):
            answer = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "MessageBody": body, "DelaySeconds": _delay(delay)}
                    for number, body in enumerate(bodies)
                ],
            )
        return answer.get("Failed", [])


def _delay(seconds: float) -> int:
    return min(_MAX_DELAY_SECONDS, max(0, math.ceil(seconds)))


def _client() -> "SQSClient":
    return boto3.client("sqs", config=_CONFIG)


class DeadLetterQueue:
    """The dead-letter queue for pokes, until someone redrives them."""

    def __init__(self, url: str, client: "SQSClient | None" = None) -> None:
        self._url = url
        self._client = client

    def park(self, poke: Poke) -> None:
        """Send a poke. Raises TransientError."""
        if self._client is None:  # rarely needed, and slow to create
            self._client = _client()
        with translated(_SERVICE):
            self._client.send_message(
                QueueUrl=self._url, MessageBody=msgspec.json.encode(poke).decode()
            )
