"""Requests from Slack to a function URL: only those that it has signed are accepted."""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from typing import Any, Final

from bedrock_alerts.errors import PermanentError

_MAX_AGE_SECONDS: Final = 300
_STAMP: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


def signed_body(event: Mapping[str, Any], signing_secret: str) -> bytes:
    """Return the body of a function URL's event, if Slack signed it in the last five minutes.

    Raises PermanentError for everything else.
    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    # The signature is over the received bytes: decoding and encoding could change them.
    body = _body(event)
    stamp = _header(event, "x-slack-request-timestamp")
    signed = b"v0:" + stamp.encode("utf-8", "replace") + b":" + body
    right = "v0=" + hmac.new(signing_secret.encode(), signed, hashlib.sha256).hexdigest()
    given = _header(event, "x-slack-signature").encode("utf-8", "replace")
    is_signed = hmac.compare_digest(right.encode(), given)
    if not signing_secret or not is_signed or not _is_recent(stamp):
        raise PermanentError("the request was not signed by Slack within the last five minutes")
    return body


def _is_recent(stamp: str) -> bool:
    # One from the future is refused too: it would be valid for longer.
    return bool(_STAMP.fullmatch(stamp)) and abs(time.time() - int(stamp)) <= _MAX_AGE_SECONDS


def _header(event: Mapping[str, Any], name: str) -> str:
    headers = event.get("headers")
    for key, value in headers.items() if isinstance(headers, dict) else ():
        if isinstance(key, str) and key.lower() == name and isinstance(value, str):
            return value
    return ""


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body")
    if not isinstance(text, str):
        return b""
    if not event.get("isBase64Encoded"):
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PermanentError("the request body is not base64") from error
