"""`route` learns whatever the alerts queue holds, and pokes the channels; nothing is dropped."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.adapters.incidents_table import IncidentsTable
from bedrock_alerts.alerts.events import (
    News,
    incident_id,
)
from bedrock_alerts.alerts.found import Found
from bedrock_alerts.alerts.incidents.item import AlarmItem, Policy
from bedrock_alerts.alerts.notifications.plan import Send, plan
from bedrock_alerts.alerts.ports import Poke
from bedrock_alerts.alerts.router import Router
from bedrock_alerts.errors import SettingsError, TransientError
from bedrock_alerts_cli import template as cfn
from functions.route import handler as handler_module
from tests.support.apps import app_of
from tests.support.changes import EVENT_LOG
from tests.support.queues import Clock, emitted, log_lines, template_properties
from tests.support.route_stack import (
    ARN,
    NAME,
    TABLE,
    RouteStack,
    change,
    create_table,
    route_stack,
)

ROOT: Final = Path(__file__).parents[2]
EVENTS: Final = ROOT / "events" / "route"
# How many alarms or notices of each sample the channels are poked for.
SAMPLES: Final = {
    "alarm.json": 1,
    # Its ALARM never came: the end says both.
    "resolved.json": 1,
    "unknown.json": 2,
    "alarm_changed.json": 1,
    "alarm_deleted.json": 1,
    "anomaly.json": 1,
    "composite.json": 1,
    "composite_held.json": 0,
    "composite_sns.json": 1,
    "contributor.json": 1,
    "contributor_gone.json": 0,
    "contributor_sns.json": 1,
    "guardrail_refused.json": 1,
    "heartbeat.json": 0,
    "log_alarm_sns.json": 1,
    "logging_deleted.json": 1,
    "many_series.json": 1,
    "math.json": 1,
    "promql.json": 1,
    "prose_sns.json": 1,
    "throttling.json": 1,
    "throttling_direct.json": 1,
    "throttling_muted.json": 0,
    "throttling_no_data.json": 0,
    "throttling_sns.json": 1,
    "throttling_sns_wrapped_event.json": 1,
    "timer.json": 0,
}


@pytest.fixture
def stack(
    sqs: SQSClient, clock: Clock, output: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RouteStack]:
    """Set `route` up."""
    assert sqs.list_queues().get("QueueUrls", []) == []
    with route_stack(handler_module, clock, output, monkeypatch) as found:
        # The samples are of the day when they were written.
        clock.seconds = max(clock.seconds, _newest())
        yield found


def _newest() -> float:
    texts = "".join(path.read_text() for path in EVENTS.iterdir())
    found = re.findall(r'time\\": ?\\"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d)Z', texts)
    return max(datetime.fromisoformat(f"{each}+00:00").timestamp() for each in found) + 1


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return event


def bodies(name: str) -> list[str]:
    return [record["body"] for record in sample(name)["Records"]]


def only_item(stack: RouteStack) -> AlarmItem:
    """Return the item of the one alarm that the channels were poked for."""
    (alarm,) = {poke.alarm for poke in stack.pokes()}
    item, _ = IncidentsTable(TABLE).load(alarm)
    assert item is not None
    return item


def test_every_sample_event_is_tried_here() -> None:
    assert {path.name for path in EVENTS.iterdir()} == set(SAMPLES)


@pytest.mark.parametrize(("name", "poked"), SAMPLES.items())
def test_every_sample_pokes_each_channel_or_changes_nothing_that_people_see(
    stack: RouteStack, name: str, poked: int
) -> None:
    stack.alerts.put(*bodies(name))
    assert stack.feed() == []
    stack.clock.forward(1)
    pokes = [poke for poke in stack.pokes() if _lacks_something(poke, stack.clock.seconds)]
    assert sorted(poke.channel for poke in pokes) == sorted(["email", "slack"] * poked)
    assert len({poke.alarm for poke in pokes}) == poked


def _lacks_something(poke: Poke, now: float) -> bool:
    """Whether `deliver` would send something now."""
    item, _ = IncidentsTable(TABLE).load(poke.alarm)
    assert item is not None
    return isinstance(plan(item, poke.channel, "plain", Policy(), now), Send)


def test_state_changes_are_counted(stack: RouteStack) -> None:
    stack.alerts.put(*bodies("alarm.json"), *bodies("alarm.json"), *bodies("unknown.json"))
    assert stack.feed() == []
    assert emitted(stack.output.text) == {"StateChanges": 2}


def test_what_is_held_back_is_counted_as_such(stack: RouteStack) -> None:
    assert stack.happen(change("ALARM", 0, held="Alarm")) == []
    assert emitted(stack.output.text) == {"StateChanges": 1, "NotificationsSuppressed": 1}


def test_what_helps_is_looked_up_and_what_cannot_be_is_left_out(
    stack: RouteStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_LOG_GROUP_ARN", EVENT_LOG)
    boto3.client("iam").create_account_alias(AccountAlias="prod")
    stack.alerts.put(*bodies("throttling.json"))
    assert stack.feed() == []
    alarm = incident_id(only_item(stack).arn)
    found = IncidentsTable(TABLE).evidence(alarm)
    assert found.account_alias == "prod"
    assert found.evidence is None
    # The queries are beyond moto.
    left_out = [line for line in log_lines(stack.output.text) if line["message"].startswith("left")]
    assert {line["piece"] for line in left_out} == {"calls", "calls_of_the_day_before"}


def test_alerts_of_one_batch_share_the_time_to_look_things_up(stack: RouteStack) -> None:
    start = stack.clock.seconds
    left: list[float] = []

    def look_up(_news: News, deadline: float) -> Found:
        left.append(deadline - stack.clock.seconds)
        stack.clock.forward(5)
        return Found()

    parts = app_of(handler_module).parts._replace(evidence=look_up)
    router = Router(parts)
    for name in ("alarm", "math", "anomaly", "promql"):
        (body,) = bodies(f"{name}.json")
        router.route(body, 1)
    assert stack.clock.seconds == start + 20
    assert left[0] > 0
    assert sum(max(0.0, each) for each in left) <= 12
    assert left[-1] < 0
    assert len({poke.alarm for poke in stack.pokes()}) == 4


def test_what_cannot_be_looked_up_stops_nothing(stack: RouteStack) -> None:
    def look_up(_news: News, _deadline: float) -> Found:
        raise RuntimeError("prompt of a person")

    router = Router(app_of(handler_module).parts._replace(evidence=look_up))
    router.route(bodies("alarm.json")[0], 1)
    assert stack.poked() == ["email", "slack"]
    assert [line["error"] for line in stack.logged("no evidence")] == ["RuntimeError"]
    assert "prompt of a person" not in stack.output.text


def test_a_heartbeat_is_answered_with_a_metric(stack: RouteStack) -> None:
    rule = cfn.load(ROOT / "template.yaml")["Resources"]["HeartbeatRule"]["Properties"]
    (sent,) = (target["Input"] for target in rule["Targets"])
    stack.alerts.put(sent, *bodies("alarm.json"), sent)
    assert stack.feed() == []
    assert emitted(stack.output.text) == {"StateChanges": 1, "Heartbeat": 2}


def test_the_heartbeat_pokes_whatever_is_due_so_that_no_lost_poke_matters(
    stack: RouteStack,
) -> None:
    stack.happen(*(change("ALARM", 0, name=f"alarm-{number}") for number in range(20)))
    assert len(stack.pokes()) == 40  # and all of them are lost
    assert stack.sweep(60) == []
    assert len({(poke.alarm, poke.channel) for poke in stack.pokes()}) == 40


def test_an_old_timer_is_left_alone(stack: RouteStack) -> None:
    stack.alerts.put(*bodies("timer.json"))
    assert stack.feed() == []
    assert stack.pokes() == []
    assert [line["kind"] for line in stack.logged("a timer of an older version is ignored")] == [
        "reminder"
    ]


def test_an_unknown_event_is_kept_without_what_it_holds(stack: RouteStack) -> None:
    stack.alerts.put(*bodies("unknown.json"))
    assert stack.feed() == []
    items = [IncidentsTable(TABLE).load(poke.alarm)[0] for poke in stack.pokes()]
    assert {type(item.notice).__name__ for item in items if item} == {"Unrecognised"}
    scanned = json.dumps(boto3.client("dynamodb").scan(TableName=TABLE)["Items"])
    assert "whatever stands here" not in scanned
    assert "whatever stands here" not in stack.output.text


def test_an_alarm_whose_actions_are_off_is_held_back_from_the_first_event_on(
    stack: RouteStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=NAME,
        Namespace="BedrockAlerts",
        MetricName="ContentFilteredCount",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=60,
        Statistic="Sum",
        Threshold=1,
        ActionsEnabled=False,
    )
    monkeypatch.setenv("HOME_ALARMS_PREFIX", ARN)
    assert stack.happen(change("ALARM", 0)) == []
    item = stack.item()
    assert item is not None
    assert not item.are_actions_enabled
    assert emitted(stack.output.text)["NotificationsSuppressed"] == 1


# ---- faults --------------------------------------------------------------------------------------


class PickyTable:
    """Works, but not for one alarm."""

    def __init__(self, arn: str) -> None:
        self._table = IncidentsTable(TABLE)
        self._alarm = incident_id(arn)

    def load(self, alarm: str) -> tuple[AlarmItem | None, int]:
        if alarm == self._alarm:
            raise TransientError("Amazon DynamoDB refused: invented")
        return self._table.load(alarm)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


def test_an_event_that_fails_comes_back_and_its_neighbours_do_not(
    stack: RouteStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(handler_module)
    picky = app._replace(parts=app.parts._replace(table=PickyTable(f"{ARN}poison")))
    events = [change("ALARM", 0, name=name) for name in ("before", "poison", "after")]
    with monkeypatch.context() as patched:
        patched.setattr(handler_module, "_app", lambda: picky)
        assert stack.happen(*events) == [json.dumps(events[1])]
    poked = {poke.alarm for poke in stack.pokes()}
    assert poked == {incident_id(f"{ARN}before"), incident_id(f"{ARN}after")}
    assert stack.alerts.kept == 1
    stack.clock.forward(6)
    assert stack.feed() == []
    assert {poke.alarm for poke in stack.pokes()} == {incident_id(f"{ARN}poison")}


def test_what_fails_at_first_comes_back_within_seconds(stack: RouteStack) -> None:
    boto3.client("dynamodb").delete_table(TableName=TABLE)
    assert len(stack.happen(change("OK", 0))) == 1
    stack.clock.forward(4)
    assert stack.feed() == []  # it is hidden
    create_table()
    stack.clock.forward(2)
    assert stack.feed() == []
    assert stack.alerts.kept == 0
    assert stack.item() is not None


def test_while_the_deliveries_queue_is_gone_everything_is_learned_and_poked_later(
    stack: RouteStack,
) -> None:
    stack.deliveries.client.delete_queue(QueueUrl=stack.deliveries.url)
    assert stack.happen(change("ALARM", 0)) == []
    assert stack.alerts.kept == 0
    (line,) = stack.logged("delivery not queued")
    assert line["reason"].startswith("Amazon SQS refused: ")
    assert NAME not in line["reason"]
    stack.deliveries.client.create_queue(QueueName="deliveries")
    assert stack.sweep(60) == []
    assert stack.poked() == ["email", "slack"]


def test_what_must_be_learned_and_never_can_be_is_parked(stack: RouteStack) -> None:
    boto3.client("dynamodb").delete_table(TableName=TABLE)
    held = change("ALARM", 0, held="Alarm")
    receives = template_properties("AlertsQueue")["RedrivePolicy"]["maxReceiveCount"]
    assert stack.happen(held) == [json.dumps(held)]
    for _ in range(receives - 1):
        stack.clock.forward(template_properties("AlertsQueue")["VisibilityTimeout"] + 1)
        assert stack.feed() == [json.dumps(held)]
    stack.clock.forward(400)
    assert stack.feed() == []
    assert stack.alerts.parked() == [json.dumps(held)]
    errors = {line["error"] for line in log_lines(stack.output.text) if "error" in line}
    assert errors == {"TransientError: Amazon DynamoDB refused: ResourceNotFoundException"}


# ---- other ways to be called ---------------------------------------------------------------------


def direct() -> dict[str, Any]:
    event: dict[str, Any] = json.loads(bodies("throttling_direct.json")[0])
    return event


def test_an_alarm_may_call_the_function_as_its_action(stack: RouteStack) -> None:
    assert handler_module.handler(direct(), None) == {}
    assert stack.poked() == ["email", "slack"]
    assert emitted(stack.output.text) == {"StateChanges": 1}


def test_a_call_is_done_without_the_table_at_once(stack: RouteStack) -> None:
    boto3.client("dynamodb").delete_table(TableName=TABLE)
    assert handler_module.handler(direct(), None) == {}
    assert all(poke.event is not None for poke in stack.pokes())
    assert stack.alerts.kept == 1  # to be learned later


def test_a_call_that_fails_raises_so_that_lambda_tries_again_and_keeps_it(
    stack: RouteStack,
) -> None:
    boto3.client("dynamodb").delete_table(TableName=TABLE)
    stack.deliveries.client.delete_queue(QueueUrl=stack.deliveries.url)
    with pytest.raises(TransientError, match="Amazon SQS refused"):
        handler_module.handler(direct(), None)


def test_a_topic_may_call_the_function_too(stack: RouteStack) -> None:
    message = json.loads(bodies("throttling_sns.json")[0])
    event = {"Records": [{"EventSource": "aws:sns", "Sns": message}]}
    assert handler_module.handler(event, None) == {}
    assert stack.poked() == ["email", "slack"]


def test_a_function_that_is_set_up_wrongly_says_so_when_it_is_called(
    stack: RouteStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHANNELS")
    with pytest.raises(SettingsError, match=r"RouteSettings: .*CHANNELS"):
        handler_module.handler(sample("alarm.json"), None)
    assert stack.pokes() == []


# ---- the alarms about this tool ------------------------------------------------------------------

OWN: Final = f"{ARN}bedrock-alerts."


@pytest.fixture
def _own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_ALARMS_PREFIX", OWN)


def confirmed(*protocols: str) -> Sequence[str]:
    """Subscribe to the emails; at moto a subscription is confirmed at once."""
    sns = boto3.client("sns")
    (topic,) = sns.list_topics()["Topics"]
    return [
        sns.subscribe(
            TopicArn=topic["TopicArn"],
            Protocol=protocol,
            Endpoint="someone@example.com",
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        for protocol in protocols
    ]


@pytest.mark.usefixtures("_own")
@pytest.mark.parametrize("name", ["PipelineErrors", "NotifierHeartbeat"])
def test_what_cloudwatch_itself_emails_is_not_notified_of_again(
    stack: RouteStack, name: str
) -> None:
    assert confirmed("email")
    assert stack.happen(change("ALARM", 0, name=f"bedrock-alerts.{name}")) == []
    assert stack.pokes() == []


@pytest.mark.usefixtures("_own")
def test_where_nobody_gets_the_emails_the_channels_are_notified_of_it(stack: RouteStack) -> None:
    assert stack.happen(change("ALARM", 0, name="bedrock-alerts.PipelineErrors")) == []
    assert stack.poked() == ["email", "slack"]


@pytest.mark.usefixtures("_own")
def test_an_alarm_about_bedrock_is_notified_of_whoever_gets_the_emails(stack: RouteStack) -> None:
    assert confirmed("email")
    assert stack.happen(change("ALARM", 0, name="bedrock-alerts.PromptAttack")) == []
    assert stack.poked() == ["email", "slack"]
