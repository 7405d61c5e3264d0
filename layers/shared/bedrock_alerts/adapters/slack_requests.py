"""Requests that Slack sends to a function URL: only those it has signed are let in."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from slack_sdk.signature import SignatureVerifier

from bedrock_alerts.errors import PermanentError


def signed_body(event: Mapping[str, Any], signing_secret: str) -> bytes:
    """Return the body of a function URL's event, if Slack signed it in the last five minutes.

    Raises PermanentError for everything else.
    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    body = _body(event)
    headers = event.get("headers")
    try:
        # A signature over bytes, as they came: to decode and encode again could change them.
        is_signed = isinstance(headers, dict) and SignatureVerifier(
            signing_secret
        ).is_valid_request(body, headers)
    except (
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
    ):  # a time stamp or header that is none
        is_signed = False
    if not is_signed:
        raise PermanentError("the request was not signed by Slack within the last five minutes")
    return body


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body")
    if not isinstance(text, str):
        return b""
    if not event.get("isBase64Encoded"):
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PermanentError("the request's body is no base64") from error
