"""Receives messages for Slack and a mailbox on this machine, and shows them on a page."""

from __future__ import annotations

import json
import secrets
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from errno import EADDRINUSE
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any, Final, Self

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bedrock_alerts_cli.fake_slack import slack_methods as slack_api
from bedrock_alerts_cli.fake_slack.blocks import payload_problem, render_payload
from bedrock_alerts_cli.fake_slack.inbox import CHANNEL, Inbox, SlackMessage
from bedrock_alerts_cli.fake_slack.request import JSON, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

WEBHOOK_PATH: Final = "/services/T00000000/B00000000/localtoken"
API_PATH: Final = "/api/"
UPLOAD_PATH: Final = "/upload"
MAX_BODY_BYTES: Final = 1_048_576
# Of a body that is too large we still read this much, so that its sender sees our response.
_MAX_DISCARDED_BYTES: Final = 8 * MAX_BODY_BYTES
_DISCARD_STEP: Final = 65_536
_SECONDS_FOR_A_REQUEST: Final = 10
_HTML: Final = "text/html; charset=utf-8"
_HERE: Final = Path(__file__).parent


class PortInUseError(OSError):
    """Another program already listens on the receiver's port."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"port {port} is already in use: stop the program that listens there "
            "(perhaps another demo), or choose another port"
        )
        self.port = port


class Receiver(Inbox):
    """A channel and a mailbox that keep their content when switched off and on."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(clock)
        self._host = host
        self._port = port
        self._lifecycle = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """Return the port; the first start() chooses one if none was given."""
        return self._port

    @property
    def url(self) -> str:
        """Return the address of the page."""
        return f"http://{self._host}:{self._port}/"

    @property
    def webhook_url(self) -> str:
        """Return the URL of the incoming webhook."""
        return f"http://{self._host}:{self._port}{WEBHOOK_PATH}"

    @property
    def api_url(self) -> str:
        """Return the URL of the Web API."""
        return f"http://{self._host}:{self._port}{API_PATH}"

    def start(self) -> None:
        """Listen; does nothing if it already does, raises PortInUseError if it cannot."""
        with self._lifecycle:
            if self._server is not None:
                return
            try:
                server = _Server((self._host, self._port), self)
            except OSError as error:
                if error.errno == EADDRINUSE:
                    raise PortInUseError(self._port) from error
                raise
            # Stored, so that a restart has the same address.
            self._port = int(server.server_address[1])
            self._server = server
            self._thread = threading.Thread(
                target=server.serve_forever,
                kwargs={"poll_interval": 0.05},
                name="slack-receiver",
                daemon=True,
            )
            self._thread.start()

    def stop(self) -> None:
        """Finish the requests in progress, close the port, keep what was received."""
        with self._lifecycle:
            server, thread = self._server, self._thread
            if server is None or thread is None:
                return
            server.shutdown()
            server.server_close()
            thread.join()
            self._server = self._thread = None


def incoming_webhook(receiver: Receiver, request: Request) -> Response:
    """Accept a message like Slack's incoming webhook, with its words and status codes."""
    try:
        payload = json.loads(request.body)
    except (ValueError, RecursionError):
        return Response(HTTPStatus.BAD_REQUEST, "invalid_payload")
    problem = payload_problem(payload)
    if problem is not None:
        return Response(HTTPStatus.BAD_REQUEST, problem)
    receiver.add_message(payload)
    return Response(HTTPStatus.OK, "ok")


def page(receiver: Receiver, _request: Request) -> Response:
    """Return the whole page."""
    nonce = secrets.token_urlsafe(12)
    html = _template().render(
        **_view(receiver),
        nonce=nonce,
        css=Markup((_HERE / "page.css").read_text("utf-8")),  # noqa: S704 - our own file
    )
    # The second line of defence behind escaping: nothing is loaded, only our script runs.
    policy = (
        "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Response(HTTPStatus.OK, html, _HTML, {"Content-Security-Policy": policy})


def board(receiver: Receiver, request: Request) -> Response:
    """Return the part of the page that changes, or nothing if it did not change."""
    view = _view(receiver)
    tag = f'"{view["version"]}"'
    if request.if_none_match == tag:
        return Response(HTTPStatus.NOT_MODIFIED, "", headers={"ETag": tag})
    template = _template()
    html = "".join(template.blocks["board"](template.new_context(view)))
    return Response(HTTPStatus.OK, html, _HTML, {"ETag": tag})


def everything_as_json(receiver: Receiver, _request: Request) -> Response:
    """Return everything received, for programs."""
    received = {
        "messages": [asdict(message) for message in receiver.messages()],
        "emails": [asdict(email) for email in receiver.emails()],
    }
    return Response(HTTPStatus.OK, json.dumps(received, default=datetime.isoformat), JSON)


def health(_receiver: Receiver, _request: Request) -> Response:
    """Return that the receiver is running."""
    return Response(HTTPStatus.OK, "ok")


def nothing_here(_receiver: Receiver, request: Request) -> Response:
    """Return an error for every other address; for a wrong webhook token, Slack's code."""
    is_webhook = request.path.startswith("/services/")
    return Response(HTTPStatus.NOT_FOUND, "no_service" if is_webhook else "not_found")


# A bot's methods return 200 with {"ok": ...}, whatever happened.
ENDPOINTS: Final[Mapping[tuple[str, str], Callable[[Receiver, Request], Response]]] = {
    ("GET", "/"): page,
    ("GET", "/messages"): board,
    ("GET", "/messages.json"): everything_as_json,
    ("GET", "/healthz"): health,
    ("POST", WEBHOOK_PATH): incoming_webhook,
    ("POST", f"{API_PATH}auth.test"): slack_api.who_am_i,
    ("POST", f"{API_PATH}conversations.info"): slack_api.describe_channel,
    ("POST", f"{API_PATH}chat.postMessage"): slack_api.post_message,
    ("POST", f"{API_PATH}chat.update"): slack_api.update_message,
    ("POST", f"{API_PATH}files.getUploadURLExternal"): slack_api.expect_upload,
    ("POST", f"{API_PATH}files.completeUploadExternal"): slack_api.complete_upload,
    ("POST", UPLOAD_PATH): slack_api.take_upload,
}


def _view(receiver: Receiver) -> dict[str, Any]:
    # The version first: if something arrives in between, the next poll fetches it again.
    return {
        "version": receiver.version(),
        "channel": CHANNEL,
        "messages": threaded(receiver.messages()),
        "emails": receiver.emails(),
        "summary": receiver.summary(),
    }


def threaded(messages: Sequence[SlackMessage]) -> list[SlackMessage]:
    """Return the messages with every reply below its message, like open threads."""
    known = {message.ts for message in messages}
    roots = [message for message in messages if message.thread_ts not in known]
    found: list[SlackMessage] = []
    for root in roots:
        found.append(root)
        found += [message for message in messages if message.thread_ts == root.ts]
    return found


@cache
def _template() -> Any:
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(_HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawn"] = lambda message: render_payload(
        message.payload, read_at=message.received_at.astimezone()
    )
    environment.filters["local"] = lambda when, form: when.astimezone().strftime(form)
    return environment.get_template("page.html.jinja")


class _Server(ThreadingHTTPServer):
    """Serves one receiver with one thread for each request, and ends all threads on close."""

    # A second receiver on the port must fail, and a restarted one must not wait for old sockets.
    allow_reuse_address = True
    allow_reuse_port = False
    # Not daemons, so that server_close() waits for responses in progress.
    daemon_threads = False

    def __init__(self, address: tuple[str, int], receiver: Receiver) -> None:
        self.receiver = receiver
        self._open_lock = threading.Lock()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the reverse name look-up that the base class would do."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close, and wake the threads of connections without a request."""
        with self._open_lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report only our own errors: closed connections are normal."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Carries bytes between a socket and the endpoints.

    It speaks HTTP/1.0, a connection per request: a kept-alive one would still be served after
    stop(), and the demo would have no outage.
    """

    server: _Server
    timeout = _SECONDS_FOR_A_REQUEST

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        declared = self.headers.get("Content-Length", "")
        length = int(declared) if declared.isdecimal() else 0
        if length > MAX_BODY_BYTES:
            self._discard(min(length, _MAX_DISCARDED_BYTES))
            self._send(Response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "payload_too_large"))
            return
        body = self.rfile.read(length)
        # Cut off, by stop() for example: no response makes the sender retry, a 400 would not.
        if len(body) == length:
            self._answer(body)

    def version_string(self) -> str:
        return "bedrock-alerts-receiver"

    def log_message(self, *_: object) -> None:
        """Print nothing: the demo uses the terminal."""

    def _answer(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        endpoint = ENDPOINTS.get((self.command, path), nothing_here)
        request = Request(
            path,
            body,
            self.headers.get("If-None-Match"),
            self.headers.get("Authorization"),
            query,
            self.server.receiver.url,
        )
        self._send(endpoint(self.server.receiver, request))

    def _discard(self, length: int) -> None:
        while length > 0 and (step := self.rfile.read(min(length, _DISCARD_STEP))):
            length -= len(step)

    def _send(self, response: Response) -> None:
        # JSON can contain half a surrogate pair, UTF-8 cannot.
        body = response.body.encode("utf-8", errors="replace")
        self.send_response(response.status)
        headers = {
            "Content-Type": response.content_type,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **response.headers,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
