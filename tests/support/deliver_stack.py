"""Both functions of the notifier at moto, from an event to an email and a hook for a channel."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final, NamedTuple

import boto3
import pytest

from functions.route import handler as route_module
from tests.support.apps import built_anew
from tests.support.loopback import Hook
from tests.support.queues import Clock, Context, Queue
from tests.support.route_stack import RouteStack, on_our_clock, route_stack
from tests.support.secrecy import lines, shown

TOKEN: Final = "s3cretInventedToken"
PATH: Final = f"/services/T0INVENTED/B0INVENTED/{TOKEN}"
SECRETS: Final = (TOKEN, "T0INVENTED", "services/")


class DeliverStack(NamedTuple):
    """What surrounds the functions."""

    handler: ModuleType
    route: RouteStack
    mailbox: Queue
    topic_arn: str
    secret_arn: str
    hook: Hook
    clock: Clock
    output: Any

    @property
    def deliveries(self) -> Queue:
        """The queue between the functions."""
        return self.route.deliveries

    def happen(self, *events: dict[str, Any]) -> list[str]:
        """Let events go through both functions; return what `deliver` could not send."""
        assert self.route.happen(*events) == []
        return self.feed()

    def feed(self, context: object = Context()) -> list[str]:
        """Give `deliver` everything that is visible; return what it reported as failed."""
        failed: list[str] = []
        is_over = False

        def handle(event: dict[str, Any], given: object) -> dict[str, Any]:
            nonlocal is_over
            is_over = False
            answer: dict[str, Any] = self.handler.handler(event, given)
            return answer

        while not is_over:
            is_over = True
            failed += self.deliveries.feed(handle, context)
        return failed

    def pass_time(self, minutes: int, every: int = 1) -> None:
        """Let minutes pass, `every` so many with a sweep, and everything happen that is due."""
        end = self.clock.seconds - self.clock.seconds % 60 + 60 * minutes
        while self.clock.seconds < end:
            step = 60 * every - self.clock.seconds % 60
            self.route.sweep(min(step, end - self.clock.seconds))
            self.feed()

    def emails(self) -> list[str]:
        """Return the subjects of the emails sent since the last time, the oldest first."""
        found: list[str] = []
        while bodies := self.mailbox.take():
            found += [json.loads(body)["Subject"] for body in bodies]
        return found

    def failures(self) -> list[tuple[str, str]]:
        """Return the result and the reason of every attempt that failed."""
        return [(line["result"], line["reason"]) for line in self.route.logged("not sent")]

    def sent(self) -> list[tuple[str, str]]:
        """Return channel and first reason of everything that the function logged as sent."""
        return [(line["channel"], line["reasons"][0]) for line in self.route.logged("sent")]

    def keep_secret(self, text: str) -> None:
        """Change the secret. What the test itself writes is not what is being looked at."""
        logging.disable(logging.CRITICAL)
        keeper = boto3.client("secretsmanager")
        keeper.update_secret(SecretId=self.secret_arn, SecretString=text)
        logging.disable(logging.NOTSET)


@contextmanager
def deliver_stack(
    handler: ModuleType,
    clock: Clock,
    output: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[DeliverStack]:
    """Set both up; whatever they do then, with all loggers on, must not show the secret."""
    with (
        route_stack(route_module, clock, output, monkeypatch) as route,
        Hook(path=PATH) as hook,
        built_anew(handler),
    ):
        sqs, sns = boto3.client("sqs"), boto3.client("sns")
        (topic,) = sns.list_topics()["Topics"]
        mailbox = Queue.create(sqs, "mailbox")
        sns.subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=mailbox.arn)
        keeper = boto3.client("secretsmanager")
        secret_arn = keeper.create_secret(Name="slack", SecretString=hook.url)["ARN"]
        for name, value in {
            "DELIVERIES_DEAD_LETTER_QUEUE_URL": route.deliveries.dead_letters_url,
            "SLACK_SECRET_ARN": secret_arn,
            "ALLOW_LOOPBACK_WEBHOOKS": "true",
        }.items():
            monkeypatch.setenv(name, value)
        on_our_clock(handler, clock, monkeypatch)
        caplog.set_level(logging.DEBUG)
        yield DeliverStack(
            handler, route, mailbox, topic["TopicArn"], secret_arn, hook, clock, output
        )
    assert not shown(SECRETS, [*lines(caplog.get_records("call")), output.text])
