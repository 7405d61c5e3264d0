"""Working through an SQS batch: each message alone, and only the failed ones come back."""

from collections.abc import Callable
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from bedrock_alerts.errors import BedrockAlertsError, PostponedError


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

    def one(record: SQSRecord) -> None:
        message = SqsMessage(
            body=record.body,
            message_id=record.message_id,
            receipt_handle=record.receipt_handle,
            receive_count=int(record.attributes.approximate_receive_count or 1),
        )
        try:
            handle(message)
        except PostponedError as error:
            logger.info("message postponed", message_id=message.message_id, reason=str(error))
            raise
        except Exception as error:
            logger.warning(
                "message failed, the queue keeps it",
                message_id=message.message_id,
                receive_count=message.receive_count,
                error=_say(error),
            )
            raise

    # Not raising on a batch that failed whole: the answer says it all, and NotificationsFailed
    # counts it; an exception would only add a stack trace to the log.
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    response = process_partial_response(event, one, processor)
    return BatchOutcome(
        len(processor.success_messages), len(processor.fail_messages), dict(response)
    )


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
