"""Reads untrusted fields: each function returns a valid value, or nothing.

Text is cleaned and bounded here, once; later steps rely on it.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bedrock_alerts.limits import ALARM_NAME_CHARS, ALARM_PERIOD_SECONDS
from bedrock_alerts.text import clean, clean_lines

_MAX_ARN: Final = 512
_MAX_WORD: Final = 256
_MAX_VALUES: Final = 60
_ALARM_ARN: Final = re.compile(r"arn:([a-z-]+):cloudwatch:([a-z0-9-]+):(\d+):alarm:(.+)")
# CloudWatch writes a Region's code everywhere except in its SNS messages.
# https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
_REGION_NAMES: Final = {
    "Africa (Cape Town)": "af-south-1",
    "Asia Pacific (Hong Kong)": "ap-east-1",
    "Asia Pacific (Hyderabad)": "ap-south-2",
    "Asia Pacific (Jakarta)": "ap-southeast-3",
    "Asia Pacific (Malaysia)": "ap-southeast-5",
    "Asia Pacific (Melbourne)": "ap-southeast-4",
    "Asia Pacific (Mumbai)": "ap-south-1",
    "Asia Pacific (Osaka)": "ap-northeast-3",
    "Asia Pacific (Seoul)": "ap-northeast-2",
    "Asia Pacific (Singapore)": "ap-southeast-1",
    "Asia Pacific (Sydney)": "ap-southeast-2",
    "Asia Pacific (Taipei)": "ap-east-2",
    "Asia Pacific (Thailand)": "ap-southeast-7",
    "Asia Pacific (Tokyo)": "ap-northeast-1",
    "AWS GovCloud (US-East)": "us-gov-east-1",
    "AWS GovCloud (US-West)": "us-gov-west-1",
    "Canada (Central)": "ca-central-1",
    "Canada West (Calgary)": "ca-west-1",
    "China (Beijing)": "cn-north-1",
    "China (Ningxia)": "cn-northwest-1",
    "Europe (Frankfurt)": "eu-central-1",
    "Europe (Ireland)": "eu-west-1",
    "Europe (London)": "eu-west-2",
    "Europe (Milan)": "eu-south-1",
    "Europe (Paris)": "eu-west-3",
    "Europe (Spain)": "eu-south-2",
    "Europe (Stockholm)": "eu-north-1",
    "Europe (Zurich)": "eu-central-2",
    "Israel (Tel Aviv)": "il-central-1",
    "Mexico (Central)": "mx-central-1",
    "Middle East (Bahrain)": "me-south-1",
    "Middle East (UAE)": "me-central-1",
    "South America (Sao Paulo)": "sa-east-1",
    "US East (N. Virginia)": "us-east-1",
    "US East (Ohio)": "us-east-2",
    "US West (N. California)": "us-west-1",
    "US West (Oregon)": "us-west-2",
}
_PARTITIONS: Final = (
    ("cn-", "aws-cn"),
    ("eu-isoe-", "aws-iso-e"),
    ("eusc-", "aws-eusc"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
)


class AlarmPlace(NamedTuple):
    """An alarm's identity and place: the same on every transport."""

    arn: str
    account_id: str
    region: str


def decoded(text: str) -> Any:
    """Return the value of a JSON text. Raises ValueError for any error."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON too deep to read") from error


def alarm_place(arn: Any, name: str, account: Any, region: Any) -> AlarmPlace:
    """Return where an alarm is, from its ARN, which is built if missing."""
    given = word(arn, _MAX_ARN)
    found = _ALARM_ARN.fullmatch(given)
    if found:
        return AlarmPlace(given, account_id=found[3], region=found[2])
    account_id, code = word(account), region_code(word(region))
    partition = next((name for start, name in _PARTITIONS if code.startswith(start)), "aws")
    rebuilt = f"arn:{partition}:cloudwatch:{code}:{account_id}:alarm:{name}"
    return AlarmPlace(rebuilt, account_id=account_id, region=code)


def region_code(region: str) -> str:
    """Return a Region's code for its name (`EU (Ireland)`); other texts are unchanged."""
    name = "Europe" + region.removeprefix("EU") if region.startswith("EU (") else region
    return _REGION_NAMES.get(name, region)


def alarm_name_of(arn: str) -> str:
    """Return the alarm's name in an ARN, or the text itself if it is not an ARN."""
    found = _ALARM_ARN.fullmatch(arn)
    return clean(found[4], ALARM_NAME_CHARS) if found else arn


def first(value: Any) -> Any:
    """Return the first item of a list, None if there is none."""
    return value[0] if isinstance(value, list) and value else None


def items(value: Any, limit: int) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list, at most `limit` of them."""
    found = (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
    for _, item in zip(range(limit), found, strict=False):
        yield item


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object, empty if there is none."""
    return value if isinstance(value, dict) else {}


def pairs(value: Any, limit: int) -> tuple[tuple[str, str], ...]:
    """Read names with values: an object, or a list of `{name, value}` or `{Key, Value}`.

    EventBridge writes dimensions the first way, SNS the second.
    """
    if isinstance(value, dict):
        found = [(word(name), word(text)) for name, text in value.items()]
    else:
        found = [
            (word(pick(item, "name", "key")), word(pick(item, "value")))
            for item in items(value, limit)
        ]
    return tuple((name, text) for name, text in found[:limit] if name)


def pick(entry: Mapping[str, Any], *names: str) -> Any:
    """Return the first of these fields that is present, in camelCase or PascalCase."""
    for name in names:
        for spelling in (name, name[:1].upper() + name[1:]):
            if entry.get(spelling) is not None:
                return entry[spelling]
    return None


def word(value: Any, limit: int = _MAX_WORD) -> str:
    """Return a text on one line, empty if there is none."""
    return clean(value, limit) if isinstance(value, str) else ""


def lines(value: Any, limit: int) -> str:
    """Return a text of several lines, empty if there is none."""
    return clean_lines(value, limit) if isinstance(value, str) else ""


def flag(value: Any) -> bool | None:
    """Return a boolean, None if there is none."""
    return value if isinstance(value, bool) else None


def moment(value: Any) -> datetime | None:
    """Read a time in either of CloudWatch's formats, with offset or with `Z`."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def period(value: Any) -> int | None:
    """Return an alarm's period in seconds, None if not valid."""
    seconds = number(value)
    return int(seconds) if seconds is not None and 1 <= seconds <= ALARM_PERIOD_SECONDS else None


def number(value: Any) -> float | None:
    """Return a finite number, None if there is none."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        found = float(value)
    except OverflowError:  # JSON integers are unbounded
        return None
    return found if math.isfinite(found) else None


def numbers(value: Any) -> tuple[float, ...]:
    """Return the last finite numbers of a list."""
    found = (number(item) for item in value[-_MAX_VALUES:]) if isinstance(value, list) else ()
    return tuple(item for item in found if item is not None)
