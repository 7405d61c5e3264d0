"""`slack_interactions` keeps what was pressed, if Slack signed it, and nothing of it is lost or believed."""

import json
import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

import boto3
import pytest
from mypy_boto3_sqs import SQSClient

from bedrock_alerts.alerts.button_presses import buttons, undo_buttons
from bedrock_alerts.alerts.events import (
    Answer,
    incident_id,
)
from bedrock_alerts.alerts.normalise import normalise
from bedrock_alerts.wiring.notifier_settings import SlackInteractionsSettings
from functions.slack_interactions import handler as handler_module
from tests.support.apps import app_of, built_anew
from tests.support.events import RESPONSE_URL, pressed, signed_request
from tests.support.queues import Queue, log_lines
from tests.support.secrecy import lines, shown

SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TOKEN = "xoxb-s3cretInventedToken"
INCIDENT = incident_id("arn:aws:cloudwatch:eu-west-1:111122223333:alarm:bedrock-alerts.Throttling")


class Stack(NamedTuple):
    """What surrounds the function."""

    alerts: Queue
    secret_arn: str
    output: Any


@pytest.fixture
def stack(
    sqs: SQSClient, output: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Stack]:
    """Set it up; whatever it does then, with all loggers on, must not show a secret."""
    alerts = Queue.create(sqs, "alerts", "AlertsQueue")
    content = json.dumps({"token": TOKEN, "signing_secret": SIGNING_SECRET})
    keeper = boto3.client("secretsmanager")
    secret_arn = keeper.create_secret(Name="bot", SecretString=content)["ARN"]
    monkeypatch.setenv("METRICS_NAMESPACE", "BedrockAlerts")
    monkeypatch.setenv("ALERTS_QUEUE_URL", alerts.url)
    monkeypatch.setenv("SLACK_BOT_SECRET_ARN", secret_arn)
    caplog.set_level(logging.DEBUG)
    logging.Logger.manager.loggerDict.pop("slack_interactions", None)
    with built_anew(handler_module):
        yield Stack(alerts, secret_arn, output)
    assert not shown((TOKEN, SIGNING_SECRET), [*lines(caplog.get_records("call")), output.text])


def request(body: str, *, secret: str = SIGNING_SECRET) -> dict[str, Any]:
    return signed_request(body, secret)


def test_what_is_pressed_reaches_route_as_an_answer(stack: Stack) -> None:
    values = [button.value for button in (*buttons(INCIDENT, 7), *undo_buttons(INCIDENT, 7))]
    assert handler_module.handler(request(pressed(*values)), None) == {"statusCode": 200}
    answers = [event for body in stack.alerts.take() for event in normalise(body)]
    found = [answer for answer in answers if isinstance(answer, Answer)]
    assert len(found) == len(answers)
    assert sorted((answer.kind, answer.seconds) for answer in found) == [
        ("acknowledge", 0),
        ("silence", 3600),
        ("silence", 14400),
        ("silence", 86400),
        ("unacknowledge", 0),
        ("unsilence", 0),
    ]
    assert {(answer.incident, answer.number, answer.name) for answer in found} == {
        (INCIDENT, 7, "ada")
    }
    assert {answer.response_url for answer in found} == {RESPONSE_URL}
    said = [
        line for line in log_lines(stack.output.text) if line["message"] == "button press queued"
    ]
    assert {line["incident"] for line in said} == {INCIDENT}
    assert RESPONSE_URL not in stack.output.text  # whoever has it can write into the channel


def test_a_button_of_a_message_of_before_0_2_is_taken_too(stack: Stack) -> None:
    event = request(pressed(f"acknowledge:{INCIDENT}"))
    assert handler_module.handler(event, None) == {"statusCode": 200}
    ((answer,),) = (normalise(body) for body in stack.alerts.take())
    assert isinstance(answer, Answer)
    assert (answer.kind, answer.incident, answer.number) == ("acknowledge", INCIDENT, 0)


def test_a_link_is_answered_and_nothing_follows(stack: Stack) -> None:
    assert handler_module.handler(request(pressed("")), None) == {"statusCode": 200}
    assert stack.alerts.kept == 0


@pytest.mark.parametrize(
    "event",
    [request(pressed(f"acknowledge:{INCIDENT}"), secret="guessed"), request("no form"), {}],
)
def test_what_slack_did_not_sign_or_would_not_send_is_refused(
    stack: Stack, event: dict[str, Any]
) -> None:
    assert handler_module.handler(event, None) == {"statusCode": 401}
    assert stack.alerts.kept == 0
    assert [line["message"] for line in log_lines(stack.output.text)] == ["refused"]


def test_when_it_cannot_be_kept_slack_says_so_to_who_pressed_it(stack: Stack) -> None:
    stack.alerts.client.delete_queue(QueueUrl=stack.alerts.url)
    event = request(pressed(f"acknowledge:{INCIDENT}"))
    assert handler_module.handler(event, None) == {"statusCode": 503}
    (line,) = log_lines(stack.output.text)
    assert line["error"].startswith("Amazon SQS refused: ")


def test_when_the_secret_cannot_be_read_nothing_is_believed(stack: Stack) -> None:
    boto3.client("secretsmanager").delete_secret(
        SecretId=stack.secret_arn, ForceDeleteWithoutRecovery=True
    )
    assert handler_module.handler(request(pressed("")), None) == {"statusCode": 503}


def test_it_is_set_up_by_what_its_settings_name(stack: Stack) -> None:
    assert set(SlackInteractionsSettings.__struct_fields__) == {
        "metrics_namespace",
        "alerts_queue_url",
        "slack_bot_secret_arn",
    }
    assert app_of(handler_module) is app_of(handler_module)
    assert stack.output.text == ""
