"""Finds the `sam` command."""

import shutil
import sys
from pathlib import Path

from bedrock_alerts_cli.user_errors import CommandError


def find_sam() -> str:
    """Return the path of `sam`, first the one next to this Python. Raises CommandError."""
    sam = shutil.which("sam", path=str(Path(sys.executable).parent)) or shutil.which("sam")
    if sam is None:
        raise CommandError("the `sam` command is not installed: run `make setup`")
    return sam
