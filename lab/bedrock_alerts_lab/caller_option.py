"""`--caller-detail`: how callers are named, for every command that reads a log."""

from typing import Final, get_args

import click

from bedrock_alerts.invocations.identity import CallerDetail

caller_detail_option: Final = click.option(
    "--caller-detail",
    type=click.Choice(get_args(CallerDetail)),
    default="auto",
    show_default=True,
    help="How callers are named, as the template's parameter CallerDetail says.",
)
