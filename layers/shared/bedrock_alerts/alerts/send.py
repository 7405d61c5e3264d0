"""The last step: alerts to one channel. What fails says whether another attempt can help."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from bedrock_alerts.alerts.credentials import SecretPort, entry, with_secret
from bedrock_alerts.alerts.digest import SUMMARY_CHARS, as_one
from bedrock_alerts.alerts.model import Alert, Thread
from bedrock_alerts.alerts.render import amazon_q, email, pagerduty, slack, teams, webhook
from bedrock_alerts.errors import MessageError, PermanentError

PAGERDUTY_URL: Final = "https://events.pagerduty.com/v2/enqueue"
# An e-mail has room for every alert of a digest.
_EMAIL_LIST_CHARS: Final = 60_000
SIGNATURE_HEADER: Final = "X-Bedrock-Alerts-Signature"


class EmailPort(Protocol):
    """Sends an e-mail."""

    def send(self, subject: str, body: str) -> None:
        """Send it, or raise TransientError or PermanentError."""


class JsonPort(Protocol):
    """Posts JSON to known hosts."""

    def post_json(self, url: str, payload: Mapping[str, Any]) -> None:
        """Post it, or raise TransientError or PermanentError."""


class PostPort(Protocol):
    """Posts to any host."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Post it, or raise TransientError or PermanentError."""


class TopicPort(Protocol):
    """Publishes to a topic."""

    def publish(self, message: str) -> None:
        """Publish it, or raise TransientError or PermanentError."""


class Post(NamedTuple):
    """What is to be sent as one message.

    `target` is the part of the channel behind its kind, empty for the only one. `thread` is where
    the incident is shown on this channel already, `parent` the thread that its message may join.
    """

    alerts: tuple[Alert, ...]
    target: str = ""
    mentions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    digest: str = ""
    thread: Thread | None = None
    parent: Thread | None = None

    def alert(self, chars: int = SUMMARY_CHARS) -> Alert:
        """Return the one alert to show: where there are several a digest, its list in `chars`."""
        return as_one(self.alerts, self.digest, chars)


class Receipt(NamedTuple):
    """What became of it: the Slack message to remember, and what was wrong with what we sent."""

    thread: Thread | None = None
    defect: str = ""


class Sender:
    """Sends to one kind of channel."""

    # Whether several alerts may go as one message.
    takes_digests = True

    def send(self, post: Post) -> Receipt:
        """Send one message, or raise TransientError or PermanentError."""
        raise NotImplementedError

    def extras(self, post: Post, thread: Thread) -> Sequence[Callable[[], None]]:
        """Return what is nice to have below the message: each may fail alone."""
        del post, thread
        return ()


class EmailSender(Sender):
    """Sends e-mails by way of a topic, which has no targets."""

    def __init__(self, topic: EmailPort) -> None:
        self._topic = topic

    def send(self, post: Post) -> Receipt:
        """Publish one e-mail."""
        _no_target(post, "email")
        message = email.render(post.alert(_EMAIL_LIST_CHARS), post.notes)
        self._topic.send(message.subject, message.body)
        return Receipt()


class SlackWebhookSender(Sender):
    """Sends to Slack's incoming webhooks, whose URLs are the secret."""

    def __init__(self, poster: JsonPort, secret: SecretPort) -> None:
        self._poster = poster
        self._secret = secret

    def send(self, post: Post) -> Receipt:
        """Post one message, in plain words where Slack finds fault with ours."""
        alert = post.alert()

        def use(text: str) -> Receipt:
            url = entry(text, post.target, main="url")["url"]
            try:
                self._poster.post_json(url, slack.render(alert, post.mentions, post.notes))
            except MessageError as error:
                self._poster.post_json(url, slack.render_plainly(alert, post.mentions))
                return Receipt(defect=str(error))
            return Receipt()

        return with_secret(self._secret, use)


class WebhookSender(Sender):
    """Sends signed CloudEvents to anybody's endpoint, each alert for itself."""

    takes_digests = False

    def __init__(self, poster: PostPort, secret: SecretPort, clock: Callable[[], float]) -> None:
        self._poster = poster
        self._secret = secret
        self._clock = clock

    def send(self, post: Post) -> Receipt:
        """Post one event."""

        def use(text: str) -> Receipt:
            found = entry(text, post.target, main="url", needs=("secret",))
            for alert in post.alerts:
                body = msgspec.json.encode(webhook.render(alert, post.notes))
                headers = {
                    "Content-Type": "application/cloudevents+json; charset=utf-8",
                    SIGNATURE_HEADER: signature(found["secret"], body, int(self._clock())),
                }
                self._poster.post(found["url"], body, headers)
            return Receipt()

        return with_secret(self._secret, use)


class PagerDutySender(Sender):
    """Triggers and resolves PagerDuty's alerts, each for itself: a digest could not be resolved."""

    takes_digests = False

    def __init__(self, poster: JsonPort, secret: SecretPort) -> None:
        self._poster = poster
        self._secret = secret

    def send(self, post: Post) -> Receipt:
        """Enqueue one event."""

        def use(text: str) -> Receipt:
            found = entry(text, post.target, main="routing_key")
            for alert in post.alerts:
                event = pagerduty.render(alert, found["routing_key"], post.notes)
                self._poster.post_json(found.get("url") or PAGERDUTY_URL, event)
            return Receipt()

        return with_secret(self._secret, use)


class TeamsSender(Sender):
    """Sends to workflows of Microsoft Teams, whose URLs are the secret."""

    def __init__(self, poster: JsonPort, secret: SecretPort) -> None:
        self._poster = poster
        self._secret = secret

    def send(self, post: Post) -> Receipt:
        """Post one card."""
        card = teams.render(post.alert(), post.notes)

        def use(text: str) -> Receipt:
            self._poster.post_json(entry(text, post.target, main="url")["url"], card)
            return Receipt()

        return with_secret(self._secret, use)


class AmazonQSender(Sender):
    """Publishes custom notifications for Amazon Q Developer in chat applications."""

    def __init__(self, topic: TopicPort) -> None:
        self._topic = topic

    def send(self, post: Post) -> Receipt:
        """Publish one notification."""
        _no_target(post, "amazon_q")
        notification = amazon_q.render(post.alert(), post.notes)
        self._topic.publish(msgspec.json.encode(notification).decode())
        return Receipt()


def signature(secret: str, body: bytes, at: int) -> str:
    """Sign a body as of `at`, so that its receiver can tell it from a forged or an old one."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


def _no_target(post: Post, kind: str) -> None:
    if post.target:
        raise PermanentError(f"{kind} has no targets, so there is no {kind}:{post.target}")
