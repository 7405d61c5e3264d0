"""Two accounts alert into one channel: each message names its own, and a silence is of one alarm.

The engine takes no events whose source begins with `aws.`, and has no second account to send from:
an event is put into the queue as the bus delivers it, if the deployed rule on the bus takes it.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from bedrock_alerts_cli.local_stack.event_patterns import matches_pattern
from bedrock_alerts_cli.main import cli
from tests.e2e.test_faults import button, press
from tests.support.aws_command import read
from tests.support.live_stack import LiveStack, changed, live_stack, wait_until
from tests.support.slack_world import Call

pytestmark = pytest.mark.e2e

PAYMENTS: Final = ("444455556666", "us-east-1")
SEARCH: Final = ("777788889999", "eu-west-1")
NAMES: Final = {"444455556666": "payments-prod"}
MEMBERS: Final = Path(__file__).parents[2] / "members" / "template.yaml"
ALARM: Final = "bedrock-alerts.Shared"


@pytest.fixture(scope="module")
def live(locally_built: Path) -> Iterator[LiveStack]:
    with live_stack(locally_built, (), InboxAccounts="o-exampleorgid") as deployed:
        deployed.engine.client("ssm").put_parameter(
            Name=deployed.stack.outputs["RoutesParameterName"],
            Value=json.dumps({"accounts": NAMES}),
            Type="String",
            Overwrite=True,
        )
        deployed.set_up("RouteFunction", RESTARTED="1")  # it reads its routes once a minute
        yield deployed


def of(place: tuple[str, str], to: str = "ALARM", minutes: float = 0) -> dict[str, Any]:
    """Return an event of the alarm in this account and Region."""
    account, region = place
    event = changed(ALARM, to, minutes, severity="critical")
    arn = f"arn:aws:cloudwatch:{region}:{account}:alarm:{ALARM}"
    return {**event, "account": account, "region": region, "resources": [arn]}


def forward(live: LiveStack, *events: dict[str, Any]) -> None:
    """Let members forward events: the bus's own rule decides which the queue gets."""
    bus = live.stack.outputs["MembersBusArn"].rpartition("/")[2]
    client = live.engine.client("events")
    found = {rule["Name"]: rule for rule in client.list_rules(EventBusName=bus)["Rules"]}
    assert len(found) == 2
    queue = live.stack.resources["AlertsQueue"].rpartition("/")[2]
    for event in events:
        for name, rule in found.items():
            if matches_pattern(json.loads(rule["EventPattern"]), event):
                targets = client.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"]
                assert [target["Arn"].rpartition(":")[2] for target in targets] == [queue]
                live.happen(event)


def posted(live: LiveStack, where: str) -> list[Call]:
    """Return the new messages of the channel that name a place, not what is in their threads."""
    calls = live.slack.messages(where)
    return [call for call in calls if not call.payload.get("thread_ts")]


def emailed(live: LiveStack, where: str) -> bool:
    return any(email.subject.endswith(f" - {where}") for email in live.emails(ALARM))


def settled(live: LiveStack) -> None:
    wait_until(live.is_quiet)


def test_each_message_names_its_own_account_and_a_silence_is_of_one_alarm(live: LiveStack) -> None:
    forward(live, of(PAYMENTS))
    wait_until(lambda: posted(live, "payments-prod us-east-1"))
    forward(live, of(SEARCH))
    wait_until(lambda: posted(live, "777788889999 eu-west-1"))
    settled(live)
    (first,), (second,) = (
        posted(live, "payments-prod us-east-1"),
        posted(live, "777788889999 eu-west-1"),
    )
    assert "777788889999" not in first.text
    assert "payments-prod" not in second.text
    assert "444455556666" not in second.text
    assert "sign in to payments-prod (444455556666) first" in first.text
    # An email takes its own way after the queue is empty.
    for place in ("payments-prod us-east-1", "777788889999 eu-west-1"):
        wait_until(partial(emailed, live, place))

    assert press(live, button(first, "silence:3600")) == 200
    wait_until(lambda: item(live, PAYMENTS).silence)
    settled(live)
    assert item(live, SEARCH).silence is None

    # Both end and fire again: only the one that is not silenced is heard of again.
    forward(live, of(PAYMENTS, "OK", 1), of(SEARCH, "OK", 1))
    settled(live)
    live.let_time_pass(600)
    settled(live)
    before = {place: len(posted(live, place[0])) for place in (PAYMENTS, SEARCH)}
    wait_until(lambda: item(live, SEARCH).incident is None)
    wait_until(lambda: item(live, PAYMENTS).incident is None)
    forward(live, of(PAYMENTS, "ALARM", 4), of(SEARCH, "ALARM", 4))
    settled(live)
    live.let_time_pass(3600)
    wait_until(lambda: len(posted(live, SEARCH[0])) > before[SEARCH])
    settled(live)
    assert len(posted(live, PAYMENTS[0])) == before[PAYMENTS]
    assert [item(live, place).number for place in (PAYMENTS, SEARCH)] == [2, 2]


def test_what_a_member_wrote_itself_or_claims_for_another_raises_no_incident(
    live: LiveStack,
) -> None:
    known = len(live.items("item"))
    forward(live, {**of(PAYMENTS), "source": "com.example"})
    settled(live)
    assert len(live.items("item")) == known
    pretender = {**of(SEARCH, "OK", 4.5), "account": PAYMENTS[0], "id": "pretender"}
    forward(live, pretender)
    wait_until(lambda: live.slack.messages("another account"))
    settled(live)
    assert item(live, SEARCH).incident is not None
    assert live.take("AlertsDeadLetterQueue") == []
    assert live.take("DeliveriesDeadLetterQueue") == []


def test_the_members_template_is_created_as_it_is(live: LiveStack) -> None:
    cloudformation = live.engine.client("cloudformation")
    bus = live.stack.outputs["MembersBusArn"].replace("111122223333", "444455556666")
    cloudformation.create_stack(
        StackName="members",
        TemplateBody=MEMBERS.read_text(),
        Parameters=[{"ParameterKey": "CentralBusArn", "ParameterValue": bus}],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="members", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    events = live.engine.client("events")
    rules = [rule for rule in events.list_rules()["Rules"] if rule["Name"].startswith("members-")]
    assert len(rules) == 2
    for rule in rules:
        (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        assert target["Arn"] == bus
        assert ":role/members-ForwardRole" in target["RoleArn"]
    pattern = json.loads(next(rule["EventPattern"] for rule in rules if "Alarms" in rule["Name"]))
    assert matches_pattern(pattern, of(PAYMENTS))
    assert pattern["detail"]["alarmName"] == [{"prefix": "bedrock-alerts."}]


def doctor(live: LiveStack, *words: str) -> dict[str, dict[str, str]]:
    """Return what doctor finds, by its name."""
    arguments = ["doctor", "--json", "--endpoint-url", live.engine.url, *words]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert result.exception is None, result.exception
    return {one["check"]: one for one in json.loads(result.output)}


def test_doctor_knows_the_members_and_a_members_own_side(live: LiveStack) -> None:
    central = doctor(live)
    assert central["bus of the members"]["verdict"] == "ok"
    assert central["rule MembersAlarmsRule"]["verdict"] == "ok"
    assert "1 alarm known, the last event" in central["payments-prod us-east-1"]["evidence"]
    assert central["777788889999 eu-west-1"]["verdict"] == "ok"

    member = doctor(live, "--stack", "members")
    assert {one["verdict"] for one in member.values()} == {"ok"}

    rule = live.engine.client("cloudformation").describe_stack_resource(
        StackName="members", LogicalResourceId="AlarmsRule"
    )["StackResourceDetail"]["PhysicalResourceId"]
    live.engine.client("events").remove_targets(Rule=rule, Ids=["central"])
    wrong = doctor(live, "--stack", "members")["rule AlarmsRule"]
    assert wrong["verdict"] == "wrong"
    read(wrong["fix"].splitlines()[-1]).run(live.engine.client)
    assert doctor(live, "--stack", "members")["rule AlarmsRule"]["verdict"] == "ok"


def item(live: LiveStack, place: tuple[str, str]) -> Any:
    """Return what the table holds of the alarm in this account and Region."""
    account, region = place
    arn = f"arn:aws:cloudwatch:{region}:{account}:alarm:{ALARM}"
    return next(known for known, _ in live.alarms() if known.arn == arn)
