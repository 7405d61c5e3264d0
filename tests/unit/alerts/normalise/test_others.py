"""Changed alarms, and changes of what this tool relies on."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bedrock_alerts.alerts.model import ConfigurationChange, Tampering, Unrecognised
from bedrock_alerts_cli.samples.alarm_events import cloudtrail
from tests.support.alarms import envelope
from tests.support.events import event_of, sample_body

AT = datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC)
KIND = "CloudWatch Alarm Configuration Change"


def call(action: str, **fields: Any) -> Tampering:
    found = event_of(json.dumps(cloudtrail(action, fields, AT)))
    assert isinstance(found, Tampering)
    return found


def test_a_changed_alarm_says_what_it_was_and_what_it_is() -> None:
    change = event_of(sample_body("alarm_changed"))
    assert isinstance(change, ConfigurationChange)
    assert (change.alarm_name, change.operation) == ("bedrock-alerts.ContentFiltered", "update")
    assert (change.previous_actions_enabled, change.actions_enabled) == (True, False)
    assert (change.previous_threshold, change.threshold) == (1.0, 1000.0)
    assert "Severity: warning" in change.description


def test_a_deleted_alarm_has_no_previous_configuration() -> None:
    change = event_of(sample_body("alarm_deleted"))
    assert isinstance(change, ConfigurationChange)
    assert (change.operation, change.previous_actions_enabled) == ("delete", None)


def test_a_changed_alarm_may_be_named_in_its_configuration_alone() -> None:
    event = envelope(KIND, {"operation": "create", "configuration": {"alarmName": "a"}})
    change = event_of(json.dumps(event))
    assert isinstance(change, ConfigurationChange)
    assert (change.alarm_name, change.actions_enabled, change.threshold) == ("a", None, None)


@pytest.mark.parametrize(
    "detail",
    [
        pytest.param({"operation": "update"}, id="no name"),
        pytest.param({"alarmName": "a"}, id="no operation"),
        pytest.param("odd", id="no object"),
    ],
)
def test_a_change_of_nobody_knows_what_is_incomplete(detail: Any) -> None:
    found = event_of(json.dumps(envelope(KIND, detail)))
    assert isinstance(found, Unrecognised)
    assert found.title == "Received an incomplete alarm event"


def test_a_call_says_who_did_what_and_when() -> None:
    found = call("DeleteModelInvocationLoggingConfiguration", requestParameters=None)
    assert found.event_id
    assert (found.action, found.principal, found.at) == (
        "DeleteModelInvocationLoggingConfiguration",
        "assumed-role/Administrator/sam",
        AT,
    )
    assert (found.account_id, found.region) == ("111122223333", "eu-west-1")
    assert (found.target, found.error_code) == ("model invocation logging", "")


def test_a_refused_call_says_so_and_keeps_the_guardrail_texts_to_itself() -> None:
    found = event_of(sample_body("guardrail_refused"))
    assert isinstance(found, Tampering)
    assert (found.target, found.error_code) == ("gr0example", "AccessDenied")
    assert "nobody has to read" not in repr(found)
    assert "not authorized" not in repr(found)


@pytest.mark.parametrize(
    ("configuration", "target"),
    [
        pytest.param(
            {"cloudWatchConfig": {"logGroupName": "/a"}, "textDataDeliveryEnabled": False},
            "model invocation logging, to log group /a, without text",
            id="text left out",
        ),
        pytest.param(
            {
                "s3Config": {"bucketName": "b"},
                "textDataDeliveryEnabled": True,
                "imageDataDeliveryEnabled": False,
                "videoDataDeliveryEnabled": False,
            },
            "model invocation logging, to bucket b, without images and video",
            id="pictures left out",
        ),
        pytest.param("odd", "model invocation logging", id="nothing that can be read"),
    ],
)
def test_changed_logging_says_where_to_and_what_it_leaves_out(
    configuration: Any, target: str
) -> None:
    parameters = {"loggingConfig": configuration}
    found = call("PutModelInvocationLoggingConfiguration", requestParameters=parameters)
    assert found.target == target


@pytest.mark.parametrize(
    ("parameters", "target"),
    [
        ({"guardrailIdentifier": "g"}, "g"),
        ({"name": "chat"}, "chat"),
        ({"guardrailIdentifier": 5}, ""),
        ({"blockedInputMessaging": "a text"}, ""),
        (None, ""),
    ],
)
def test_what_it_was_done_to_is_named_and_nothing_else(parameters: Any, target: str) -> None:
    assert call("CreateGuardrail", requestParameters=parameters).target == target


@pytest.mark.parametrize(
    ("identity", "principal"),
    [
        ({"arn": "arn:aws:iam::111122223333:user/sam"}, "user/sam"),
        ({"arn": "odd", "userName": "sam"}, "sam"),
        (
            {"type": "AWSService", "invokedBy": "cloudformation.amazonaws.com"},
            "cloudformation.amazonaws.com",
        ),
        ({"principalId": "AIDAEXAMPLE"}, "AIDAEXAMPLE"),
        ({"type": "Root"}, "Root"),
        ({}, "unknown"),
        ("odd", "unknown"),
    ],
)
def test_who_called_is_named_as_well_as_it_is_known(identity: Any, principal: str) -> None:
    assert call("DeleteGuardrail", userIdentity=identity).principal == principal


@pytest.mark.parametrize("fields", [{"eventName": None}, {"eventName": 5}])
def test_a_call_of_nobody_knows_what_is_incomplete(fields: Any) -> None:
    found = event_of(json.dumps(cloudtrail("x", fields, AT)))
    assert isinstance(found, Unrecognised)
    assert found.title == "Received an incomplete CloudTrail event"


def test_a_call_made_in_the_console_is_one_too() -> None:
    event = cloudtrail("DeleteGuardrail", {}, AT)
    event["detail-type"] = "AWS Console Action via CloudTrail"
    assert isinstance(event_of(json.dumps(event)), Tampering)
