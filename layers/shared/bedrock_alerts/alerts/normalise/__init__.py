"""The first step: from the body of a queue message to what it is about.

An event is known by its shape, never by where it is expected to come from: events of EventBridge,
SNS or CloudWatch may be wrapped by another of them.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from bedrock_alerts.alerts.events import (
    ConfigurationChange,
    Event,
    StateChange,
    Unrecognised,
)
from bedrock_alerts.alerts.normalise.fields import decoded, moment, word
from bedrock_alerts.alerts.normalise.internal_messages import MARK, Note, encode_note, note_in
from bedrock_alerts.alerts.normalise.other_events import configuration_change, tampering
from bedrock_alerts.alerts.normalise.state_change import (
    from_detail,
    from_eventbridge,
    from_lambda,
    from_sns,
)

__all__ = ["Note", "encode_note", "normalise", "normalise_object"]

_MAX_WRAPPINGS: Final = 6
_MAX_RECORDS: Final = 100
# The event with which SNS invokes a function, and Lambda's record of a failed invocation.
_WRAPPERS: Final = ("Sns", "requestPayload")
_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Event | None]]] = {
    "CloudWatch Alarm State Change": from_eventbridge,
    "CloudWatch Alarm Contributor State Change": from_eventbridge,
    "CloudWatch Alarm Configuration Change": configuration_change,
    "AWS API Call via CloudTrail": tampering,
    "AWS Console Action via CloudTrail": tampering,
}
_INCOMPLETE: Final = "an incomplete alarm event"
# The sender's account, by transport. EventBridge sets `account` itself: no sender can choose it.
_SENDERS: Final = ("account", "accountId", "AWSAccountId")
# The fields of an unknown event that are shown: only its envelope, never its content.
_ENVELOPE: Final = ("detail-type", "source", "account", "region", "time", "id")
_ENVELOPE_OF_SNS: Final = ("Type", "TopicArn", "Subject", "Timestamp", "MessageId")


class _Wrapping(NamedTuple):
    """The wrapping of an event: the text, the envelope of a topic, the depth."""

    text: str
    sns: Mapping[str, Any]
    depth: int = 0


def normalise(body: str) -> tuple[Event, ...]:
    """Return the events in a message, by their shape; any content returns something."""
    wrapping = _Wrapping(body, {})
    try:
        event = decoded(body)
    except ValueError:
        return (_unrecognised("a message that is not JSON", wrapping),)
    return _outermost(event, wrapping)


def normalise_object(event: Any) -> tuple[Event, ...]:
    """Return the events in a function's invocation event."""
    try:
        text = json.dumps(event, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        text = ""
    return _outermost(event, _Wrapping(text, {}))


def _outermost(event: Any, wrapping: _Wrapping) -> tuple[Event, ...]:
    if isinstance(event, dict) and MARK in event:
        # Trusted only if not wrapped: no topic carries our internal messages.
        return (
            note_in(event) or _unrecognised("an internal message that cannot be read", wrapping),
        )
    return _unwrapped(event, wrapping)


def _unwrapped(event: Any, wrapping: _Wrapping) -> tuple[Event, ...]:
    """Remove the wrappings, one by one."""
    if wrapping.depth > _MAX_WRAPPINGS:
        return (_unrecognised("a message that was wrapped too many times", wrapping),)
    if not isinstance(event, dict):
        return (_unrecognised("a message that is not a JSON object", wrapping),)
    records = event.get("Records")
    if isinstance(records, list) and records:
        return _of_records(records, wrapping)
    for key in _WRAPPERS:
        if isinstance(event.get(key), dict):
            return _unwrapped(event[key], wrapping._replace(depth=wrapping.depth + 1))
    inner, sns = event.get("body"), wrapping.sns
    if "TopicArn" in event:
        inner, sns = event.get("Message"), event
    if isinstance(inner, str) and "detail-type" not in event:
        return _of_text(inner, wrapping._replace(sns=sns))
    return (_read(event, wrapping),)


def _of_records(records: list[Any], wrapping: _Wrapping) -> tuple[Event, ...]:
    found: list[Event] = []
    for number, item in enumerate(records[:_MAX_RECORDS]):
        text = f"{wrapping.text}#{number}"
        found += _unwrapped(item, wrapping._replace(text=text, depth=wrapping.depth + 1))
    left_out = len(records) - _MAX_RECORDS
    if left_out > 0:
        what = f"a message with {left_out} more events than the {_MAX_RECORDS} that are read"
        found.append(_unrecognised(what, wrapping))
    return tuple(found)


def _of_text(text: str, outer: _Wrapping) -> tuple[Event, ...]:
    wrapping = _Wrapping(text, outer.sns, outer.depth + 1)
    try:
        event = decoded(text)
    except ValueError:
        what = "a message that is not JSON"
        if outer.sns.get("Type") == "SubscriptionConfirmation":
            what = "a request from a topic to confirm a subscription"
        return (_unrecognised(what, wrapping),)
    return _unwrapped(event, wrapping)


def _read(event: Mapping[str, Any], wrapping: _Wrapping) -> Event:
    reader = _reader(event)
    if reader is None:
        return _unrecognised("an event of an unknown kind", wrapping, event)
    if reader is tampering:
        return reader(event) or _unrecognised("an incomplete CloudTrail event", wrapping, event)
    # An event without a time still has a name and a state, which matter more.
    arrived = word(wrapping.sns.get("Timestamp")) or datetime.now(UTC).isoformat()
    dated = {**event, "StateChangeTime" if reader is from_sns else "time": arrived}
    found = reader(event) or reader(dated)
    if found is not None and _is_of_another_account(found, event):
        what = "an alarm event that names an alarm of another account than its sender's"
        return _unrecognised(what, wrapping, event)
    return found or _unrecognised(_INCOMPLETE, wrapping, event)


def _is_of_another_account(found: Event, event: Mapping[str, Any]) -> bool:
    """Whether an event claims an alarm that is not in the account that sent it."""
    if not isinstance(found, StateChange | ConfigurationChange):
        return False
    sender = next((word(event.get(key)) for key in _SENDERS if word(event.get(key))), "")
    return bool(sender) and sender != found.account_id


def _reader(event: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Event | None] | None:
    kind = event.get("detail-type")
    if isinstance(kind, str):
        return _READERS.get(kind)
    if "alarmData" in event:
        return from_lambda
    if isinstance(event.get("alarmName"), str) and "state" in event:
        return _changed_detail if "operation" in event else from_detail
    return from_sns if "NewStateValue" in event else None


def _changed_detail(event: Mapping[str, Any]) -> Event | None:
    return configuration_change({"detail": event, "time": event.get("time")})


def _unrecognised(
    what: str, wrapping: _Wrapping, event: Mapping[str, Any] = MappingProxyType({})
) -> Unrecognised:
    """Return an unknown event with only its envelope."""
    sns = wrapping.sns
    facts = [(key, word(event.get(key))) for key in _ENVELOPE]
    facts += [(key, word(sns.get(key))) for key in _ENVELOPE_OF_SNS]
    # An event's own id is the same on every transport.
    own = word(event.get("id")) or f"{wrapping.text}\n{word(sns.get('MessageId'))}"
    return Unrecognised(
        title=f"Received {what}",
        account_id=word(event.get("account")),
        region=word(event.get("region")),
        at=moment(event.get("time")) or moment(sns.get("Timestamp")),
        facts=tuple((key, value) for key, value in facts if value),
        identity=hashlib.sha256(own.encode("utf-8", "surrogatepass")).hexdigest()[:32],
    )
