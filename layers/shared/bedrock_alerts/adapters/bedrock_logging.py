"""The AWS calls behind model invocation logging: Bedrock, Parameter Store, CloudWatch Logs.

Each call is tried once, with time-outs: the caller decides how long to retry.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from bedrock_alerts.errors import GoneError, PermanentError, TransientError
from bedrock_alerts.invocation_logging.logging_state import (
    Configuration,
    LogGroup,
    RefusedError,
    SubscriptionFilter,
)
from bedrock_alerts.text import clean

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_ssm import SSMClient

T = TypeVar("T")


class TakenError(PermanentError):
    """The resource to create already exists."""


_PUT: Final = "PutModelInvocationLoggingConfiguration"
_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=7, retries={"mode": "standard", "total_max_attempts": 1}
)
_MESSAGE_CHARS: Final = 500


class BedrockLogging:
    """Bedrock's one logging configuration in this account and Region."""

    def __init__(self, client: "BedrockClient | None" = None) -> None:
        self._client: BedrockClient = client or boto3.client("bedrock", config=_CONFIG)

    def get(self) -> Configuration | None:
        """Return the configuration, None if logging is off. Raises TransientError."""
        answer = _call(self._client.get_model_invocation_logging_configuration)
        found = _without_blanks(answer.get("loggingConfig") or {})
        return found or None

    def put(self, configuration: Configuration) -> None:
        """Replace the configuration.

        The runtime's botocore may not know a new switch: one that is off is left out. Raises
        PermanentError if such a switch is on or the request is not valid, RefusedError if Bedrock
        refuses the configuration, or TransientError.
        """
        shape: Any = self._client.meta.service_model.operation_model(_PUT).input_shape
        given = cast("Any", _known(configuration, shape.members["loggingConfig"]))
        _call(lambda: self._client.put_model_invocation_logging_configuration(loggingConfig=given))

    def delete(self) -> None:
        """Turn logging off. Raises TransientError."""
        _call(self._client.delete_model_invocation_logging_configuration)


class ParameterMemory:
    """Texts in Parameter Store, by name."""

    def __init__(self, client: "SSMClient | None" = None) -> None:
        self._client: SSMClient = client or boto3.client("ssm", config=_CONFIG)

    def load(self, name: str) -> str | None:
        """Return a text, None if there is none. Raises TransientError."""
        try:
            return _call(lambda: self._client.get_parameter(Name=name))["Parameter"]["Value"]
        except GoneError:
            return None

    def save(self, name: str, text: str) -> None:
        """Store a text. Raises TransientError."""
        _call(
            lambda: self._client.put_parameter(
                Name=name,
                Value=text,
                Type="String",
                Tier="Intelligent-Tiering",
                Overwrite=True,
                Description="Kept by Bedrock Alerts for its stack",
            )
        )

    def forget(self, name: str) -> None:
        """Remove a text, if it exists. Raises TransientError."""
        try:
            _call(lambda: self._client.delete_parameter(Name=name))
        except GoneError:
            return


class LogGroups:
    """Log groups and their subscriptions."""

    def __init__(self, client: "CloudWatchLogsClient | None" = None) -> None:
        self._client: CloudWatchLogsClient = client or boto3.client("logs", config=_CONFIG)

    def find(self, name: str) -> LogGroup | None:
        """Return the group of this name, None if there is none. Raises TransientError."""
        pages = self._client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        for page in _call(lambda: list(pages)):
            for group in page["logGroups"]:
                if group.get("logGroupName") == name:
                    return LogGroup(name, group.get("logGroupClass", "STANDARD"))
        return None

    def create(self, name: str, kms_key_arn: str) -> None:
        """Create a group; one that exists is left as it is. Raises TransientError."""
        key = {"kmsKeyId": kms_key_arn} if kms_key_arn else {}
        with contextlib.suppress(TakenError):
            _call(lambda: self._client.create_log_group(logGroupName=name, **key))  # type: ignore[arg-type]

    def keep(self, name: str, days: int) -> None:
        """Set the retention of a group, in days. Raises TransientError."""
        _call(lambda: self._client.put_retention_policy(logGroupName=name, retentionInDays=days))

    def subscriptions(self, log_group: str) -> tuple[SubscriptionFilter, ...]:
        """List a group's subscriptions. Raises GoneError or TransientError."""
        answer = _call(lambda: self._client.describe_subscription_filters(logGroupName=log_group))
        return tuple(
            SubscriptionFilter(one.get("filterName", ""), one.get("destinationArn", ""))
            for one in answer.get("subscriptionFilters", [])
        )


_GONE: Final = frozenset({"ParameterNotFound", "ResourceNotFoundException"})


def _call(call: Callable[[], T]) -> T:
    """Make a call, and turn its errors into ours."""
    try:
        return call()
    except ParamValidationError as error:
        # Its text quotes the input: only names, but also unexpected ones.
        raise PermanentError(
            f"the request to AWS is not valid: {clean(str(error), _MESSAGE_CHARS)}"
        ) from error
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        message = error.response.get("Error", {}).get("Message", "")
        says = f"{error.operation_name}: {code}: {clean(message, _MESSAGE_CHARS)}"
        if code == "ResourceAlreadyExistsException":
            raise TakenError(says) from error
        if code in _GONE:
            raise GoneError(says) from error
        if code == "ValidationException":
            raise RefusedError(says) from error
        raise TransientError(says) from error
    except BotoCoreError as error:
        raise TransientError(f"no response from AWS: {type(error).__name__}") from error


def _known(node: Mapping[str, Any], shape: Any) -> dict[str, Any]:
    """Return a configuration without switches that botocore lacks.

    Raises PermanentError if one is set on.
    """
    members: Mapping[str, Any] = shape.members
    unknown = sorted(key for key, value in node.items() if key not in members and value)
    if unknown:
        raise PermanentError(
            f"the boto3 of this function is too old to set {', '.join(unknown)}; leave it out of"
            " LogModalities, or wait until AWS updates the runtime"
        )
    return {
        key: _known(value, members[key]) if isinstance(value, dict) else value
        for key, value in node.items()
        if key in members
    }


def _without_blanks(node: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out empty values: Bedrock returns empty destinations but does not accept them."""
    kept = {
        key: _without_blanks(value) if isinstance(value, dict) else value
        for key, value in node.items()
    }
    return {key: value for key, value in kept.items() if value not in (None, "", {})}
