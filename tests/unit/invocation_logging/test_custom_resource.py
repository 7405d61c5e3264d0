"""CloudFormation is read and answered as its reference asks for, however odd its request."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.errors import PermanentError
from bedrock_alerts.invocation_logging.custom_resource import (
    answer,
    read,
    resource_id,
    response_url,
)
from bedrock_alerts.invocation_logging.logging_state import Outcome
from tests.support.custom_resources import OUR_ROLE, RESOURCE_ID, STACK_ID, URL, logging_request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    "RequestType",
    "ResourceType",
    "PhysicalResourceId",
    "StackId",
    "RequestId",
    "LogicalResourceId",
    "ResourceProperties",
    "OldResourceProperties",
)
ODD = st.dictionaries(
    st.sampled_from(NAMES), JSON | st.text(min_size=500).map(lambda text: text * 4)
)


def test_a_request_is_read() -> None:
    request = read(logging_request("Update"))
    assert request.kind == "Update"
    assert request.resource_type == "Custom::ModelInvocationLogging"
    assert request.resource_id == RESOURCE_ID
    assert request.properties["RoleArn"] == request.old_properties["RoleArn"] == OUR_ROLE


@pytest.mark.parametrize("kind", [None, "", "create", "Explode", 7, ["Create"]])
def test_an_unknown_kind_of_request_is_refused(kind: Any) -> None:
    with pytest.raises(PermanentError, match="is not Create, Update or Delete"):
        read({**logging_request(), "RequestType": kind})


def test_a_resource_keeps_its_id_for_life() -> None:
    created = resource_id(logging_request("Create"))
    assert created == RESOURCE_ID
    assert resource_id(logging_request("Create")) == created  # a request that Lambda repeats
    for kind in ("Update", "Delete"):
        assert resource_id({**logging_request(kind), "PhysicalResourceId": created}) == created


def test_two_stacks_of_one_name_have_resources_of_their_own() -> None:
    another = {**logging_request(), "StackId": STACK_ID[:-1] + "2"}
    assert resource_id(another) != RESOURCE_ID


def test_a_success_says_what_was_done() -> None:
    body = json.loads(answer(logging_request(), Outcome(succeeded=True, says="Done.")))
    assert body == {
        "Status": "SUCCESS",
        "PhysicalResourceId": RESOURCE_ID,
        "StackId": STACK_ID,
        "RequestId": "00000000-0000-4000-8000-00000000000a",
        "LogicalResourceId": "ModelInvocationLogging",
        "Data": {"Status": "Done."},
    }


def test_a_failure_says_why_on_one_clean_line() -> None:
    outcome = Outcome(succeeded=False, says="No\nway\x1b[31m \u202eback")
    body = json.loads(answer(logging_request("Delete"), outcome))
    assert body["Status"] == "FAILED"
    assert body["Reason"] == "No way [31m  back"
    assert "Data" not in body


@pytest.mark.parametrize("says", ["x" * 100_000, "🚨" * 100_000, '"\\' * 100_000])
@pytest.mark.parametrize("succeeded", [True, False])
def test_an_answer_is_never_longer_than_cloudformation_takes(says: str, *, succeeded: bool) -> None:
    body = answer(logging_request(), Outcome(succeeded=succeeded, says=says))
    assert len(body) <= 4096
    text = json.loads(body).get("Reason") or json.loads(body)["Data"]["Status"]
    assert len(text) > 300


@given(ODD, st.text())
def test_an_odd_request_is_answered_all_the_same(event: dict[str, Any], says: str) -> None:
    body = answer(event, Outcome(succeeded=False, says=says))
    assert len(body) <= 4096
    assert json.loads(body)["Status"] == "FAILED"
    assert 0 < len(json.loads(body)["PhysicalResourceId"].encode()) <= 1024


@given(ODD)
def test_an_odd_request_is_read_or_refused(event: dict[str, Any]) -> None:
    try:
        assert isinstance(read(event).properties, dict)
    except PermanentError:
        assert event.get("RequestType") not in ("Create", "Update", "Delete")


def test_where_to_answer_to_is_found() -> None:
    assert response_url(logging_request()) == URL


@pytest.mark.parametrize("event", [{}, {"ResponseURL": ""}, {"ResponseURL": 7}, [], None, "x"])
def test_what_did_not_come_from_cloudformation_is_refused(event: Any) -> None:
    with pytest.raises(PermanentError, match="not a CloudFormation request"):
        response_url(event)
