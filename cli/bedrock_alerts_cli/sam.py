"""Finds the `sam` command."""

import shutil
import sys
from pathlib import Path

from bedrock_alerts_cli.project import IS_INSTALLED
from bedrock_alerts_cli.user_errors import InputError


def path() -> str | None:
    """Return the path of `sam`, the one beside this Python first; None where there is none."""
    return shutil.which("sam", path=str(Path(sys.executable).parent)) or shutil.which("sam")


def find_sam() -> str:
    """Return the path of `sam`. Raises InputError where it is not installed."""
    found = path()
    if found is None:
        how = "pip install aws-sam-cli" if IS_INSTALLED else "make setup"
        raise InputError(f"the `sam` command is not installed: {how}")
    return found
