"""Types for what CloudFormation requests, what Bedrock has, and what is stored in between."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec

from bedrock_alerts.errors import TransientError

# Bedrock's own shape, as in its API: fields that we do not know are kept.
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_LoggingConfig.html
Configuration = Mapping[str, Any]

MODALITIES: Final = ("text", "image", "embedding", "video", "audio")


class RefusedError(TransientError):
    """Bedrock refuses a configuration: permanently, or until a new grant takes effect."""


class Request(NamedTuple):
    """One request of CloudFormation; `resource_id` never changes for a resource."""

    kind: Literal["Create", "Update", "Delete"]
    resource_type: str
    resource_id: str
    properties: Mapping[str, Any]
    old_properties: Mapping[str, Any]


class Answer(NamedTuple):
    """The outcome of a request: a sentence, and the attributes of the resource (`Fn::GetAtt`)."""

    says: str
    attributes: Mapping[str, str] = {}


class Outcome(NamedTuple):
    """The response to CloudFormation; `error` is set only for unexpected errors."""

    succeeded: bool
    says: str
    error: Exception | None = None
    attributes: Mapping[str, str] = {}


Mode = Literal["auto", "create", "adopt", "existing"]


class LoggingProperties(msgspec.Struct, frozen=True, rename="pascal"):
    """The logging that a stack requests.

    `role_arn` is the role that Bedrock writes with. The stack creates it for this alone, so a
    configuration with this role is the stack's, and any other one belongs to someone else.
    `adopted_role_arn` is the role of a configuration that may be replaced.
    """

    role_arn: str
    log_group_name: str
    modalities: str
    memory_name: str
    large_data_bucket_name: str = ""
    adopt: bool = False
    adopted_role_arn: str = ""
    mode: Mode = "create"


class LogGroupProperties(msgspec.Struct, frozen=True, rename="pascal"):
    """A log group to subscribe, and the function that its subscription is for.

    With the modes auto, create and adopt a missing group is created. With auto, the group that
    Bedrock already logs to takes precedence over `log_group_name`. Groups that begin with
    `own_prefix` are written by the stack itself. `role_arn` is the role that the stack gives
    Bedrock, if it does.
    """

    log_group_name: str
    destination_arn: str
    mode: Mode = "existing"
    own_prefix: str = ""
    role_arn: str = ""
    retention_days: int = 30
    kms_key_arn: str = ""


class RoutesProperties(msgspec.Struct, frozen=True, rename="pascal"):
    """The parameter that holds a stack's routes, and the one that held them in version 0.1."""

    name: str
    former_name: str = ""


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state stored between invocations: who set what, and the previous configuration."""

    owner: str = ""
    was_set: dict[str, Any] | None = None
    previous: dict[str, Any] | None = None


class SubscriptionFilter(NamedTuple):
    """One subscription of a log group."""

    name: str
    destination_arn: str


class LogGroup(NamedTuple):
    """A log group: its class, such as STANDARD."""

    name: str
    group_class: str


class LoggingPort(Protocol):
    """The logging of this account and Region. All raise TransientError or PermanentError."""

    def get(self) -> Configuration | None:
        """Return the configuration, None if logging is off."""

    def put(self, configuration: Configuration) -> None:
        """Replace the configuration. Raises RefusedError if Bedrock refuses it."""

    def delete(self) -> None:
        """Turn logging off."""


class MemoryPort(Protocol):
    """A stored text with a name. All raise TransientError or PermanentError."""

    def load(self, name: str) -> str | None:
        """Return the text, None if there is none."""

    def save(self, name: str, text: str) -> None:
        """Store a text."""

    def forget(self, name: str) -> None:
        """Remove the text, if there is one."""


class LogGroupPort(Protocol):
    """Log groups. All raise TransientError or PermanentError."""

    def find(self, name: str) -> LogGroup | None:
        """Return the group of this name, None if there is none."""

    def create(self, name: str, kms_key_arn: str) -> None:
        """Create a group; one that exists is left as it is."""

    def keep(self, name: str, days: int) -> None:
        """Set the retention of a group, in days."""

    def subscriptions(self, log_group: str) -> tuple[SubscriptionFilter, ...]:
        """List a group's subscriptions. Raises GoneError if there is no such group."""


class Tools(NamedTuple):
    """The AWS services that a request uses."""

    logging: LoggingPort
    memory: MemoryPort
    log_groups: LogGroupPort
