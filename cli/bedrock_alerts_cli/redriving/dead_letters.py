"""Dead-letter queues: what is in them, and sending it back to the queue that it came from.

Messages are received, sent and deleted, rather than moved by an SQS task: so they can be looked at
first, it works wherever SQS does, and a log object's message goes to the collector itself. A
message is deleted only after it was sent. If the command stops between the two it is sent again,
which changes nothing: what the queues of alerts and deliveries say is acted on by what is true.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bedrock_alerts.limits import SQS_BATCH_MESSAGES
from bedrock_alerts.text import clean
from bedrock_alerts_cli.user_errors import CommandError

_ERROR_CHARS: Final = 200
_SHOWN: Final = 10
_LOOK_SECONDS: Final = 10
_HIDDEN_SECONDS: Final = 120
_BATCH_BYTES: Final = 250_000
# Empty answers in a row after which a queue is taken to be empty: one alone may be chance.
_EMPTY_ANSWERS: Final = 2


class Message(NamedTuple):
    """A message of a dead-letter queue."""

    message_id: str
    body: str
    receipt: str
    sent_at: datetime | None
    error: str


class Waiting(NamedTuple):
    """What a dead-letter queue holds; `looked_at` are a few of its messages."""

    number: int
    looked_at: tuple[Message, ...]


class DeadLetters:
    """One dead-letter queue."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self.url = url

    def waiting(self) -> Waiting:
        """Count the messages and look at a few, which are received by others again at once."""
        number = self.number()
        if not number:
            return Waiting(0, ())
        looked_at = self._receive(_LOOK_SECONDS, _SHOWN, wait=1)
        for message in looked_at:
            self.put_back(message)
        return Waiting(number, looked_at)

    def number(self) -> int:
        """Return how many messages there are, roughly, as SQS says."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def take(self, hidden_seconds: int, at_once: int = 1) -> Iterator[tuple[Message, ...]]:
        """Receive messages until none comes; each is hidden from others for so long.

        What comes into the queue meanwhile and was received before is left.
        """
        seen = set[str]()
        empty = 0
        while empty < _EMPTY_ANSWERS:
            messages = self._receive(hidden_seconds, at_once, wait=1)
            fresh = tuple(one for one in messages if one.message_id not in seen)
            seen.update(one.message_id for one in fresh)
            empty = 0 if fresh else empty + 1
            if fresh:
                yield fresh

    def put_back(self, message: Message) -> None:
        """Let others receive a message again."""
        self._sqs.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message.receipt, VisibilityTimeout=0
        )

    def remove(self, message: Message) -> None:
        """Delete a message."""
        self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message.receipt)

    def send_back(self, queue_url: str) -> Iterator[int]:
        """Send everything to a queue, and yield how many at a time. Raises CommandError."""
        for messages in self.take(_HIDDEN_SECONDS, SQS_BATCH_MESSAGES):
            for some in _fitting(messages):
                self._send(queue_url, some)
                for message in some:
                    self.remove(message)
                yield len(some)

    def _send(self, queue_url: str, messages: tuple[Message, ...]) -> None:
        answer = self._sqs.send_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {"Id": str(number), "MessageBody": message.body}
                for number, message in enumerate(messages)
            ],
        )
        if failed := answer.get("Failed"):
            codes = ", ".join(sorted({one["Code"] for one in failed}))
            raise CommandError(
                f"{queue_url.rpartition('/')[2]} refused {len(failed)} messages ({codes}):"
                " nothing was deleted, run it again"
            )

    def _receive(self, hidden_seconds: int, most: int, *, wait: int) -> tuple[Message, ...]:
        answer = self._sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=most,
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=wait,
            AttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
        )
        return tuple(map(_message, answer.get("Messages", [])))


def _fitting(messages: tuple[Message, ...]) -> Iterator[tuple[Message, ...]]:
    """Cut messages into groups that one request can carry."""
    group: list[Message] = []
    size = 0
    for message in messages:
        length = len(message.body.encode())
        if group and size + length > _BATCH_BYTES:
            yield tuple(group)
            group, size = [], 0
        group.append(message)
        size += length
    yield tuple(group)


def _message(found: dict[str, Any]) -> Message:
    sent = found.get("Attributes", {}).get("SentTimestamp")
    return Message(
        found["MessageId"],
        found["Body"],
        found["ReceiptHandle"],
        datetime.fromtimestamp(int(sent) / 1000, UTC) if sent else None,
        _error(found),
    )


def _error(found: dict[str, Any]) -> str:
    """Say why a message is there: EventBridge puts it beside it, Lambda inside it, SQS nowhere."""
    attributes = found.get("MessageAttributes", {})
    texts = [
        str(attributes[name].get("StringValue", ""))
        for name in ("ERROR_CODE", "ERROR_MESSAGE")
        if name in attributes
    ]
    if not texts:
        try:
            said = json.loads(found["Body"])["responsePayload"]
            texts = [str(said[name]) for name in ("errorType", "errorMessage") if name in said]
        except (ValueError, KeyError, TypeError, RecursionError):
            texts = []
    return clean(": ".join(texts), _ERROR_CHARS) or "received too often"
