"""`deliver` at moto: its queue, its table, its topics, its secrets, and a hook for every channel."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final, NamedTuple

import boto3
import pytest

from tests.support.apps import built_anew
from tests.support.loopback import Hook
from tests.support.queues import RECEIVES, Clock, Queue, log_lines
from tests.support.secrecy import lines, shown

TOKEN: Final = "s3cretInventedToken"
PATH: Final = f"/services/T0INVENTED/B0INVENTED/{TOKEN}"
SECRETS: Final = (TOKEN, "T0INVENTED", "services/")
TABLE: Final = "incidents"


class FakeTime:
    """The module `time` as the function sees it: its naps put the queues' clock forward."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def time(self) -> float:
        return self._clock.seconds

    def sleep(self, seconds: float) -> None:
        self._clock.forward(seconds)


class Stack(NamedTuple):
    """What surrounds the function."""

    handler: ModuleType
    deliveries: Queue
    mailbox: Queue
    topic_arn: str
    secret_arn: str
    hook: Hook
    clock: Clock
    output: Any

    def feed(self) -> list[str]:
        """Give the function what is visible; return what it could not send."""
        return self.deliveries.feed(self.handler.handler)

    def emails(self) -> list[str]:
        """Return the subjects of the e-mails sent since the last time."""
        return [json.loads(body)["Subject"] for body in self.mailbox.take()]

    def errors(self) -> list[str]:
        """Return what the function logged as going wrong."""
        return [line["error"] for line in log_lines(self.output.text) if "error" in line]

    def given_up(self) -> list[str]:
        """Return the reasons for which deliveries were given up."""
        found = (line for line in log_lines(self.output.text) if "given up" in line["message"])
        return [line["reason"] for line in found]

    def sent(self) -> list[tuple[str, str]]:
        """Return channel and alert of everything that the function logged as sent."""
        found = [line for line in log_lines(self.output.text) if line["message"] == "sent"]
        return [(line["channel"], line["alerts"][0]) for line in found]

    def keep_secret(self, text: str) -> None:
        """Change the secret. What the test itself writes is not what is being looked at."""
        logging.disable(logging.CRITICAL)
        keeper = boto3.client("secretsmanager")
        keeper.update_secret(SecretId=self.secret_arn, SecretString=text)
        logging.disable(logging.NOTSET)


def create_table() -> str:
    """Make the incidents' table, and return its name."""
    boto3.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    return TABLE


@contextmanager
def deliver_stack(
    handler: ModuleType,
    clock: Clock,
    output: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Stack]:
    """Set `deliver` up; whatever it does then, with all loggers on, must not show the secret."""
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    create_table()
    topic_arn = sns.create_topic(Name="email")["TopicArn"]
    mailbox = Queue.create(sqs, "mailbox")
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=mailbox.arn)
    deliveries = Queue.create(sqs, "deliveries")
    with Hook(path=PATH) as hook:
        keeper = boto3.client("secretsmanager")
        secret_arn = keeper.create_secret(Name="slack", SecretString=hook.url)["ARN"]
        for name, value in {
            "METRICS_NAMESPACE": "BedrockAlerts",
            "DELIVERIES_QUEUE_URL": deliveries.url,
            "DELIVERIES_DEAD_LETTER_QUEUE_URL": deliveries.dead_letters_url,
            "INCIDENTS_TABLE_NAME": TABLE,
            "EMAIL_TOPIC_ARN": topic_arn,
            "SLACK_SECRET_ARN": secret_arn,
            "MAX_ATTEMPTS": str(RECEIVES),
            "ALLOW_LOOPBACK_WEBHOOKS": "true",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(handler, "time", FakeTime(clock))
        caplog.set_level(logging.DEBUG)
        with built_anew(handler):
            yield Stack(handler, deliveries, mailbox, topic_arn, secret_arn, hook, clock, output)
    assert not shown(SECRETS, [*lines(caplog.get_records("call")), output.text])
