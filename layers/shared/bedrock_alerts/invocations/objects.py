"""Which objects of a bucket are invocation logs, told by what S3 says about them.

Bedrock writes more than logs into its bucket: bodies that were too large for a record, media, and
objects that only prove that it may write. Their names tell them apart:
`[PREFIX/]AWSLogs/ACCOUNT/BedrockModelInvocationLogs/REGION/YYYY/MM/DD/HH/NAME.json.gz` is a log,
what lies in a folder `data` below that hour is a body.
Source: "Monitor model invocation using CloudWatch Logs and Amazon S3" in the Bedrock user guide.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus

from bedrock_alerts.invocations.model import Rejected, Skipped
from bedrock_alerts.text import clean

_LOG: Final = re.compile(
    r"(?:.*/)?AWSLogs/\d{12}/BedrockModelInvocationLogs/[a-z0-9-]+/\d{4}/\d\d/\d\d/\d\d/"
    r"(?P<name>.+)"
)
_PERMISSION_CHECK: Final = "amazon-bedrock-logs-permission-check"
_MAX_SHOWN: Final = 300


class LogObject(NamedTuple):
    """An object that holds invocation records, one a line."""

    bucket: str
    key: str


def log_objects(body: str) -> Iterator[LogObject | Skipped | Rejected]:
    """Read a queue message about new objects: an EventBridge event, or S3's own notification.

    Whatever the message holds, each object in it comes back as a value, and a message without any
    as one Rejected.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        yield Rejected("not_an_object", "a message about new objects")
    elif message.get("Event") == "s3:TestEvent":
        yield Skipped("test_event", clean(str(message.get("Bucket")), _MAX_SHOWN))
    elif message.get("detail-type") == "Object Created":
        yield _classified(_mapping(message.get("detail")), encoded=False)
    elif isinstance(message.get("Records"), list) and message["Records"]:
        for record in message["Records"]:
            # Only S3's own notifications encode the keys as in a URL.
            yield _classified(_mapping(_mapping(record).get("s3")), encoded=True)
    else:
        yield Skipped("foreign_event", clean(str(message.get("detail-type")), _MAX_SHOWN))


def _classified(where: Mapping[str, Any], *, encoded: bool) -> LogObject | Skipped | Rejected:
    bucket = _mapping(where.get("bucket")).get("name")
    described = _mapping(where.get("object"))
    key, size = described.get("key"), described.get("size")
    if not isinstance(bucket, str) or not isinstance(key, str):
        return Rejected("wrong_shape", "a message about new objects")
    key = unquote_plus(key) if encoded else key
    shown = clean(f"s3://{bucket}/{key}", _MAX_SHOWN)
    if _PERMISSION_CHECK in key:
        return Skipped("permission_check", shown)
    found = _LOG.fullmatch(key)
    if found is None:
        return Skipped("foreign_object", shown)
    if "/" in found["name"]:
        return Skipped("body_object", shown)
    return Skipped("empty_object", shown) if size == 0 else LogObject(bucket, key)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
