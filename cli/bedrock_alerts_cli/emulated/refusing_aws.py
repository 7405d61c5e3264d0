"""An address that refuses every call to AWS, and names what was called."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, NamedTuple

_SERVICE: Final = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")
_REFUSAL: Final = (
    b'{"__type": "AccessDeniedException", "message": '
    b'"this invocation may not call AWS: give --endpoint-url"}'
)


class Refused(NamedTuple):
    """Where the refusing address is, and what was called, with how often."""

    url: str
    calls: Counter[str]


@contextmanager
def refusing_aws() -> Iterator[Refused]:
    """Refuse calls to AWS for a while."""
    calls: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def _refuse(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found = _SERVICE.search(self.headers.get("Authorization", ""))
            service = found[1] if found else "an unsigned call"
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            calls[f"{service} {operation}".strip()] += 1
            self.send_response(403)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("X-Amzn-ErrorType", "AccessDeniedException")
            self.send_header("Content-Length", str(len(_REFUSAL)))
            self.end_headers()
            self.wfile.write(_REFUSAL)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _refuse  # noqa: N815 - http.server's names

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Refused(f"http://127.0.0.1:{server.server_address[1]}", calls)
        finally:
            server.shutdown()
