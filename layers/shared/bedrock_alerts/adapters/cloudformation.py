"""Sends responses to CloudFormation: a PUT to a signed URL, which is a secret."""

from http import HTTPStatus
from typing import Final

import urllib3

from bedrock_alerts.adapters.http import hush, is_own_machine, read_url
from bedrock_alerts.errors import PermanentError, TransientError

_TIMEOUT: Final = urllib3.Timeout(connect=3, read=7)


class Responder:
    """Puts responses to https URLs; `allow_loopback` also allows plain http to this machine."""

    def __init__(
        self, *, allow_loopback: bool = False, timeout: urllib3.Timeout = _TIMEOUT
    ) -> None:
        hush()
        self._allow_loopback = allow_loopback
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def put(self, url: str, body: bytes) -> None:
        """Put a response once. Raises TransientError, or PermanentError for a URL that is refused.

        Any status is transient: only another attempt can help.
        """
        self._check(url)
        try:
            response = self._pool.request(
                "PUT",
                url,
                body=body,
                # The URL is signed without a content type.
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
        # Raised here, so that the library's error, which may hold the URL, is not its context.
        raise failure

    def _check(self, url: str) -> None:
        target = read_url(url)
        is_here = self._allow_loopback and is_own_machine(target)
        if not is_here and (target.scheme != "https" or not target.host):
            raise PermanentError("the ResponseURL must be https://HOST/…")
