"""What other accounts forward, and what the central stack takes: both templates as data."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from bedrock_alerts_cli import template as cfn
from bedrock_alerts_cli.local_stack.event_patterns import matches_pattern
from bedrock_alerts_cli.template.stack import Stack
from tests.support.alarms import alarm_event, envelope
from tests.support.resources import Resources, of_type, statements_of
from tests.template.conftest import ROOT

MEMBERS: Final = ROOT / "members" / "template.yaml"
BUS: Final = "arn:aws:events:eu-west-1:111122223333:event-bus/bedrock-alerts-members"


@pytest.fixture(scope="module")
def members() -> dict[str, Any]:
    return dict(cfn.load(MEMBERS))


def member_rules(members: Mapping[str, Any], **parameters: str) -> list[dict[str, Any]]:
    """Return the patterns of the rules that a member has."""
    stack = Stack(members, {"CentralBusArn": BUS, **parameters})
    return [rule["EventPattern"] for rule in stack.resources("AWS::Events::Rule").values()]


def central_rules(template: Mapping[str, Any], accounts: str) -> list[dict[str, Any]]:
    """Return the patterns of the rules on the members' bus."""
    rules = Stack(template, {"InboxAccounts": accounts}).resources("AWS::Events::Rule").values()
    return [rule["EventPattern"] for rule in rules if "EventBusName" in rule]


# ---- the member ----------------------------------------------------------------------------------


def test_stack_sets_can_deploy_it_as_it_is(members: dict[str, Any]) -> None:
    text = MEMBERS.read_text()
    assert "Transform" not in members
    assert "Globals" not in members
    assert not re.search(r"[:-] [&*][a-z]", text), "only SAM takes YAML's anchors"
    assert len(text.encode()) < 51_200, "no larger template is taken without a bucket"
    types = {resource["Type"] for resource in members["Resources"].values()}
    assert not any(name.startswith(("AWS::Serverless", "AWS::Lambda", "Custom")) for name in types)
    assert "AWS::CloudFormation::Stack" not in types


def test_the_members_role_can_put_events_onto_the_central_bus_and_nothing_else(
    members: dict[str, Any],
) -> None:
    (role,) = of_type(members["Resources"], "AWS::IAM::Role").values()
    ((policy),) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "events:PutEvents"
    assert statement["Resource"] == {"Ref": "CentralBusArn"}
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "events.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert "${AWS::AccountId}:rule/" in trust["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]


def test_everything_goes_to_the_central_bus_and_failures_are_kept(members: dict[str, Any]) -> None:
    rules = of_type(members["Resources"], "AWS::Events::Rule")
    assert len(rules) == 2
    for rule in rules.values():
        (target,) = rule["Targets"]
        assert target["Arn"] == {"Ref": "CentralBusArn"}
        assert target["RoleArn"] == {"Fn::GetAtt": ["ForwardRole", "Arn"]}
        assert not {"Input", "InputPath", "InputTransformer"} & set(target)
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["FailuresQueue", "Arn"]}}
    (policy,) = of_type(members["Resources"], "AWS::SQS::QueuePolicy").values()
    (statement,) = statements_of(policy)
    assert set(statement["Condition"]) == {"ArnEquals", "StringEquals"}


def test_alarms_are_chosen_by_what_their_names_begin_with(members: dict[str, Any]) -> None:
    ours, other = alarm_event(alarmName="bedrock-alerts.Spend"), alarm_event(alarmName="payments-x")
    alarms, _ = member_rules(members)
    assert matches_pattern(alarms, ours)
    assert not matches_pattern(alarms, other)
    alarms, _ = member_rules(members, OtherAlarmNamePrefix="payments-")
    assert matches_pattern(alarms, ours)
    assert matches_pattern(alarms, other)


def test_changes_are_forwarded_unless_switched_off(members: dict[str, Any]) -> None:
    assert len(member_rules(members)) == 2
    assert len(member_rules(members, ForwardChanges="false")) == 1


# ---- the central stack ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "accounts", ["444455556666", "444455556666,o-exampleorgid", "o-exampleorg"]
)
def test_what_members_forward_is_what_the_central_stack_takes(
    template: dict[str, Any], members: dict[str, Any], accounts: str
) -> None:
    alarms, changes = central_rules(template, accounts)
    sent_alarms, sent_changes = member_rules(members)
    assert {**sent_alarms, "detail": None} == {**alarms, "detail": None}
    assert sent_changes == changes
    assert matches_pattern(alarms, alarm_event())


def test_every_deed_that_is_watched_at_home_is_forwarded(
    template: dict[str, Any], members: dict[str, Any]
) -> None:
    _, forwarded = member_rules(members)
    watched: set[str] = set()
    for name in ("TamperLoggingRule", "TamperGuardrailRule"):
        pattern = template["Resources"][name]["Properties"]["EventPattern"]
        watched |= set(pattern["detail"]["eventName"])
    assert set(forwarded["detail"]["eventName"]) == watched


def test_an_event_that_a_member_wrote_is_not_taken(template: dict[str, Any]) -> None:
    """PutEvents refuses a source that begins with `aws.`: what people write has another."""
    written = [
        {**alarm_event(), "source": "aws-cloudwatch"},
        {**alarm_event(), "source": "com.example"},
        {**envelope("AWS API Call via CloudTrail", {}), "source": "example.bedrock"},
    ]
    for pattern in central_rules(template, "o-exampleorgid"):
        assert all(source.startswith("aws.") for source in pattern["source"])
        assert not any(matches_pattern(pattern, event) for event in written)


def test_without_named_accounts_there_is_no_bus(template: dict[str, Any]) -> None:
    assert central_rules(template, "") == []
    for name, resource in template["Resources"].items():
        if name.startswith("MembersBus"):
            assert resource["Condition"] == "HasInboxAccounts"


def test_the_bus_takes_events_of_named_accounts_and_organizations_only(
    resources: Resources,
) -> None:
    policies = of_type(resources, "AWS::Events::EventBusPolicy")
    keys = set()
    for policy in policies.values():
        statement = policy["Statement"]
        assert statement["Effect"] == "Allow"
        assert statement["Action"] == "events:PutEvents"
        assert statement["Resource"] == {"Fn::GetAtt": ["MembersBus", "Arn"]}
        (condition,) = statement["Condition"].values()
        assert list(condition.values()) == [{"Ref": "InboxAccounts"}]
        keys |= set(condition)
        assert set(statement["Condition"]) == {"StringEquals"}
    assert keys == {"aws:PrincipalAccount", "aws:PrincipalOrgID"}


def test_the_bus_has_a_policy_without_anything_that_an_empty_list_would_open(
    template: dict[str, Any],
) -> None:
    parameter = template["Parameters"]["InboxAccounts"]
    pattern = re.compile(parameter["AllowedPattern"])
    for good in ("", "444455556666", "o-exampleorgid"):
        assert pattern.search(good)
    for bad in ("*", "44445555666", "o-*", "o-short", "O-EXAMPLEORGID", "r-abcd", "444455556666 "):
        assert not pattern.search(bad)


def test_the_queue_takes_from_the_rules_of_the_bus(resources: Resources) -> None:
    policy = json.dumps(resources["AlertsQueuePolicy"])
    for rule in ("MembersAlarmsRule", "MembersChangesRule"):
        assert rule in policy
        (target,) = resources[rule]["Properties"]["Targets"]
        assert target["Arn"] == {"Fn::GetAtt": ["AlertsQueue", "Arn"]}
        assert "DeadLetterConfig" in target
