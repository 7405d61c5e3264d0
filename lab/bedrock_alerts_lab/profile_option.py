"""`--profiles`: what application inference profiles stand for, where AWS cannot be asked."""

from functools import cache
from pathlib import Path
from typing import Final

import click

from bedrock_alerts.invocations.profiles import ListedProfiles


@cache
def profiles(listed: bytes | None) -> ListedProfiles | None:
    """Return the listed profiles, read once in each process."""
    return None if listed is None else ListedProfiles(listed)


def _read(_ctx: click.Context, _param: click.Parameter, path: str | None) -> bytes | None:
    """Read the file and try it, so that a mistake is said before any work is done."""
    if path is None:
        return None
    try:
        listed = Path(path).read_bytes()
        profiles(listed)
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise click.BadParameter(f"{path}: {error}") from error
    return listed


profiles_option: Final = click.option(
    "--profiles",
    "listed",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    callback=_read,
    help=(
        'Application inference profiles: JSON {"ID": "MODEL"}, or what'
        " `aws bedrock get-inference-profile` or `list-inference-profiles` prints."
    ),
)
