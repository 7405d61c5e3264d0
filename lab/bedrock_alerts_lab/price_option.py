"""`--prices`: a person's own prices, for every command that tells what calls cost."""

from functools import cache
from typing import Final

import click

from bedrock_alerts.invocations.pricing import Prices, PricesError
from bedrock_alerts_lab.user_files import tried


@cache
def prices(overrides: bytes | None) -> Prices:
    """Return the shipped prices with `overrides`, loaded once in each process."""
    return Prices.load(overrides)


prices_option: Final = click.option(
    "--prices",
    "overrides",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    callback=tried(prices, PricesError),
    help="Your own prices: JSON as the template's parameter PriceOverrides takes it.",
)
