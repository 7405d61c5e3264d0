"""Implements the Slack methods of a bot: each responds in Slack's format, with status 200."""

from __future__ import annotations

import base64
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from bedrock_alerts_cli.fake_slack.blocks import payload_problem
from bedrock_alerts_cli.fake_slack.request import JSON, Request, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bedrock_alerts_cli.fake_slack.inbox import Inbox

CHANNEL_ID: Final = "C0LOCAL0000"
SCOPES: Final = "channels:read,chat:write,files:write"
BOT_TOKEN: Final = "xoxb-local-token"  # noqa: S105 - it opens nothing but this receiver


def post_message(inbox: Inbox, request: Request) -> Response:
    """Accept a bot's message or reply, as `chat.postMessage` does."""
    given = _arguments(request)
    problem = _bot_problem(request, given) or payload_problem(given)
    thread = given.get("thread_ts")
    if not problem and thread and not inbox.has_message(str(thread)):
        problem = "thread_not_found"
    if problem:
        return _refusal(problem)
    message = inbox.add_message(given)
    return _says(ok=True, channel=CHANNEL_ID, ts=message.ts)


def who_am_i(_inbox: Inbox, request: Request) -> Response:
    """Say who the token belongs to, as `auth.test` does, and its scopes in a header."""
    if not _is_bot(request):
        return _refusal("invalid_auth")
    answer = {"ok": True, "team": "Local", "user": "bedrock-alerts", "bot_id": "B0LOCAL0000"}
    return Response(HTTPStatus.OK, json.dumps(answer), JSON, {"X-OAuth-Scopes": SCOPES})


def describe_channel(_inbox: Inbox, request: Request) -> Response:
    """Describe the one channel, as `conversations.info` does."""
    problem = _bot_problem(request, _arguments(request))
    if problem:
        return _refusal(problem)
    channel = {"id": CHANNEL_ID, "name": "local", "is_member": True, "is_archived": False}
    return _says(ok=True, channel=channel)


def update_message(inbox: Inbox, request: Request) -> Response:
    """Edit a bot's message, as `chat.update` does."""
    given = _arguments(request)
    problem = _bot_problem(request, given) or payload_problem(given)
    ts = str(given.get("ts", ""))
    if not problem and not inbox.edit_message(ts, given):
        problem = "message_not_found"
    return _refusal(problem) if problem else _says(ok=True, channel=CHANNEL_ID, ts=ts)


def expect_upload(inbox: Inbox, request: Request) -> Response:
    """Return the upload URL of a file, as `files.getUploadURLExternal` does."""
    given = _arguments(request)
    if not _is_bot(request):
        return _refusal("invalid_auth")
    if not given.get("filename") or not str(given.get("length", "")).isdecimal():
        return _refusal("invalid_arguments")
    name = inbox.expect_file()
    return _says(ok=True, file_id=name, upload_url=f"{request.base_url}upload?file={name}")


def take_upload(inbox: Inbox, request: Request) -> Response:
    """Accept an upload at its URL."""
    name = dict(parse_qsl(request.query)).get("file", "")
    if not request.body or not inbox.keep_file(name, request.body):
        return Response(HTTPStatus.BAD_REQUEST, "not expected")
    return Response(HTTPStatus.OK, f"OK - {len(request.body)}")


def complete_upload(inbox: Inbox, request: Request) -> Response:
    """Show a file in a thread, as `files.completeUploadExternal` does."""
    given = _arguments(request)
    problem = _bot_problem(request, {**given, "channel": given.get("channel_id")})
    files = _parsed(given.get("files"))
    file = files[0] if isinstance(files, list) and files and isinstance(files[0], dict) else {}
    content = inbox.file(str(file.get("id", "")))
    if not problem and not content:
        problem = "file_not_found"
    if problem:
        return _refusal(problem)
    picture = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    payload = {"text": str(file.get("title", "")), "thread_ts": given.get("thread_ts")}
    inbox.add_message(payload, picture=picture)
    return _says(ok=True, files=[{"id": file["id"]}])


def _arguments(request: Request) -> dict[str, Any]:
    """Read a method's arguments: JSON, or a form."""
    found = _parsed(request.body)
    if isinstance(found, dict):
        return found
    return dict(parse_qsl(request.body.decode("utf-8", "replace")))


def _parsed(value: Any) -> Any:
    """Read JSON in a text; empty if it is not JSON."""
    if not isinstance(value, str | bytes):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _bot_problem(request: Request, given: Mapping[str, Any]) -> str:
    if not _is_bot(request):
        return "invalid_auth"
    return "" if given.get("channel") == CHANNEL_ID else "channel_not_found"


def _is_bot(request: Request) -> bool:
    return request.authorization == f"Bearer {BOT_TOKEN}"


def _refusal(word: str) -> Response:
    return _says(ok=False, error=word)


def _says(**answer: Any) -> Response:
    return Response(HTTPStatus.OK, json.dumps(answer), JSON)
