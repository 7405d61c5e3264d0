"""Answering CloudFormation: the body is put to a URL that is signed, and therefore a secret."""

from http import HTTPStatus
from typing import Final

import urllib3

from bedrock_alerts.adapters.http import hush, is_own_machine, read_url
from bedrock_alerts.errors import PermanentError, TransientError

_TIMEOUT: Final = urllib3.Timeout(connect=3, read=7)


class Responder:
    """Puts answers to https URLs; `allow_loopback` adds plain http to this machine."""

    def __init__(
        self, *, allow_loopback: bool = False, timeout: urllib3.Timeout = _TIMEOUT
    ) -> None:
        hush()
        self._allow_loopback = allow_loopback
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def put(self, url: str, body: bytes) -> None:
        """Put an answer once. Raises TransientError, or PermanentError for a URL that is refused.

        Whatever the status, another attempt may help, and nothing else can.
        """
        self._check(url)
        try:
            response = self._pool.request(
                "PUT",
                url,
                body=body,
                # The URL is signed for no type at all.
                headers={"Content-Type": ""},
                redirect=False,
                preload_content=False,
            )
            status = response.status
            response.close()
        except urllib3.exceptions.HTTPError as error:
            failure = TransientError(
                f"no response could be sent to CloudFormation: {type(error).__name__}"
            )
        else:
            if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                return
            failure = TransientError(f"the response to CloudFormation was refused: {status}")
        # Raised here, because the library's error may hold the URL and would come along.
        raise failure

    def _check(self, url: str) -> None:
        target = read_url(url)
        is_here = self._allow_loopback and is_own_machine(target)
        if not is_here and (target.scheme != "https" or not target.host):
            raise PermanentError("the ResponseURL must be https://HOST/…")
