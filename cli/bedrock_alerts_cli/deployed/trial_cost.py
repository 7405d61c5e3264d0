"""What a trial costs: the stack's bill of a month, by the hours in which it exists."""

from collections.abc import Mapping
from math import ceil

from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts_cli.cost.estimate import estimate
from bedrock_alerts_cli.cost.rates import HOURS_A_MONTH
from bedrock_alerts_cli.cost.traffic import Counts, of_counts, options_of
from bedrock_alerts_cli.template.stack import Stack

# AWS charges metrics and alarms by the hour, and a trial can be in two of them.
_HOURS = 2
_CALLS_AN_HOUR = 10
# The blocked calls, the reads of `doctor` and of the trial itself: less than a cent each.
_BESIDE_CENTS = 2


def cents(parameters: Mapping[str, str]) -> int:
    """Estimate the cost of a trial with these parameters in US cents, without the free tier."""
    stack = Stack.read(parameters=parameters)
    counts = Counts(
        calls=_CALLS_AN_HOUR * HOURS_A_MONTH, models=1, guardrails=1, findings=1, error_codes=1,
        principals=1, notable=1.0,
    )  # fmt: skip
    options = options_of(
        stack.parameter("PrincipalMetrics") or "none",
        "",
        stack.parameter("EventLines"),
        stack.parameter("AlarmSet") or "essential",
    )
    traffic = of_counts(counts, Prices.load(), options, calls_per_batch=1)
    bill = estimate(stack, traffic, alerts=2 * HOURS_A_MONTH)
    return ceil(bill.total_usd / HOURS_A_MONTH * _HOURS * 100) + _BESIDE_CENTS
