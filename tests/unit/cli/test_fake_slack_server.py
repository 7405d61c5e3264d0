"""The receiver answers like Slack's webhook, keeps what it got, and can go away and come back."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bedrock_alerts_cli.fake_slack import server as server_module
from bedrock_alerts_cli.fake_slack.server import (
    CHANNEL,
    MAX_BODY_BYTES,
    WEBHOOK_PATH,
    Email,
    PortInUseError,
    Receiver,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_alerts_cli.fake_slack.request import Request, Response

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
LIMIT_OF_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP."""

    status: int
    body: str
    headers: dict[str, str]


def call(
    receiver: Receiver,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=LIMIT_OF_PATIENCE)
    with closing(connection):
        connection.request(method, path, body, headers or {})
        with connection.getresponse() as response:
            text = response.read().decode()
            return Answer(response.status, text, dict(response.getheaders()))


def post(receiver: Receiver, payload: object, path: str = WEBHOOK_PATH) -> Answer:
    return call(receiver, "POST", path, json.dumps(payload).encode())


def get(receiver: Receiver, path: str, **headers: str) -> Answer:
    return call(receiver, "GET", path, headers=headers)


def exchange(receiver: Receiver, sent: bytes) -> bytes:
    """Send bytes as they are, hang up our side, and return all that came back."""
    address = ("127.0.0.1", receiver.port)
    with socket.create_connection(address, timeout=LIMIT_OF_PATIENCE) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(clock=lambda: NOW) as running:
        yield running


def test_the_webhook_takes_a_message(receiver: Receiver) -> None:
    """A good payload is answered with ok and kept as it came."""
    answer = post(receiver, {"text": "hello", "thread_ts": "1.000002"})
    assert (answer.status, answer.body) == (200, "ok")
    (message,) = receiver.messages()
    assert message.payload == {"text": "hello", "thread_ts": "1.000002"}
    assert (message.channel, message.received_at) == (CHANNEL, NOW)
    assert (message.thread_ts, message.edited) == ("1.000002", False)


def test_each_message_has_its_own_ts(receiver: Receiver) -> None:
    """Two messages of one moment can be told apart, and sort in the order they came."""
    first, second = receiver.add_message({"text": "a"}), receiver.add_message({"text": "b"})
    assert first.ts < second.ts
    assert first.thread_ts is None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(b"{", "invalid_payload", id="not JSON"),
        pytest.param(b"\xff", "invalid_payload", id="not text"),
        pytest.param(b"[" * 200_000, "invalid_payload", id="deeper than the parser goes"),
        pytest.param(b"[]", "invalid_payload", id="not an object"),
        pytest.param(b"", "invalid_payload", id="no body"),
        pytest.param(b"{}", "no_text", id="nothing to show"),
        pytest.param(b'{"blocks": [7]}', "invalid_blocks", id="a block that is none"),
    ],
)
def test_the_webhook_refuses_in_slacks_words(receiver: Receiver, body: bytes, problem: str) -> None:
    """A bad payload is answered with 400 and its reason, and is not kept."""
    answer = call(receiver, "POST", WEBHOOK_PATH, body)
    assert (answer.status, answer.body) == (400, problem)
    assert receiver.messages() == ()


@pytest.mark.parametrize("length", ["", "Content-Length: many\r\n"])
def test_a_body_without_a_length_is_none(receiver: Receiver, length: str) -> None:
    """Without a usable length there is no payload."""
    answer = exchange(receiver, f"POST {WEBHOOK_PATH} HTTP/1.0\r\n{length}\r\n{{}}".encode())
    assert answer.endswith(b"invalid_payload")


def test_a_body_that_is_too_big_is_refused(receiver: Receiver) -> None:
    """A megabyte fits, a byte more is answered with 413."""
    frame = len(b'{"text": ""}')
    assert post(receiver, {"text": "x" * (MAX_BODY_BYTES - frame)}).status == 200
    assert post(receiver, {"text": "x" * (MAX_BODY_BYTES - frame + 1)}).status == 413
    assert len(receiver.messages()) == 1


def test_a_sender_who_promises_too_much_is_not_waited_for(receiver: Receiver) -> None:
    """A huge length without the bytes is refused as soon as the sender is done."""
    answer = exchange(
        receiver, f"POST {WEBHOOK_PATH} HTTP/1.0\r\nContent-Length: {10**12}\r\n\r\nx".encode()
    )
    assert b" 413 " in answer.splitlines()[0]


def test_half_a_message_gets_no_answer(receiver: Receiver) -> None:
    """A request that was cut off must look like an outage: a 400 would end the retries."""
    request = f'POST {WEBHOOK_PATH} HTTP/1.0\r\nContent-Length: 99\r\n\r\n{{"text"'
    assert exchange(receiver, request.encode()) == b""
    assert receiver.messages() == ()


@pytest.mark.parametrize(
    ("method", "path", "word"),
    [
        ("POST", "/services/T00000000/B00000000/wrong", "no_service"),
        ("POST", "/api/chat.delete", "not_found"),
        ("GET", "/favicon.ico", "not_found"),
        ("POST", "/", "not_found"),
    ],
)
def test_other_addresses_are_not_found(
    receiver: Receiver, method: str, path: str, word: str
) -> None:
    """A wrong token is no_service, anything else not_found."""
    body = b'{"text": "x"}' if method == "POST" else None
    answer = call(receiver, method, path, body)
    assert (answer.status, answer.body) == (404, word)
    assert receiver.messages() == ()


def test_the_page_shows_what_arrived(receiver: Receiver) -> None:
    """The page has the count, the summary, the messages and the emails, all of them escaped."""
    receiver.set_summary([("Watching log group", "/aws/<bedrock>")])
    post(receiver, {"text": "*blocked* <b>"})
    post(receiver, {"text": "again", "thread_ts": "1.1"})
    receiver.add_email(Email("<Subject>", "Who   role\n<body>", "oncall@example.com", NOW))
    answer = get(receiver, "/?from=bookmark")
    assert answer.status == 200
    assert "<title>(2) #bedrock-alerts</title>" in answer.body
    assert "<dt>Watching log group</dt><dd>/aws/&lt;bedrock&gt;</dd>" in answer.body
    assert "<strong>blocked</strong> &lt;b&gt;" in answer.body
    assert "replied in the thread" in answer.body
    assert "&lt;Subject&gt;" in answer.body
    assert "<pre>Who   role\n&lt;body&gt;</pre>" in answer.body
    assert "oncall@example.com" in answer.body
    assert "2 messages" in answer.body
    assert "1 email<" in answer.body


def test_the_page_loads_nothing_from_anywhere(receiver: Receiver) -> None:
    """The page is one document whose policy forbids everything else."""
    answer = get(receiver, "/")
    nonce = answer.body.partition('<script nonce="')[2].partition('"')[0]
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'nonce-{nonce}';" in policy
    assert " src=" not in answer.body
    assert '<link rel="icon" href="data:' in answer.body
    assert answer.body.count("<link") == 1
    assert "url(" not in answer.body
    assert "@import" not in answer.body


def test_an_empty_page_says_so(receiver: Receiver) -> None:
    """Before the first alert the channel tells what will happen."""
    assert "Nothing yet: alerts appear here as they arrive." in get(receiver, "/").body


def test_the_board_is_sent_again_only_when_it_changed(receiver: Receiver) -> None:
    """Polling gets 304 until something arrives, and then only the part that changes."""
    first = get(receiver, "/messages")
    assert (first.status, "<html" in first.body) == (200, False)
    tag = first.headers["ETag"]
    again = get(receiver, "/messages", **{"If-None-Match": tag})
    assert (again.status, again.body, again.headers["ETag"]) == (304, "", tag)
    post(receiver, {"text": "news"})
    changed = get(receiver, "/messages", **{"If-None-Match": tag})
    assert (changed.status, "news" in changed.body) == (200, True)
    assert changed.headers["ETag"] != tag


def test_the_page_starts_from_its_own_version(receiver: Receiver) -> None:
    """The first poll of a page that is up to date already gets a 304."""
    version = get(receiver, "/").body.partition('data-version="')[2].partition('"')[0]
    assert get(receiver, "/messages", **{"If-None-Match": f'"{version}"'}).status == 304


def test_another_receiver_is_not_mistaken_for_this_one(receiver: Receiver) -> None:
    """Versions of two receivers differ, even with the same number of changes."""
    assert Receiver().version() != receiver.version()


def test_programs_can_read_what_arrived(receiver: Receiver) -> None:
    """messages.json has every field of every message and email."""
    post(receiver, {"text": "hello"})
    receiver.add_email(Email("Subject", "Body", "oncall@example.com", NOW))
    answer = get(receiver, "/messages.json")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert json.loads(answer.body) == {
        "messages": [
            {
                "channel": "bedrock-alerts",
                "ts": f"{int(NOW.timestamp())}.000001",
                "payload": {"text": "hello"},
                "received_at": "2026-03-10T12:00:00+00:00",
                "edited": False,
                "thread_ts": None,
                "broadcast": False,
                "picture": "",
            }
        ],
        "emails": [
            {
                "subject": "Subject",
                "body": "Body",
                "to": "oncall@example.com",
                "received_at": "2026-03-10T12:00:00+00:00",
            }
        ],
    }


def test_half_a_surrogate_pair_does_not_break_the_page(receiver: Receiver) -> None:
    """JSON can say what UTF-8 cannot; the page shows a question mark for it."""
    assert call(receiver, "POST", WEBHOOK_PATH, b'{"text": "a\\ud800b"}').status == 200
    assert '<div class="text">a?b</div>' in get(receiver, "/").body
    assert get(receiver, "/messages.json").status == 200


def test_health_is_told(receiver: Receiver) -> None:
    """A running receiver says ok."""
    assert get(receiver, "/healthz") == Answer(200, "ok", get(receiver, "/healthz").headers)


def test_a_restarted_receiver_is_at_the_same_address_and_remembers() -> None:
    """Switching off refuses connections, switching on again finds the old messages."""
    receiver = Receiver()
    with receiver:
        address = receiver.webhook_url
        post(receiver, {"text": "before"})
    with pytest.raises(ConnectionRefusedError):
        post(receiver, {"text": "lost"})
    with receiver:
        assert receiver.webhook_url == address
        post(receiver, {"text": "after"})
    texts = [message.payload["text"] for message in receiver.messages()]
    assert texts == ["before", "after"]


def test_starting_and_stopping_twice_is_harmless() -> None:
    """A second start() or stop() changes nothing, and neither does one too early."""
    receiver = Receiver()
    receiver.stop()
    receiver.start()
    port = receiver.port
    receiver.start()
    assert receiver.port == port
    assert receiver.url == f"http://127.0.0.1:{port}/"
    assert receiver.webhook_url == f"http://127.0.0.1:{port}{WEBHOOK_PATH}"
    receiver.stop()
    receiver.stop()


def test_a_taken_port_is_named(receiver: Receiver) -> None:
    """The error says which port, and what to do."""
    with pytest.raises(PortInUseError, match=f"port {receiver.port} is already in use") as caught:
        Receiver(port=receiver.port).start()
    assert caught.value.port == receiver.port
    assert isinstance(caught.value, OSError)


def test_an_address_that_is_not_ours_is_another_error() -> None:
    """Only a taken port is a PortInUseError."""
    # An address for documentation: no machine has it, so binding fails and sends nothing.
    with pytest.raises(OSError, match="assign") as caught:
        Receiver(host="192.0.2.1").start()
    assert not isinstance(caught.value, PortInUseError)


def test_stopping_does_not_wait_for_a_silent_visitor() -> None:
    """A browser's spare connection is closed, not waited for."""
    receiver = Receiver()
    receiver.start()
    address = ("127.0.0.1", receiver.port)
    with socket.create_connection(address, timeout=LIMIT_OF_PATIENCE) as silent:
        # Connections are accepted in order: once this is answered, the silent one is served too.
        assert get(receiver, "/healthz").status == 200
        receiver.stop()
        assert silent.recv(1) == b""


def test_waiting_ends_when_the_message_arrives(receiver: Receiver) -> None:
    """wait_for() looks again at every change, from whatever thread it comes."""
    sender = threading.Thread(target=post, args=(receiver, {"text": "at last"}))
    sender.start()
    assert receiver.wait_for(lambda seen: len(seen.messages()) == 1, LIMIT_OF_PATIENCE)
    sender.join()


def test_waiting_in_vain_is_told(receiver: Receiver) -> None:
    """wait_for() says when its time is over."""
    assert not receiver.wait_for(lambda seen: bool(seen.emails()), 0)


def test_a_visitor_who_hangs_up_is_not_news(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither requests nor broken connections write to the terminal."""
    with Receiver() as receiver:
        assert get(receiver, "/nowhere").status == 404
        address = ("127.0.0.1", receiver.port)
        with socket.create_connection(address, timeout=LIMIT_OF_PATIENCE) as rude:
            rude.sendall(b"POST / HTTP/1.0\r\nContent-Length: 9\r\n\r\n")
            # Closing with linger 0 resets the connection instead of ending it.
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert get(receiver, "/healthz").status == 200
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_our_own_is_reported(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An endpoint that fails leaves a traceback, and the receiver goes on."""

    def broken(_receiver: Receiver, _request: Request) -> Response:
        message = "endpoint out of order"
        raise RuntimeError(message)

    endpoints = {**server_module.ENDPOINTS, ("GET", "/broken"): broken}
    monkeypatch.setattr(server_module, "ENDPOINTS", endpoints)
    with Receiver() as receiver:
        with pytest.raises(http.client.RemoteDisconnected):
            get(receiver, "/broken")
        assert get(receiver, "/healthz").status == 200
    assert "endpoint out of order" in capfd.readouterr().err
