"""`route` at moto: its queues, its table, its timers, and a clock that makes them fire."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, Final, NamedTuple

import boto3
import msgspec
import pytest

from bedrock_alerts.alerts.model import Alert, Delivery
from tests.support.apps import built_anew
from tests.support.deliver_stack import TABLE, FakeTime, create_table
from tests.support.queues import RECEIVES, Clock, Queue, log_lines

GROUP: Final = "timers"
ROUTES: Final = "/bedrock-alerts/routes"
ROLE: Final = "arn:aws:iam::111122223333:role/timers"


def environment(alerts: Queue, deliveries_url: str) -> dict[str, str]:
    """Return the variables of `route`."""
    return {
        "METRICS_NAMESPACE": "BedrockAlerts",
        "ALERTS_QUEUE_URL": alerts.url,
        "ALERTS_QUEUE_ARN": alerts.arn,
        "ALERTS_DEAD_LETTER_QUEUE_ARN": f"{alerts.arn}-dlq",
        "DELIVERIES_QUEUE_URL": deliveries_url,
        "INCIDENTS_TABLE_NAME": TABLE,
        "SCHEDULE_GROUP_NAME": GROUP,
        "SCHEDULER_ROLE_ARN": ROLE,
        "CHANNELS": "email,slack",
        "ROUTES_PARAMETER_NAME": ROUTES,
    }


class RouteStack(NamedTuple):
    """What surrounds the function."""

    handler: ModuleType
    alerts: Queue
    deliveries: Queue
    clock: Clock
    output: Any

    def happen(self, *events: dict[str, Any]) -> list[str]:
        """Put events into the alerts queue, and let the function have them; return what failed."""
        self.alerts.put(*(json.dumps(event) for event in events))
        return self.feed()

    def feed(self) -> list[str]:
        """Let the function have everything that is visible; return what it could not route."""
        failed: list[str] = []
        while batch := self._feed():
            failed += batch[1]
        return failed

    def _feed(self) -> tuple[int, list[str]] | None:
        found: list[int] = []

        def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
            found.append(len(event["Records"]))
            answer: dict[str, Any] = self.handler.handler(event, context)
            return answer

        failed = self.alerts.feed(handle)
        return (found[0], failed) if found else None

    def fire(self, seconds: float) -> list[str]:
        """Let time pass, and everything happen that is due by then; return what failed."""
        self.clock.forward(seconds)
        scheduler = boto3.client("scheduler")
        for name in self.schedules():
            found = scheduler.get_schedule(GroupName=GROUP, Name=name)
            at = found["ScheduleExpression"].removeprefix("at(").removesuffix(")")
            if datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() <= self.clock.seconds:
                scheduler.delete_schedule(GroupName=GROUP, Name=name)
                self.alerts.put(found["Target"]["Input"])
        return self.feed()

    def schedules(self) -> list[str]:
        """Return the names of the timers that are set."""
        pages = boto3.client("scheduler").get_paginator("list_schedules").paginate(GroupName=GROUP)
        return [schedule["Name"] for page in pages for schedule in page["Schedules"]]

    def made(self) -> list[Delivery]:
        """Take all deliveries that were made since the last time."""
        found: list[Delivery] = []
        while bodies := self.deliveries.take():
            found += [msgspec.json.decode(body, type=Delivery) for body in bodies]
        return found

    def told(self, channel: str = "slack") -> list[Alert]:
        """Return the alerts for one channel, each key once, as `deliver` would send them."""
        alerts = (
            alert
            for delivery in self.made()
            if delivery.channel == channel
            for alert in delivery.alerts
        )
        return list({alert.key: alert for alert in alerts}.values())

    def kinds(self, channel: str = "slack") -> list[str]:
        """Return the kinds of the alerts for one channel."""
        return [alert.kind for alert in self.told(channel)]

    def withheld(self) -> list[str]:
        """Return the reasons for which nobody was told."""
        found = [line for line in log_lines(self.output.text) if line["message"] == "withheld"]
        return [line["reason"] for line in found]


@contextmanager
def route_stack(
    handler: ModuleType, clock: Clock, output: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RouteStack]:
    """Set `route` up."""
    sqs = boto3.client("sqs")
    create_table()
    boto3.client("scheduler").create_schedule_group(Name=GROUP)
    boto3.client("ssm").put_parameter(Name=ROUTES, Type="String", Value="{}")
    alerts, deliveries = Queue.create(sqs, "alerts"), Queue.create(sqs, "deliveries")
    for name, value in environment(alerts, deliveries.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(handler, "time", FakeTime(clock))
    assert RECEIVES > 2
    with built_anew(handler):
        yield RouteStack(handler, alerts, deliveries, clock, output)
