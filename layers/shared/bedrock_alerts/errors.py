"""What can go wrong at the edges, and whether trying again can help."""


class BedrockAlertsError(Exception):
    """The root of every error this package raises on purpose."""


class SettingsError(BedrockAlertsError):
    """A function is set up wrongly; the message names the variable and the shape it needs."""


class BatchError(BedrockAlertsError):
    """A whole batch cannot be opened, so not one of its records can be counted."""


class TransientError(BedrockAlertsError):
    """It was certainly not done, and nothing is wrong with it: the same attempt may succeed later.

    `retry_after` is the number of seconds the other side asked for, None when it did not say.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnknownOutcomeError(TransientError):
    """It was perhaps done: the request had gone out when the response failed to come."""


class PermanentError(BedrockAlertsError):
    """Trying the same again cannot help: somebody has to change something first."""


class GoneError(PermanentError):
    """What was to be read is not there any more, so it can never be counted."""


class CredentialError(PermanentError):
    """The other side does not know us: the secret may have been renewed, or be written wrongly."""


class MessageError(PermanentError):
    """The other side finds fault with the message itself: the mistake is ours."""


class EditError(PermanentError):
    """The message that was to be edited or replied to is gone or closed: it has to be sent anew."""
