"""Amazon SNS: the topics of emails and of notifications for Amazon Q Developer."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config

from bedrock_alerts.adapters.aws_errors import translated
from bedrock_alerts.adapters.exchange import SECONDS
from bedrock_alerts.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

# The share of a call's time for the connection: 3 s of 10.
_CONNECT_SHARE: Final = 0.3
_SERVICE: Final = "Amazon SNS"
_ASKED_AGAIN_SECONDS: Final = 600.0
_LOOK_UP: Final = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1}
)
_PERMANENT: Final = frozenset(
    {"AuthorizationError", "InvalidParameter", "InvalidParameterValue", "NotFound"}
)


class _Topic:
    """A topic; its clients are created on first use, one for each time-out."""

    def __init__(self, arn: str, client: "SNSClient | None" = None) -> None:
        self._arn = arn
        self._client = client
        self._clients: dict[int, SNSClient] = {}

    def _publish(self, seconds: float, **message: str) -> None:
        client = self._client or self._client_for(max(1, int(seconds)))
        try:
            with translated(_SERVICE, _PERMANENT):
                client.publish(TopicArn=self._arn, **message)  # type: ignore[arg-type] # plain str
        finally:
            # A function is frozen between two calls, so no connection is kept: it may be closed
            # meanwhile.
            client.close()

    def _client_for(self, seconds: int) -> "SNSClient":
        if seconds not in self._clients:
            connect = _CONNECT_SHARE * seconds
            # One attempt: a publication that timed out may have been accepted.
            config = Config(
                connect_timeout=connect,
                read_timeout=seconds - connect,
                retries={"mode": "standard", "total_max_attempts": 1},
            )
            self._clients[seconds] = boto3.client("sns", config=config)
        return self._clients[seconds]


class EmailTopic(_Topic):
    """The SNS topic whose subscribers receive the emails."""

    def send(self, subject: str, body: str, *, seconds: float = SECONDS) -> None:
        """Publish one email within `seconds`, in whole ones, at least 1.

        Raises TransientError when it was certainly not published, UnknownOutcomeError when it
        perhaps was, and PermanentError.
        """
        self._publish(seconds, Subject=subject, Message=body)


class NotificationTopic(_Topic):
    """The SNS topic that Amazon Q Developer watches."""

    def publish(self, message: str, *, seconds: float = SECONDS) -> None:
        """Publish one message within `seconds`. Raises the same errors as for an email."""
        self._publish(seconds, Message=message)


class EmailSubscriptions:
    """Whether a topic has confirmed subscribers; looked up at most every ten minutes."""

    def __init__(
        self,
        topic_arn: str,
        client: "SNSClient | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topic_arn = topic_arn
        self._client = client
        self._clock = clock
        self._known: tuple[float, bool] | None = None

    def is_confirmed(self) -> bool:
        """Whether a subscription is confirmed; False if that cannot be looked up."""
        now = self._clock()
        if self._known is None or now - self._known[0] >= _ASKED_AGAIN_SECONDS:
            self._known = (now, self._ask())
        return self._known[1]

    def _ask(self) -> bool:
        client = self._client or boto3.client("sns", config=_LOOK_UP)
        try:
            with translated(_SERVICE):
                answer = client.list_subscriptions_by_topic(TopicArn=self._topic_arn)
        except (TransientError, PermanentError):
            return False
        return any(
            one.get("Protocol", "").startswith("email")
            and one.get("SubscriptionArn", "").startswith("arn:")
            for one in answer.get("Subscriptions", [])
        )
