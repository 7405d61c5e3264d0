"""Reads CloudFormation's request and writes the response; knows nothing of Bedrock.

Source: "Custom resource reference" in the CloudFormation user guide,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from bedrock_alerts.errors import PermanentError
from bedrock_alerts.invocation_logging.logging_state import Outcome, Request
from bedrock_alerts.limits import CUSTOM_RESOURCE_ANSWER_BYTES
from bedrock_alerts.text import clean, dimension_value

_KINDS: Final = ("Create", "Update", "Delete")
_ID_CHARS: Final = 300  # a stack has an ARN of at most 250, a resource a name of at most 255
_SAYS_CHARS: Final = 1500
_SHORTEST: Final = 100


def response_url(event: object) -> str:
    """Return the URL for the response; it is signed, so never log it.

    Raises PermanentError for an event without one: it is not from CloudFormation.
    """
    url = event.get("ResponseURL") if isinstance(event, dict) else None
    if not isinstance(url, str) or not url:
        raise PermanentError("this is not a CloudFormation request: it has no ResponseURL")
    return url


def read(event: Mapping[str, Any]) -> Request:
    """Read a request. Raises PermanentError if its type is unknown."""
    kind = event.get("RequestType")
    if kind not in _KINDS:
        raise PermanentError("the request type is not Create, Update or Delete")
    return Request(
        kind=cast("Any", kind),
        resource_type=_text(event, "ResourceType"),
        resource_id=resource_id(event),
        properties=_mapping(event, "ResourceProperties"),
        old_properties=_mapping(event, "OldResourceProperties"),
    )


def resource_id(event: Mapping[str, Any]) -> str:
    """Return the physical id of the resource, a new one if it has none.

    The same request gives the same id, so a request that Lambda repeats creates nothing new.
    """
    known = _text(event, "PhysicalResourceId")
    if known:
        return known
    *_, stack = _text(event, "StackId").rsplit("/", 1)
    name = _text(event, "LogicalResourceId") or "resource"
    return f"{name}-{stack or 'of-no-stack'}"[:_ID_CHARS]


def answer(event: Mapping[str, Any], outcome: Outcome) -> bytes:
    """Return the response as JSON, within CloudFormation's size limit."""
    limit = _SAYS_CHARS
    while True:
        says = clean(outcome.says, limit)
        body = msgspec.json.encode(
            {
                "Status": "SUCCESS" if outcome.succeeded else "FAILED",
                "PhysicalResourceId": resource_id(event),
                **{
                    name: _text(event, name)
                    for name in ("StackId", "RequestId", "LogicalResourceId")
                },
                **(
                    {"Data": {**outcome.attributes, "Status": says}}
                    if outcome.succeeded
                    else {"Reason": says}
                ),
            }
        )
        if len(body) <= CUSTOM_RESOURCE_ANSWER_BYTES or limit <= _SHORTEST:
            return body
        limit //= 2


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    return dimension_value(value, _ID_CHARS) if isinstance(value, str) and value else ""


def _mapping(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = event.get(name)
    return value if isinstance(value, dict) else {}
