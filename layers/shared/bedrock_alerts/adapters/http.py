"""Posting JSON to a webhook: https only, known hosts only, no redirects, everything bounded.

The URL of a webhook is a secret. It never appears in an exception or a log line: errors name the
host and the status, and library errors are not chained, because their texts hold the path.
"""

import email.utils
import ipaddress
import math
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import urllib3

from bedrock_alerts.errors import PermanentError, TransientError

SLACK_HOSTS: Final = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
_TIMEOUT: Final = urllib3.Timeout(connect=3, read=7)
_MAX_ANSWER_BYTES: Final = 4096
_MAX_WORDS: Final = 120


class JsonPoster:
    """Posts to webhooks of the given hosts; `allow_loopback` adds plain http to this machine."""

    def __init__(self, hosts: frozenset[str], *, allow_loopback: bool = False) -> None:
        self._hosts = hosts
        self._allow_loopback = allow_loopback
        self._pool = urllib3.PoolManager(timeout=_TIMEOUT, retries=False)

    def post(self, url: str, payload: Mapping[str, Any]) -> None:
        """Send `payload` once. Returns only when the other side has accepted it.

        Raises TransientError (time-outs, connection errors, 429, 5xx) or PermanentError (all
        else: a refused URL, a redirect, a 4xx).
        """
        host = self._checked_host(url)
        try:
            response = self._pool.request(
                "POST",
                url,
                body=msgspec.json.encode(payload),
                headers={"Content-Type": "application/json; charset=utf-8"},
                redirect=False,
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise TransientError(f"no answer from {host}: {type(error).__name__}") from None
        try:
            answer = response.read(_MAX_ANSWER_BYTES, decode_content=False)
        except urllib3.exceptions.HTTPError:
            answer = b""
        finally:
            response.close()
        _check(host, response.status, answer, response.headers.get("Retry-After"))

    def _checked_host(self, url: str) -> str:
        try:
            parts = urlsplit(url.strip())
            host = parts.hostname or ""
            port = parts.port
        except ValueError:
            raise PermanentError("the webhook URL cannot be read") from None
        if self._allow_loopback and parts.scheme == "http" and _is_loopback(host):
            return host
        if parts.scheme != "https" or port not in (None, 443) or parts.username:
            raise PermanentError("the webhook URL has to be https://HOST/…, without user or port")
        if host not in self._hosts:
            allowed = ", ".join(sorted(self._hosts))
            raise PermanentError(f"the webhook's host is not one of {allowed}")
        return host


def retry_after_seconds(value: str | None) -> float | None:
    """Read `Retry-After`: seconds, whole or not, or an HTTP date; None where it cannot be read."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _check(host: str, status: int, answer: bytes, retry_after: str | None) -> None:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    words = answer.decode("utf-8", "replace")
    said = (
        f": {words}" if words.isascii() and words.isprintable() and len(words) <= _MAX_WORDS else ""
    )
    message = f"{host} answered {status}{said}"
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TransientError(message, retry_after=retry_after_seconds(retry_after))
    raise PermanentError(message)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
