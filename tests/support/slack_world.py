"""A stand-in for Slack's Web API that can go down and come back at the same address."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple, Self
from urllib.parse import parse_qsl

_POST: Final = "chat.postMessage"


class Call(NamedTuple):
    """One call of a method that Slack has taken, and when (seconds since 1970)."""

    method: str
    payload: dict[str, Any]
    at: float

    @property
    def text(self) -> str:
        """All that the call says, in one text."""
        return json.dumps(self.payload, ensure_ascii=False)


class SlackWorld:
    """Takes whatever a bot sends while it is up.

    `on_message` sees every message that was taken, with the caller's port, before it is answered;
    where it returns True there is no answer. With `refuses_with` it takes nothing, and answers with
    that word.
    """

    def __init__(self) -> None:
        self.on_message: Callable[[Call, int], bool] | None = None
        self.refuses_with = ""
        self._calls: list[Call] = []
        self._lock = threading.Lock()
        self._port = 0
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def api_url(self) -> str:
        """Where the bot finds Slack."""
        return f"http://127.0.0.1:{self._port}/api/"

    def start(self) -> None:
        """Listen, at the same port as before."""
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.world = self
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Finish what is under way, and refuse connections from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Be down for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def calls(self, about: str = "", method: str = "") -> list[Call]:
        """Return the calls whose payload names something, the oldest first."""
        with self._lock:
            found = list(self._calls)
        return [call for call in found if about in call.text and method in call.method]

    def messages(self, about: str = "") -> list[Call]:
        """Return messages and replies."""
        return self.calls(about, _POST)

    def take(self, method: str, payload: dict[str, Any], port: int) -> dict[str, Any] | None:
        """Take a call, and return the answer to it."""
        if self.refuses_with:
            return {"ok": False, "error": self.refuses_with}
        with self._lock:
            call = Call(method, payload, time.time())
            self._calls.append(call)
            ts = f"{int(call.at)}.{len(self._calls):06d}"
        if method == _POST and self.on_message is not None and self.on_message(call, port):
            return None
        return {"ok": True, "ts": ts, "channel": payload.get("channel", "")}


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    allow_reuse_address = True
    # Two hundred alarms knock at once.
    request_queue_size = 64
    world: SlackWorld

    def handle_error(self, *_: object) -> None:
        """Say nothing: callers who give up are what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        port = int(self.client_address[1])
        answer = self.server.world.take(self.path.rpartition("/")[2], _read(body), port)
        if answer is None:
            return
        text = json.dumps(answer).encode()
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _read(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return dict(parse_qsl(body.decode("utf-8")))
    return found if isinstance(found, dict) else {}
