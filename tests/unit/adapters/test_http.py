"""A webhook is called once, only where it may be, and its URL stays secret whatever happens."""

import email.utils
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.adapters.http import (
    PAGERDUTY_HOSTS,
    SLACK_HOSTS,
    TEAMS_HOSTS,
    JsonPoster,
    retry_after_seconds,
)
from bedrock_alerts.errors import (
    BedrockAlertsError,
    MessageError,
    PermanentError,
    TransientError,
    UnknownOutcomeError,
)
from tests.support.loopback import Answer, Hook
from tests.support.secrecy import lines, shown, traces

TOKEN = "s3cretInventedToken"
PATH = f"/services/T0INVENTED/B0INVENTED/{TOKEN}"
SECRETS = (TOKEN, "T0INVENTED", "services")
PAYLOAD = {"text": "Größe <x> 🚨"}
SHORT = 0.1


@pytest.fixture(autouse=True)
def _no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Hold every test here to it, with all loggers as talkative as they can be."""
    caplog.set_level(logging.DEBUG)
    yield
    assert not shown(SECRETS, lines(caplog.get_records("call")))


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook(path=PATH) as running:
        yield running


def failure(
    url: str, poster: JsonPoster | None = None, seconds: float = 10
) -> TransientError | PermanentError:
    """Post in vain, and return the error, which never shows the secret."""
    poster = poster or JsonPoster(SLACK_HOSTS, allow_loopback=True)
    with pytest.raises(BedrockAlertsError) as caught:
        poster.post_json(url, PAYLOAD, seconds=seconds)
    assert not shown(SECRETS, traces(caught.value))
    assert isinstance(caught.value, (TransientError, PermanentError))
    return caught.value


def post(url: str) -> None:
    JsonPoster(SLACK_HOSTS, allow_loopback=True).post_json(url, PAYLOAD)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_message_that_is_accepted_is_sent_once(hook: Hook, status: int) -> None:
    hook.answer = Answer(status)
    post(hook.url)
    assert hook.received == [PAYLOAD]
    assert hook.paths == [PATH]
    assert hook.content_types == ["application/json; charset=utf-8"]


def test_several_messages_go_one_after_the_other(hook: Hook) -> None:
    poster = JsonPoster(SLACK_HOSTS, allow_loopback=True)
    for number in range(3):
        poster.post_json(hook.url, {"number": number})
    assert hook.received == [{"number": 0}, {"number": 1}, {"number": 2}]


@pytest.mark.parametrize("body", [b"", b"o"])
def test_an_answer_that_breaks_off_after_its_status_counts(hook: Hook, body: bytes) -> None:
    hook.answer = Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body)
    post(hook.url)
    assert hook.received == [PAYLOAD]


def test_an_answer_without_end_is_not_read_to_its_end(hook: Hook) -> None:
    hook.answer = Answer(body=b"x" * 1_000_000)
    post(hook.url)
    assert hook.received == [PAYLOAD]


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        pytest.param(400, b"invalid_payload", "127.0.0.1 returned 400: invalid_payload", id="400"),
        pytest.param(403, b"invalid_token", "127.0.0.1 returned 403: invalid_token", id="403"),
        pytest.param(404, b"no_service", "127.0.0.1 returned 404: no_service", id="404"),
        pytest.param(410, b"channel_is_archived", None, id="410"),
        pytest.param(404, b"", "127.0.0.1 returned 404", id="no word"),
        pytest.param(404, b"<html>Gone</html>", "127.0.0.1 returned 404", id="no word of Slack's"),
        pytest.param(404, b"a" * 5_000, "127.0.0.1 returned 404", id="a word too long"),
        pytest.param(404, "größe".encode(), "127.0.0.1 returned 404", id="no ASCII"),
        pytest.param(404, f"Cannot POST {PATH}".encode(), "127.0.0.1 returned 404", id="our path"),
        pytest.param(404, b"services", "127.0.0.1 returned 404", id="a word out of our path"),
    ],
)
def test_a_refusal_is_final_and_repeats_nothing_but_slacks_word(
    hook: Hook, status: int, body: bytes, says: str | None
) -> None:
    hook.answer = Answer(status, body)
    error = failure(hook.url)
    assert isinstance(error, PermanentError)
    assert str(error) == (says or f"127.0.0.1 returned {status}: {body.decode()}")
    assert len(hook.received) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_refusal(hook: Hook, status: int) -> None:
    with Hook(path="/elsewhere") as elsewhere:
        hook.answer = Answer(status, headers={"Location": elsewhere.url})
        error = failure(hook.url)
        assert isinstance(error, PermanentError)
        assert elsewhere.paths == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_after_a_fault_of_the_other_side_the_outcome_is_unknown(hook: Hook, status: int) -> None:
    hook.answer = Answer(status, b"rollup_error")
    error = failure(hook.url)
    assert isinstance(error, UnknownOutcomeError)
    assert str(error) == f"127.0.0.1 returned {status}: rollup_error"
    assert error.retry_after is None
    # One attempt: the queue does the waiting.
    assert len(hook.received) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry-After": "30"}, 30.0, id="whole seconds"),
        pytest.param({"Retry-After": "1.5"}, 1.5, id="and parts of them"),
        pytest.param({"Retry-After": "99999999999"}, 99_999_999_999.0, id="a huge number"),
        pytest.param({"Retry-After": "soon"}, None, id="a word"),
        pytest.param({}, None, id="nothing"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_how_long_to_wait_is_passed_on(
    hook: Hook, status: int, headers: dict[str, str], seconds: float | None
) -> None:
    hook.answer = Answer(status, b"rate_limited", headers)
    error = failure(hook.url)
    assert type(error) is (TransientError if status == 429 else UnknownOutcomeError)
    assert error.retry_after == seconds
    assert len(hook.received) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("120", 120.0, id="seconds"),
        pytest.param("0.5", 0.5, id="half a second"),
        pytest.param("0", 0.0, id="none"),
        pytest.param("-7", 0.0, id="in the past"),
        pytest.param("nan", None, id="no number"),
        pytest.param("1e999", None, id="endless"),
        pytest.param("Mon, 23 Nov 2026 08:02:00 GMT", 120.0, id="a date"),
        pytest.param("Mon, 23 Nov 2026 07:00:00 GMT", 0.0, id="a date that has passed"),
        pytest.param("Mon, 99 Nov 2026 08:00:00 GMT", None, id="a date that is none"),
        pytest.param("Mon, 23 Nov 99999999999999999999 08:00:00 GMT", None, id="a year too far"),
        pytest.param("tomorrow", None, id="a word"),
        pytest.param("", None, id="nothing"),
        pytest.param(None, None, id="not there"),
    ],
)
def test_retry_after_is_read_however_it_is_written(
    monkeypatch: pytest.MonkeyPatch, value: str | None, seconds: float | None
) -> None:
    now = email.utils.parsedate_to_datetime("Mon, 23 Nov 2026 08:00:00 GMT").timestamp()
    monkeypatch.setattr(time, "time", lambda: now)
    assert retry_after_seconds(value) == seconds


@given(st.text() | st.from_regex(r"\w{3}, \d+ (Jan|Nov) \d+ \d+:\d\d:\d\d [+-]?\w*"))
def test_no_retry_after_is_unreadable(value: str) -> None:
    seconds = retry_after_seconds(value)
    assert seconds is None or seconds >= 0


def test_silence_ends_in_a_time_out(hook: Hook) -> None:
    hook.stays_silent = True
    error = failure(hook.url, seconds=SHORT)
    assert isinstance(error, UnknownOutcomeError)
    assert str(error) == "no response from 127.0.0.1: TimeoutError"


def test_a_connection_that_breaks_leaves_the_outcome_unknown(hook: Hook) -> None:
    hook.answer = None
    error = failure(hook.url)
    assert isinstance(error, UnknownOutcomeError)
    assert str(error) == "no response from 127.0.0.1: ConnectionResetError"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"SSH-2.0-invented\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000, id="a header without end"),
    ],
)
def test_after_an_answer_that_is_no_http_the_outcome_is_unknown(hook: Hook, raw: bytes) -> None:
    hook.answer = Answer(raw=raw)
    assert isinstance(failure(hook.url), UnknownOutcomeError)


def test_two_lengths_of_a_body_that_nobody_needs_are_no_failure(hook: Hook) -> None:
    hook.answer = Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n")
    post(hook.url)
    assert hook.received == [PAYLOAD]


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n"])
def test_a_response_that_comes_in_drops_is_given_up_at_the_deadline(
    hook: Hook, head: bytes
) -> None:
    hook.answer = Answer(raw=head, drip=b"a")
    started = time.monotonic()
    error = failure(hook.url, seconds=0.3)
    assert 0.3 <= time.monotonic() - started < 1
    assert isinstance(error, UnknownOutcomeError)
    assert str(error) == "no response from 127.0.0.1: TimeoutError"


def test_a_body_that_comes_in_drops_after_a_yes_is_given_up_and_the_yes_counts(hook: Hook) -> None:
    hook.answer = Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n", drip=b"a")
    started = time.monotonic()
    JsonPoster(SLACK_HOSTS, allow_loopback=True).post_json(hook.url, PAYLOAD, seconds=0.3)
    assert 0.3 <= time.monotonic() - started < 1


def test_a_body_that_comes_in_drops_after_a_no_is_given_up_and_the_no_counts(hook: Hook) -> None:
    hook.answer = Answer(
        raw=b"HTTP/1.1 429 No\r\nRetry-After: 7\r\nContent-Length: 4000\r\n\r\n", drip=b"a"
    )
    error = failure(hook.url, seconds=0.3)
    assert type(error) is TransientError
    assert error.retry_after == 7


def test_a_request_that_nobody_reads_is_given_up_at_the_deadline() -> None:
    with closing(socket.socket()) as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        started = time.monotonic()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}{PATH}"
        with pytest.raises(UnknownOutcomeError):
            JsonPoster(SLACK_HOSTS, allow_loopback=True).post(
                url, b"x" * 50_000_000, {}, seconds=0.3
            )
        assert time.monotonic() - started < 1


def test_a_name_that_is_looked_up_for_ever_is_given_up_and_nothing_is_sent(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over = threading.Event()
    genuine = socket.getaddrinfo

    def slow(*args: Any, **options: Any) -> Any:
        is_over.wait(10)
        return genuine(*args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    error = failure(hook.url, seconds=0.2)
    assert type(error) is TransientError
    assert str(error) == "no response from 127.0.0.1: TimeoutError"
    is_over.set()
    for thread in threading.enumerate():
        if thread.name.startswith("request to"):
            thread.join(5)
    assert hook.received == []


def test_no_connection_is_kept(hook: Hook) -> None:
    poster = JsonPoster(SLACK_HOSTS, allow_loopback=True)
    for _ in range(2):
        poster.post_json(hook.url, PAYLOAD)
    assert [headers["Connection"] for headers in hook.headers] == ["close", "close"]
    assert len(set(hook.peers)) == 2


def test_text_that_is_no_unicode_is_a_fault_of_the_message(hook: Hook) -> None:
    poster = JsonPoster(SLACK_HOSTS, allow_loopback=True)
    with pytest.raises(MessageError, match="cannot be written as JSON") as caught:
        poster.post_json(hook.url, {"text": f"{TOKEN} \ud800"})
    assert not shown(SECRETS, traces(caught.value))


def test_a_header_that_cannot_be_written_is_not_shown(hook: Hook) -> None:
    poster = JsonPoster(SLACK_HOSTS, allow_loopback=True)
    with pytest.raises(PermanentError, match="cannot be written") as caught:
        poster.post(hook.url, b"", {"X": f"{TOKEN}\nX: y"})
    assert not shown(SECRETS, traces(caught.value))
    assert hook.received == []


def test_odd_headers_are_no_failure_and_no_reason_to_write_the_url_down(hook: Hook) -> None:
    hook.answer = Answer(raw=b"HTTP/1.1 200 OK\r\nodd\r\nContent-Length: 2\r\n\r\nok")
    post(hook.url)
    assert hook.received == [PAYLOAD]


def test_where_nobody_listens_somebody_may_later() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        error = failure(f"http://127.0.0.1:{port}{PATH}")
    assert type(error) is TransientError
    assert str(error) == "no response from 127.0.0.1: ConnectionRefusedError"


def test_a_name_that_is_not_found_may_be_found_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure(f"https://slack.invalid{PATH}", JsonPoster(frozenset({"slack.invalid"})))
    assert type(error) is TransientError
    assert str(error) == "no response from slack.invalid: gaierror"


NEEDED = "the webhook URL must be https://HOST/…, without user or port"
FOREIGN = "the webhook's host is not one of hooks.slack-gov.com, hooks.slack.com"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("", NEEDED, id="nothing"),
        pytest.param("hooks.slack.com" + PATH, NEEDED, id="no scheme"),
        pytest.param("http://hooks.slack.com" + PATH, NEEDED, id="no https"),
        pytest.param("ftp://hooks.slack.com" + PATH, NEEDED, id="another scheme"),
        pytest.param("https://hooks.slack.com:8443" + PATH, NEEDED, id="a port"),
        pytest.param("https://hooks.slack.com:services", NEEDED, id="a port that is none"),
        pytest.param("https://hooks.slack.com:99999" + PATH, NEEDED, id="a port too high"),
        pytest.param("https://user@hooks.slack.com" + PATH, NEEDED, id="a user"),
        pytest.param("https://:services@hooks.slack.com/", NEEDED, id="a password"),
        pytest.param("https://[services", NEEDED, id="half an address"),
        pytest.param("https://evil.example.com" + PATH, FOREIGN, id="another host"),
        pytest.param("https://hooks.slack.com.example.com" + PATH, FOREIGN, id="a longer host"),
        pytest.param("https://xhooks.slack.com" + PATH, FOREIGN, id="a host that ends like it"),
        pytest.param("https://hooks.slack.com@example.com" + PATH, NEEDED, id="ours as a user"),
        pytest.param("https://example.com\\@hooks.slack.com" + PATH, None, id="a backslash"),
        pytest.param("https://example.com#@hooks.slack.com" + PATH, FOREIGN, id="a fragment"),
        pytest.param("https://hooks.slack.com\t.example.com" + PATH, None, id="a tab"),
        pytest.param("https://169.254.169.254" + PATH, FOREIGN, id="the metadata service"),
        pytest.param("https://127.0.0.1" + PATH, FOREIGN, id="this machine over https"),
    ],
)
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_a_url_that_may_not_be_called_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str, says: str | None, *, allow_loopback: bool
) -> None:
    called: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **_: called.append(args))
    error = failure(url, JsonPoster(SLACK_HOSTS, allow_loopback=allow_loopback))
    assert called == []
    assert isinstance(error, PermanentError)
    assert str(error) in ({NEEDED, FOREIGN} if says is None else {says})


@pytest.mark.parametrize(
    ("hosts", "host"),
    [
        (SLACK_HOSTS, "hooks.slack.com"),
        (SLACK_HOSTS, "hooks.slack-gov.com"),
        (PAGERDUTY_HOSTS, "events.pagerduty.com"),
        (PAGERDUTY_HOSTS, "events.eu.pagerduty.com"),
        (TEAMS_HOSTS, "prod-01.westeurope.logic.azure.com:443"),
        (TEAMS_HOSTS, "default0.aa.environment.api.powerplatform.com:443"),
        (TEAMS_HOSTS, "prod-01.usgovtexas.logic.azure.us:443"),
        (TEAMS_HOSTS, "default0.aa.environment.api.powerplatform.microsoft.us"),
    ],
)
def test_the_hosts_of_a_channel_are_called_in_every_cloud(
    monkeypatch: pytest.MonkeyPatch, hosts: frozenset[str], host: str
) -> None:
    called: list[object] = []

    def look_up(name: str, port: int, *_: object, **__: object) -> None:
        called.append((name, port))
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    failure(f"https://{host}{PATH}", JsonPoster(hosts))
    assert called == [(host.removesuffix(":443"), 443)]


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
def test_this_machine_is_called_only_where_that_was_allowed(host: str) -> None:
    error = failure(f"http://{host}{PATH}", JsonPoster(SLACK_HOSTS))
    assert isinstance(error, PermanentError)
    assert str(error) == NEEDED


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://192.0.2.1" + PATH, id="an address elsewhere"),
        pytest.param("http://127.0.0.1.example.com" + PATH, id="a name that looks like one here"),
        pytest.param("http://user@127.0.0.1" + PATH, id="a user"),
    ],
)
def test_plain_http_goes_nowhere_but_to_this_machine(url: str) -> None:
    error = failure(url)
    assert isinstance(error, PermanentError)
    assert str(error) == NEEDED


def test_localhost_is_this_machine(hook: Hook) -> None:
    post(hook.url.replace("127.0.0.1", "localhost"))
    assert hook.received == [PAYLOAD]


@given(st.text(), st.sampled_from(["", "http://", "https://", "https://hooks.slack.com"]))
def test_no_text_is_called_that_is_not_allowed(text: str, start: str) -> None:
    poster = JsonPoster(frozenset({"never.invalid"}))
    with pytest.raises(PermanentError):
        poster.post_json(start + text, PAYLOAD)
