"""`--profiles`: what application inference profiles stand for, where AWS cannot be asked."""

from functools import cache
from typing import Final

import click

from bedrock_alerts.invocations.profiles import ListedProfiles
from bedrock_alerts_lab.user_files import tried


@cache
def profiles(listed: bytes | None) -> ListedProfiles | None:
    """Return the listed profiles, read once in each process."""
    return None if listed is None else ListedProfiles(listed)


profiles_option: Final = click.option(
    "--profiles",
    "listed",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    callback=tried(profiles, ValueError, TypeError, AttributeError),
    help=(
        'Application inference profiles: JSON {"ID": "MODEL"}, or what'
        " `aws bedrock get-inference-profile` or `list-inference-profiles` prints."
    ),
)
