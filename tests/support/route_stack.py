"""`route` at moto: the template's queues and table, and a clock that the function goes by."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from types import ModuleType
from typing import Any, Final, NamedTuple

import boto3
import msgspec
import pytest

from bedrock_alerts.adapters.incidents_table import IncidentsTable
from bedrock_alerts.alerts.events import (
    Heartbeat,
    incident_id,
)
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts.alerts.normalise import encode_note
from bedrock_alerts.alerts.ports import Poke
from tests.support.alarms import ACCOUNT, REGION, alarm_event, envelope, state
from tests.support.apps import built_anew
from tests.support.queues import Clock, Queue, log_lines, template_properties

TABLE: Final = "incidents"
ROUTES: Final = "/bedrock-alerts/routes"
START: Final = 1_795_420_800.0
"""2026-11-23 08:00 UTC, where every clock begins."""
ARN: Final = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:"
NAME: Final = "chat-guardrail-blocks"
# No alarm is one of these: CloudWatch is not asked how alarms are, unless a test says otherwise.
ELSEWHERE: Final = f"arn:aws:cloudwatch:{REGION}:999999999999:alarm:"


class FakeTime:
    """The module `time` as a function sees it: its naps put the queues' clock forward."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def time(self) -> float:
        return self._clock.seconds

    def sleep(self, seconds: float) -> None:
        self._clock.forward(seconds)


def create_table() -> str:
    """Make the incidents' table as the template does, and return its name."""
    properties = template_properties("IncidentsTable")
    boto3.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode=properties["BillingMode"],
        AttributeDefinitions=properties["AttributeDefinitions"],
        KeySchema=properties["KeySchema"],
        GlobalSecondaryIndexes=properties["GlobalSecondaryIndexes"],
    )
    return TABLE


def on_our_clock(handler: ModuleType, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a handler, and all that it builds, go by the queues' clock."""
    time = FakeTime(clock)
    genuine = vars(handler)["_app"]
    monkeypatch.setattr(handler, "time", time)

    @cache
    def app() -> Any:
        genuine.cache_clear()
        built = genuine()
        parts = built.parts._replace(table=IncidentsTable(TABLE, time.time), clock=time.time)
        if hasattr(parts, "sleep"):
            parts = parts._replace(sleep=time.sleep)
        return built._replace(parts=parts)

    monkeypatch.setattr(handler, "_app", app)


# ---- events --------------------------------------------------------------------------------------


def stamp(minute: float) -> str:
    """Return the time of a minute as CloudWatch writes it."""
    at = datetime.fromtimestamp(START + 60 * minute, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.000+0000"


def change(
    value: str,
    minute: float,
    *,
    name: str = NAME,
    held: str = "",
    was: str = "",
    severity: str = "critical",
) -> dict[str, Any]:
    """Return EventBridge's event of a change of state."""
    now = state(value, "…", stamp(minute))
    if held:
        now["actionsSuppressedBy"] = held
    before = state(was, "…", stamp(minute - 1)) if was else None
    event = alarm_event(alarmName=name, state=now, previousState=before)
    about = "Blocked calls" if name == NAME else f"Blocked calls of {name}"
    event["detail"]["configuration"]["description"] = f"{about}.\nSeverity: {severity}"
    event["time"] = stamp(minute)
    return event


def contributor(number: int, value: str = "ALARM", minute: float = 0) -> dict[str, Any]:
    """Return the change of one contributor of the alarm `repeat-offender`."""
    event = envelope(
        "CloudWatch Alarm Contributor State Change",
        {
            "alarmName": "repeat-offender",
            "alarmContributor": {
                "id": f"{number:016x}",
                "attributes": {"Principal": f"role/app-{number}"},
            },
            "configuration": {"description": "Severity: critical", "metrics": []},
            "state": state(value, "…", stamp(minute)),
        },
    )
    event["time"] = stamp(minute)
    return event


# ---- the stack -----------------------------------------------------------------------------------


class RouteStack(NamedTuple):
    """What surrounds the function."""

    handler: ModuleType
    alerts: Queue
    deliveries: Queue
    clock: Clock
    output: Any

    def at(self, minute: float) -> None:
        """Let it be so many minutes after the start."""
        assert START + 60 * minute >= self.clock.seconds
        self.clock.seconds = START + 60 * minute

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

    def sweep(self, seconds: float = 0) -> list[str]:
        """Let time pass, and the heartbeat come; return what failed."""
        self.clock.forward(seconds)
        self.alerts.put(encode_note(Heartbeat()))
        return self.feed()

    def pokes(self) -> list[Poke]:
        """Take all pokes that are visible."""
        found: list[Poke] = []
        while bodies := self.deliveries.take():
            found += [msgspec.json.decode(body, type=Poke) for body in bodies]
        return found

    def poked(self) -> list[str]:
        """Take all pokes that are visible; return their channels, each once."""
        return sorted({poke.channel for poke in self.pokes()})

    def item(self, arn: str = f"{ARN}{NAME}") -> AlarmItem | None:
        """Return what the table holds of an alarm."""
        item, _ = IncidentsTable(TABLE).load(incident_id(arn))
        return item

    def logged(self, message: str) -> list[dict[str, Any]]:
        """Return the log lines with a message."""
        return [line for line in log_lines(self.output.text) if line["message"] == message]


def route_environment(alerts: Queue, deliveries: Queue, topic_arn: str) -> dict[str, str]:
    """Return the variables of `route`."""
    return {
        "METRICS_NAMESPACE": "BedrockAlerts",
        "ALERTS_QUEUE_URL": alerts.url,
        "DELIVERIES_QUEUE_URL": deliveries.url,
        "INCIDENTS_TABLE_NAME": TABLE,
        "EMAIL_TOPIC_ARN": topic_arn,
        "CHANNELS": "email,slack",
        "HOME_ALARMS_PREFIX": ELSEWHERE,
        "ROUTES_PARAMETER_NAME": ROUTES,
    }


@contextmanager
def route_stack(
    handler: ModuleType, clock: Clock, output: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RouteStack]:
    """Set `route` up."""
    sqs = boto3.client("sqs")
    create_table()
    boto3.client("ssm").put_parameter(Name=ROUTES, Type="String", Value="{}")
    topic_arn = boto3.client("sns").create_topic(Name="email")["TopicArn"]
    alerts = Queue.create(sqs, "alerts", "AlertsQueue")
    deliveries = Queue.create(sqs, "deliveries", "DeliveriesQueue")
    for name, value in route_environment(alerts, deliveries, topic_arn).items():
        monkeypatch.setenv(name, value)
    with built_anew(handler):
        on_our_clock(handler, clock, monkeypatch)
        yield RouteStack(handler, alerts, deliveries, clock, output)
