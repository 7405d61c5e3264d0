"""Events other than state changes: changed alarms, and API calls that change what is relied on."""

from collections.abc import Mapping
from typing import Any, Final

from bedrock_alerts.alerts.events import (
    ConfigurationChange,
    Tampering,
)
from bedrock_alerts.alerts.normalise.fields import (
    alarm_place,
    first,
    flag,
    lines,
    mapping,
    moment,
    number,
    word,
)
from bedrock_alerts.limits import ALARM_DESCRIPTION_CHARS, ALARM_NAME_CHARS

_MAX_ARN: Final = 512
# The fields of a call that name its target. All others may hold guardrail text.
_TARGETS: Final = ("guardrailIdentifier", "guardrailId", "guardrailArn", "name")
_DELIVERIES: Final = {
    "textDataDeliveryEnabled": "text",
    "imageDataDeliveryEnabled": "images",
    "embeddingDataDeliveryEnabled": "embeddings",
    "videoDataDeliveryEnabled": "video",
}


def configuration_change(event: Mapping[str, Any]) -> ConfigurationChange | None:
    """Read `CloudWatch Alarm Configuration Change`: an alarm created, updated or deleted."""
    detail = mapping(event.get("detail"))
    now = mapping(detail.get("configuration"))
    before = mapping(detail.get("previousConfiguration"))
    name = word(detail.get("alarmName") or now.get("alarmName"), ALARM_NAME_CHARS)
    operation = word(detail.get("operation"))
    at = moment(event.get("time")) or moment(now.get("timestamp"))
    if not name or not operation or at is None:
        return None
    arn = first(event.get("resources"))
    place = alarm_place(arn, name, event.get("account"), event.get("region"))
    return ConfigurationChange(
        alarm_name=name,
        alarm_arn=place.arn,
        account_id=place.account_id,
        region=place.region,
        at=at,
        operation=operation,
        description=lines(now.get("description"), ALARM_DESCRIPTION_CHARS),
        actions_enabled=flag(now.get("actionsEnabled")),
        previous_actions_enabled=flag(before.get("actionsEnabled")),
        threshold=number(now.get("threshold")),
        previous_threshold=number(before.get("threshold")),
        is_query_changed=_is_query_changed(now.get("metrics"), before.get("metrics")),
    )


def _is_query_changed(now: Any, before: Any) -> bool:
    """Whether an alarm's query was changed, which ends its contributors."""
    was, is_ = (
        [mapping(item).get("expression") for item in (given if isinstance(given, list) else ())]
        for given in (before, now)
    )
    return bool(was) and any(was) and was != is_


def tampering(event: Mapping[str, Any]) -> Tampering | None:
    """Read an API call from CloudTrail: who did what to what, and whether it was allowed.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    detail = mapping(event.get("detail"))
    action = word(detail.get("eventName"))
    at = moment(detail.get("eventTime")) or moment(event.get("time"))
    if not action or at is None:
        return None
    return Tampering(
        action=action,
        principal=_principal(mapping(detail.get("userIdentity"))),
        target=_target(action, mapping(detail.get("requestParameters"))),
        # EventBridge sets the envelope's account: no sender can choose it.
        account_id=word(event.get("account")) or word(detail.get("recipientAccountId")),
        region=word(detail.get("awsRegion")) or word(event.get("region")),
        at=at,
        event_id=word(detail.get("eventID")) or word(event.get("id")),
        error_code=word(detail.get("errorCode")),
    )


def _principal(identity: Mapping[str, Any]) -> str:
    """Return the caller's name: the end of the ARN, which people know."""
    arn = word(identity.get("arn"), _MAX_ARN)
    if arn.startswith("arn:"):
        return arn.split(":", 5)[-1]
    return (
        word(identity.get("userName"))
        or word(identity.get("invokedBy"))
        or word(identity.get("principalId"))
        or word(identity.get("type"))
        or "unknown"
    )


def _target(action: str, parameters: Mapping[str, Any]) -> str:
    if "InvocationLogging" in action:
        return _logging(mapping(parameters.get("loggingConfig")))
    return next((word(parameters[key]) for key in _TARGETS if word(parameters.get(key))), "")


def _logging(configuration: Mapping[str, Any]) -> str:
    """Return where the invocation log goes from now on, and what it leaves out."""
    parts = ["model invocation logging"]
    group = word(mapping(configuration.get("cloudWatchConfig")).get("logGroupName"))
    bucket = word(mapping(configuration.get("s3Config")).get("bucketName"))
    parts += [f"to log group {group}"] if group else []
    parts += [f"to bucket {bucket}"] if bucket else []
    off = [what for name, what in _DELIVERIES.items() if configuration.get(name) is False]
    parts += [f"without {' and '.join(off)}"] if off else []
    return ", ".join(parts)
