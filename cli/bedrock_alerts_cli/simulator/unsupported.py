"""What the simulator refuses."""

from bedrock_alerts_cli.user_errors import InputError


class AlarmError(InputError):
    """An alarm is wrong, or has a property that is not simulated; it is named with the property."""

    def __init__(self, alarm: str, where: str, problem: str) -> None:
        super().__init__(f"alarm {alarm}: {where}: {problem}")


class SyntaxProblemError(ValueError):
    """An expression, query or rule cannot be understood; the words say what and where."""
