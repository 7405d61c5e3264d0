"""Each error of AWS is one of three: certainly not done, perhaps done, never to be done."""

from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from bedrock_alerts.adapters.aws_errors import translated
from bedrock_alerts.errors import (
    BedrockAlertsError,
    PermanentError,
    TransientError,
    UnknownOutcomeError,
)

NOBODY: Any = {"endpoint_url": "https://example.com", "error": "no", "request": None}


def outcome(error: Exception) -> BedrockAlertsError:
    with (
        pytest.raises(BedrockAlertsError) as caught,
        translated("Amazon SQS", frozenset({"NotFound"})),
    ):
        raise error
    return caught.value


def refused(code: str, status: int = 400) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "s3cret"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "SendMessage")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refused("NotFound"), PermanentError),
        (refused("AccessDenied", 403), TransientError),
        (refused("Throttling"), TransientError),
        (refused("ThrottlingException", 503), TransientError),
        (refused("NeverHeardOf"), TransientError),
        (refused("NeverHeardOf", 500), UnknownOutcomeError),
        (refused("InternalError"), UnknownOutcomeError),
        (refused("ServiceUnavailable", 503), UnknownOutcomeError),
        (exceptions.ConnectTimeoutError(**NOBODY), TransientError),
        (exceptions.EndpointConnectionError(**NOBODY), TransientError),
        (exceptions.NoCredentialsError(), TransientError),
        (exceptions.ReadTimeoutError(**NOBODY), UnknownOutcomeError),
        (exceptions.ConnectionClosedError(**NOBODY), UnknownOutcomeError),
        (exceptions.HTTPClientError(**NOBODY), UnknownOutcomeError),
        (exceptions.SSLError(**NOBODY), UnknownOutcomeError),
        (ResponseParserError("no"), UnknownOutcomeError),
    ],
)
def test_an_error_is_one_of_three(error: Exception, kind: type[BedrockAlertsError]) -> None:
    found = outcome(error)
    assert type(found) is kind
    if isinstance(error, ClientError):
        assert str(found) == f"Amazon SQS refused: {error.response['Error']['Code']}"
    else:
        assert str(found) == f"no response from Amazon SQS: {type(error).__name__}"


def test_an_error_without_a_code_is_one_too() -> None:
    assert str(outcome(ClientError({}, "SendMessage"))) == "Amazon SQS refused: unknown"


def test_a_call_that_succeeds_and_any_other_error_are_left_alone() -> None:
    with translated("Amazon SQS"):
        pass
    with pytest.raises(KeyError), translated("Amazon SQS"):
        raise KeyError
