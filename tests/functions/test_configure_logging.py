"""`configure-logging` answers every request of CloudFormation, whatever happens meanwhile."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from mypy_boto3_bedrock import BedrockClient
from mypy_boto3_ssm import SSMClient

from bedrock_alerts.errors import PermanentError, SettingsError, TransientError
from functions.configure_logging import handler as handler_module
from tests.support.apps import built_anew
from tests.support.custom_resources import (
    LOG_GROUP,
    MEMORY,
    OUR_ROLE,
    RESOURCE_ID,
    THEIR_ROLE,
    check_request,
    known_forms,
    logging_request,
    ours,
    theirs,
)
from tests.support.loopback import OK, Answer, Hook
from tests.support.queues import log_lines
from tests.support.secrecy import lines, shown

SAMPLE = Path(__file__).parents[2] / "events" / "configure_logging" / "create.json"
SIGNATURE = "s3cretInventedSignature"
ADOPT = {"Adopt": "true", "AdoptedRoleArn": THEIR_ROLE}


class Context:
    """The time that the function has, in which nothing passes."""

    def __init__(self, seconds: float = 120.0) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


class Stack(NamedTuple):
    """What surrounds the function."""

    bedrock: BedrockClient
    ssm: SSMClient
    hook: Hook
    output: Any

    def send(self, request: dict[str, Any], seconds: float = 120.0) -> dict[str, Any]:
        """Have the function serve a request; return what it answered last."""
        context: Any = Context(seconds)
        handler_module.handler({**request, "ResponseURL": self.hook.url}, context)
        answer: dict[str, Any] = self.hook.received[-1]
        return answer

    @property
    def configuration(self) -> Any:
        """What Bedrock's logging is set to."""
        return (
            self.bedrock.get_model_invocation_logging_configuration().get("loggingConfig") or None
        )

    def remembered(self) -> int:
        """Count what is remembered."""
        return len(self.ssm.describe_parameters()["Parameters"])


@pytest.fixture
def stack(
    monkeypatch: pytest.MonkeyPatch, output: Any, caplog: pytest.LogCaptureFixture
) -> Iterator[Stack]:
    """Set the function up; whatever it does then must not show the URL's signature."""
    monkeypatch.setenv("METRICS_NAMESPACE", "BedrockAlerts")
    monkeypatch.setenv("ALLOW_LOOPBACK_WEBHOOKS", "true")
    monkeypatch.setattr("bedrock_alerts.invocation_logging.retry._PAUSES", (0.0,) * 8)
    caplog.set_level(logging.DEBUG)
    with (
        mock_aws(),
        Hook(path=f"/x?X-Amz-Signature={SIGNATURE}") as hook,
        built_anew(handler_module),
    ):
        yield Stack(boto3.client("bedrock"), boto3.client("ssm"), hook, output)
    assert not shown((SIGNATURE,), [*lines(caplog.get_records("call")), output.text])


def failing_calls(
    monkeypatch: pytest.MonkeyPatch, operation: str, code: str, message: str, times: int
) -> list[str]:
    """Let an AWS call fail some times; return the list in which every call of it is noted."""
    original = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001
    made: list[str] = []

    def call(self: Any, name: str, arguments: Any) -> Any:
        if name == operation:
            made.append(name)
            if len(made) <= times:
                raise ClientError({"Error": {"Code": code, "Message": message}}, name)
        return original(self, name, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return made


def test_the_sample_turns_logging_on(stack: Stack) -> None:
    answer = stack.send(json.loads(SAMPLE.read_text()))
    assert answer["Status"] == "SUCCESS"
    assert stack.configuration["cloudWatchConfig"]["logGroupName"] == LOG_GROUP


def test_a_stack_is_created_updated_and_deleted(stack: Stack) -> None:
    created = stack.send(logging_request())
    assert created["Status"] == "SUCCESS"
    assert created["PhysicalResourceId"] == RESOURCE_ID
    assert created["Data"]["Status"] == f"Bedrock logs text to log group {LOG_GROUP}."
    assert stack.configuration in known_forms(ours())
    updated = stack.send(logging_request("Update", Modalities="text,embedding"))
    assert updated["PhysicalResourceId"] == RESOURCE_ID
    assert stack.configuration in known_forms(ours(embeddingDataDeliveryEnabled=True))
    assert stack.send(logging_request("Delete"))["Status"] == "SUCCESS"
    assert stack.configuration is None
    assert stack.remembered() == 0


def test_a_configuration_that_is_there_is_refused_and_left(stack: Stack) -> None:
    stack.bedrock.put_model_invocation_logging_configuration(loggingConfig=theirs())  # type: ignore[arg-type]
    answer = stack.send(logging_request())
    assert answer["Status"] == "FAILED"
    assert f"AdoptedRoleArn={THEIR_ROLE}" in answer["Reason"]
    assert stack.send(logging_request("Delete"))["Status"] == "SUCCESS"
    assert stack.configuration == theirs()


def test_a_configuration_that_is_adopted_is_put_back(stack: Stack) -> None:
    stack.bedrock.put_model_invocation_logging_configuration(loggingConfig=theirs())  # type: ignore[arg-type]
    assert stack.send(logging_request(**ADOPT))["Status"] == "SUCCESS"
    assert stack.configuration in known_forms(ours())
    assert stack.remembered() == 1
    assert stack.send(logging_request("Delete", **ADOPT))["Status"] == "SUCCESS"
    assert stack.configuration == theirs()
    assert stack.remembered() == 0


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", "Failed to validate permissions for log group"),
        ("AccessDeniedException", "User is not authorized to perform: iam:PassRole"),
        ("ThrottlingException", "Rate exceeded"),
    ],
)
def test_what_may_pass_is_waited_for(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    made = failing_calls(
        monkeypatch, "PutModelInvocationLoggingConfiguration", code, message, times=3
    )
    assert stack.send(logging_request())["Status"] == "SUCCESS"
    assert len(made) == 4
    assert stack.configuration in known_forms(ours())


def test_what_does_not_pass_is_told_in_aws_words(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = "PutModelInvocationLoggingConfiguration"
    failing_calls(monkeypatch, operation, "AccessDeniedException", "An SCP says no", times=1000)
    answer = stack.send(logging_request(), seconds=35.5)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(f"{operation}: AccessDeniedException: An SCP says no (tried")
    assert stack.configuration is None


def test_a_function_that_is_about_to_end_still_answers(stack: Stack) -> None:
    answer = stack.send(logging_request(), seconds=3)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == "the function ran out of time"
    assert stack.configuration is None


def test_an_answer_that_is_not_taken_is_given_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.hook.answer = Answer(503)
    sleeps: list[float] = []

    def wake(seconds: float) -> None:
        sleeps.append(seconds)
        if len(sleeps) == 3:
            stack.hook.answer = OK

    patience = "bedrock_alerts.invocation_logging.retry.Patience.__init__.__defaults__"
    monkeypatch.setattr(patience, (wake,))
    assert stack.send(logging_request())["Status"] == "SUCCESS"
    assert len(stack.hook.received) == 4
    assert stack.configuration in known_forms(ours())


def test_an_answer_that_is_never_taken_fails_the_function_and_its_repetition_succeeds(
    stack: Stack,
) -> None:
    stack.hook.answer = Answer(503)
    with pytest.raises(TransientError, match=r"refused: 503 \(tried once\)"):
        stack.send(logging_request(), seconds=9)
    with pytest.raises(TransientError, match="refused: 503"):
        stack.send(logging_request(**ADOPT), seconds=9.9)
    stack.hook.answer = OK
    assert stack.send(logging_request())["Status"] == "SUCCESS"
    assert stack.configuration in known_forms(ours())


@pytest.mark.parametrize("event", [{}, {"ResponseURL": ""}, {"RequestType": "Create"}, [], None])
def test_what_cannot_be_answered_fails_before_anything_is_touched(stack: Stack, event: Any) -> None:
    with pytest.raises(PermanentError, match="not a CloudFormation request"):
        handler_module.handler(event, Context())  # type: ignore[arg-type]
    assert stack.configuration is None


@pytest.mark.usefixtures("stack")
def test_an_answer_goes_nowhere_but_to_https() -> None:
    context: Any = Context()
    with pytest.raises(PermanentError, match="https://HOST/"):
        handler_module.handler(
            {**logging_request(), "ResponseURL": "http://example.com/x"}, context
        )


@pytest.mark.parametrize("change", [{"RequestType": "Explode"}, {"ResourceProperties": None}])
def test_an_odd_request_is_answered(stack: Stack, change: dict[str, Any]) -> None:
    answer = stack.send({**logging_request(), **change})
    assert answer["Status"] == "FAILED"
    assert stack.configuration is None


def test_what_nobody_expected_is_answered_and_logged(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("invented")

    monkeypatch.setattr("bedrock_alerts.invocation_logging.decide.to_set", explode)
    answer = stack.send(logging_request())
    assert answer["Status"] == "FAILED"
    assert "unexpected RuntimeError" in answer["Reason"]
    (line,) = [one for one in log_lines(stack.output.text) if one["level"] == "ERROR"]
    assert "RuntimeError: invented" in line["exception"]


def test_a_log_group_whose_subscriptions_are_taken_is_refused_by_name(stack: Stack) -> None:
    logs, kinesis = boto3.client("logs"), boto3.client("kinesis")
    assert f"There is no log group {LOG_GROUP}" in stack.send(check_request())["Reason"]
    logs.create_log_group(logGroupName=LOG_GROUP)
    assert stack.send(check_request())["Status"] == "SUCCESS"
    kinesis.create_stream(StreamName="lake", ShardCount=1)
    lake = kinesis.describe_stream(StreamName="lake")["StreamDescription"]["StreamARN"]
    for name in ("to-lake", "to-siem"):
        logs.put_subscription_filter(
            logGroupName=LOG_GROUP, filterName=name, filterPattern="", destinationArn=lake
        )
    answer = stack.send(check_request())
    assert answer["Status"] == "FAILED"
    for name in ("to-lake", "to-siem"):
        assert f'"{name}" (to {lake})' in answer["Reason"]
    assert stack.send(check_request("Delete"))["Status"] == "SUCCESS"


def test_the_log_says_what_was_asked_and_what_came_of_it(stack: Stack) -> None:
    stack.send(logging_request())
    (line,) = [one for one in log_lines(stack.output.text) if "Bedrock logs" in one["message"]]
    assert line["level"] == "INFO"
    assert line["request"] == "Create"
    assert line["service"] == "configure-logging"
    assert "exception" not in line
    assert OUR_ROLE not in json.dumps(line)


def test_a_wrong_setting_is_named(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOW_LOOPBACK_WEBHOOKS", "perhaps")
    with pytest.raises(SettingsError, match="ALLOW_LOOPBACK_WEBHOOKS"):
        stack.send(logging_request())


def test_what_is_remembered_is_under_the_name_that_was_given(stack: Stack) -> None:
    stack.send(logging_request())
    (parameter,) = stack.ssm.describe_parameters()["Parameters"]
    assert parameter.get("Name") == MEMORY
