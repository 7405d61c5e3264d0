"""Email of the local stack: passes the topic's messages to the receiver.

The engine sends no email. A queue subscribed to the topic gets every message that a subscribed
address would get, so subject and body are the real ones.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from bedrock_alerts_cli.fake_slack.inbox import Email
from bedrock_alerts_cli.fake_slack.server import Receiver
from bedrock_alerts_cli.local_stack.engine import Engine

_WAIT_SECONDS: Final = 1


@contextmanager
def open_mailbox(
    engine: Engine, topic_arn: str, address: str, receiver: Receiver
) -> Iterator[None]:
    """Show every email of the topic on the receiver's page, until the context ends."""
    sqs = engine.client("sqs")
    url = sqs.create_queue(QueueName="local-mailbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    engine.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    closing = threading.Event()

    def collect() -> None:
        while not closing.is_set():
            answer = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT_SECONDS
            )
            for message in answer.get("Messages", []):
                envelope = json.loads(message["Body"])
                receiver.add_email(
                    Email(
                        subject=envelope.get("Subject", ""),
                        body=envelope["Message"],
                        to=address,
                        received_at=datetime.now(UTC),
                    )
                )
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    thread = threading.Thread(target=collect, name="mailbox", daemon=True)
    thread.start()
    try:
        yield
    finally:
        closing.set()
        thread.join(_WAIT_SECONDS + 5)
