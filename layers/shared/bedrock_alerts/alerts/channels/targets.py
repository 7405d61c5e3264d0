"""Channels without targets."""

from bedrock_alerts.alerts.ports import Job
from bedrock_alerts.errors import PermanentError


def no_target(job: Job, kind: str) -> None:
    """Refuse a target for a kind of channel without targets. Raises PermanentError."""
    if job.target:
        raise PermanentError(f"{kind} has no targets: {job.target!r} cannot be used")
