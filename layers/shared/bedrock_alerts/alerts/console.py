"""Links into the AWS console, in its own format.

The part after the `#` has its own encoding: Logs Insights takes its query as JSURL, which is then
percent-encoded twice, with `$` for `%`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

# Console hosts by ARN partition. For the others no address is documented: no link is better than a
# wrong one.
_HOSTS: Final = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
# Prefixes of Region codes in other partitions.
_ELSEWHERE: Final = ("eu-iso", "eusc-", "us-iso")
_PARTITIONS: Final = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))
_REGION: Final = re.compile(r"[a-z0-9-]+")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]")


class Console:
    """The console of one Region, in the partition that an ARN names."""

    def __init__(self, arn: str, region: str) -> None:
        of_region = next((name for start, name in _PARTITIONS if region.startswith(start)), "aws")
        partition = arn.split(":")[1] if arn.startswith("arn:") else of_region
        self._host = _HOSTS.get(partition, "")
        self._region = region
        # A text that is not a Region code would make a link to another host.
        self.is_known = (
            bool(self._host)
            and bool(_REGION.fullmatch(region))
            and not region.startswith(_ELSEWHERE)
        )

    def alarm(self, name: str) -> str:
        """Return the page of an alarm, or the list with it for a name with `%`, which breaks it."""
        if "%" in name:
            return f"{self._service('cloudwatch')}#alarmsV2:?~(search~'{_escaped(name)})"
        return f"{self._service('cloudwatch')}#alarmsV2:alarm/{quote(name, safe='')}"

    def dashboard(self, name: str) -> str:
        """Return the page of a dashboard."""
        return f"{self._service('cloudwatch')}#dashboards/dashboard/{quote(name, safe='')}"

    def trail(self, event_id: str) -> str:
        """Return the page of an event in CloudTrail's history."""
        return f"{self._service('cloudtrailv2')}#/events/{quote(event_id, safe='')}"

    def quotas(self) -> str:
        """Return the page of Bedrock's quotas."""
        region = quote(self._region, safe="")
        return f"https://{region}.{self._host}/servicequotas/home/services/bedrock/quotas"

    def object(self, bucket: str, key: str) -> str:
        """Return the page of an object in S3."""
        region = quote(self._region, safe="")
        return (
            f"https://{region}.{self._host}/s3/object/{quote(bucket, safe='')}"
            f"?region={region}&prefix={quote(key, safe='/')}"
        )

    def insights(self, query: str, sources: Sequence[str], start: datetime, end: datetime) -> str:
        """Return Logs Insights with a query filled in; `sources` are log groups, names or ARNs."""
        detail = jsurl(
            {
                "end": _moment(end),
                "start": _moment(start),
                "timeType": "ABSOLUTE",
                "tz": "UTC",
                "editorString": query,
                "source": list(sources),
            }
        )
        inner = f"?queryDetail={_percent(detail)}"
        outer = _percent(inner).replace("%", "$")
        return f"{self._service('cloudwatch')}#logsV2:logs-insights{outer}"

    def _service(self, name: str) -> str:
        region = quote(self._region, safe="")
        return f"https://{region}.{self._host}/{name}/home?region={region}"


def jsurl(value: Any) -> str:
    """Return a value in the console's JSON encoding for URLs."""
    if isinstance(value, str):
        return f"~'{_escaped(value)}"
    if isinstance(value, Mapping):
        return f"~({'~'.join(_escaped(key) + jsurl(item) for key, item in value.items())})"
    if isinstance(value, Sequence):
        return f"~({''.join(map(jsurl, value)) or '~'})"
    if value is None or isinstance(value, bool):
        return "~" + {True: "true", False: "false", None: "null"}[value]
    return f"~{value}"


def _escaped(text: str) -> str:
    """Keep letters, digits and `_.-`; encode every other UTF-16 unit as `*` with its number."""
    found: list[str] = []
    for letter in text:
        if _PLAIN.fullmatch(letter):
            found.append(letter)
        elif letter == "$":
            found.append("!")
        else:
            units = letter.encode("utf-16-be", "surrogatepass")
            for high, low in zip(units[::2], units[1::2], strict=True):
                found.append(f"**{high:02x}{low:02x}" if high else f"*{low:02x}")
    return "".join(found)


def _percent(text: str) -> str:
    return quote(text, safe="*!").replace("~", "%7E")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
