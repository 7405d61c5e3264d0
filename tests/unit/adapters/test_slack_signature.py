"""Only what Slack signed within the last five minutes gets in, however the request is made up."""

import base64
import hashlib
import hmac
import time
from typing import Any

import pytest

from bedrock_alerts.adapters.slack_signature import signed_body
from bedrock_alerts.errors import PermanentError

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"  # invented
BODY = "payload=%7B%22type%22%3A%22block_actions%22%7D"


def request(body: str = BODY, *, secret: str = SECRET, age: float = 0) -> dict[str, Any]:
    stamp = str(int(time.time() - age))
    signature = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256)
    return {
        "headers": {
            "x-slack-request-timestamp": stamp,
            "X-Slack-Signature": f"v0={signature.hexdigest()}",
        },
        "body": body,
        "isBase64Encoded": False,
    }


def test_what_slack_signed_gets_in() -> None:
    assert signed_body(request(), SECRET) == BODY.encode()
    assert signed_body(request(age=290), SECRET) == BODY.encode()


def test_a_body_in_base64_is_opened_first() -> None:
    event = request()
    event |= {"body": base64.b64encode(BODY.encode()).decode(), "isBase64Encoded": True}
    assert signed_body(event, SECRET) == BODY.encode()


def headers(**changed: Any) -> dict[str, Any]:
    event = request()
    return {**event, "headers": {**event["headers"], **changed}}


@pytest.mark.parametrize(
    "event",
    [
        request(age=310),
        request(age=-3600),  # made when tests are collected: it must still be ahead when they run
        request(secret="another"),
        {**request(), "body": BODY + "x"},
        {**request(), "body": None},
        {**request(), "body": "\ud800"},
        {**request(), "headers": None},
        {**request(), "headers": {}},
        {**request(), "headers": []},
        {**request(), "body": "***", "isBase64Encoded": True},
        {**request(), "body": base64.b64encode(b"\xff").decode(), "isBase64Encoded": True},
        headers(**{"x-slack-request-timestamp": "soon"}),
        headers(**{"x-slack-request-timestamp": "9" * 5000}),
        headers(**{"x-slack-request-timestamp": 5}),
        headers(**{"X-Slack-Signature": "v0=ü"}),
        headers(**{"X-Slack-Signature": ""}),
        headers(**{"X-Slack-Signature": None}),
        headers(**{"x-slack-request-timestamp": "\ud800"}),
        headers(**{"x-slack-request-timestamp": " 1"}),
        {},
    ],
)
def test_everything_else_stays_out(event: dict[str, Any]) -> None:
    with pytest.raises(PermanentError) as caught:
        signed_body(event, SECRET)
    assert SECRET not in str(caught.value)


def test_without_a_signing_secret_nothing_gets_in() -> None:
    with pytest.raises(PermanentError):
        signed_body(request(secret=""), "")
