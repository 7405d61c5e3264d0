"""Decides how to change an account's logging, from its current and stored state."""

from typing import Any, Final, NamedTuple

import msgspec

from bedrock_alerts.errors import PermanentError
from bedrock_alerts.invocation_logging.logging_state import (
    MODALITIES,
    Configuration,
    LoggingProperties,
    LogGroup,
    LogGroupProperties,
    Memory,
    Request,
    SubscriptionFilter,
)
from bedrock_alerts.limits import SUBSCRIPTIONS_PER_LOG_GROUP
from bedrock_alerts.text import clean

_NAME_CHARS: Final = 200
_HERE: Final = "in this account and Region"
SUBSCRIBABLE: Final = "STANDARD"


class Plan(NamedTuple):
    """The change to make, and the sentence that reports it.

    `put` is the configuration to set; with `turn_off` logging is turned off, after `put` only if
    Bedrock refuses that. `remember` is stored before any change; None keeps the stored state.
    """

    says: str
    put: Configuration | None = None
    turn_off: bool = False
    remember: Memory | None = None


def wanted_configuration(wanted: LoggingProperties) -> dict[str, Any]:
    """Return the configuration that a stack requests. Raises PermanentError if it is not valid."""
    chosen = {word.strip() for word in wanted.modalities.split(",")}
    unknown = chosen - set(MODALITIES)
    if unknown:
        raise PermanentError(f"{clean(min(unknown), _NAME_CHARS)!r} is not a modality")
    cloud_watch: dict[str, Any] = {
        "logGroupName": wanted.log_group_name,
        "roleArn": wanted.role_arn,
    }
    if wanted.large_data_bucket_name:
        bucket = {"bucketName": wanted.large_data_bucket_name}
        cloud_watch["largeDataDeliveryS3Config"] = bucket
    flags = {f"{modality}DataDeliveryEnabled": modality in chosen for modality in MODALITIES}
    return {"cloudWatchConfig": cloud_watch, **flags}


def to_set(
    wanted: LoggingProperties, request: Request, present: Configuration | None, memory: Memory
) -> Plan:
    """Plan the change to the requested logging. Raises PermanentError if it is not allowed.

    A configuration that someone else set is kept in the mode auto, and replaced only if the stack
    may adopt it. An update that requests what was already set changes nothing: that is how
    CloudFormation rolls a failed update back.
    """
    if others := _read_as_it_is(wanted, present):
        return Plan(f"Bedrock already logs to {describe(others)}; this stack changed nothing.")
    configuration = wanted_configuration(wanted)
    says = f"Bedrock logs {wanted.modalities} to {describe(configuration)}."
    remember = Memory(owner=request.resource_id, was_set=configuration)
    if present is None:
        return Plan(says, put=configuration, remember=remember)
    role = role_of(present)
    if role in {wanted.role_arn, request.old_properties.get("RoleArn")} - {None}:
        # A second destination that someone added is kept.
        added = {key: present[key] for key in ("s3Config",) if key in present}
        asked = {**configuration, **added}
        remember = msgspec.structs.replace(remember, previous=memory.previous)
        return Plan(says, put=None if asked == present else asked, remember=remember)
    if wanted.adopt and role in {None, wanted.adopted_role_arn}:
        says = f"{says} When this stack is deleted, {describe(present)} is restored."
        remember = msgspec.structs.replace(remember, previous=dict(present))
        return Plan(says, put=configuration, remember=remember)
    if request.kind == "Update" and (memory.owner, memory.was_set) == (
        request.resource_id,
        configuration,
    ):
        return Plan(_left_alone(present))
    raise PermanentError(_refusal(present, may_adopt=wanted.adopt))


def to_release(
    wanted: LoggingProperties, request: Request, present: Configuration | None, memory: Memory
) -> Plan:
    """Plan the return to the previous logging; only what this resource has set is changed."""
    if memory.owner not in {"", request.resource_id}:
        return Plan("Another resource of this stack sets Bedrock's logging now.")
    if present is None:
        return Plan("Logging was off already.")
    if role_of(present) != wanted.role_arn:
        return Plan(_left_alone(present))
    if "s3Config" in present:
        # Someone added it: a stack sets none.
        rest = {key: value for key, value in present.items() if key != "cloudWatchConfig"}
        return Plan(f"Bedrock still logs to {describe(rest)}.", put=rest)
    if memory.previous is not None:
        says = f"Bedrock logs to {describe(memory.previous)} again."
        return Plan(says, put=memory.previous, turn_off=True)
    return Plan("Logging has been turned off, as it was before.", turn_off=True)


def _read_as_it_is(
    wanted: LoggingProperties | LogGroupProperties, present: Configuration | None
) -> Configuration | None:
    """Return the configuration that others have set, if the mode auto reads and keeps it."""
    is_theirs = present is not None and role_of(present) != wanted.role_arn
    return present if wanted.mode == "auto" and is_theirs else None


def group_to_read(wanted: LogGroupProperties, present: Configuration | None) -> str:
    """Return the log group to subscribe. Raises PermanentError if there is none to read."""
    name = wanted.log_group_name
    if others := _read_as_it_is(wanted, present):
        name = str(others.get("cloudWatchConfig", {}).get("logGroupName", ""))
        if not name:
            raise PermanentError(
                f"Bedrock logs to {describe(others)} only, and no log group. {_advice(others)}"
                " Or deploy with InvocationLogging=adopt, which logs to a log group instead."
            )
    if wanted.own_prefix and name.startswith(wanted.own_prefix):
        raise PermanentError(
            f"{clean(name, _NAME_CHARS)} is a log group of this stack: its collector would read"
            " what it writes. Deploy with the log group that Bedrock writes to as"
            " InvocationLogGroupName."
        )
    return name


def check_class(group: LogGroup, present: Configuration | None) -> None:
    """Raise PermanentError if the class of a log group does not support subscriptions."""
    adopted = _adopted(present or {})
    if group.group_class != SUBSCRIBABLE:
        raise PermanentError(
            f"Log group {clean(group.name, _NAME_CHARS)} has the class {group.group_class}, which"
            " does not support subscriptions, and a class cannot be changed. Have Bedrock log to"
            " a group of"
            f" the class STANDARD: deploy with InvocationLogging=adopt{adopted} and a new"
            " InvocationLogGroupName, or have Bedrock log to S3 and deploy with"
            " InvocationLogBucketName."
        )


def check_subscriptions(
    log_group: str, destination_arn: str, found: tuple[SubscriptionFilter, ...]
) -> None:
    """Raise PermanentError if a log group has no free subscription for `destination_arn`."""
    others = [one for one in found if one.destination_arn != destination_arn]
    if len(others) < SUBSCRIPTIONS_PER_LOG_GROUP:
        return
    names = " and ".join(
        f'"{clean(one.name, _NAME_CHARS)}" (to {clean(one.destination_arn, _NAME_CHARS)})'
        for one in others
    )
    group = clean(log_group, _NAME_CHARS)
    raise PermanentError(
        f"Both subscriptions that CloudWatch Logs allows for {group} are taken, by {names}. Remove"
        f" one (aws logs delete-subscription-filter --log-group-name {group} --filter-name NAME),"
        " or have one go to a Kinesis stream and deploy with InvocationLogStreamArn, or have"
        " Bedrock log to S3 and deploy with InvocationLogBucketName."
    )


def missing_log_group(log_group: str, present: Configuration | None) -> str:
    """Return what to do if the log group to read does not exist."""
    group = clean(log_group, _NAME_CHARS)
    if present is None:
        advice = "Deploy with InvocationLogging=auto to have it created."
    elif _destinations(present)[0] == group:
        advice = (
            f"Bedrock is set to log there: create it (aws logs create-log-group --log-group-name"
            f" {group}), or deploy with InvocationLogging=adopt{_adopted(present)}."
        )
    else:
        advice = _advice(present)
    return f"There is no log group {group} {_HERE}. {advice}"


def what_bedrock_does(log_group: str, present: Configuration | None) -> str:
    """Return a sentence on whether Bedrock logs to a group, and with text."""
    group = clean(log_group, _NAME_CHARS)
    if present is None:
        return (
            f"Logging is off {_HERE}: {group} gets no records. InvocationLogging=auto turns it on."
        )
    if present.get("cloudWatchConfig", {}).get("logGroupName") != log_group:
        return f"Bedrock logs to {describe(present)}, not to {group}: this stack sees no records."
    if present.get("textDataDeliveryEnabled") is False:
        return f"Bedrock logs to {group} without text: guardrail results cannot be seen."
    return f"Bedrock logs to {group}."


def role_of(configuration: Configuration) -> str | None:
    """Return the role with which Bedrock writes to CloudWatch Logs, None if it does not."""
    role = configuration.get("cloudWatchConfig", {}).get("roleArn")
    return role if isinstance(role, str) else None


def describe(configuration: Configuration) -> str:
    """Return the destinations of a configuration in words."""
    group, bucket = _destinations(configuration)
    names = [f"log group {group}"] if group else []
    names += [f"bucket {bucket}"] if bucket else []
    return " and ".join(names) or "nowhere"


def _destinations(configuration: Configuration) -> tuple[str, str]:
    """Return the names of log group and bucket, empty if not set."""
    group = configuration.get("cloudWatchConfig", {}).get("logGroupName", "")
    bucket = configuration.get("s3Config", {}).get("bucketName", "")
    return clean(group, _NAME_CHARS), clean(bucket, _NAME_CHARS)


def _left_alone(present: Configuration) -> str:
    return f"Someone else set Bedrock's logging, to {describe(present)}: it was not changed."


def _refusal(present: Configuration, *, may_adopt: bool) -> str:
    why = ": without that role it could not be restored later" if may_adopt else ""
    return (
        f"Model invocation logging is already on {_HERE}, to {describe(present)}, and was left as"
        f" it is. {_advice(present)} To replace it while this stack exists, deploy with"
        f" InvocationLogging=adopt{_adopted(present)}{why}."
    )


def _adopted(present: Configuration) -> str:
    """Return the parameter that allows a configuration with a role to be replaced."""
    role = role_of(present)
    return f" AdoptedRoleArn={clean(role, _NAME_CHARS)}" if role else ""


def _advice(present: Configuration) -> str:
    """Return the parameters with which the log is read at its present destination."""
    group, bucket = _destinations(present)
    if group:
        return (
            f"To read it there, deploy with InvocationLogging=existing"
            f" InvocationLogGroupName={group}."
        )
    return f"To read it there, deploy with InvocationLogBucketName={bucket}."
