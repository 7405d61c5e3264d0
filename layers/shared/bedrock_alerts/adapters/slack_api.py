"""Slack's Web API with a bot's token: messages that can be edited, threads, pictures.

Four methods, posted to directly. No redirect is followed, so the token goes only to Slack's API.
Errors repeat nothing of a response but Slack's error code.
"""

import json
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from bedrock_alerts.adapters.exchange import SECONDS, Client
from bedrock_alerts.adapters.http import (
    SLACK_FILE_HOSTS,
    Poster,
    encode_json,
    failure_of,
    is_own_machine,
    read_url,
)
from bedrock_alerts.errors import (
    CredentialError,
    EditError,
    MessageError,
    PermanentError,
    TransientError,
    UnknownOutcomeError,
)

API_HOSTS: Final = frozenset({"slack.com", "slack-gov.com"})
_JSON: Final = "application/json;charset=utf-8"
_FORM: Final = "application/x-www-form-urlencoded"
_MAX_ANSWER_BYTES: Final = 256 * 1024
_WORD: Final = re.compile(r"[a-z]+(?:_[a-z]+){0,7}")
_MAX_WORD_CHARS: Final = 60

# Slack's error codes in responses with status 200.
# https://docs.slack.dev/reference/methods/chat.postMessage
_KINDS: Final[Mapping[str, type[TransientError | PermanentError]]] = {
    **dict.fromkeys(
        ("message_limit_exceeded", "rate_limited", "ratelimited", "team_added_to_org"),
        TransientError,
    ),
    **dict.fromkeys(
        ("fatal_error", "internal_error", "request_timeout", "service_unavailable"),
        UnknownOutcomeError,
    ),
    **dict.fromkeys(
        ("account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"),
        CredentialError,
    ),
    **dict.fromkeys(
        (
            "attachment_payload_limit_exceeded",
            "invalid_arguments",
            "invalid_attachments",
            "invalid_blocks",
            "invalid_blocks_format",
            "msg_blocks_too_long",
            "msg_too_long",
            "no_text",
            "too_many_attachments",
        ),
        MessageError,
    ),
    **dict.fromkeys(
        (
            "cannot_reply_to_message",
            "cant_update_message",
            "edit_window_closed",
            "message_not_found",
            "thread_not_found",
            "update_failed",
        ),
        EditError,
    ),
}


class SlackWeb:
    """Slack's methods, one attempt each, within `seconds`.

    All raise TransientError (certainly not done), UnknownOutcomeError (perhaps done), or
    PermanentError and its subclasses.
    """

    def __init__(self, api_url: str, *, allow_loopback: bool = False) -> None:
        target = read_url(api_url)
        is_slack = target.scheme == "https" and target.host in API_HOSTS and target.port is None
        if not (is_slack or (allow_loopback and is_own_machine(target))) or target.has_user:
            raise PermanentError("Slack's API must be https://slack.com/api/ or slack-gov.com")
        self._api = target
        self._client = Client()
        self._files = Poster(SLACK_FILE_HOSTS, allow_loopback=allow_loopback)

    def post(
        self,
        token: str,
        channel: str,
        payload: Mapping[str, Any],
        *,
        thread_ts: str = "",
        broadcast: bool = False,
        seconds: float = SECONDS,
    ) -> str:
        """Send a message, or a reply to `thread_ts`, and return its `ts`.

        `broadcast` also shows a reply in the channel.
        """
        thread = {"thread_ts": thread_ts, "reply_broadcast": broadcast} if thread_ts else {}
        message = encode_json({**payload, **thread, "channel": channel})
        return _text(self._ask(token, "chat.postMessage", message, _JSON, seconds), "ts")

    def update(
        self,
        token: str,
        channel: str,
        ts: str,
        payload: Mapping[str, Any],
        *,
        seconds: float = SECONDS,
    ) -> None:
        """Replace what a message says. Raises EditError when it is gone or closed."""
        shown = {key: value for key, value in payload.items() if not key.startswith("unfurl_")}
        message = encode_json({**shown, "channel": channel, "ts": ts})
        self._ask(token, "chat.update", message, _JSON, seconds)

    def upload(
        self,
        token: str,
        channel: str,
        thread_ts: str,
        picture: bytes,
        *,
        title: str,
        seconds: float = SECONDS,
    ) -> None:
        """Upload a PNG picture to a thread: three requests, all within `seconds`."""
        deadline = time.monotonic() + seconds

        def ask(method: str, fields: Mapping[str, str | int]) -> Mapping[str, Any]:
            form = urlencode(fields, errors="replace").encode()
            return self._ask(token, method, form, _FORM, deadline - time.monotonic())

        place = ask(
            "files.getUploadURLExternal",
            {"filename": "metric.png", "length": len(picture), "alt_txt": title},
        )
        self._files.post(
            _text(place, "upload_url"),
            picture,
            {"Content-Type": "image/png"},
            seconds=deadline - time.monotonic(),
        )
        files = json.dumps([{"id": _text(place, "file_id"), "title": title}])
        ask(
            "files.completeUploadExternal",
            {"files": files, "channel_id": channel, "thread_ts": thread_ts},
        )

    def _ask(
        self, token: str, method: str, body: bytes, kind: str, seconds: float
    ) -> Mapping[str, Any]:
        """Call one method, and return Slack's `ok` response."""
        host = self._api.host
        response = self._client.post(
            self._api._replace(path=f"{self._api.path.rstrip('/')}/{method}"),
            body,
            {"Authorization": f"Bearer {token}", "Content-Type": kind},
            seconds=seconds,
            max_bytes=_MAX_ANSWER_BYTES,
        )
        if response.status != HTTPStatus.OK:
            raise failure_of(response, f"{host} returned {response.status}")
        answer = _read(response.body)
        if answer is None:
            # A proxy's page, or half a response: Slack may or may not have accepted the message.
            raise UnknownOutcomeError(f"{host} returned 200 without a response from Slack")
        if answer.get("ok") is not True:
            raise _failure(answer.get("error"))
        return answer


def _failure(found: object) -> TransientError | PermanentError:
    """Return the error that a response with status 200 and `ok: false` means."""
    word = found if isinstance(found, str) and len(found) <= _MAX_WORD_CHARS else ""
    word = word if _WORD.fullmatch(word) else "an unknown error"
    return _KINDS.get(word, PermanentError)(f"Slack returned: {word}")


def _read(body: bytes) -> Mapping[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(answer: Mapping[str, Any], key: str) -> str:
    value = answer.get(key)
    return value if isinstance(value, str) else ""
