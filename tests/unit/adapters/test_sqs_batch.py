"""Of a batch only the messages that failed come back, and the log says why, not what."""

import io
import json
from itertools import count
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from bedrock_alerts.adapters.sqs_batch import SqsMessage, handle_each, is_batch
from bedrock_alerts.errors import PermanentError, TransientError


def event(*bodies: str, receive_count: str = "1") -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"id-{body}",
                "receiptHandle": f"handle-{body}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": receive_count},
                "eventSource": "aws:sqs",
            }
            for body in bodies
        ]
    }


_NUMBERS = count()


class Log:
    """A logger whose lines can be read."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        # A logger of the same name would keep the stream that it was first made with.
        self.logger = Logger(service=f"test-{next(_NUMBERS)}", stream=self._stream)

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Log:
    return Log()


def refuse(*bodies: str, error: Exception) -> Any:
    """Return a handler that fails for some bodies."""

    def handle(message: SqsMessage) -> None:
        if message.body in bodies:
            raise error

    return handle


def test_every_message_is_handled_with_what_is_known_of_it(log: Log) -> None:
    handled: list[SqsMessage] = []
    outcome = handle_each(event("a", "b", receive_count="3"), handled.append, log.logger)
    assert handled == [
        SqsMessage(body="a", message_id="id-a", receipt_handle="handle-a", receive_count=3),
        SqsMessage(body="b", message_id="id-b", receipt_handle="handle-b", receive_count=3),
    ]
    assert outcome == (2, 0, {"batchItemFailures": []})
    assert log.text == ""


def test_a_message_that_fails_comes_back_alone(log: Log) -> None:
    handle = refuse("b", error=ValueError("it quotes the message"))
    outcome = handle_each(event("a", "b", "c"), handle, log.logger)
    assert outcome == (2, 1, {"batchItemFailures": [{"itemIdentifier": "id-b"}]})


def test_a_batch_that_fails_whole_comes_back_whole_and_raises_nothing(log: Log) -> None:
    outcome = handle_each(event("a", "b"), refuse("a", "b", error=PermanentError("no")), log.logger)
    assert outcome.failed == 2
    assert [item["itemIdentifier"] for item in outcome.response["batchItemFailures"]] == [
        "id-a",
        "id-b",
    ]


def test_a_message_without_attributes_is_counted_and_comes_back(log: Log) -> None:
    odd = event("a", "b")
    del odd["Records"][0]["attributes"]
    outcome = handle_each(odd, refuse(error=ValueError()), log.logger)
    assert outcome == (1, 1, {"batchItemFailures": [{"itemIdentifier": "id-a"}]})


def failing_behind() -> Exception:
    """Return an error that came up while another one was being dealt with."""
    last = TransientError("the message cannot be postponed")
    last.__context__ = KeyError("it quotes the message")
    last.__context__.__context__ = TransientError("Slack returned 500")
    return last


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(TransientError("not now"), "TransientError: not now", id="ours in full"),
        pytest.param(
            ValueError("it quotes the message"), "ValueError", id="of others only the kind"
        ),
        pytest.param(
            failing_behind(),
            "TransientError: the message cannot be postponed;"
            " before that TransientError: Slack returned 500",
            id="and what it came up behind",
        ),
    ],
)
def test_the_log_says_what_went_wrong_and_never_the_body(
    log: Log, error: Exception, said: str
) -> None:
    handle_each(event("body-b", receive_count="2"), refuse("body-b", error=error), log.logger)
    (line,) = log.lines
    assert (line["message_id"], line["receive_count"]) == ("id-body-b", 2)
    assert line["error"] == said
    assert "quotes" not in log.text


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"Records": [{"eventSource": "aws:sqs"}]}, True),
        ({"Records": [{"EventSource": "aws:sns"}]}, False),
        ({"Records": []}, False),
        ({"Records": ["text"]}, False),
        ({"alarmData": {}}, False),
        ("text", False),
    ],
)
def test_a_batch_of_a_queue_is_told_from_other_calls(event: object, *, expected: bool) -> None:
    assert is_batch(event) is expected
