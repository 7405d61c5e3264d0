"""Any public host may be called, and nothing else, whatever its name leads to."""

import logging
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.adapters import public_http as public_web
from bedrock_alerts.adapters.http import read_url
from bedrock_alerts.adapters.public_http import PublicPoster, is_public, public_address
from bedrock_alerts.errors import (
    BedrockAlertsError,
    CredentialError,
    MessageError,
    PermanentError,
    TransientError,
    UnknownOutcomeError,
)
from tests.support.certificates import make_certificate
from tests.support.loopback import OK, Answer, Hook
from tests.support.secrecy import lines, shown, traces

TOKEN: Final = "s3cretInventedToken"
PATH: Final = f"/hooks/{TOKEN}?key={TOKEN}"
HEADERS: Final = {"Content-Type": "application/cloudevents+json", "X-Signature": "t=1,v1=00"}
SHORT: Final = 0.3


@pytest.fixture(autouse=True)
def _no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert not shown((TOKEN,), lines(caplog.get_records("call")))


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook(path=PATH) as running:
        yield running


def post(url: str) -> None:
    PublicPoster(allow_loopback=True).post(url, b'{"a":1}', HEADERS, seconds=SHORT)


def failure(url: str) -> BedrockAlertsError:
    with pytest.raises(BedrockAlertsError) as caught:
        post(url)
    assert not shown((TOKEN,), traces(caught.value))
    return caught.value


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name lead to these addresses."""

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        del host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)) for text in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_a_body_is_posted_as_it_is(hook: Hook) -> None:
    post(hook.url)
    assert hook.bodies == [b'{"a":1}']
    assert hook.paths == [PATH]
    assert hook.headers[0]["X-Signature"] == "t=1,v1=00"
    assert hook.headers[0]["Host"] == hook.url.split("/")[2]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, PermanentError),
        (302, PermanentError),
        (307, PermanentError),
        (400, PermanentError),
        (401, CredentialError),
        (403, CredentialError),
        (404, CredentialError),
        (408, TransientError),
        (410, PermanentError),
        (413, MessageError),
        (422, PermanentError),
        (429, TransientError),
        (500, UnknownOutcomeError),
        (502, UnknownOutcomeError),
        (503, UnknownOutcomeError),
        (504, UnknownOutcomeError),
    ],
)
def test_a_status_says_what_can_be_done(
    hook: Hook, status: int, kind: type[BedrockAlertsError]
) -> None:
    with Hook(path="/elsewhere") as elsewhere:
        headers = {"Location": elsewhere.url, "Retry-After": "7"}
        hook.answer = Answer(status, PATH.encode(), headers)
        error = failure(hook.url)
        assert type(error) is kind
        assert str(error) == f"127.0.0.1 returned {status}"
        assert elsewhere.paths == []
    assert getattr(error, "retry_after", None) == (
        7.0 if status in (429, 500, 502, 503, 504) else None
    )


def test_silence_ends_in_a_time_out(hook: Hook) -> None:
    hook.stays_silent = True
    assert str(failure(hook.url)) == "no response from 127.0.0.1: TimeoutError"


def test_a_connection_that_breaks_leaves_the_outcome_unknown(hook: Hook) -> None:
    hook.answer = None
    assert isinstance(failure(hook.url), UnknownOutcomeError)


@pytest.mark.parametrize("body", [b"", b"<html>", b"x" * 1_000_000])
def test_an_endpoint_may_answer_what_it_likes_with_a_2xx(hook: Hook, body: bytes) -> None:
    hook.answer = Answer(202, body)
    post(hook.url)
    assert len(hook.received) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com/x",
        "http://hooks.example.com/x",
        "ftp://hooks.example.com/x",
        "https://user@hooks.example.com/x",
        "https://:password@hooks.example.com/x",
        "https:///x",
        "https://[x",
        "file:///etc/passwd",
    ],
)
def test_a_url_that_may_not_be_called_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    leads_to(monkeypatch, "8.8.8.8")
    error = failure(url)
    assert isinstance(error, PermanentError)
    assert str(error) == "the webhook URL must be https://HOST/…, without user"


def test_this_machine_is_called_only_where_that_was_allowed(hook: Hook) -> None:
    with pytest.raises(PermanentError):
        PublicPoster().post(hook.url, b"", {})
    assert hook.received == []


PRIVATE: Final = (
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - an address, nothing is bound to it
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "2001:db8::1",
    "no address",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_a_private_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [item for item in PRIVATE if item != "no address"])
def test_a_name_that_leads_inside_is_not_called(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    leads_to(monkeypatch, "8.8.8.8", address)
    error = failure(f"https://hooks.example.com{PATH}")
    assert isinstance(error, PermanentError)
    assert str(error) == (
        "hooks.example.com resolves to an address that is not public; it is not called"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "[::1]", "localhost"])
def test_a_private_address_over_https_is_not_called(host: str) -> None:
    error = failure(f"https://{host}{PATH}")
    assert isinstance(error, PermanentError)
    assert "not public" in str(error)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1"], ids=lambda host: f"as {host}"
)
def test_an_address_written_otherwise_is_not_called(host: str) -> None:
    """Whatever the resolver makes of it: this machine, or no name at all."""
    failure(f"https://{host}{PATH}")


def test_a_name_that_is_not_found_may_be_found_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure(f"https://hooks.example.com{PATH}")
    assert isinstance(error, TransientError)
    assert str(error) == "no response from hooks.example.com: gaierror"


def test_a_name_without_addresses_may_get_some(monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(monkeypatch)
    assert str(failure("https://hooks.example.com/")) == "no address found for hooks.example.com"


def test_the_connection_goes_to_the_address_that_was_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A second look-up, which could answer otherwise, never happens."""
    called: list[object] = []

    def connect(address: object, **_: object) -> None:
        called.append(address)
        raise ConnectionRefusedError

    leads_to(monkeypatch, "8.8.4.4", "8.8.8.8")
    monkeypatch.setattr(socket, "create_connection", connect)
    error = failure("https://hooks.example.com:8443/a?b=c")
    assert type(error) is TransientError
    assert called == [("8.8.4.4", 8443)]


@given(st.ip_addresses())
def test_no_address_is_called_that_python_calls_private(address: Any) -> None:
    if is_public(str(address)) and address.version == 4:
        assert not address.is_private
        assert not address.is_multicast


def test_the_first_of_several_public_addresses_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(monkeypatch, "8.8.4.4", "8.8.8.8")
    assert public_address(read_url("https://hooks.example.com/")) == "8.8.4.4"


def test_a_post_can_be_repeated(hook: Hook) -> None:
    hook.answer = OK
    post(hook.url)
    post(hook.url)
    assert len(hook.received) == 2


def test_over_tls_the_certificate_has_to_be_that_of_the_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate = make_certificate(tmp_path, "hooks.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr(public_web, "is_public", lambda _: True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Hook(path=PATH, tls=context) as hook:
        port = hook.url.split(":")[2].split("/")[0]
        resolve = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda _host, *args, **options: resolve("127.0.0.1", *args, **options),
        )
        poster = PublicPoster()
        poster.post(f"https://hooks.example.com:{port}{PATH}", b"{}", HEADERS)
        assert hook.bodies == [b"{}"]
        assert hook.paths == [PATH]
        assert hook.headers[0]["Host"] == f"hooks.example.com:{port}"
        with pytest.raises(TransientError, match=r"SSLCertVerificationError$"):
            poster.post(f"https://other.example.com:{port}{PATH}", b"{}", HEADERS)
        assert hook.bodies == [b"{}"]
