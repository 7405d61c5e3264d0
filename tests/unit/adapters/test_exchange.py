"""A request ends at its deadline in every phase, and says whether it had gone out."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bedrock_alerts.adapters.exchange import Client, Response, Target
from bedrock_alerts.errors import PermanentError, TransientError, UnknownOutcomeError
from tests.support.certificates import make_certificate
from tests.support.loopback import Answer, Hook

HOST = "hooks.example.com"


@pytest.fixture
def tls_hook(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hook]:
    certificate = make_certificate(tmp_path, HOST)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Hook(tls=context) as running:
        yield running


def port_of(hook: Hook) -> int:
    return int(hook.url.split(":")[2].split("/")[0])


def post(
    port: int,
    *,
    seconds: float = 5,
    body: bytes = b"{}",
    scheme: str = "https",
    resolve: Callable[[], str] = lambda: "127.0.0.1",
) -> Response:
    target = Target(scheme, HOST, port, has_user=False, path="/x")
    return Client().post(target, body, {}, seconds=seconds, max_bytes=100, resolve=resolve)


def ends_in_time(call: Callable[[], object], kind: type[Exception], seconds: float) -> None:
    """Fail at the deadline, and leave no thread behind that waits on."""
    started = time.monotonic()
    with pytest.raises(TransientError) as caught:
        call()
    assert type(caught.value) is kind
    assert str(caught.value) == f"no response from {HOST}: TimeoutError"
    assert seconds <= time.monotonic() - started < seconds + 0.7
    no_thread_is_left()


def no_thread_is_left() -> None:
    for thread in threading.enumerate():
        if thread.name == f"request to {HOST}":
            thread.join(2)
            assert not thread.is_alive()


def test_a_response_over_tls_is_returned(tls_hook: Hook) -> None:
    tls_hook.answer = Answer(202, b"x" * 150, {"Retry-After": "7"})
    response = post(port_of(tls_hook))
    assert (response.status, response.body) == (202, b"x" * 100)
    assert response.headers["retry-after"] == "7"
    assert tls_hook.headers[0]["Host"] == f"{HOST}:{port_of(tls_hook)}"


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_drops_over_tls_are_given_up_at_the_deadline(tls_hook: Hook, head: bytes) -> None:
    tls_hook.answer = Answer(raw=head, drip=b"a")
    port = port_of(tls_hook)
    ends_in_time(lambda: post(port, seconds=0.5), UnknownOutcomeError, 0.5)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_body_in_drops_is_cut_at_the_deadline(tls_hook: Hook, scheme: str) -> None:
    with Hook() as plain:
        hook = tls_hook if scheme == "https" else plain
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n"
        hook.answer = Answer(raw=head, drip=b"a")
        started = time.monotonic()
        response = post(port_of(hook), seconds=0.5, scheme=scheme)
        assert 0.5 <= time.monotonic() - started < 1.2
        assert response.status == 200
        assert 0 < len(response.body) < 100
        assert set(response.body) == {ord("a")}
        no_thread_is_left()


def test_silence_over_tls_is_given_up_at_the_deadline(tls_hook: Hook) -> None:
    tls_hook.stays_silent = True
    port = port_of(tls_hook)
    ends_in_time(lambda: post(port, seconds=0.5), UnknownOutcomeError, 0.5)


@pytest.fixture
def deaf() -> Iterator[int]:
    """Take connections, and never read a byte."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_handshake_that_never_ends_sent_nothing(deaf: int) -> None:
    ends_in_time(lambda: post(deaf, seconds=0.3), TransientError, 0.3)


def test_a_connection_gets_three_seconds_of_any_deadline(deaf: int) -> None:
    ends_in_time(lambda: post(deaf, seconds=60), TransientError, 3)


def test_a_body_that_nobody_reads_has_perhaps_gone_out(deaf: int) -> None:
    ends_in_time(
        lambda: post(deaf, seconds=0.3, body=b"x" * 50_000_000, scheme="http"),
        UnknownOutcomeError,
        0.3,
    )


def test_without_time_nothing_is_sent(tls_hook: Hook) -> None:
    port = port_of(tls_hook)
    for seconds in (0.0, -1.0):
        with pytest.raises(TransientError, match="no time is left") as caught:
            post(port, seconds=seconds)
        assert type(caught.value) is TransientError
    assert tls_hook.received == []


def test_an_address_that_is_refused_is_an_error_of_its_own() -> None:
    def refuse() -> str:
        raise PermanentError("not there")

    with pytest.raises(PermanentError, match=r"^not there$"):
        post(443, resolve=refuse)


def test_whatever_goes_wrong_in_the_thread_only_its_kind_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> str:
        raise RuntimeError("s3cret")

    with pytest.raises(TransientError, match=f"^no response from {HOST}: RuntimeError$"):
        post(443, resolve=fail)
    assert "s3cret" not in "".join(capsys.readouterr())
