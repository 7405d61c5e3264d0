"""The user's name: the one that AWS knows, else that of the machine."""

import getpass

from bedrock_alerts.text import clean
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack

_MAX_NAME = 80


def name_of_caller(stack: DeployedStack) -> str:
    """Return the end of the caller's ARN; this look-up needs no permission."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        arn: str = stack.client("sts").get_caller_identity()["Arn"]
        found = arn.rpartition("/")[2] if "/" in arn else ""
    except (BotoCoreError, ClientError):
        found = ""
    try:
        return clean(found or getpass.getuser(), _MAX_NAME)
    except (KeyError, OSError):  # a machine without users
        return "someone"
