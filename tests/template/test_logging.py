"""Turning logging on: who may do what, in which order it comes and goes, and what a choice makes."""

import re
from typing import Any

import msgspec
import pytest

from bedrock_alerts.logging_setup.model import (
    MODALITIES,
    LoggingProperties,
    LogGroupProperties,
    RoutesProperties,
)
from bedrock_alerts.logging_setup.patience import ANSWER_SECONDS
from bedrock_alerts_cli import template as cfn

Resources = dict[str, dict[str, Any]]
SETS = "ModelInvocationLogging"
CHECKS = "InvocationLogGroupCheck"


def statement(policy: Any, sid: str) -> dict[str, Any]:
    (found,) = (one for one in policy["Statement"] if one.get("Sid") == sid)
    return dict(found)


def required(kind: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind) if field.required}


def read(kind: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}


@pytest.mark.parametrize(
    ("resource", "kind"),
    [(SETS, LoggingProperties), (CHECKS, LogGroupProperties), ("StoredRoutes", RoutesProperties)],
)
def test_a_custom_resource_gets_the_properties_that_the_function_reads(
    resources: Resources, resource: str, kind: type[msgspec.Struct]
) -> None:
    given = set(resources[resource]["Properties"]) - {"ServiceToken", "ServiceTimeout"}
    assert required(kind) <= given
    # Besides: one makes it wait for the bucket's policy, one makes it look again after an update.
    assert given - read(kind) <= {"BucketPolicy", "Version"}


@pytest.mark.parametrize("resource", [SETS, CHECKS])
def test_a_custom_resource_that_is_never_answered_fails_in_minutes(
    resources: Resources, resource: str
) -> None:
    properties = resources[resource]["Properties"]
    assert set(cfn.references(properties["ServiceToken"])) == {"ConfigureLoggingFunction"}
    timeout = resources["ConfigureLoggingFunction"]["Properties"]["Timeout"]
    invoke = resources["ConfigureLoggingFailures"]["Properties"]
    attempts = 1 + invoke["MaximumRetryAttempts"]
    pauses = (
        60 + 120
    )  # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    assert attempts * timeout + pauses <= int(properties["ServiceTimeout"]) <= 900
    # A request that was given up must not be served any more.
    assert invoke["MaximumEventAgeInSeconds"] <= int(properties["ServiceTimeout"])
    assert timeout > 2 * ANSWER_SECONDS


def test_a_request_that_was_never_answered_is_kept(resources: Resources) -> None:
    invoke = resources["ConfigureLoggingFailures"]["Properties"]
    assert set(cfn.references(invoke["FunctionName"])) == {"ConfigureLoggingFunction"}
    (bucket,) = cfn.references(invoke["DestinationConfig"]["OnFailure"]["Destination"])
    assert bucket == "FailedBatchesBucket"
    (policy,) = resources["ConfigureLoggingRole"]["Properties"]["Policies"]
    grant = statement(policy["PolicyDocument"], "KeepFailedRequests")
    assert grant["Action"] == "s3:PutObject"
    assert list(cfn.references(grant["Resource"])) == [bucket]


def test_nothing_is_set_before_it_is_allowed_and_nothing_is_taken_away_before_it_is_put_back(
    template: dict[str, Any],
) -> None:
    setting = template["Resources"][SETS]
    first = set(cfn.references(setting["Properties"])) | {setting["DependsOn"]}
    assert {
        "ConfigureLoggingFunction",
        "ConfigureLoggingGrant",
        CHECKS,
        "InvocationLoggingRole",
        "OffloadedBodyBucketPolicy",
    } <= first
    assert "ConfigureLoggingFailures" in template["Resources"][CHECKS]["DependsOn"]


def test_a_log_group_is_looked_at_before_it_is_subscribed(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    checked, subscribed = (
        resources[name]["Properties"] for name in (CHECKS, "InvocationLogSubscription")
    )
    assert subscribed["LogGroupName"] == {"Fn::GetAtt": [CHECKS, "LogGroupName"]}
    assert checked["DestinationArn"] == subscribed["DestinationArn"]


@pytest.mark.parametrize(
    ("resource", "condition"),
    [
        (SETS, "ConfiguresLogging"),
        ("ConfigureLoggingGrant", "ConfiguresLogging"),
        ("InvocationLoggingRole", "ConfiguresLogging"),
        ("OffloadedBodyBucket", "CreatesOffloadedBodyBucket"),
        ("OffloadedBodyBucketPolicy", "CreatesOffloadedBodyBucket"),
        (CHECKS, "ReadsLogGroup"),
    ],
)
def test_what_is_not_asked_for_is_not_made(
    template: dict[str, Any], resource: str, condition: str
) -> None:
    assert template["Resources"][resource]["Condition"] == condition


def test_logging_is_set_only_where_the_log_group_is_read(template: dict[str, Any]) -> None:
    conditions = template["Conditions"]
    assert conditions["ConfiguresLogging"]["Fn::And"] == [
        {"Condition": "ReadsLogGroup"},
        {"Fn::Not": [{"Fn::Equals": [{"Ref": "InvocationLogging"}, "existing"]}]},
    ]
    created = conditions["CreatesOffloadedBodyBucket"]["Fn::And"]
    assert {"Condition": "ConfiguresLogging"} in created


def test_a_first_deployment_creates_what_is_missing_and_adopts_nothing(
    template: dict[str, Any],
) -> None:
    parameters = template["Parameters"]
    assert parameters["InvocationLogging"]["Default"] == "auto"
    assert parameters["LogModalities"]["Default"] == "text"
    assert parameters["OffloadedBodyBucketName"]["Default"] == ""


@pytest.mark.parametrize(
    ("parameter", "value", "allowed"),
    [
        ("LogModalities", ",".join(MODALITIES), True),
        ("LogModalities", "text", True),
        ("LogModalities", "", False),
        ("LogModalities", "text,", False),
        ("LogModalities", "text, image", False),
        ("LogModalities", "smell", False),
        ("AdoptedRoleArn", "", True),
        ("AdoptedRoleArn", "arn:aws:iam::111122223333:role/service-role/their-logging", True),
        ("AdoptedRoleArn", "arn:aws:iam::111122223333:role/*", False),
        ("AdoptedRoleArn", "arn:aws:iam::111122223333:user/somebody", False),
        ("AdoptedRoleArn", "*", False),
    ],
)
def test_a_parameter_takes_what_it_should_and_nothing_else(
    template: dict[str, Any], parameter: str, value: str, *, allowed: bool
) -> None:
    pattern = template["Parameters"][parameter]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) is allowed


def test_bedrock_gets_its_role_and_the_one_that_is_put_back_and_no_other(
    resources: Resources,
) -> None:
    policy = resources["ConfigureLoggingGrant"]["Properties"]["PolicyDocument"]
    grant = statement(policy, "GiveBedrockItsRole")
    assert grant["Action"] == "iam:PassRole"
    own, adopted = grant["Resource"]
    assert own == {"Fn::GetAtt": ["InvocationLoggingRole", "Arn"]}
    assert adopted["Fn::If"] == ["AdoptsRole", {"Ref": "AdoptedRoleArn"}, {"Ref": "AWS::NoValue"}]
    assert grant["Condition"]["StringEquals"] == {"iam:PassedToService": "bedrock.amazonaws.com"}


def test_what_is_remembered_is_remembered_where_the_function_may(resources: Resources) -> None:
    policy = resources["ConfigureLoggingGrant"]["Properties"]["PolicyDocument"]
    arn = statement(policy, "RememberWhatWasBefore")["Resource"]["Fn::Sub"]
    name = resources[SETS]["Properties"]["MemoryName"]["Fn::Sub"]
    assert arn.endswith(f":parameter{name}")


BEDROCK_OF_THIS_ACCOUNT = {
    "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    "ArnLike": {
        "aws:SourceArn": {
            "Fn::Sub": "arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:*"
        }
    },
}


def test_only_bedrock_of_this_account_and_region_takes_the_role(resources: Resources) -> None:
    role = resources["InvocationLoggingRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "bedrock.amazonaws.com"}
    assert trust["Condition"] == BEDROCK_OF_THIS_ACCOUNT
    (policy,) = role["Policies"]
    (grant,) = policy["PolicyDocument"]["Statement"]
    assert grant["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert grant["Resource"]["Fn::Sub"].endswith(
        ":log-group:${InvocationLogGroupName}:log-stream:aws/bedrock/modelinvocations"
    )


def test_only_bedrock_of_this_account_and_region_writes_to_the_bucket(
    resources: Resources,
) -> None:
    policy = resources["OffloadedBodyBucketPolicy"]["Properties"]["PolicyDocument"]
    grant = statement(policy, "BedrockPutsLargeBodies")
    assert grant["Principal"] == {"Service": "bedrock.amazonaws.com"}
    assert grant["Action"] == "s3:PutObject"
    assert grant["Condition"] == BEDROCK_OF_THIS_ACCOUNT
    assert grant["Resource"]["Fn::Sub"] == (
        "${OffloadedBodyBucket.Arn}/AWSLogs/${AWS::AccountId}/BedrockModelInvocationLogs/*"
    )
    assert statement(policy, "TlsOnly")["Effect"] == "Deny"


def test_prompts_outlive_the_stack_but_not_their_time(resources: Resources) -> None:
    bucket = resources["OffloadedBodyBucket"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    properties = bucket["Properties"]
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert properties["BucketEncryption"]
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    checked = resources[CHECKS]["Properties"]
    assert rule["ExpirationInDays"] == checked["RetentionDays"] == {"Ref": "LogRetentionDays"}


def test_how_logging_is_set_is_told_after_a_deployment(template: dict[str, Any]) -> None:
    output = template["Outputs"]["InvocationLogging"]
    assert output["Condition"] == "ReadsLogGroup"
    assert output["Value"]["Fn::If"] == [
        "ConfiguresLogging",
        {"Fn::GetAtt": [SETS, "Status"]},
        {"Fn::GetAtt": [CHECKS, "Status"]},
    ]
