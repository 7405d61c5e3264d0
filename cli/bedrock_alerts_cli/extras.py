"""What only some commands need, and how to install it."""

from typing import Final

from bedrock_alerts_cli.user_errors import InputError

# Each package that the wheel does not ask for, with the extra that brings it.
_EXTRAS: Final = {"boto3": "aws", "botocore": "aws"}


def missing(error: ModuleNotFoundError) -> InputError:
    """Return what to say of a package that is not installed. Raises any other error again."""
    extra = _EXTRAS.get((error.name or "").partition(".")[0])
    if extra is None:
        raise error
    return InputError(f"this needs the extra {extra}: {install(extra)}")


def install(extra: str) -> str:
    """Return the line that installs an extra."""
    return f'pip install "bedrock-alerts[{extra}]"'
