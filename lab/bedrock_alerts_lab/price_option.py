"""`--prices`: a person's own prices, for every command that tells what calls cost."""

from functools import cache
from pathlib import Path
from typing import Final

import click

from bedrock_alerts.invocations.pricing import Prices, PricesError


@cache
def prices(overrides: bytes | None) -> Prices:
    """Return the shipped prices with `overrides`, loaded once in each process."""
    return Prices.load(overrides)


def _read(_ctx: click.Context, _param: click.Parameter, path: str | None) -> bytes | None:
    """Read the file and try it, so that a mistake is told before any work is done."""
    if path is None:
        return None
    try:
        overrides = Path(path).read_bytes()
        prices(overrides)
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be read: {error.strerror}") from error
    except PricesError as error:
        raise click.BadParameter(f"{path}: {error}") from error
    return overrides


prices_option: Final = click.option(
    "--prices",
    "overrides",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    callback=_read,
    help="Your own prices: JSON as the template's parameter PriceOverrides takes it.",
)
