"""A relay in front of the engine, for one AWS service: it passes on, or fails, or looks on."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, NamedTuple, Self

_NOT_PASSED_ON: Final = frozenset({"connection", "transfer-encoding", "content-length", "date"})
_FAULT: Final = b'{"__type": "InternalServerError", "message": "an invented fault"}'


class Passed(NamedTuple):
    """A request that was passed on: when, whose operation, what it asked, and the answer's status."""

    at: float
    operation: str
    body: bytes
    port: int
    status: int


class Relay:
    """A proxy between functions and one service.

    `on_answer` sees every request when the service has acted on it and before its caller knows;
    where it returns True the caller gets no answer.
    """

    def __init__(self, engine_port: int) -> None:
        self.engine_port = engine_port
        self.is_failing = False
        self.refused = 0
        self.on_answer: Callable[[Passed], bool] | None = None
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.relay = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """The endpoint for the functions."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Answer everything with an internal error for a while."""
        self.is_failing = True
        try:
            yield
        finally:
            self.is_failing = False


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    relay: Relay

    def handle_error(self, *_: object) -> None:
        """Say nothing: callers who are killed are what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 30

    def do_POST(self) -> None:
        relay = self.server.relay
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if relay.is_failing:
            relay.refused += 1
            self._send(500, {"Content-Type": "application/x-amz-json-1.0"}, _FAULT)
            return
        engine = http.client.HTTPConnection("127.0.0.1", relay.engine_port, timeout=30)
        engine.request("POST", self.path, body, dict(self.headers.items()))
        response = engine.getresponse()
        answer = response.read()
        engine.close()
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        port = int(self.client_address[1])
        passed = Passed(time.time(), operation, body, port, response.status)
        if relay.on_answer is not None and relay.on_answer(passed):
            self.close_connection = True
            return
        self._send(response.status, dict(response.getheaders()), answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
