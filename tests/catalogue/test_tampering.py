"""The rules on CloudTrail take what tampers with logging and guardrails, and nothing else."""

from typing import Any, Final

import pytest

from bedrock_alerts_cli.local_stack.event_patterns import matches_pattern
from bedrock_alerts_cli.template.stack import Stack

RULES: Final = {
    name: rule["EventPattern"]
    for name, rule in Stack.read().resources("AWS::Events::Rule").items()
    if name.startswith("Tamper")
}
FIRES: Final = {
    "TamperLoggingRule": (
        "PutModelInvocationLoggingConfiguration",
        "DeleteModelInvocationLoggingConfiguration",
    ),
    "TamperGuardrailRule": (
        "UpdateGuardrail",
        "DeleteGuardrail",
        "PutEnforcedGuardrailConfiguration",
        "DeleteEnforcedGuardrailConfiguration",
    ),
}
# What people do to guardrails and logging all day without harm, and the calls themselves.
ORDINARY: Final = (
    "GetModelInvocationLoggingConfiguration",
    "GetGuardrail",
    "ListGuardrails",
    "CreateGuardrail",
    "CreateGuardrailVersion",
    "ListEnforcedGuardrailsConfiguration",
    "InvokeModel",
    "Converse",
    "ApplyGuardrail",
)


def cloudtrail(name: str, **detail: Any) -> dict[str, Any]:
    """Return an event as CloudTrail puts it on the bus; all of it is invented."""
    return {
        "version": "0",
        "id": "6f1d0c52-0000-4000-8000-0000000000c1",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.bedrock",
        "account": "111122223333",
        "time": "2026-11-23T08:10:41Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "arn": "arn:aws:sts::111122223333:assumed-role/admin/alice@example.com",
                "accountId": "111122223333",
            },
            "eventTime": "2026-11-23T08:10:39Z",
            "eventSource": "bedrock.amazonaws.com",
            "eventName": name,
            "awsRegion": "eu-west-1",
            "sourceIPAddress": "192.0.2.10",
            "requestParameters": None,
            "responseElements": None,
            "eventID": "0b1c2d3e-0000-4000-8000-0000000000c2",
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            **detail,
        },
    }


def test_every_rule_is_proved_here() -> None:
    assert RULES.keys() == FIRES.keys()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", [name for names in FIRES.values() for name in names])
def test_a_rule_takes_its_own_actions_only(rule: str, name: str) -> None:
    assert matches_pattern(RULES[rule], cloudtrail(name)) is (name in FIRES[rule])


@pytest.mark.parametrize("rule", RULES)
def test_an_attempt_that_was_refused_is_told_too(rule: str) -> None:
    event = cloudtrail(FIRES[rule][0], errorCode="AccessDenied")
    assert matches_pattern(RULES[rule], event)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", ORDINARY)
def test_a_rule_is_quiet_in_ordinary_times(rule: str, name: str) -> None:
    assert not matches_pattern(RULES[rule], cloudtrail(name))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"source": "aws.logs"}, id="another service"),
        pytest.param({"detail-type": "AWS Service Event via CloudTrail"}, id="no call of anybody"),
        pytest.param({"detail": {"eventName": "UpdateGuardrail"}}, id="no source within"),
    ],
)
def test_a_rule_takes_calls_to_bedrock_only(rule: str, change: dict[str, Any]) -> None:
    assert not matches_pattern(RULES[rule], {**cloudtrail(FIRES[rule][0]), **change})


def test_what_the_stack_does_when_it_is_deployed_is_no_tampering() -> None:
    rule, name = RULES["TamperLoggingRule"], "PutModelInvocationLoggingConfiguration"
    role = Stack.read().value({"Ref": "ConfigureLoggingRole"})
    assert role
    arn = f"arn:aws:sts::111122223333:assumed-role/{role}/bedrock-alerts-configure-logging"
    own = {"type": "AssumedRole", "arn": arn}
    assert not matches_pattern(rule, cloudtrail(name, userIdentity=own))
    assert matches_pattern(rule, cloudtrail(name, userIdentity={**own, "arn": f"{arn[:40]}x/y"}))
    assert matches_pattern(rule, cloudtrail(name, userIdentity={"type": "AWSService"}))
