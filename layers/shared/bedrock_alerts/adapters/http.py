"""Posting to webhooks: https only, known hosts only, no redirects, everything bounded.

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
from typing import Any, Final, NamedTuple

import msgspec
import urllib3

from bedrock_alerts.adapters.secrecy import silence
from bedrock_alerts.errors import CredentialError, MessageError, PermanentError, TransientError

SLACK_HOSTS: Final = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
SLACK_FILE_HOSTS: Final = frozenset({"files.slack.com", "files.slack-gov.com"})
PAGERDUTY_HOSTS: Final = frozenset({"events.pagerduty.com", "events.eu.pagerduty.com"})
# A leading dot takes every host below it: each region and environment has its own.
TEAMS_HOSTS: Final = frozenset({".logic.azure.com", ".environment.api.powerplatform.com"})
TIMEOUT: Final = urllib3.Timeout(connect=3, read=7)
_MAX_ANSWER_BYTES: Final = 4096
_MAX_WORD_BYTES: Final = 60
# What Slack says about a refused message: `invalid_token`, `no_service`. Nothing else is repeated:
# a proxy in between may quote the path.
_WORD: Final = re.compile(rb"[a-z]+(?:_[a-z]+)*")
# Slack's words for a message that is wrong in itself.
_FAULTY: Final = frozenset(
    {
        "invalid_attachments",
        "invalid_blocks",
        "invalid_payload",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    }
)
_UNKNOWN_TO_THEM: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
)
_LOGGERS_THAT_WRITE_URLS: Final = (
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.util.retry",
)


class Target(NamedTuple):
    """Where a URL leads, read by the parser that the request uses: two can disagree on the host."""

    scheme: str
    host: str
    port: int | None
    has_user: bool
    path: str


def read_url(url: str) -> Target:
    """Take a URL apart; one that cannot be read has no scheme and no host."""
    try:
        parts = urllib3.util.parse_url(url)
    except urllib3.exceptions.LocationParseError:
        parts = urllib3.util.Url()
    return Target(
        scheme=parts.scheme or "",
        host=(parts.host or "").strip("[]"),
        port=parts.port,
        has_user=parts.auth is not None,
        path=parts.request_uri,
    )


class Poster:
    """Posts to URLs of the given hosts; `allow_loopback` adds plain http to this machine."""

    def __init__(
        self,
        hosts: frozenset[str],
        *,
        allow_loopback: bool = False,
        timeout: urllib3.Timeout = TIMEOUT,
    ) -> None:
        hush()
        self._hosts = hosts
        self._allow_loopback = allow_loopback
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send `body` once. Returns only when the other side has accepted it.

        Raises TransientError (time-outs, connection errors, 429, 5xx) or PermanentError (all
        else: a refused URL, a redirect, a 4xx).
        """
        host = self._checked_host(url)
        failure: TransientError | PermanentError | None
        try:
            response = self._pool.request(
                "POST", url, body=body, headers=headers, redirect=False, preload_content=False
            )
        except urllib3.exceptions.HTTPError as error:
            failure = no_answer(host, error)
        else:
            failure = judge(host, url, response)
        if failure is not None:
            raise failure

    def _checked_host(self, url: str) -> str:
        target = read_url(url)
        if self._allow_loopback and is_own_machine(target):
            return target.host
        if target.scheme != "https" or target.port not in (None, 443) or target.has_user:
            raise PermanentError("the webhook URL has to be https://HOST/…, without user or port")
        if target.host not in self._hosts and not any(
            host.startswith(".") and target.host.endswith(host) for host in self._hosts
        ):
            allowed = ", ".join(
                f"*{host}" if host.startswith(".") else host for host in sorted(self._hosts)
            )
            raise PermanentError(f"the webhook's host is not one of {allowed}")
        return target.host


class JsonPoster(Poster):
    """Posts JSON."""

    def post_json(self, url: str, payload: Mapping[str, Any]) -> None:
        """Send `payload` once. Raises what `post` does."""
        headers = {"Content-Type": "application/json; charset=utf-8"}
        self.post(url, msgspec.json.encode(payload), headers)


def hush() -> None:
    """Keep urllib3 from writing URLs into the log."""
    silence(*_LOGGERS_THAT_WRITE_URLS)


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


def is_own_machine(target: Target) -> bool:
    """Tell whether a URL is plain http to this machine, as the local stack's receiver has it."""
    return target.scheme == "http" and not target.has_user and _is_loopback(target.host)


def no_answer(host: str, error: Exception) -> TransientError:
    """Say that nothing came back, without what the library's error says: it may hold the URL."""
    return TransientError(f"no answer from {host}: {type(error).__name__}")


def judge(
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
    word = _word(answer, url)
    message = f"{host} answered {status}{word and f': {word}'}"
    retry_after = retry_after_seconds(response.headers.get("Retry-After"))
    return failure_of(status, message, word=word, retry_after=retry_after)


def failure_of(
    status: int, message: str, *, word: str = "", retry_after: float | None = None
) -> TransientError | PermanentError:
    """Say by its status what a failed request means for the next attempt."""
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return TransientError(message, retry_after=retry_after)
    if status == HTTPStatus.REQUEST_TIMEOUT:
        return TransientError(message)
    if status in _UNKNOWN_TO_THEM:
        return CredentialError(message)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or word in _FAULTY:
        return MessageError(message)
    return PermanentError(message)


def _word(answer: bytes, url: str) -> str:
    if len(answer) > _MAX_WORD_BYTES or not _WORD.fullmatch(answer):
        return ""
    word = answer.decode("ascii")
    return "" if word in url else word


def _is_loopback(host: str) -> bool:
    try:
        # The last is what a container calls the machine that it runs on.
        return (
            host in {"localhost", "host.docker.internal"} or ipaddress.ip_address(host).is_loopback
        )
    except ValueError:
        return False
