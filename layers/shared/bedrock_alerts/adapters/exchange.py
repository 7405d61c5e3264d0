"""One HTTP request and its response, with one deadline for both.

A socket time-out bounds one read: it never stops a server that sends a byte now and then, and name
resolution has none. So a thread does the work, and at the deadline its caller knows whether the
request was sent. No connection is kept: a function is frozen between two calls, and a connection
that closed meanwhile would make the next outcome uncertain.

Errors name the host and the kind of a library's error, never its text: it may hold the URL. They
are raised outside the handler, so that the library's error is not their context.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from bedrock_alerts.errors import (
    BedrockAlertsError,
    PermanentError,
    TransientError,
    UnknownOutcomeError,
)

SECONDS: Final = 10.0
"""Default time limit for a request and its response, in seconds."""

_CONNECT_SECONDS: Final = 3.0
_PORTS: Final = {"https": 443, "http": 80}


class Target(NamedTuple):
    """The target of a URL; `port` is None if the URL has none."""

    scheme: str
    host: str
    port: int | None
    has_user: bool
    path: str


class Response(NamedTuple):
    """A response; `body` is cut at the size limit, the deadline or a lost connection."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Posts to URLs, one connection for each request, without redirects or proxies."""

    def __init__(self) -> None:
        self._tls: ssl.SSLContext | None = None

    def post(
        self,
        target: Target,
        body: bytes,
        headers: Mapping[str, str],
        *,
        seconds: float = SECONDS,
        max_bytes: int,
        resolve: Callable[[], str] | None = None,
    ) -> Response:
        """Send `body` once, and return the response with at most `max_bytes` of its body.

        `resolve` returns the address to connect to; without it the host's name is looked up. A
        connection gets 3 s of the `seconds`. Raises TransientError if nothing was sent,
        UnknownOutcomeError if the request was sent, PermanentError if it cannot be written.
        """
        if seconds <= 0:
            raise TransientError(f"no time is left to call {target.host}")
        connection = http.client.HTTPConnection(target.host)
        try:
            connection.putrequest("POST", target.path, skip_host=True)
            for name, value in {
                "Host": _authority(target),
                "User-Agent": "bedrock-alerts",
                "Connection": "close",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                connection.putheader(name, value)
        except (ValueError, http.client.HTTPException):
            is_written = False
        else:
            is_written = True
        if not is_written:
            raise PermanentError(f"the request to {target.host} cannot be written")
        exchange = _Exchange(connection, body, max_bytes)
        return exchange.within(seconds, target, resolve, self._context(target))

    def _context(self, target: Target) -> ssl.SSLContext | None:
        if target.scheme != "https":
            return None
        if self._tls is None:  # reading the CA certificates takes a moment
            self._tls = ssl.create_default_context()
        return self._tls


class _Exchange:
    """One request in progress."""

    def __init__(self, connection: http.client.HTTPConnection, body: bytes, max_bytes: int) -> None:
        self._connection = connection
        self._body = body
        self._max_bytes = max_bytes
        self._socket: socket.socket | None = None
        self._response: Response | None = None
        self._failure: BedrockAlertsError | None = None
        self._kind = "TimeoutError"
        # Both threads decide on this: the request is sent, or it was abandoned before.
        self._lock = threading.Lock()
        self._has_gone_out = False
        self._is_given_up = False
        self._is_connected = threading.Event()  # or never will be

    def within(
        self,
        seconds: float,
        target: Target,
        resolve: Callable[[], str] | None,
        tls: ssl.SSLContext | None,
    ) -> Response:
        """Return the response, or raise the error that applies at the deadline."""
        deadline = time.monotonic() + seconds
        connect_seconds = min(_CONNECT_SECONDS, seconds)
        worker = threading.Thread(
            target=self._run,
            args=(target, resolve, tls, connect_seconds),
            name=f"request to {target.host}",
            daemon=True,
        )
        worker.start()
        self._is_connected.wait(connect_seconds)
        with self._lock:
            self._is_given_up = not self._has_gone_out
        if self._has_gone_out:
            worker.join(max(0.0, deadline - time.monotonic()))
        # Read this before hanging up, which the worker sees as an end.
        response, failure, error = self._response, self._failure, self._kind
        if worker.is_alive():
            self._hang_up()
        if response is not None:
            return response
        if failure is not None:
            raise failure.with_traceback(None)
        kind = UnknownOutcomeError if self._has_gone_out else TransientError
        raise kind(f"no response from {target.host}: {error}")

    def _run(
        self,
        target: Target,
        resolve: Callable[[], str] | None,
        tls: ssl.SSLContext | None,
        connect_seconds: float,
    ) -> None:
        try:
            self._connect(target, resolve() if resolve else target.host, tls, connect_seconds)
            with self._lock:
                if self._is_given_up:
                    return
                self._has_gone_out = True
            self._is_connected.set()
            self._ask()
        except BedrockAlertsError as error:
            self._failure = error
        except Exception as error:  # noqa: BLE001 - a thread's error is printed, with the URL in it
            self._kind = type(error).__name__
        finally:
            self._is_connected.set()
            if self._socket is not None:
                self._socket.close()

    def _connect(
        self, target: Target, address: str, tls: ssl.SSLContext | None, seconds: float
    ) -> None:
        port = target.port or _PORTS[target.scheme]
        self._socket = socket.create_connection((address, port), timeout=seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            wrapped = tls.wrap_socket(
                self._socket, server_hostname=target.host, do_handshake_on_connect=False
            )
            self._socket = wrapped
            wrapped.do_handshake()
        self._socket.settimeout(None)  # from here on, the deadline closes the connection

    def _ask(self) -> None:
        self._connection.sock = self._socket
        self._connection.endheaders(self._body)
        response = self._connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        self._response = Response(response.status, headers, b"")
        body = bytearray()
        # The status is valid, even if the rest is lost.
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            while len(body) < self._max_bytes:
                piece = response.read1(self._max_bytes - len(body))
                if not piece:
                    break
                body += piece
                self._response = self._response._replace(body=bytes(body))
        response.close()

    def _hang_up(self) -> None:
        """Interrupt the worker's present wait."""
        found = self._socket
        if found is not None:
            with contextlib.suppress(OSError):
                # Not SSLSocket's own, which removes state that the other thread still uses.
                socket.socket.shutdown(found, socket.SHUT_RDWR)


def is_success(status: int) -> bool:
    """Whether a status means that a request was accepted."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _authority(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port is None else f"{host}:{target.port}"
