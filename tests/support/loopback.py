"""A webhook on this machine that returns what a test sets, and records requests."""

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl


class Answer(NamedTuple):
    """What to answer with; `raw` replaces it all, and goes out as it is.

    `drip` follows it again and again, every 50 ms, until the caller hangs up.
    """

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = {}
    raw: bytes | None = None
    drip: bytes = b""


OK = Answer()


class Hook:
    """Listens on 127.0.0.1 while it is entered. Answers with `answer`; None hangs up at once.

    `judge`, where it is set, finds the answer to what was received.
    """

    def __init__(
        self, answer: Answer | None = OK, path: str = "/", tls: ssl.SSLContext | None = None
    ) -> None:
        self.answer = answer
        self.judge: Callable[[Any], Answer] | None = None
        self.received: list[Any] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.peers: list[tuple[str, int]] = []
        self.content_types: list[str] = []
        self.stays_silent = False
        self._over = threading.Event()
        self._path = path
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hook = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """The webhook's address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{self._path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_for_the_end(self) -> None:
        """Keep a caller waiting until the test has ended."""
        self._over.wait(10)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    hook: Hook

    def handle_error(self, *_: object) -> None:
        """Say nothing: callers who give up are what the tests are about."""


def _read(body: bytes) -> Any:
    """Read JSON or a form; None for anything else, such as a picture."""
    try:
        return json.loads(body or b"null")
    except ValueError:
        return dict(parse_qsl(body.decode("latin-1"))) or None


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_POST(self) -> None:
        hook = self.server.hook
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        hook.paths.append(self.path)
        hook.peers.append(self.client_address)
        hook.content_types.append(self.headers.get("Content-Type", ""))
        hook.headers.append(dict(self.headers.items()))
        hook.bodies.append(body)
        hook.received.append(_read(body))
        if hook.judge is not None:
            hook.answer = hook.judge(hook.received[-1])
        if hook.stays_silent:
            hook.wait_for_the_end()
        elif hook.answer is None:
            # Lingering for no time turns the close into a reset.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        elif hook.answer.raw is not None:
            self.wfile.write(hook.answer.raw)
            while hook.answer.drip:
                self.wfile.write(hook.answer.drip)
                time.sleep(0.05)
        else:
            self._send(hook.answer)

    def do_GET(self) -> None:
        """Take what a followed redirect would send."""
        self.do_POST()

    def do_PUT(self) -> None:
        """Take an answer to CloudFormation."""
        self.do_POST()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
