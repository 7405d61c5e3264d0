"""Bedrock's own limits: tokens a minute of each model, and the calls that were throttled.

For information only: the alarms TokenQuota and Throttling evaluate it. Service Quotas names
models in other words than calls do, so quotas are not looked up.
"""

from collections.abc import Iterator
from typing import Final

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.finding import Check, Clock, Finding, ok, waiting
from bedrock_alerts_cli.deployed.doctor.newest_data import DAY, histories, listed

_NAMESPACE: Final = "AWS/Bedrock"
_SHOWN: Final = 3


def tokens_a_minute(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Report the most tokens a minute of each model, and the quota in `TokenQuota`."""
    check, since = "tokens a minute", clock() - DAY
    usage = [
        one._replace(stat="Maximum")
        for one in listed(stack, _NAMESPACE, "EstimatedTPMQuotaUsage", ["ModelId"])
    ]
    found = histories(stack, usage, clock())
    highest = {
        dict(one.dimensions)["ModelId"]: max(
            (value for at, value in found[one].hours if at > since), default=0.0
        )
        for one in usage
    }
    most = sorted(((top, name) for name, top in highest.items() if top), reverse=True)
    if not most:
        yield waiting(check, "Bedrock has counted none in 24 h")
        return
    says = "at most, in 24 h: " + ", ".join(f"{name} {top:,.0f}" for top, name in most[:_SHOWN])
    quota = stack.parameters.get("TokenQuota", "")
    yield ok(check, f"{says}; TokenQuota is {quota}" if quota else says)


def throttled_calls(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Report the calls that Bedrock has throttled."""
    series = listed(stack, _NAMESPACE, "InvocationThrottles", ["ModelId"])
    found = histories(stack, series, clock())
    day = {dict(one.dimensions)["ModelId"]: found[one].total(clock() - DAY) for one in series}
    said = ", ".join(f"{name} {number:,.0f}" for name, number in sorted(day.items()) if number)
    says = f"in 24 h: {said}; see docs/runbooks/Throttling.md" if said else "none in 24 h"
    yield ok("throttled calls", says)


CHECKS: Final = (
    Check("tokens a minute", tokens_a_minute),
    Check("throttled calls", throttled_calls),
)
