"""Options that several commands have: numbers, parameters, callers, prices, profiles."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, get_args
from urllib.parse import urlsplit

import click

from bedrock_alerts.invocations.identity import CallerDetail
from bedrock_alerts.invocations.price_list import PricesError
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.invocations.profiles import ListedProfiles
from bedrock_alerts_cli.profiles_file import read_profiles
from bedrock_alerts_cli.user_files import tried


class Amount(click.FloatRange):
    """A finite number within bounds; `nan` would pass any bound: it compares with nothing."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or fail as bad usage."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


def _read_parameters(
    _ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for one in given:
        name, is_given, value = one.partition("=")
        if not is_given:
            raise click.BadParameter(f"{one} is not NAME=VALUE")
        parameters[name] = value
    return parameters


parameter_option: Final = click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_read_parameters,
    help="Template parameter, as deployed. May be given several times.",
)

caller_detail_option: Final = click.option(
    "--caller-detail",
    type=click.Choice(get_args(CallerDetail)),
    default="auto",
    show_default=True,
    help="How callers are named, like the template parameter CallerDetail. Hashes are made without"
    " a key, so they are not those of a stack.",
)


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
    help="Your own prices: JSON as in the template parameter PriceOverrides.",
)


@cache
def profiles(listed: bytes | None) -> ListedProfiles | None:
    """Return the listed profiles, read once in each process."""
    return None if listed is None else read_profiles(listed)


profiles_option: Final = click.option(
    "--profiles",
    "listed",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    callback=tried(profiles, ValueError),
    help=(
        'Application inference profiles: JSON {"ID": "MODEL"}, or what'
        " `aws bedrock get-inference-profile` or `list-inference-profiles` prints, once or several"
        " times."
    ),
)


def _read_time(_ctx: click.Context, _param: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text} is not a time, as in 2026-11-23T02:30") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def since_option(about: str, *, required: bool = False) -> Callable[[Any], Any]:
    """Return the option `--from`: a time in ISO 8601, UTC if it names no zone."""
    return click.option(
        "--from", "since", metavar="TIME", callback=_read_time, required=required, help=about
    )


def until_option(about: str) -> Callable[[Any], Any]:
    """Return the option `--to`: a time in ISO 8601, UTC if it names no zone."""
    return click.option("--to", "until", metavar="TIME", callback=_read_time, help=about)


class Url(click.ParamType):
    """An address of a server: http or https, and a host."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the URL, or fail as bad usage."""
        text = str(value)
        try:
            found = urlsplit(text)
            is_url = found.scheme in {"http", "https"} and found.hostname and found.port != 0
        except ValueError:  # brackets, or a port that is not a number
            is_url = False
        if not is_url or not text.isascii() or not text.isprintable() or " " in text:
            self.fail(f"{text!r} is not a URL, as in http://127.0.0.1:5000", param, ctx)
        return text


def endpoint_option(
    about: str = "Endpoint URL instead of AWS: the local stack's, as `demo` prints it.",
) -> Callable[[Any], Any]:
    """Return the option `--endpoint-url`."""
    return click.option("--endpoint-url", type=Url(), metavar="URL", help=about)
