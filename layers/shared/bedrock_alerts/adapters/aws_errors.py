"""Classifies AWS errors: certainly not done, perhaps done, or permanent."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from bedrock_alerts.errors import PermanentError, TransientError, UnknownOutcomeError

_FIRST_FAULT: Final = 500
# Some services return these with a status of 5xx, although nothing was done.
_THROTTLED: Final = frozenset(
    {
        "KMSThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# An error of the service, whatever the status: part of the request may have been carried out.
_FAULTS: Final = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "ServiceUnavailable",
    }
)
# These happen after the request was sent; all other botocore errors happen before.
_AFTER_THE_REQUEST: Final = (HTTPClientError, IncompleteReadError, ResponseParserError, SSLError)


@contextmanager
def translated(service: str, permanent: frozenset[str] = frozenset()) -> Iterator[None]:
    """Turn errors of an AWS call into ours; `service` is the name as AWS writes it.

    Raises UnknownOutcomeError when the call was perhaps carried out (no response, 5xx),
    PermanentError for the codes in `permanent`, else TransientError: a permission may be missing
    only briefly.
    """
    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise translate(error, service, permanent) from error


def translate(
    error: Exception, service: str, permanent: frozenset[str] = frozenset()
) -> TransientError | PermanentError:
    """Return the error that `translated` raises for one of botocore."""
    if not isinstance(error, ClientError):
        kind = UnknownOutcomeError if isinstance(error, _AFTER_THE_REQUEST) else TransientError
        return kind(f"no response from {service}: {type(error).__name__}")
    code = code_of(error)
    text = f"{service} refused: {code}"
    if code in permanent:
        return PermanentError(text)
    if code not in _THROTTLED and (code in _FAULTS or _status(error) >= _FIRST_FAULT):
        return UnknownOutcomeError(text)
    return TransientError(text)


def code_of(error: ClientError) -> str:
    """Return AWS's code for an error."""
    return error.response.get("Error", {}).get("Code", "unknown")


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
