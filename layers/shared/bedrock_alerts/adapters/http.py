"""Posts to webhooks: only https, only known hosts, no redirects, everything bounded.

The URL of a webhook is a secret. It never appears in an exception or a log line: errors name the
host and the status.
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

from bedrock_alerts.adapters.exchange import SECONDS, Client, Response, Target, is_success
from bedrock_alerts.adapters.quiet_loggers import silence
from bedrock_alerts.errors import (
    CredentialError,
    MessageError,
    PermanentError,
    TransientError,
    UnknownOutcomeError,
)

SLACK_HOSTS: Final = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
SLACK_FILE_HOSTS: Final = frozenset({"files.slack.com", "files.slack-gov.com"})
PAGERDUTY_HOSTS: Final = frozenset({"events.pagerduty.com", "events.eu.pagerduty.com"})
# A leading dot allows every host below it: each region and environment has its own.
TEAMS_HOSTS: Final = frozenset(
    {
        ".environment.api.powerplatform.com",
        ".logic.azure.com",
        ".logic.azure.us",
        ".powerplatform.microsoft.us",
    }
)
_MAX_ANSWER_BYTES: Final = 4096
_MAX_WORD_BYTES: Final = 60
# Slack's error codes, such as `invalid_token` and `no_service`. Nothing else is repeated: a proxy
# may quote the path.
_WORD: Final = re.compile(rb"[a-z]+(?:_[a-z]+)*")
# The error for a status. From 500 on the outcome is unknown; any other status is permanent.
_STATUSES: Final[Mapping[int, type[TransientError | PermanentError]]] = {
    HTTPStatus.UNAUTHORIZED: CredentialError,
    HTTPStatus.FORBIDDEN: CredentialError,
    HTTPStatus.NOT_FOUND: CredentialError,
    HTTPStatus.REQUEST_TIMEOUT: TransientError,  # it timed out while waiting for the request
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: MessageError,
    HTTPStatus.TOO_MANY_REQUESTS: TransientError,
}
# Slack's codes for a wrong message, whatever the status.
_WORDS: Final[Mapping[str, type[PermanentError]]] = dict.fromkeys(
    (
        "invalid_attachments",
        "invalid_blocks",
        "invalid_payload",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    ),
    MessageError,
)
_LOGGERS_THAT_WRITE_URLS: Final = (
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.util.retry",
)


def read_url(url: str) -> Target:
    """Split a URL; one that cannot be parsed has no scheme and no host."""
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
    """Posts to URLs of the given hosts; `allow_loopback` also allows plain http to this machine."""

    def __init__(self, hosts: frozenset[str], *, allow_loopback: bool = False) -> None:
        self._hosts = hosts
        self._allow_loopback = allow_loopback
        self._client = Client()

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = SECONDS
    ) -> None:
        """Send `body` once. Returns only if the server accepts it within `seconds`.

        Raises TransientError when it was certainly not accepted (no connection, 429),
        UnknownOutcomeError when it perhaps was (time-outs, broken connections, 5xx), and
        PermanentError for all else: a refused URL, a redirect, a 4xx.
        """
        target = self.checked(url)
        response = self._client.post(
            target, body, headers, seconds=seconds, max_bytes=_MAX_ANSWER_BYTES
        )
        judge(target.host, url, response)

    def checked(self, url: str) -> Target:
        """Take a URL apart that may be posted to. Raises PermanentError for any other."""
        target = read_url(url)
        if self._allow_loopback and is_own_machine(target):
            return target
        if target.scheme != "https" or target.port not in (None, 443) or target.has_user:
            raise PermanentError("the webhook URL must be https://HOST/…, without user or port")
        if target.host not in self._hosts and not any(
            host.startswith(".") and target.host.endswith(host) for host in self._hosts
        ):
            allowed = ", ".join(
                f"*{host}" if host.startswith(".") else host for host in sorted(self._hosts)
            )
            raise PermanentError(f"the webhook's host is not one of {allowed}")
        return target


class JsonPoster(Poster):
    """Posts JSON."""

    def post_json(self, url: str, payload: Mapping[str, Any], *, seconds: float = SECONDS) -> None:
        """Send `payload` once. Raises what `post` does."""
        headers = {"Content-Type": "application/json; charset=utf-8"}
        self.post(url, encode_json(payload), headers, seconds=seconds)


def encode_json(payload: Mapping[str, Any]) -> bytes:
    """Return a payload as JSON. Raises MessageError for text that is not valid Unicode."""
    try:
        return msgspec.json.encode(payload)
    except UnicodeEncodeError:
        pass  # raised below, because the library's error holds the text
    raise MessageError("the message cannot be written as JSON")


def hush() -> None:
    """Keep urllib3 from logging URLs."""
    silence(*_LOGGERS_THAT_WRITE_URLS)


def retry_after_seconds(value: str | None) -> float | None:
    """Return `Retry-After` in seconds, from a number or an HTTP date; None if it cannot be read."""
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
    """Whether a URL is plain http to this machine, like that of the local stack's receiver."""
    return target.scheme == "http" and not target.has_user and _is_loopback(target.host)


def judge(host: str, url: str, response: Response) -> None:
    """Raise the error that a response means; success raises nothing."""
    if is_success(response.status):
        return
    word = _word(response.body, url)
    message = f"{host} returned {response.status}{word and f': {word}'}"
    raise failure_of(response, message, word)


def failure_of(response: Response, message: str, word: str = "") -> TransientError | PermanentError:
    """Return the error for a failed request, by its status or Slack's code."""
    status = response.status
    kind = _STATUSES.get(status) or _WORDS.get(word, PermanentError)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = UnknownOutcomeError
    if issubclass(kind, TransientError) and status != HTTPStatus.REQUEST_TIMEOUT:
        return kind(message, retry_after=retry_after_seconds(response.headers.get("retry-after")))
    return kind(message)


def _word(answer: bytes, url: str) -> str:
    if len(answer) > _MAX_WORD_BYTES or not _WORD.fullmatch(answer):
        return ""
    word = answer.decode("ascii")
    return "" if word in url else word


def _is_loopback(host: str) -> bool:
    try:
        # The last is the name that a container uses for its host.
        return (
            host in {"localhost", "host.docker.internal"} or ipaddress.ip_address(host).is_loopback
        )
    except ValueError:
        return False
