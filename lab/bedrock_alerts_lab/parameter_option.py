"""`--parameter`: the template as somebody means to deploy it."""

from typing import Final

import click


def _read(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
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
    callback=_read,
    help="A parameter of the template, as it will be deployed. May be given several times.",
)
