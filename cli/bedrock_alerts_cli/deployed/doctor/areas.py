"""All that doctor looks at, in the order in which it is shown."""

from typing import Final

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor import (
    alarm_health,
    bedrock_limits,
    email_and_topics,
    forwarding,
    function_limits,
    log_delivery,
    members,
    price_age,
    queues_and_batches,
    routes_in_force,
    secrets_of_channels,
    slack_without_posting,
    stack_state,
    stuck_incidents,
    weekly_report,
)
from bedrock_alerts_cli.deployed.doctor.finding import Area
from bedrock_alerts_cli.deployed.doctor.stack_state import STUCK
from bedrock_alerts_cli.user_errors import InputError

AREAS: Final = (
    Area("Stack", stack_state.CHECKS),
    Area("Invocation log", log_delivery.CHECKS),
    Area("Alarms", alarm_health.CHECKS),
    Area(
        "Channels",
        (
            *email_and_topics.CHECKS,
            *secrets_of_channels.CHECKS,
            *slack_without_posting.CHECKS,
            *routes_in_force.CHECKS,
        ),
    ),
    Area("Members", members.CHECKS),
    Area("Queues and incidents", (*queues_and_batches.CHECKS, *stuck_incidents.CHECKS)),
    Area("Weekly report", weekly_report.CHECKS),
    Area("Limits", (*function_limits.CHECKS, *bedrock_limits.CHECKS)),
    Area("Prices and cost", price_age.CHECKS),
)

MEMBER_AREAS: Final = (
    Area("Stack", (stack_state.STATE, stack_state.RULES)),
    Area("Forwarding", forwarding.CHECKS),
)
"""What is looked at in a stack of members/template.yaml."""


def areas_of(stack: DeployedStack) -> tuple[Area, ...]:
    """Return what to look at in a stack: a member's has the ARN of the central bus.

    Of a stack that failed or is not made yet, it is only the state. Raises InputError if it is
    another kind of stack.
    """
    if "CentralBusArn" in stack.parameters:
        return MEMBER_AREAS
    if "RouteFunction" in stack.resources:
        return AREAS
    if stack.status in STUCK or stack.status.endswith("_IN_PROGRESS"):
        return (Area("Stack", (stack_state.STATE,)),)
    raise InputError(f"{stack.place} is not a stack of Bedrock Alerts: give its name with --stack")
