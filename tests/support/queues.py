"""Queues at moto, with what Lambda's event source mapping does to them and a clock to put forward."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from mypy_boto3_sqs import SQSClient

from bedrock_alerts_cli import template as cfn

RECEIVES: Final = 3
"""How often a message is received before it goes to the dead-letter queue."""
HIDDEN_SECONDS: Final = 360
"""How long a received message is hidden by default."""
FUNCTION_SECONDS: Final = 60.0


@cache
def template_properties(resource: str) -> Mapping[str, Any]:
    """Return a resource's properties as the template has them."""
    template = cfn.load(Path(__file__).parents[2] / "template.yaml")
    found: Mapping[str, Any] = template["Resources"][resource]["Properties"]
    return found


class Context(NamedTuple):
    """What Lambda says of a function's time."""

    seconds: float = FUNCTION_SECONDS

    def get_remaining_time_in_millis(self) -> int:
        """Return how much of it is left."""
        return int(self.seconds * 1000)


class Clock:
    """The time that the queues go by."""

    def __init__(self) -> None:
        self.seconds = 1_795_420_800.0

    def __call__(self, _moment: object = None) -> float:
        """Return the time in milliseconds."""
        return self.seconds * 1000

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


class Queue(NamedTuple):
    """A queue and its dead-letter queue, with what Lambda's event source mapping does to them."""

    client: SQSClient
    url: str
    dead_letters_url: str

    @classmethod
    def create(cls, client: SQSClient, name: str, resource: str = "") -> Self:
        """Make both queues, as the template makes `resource` where one is named."""
        receives, hidden = RECEIVES, HIDDEN_SECONDS
        if resource:
            properties = template_properties(resource)
            receives = properties["RedrivePolicy"]["maxReceiveCount"]
            hidden = properties["VisibilityTimeout"]
        dead_letters = client.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])
        redrive = {
            "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
            "maxReceiveCount": receives,
        }
        queue = client.create_queue(
            QueueName=name,
            Attributes={
                "VisibilityTimeout": str(hidden),
                "RedrivePolicy": json.dumps(redrive),
            },
        )
        return cls(client, queue["QueueUrl"], dead_letters)

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return found["Attributes"]["QueueArn"]

    def put(self, *bodies: str) -> None:
        """Send messages."""
        for body in bodies:
            self.client.send_message(QueueUrl=self.url, MessageBody=body)

    def feed(
        self,
        handler: Callable[[dict[str, Any], object], dict[str, Any]],
        context: object = Context(),
    ) -> list[str]:
        """Give the handler what is visible, delete what it does not report, return what it does."""
        messages = self._receive(self.url)
        event = {
            "Records": [
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "attributes": message["Attributes"],
                    "messageAttributes": {},
                    "md5OfBody": message["MD5OfBody"],
                    "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:invented",
                    "awsRegion": "eu-west-1",
                }
                for message in messages
            ]
        }
        answer = handler(event, context) if messages else {"batchItemFailures": []}
        failed = [item["itemIdentifier"] for item in answer["batchItemFailures"]]
        for message in messages:
            if message["MessageId"] not in failed:
                self.client.delete_message(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
        return [message["Body"] for message in messages if message["MessageId"] in failed]

    def take(self) -> list[str]:
        """Take out all messages that are visible."""
        return self._take(self.url)

    def parked(self) -> list[str]:
        """Take out all messages that were given up."""
        return self._take(self.dead_letters_url)

    @property
    def kept(self) -> int:
        """The number of messages in it, hidden and delayed ones included."""
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        attributes = found["Attributes"]
        return (
            int(attributes["ApproximateNumberOfMessages"])
            + int(attributes["ApproximateNumberOfMessagesNotVisible"])
            + int(attributes["ApproximateNumberOfMessagesDelayed"])
        )

    def _take(self, url: str) -> list[str]:
        messages = self._receive(url)
        for message in messages:
            self.client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages]

    def _receive(self, url: str) -> list[dict[str, Any]]:
        answer: Any = self.client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]
        )
        return list(answer.get("Messages", []))


def emitted(text: str) -> dict[str, float]:
    """Add up the metrics among the lines that a function wrote."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        document = json.loads(line)
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "BedrockAlerts"
            for metric in directive["Metrics"]:
                name = metric["Name"]
                found[name] = found.get(name, 0) + document[name]
    return found


def log_lines(text: str) -> list[dict[str, Any]]:
    """Return the structured log lines among the lines that a function wrote."""
    return [line for line in map(json.loads, text.splitlines()) if "level" in line]
