"""`bedrock-alerts prices`: the price list in use, and a newer one for a stack."""

import json
import time
from pathlib import Path
from typing import Any, Final

import click

from bedrock_alerts.invocations.price_list import PricesError
from bedrock_alerts.invocations.pricing import OLD_DAYS, Prices
from bedrock_alerts.wiring.collectors import PREVIOUS
from bedrock_alerts_cli.command_groups import Suggests
from bedrock_alerts_cli.deployed.deployed_stack import (
    DeployedStack,
    change_options,
    may_change,
    said_plainly,
    stack_options,
)
from bedrock_alerts_cli.plurals import count
from bedrock_alerts_cli.terminal import write
from bedrock_alerts_cli.user_errors import InputError

_S3: Final = "s3://"


@click.group(cls=Suggests)
def prices() -> None:
    """Price lists: show or check one, or update that of a deployed stack."""


@prices.command()
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON, nothing else.")
def show(file: Path | None, *, as_json: bool) -> int:
    """Show the date, age and size of the shipped price list, or of FILE.

    FILE is a whole list, as `make prices` writes it, or your own entries.

    \b
    Examples:
      bedrock-alerts prices show
      bedrock-alerts prices show prices.json --json

    Exit status: 1 if the list is more than 60 days old, 2 if it is not valid.
    """  # noqa: D301 - \b is click's
    found = _loaded(file)
    days = found.days_old(time.time())
    is_old = days > OLD_DAYS
    if as_json:
        facts = {"dated": found.dated, "days_old": days, "source": found.source}
        click.echo(json.dumps({**facts, "models": found.models()}))
    else:
        write(
            f"Prices of {found.dated} ({found.source}), {count(days, 'day')} old:"
            f" {count(found.models(), 'model')}.\n"
        )
        if is_old:
            write("New models may be unpriced. Newer prices: bedrock-alerts prices put --help\n")
    return 1 if is_old else 0


@prices.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@stack_options
@change_options
def put(
    file: Path,
    *,
    stack: str,
    region: str | None,
    endpoint_url: str | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Check the price list FILE, and upload it for a stack's functions.

    The stack's parameter PriceOverrides names the place: s3://BUCKET/KEY. Functions read it when
    they start. The previous list is kept, and used if the new one is not valid.

    \b
    Example: a list renewed with `make prices` in a checkout
      bedrock-alerts prices put layers/shared/bedrock_alerts/invocations/prices.json

    Exit status: 1 if AWS refuses, 2 if FILE is not valid or the stack names no place.
    """  # noqa: D301 - \b is click's
    found = _loaded(file)
    opened = DeployedStack.open(stack, region, endpoint_url)
    where = opened.parameters.get("PriceOverrides", "")
    if not where.startswith(_S3):
        raise InputError(
            f"{opened.place} names no place for prices: deploy it with PriceOverrides=s3://BUCKET/KEY"
        )
    what = f"put the prices of {found.dated} into {where} ({opened.place})"
    if not may_change(what, dry_run=dry_run, yes=yes):
        return 0
    bucket, _, key = where.removeprefix(_S3).partition("/")
    s3 = opened.client("s3")
    with said_plainly(where):
        _keep_previous(s3, bucket, key)
        s3.put_object(
            Bucket=bucket, Key=key, Body=file.read_bytes(), ContentType="application/json"
        )
    write(f"Put the prices of {found.dated} into {where}. New function instances use them.\n")
    return 0


def _loaded(file: Path | None) -> Prices:
    try:
        return Prices.load(None if file is None else file.read_bytes())
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except PricesError as error:
        raise InputError(f"{file}: {error}") from error


def _keep_previous(s3: Any, bucket: str, key: str) -> None:
    """Copy the present list to its backup key, if it is valid."""
    try:
        before = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return
    try:
        Prices.load(before)
    except PricesError:
        return
    s3.put_object(Bucket=bucket, Key=f"{key}{PREVIOUS}", Body=before)
