"""Errors at the edges, and whether a retry can help."""


class BedrockAlertsError(Exception):
    """The base of every error that this package raises on purpose."""


class SettingsError(BedrockAlertsError):
    """A function is configured wrongly; the message names the variable and the form it needs."""


class BatchError(BedrockAlertsError):
    """A batch cannot be opened, so none of its records can be counted."""


class TransientError(BedrockAlertsError):
    """The request was certainly not carried out, and a retry may succeed.

    `retry_after` is the delay in seconds that the service asked for, None if it gave none.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnknownOutcomeError(TransientError):
    """The request was sent but no response came, so it may have been carried out."""


class PermanentError(BedrockAlertsError):
    """A retry cannot succeed: someone must change something first."""


class GoneError(PermanentError):
    """The object to read no longer exists, so it can never be counted."""


class CredentialError(PermanentError):
    """The service rejected the credentials: the secret may have been rotated or be wrong."""


class MessageError(PermanentError):
    """The service rejected the message itself: the mistake is ours."""


class EditError(PermanentError):
    """The message to edit or reply to is gone or closed: send a new one."""
