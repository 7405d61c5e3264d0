"""A webhook is called once, only where it may be, and its URL stays secret whatever happens."""

import email.utils
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.adapters.http import SLACK_HOSTS, JsonPoster, retry_after_seconds
from bedrock_alerts.errors import BedrockAlertsError, PermanentError, TransientError
from tests.support.loopback import Answer, Hook
from tests.support.secrecy import lines, shown, traces

TOKEN = "s3cretInventedToken"
PATH = f"/services/T0INVENTED/B0INVENTED/{TOKEN}"
SECRETS = (TOKEN, "T0INVENTED", "services")
PAYLOAD = {"text": "Größe <x> 🚨"}
SHORT = urllib3.Timeout(connect=0.1, read=0.1)


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


def failure(url: str, poster: JsonPoster | None = None) -> TransientError | PermanentError:
    """Post in vain, and return the error, which never shows the secret."""
    with pytest.raises(BedrockAlertsError) as caught:
        (poster or JsonPoster(SLACK_HOSTS, allow_loopback=True)).post_json(url, PAYLOAD)
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
        pytest.param(400, b"invalid_payload", "127.0.0.1 answered 400: invalid_payload", id="400"),
        pytest.param(403, b"invalid_token", "127.0.0.1 answered 403: invalid_token", id="403"),
        pytest.param(404, b"no_service", "127.0.0.1 answered 404: no_service", id="404"),
        pytest.param(410, b"channel_is_archived", None, id="410"),
        pytest.param(404, b"", "127.0.0.1 answered 404", id="no word"),
        pytest.param(404, b"<html>Gone</html>", "127.0.0.1 answered 404", id="no word of Slack's"),
        pytest.param(404, b"a" * 5_000, "127.0.0.1 answered 404", id="a word too long"),
        pytest.param(404, "größe".encode(), "127.0.0.1 answered 404", id="no ASCII"),
        pytest.param(404, f"Cannot POST {PATH}".encode(), "127.0.0.1 answered 404", id="our path"),
        pytest.param(404, b"services", "127.0.0.1 answered 404", id="a word out of our path"),
    ],
)
def test_a_refusal_is_final_and_repeats_nothing_but_slacks_word(
    hook: Hook, status: int, body: bytes, says: str | None
) -> None:
    hook.answer = Answer(status, body)
    error = failure(hook.url)
    assert isinstance(error, PermanentError)
    assert str(error) == (says or f"127.0.0.1 answered {status}: {body.decode()}")
    assert len(hook.received) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_refusal(hook: Hook, status: int) -> None:
    with Hook(path="/elsewhere") as elsewhere:
        hook.answer = Answer(status, headers={"Location": elsewhere.url})
        error = failure(hook.url)
        assert isinstance(error, PermanentError)
        assert elsewhere.paths == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_of_the_other_side_may_pass(hook: Hook, status: int) -> None:
    hook.answer = Answer(status, b"rollup_error")
    error = failure(hook.url)
    assert isinstance(error, TransientError)
    assert str(error) == f"127.0.0.1 answered {status}: rollup_error"
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
    assert isinstance(error, TransientError)
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
    poster = JsonPoster(SLACK_HOSTS, allow_loopback=True, timeout=SHORT)
    error = failure(hook.url, poster)
    assert isinstance(error, TransientError)
    assert str(error) == "no answer from 127.0.0.1: ReadTimeoutError"


def test_a_connection_that_breaks_may_hold_next_time(hook: Hook) -> None:
    hook.answer = None
    error = failure(hook.url)
    assert isinstance(error, TransientError)
    assert str(error) == "no answer from 127.0.0.1: ProtocolError"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"SSH-2.0-invented\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n", id="two lengths"),
    ],
)
def test_an_answer_that_is_no_http_may_be_better_next_time(hook: Hook, raw: bytes) -> None:
    hook.answer = Answer(raw=raw)
    assert isinstance(failure(hook.url), TransientError)


def test_odd_headers_are_no_failure_and_no_reason_to_write_the_url_down(hook: Hook) -> None:
    hook.answer = Answer(raw=b"HTTP/1.1 200 OK\r\nodd\r\nContent-Length: 2\r\n\r\nok")
    post(hook.url)
    assert hook.received == [PAYLOAD]


def test_where_nobody_listens_somebody_may_later() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        error = failure(f"http://127.0.0.1:{port}{PATH}")
    assert isinstance(error, TransientError)
    assert str(error) == "no answer from 127.0.0.1: NewConnectionError"


def test_a_name_that_is_not_found_may_be_found_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure(f"https://slack.invalid{PATH}", JsonPoster(frozenset({"slack.invalid"})))
    assert isinstance(error, TransientError)
    assert str(error) == "no answer from slack.invalid: NameResolutionError"


def never_called(*_: object, **__: object) -> None:
    raise AssertionError("a URL that was to be refused has been called")


NEEDED = "the webhook URL has to be https://HOST/…, without user or port"
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
    monkeypatch.setattr(urllib3.PoolManager, "request", never_called)
    error = failure(url, JsonPoster(SLACK_HOSTS, allow_loopback=allow_loopback))
    assert isinstance(error, PermanentError)
    assert str(error) in ({NEEDED, FOREIGN} if says is None else {says})


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
