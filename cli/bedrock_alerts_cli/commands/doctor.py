"""`bedrock-alerts doctor`: do deployed stacks work, and what to do where one does not."""

import time

import click

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.options import endpoint_option
from bedrock_alerts_cli.template.stack import NAME
from bedrock_alerts_cli.terminal import until_cut_off, write
from bedrock_alerts_cli.user_errors import InputError


@click.command()
@click.option("--stack", default=NAME, show_default=True, help="Name of the stack.")
@click.option(
    "--region",
    "regions",
    multiple=True,
    metavar="REGION",
    help="Region of the stack; several are possible.  [default: the one of your AWS settings]",
)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="NAME",
    help="AWS profile to sign in with; several are possible, one for each account.",
)
@endpoint_option()
@click.option("--all", "every", is_flag=True, help="One line for each finding.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, nothing else.")
def doctor(
    *,
    stack: str,
    regions: tuple[str, ...],
    profiles: tuple[str, ...],
    endpoint_url: str | None,
    every: bool,
    as_json: bool,
) -> int:
    """Check whether a deployed stack works. It changes nothing, and posts nothing.

    Each check gives a verdict, the evidence, and the fix: ✓ fine, … nothing to show yet, ? not
    checked (a permission is missing, or AWS cannot be reached), ✗ wrong. In JSON: stack, account,
    region, check, verdict (ok, waiting, unknown, wrong), evidence, fix.

    With several profiles or Regions it looks at the stack in each of them.

    \b
    Examples:
      bedrock-alerts doctor --stack bedrock-alerts
      bedrock-alerts doctor --region eu-west-1 --region us-east-1 --json
      bedrock-alerts doctor --stack bedrock-alerts-members --profile a --profile b

    Exit status: 1 if something is wrong, 2 if a stack cannot be read.
    """  # noqa: D301 - \b is click's
    # boto3 takes longer to load than all the rest.
    from bedrock_alerts_cli.deployed.doctor.areas import areas_of  # noqa: PLC0415
    from bedrock_alerts_cli.deployed.doctor.doctor_text import (  # noqa: PLC0415
        Looked,
        as_text,
        in_json,
        sums,
    )
    from bedrock_alerts_cli.deployed.doctor.looked_at import look_at  # noqa: PLC0415

    places = [(profile, region) for profile in profiles or (None,) for region in regions or (None,)]
    looked: list[Looked] = []
    with until_cut_off():
        for profile, region in places:
            try:
                found = DeployedStack.open(stack, region, endpoint_url, profile)
            except InputError as error:
                if len(places) == 1:
                    raise
                where = " ".join(filter(None, (profile, region)))
                looked.append(Looked(stack, where, "", region or "", (), str(error)))
            else:
                seen = look_at(found, areas_of(found), time.time)
                where = f"{profile or found.account} {found.region}"
                looked.append(Looked(stack, where, found.account, found.region, seen))
                if not as_json:
                    end = "\n" if len(places) > 1 else ""
                    write(as_text(found.place, seen, every=every) + end)
        if as_json:
            write(in_json(looked))
        elif len(places) > 1:
            write(sums(looked))
    return max(one.exit_code for one in looked)
