"""AWS Secrets Manager: what the channels are called with."""

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
        silence("botocore.parsers")  # it writes every answer, the secret included
        self._arn = arn
        self._provider = provider

    def text(self, *, fresh: bool = False) -> str:
        """Return the secret, `fresh` from Secrets Manager where the one that we keep is refused.

        Raises TransientError: a grant may be missing for a moment only.
        """
        if self._provider is None:  # a stack has one for each channel, a delivery needs one of them
            self._provider = SecretsProvider(boto_config=_CONFIG)
        try:
            value = self._provider.get(self._arn, max_age=_MAX_AGE_SECONDS, force_fetch=fresh)
        except GetParameterError as error:
            raise _translated(error) from error
        if not isinstance(value, str):
            raise PermanentError("the secret must be text, not binary")
        return value.strip()


def _translated(error: GetParameterError) -> TransientError | PermanentError:
    cause = error.__context__  # Powertools hides it there
    if isinstance(cause, (BotoCoreError, ClientError, ResponseParserError)):
        return translate(cause, _SERVICE)
    return TransientError(f"no response from {_SERVICE}: {type(cause or error).__name__}")
