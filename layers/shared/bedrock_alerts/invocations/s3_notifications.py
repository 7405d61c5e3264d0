"""Finds the invocation logs among a bucket's objects, from S3's notifications.

Bedrock also writes other objects into its bucket: bodies that were too large for a record, media,
and permission checks. Their names distinguish them:
`[PREFIX/]AWSLogs/ACCOUNT/BedrockModelInvocationLogs/REGION/YYYY/MM/DD/HH/NAME.json.gz` is a log, an
object in a folder `data` is a body. Source: "Monitor model invocation using CloudWatch Logs and
Amazon S3" in the Bedrock user guide.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus

import msgspec

from bedrock_alerts.invocations.invocation import Rejected, Skipped
from bedrock_alerts.invocations.lenient_json import mend
from bedrock_alerts.text import clean

_BEDROCKS: Final = re.compile(r"(?:.*/)?AWSLogs/\d{12}/BedrockModelInvocationLogs/(?P<rest>.+)")
_LOG: Final = re.compile(r"[a-z0-9-]+/\d{4}/\d\d/\d\d/\d\d/[^/]+\.json\.gz")
_PERMISSION_CHECK: Final = "amazon-bedrock-logs-permission-check"
_MESSAGE: Final = "a message about new objects"
_MAX_SHOWN: Final = 300


class LogObject(NamedTuple):
    """An object that holds invocation records, one a line; `version` is its etag, if known."""

    bucket: str
    key: str
    version: str = ""


def log_objects(body: str) -> Iterator[LogObject | Skipped | Rejected]:
    """Read a queue message about new objects: an EventBridge event, or S3's own notification.

    Each object in it returns a value, and so does a message without objects: every message can be
    counted.
    """
    try:
        message = msgspec.json.decode(mend(body))
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        yield Rejected("not_an_object", _MESSAGE)
        return
    records = message.get("Records")
    if message.get("Event") == "s3:TestEvent":
        yield Skipped("test_event", _MESSAGE)
    elif message.get("detail-type") == "Object Created":
        yield _classified(_mapping(message.get("detail")), encoded=False)
    elif isinstance(records, list) and records:
        yield from map(_notified, records)
    else:
        yield Skipped("foreign_event", _MESSAGE)


def _notified(record: Any) -> LogObject | Skipped | Rejected:
    """Read one record of S3's own notification, the only form with URL-encoded keys."""
    facts = _mapping(record)
    name = facts.get("eventName")
    if not (isinstance(name, str) and name.startswith("ObjectCreated:")):
        return Skipped("foreign_event", _MESSAGE)
    return _classified(_mapping(facts.get("s3")), encoded=True)


def _classified(where: Mapping[str, Any], *, encoded: bool) -> LogObject | Skipped | Rejected:
    bucket = _mapping(where.get("bucket")).get("name")
    described = _mapping(where.get("object"))
    key = described.get("key")
    if not isinstance(bucket, str) or not isinstance(key, str):
        return Rejected("wrong_shape", _MESSAGE)
    key = unquote_plus(key) if encoded else key
    shown = clean(f"s3://{bucket}/{key}", _MAX_SHOWN)
    if _PERMISSION_CHECK in key:
        return Skipped("permission_check", shown)
    found = _BEDROCKS.fullmatch(key)
    if found is not None and "data" in found["rest"].split("/")[:-1]:
        return Skipped("body_object", shown)
    if found is None or _LOG.fullmatch(found["rest"]) is None:
        return Skipped("foreign_object", shown)
    if described.get("size") == 0:
        return Skipped("empty_object", shown)
    version = described.get("etag") or described.get("eTag")
    return LogObject(bucket, key, version if isinstance(version, str) else "")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
