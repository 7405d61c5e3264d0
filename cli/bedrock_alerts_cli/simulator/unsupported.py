"""Errors for alarms that the simulator refuses."""

from bedrock_alerts_cli.user_errors import InputError


class AlarmError(InputError):
    """An alarm is not valid, or has a property that is not simulated; the message names both."""

    def __init__(self, alarm: str, where: str, problem: str) -> None:
        super().__init__(f"alarm {alarm}: {where}: {problem}")


class SyntaxProblemError(ValueError):
    """An expression, query or rule is not valid; the message says what and where."""
