"""The log files in a folder, such as a synchronized bucket, without what holds no records."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Final

from bedrock_alerts.text import clean
from bedrock_alerts_cli.user_errors import InputError

# Written by Bedrock when logging to S3 is turned on, to check its permission.
_PERMISSION_CHECK: Final = "amazon-bedrock-logs-permission-check"
# Written by CloudWatch Logs before an export task, likewise.
_EXPORT_CHECK: Final = "aws-logs-write-test"
_BODIES: Final = "data"
_LOGS: Final = "BedrockModelInvocationLogs"
_HOUR: Final = re.compile(r"\d\d")
_OMISSIONS: Final = {
    _BODIES: f"under {_BODIES}/, which are bodies and no records",
    _PERMISSION_CHECK: "that Bedrock wrote to check its permission",
    _EXPORT_CHECK: "that CloudWatch Logs wrote to check its permission",
}


def files_below(folder: str, note: Callable[[str], None]) -> Iterator[Path]:
    """Yield a folder's log files in sorted order; `note` receives what is left out.

    Raises InputError if a folder cannot be read.
    """
    left_out: Counter[str] = Counter()
    is_hour = False
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders.sort()
        inside = PurePath(place).relative_to(folder).parts
        is_log = [name for name in files if not (name.startswith(".") or _check(inside, name))]
        if not inside:
            is_hour = bool(is_log)
        for name in sorted(files):
            if check := _check(inside, name):
                left_out[check] += 1
            elif _are_bodies(inside, is_hour=is_hour):
                left_out[_BODIES] += 1
            elif not name.startswith("."):
                yield Path(place, name)
    for what, reason in _OMISSIONS.items():
        if left_out[what]:
            note(f"{clean(folder, 4096)}: left out {left_out[what]} {reason}")


def _check(inside: tuple[str, ...], name: str) -> str | None:
    """Return which permission check a file is from, None for any other file."""
    if any(part.startswith(_PERMISSION_CHECK) for part in (*inside, name)):
        return _PERMISSION_CHECK
    return _EXPORT_CHECK if name == _EXPORT_CHECK else None


def _are_bodies(inside: tuple[str, ...], *, is_hour: bool) -> bool:
    """Whether the files of a folder are bodies, by its path below the folder that was given.

    Bedrock puts bodies into `data`, below the folder of an hour. If `is_hour`, the given folder has
    files, and may be an hour's. The prefix of a bucket may also be `data`.
    """
    if is_hour and inside == (_BODIES,):
        return True
    if _LOGS in inside:
        inside = inside[inside.index(_LOGS) :]
    return any(part == _BODIES and _HOUR.fullmatch(before) for before, part in pairwise(inside))


def _refuse(error: OSError) -> None:
    # `os.walk` would skip an unreadable folder.
    raise InputError(f"{clean(str(error.filename), 4096)}: {error.strerror}") from error
