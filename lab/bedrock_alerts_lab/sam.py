"""Where the `sam` command is."""

import shutil
import sys
from pathlib import Path

from bedrock_alerts_lab.errors import LabError


def find_sam() -> str:
    """Return the path of `sam`: the one beside this Python first. Raises LabError without one."""
    sam = shutil.which("sam", path=str(Path(sys.executable).parent)) or shutil.which("sam")
    if sam is None:
        raise LabError("the `sam` command is not installed: run `make setup`")
    return sam
