"""Working through an SQS batch: each message alone, and only the failed ones come back.

Without Powertools' batch processor: it imports every kind of event, 54 ms of a cold start.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from bedrock_alerts.errors import BedrockAlertsError


class SqsMessage(NamedTuple):
    """What a handler needs to know of a message."""

    body: str
    message_id: str
    receipt_handle: str
    receive_count: int


class BatchOutcome(NamedTuple):
    """How a batch went, and what to answer to the event source mapping."""

    succeeded: int
    failed: int
    response: dict[str, Any]


def is_batch(event: object) -> bool:
    """Tell whether a function was called with a batch of a queue's messages."""
    records = event.get("Records") if isinstance(event, dict) else None
    return (
        isinstance(records, list)
        and bool(records)
        and all(
            isinstance(record, dict) and record.get("eventSource") == "aws:sqs"
            for record in records
        )
    )


def handle_each(
    event: dict[str, Any], handle: Callable[[SqsMessage], None], logger: Logger
) -> BatchOutcome:
    """Call `handle` for every message; one that raises is logged and reported as failed.

    Whatever is raised, the message goes back to the queue and in the end to its dead-letter queue.
    The log line names the message and the kind of error, never the body.
    """
    failed: list[str] = []
    for record in event["Records"]:
        count = record.get("attributes", {}).get("ApproximateReceiveCount", "")
        try:
            handle(
                SqsMessage(
                    body=record["body"],
                    message_id=record["messageId"],
                    receipt_handle=record["receiptHandle"],
                    receive_count=int(count),
                )
            )
        except Exception as error:  # noqa: BLE001 - the queue keeps it, whatever it was
            logger.warning(
                "message failed, the queue keeps it",
                message_id=record["messageId"],
                receive_count=int(count or 0),
                error=_say(error),
            )
            failed.append(record["messageId"])
    succeeded = len(event["Records"]) - len(failed)
    response = {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
    return BatchOutcome(succeeded, len(failed), response)


def _say(error: Exception) -> str:
    """Describe an error, and the one of ours that it came up behind.

    Our own errors are written to be shown; of others, which may quote the message, only the kind.
    """
    name = type(error).__name__
    text = f"{name}: {error}" if isinstance(error, BedrockAlertsError) else name
    before = error.__context__
    while before is not None and not isinstance(before, BedrockAlertsError):
        before = before.__context__
    return text if before is None else f"{text}; before that {_say(before)}"
