"""Slack's Web API with a bot's token: messages that can be edited, threads, pictures.

slack_sdk knows the methods; the requests go through urllib3, because slack_sdk's own way follows
redirects, which would take the token along, and takes an answer of any size. Imported only where a
stack has a bot: slack_sdk costs a cold start a tenth of a second. No error repeats more of an
answer than Slack's word for it, and all of slack_sdk's loggers are silenced: they write messages.
"""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.request import Request

import msgspec
import urllib3
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from bedrock_alerts.adapters.http import (
    SLACK_FILE_HOSTS,
    TIMEOUT,
    Poster,
    failure_of,
    hush,
    is_own_machine,
    no_answer,
    read_url,
    retry_after_seconds,
)
from bedrock_alerts.adapters.secrecy import silence
from bedrock_alerts.errors import (
    BedrockAlertsError,
    CredentialError,
    EditError,
    MessageError,
    PermanentError,
    TransientError,
)

API_HOSTS: Final = frozenset({"slack.com", "slack-gov.com"})
_LOGGERS: Final = (
    "slack_sdk.web.base_client",
    "slack_sdk.web.client",
    "slack_sdk.web.internal_utils",
    "slack_sdk.web.slack_response",
)
_MAX_ANSWER_BYTES: Final = 256 * 1024
_WORD: Final = re.compile(r"[a-z]+(?:_[a-z]+){0,7}")
_MAX_WORD_CHARS: Final = 60

# What Slack says in answers of status 200. https://docs.slack.dev/reference/methods/chat.postMessage
_KINDS: Final[Mapping[str, type[TransientError | PermanentError]]] = {
    **dict.fromkeys(
        (
            "fatal_error",
            "internal_error",
            "message_limit_exceeded",
            "rate_limited",
            "ratelimited",
            "request_timeout",
            "service_unavailable",
            "team_added_to_org",
        ),
        TransientError,
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
    """Slack's methods, one attempt each. All raise TransientError or PermanentError and its kin."""

    def __init__(
        self, api_url: str, *, allow_loopback: bool = False, timeout: urllib3.Timeout = TIMEOUT
    ) -> None:
        silence(*_LOGGERS)
        hush()
        target = read_url(api_url)
        is_slack = target.scheme == "https" and target.host in API_HOSTS and target.port is None
        if not (is_slack or (allow_loopback and is_own_machine(target))) or target.has_user:
            raise PermanentError("Slack's API has to be https://slack.com/api/ or slack-gov.com")
        self._api_url = api_url
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)
        self._files = Poster(SLACK_FILE_HOSTS, allow_loopback=allow_loopback, timeout=timeout)

    def post(
        self,
        token: str,
        channel: str,
        payload: Mapping[str, Any],
        *,
        thread_ts: str = "",
        broadcast: bool = False,
    ) -> str:
        """Send a message, as a reply where `thread_ts` says of what. Returns its own `ts`.

        `broadcast` shows a reply in the channel too.
        """
        thread = {"thread_ts": thread_ts, "reply_broadcast": broadcast} if thread_ts else {}
        message = {**payload, **thread}
        answer = self._ask(token, lambda slack: slack.chat_postMessage(channel=channel, **message))
        return _text(answer, "ts")

    def update(self, token: str, channel: str, ts: str, payload: Mapping[str, Any]) -> None:
        """Replace what a message says. Raises EditError when it is gone or closed."""
        message = {key: value for key, value in payload.items() if not key.startswith("unfurl_")}
        self._ask(token, lambda slack: slack.chat_update(channel=channel, ts=ts, **message))

    def upload(
        self, token: str, channel: str, thread_ts: str, picture: bytes, *, title: str
    ) -> None:
        """Put a PNG picture into a thread."""
        place = self._ask(
            token,
            lambda slack: slack.files_getUploadURLExternal(
                filename="metric.png", length=len(picture), alt_txt=title
            ),
        )
        self._files.post(_text(place, "upload_url"), picture, {"Content-Type": "image/png"})
        file: dict[str, str | None] = {"id": _text(place, "file_id"), "title": title}
        self._ask(
            token,
            lambda slack: slack.files_completeUploadExternal(
                files=[file], channel_id=channel, thread_ts=thread_ts
            ),
        )

    def _ask(self, token: str, ask: Callable[[WebClient], SlackResponse]) -> Mapping[str, Any]:
        client = _Client(self._pool, token=token, base_url=self._api_url, retry_handlers=[])
        failure: BedrockAlertsError
        try:
            answer = ask(client)
        except BedrockAlertsError as error:  # out of our own transport
            failure = error
        except SlackApiError as error:
            failure = _failure(error.response)
        except (SlackClientError, ValueError) as error:
            failure = PermanentError(f"slack_sdk sent nothing: {type(error).__name__}")
        else:
            return answer.data if isinstance(answer.data, dict) else {}
        raise failure.with_traceback(None)


class _Client(WebClient):
    """slack_sdk's client, with a transport of our own."""

    def __init__(self, pool: urllib3.PoolManager, **options: Any) -> None:
        super().__init__(**options)
        self._pool = pool

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        """Send one request, without redirects. A test fails if slack_sdk goes another way."""
        host = read_url(url).host
        failure: BedrockAlertsError | None = None
        body, status, headers = b"", 0, urllib3.HTTPHeaderDict()
        try:
            response = self._pool.request(
                "POST",
                url,
                body=bytes(req.data or b""),  # type: ignore[arg-type] # slack_sdk gives bytes
                headers=dict(req.header_items()),
                redirect=False,
                preload_content=False,
            )
            status, headers = response.status, response.headers
            body = response.read(_MAX_ANSWER_BYTES, decode_content=False)
            response.close()
        except urllib3.exceptions.HTTPError as error:
            failure = no_answer(host, error)
        if failure is None and status != HTTPStatus.OK:
            wait = retry_after_seconds(headers.get("Retry-After"))
            failure = failure_of(status, f"{host} answered {status}", retry_after=wait)
        if failure is None and not _is_object(body):
            # A proxy's page, or half an answer: Slack may or may not have taken the message.
            failure = TransientError(f"{host} answered {status} with something that is not Slack's")
        if failure is not None:
            raise failure
        return {"status": status, "headers": headers, "body": body.decode("utf-8", "replace")}


def _failure(response: Any) -> BedrockAlertsError:
    """Say what an answer of status 200 with `ok: false` means."""
    found = response.get("error") if isinstance(response.data, dict) else None
    word = found if isinstance(found, str) and len(found) <= _MAX_WORD_CHARS else ""
    word = word if _WORD.fullmatch(word) else "an unknown error"
    return _KINDS.get(word, PermanentError)(f"Slack answered: {word}")


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(body), dict)
    except (msgspec.DecodeError, RecursionError):
        return False


def _text(answer: Mapping[str, Any], key: str) -> str:
    value = answer.get(key)
    return value if isinstance(value, str) else ""
