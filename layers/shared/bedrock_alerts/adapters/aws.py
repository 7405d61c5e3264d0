"""The AWS calls that alerts need: queues, topics, secrets, pictures of metrics."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import boto3
import msgspec
from aws_lambda_powertools.utilities.parameters import GetParameterError, SecretsProvider
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bedrock_alerts.adapters.secrecy import silence
from bedrock_alerts.alerts.model import Delivery
from bedrock_alerts.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import BatchResultErrorEntryTypeDef

_SECRET_MAX_AGE_SECONDS: Final = 300
_MAX_VISIBILITY_SECONDS: Final = 43_200
# The queue retries; a call gets two attempts so that a stale connection costs no round trip of it.
_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=7, retries={"mode": "standard", "total_max_attempts": 2}
)
# A publication that timed out may have been accepted: trying again at once would send it twice.
_ONCE: Final = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
_PUT_ATTEMPTS: Final = 2
_PERMANENT: Final = frozenset(
    {"InvalidParameter", "InvalidParameterValue", "NotFound", "AuthorizationError"}
)


class DeliveryQueue:
    """The queue between `route` and `deliver`: one message per state change and channel."""

    def __init__(self, url: str, client: "SQSClient | None" = None) -> None:
        self._url = url
        self._client: SQSClient = client or boto3.client("sqs", config=_CONFIG)

    def put(self, deliveries: Sequence[Delivery]) -> None:
        """Enqueue all of `deliveries`, or raise TransientError so that all are tried again.

        What the queue refuses alone is offered once more at once: to try the whole state change
        again would send twice what the queue has taken.
        """
        waiting = [msgspec.json.encode(delivery).decode() for delivery in deliveries]
        failed: list[BatchResultErrorEntryTypeDef] = []
        for _ in range(_PUT_ATTEMPTS):
            if not waiting:
                return
            failed = self._put(waiting)
            waiting = [waiting[int(entry["Id"])] for entry in failed]
        if failed:
            codes = ", ".join(sorted({entry["Code"] for entry in failed}))
            raise TransientError(f"{len(failed)} of {len(deliveries)} not enqueued: {codes}")

    def _put(self, bodies: Sequence[str]) -> "list[BatchResultErrorEntryTypeDef]":
        try:
            answer = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)
                ],
            )
        except (ClientError, BotoCoreError) as error:
            raise TransientError(f"Amazon SQS took no delivery: {_code(error)}") from error
        return answer.get("Failed", [])

    def postpone(self, receipt_handle: str, seconds: float) -> None:
        """Hide a received message for `seconds`, so that the queue does the waiting.

        Raises TransientError; the message then comes back after the queue's own time-out.
        """
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=math.ceil(min(seconds, _MAX_VISIBILITY_SECONDS)),
            )
        except (ClientError, BotoCoreError) as error:
            raise TransientError(f"the message cannot be postponed: {_code(error)}") from error


class AlertsQueue:
    """The queue that `route` reads: what is put there is acted on at least once."""

    def __init__(self, url: str, client: "SQSClient | None" = None) -> None:
        self._url = url
        self._client: SQSClient = client or boto3.client("sqs", config=_CONFIG)

    def put(self, body: str) -> None:
        """Put one message there. Raises TransientError."""
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=body)
        except (ClientError, BotoCoreError) as error:
            raise TransientError(f"Amazon SQS took no message: {_code(error)}") from error


class EmailTopic:
    """The SNS topic whose subscribers get the e-mails."""

    def __init__(self, arn: str, client: "SNSClient | None" = None) -> None:
        self._arn = arn
        self._client: SNSClient = client or boto3.client("sns", config=_ONCE)

    def send(self, subject: str, body: str) -> None:
        """Publish one e-mail. Raises TransientError or PermanentError."""
        _publish(self._client, TopicArn=self._arn, Subject=subject, Message=body)


class NotificationTopic:
    """The SNS topic that Amazon Q Developer watches."""

    def __init__(self, arn: str, client: "SNSClient | None" = None) -> None:
        self._arn = arn
        self._client: SNSClient = client or boto3.client("sns", config=_ONCE)

    def publish(self, message: str) -> None:
        """Publish one message. Raises TransientError or PermanentError."""
        _publish(self._client, TopicArn=self._arn, Message=message)


class DeadLetterQueue:
    """Where deliveries lie that cannot be sent, until somebody sends them back."""

    def __init__(self, url: str, client: "SQSClient | None" = None) -> None:
        self._url = url
        self._client = client

    def park(self, body: str) -> None:
        """Put a delivery there as it came. Raises TransientError."""
        if self._client is None:  # hardly ever needed, and its making takes time
            self._client = boto3.client("sqs", config=_CONFIG)
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=body)
        except (ClientError, BotoCoreError) as error:
            raise TransientError(f"the delivery cannot be parked: {_code(error)}") from error


class MetricPictures:
    """CloudWatch draws graphs of metrics."""

    def __init__(self, client: "CloudWatchClient | None" = None) -> None:
        self._client = client

    def draw(self, widget: str) -> bytes:
        """Return the picture of a widget as PNG. Raises TransientError or PermanentError."""
        if self._client is None:  # made at the first picture: most deliveries have none
            self._client = boto3.client("cloudwatch", config=_ONCE)
        try:
            answer = self._client.get_metric_widget_image(MetricWidget=widget)
        except (ClientError, BotoCoreError) as error:
            raise TransientError(f"CloudWatch drew no picture: {_code(error)}") from error
        return answer["MetricWidgetImage"]


class Secret:
    """A secret's text, kept for five minutes so that a rotation is seen soon."""

    def __init__(self, arn: str, provider: SecretsProvider | None = None) -> None:
        silence("botocore.parsers")  # it writes every answer, the secret included
        self._arn = arn
        self._provider = provider or SecretsProvider(boto_config=_CONFIG)

    def text(self, *, fresh: bool = False) -> str:
        """Return the secret, `fresh` from Secrets Manager where the one that we keep is refused.

        Raises TransientError: a grant may be missing for a moment only.
        """
        try:
            value = self._provider.get(
                self._arn, max_age=_SECRET_MAX_AGE_SECONDS, force_fetch=fresh
            )
        except GetParameterError as error:
            # Powertools hides the cause in the context.
            raise TransientError(
                f"the secret cannot be read: {_code(error.__context__ or error)}"
            ) from error
        if not isinstance(value, str):
            raise PermanentError("the secret has to be a text, not binary")
        return value.strip()


def _publish(client: "SNSClient", **message: str) -> None:
    try:
        client.publish(**message)  # type: ignore[arg-type] # a plain str for every argument
    except ClientError as error:
        code = _code(error)
        kind = PermanentError if code in _PERMANENT else TransientError
        raise kind(f"Amazon SNS refused the message: {code}") from error
    except BotoCoreError as error:
        raise TransientError(f"no answer from Amazon SNS: {_code(error)}") from error


def _code(error: BaseException) -> str:
    """Name an error: AWS's code for it, or its kind where nothing came from AWS."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "unknown")
    return type(error).__name__
