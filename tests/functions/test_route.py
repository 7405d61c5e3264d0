"""`route` makes one delivery per channel out of whatever the alerts queue holds."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.alerts.model import Delivery
from bedrock_alerts.errors import SettingsError, TransientError
from bedrock_alerts_lab.local_stack import template as cfn
from functions.route import handler as handler_module
from tests.support.apps import app_of, built_anew
from tests.support.queues import HIDDEN_SECONDS, RECEIVES, Clock, Queue, emitted, log_lines

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events" / "route"
SAMPLES = {
    "alarm.json": ["ALARM · warning"],
    "resolved.json": ["RESOLVED"],
    "unknown.json": ["UNKNOWN EVENT", "UNKNOWN EVENT"],
    "alarm_changed.json": ["ALARM SWITCHED OFF"],
    "alarm_deleted.json": ["ALARM DELETED"],
    "anomaly.json": ["ALARM · warning"],
    "composite.json": ["ALARM · warning"],
    "composite_held.json": ["ALARM · warning"],
    "composite_sns.json": ["ALARM · warning"],
    "contributor.json": ["ALARM · critical"],
    "contributor_gone.json": ["NO LONGER SEEN"],
    "contributor_sns.json": ["ALARM · critical"],
    "guardrail_refused.json": ["TAMPERING REFUSED · warning"],
    "heartbeat.json": [],
    "log_alarm_sns.json": ["ALARM · warning"],
    "logging_deleted.json": ["TAMPERING · critical"],
    "many_series.json": ["ALARM · critical"],
    "math.json": ["ALARM · critical"],
    "promql.json": ["ALARM · warning"],
    "prose_sns.json": ["UNKNOWN EVENT"],
    "throttling.json": ["ALARM · warning"],
    "throttling_direct.json": ["ALARM · warning"],
    "throttling_muted.json": ["ALARM · warning"],
    "throttling_no_data.json": ["NO DATA"],
    "throttling_sns.json": ["ALARM · warning"],
    "throttling_sns_wrapped_event.json": ["ALARM · warning"],
    "timer.json": [],
}


@pytest.fixture
def alerts(sqs: SQSClient) -> Queue:
    return Queue.create(sqs, "alerts")


@pytest.fixture
def deliveries(sqs: SQSClient, output: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """Set `route` up, and give its deliveries."""
    assert output.text == ""
    queue = Queue.create(sqs, "deliveries")
    monkeypatch.setenv("METRICS_NAMESPACE", "BedrockAlerts")
    monkeypatch.setenv("DELIVERIES_QUEUE_URL", queue.url)
    monkeypatch.setenv("CHANNELS", "email,slack")
    with built_anew(handler_module):
        yield queue


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return event


def bodies(name: str) -> list[str]:
    return [record["body"] for record in sample(name)["Records"]]


def made(queue: Queue) -> list[Delivery]:
    return [msgspec.json.decode(body, type=Delivery) for body in queue.take()]


def test_every_sample_event_is_tried_here() -> None:
    assert {path.name for path in EVENTS.iterdir()} == set(SAMPLES)


@pytest.mark.parametrize(("name", "statuses"), SAMPLES.items())
def test_every_sample_becomes_one_delivery_per_channel(
    deliveries: Queue, output: Any, name: str, statuses: list[str]
) -> None:
    assert handler_module.handler(sample(name), None) == {"batchItemFailures": []}
    found = sorted((delivery.alerts[0].status, delivery.channel) for delivery in made(deliveries))
    assert found == sorted(
        (status, channel) for status in statuses for channel in ("email", "slack")
    )
    assert emitted(output.text) == {"StateChanges": len(bodies(name))}


def test_a_sign_of_life_is_answered_with_a_metric_and_told_to_nobody(
    alerts: Queue, deliveries: Queue, output: Any
) -> None:
    rule = cfn.load(ROOT / "template.yaml")["Resources"]["HeartbeatRule"]["Properties"]
    (sent,) = (target["Input"] for target in rule["Targets"])
    alerts.put(sent, *bodies("alarm.json"), sent)
    assert alerts.feed(handler_module.handler) == []
    assert emitted(output.text) == {"StateChanges": 1, "Heartbeat": 2}
    assert len(made(deliveries)) == 2


def test_the_deliveries_of_a_state_change_say_the_same(deliveries: Queue) -> None:
    handler_module.handler(sample("alarm.json"), None)
    alerts = [delivery.alerts[0] for delivery in made(deliveries)]
    assert len(alerts) == 2
    assert alerts[0] == alerts[1]
    assert alerts[0].title == "bedrock-alerts.ContentFiltered"


def test_an_unknown_event_is_told_without_what_it_holds(deliveries: Queue, output: Any) -> None:
    handler_module.handler(sample("unknown.json"), None)
    titles = {delivery.alerts[0].title for delivery in made(deliveries)}
    assert titles == {"Received an event of an unknown kind", "Received a message that is no JSON"}
    assert "whatever stands here" not in output.text


class PickyQueue:
    """Takes deliveries, but not those with a certain title."""

    def __init__(self, title: str) -> None:
        self._title = title
        self.taken: list[Delivery] = []

    def put(self, deliveries: Sequence[Delivery]) -> None:
        if any(delivery.alerts[0].title == self._title for delivery in deliveries):
            raise TransientError("2 of 2 not enqueued: InternalError")
        self.taken += deliveries


def test_a_state_change_that_cannot_be_enqueued_comes_back_and_its_neighbours_do_not(
    alerts: Queue, deliveries: Queue, output: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = PickyQueue("Received a message that is no JSON")
    app = app_of(handler_module)._replace(queue=queue)
    with monkeypatch.context() as patched:
        patched.setattr(handler_module, "_app", lambda: app)
        alerts.put(*bodies("alarm.json"), "no JSON", *bodies("resolved.json"))
        assert alerts.feed(handler_module.handler) == ["no JSON"]
    assert {delivery.alerts[0].status for delivery in queue.taken} == {
        "ALARM · warning",
        "RESOLVED",
    }
    assert alerts.kept == 1
    assert emitted(output.text) == {"StateChanges": 2}
    assert made(deliveries) == []


def test_while_the_deliveries_queue_is_gone_state_changes_are_kept_and_then_parked(
    alerts: Queue, deliveries: Queue, output: Any, clock: Clock
) -> None:
    alarm = bodies("alarm.json")
    alerts.put(*alarm)
    deliveries.client.delete_queue(QueueUrl=deliveries.url)
    for _ in range(RECEIVES):
        assert alerts.feed(handler_module.handler) == alarm
        assert alerts.kept == 1
        clock.forward(HIDDEN_SECONDS + 1)
    assert alerts.feed(handler_module.handler) == []
    assert alerts.parked() == alarm
    (error,) = {line["error"] for line in log_lines(output.text)}
    assert error.startswith("TransientError: Amazon SQS took no delivery: ")
    assert "ContentFiltered" not in error


def test_a_function_that_is_set_up_wrongly_says_so_when_it_is_called(
    deliveries: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHANNELS")
    with pytest.raises(SettingsError, match=r"RouteSettings: .*CHANNELS"):
        handler_module.handler(sample("alarm.json"), None)
    assert made(deliveries) == []
