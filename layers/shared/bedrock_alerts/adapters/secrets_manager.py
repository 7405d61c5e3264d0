"""AWS Secrets Manager: the credentials of the channels."""

from typing import Final

from aws_lambda_powertools.utilities.parameters import GetParameterError, SecretsProvider
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from bedrock_alerts.adapters.aws_errors import translate
from bedrock_alerts.adapters.quiet_loggers import silence
from bedrock_alerts.errors import PermanentError, TransientError

_SERVICE: Final = "AWS Secrets Manager"
_MAX_AGE_SECONDS: Final = 300
_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=7, retries={"mode": "standard", "total_max_attempts": 2}
)


class Secret:
    """A secret's text, kept for five minutes so that a rotation is seen soon."""

    def __init__(self, arn: str, provider: SecretsProvider | None = None) -> None:
        silence("botocore.parsers")  # it logs every response, including the secret
        self._arn = arn
        self._provider = provider

    def text(self, *, fresh: bool = False) -> str:
        """Return the secret; `fresh` reads it again, after the cached one was refused.

        Raises TransientError: a permission may be missing only briefly.
        """
        if (
            self._provider is None
        ):  # a stack has one for each channel, and a delivery needs only one
            self._provider = SecretsProvider(boto_config=_CONFIG)
        try:
            value = self._provider.get(self._arn, max_age=_MAX_AGE_SECONDS, force_fetch=fresh)
        except GetParameterError as error:
            raise _translated(error) from error
        if not isinstance(value, str):
            raise PermanentError("the secret must be text, not binary")
        return value.strip()


def _translated(error: GetParameterError) -> TransientError | PermanentError:
    cause = error.__context__  # Powertools stores the cause there
    if isinstance(cause, (BotoCoreError, ClientError, ResponseParserError)):
        return translate(cause, _SERVICE)
    return TransientError(f"no response from {_SERVICE}: {type(cause or error).__name__}")
