"""`bedrock-alerts doctor`: does a deployed stack work, and what to do where it does not."""

import time

import click

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, stack_options
from bedrock_alerts_cli.terminal import until_cut_off, write
from bedrock_alerts_cli.user_errors import CommandError, InputError


@click.command()
@stack_options
@click.option("--all", "every", is_flag=True, help="One line for each finding.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, nothing else.")
def doctor(
    *, stack: str, region: str | None, endpoint_url: str | None, every: bool, as_json: bool
) -> int:
    """Check whether a deployed stack works. It changes nothing, and posts nothing.

    Each check gives a verdict, the evidence, and the fix: ✓ fine, … nothing to show yet, ? not
    checked (a permission is missing, or AWS cannot be reached), ✗ wrong. In JSON: check, verdict
    (ok, waiting, unknown, wrong), evidence, fix.

    \b
    Examples:
      bedrock-alerts doctor --stack bedrock-alerts
      bedrock-alerts doctor --stack bedrock-alerts --region eu-west-1 --json

    Exit status: 1 if something is wrong, 2 if the stack cannot be read.
    """  # noqa: D301 - \b is click's
    # boto3 takes longer to load than all the rest.
    from bedrock_alerts_cli.deployed.doctor.areas import AREAS  # noqa: PLC0415
    from bedrock_alerts_cli.deployed.doctor.doctor_text import as_json as in_json  # noqa: PLC0415
    from bedrock_alerts_cli.deployed.doctor.doctor_text import as_text  # noqa: PLC0415
    from bedrock_alerts_cli.deployed.doctor.looked_at import is_wrong, look_at  # noqa: PLC0415

    try:
        found = DeployedStack.open(stack, region, endpoint_url)
    except CommandError as error:
        raise InputError(str(error)) from error
    seen = look_at(found, AREAS, time.time)
    with until_cut_off():
        write(in_json(seen) if as_json else as_text(found.place, seen, every=every))
    return 1 if is_wrong(seen) else 0
