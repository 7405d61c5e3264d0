"""Sends signed CloudEvents to any endpoint, one for each alert."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec

from bedrock_alerts.alerts.channels.webhook import render as webhook
from bedrock_alerts.alerts.credentials import SecretPort, entry, with_secret
from bedrock_alerts.alerts.ports import Job, Receipt, Sender

SIGNATURE_HEADER: Final = "X-Bedrock-Alerts-Signature"


class PostPort(Protocol):
    """Posts to any host."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> None:
        """Post it, or raise TransientError or PermanentError."""


class WebhookSender(Sender):
    """Posts CloudEvents."""

    def __init__(self, poster: PostPort, secret: SecretPort, clock: Callable[[], float]) -> None:
        self._poster = poster
        self._secret = secret
        self._clock = clock

    def send(self, job: Job, seconds: float) -> Receipt:
        """Post one event."""

        def use(text: str) -> Receipt:
            found = entry(text, job.target, main="url", needs=("secret",))
            body = msgspec.json.encode(webhook.render(job.alerts[0], job.notes))
            headers = {
                "Content-Type": "application/cloudevents+json; charset=utf-8",
                SIGNATURE_HEADER: signature(found["secret"], body, int(self._clock())),
            }
            self._poster.post(found["url"], body, headers, seconds=seconds)
            return Receipt()

        return with_secret(self._secret, use)


def signature(secret: str, body: bytes, at: int) -> str:
    """Return the header that proves the sender of `body` and the time: `t=SECONDS,v1=HEX`.

    The HMAC-SHA-256 is over the seconds, a dot and the body.
    """
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
