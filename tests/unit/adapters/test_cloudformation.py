"""CloudFormation is answered where it asked for it, and its signed URL is written nowhere."""

import logging
from collections.abc import Iterator

import pytest
import urllib3

from bedrock_alerts.adapters.cloudformation import Responder
from bedrock_alerts.errors import PermanentError, TransientError
from tests.support.loopback import Answer, Hook
from tests.support.secrecy import lines, shown

SIGNATURE = "s3cretInventedSignature"
PATH = f"/invented?X-Amz-Signature={SIGNATURE}"
BODY = b'{"Status":"SUCCESS"}'
SHORT = urllib3.Timeout(connect=0.2, read=0.2)


@pytest.fixture
def hook(caplog: pytest.LogCaptureFixture) -> Iterator[Hook]:
    """Listen; whatever happens then, with all loggers on, must not show the signature."""
    caplog.set_level(logging.DEBUG)
    with Hook(path=PATH) as listening:
        yield listening
    assert not shown((SIGNATURE,), lines(caplog.get_records("call")))


def put(url: str, responder: Responder | None = None) -> None:
    (responder or Responder(allow_loopback=True, timeout=SHORT)).put(url, BODY)


def failure(url: str, responder: Responder | None = None) -> Exception:
    with pytest.raises((TransientError, PermanentError)) as caught:
        put(url, responder)
    assert SIGNATURE not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def test_an_answer_is_put_once_as_it_was_signed_for(hook: Hook) -> None:
    put(hook.url)
    assert hook.received == [{"Status": "SUCCESS"}]
    assert hook.paths == [PATH]
    assert hook.content_types == [""]


@pytest.mark.parametrize("status", [301, 307, 400, 403, 404, 429, 500, 503])
def test_an_answer_that_is_not_taken_may_be_taken_later(hook: Hook, status: int) -> None:
    hook.answer = Answer(status, b"<Error>SignatureDoesNotMatch</Error>", {"Location": hook.url})
    error = failure(hook.url)
    assert isinstance(error, TransientError)
    assert str(error) == f"the response to CloudFormation was refused: {status}"
    assert len(hook.received) == 1


def test_a_broken_connection_may_hold_later(hook: Hook) -> None:
    hook.answer = None
    assert isinstance(failure(hook.url), TransientError)


def test_silence_ends_in_a_time_out(hook: Hook) -> None:
    hook.stays_silent = True
    assert str(failure(hook.url)) == "no response could be sent to CloudFormation: ReadTimeoutError"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://example.com" + PATH, id="plain http"),
        pytest.param("ftp://example.com" + PATH, id="another scheme"),
        pytest.param("https://", id="no host"),
        pytest.param("https://[" + SIGNATURE, id="half an address"),
        pytest.param("file:///" + SIGNATURE, id="a file"),
        pytest.param(SIGNATURE, id="no URL"),
    ],
)
def test_a_url_that_is_none_of_cloudformations_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a URL that was to be refused has been called")

    monkeypatch.setattr(urllib3.PoolManager, "request", never)
    assert isinstance(failure(url), PermanentError)


def test_this_machine_is_answered_only_where_that_was_allowed(hook: Hook) -> None:
    assert isinstance(failure(hook.url, Responder()), PermanentError)
    assert hook.received == []
