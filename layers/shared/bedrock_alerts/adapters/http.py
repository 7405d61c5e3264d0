"""Posting JSON to a webhook: https only, known hosts only, no redirects, everything bounded.

The URL of a webhook is a secret. It never appears in an exception or a log line. Errors name the
host and the status; they are made where a library's error is caught and raised after that, because
its text may hold the path and it would come along as the context. urllib3's loggers, which write
whole URLs, are silenced.
"""

import email.utils
import ipaddress
import math
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
import urllib3

from bedrock_alerts.adapters.secrecy import silence
from bedrock_alerts.errors import PermanentError, TransientError

SLACK_HOSTS: Final = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
_TIMEOUT: Final = urllib3.Timeout(connect=3, read=7)
_MAX_ANSWER_BYTES: Final = 4096
_MAX_WORD_BYTES: Final = 60
# What Slack says about a refused message: `invalid_token`, `no_service`. Nothing else is repeated:
# a proxy in between may quote the path.
_SLACK_WORD: Final = re.compile(rb"[a-z]+(?:_[a-z]+)*")
_LOGGERS_THAT_WRITE_URLS: Final = (
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.util.retry",
)


class JsonPoster:
    """Posts to webhooks of the given hosts; `allow_loopback` adds plain http to this machine."""

    def __init__(
        self,
        hosts: frozenset[str],
        *,
        allow_loopback: bool = False,
        timeout: urllib3.Timeout = _TIMEOUT,
    ) -> None:
        silence(*_LOGGERS_THAT_WRITE_URLS)
        self._hosts = hosts
        self._allow_loopback = allow_loopback
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def post(self, url: str, payload: Mapping[str, Any]) -> None:
        """Send `payload` once. Returns only when the other side has accepted it.

        Raises TransientError (time-outs, connection errors, 429, 5xx) or PermanentError (all
        else: a refused URL, a redirect, a 4xx).
        """
        host = self._checked_host(url)
        failure: TransientError | PermanentError | None
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
            failure = TransientError(f"no answer from {host}: {type(error).__name__}")
        else:
            failure = _failure(host, url, response)
        if failure is not None:
            raise failure

    def _checked_host(self, url: str) -> str:
        # Read by the parser that the request will use: two parsers can disagree on the host.
        try:
            parts = urllib3.util.parse_url(url)
        except urllib3.exceptions.LocationParseError:
            parts = urllib3.util.Url()
        host = (parts.host or "").strip("[]")
        is_here = parts.scheme == "http" and self._allow_loopback and _is_loopback(host)
        if is_here and parts.auth is None:
            return host
        if parts.scheme != "https" or parts.port not in (None, 443) or parts.auth is not None:
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
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _failure(
    host: str, url: str, response: urllib3.BaseHTTPResponse
) -> TransientError | PermanentError | None:
    """Read the answer, and return what is wrong with it, None for nothing."""
    try:
        answer = response.read(_MAX_ANSWER_BYTES, decode_content=False)
    except urllib3.exceptions.HTTPError:
        answer = b""
    finally:
        response.close()
    status = response.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    message = f"{host} answered {status}{_quote(answer, url)}"
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return TransientError(
            message, retry_after=retry_after_seconds(response.headers.get("Retry-After"))
        )
    return PermanentError(message)


def _quote(answer: bytes, url: str) -> str:
    if len(answer) > _MAX_WORD_BYTES or not _SLACK_WORD.fullmatch(answer):
        return ""
    word = answer.decode("ascii")
    return "" if word in url else f": {word}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
