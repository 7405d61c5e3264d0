"""Calls of the incidents' table, and what their errors mean."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bedrock_alerts.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# A table that does not answer soon is done without: an alert must not wait for its memory.
_CONFIG: Final = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
)
_CONFLICT: Final = "ConditionalCheckFailedException"
T = TypeVar("T")


def table_client() -> "DynamoDBClient":
    """Return a client that gives up within seconds."""
    return boto3.client("dynamodb", config=_CONFIG)


def ask(call: Callable[[], T]) -> T:
    """Make a call. Raises TransientError, whatever went wrong: no alert is lost for its memory."""
    try:
        return call()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise TransientError(f"the incidents' table refused: {code}") from error
    except BotoCoreError as error:
        kind = type(error).__name__
        raise TransientError(f"no answer from the incidents' table: {kind}") from error


def unless_conflict(call: Callable[[], object]) -> dict[str, Any] | None:
    """Make a conditional write; returns the item in its way, None when it was made.

    The item is empty where the call did not ask for it. Raises TransientError.
    """

    def attempt() -> dict[str, Any] | None:
        try:
            call()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == _CONFLICT:
                found: dict[str, Any] = error.response.get("Item", {})  # type: ignore[assignment] # not in the stubs
                return found
            raise
        return None

    return ask(attempt)


def key(pk: str, sk: str) -> dict[str, Any]:
    """Return the key of an item."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}
