"""Slack's Web API is called once, nowhere else, and its token stays secret whatever happens."""

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Final

import pytest

from bedrock_alerts.adapters.slack_api import SlackWeb
from bedrock_alerts.errors import (
    BedrockAlertsError,
    CredentialError,
    EditError,
    MessageError,
    PermanentError,
    TransientError,
    UnknownOutcomeError,
)
from tests.support.loopback import Answer, Hook
from tests.support.secrecy import lines, shown, traces

TOKEN: Final = "xoxb-invented-s3cretInventedToken"
TEXT: Final = "the text of an alert"
SECRETS: Final = (TOKEN, "s3cretInvented")
PAYLOAD: Final = {"text": TEXT, "unfurl_links": False, "unfurl_media": False}
CHANNEL: Final = "C0123456789"
SHORT: Final = 0.3


@pytest.fixture(autouse=True)
def _no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Hold every test here to it, with all loggers as talkative as they can be."""
    caplog.set_level(logging.DEBUG)
    for name in ("http.client", "urllib3", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield
    written = list(lines(caplog.get_records("call")))
    assert not shown((*SECRETS, TEXT), written)


def says(**answer: Any) -> Answer:
    return Answer(body=json.dumps(answer).encode())


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook(says(ok=True, ts="1.000001", channel=CHANNEL), path="/api/") as running:
        yield running


def web(hook: Hook) -> SlackWeb:
    return SlackWeb(hook.url, allow_loopback=True)


def failure(call: Callable[[], object]) -> TransientError | PermanentError:
    with pytest.raises(BedrockAlertsError) as caught:
        call()
    assert not shown(SECRETS, traces(caught.value))
    assert isinstance(caught.value, (TransientError, PermanentError))
    return caught.value


def test_a_message_is_sent_and_its_timestamp_returned(hook: Hook) -> None:
    assert web(hook).post(TOKEN, CHANNEL, PAYLOAD) == "1.000001"
    assert hook.paths == ["/api/chat.postMessage"]
    assert hook.received == [{**PAYLOAD, "channel": CHANNEL}]
    assert hook.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert hook.content_types == ["application/json;charset=utf-8"]


@pytest.mark.parametrize("broadcast", [False, True])
def test_a_reply_names_its_thread(hook: Hook, *, broadcast: bool) -> None:
    web(hook).post(TOKEN, CHANNEL, PAYLOAD, thread_ts="1.0", broadcast=broadcast)
    (received,) = hook.received
    assert (received["thread_ts"], received["reply_broadcast"]) == ("1.0", broadcast)


def test_a_message_is_edited(hook: Hook) -> None:
    web(hook).update(TOKEN, CHANNEL, "1.0", PAYLOAD)
    assert hook.paths == ["/api/chat.update"]
    assert hook.received == [{"text": TEXT, "channel": CHANNEL, "ts": "1.0"}]


def test_a_picture_goes_up_in_three_steps() -> None:
    picture = b"\x89PNG invented"
    with Hook(path="/upload/1") as files, Hook(path="/api/") as hook:
        hook.answer = says(ok=True, upload_url=files.url, file_id="F0INVENTED")
        web(hook).upload(TOKEN, CHANNEL, "1.0", picture, title="chat-blocks")
        assert hook.paths == [
            "/api/files.getUploadURLExternal",
            "/api/files.completeUploadExternal",
        ]
        first, last = hook.received
        assert (first["filename"], first["length"]) == ("metric.png", str(len(picture)))
        assert first["alt_txt"] == "chat-blocks"
        assert "F0INVENTED" in json.dumps(last)
        assert (last["channel_id"], last["thread_ts"]) == (CHANNEL, "1.0")
        assert files.bodies == [picture]
        # The token is Slack's API's business.
        assert "Authorization" not in files.headers[0]


def test_a_picture_is_brought_to_slacks_hosts_only(hook: Hook) -> None:
    hook.answer = says(ok=True, upload_url="https://evil.example.com/x", file_id="F0")
    error = failure(lambda: web(hook).upload(TOKEN, CHANNEL, "1.0", b"x", title="t"))
    assert "the webhook's host is not one of files.slack" in str(error)
    assert len(hook.received) == 1


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("ratelimited", TransientError),
        ("rate_limited", TransientError),
        ("message_limit_exceeded", TransientError),
        ("internal_error", UnknownOutcomeError),
        ("fatal_error", UnknownOutcomeError),
        ("request_timeout", UnknownOutcomeError),
        ("service_unavailable", UnknownOutcomeError),
        ("invalid_auth", CredentialError),
        ("token_revoked", CredentialError),
        ("account_inactive", CredentialError),
        ("not_authed", CredentialError),
        ("invalid_blocks", MessageError),
        ("msg_too_long", MessageError),
        ("msg_blocks_too_long", MessageError),
        ("cant_update_message", EditError),
        ("message_not_found", EditError),
        ("edit_window_closed", EditError),
        ("channel_not_found", PermanentError),
        ("not_in_channel", PermanentError),
        ("is_archived", PermanentError),
        ("missing_scope", PermanentError),
        ("restricted_action", PermanentError),
        ("a_word_of_tomorrow", PermanentError),
    ],
)
def test_slacks_word_says_what_can_be_done(
    hook: Hook, word: str, kind: type[BedrockAlertsError]
) -> None:
    hook.answer = says(ok=False, error=word)
    error = failure(lambda: web(hook).post(TOKEN, CHANNEL, PAYLOAD))
    assert type(error) is kind
    assert str(error) == f"Slack returned: {word}"
    assert len(hook.received) == 1


@pytest.mark.parametrize("word", [TOKEN, "x" * 500, "<html>", 7, None, ["no"], "A WORD"])
def test_what_is_no_word_of_slacks_is_not_repeated(hook: Hook, word: object) -> None:
    hook.answer = says(ok=False, error=word)
    error = failure(lambda: web(hook).post(TOKEN, CHANNEL, PAYLOAD))
    assert type(error) is PermanentError
    assert str(error) == "Slack returned: an unknown error"


@pytest.mark.parametrize(
    "body", [b"", b"ok", b"<html>log in</html>", b"[1]", b'"x"', b'{"ok": tr', b"\xff", b"[" * 9000]
)
def test_after_an_answer_that_is_not_slacks_the_outcome_is_unknown(hook: Hook, body: bytes) -> None:
    hook.answer = Answer(body=body)
    error = failure(lambda: web(hook).post(TOKEN, CHANNEL, PAYLOAD))
    assert isinstance(error, UnknownOutcomeError)
    assert str(error) == "127.0.0.1 returned 200 without a response from Slack"


def test_an_answer_without_end_is_not_read_to_its_end(hook: Hook) -> None:
    hook.answer = Answer(body=b'{"ok": true, "x": "' + b"x" * 2_000_000 + b'"}')
    assert isinstance(failure(lambda: web(hook).post(TOKEN, CHANNEL, PAYLOAD)), TransientError)


def test_an_accepted_message_without_a_timestamp_is_accepted(hook: Hook) -> None:
    hook.answer = says(ok=True)
    assert web(hook).post(TOKEN, CHANNEL, PAYLOAD) == ""


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_does_not_get_the_token(hook: Hook, status: int) -> None:
    with Hook(path="/elsewhere") as elsewhere:
        hook.answer = Answer(status, headers={"Location": elsewhere.url})
        error = failure(lambda: web(hook).post(TOKEN, CHANNEL, PAYLOAD))
        assert type(error) is PermanentError
        assert elsewhere.paths == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, PermanentError),
        (401, CredentialError),
        (403, CredentialError),
        (404, CredentialError),
        (408, TransientError),
        (413, MessageError),
        (500, UnknownOutcomeError),
        (502, UnknownOutcomeError),
        (503, UnknownOutcomeError),
        (504, UnknownOutcomeError),
    ],
)
def test_a_status_says_what_can_be_done(
    hook: Hook, status: int, kind: type[BedrockAlertsError]
) -> None:
    hook.answer = Answer(status, b'{"ok": true}')
    error = failure(lambda: web(hook).post(TOKEN, CHANNEL, PAYLOAD))
    assert type(error) is kind
    assert str(error) == f"127.0.0.1 returned {status}"
    assert len(hook.received) == 1


@pytest.mark.parametrize(
    ("header", "seconds"), [("30", 30.0), ("1.5", 1.5), ("99999999", 99999999.0), ("", None)]
)
def test_how_long_to_wait_is_passed_on(hook: Hook, header: str, seconds: float | None) -> None:
    hook.answer = Answer(429, b"", {"Retry-After": header} if header else {})
    error = failure(lambda: web(hook).post(TOKEN, CHANNEL, PAYLOAD))
    assert isinstance(error, TransientError)
    assert error.retry_after == seconds


def test_silence_ends_in_a_time_out(hook: Hook) -> None:
    hook.stays_silent = True
    error = failure(lambda: web(hook).post(TOKEN, CHANNEL, PAYLOAD, seconds=SHORT))
    assert isinstance(error, UnknownOutcomeError)
    assert str(error) == "no response from 127.0.0.1: TimeoutError"


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n"]
)
def test_a_response_that_comes_in_drops_is_given_up_at_the_deadline(
    hook: Hook, head: bytes
) -> None:
    hook.answer = Answer(raw=head, drip=b" ")
    calls: list[Callable[[], object]] = [
        lambda: web(hook).post(TOKEN, CHANNEL, PAYLOAD, seconds=SHORT),
        lambda: web(hook).update(TOKEN, CHANNEL, "1.0", PAYLOAD, seconds=SHORT),
        lambda: web(hook).upload(TOKEN, CHANNEL, "1.0", b"x", title="t", seconds=SHORT),
    ]
    for call in calls:
        started = time.monotonic()
        assert isinstance(failure(call), UnknownOutcomeError)
        assert SHORT <= time.monotonic() - started < 1


def test_the_three_steps_of_a_picture_share_their_seconds() -> None:
    with Hook(path="/upload/1") as files, Hook(path="/api/") as hook:
        files.stays_silent = True
        hook.answer = says(ok=True, upload_url=files.url, file_id="F0INVENTED")
        started = time.monotonic()
        error = failure(
            lambda: web(hook).upload(TOKEN, CHANNEL, "1.0", b"x", title="t", seconds=SHORT)
        )
        assert isinstance(error, UnknownOutcomeError)
        assert time.monotonic() - started < 1
        assert hook.paths == ["/api/files.getUploadURLExternal"]


def test_a_token_that_cannot_stand_in_a_header_is_not_shown(hook: Hook) -> None:
    error = failure(lambda: web(hook).post(f"{TOKEN}\nX: y", CHANNEL, PAYLOAD))
    assert type(error) is PermanentError
    assert hook.received == []


def test_text_that_is_no_unicode_is_a_fault_of_the_message(hook: Hook) -> None:
    error = failure(lambda: web(hook).post(TOKEN, CHANNEL, {"text": "\ud800"}))
    assert isinstance(error, MessageError)
    assert hook.received == []


def test_a_connection_that_breaks_leaves_the_outcome_unknown(hook: Hook) -> None:
    hook.answer = None
    error = failure(lambda: web(hook).post(TOKEN, CHANNEL, PAYLOAD))
    assert isinstance(error, UnknownOutcomeError)


def test_where_nobody_listens_somebody_may_later() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/api/"
        slack = SlackWeb(url, allow_loopback=True)
        error = failure(lambda: slack.post(TOKEN, CHANNEL, PAYLOAD))
    assert type(error) is TransientError
    assert str(error) == "no response from 127.0.0.1: ConnectionRefusedError"


def test_a_name_that_is_not_found_may_be_found_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    slack = SlackWeb("https://slack.com/api/")
    error = failure(lambda: slack.post(TOKEN, CHANNEL, PAYLOAD))
    assert type(error) is TransientError
    assert str(error) == "no response from slack.com: gaierror"


def test_a_proxy_of_the_environment_is_not_used(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Hook(path="/") as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        web(hook).post(TOKEN, CHANNEL, PAYLOAD)
        assert proxy.paths == []


@pytest.mark.parametrize(
    "url",
    [
        "http://slack.com/api/",
        "https://slack.com.example.com/api/",
        "https://evil.example.com/api/",
        "https://slack.com:8443/api/",
        "https://user@slack.com/api/",
        "ftp://slack.com/api/",
        "",
        "https://127.0.0.1/api/",
    ],
)
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_slack_is_found_nowhere_else(url: str, *, allow_loopback: bool) -> None:
    with pytest.raises(PermanentError, match="Slack's API must be"):
        SlackWeb(url, allow_loopback=allow_loopback)


def test_this_machine_is_slack_only_where_that_was_allowed(hook: Hook) -> None:
    with pytest.raises(PermanentError, match="Slack's API must be"):
        SlackWeb(hook.url)


@pytest.mark.parametrize("url", ["https://slack.com/api/", "https://slack-gov.com/api/"])
def test_slacks_own_hosts_are_slack(url: str) -> None:
    SlackWeb(url)
