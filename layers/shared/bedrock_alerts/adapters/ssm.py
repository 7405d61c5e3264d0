"""A text in SSM Parameter Store, cached for a minute."""

from typing import Final

from aws_lambda_powertools.utilities.parameters import GetParameterError, SSMProvider
from botocore.config import Config
from botocore.exceptions import ClientError

from bedrock_alerts.errors import PermanentError, TransientError

_MAX_AGE_SECONDS: Final = 60
_CONFIG: Final = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
)


class Parameter:
    """A parameter's text, at most a minute old."""

    def __init__(self, name: str, provider: SSMProvider | None = None) -> None:
        self._name = name
        self._provider = provider or SSMProvider(boto_config=_CONFIG)

    def text(self) -> str:
        """Return the parameter. Raises TransientError."""
        try:
            value = self._provider.get(self._name, max_age=_MAX_AGE_SECONDS)
        except GetParameterError as error:
            # Powertools hides the cause in the context.
            cause = error.__context__
            code = (
                cause.response.get("Error", {}).get("Code", "unknown")
                if isinstance(cause, ClientError)
                else type(cause or error).__name__
            )
            raise TransientError(f"parameter {self._name} cannot be read: {code}") from error
        if not isinstance(value, str):
            raise PermanentError(f"parameter {self._name} must be text")
        return value
