"""`route` makes one delivery per channel out of whatever the alerts queue holds."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.alerts.describe import Found
from bedrock_alerts.alerts.model import Delivery, News, Telling
from bedrock_alerts.alerts.pipeline import Router
from bedrock_alerts.errors import SettingsError, TransientError
from bedrock_alerts_lab.local_stack import template as cfn
from functions.route import handler as handler_module
from tests.support.apps import app_of
from tests.support.changes import EVENT_LOG
from tests.support.queues import HIDDEN_SECONDS, RECEIVES, Clock, emitted, log_lines
from tests.support.route_stack import RouteStack, route_stack

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events" / "route"
# What each sample gives on its own, by the kind of the telling; the contributors' wait for a minute.
SAMPLES = {
    "alarm.json": ["first"],
    "resolved.json": [],
    "unknown.json": ["plain", "plain"],
    "alarm_changed.json": ["plain"],
    "alarm_deleted.json": ["plain"],
    "anomaly.json": ["first"],
    "composite.json": ["first"],
    "composite_held.json": [],
    "composite_sns.json": ["first"],
    "contributor.json": ["first"],
    "contributor_gone.json": [],
    "contributor_sns.json": ["first"],
    "guardrail_refused.json": ["plain"],
    "heartbeat.json": [],
    "log_alarm_sns.json": ["first"],
    "logging_deleted.json": ["plain"],
    "many_series.json": ["first"],
    "math.json": ["first"],
    "promql.json": ["first"],
    "prose_sns.json": ["plain"],
    "throttling.json": ["first"],
    "throttling_direct.json": ["first"],
    "throttling_muted.json": [],
    "throttling_no_data.json": [],
    "throttling_sns.json": ["first"],
    "throttling_sns_wrapped_event.json": ["first"],
    "timer.json": [],
}


@pytest.fixture
def stack(
    sqs: SQSClient, clock: Clock, output: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RouteStack]:
    """Set `route` up."""
    assert sqs.list_queues().get("QueueUrls", []) == []
    with route_stack(handler_module, clock, output, monkeypatch) as found:
        yield found


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return event


def bodies(name: str) -> list[str]:
    return [record["body"] for record in sample(name)["Records"]]


def test_every_sample_event_is_tried_here() -> None:
    assert {path.name for path in EVENTS.iterdir()} == set(SAMPLES)


@pytest.mark.parametrize(("name", "kinds"), SAMPLES.items())
def test_every_sample_is_told_once_per_channel_or_withheld_for_a_reason(
    stack: RouteStack, name: str, kinds: list[str]
) -> None:
    stack.alerts.put(*bodies(name))
    assert stack.feed() == []
    waits = name.startswith("contributor")
    deliveries = [] if waits else stack.made()
    assert stack.fire(120 if waits else 0) == []
    deliveries += stack.made()
    found = sorted((delivery.alerts[0].kind, delivery.channel) for delivery in deliveries)
    assert found == sorted((kind, channel) for kind in kinds for channel in ("email", "slack"))
    silent = name == "heartbeat.json"
    assert bool(stack.withheld()) is (not kinds and not silent)


def test_state_changes_and_what_nobody_is_told_are_counted(stack: RouteStack) -> None:
    stack.alerts.put(*bodies("alarm.json"), *bodies("alarm.json"), *bodies("unknown.json"))
    assert stack.feed() == []
    assert emitted(stack.output.text) == {"StateChanges": 2, "NotificationsSuppressed": 1}


def test_what_helps_is_looked_up_and_what_cannot_be_is_left_out(
    stack: RouteStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_LOG_GROUP_ARN", EVENT_LOG)
    monkeypatch.setenv("DASHBOARD_NAME", "board")
    boto3.client("iam").create_account_alias(AccountAlias="prod")
    stack.alerts.put(*bodies("throttling.json"))
    assert stack.feed() == []
    (alert,) = stack.told()
    assert alert.account_alias == "prod"
    assert [link.label for link in alert.links][1:-1] == ["Calls", "Quotas", "Dashboard"]
    # The queries are beyond moto.
    left_out = [line for line in log_lines(stack.output.text) if line["message"].startswith("left")]
    assert {line["piece"] for line in left_out} == {"calls", "calls_of_the_day_before"}
    assert alert.evidence is None


def test_alerts_of_one_batch_share_the_time_to_look_things_up(stack: RouteStack) -> None:
    deadlines: list[float] = []

    def look_up(_news: News, _telling: Telling, deadline: float) -> Found:
        deadlines.append(deadline - stack.clock.seconds)
        stack.clock.forward(5)
        return Found()

    app = app_of(handler_module)
    parts = app.parts._replace(look_up=look_up)
    router = Router(parts)
    for name in ("alarm", "math", "anomaly", "promql"):
        (body,) = bodies(f"{name}.json")
        router.route(body, 1)
    assert deadlines == [4, 4, 2, -3]
    assert len(stack.told()) == 4


def test_a_sign_of_life_is_answered_with_a_metric_and_told_to_nobody(stack: RouteStack) -> None:
    rule = cfn.load(ROOT / "template.yaml")["Resources"]["HeartbeatRule"]["Properties"]
    (sent,) = (target["Input"] for target in rule["Targets"])
    stack.alerts.put(sent, *bodies("alarm.json"), sent)
    assert stack.feed() == []
    assert emitted(stack.output.text) == {"StateChanges": 1, "Heartbeat": 2}
    assert len(stack.made()) == 2


def test_the_deliveries_of_a_state_change_say_the_same(stack: RouteStack) -> None:
    handler_module.handler(sample("alarm.json"), None)
    alerts = [delivery.alerts[0] for delivery in stack.made()]
    assert len(alerts) == 2
    assert alerts[0] == alerts[1]
    assert alerts[0].title == "bedrock-alerts.ContentFiltered"


def test_an_unknown_event_is_told_without_what_it_holds(stack: RouteStack) -> None:
    handler_module.handler(sample("unknown.json"), None)
    titles = {delivery.alerts[0].title for delivery in stack.made()}
    assert titles == {"Received an event of an unknown kind", "Received a message that is no JSON"}
    assert "whatever stands here" not in stack.output.text


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
    stack: RouteStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = PickyQueue("Received a message that is no JSON")
    app = app_of(handler_module)
    app = app._replace(parts=app.parts._replace(queue=queue))
    with monkeypatch.context() as patched:
        patched.setattr(handler_module, "_app", lambda: app)
        stack.alerts.put(*bodies("alarm.json"), "no JSON", *bodies("resolved.json"))
        assert stack.feed() == ["no JSON"]
    assert [delivery.alerts[0].kind for delivery in queue.taken] == ["first"] * 2 + ["resolved"] * 2
    assert stack.alerts.kept == 1
    assert emitted(stack.output.text) == {"StateChanges": 2}
    assert stack.made() == []


def test_what_fails_at_first_comes_back_within_seconds(stack: RouteStack) -> None:
    stack.alerts.put(*bodies("alarm.json"))
    queue = stack.deliveries
    queue.client.delete_queue(QueueUrl=queue.url)
    assert len(stack.feed()) == 1
    stack.clock.forward(6)
    assert len(stack.feed()) == 1
    stack.clock.forward(6)
    assert stack.feed() == []


def test_while_the_deliveries_queue_is_gone_state_changes_are_kept_and_then_parked(
    stack: RouteStack,
) -> None:
    alarm = bodies("alarm.json")
    stack.alerts.put(*alarm)
    stack.deliveries.client.delete_queue(QueueUrl=stack.deliveries.url)
    for _ in range(RECEIVES):
        assert stack.feed() == alarm
        assert stack.alerts.kept == 1
        stack.clock.forward(HIDDEN_SECONDS + 1)
    assert stack.feed() == []
    assert stack.alerts.parked() == alarm
    (error,) = {line["error"] for line in log_lines(stack.output.text) if "error" in line}
    assert error.startswith("TransientError: Amazon SQS refused: ")
    assert "ContentFiltered" not in error


def direct() -> dict[str, Any]:
    event: dict[str, Any] = json.loads(bodies("throttling_direct.json")[0])
    return event


def test_an_alarm_may_call_the_function_as_its_action(stack: RouteStack) -> None:
    assert handler_module.handler(direct(), None) == {}
    assert stack.kinds() == ["first"]
    assert emitted(stack.output.text) == {"StateChanges": 1}


def test_a_call_that_fails_raises_so_that_lambda_tries_again_and_keeps_it(
    stack: RouteStack,
) -> None:
    stack.deliveries.client.delete_queue(QueueUrl=stack.deliveries.url)
    with pytest.raises(TransientError, match="Amazon SQS refused"):
        handler_module.handler(direct(), None)


def test_a_topic_may_call_the_function_too(stack: RouteStack) -> None:
    message = json.loads(bodies("throttling_sns.json")[0])
    event = {"Records": [{"EventSource": "aws:sns", "Sns": message}]}
    assert handler_module.handler(event, None) == {}
    assert stack.kinds() == ["first"]


def test_a_function_that_is_set_up_wrongly_says_so_when_it_is_called(
    stack: RouteStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHANNELS")
    with pytest.raises(SettingsError, match=r"RouteSettings: .*CHANNELS"):
        handler_module.handler(sample("alarm.json"), None)
    assert stack.made() == []
