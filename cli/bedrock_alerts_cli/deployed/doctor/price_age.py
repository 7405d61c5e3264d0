"""Prices: how old the list is, which models in use have none, and what the stack costs a month."""

from collections.abc import Iterator, Mapping
from typing import Final

from bedrock_alerts.invocations.price_list import PricesError
from bedrock_alerts.invocations.pricing import OLD_DAYS, Prices
from bedrock_alerts_cli.cost.estimate import estimate
from bedrock_alerts_cli.cost.traffic import Counts, of_counts, options_of
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.finding import (
    Check,
    Clock,
    Finding,
    ago,
    count,
    ok,
    waiting,
    wrong,
)
from bedrock_alerts_cli.deployed.doctor.newest_data import (
    DAY,
    FORTNIGHT,
    Series,
    histories,
    listed,
)
from bedrock_alerts_cli.project import TEMPLATE
from bedrock_alerts_cli.template import load
from bedrock_alerts_cli.template import stack as project_stack

_CHECK: Final = "price list"
_S3: Final = "s3://"
_SHOWN: Final = 3
_MONTH_DAYS: Final = 30
_CALLS_A_BATCH: Final = 10


def price_list(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Check that the functions' price list is valid, and at most 60 days old."""
    overrides = stack.parameters.get("PriceOverrides", "")
    try:
        if overrides.startswith(_S3):
            yield _stored(stack, overrides, clock())
        else:
            prices = Prices.load(overrides.encode() if overrides else None)
            yield _shipped(stack, prices, clock())
    except PricesError as error:
        says = f"PriceOverrides cannot be used, so the shipped prices are: {error}"
        fix = "Correct it, and deploy with --parameter PriceOverrides=…: docs/parameters.md."
        if overrides.startswith(_S3):
            fix = f"Put a valid list there:\n{_put(stack)}"
        yield wrong(_CHECK, says, fix)


def _put(stack: DeployedStack) -> str:
    return stack.ours("prices put layers/shared/bedrock_alerts/invocations/prices.json")


def _stored(stack: DeployedStack, where: str, now: float) -> Finding:
    """Evaluate a list in S3. Raises PricesError."""
    bucket, _, key = where.removeprefix(_S3).partition("/")
    s3 = stack.client("s3")
    try:
        prices = Prices.load(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        return wrong(_CHECK, f"{where} is not there", f"Put a list there:\n{_put(stack)}")
    days = prices.days_old(now)
    if days <= OLD_DAYS:
        return ok(_CHECK, f"{where}, of {prices.dated}, {count(round(days), 'day')} old")
    says = f"{where} is over {OLD_DAYS} days old ({prices.dated}): costs shown may be wrong"
    return wrong(_CHECK, says, f"Update it:\nmake prices\n{_put(stack)}")


def _shipped(stack: DeployedStack, prices: Prices, now: float) -> Finding:
    """Evaluate the list of this version, which the functions got when they were deployed."""
    at = now - prices.days_old(now) * DAY
    deployed = stack.updated_at.timestamp()
    is_newer = at > deployed
    # What was deployed before this list is older than it, and at least as old as the deployment.
    days = (now - (deployed if is_newer else at)) / DAY
    if days <= OLD_DAYS and is_newer:
        return ok(_CHECK, f"deployed {ago(now, deployed)}; a newer one is here ({prices.dated})")
    if days <= OLD_DAYS:
        return ok(_CHECK, f"of {prices.dated}, {count(round(days), 'day')} old")
    if is_newer:
        says = f"deployed {ago(now, deployed)}, and not updated since: costs may be wrong"
        fix = stack.deployed_again(f"Deploy the newer one, of {prices.dated}", "")
        return wrong(_CHECK, says, fix)
    says = f"over {OLD_DAYS} days old ({prices.dated}): costs shown may be wrong"
    return wrong(_CHECK, says, stack.deployed_again("Run `make prices`, then deploy", ""))


def unpriced_models(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Look whether calls were made whose price is not known."""
    now = clock()
    namespace = stack.parameters.get("MetricsNamespace") or "BedrockAlerts"
    every = Series(namespace, "UnpricedInvocations")
    by_model = listed(stack, namespace, "UnpricedInvocations", ("ModelId",))
    found = histories(stack, [every, *by_model], now)
    calls = found[every].total(now - FORTNIGHT)
    check = "unpriced models"
    if calls:
        models = [
            dict(one.dimensions)["ModelId"] for one in by_model if found[one].total(now - FORTNIGHT)
        ]
        more = f" and {len(models) - _SHOWN} more" if len(models) > _SHOWN else ""
        named = ", ".join(models[:_SHOWN]) + more if models else "their names are in the log"
        yield wrong(
            check,
            f"{count(calls, 'call')} without a known price in two weeks: {named}",
            "Give their prices in PriceOverrides: docs/runbooks/UnpricedInvocations.md.",
        )
    elif found[every].newest is None:
        yield waiting(check, "waiting for the first call")
    else:
        yield ok(check, "every call of two weeks has a price")


def monthly_cost(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Estimate what the stack costs a month, from the calls that it has counted."""
    now = clock()
    namespace = stack.parameters.get("MetricsNamespace") or "BedrockAlerts"
    calls = Series(namespace, "Invocations")
    changes = Series(namespace, "StateChanges")
    models = listed(stack, "AWS/Bedrock", "Invocations", ("ModelId",))
    found = histories(stack, [calls, changes, *models], now)
    seen = found[calls].hours
    days = max(1.0, min(14.0, (now - min(at for at, _ in seen)) / DAY)) if seen else 1.0
    month = _MONTH_DAYS / days
    used = sum(1 for one in models if found[one].total(now - FORTNIGHT))
    counted = found[calls].total(now - FORTNIGHT) * month
    alerts = found[changes].total(now - FORTNIGHT) * month / 2
    usd = _estimated(stack.parameters, counted, max(1, used), alerts)
    yield ok(
        "estimated cost",
        f"about {usd:,.2f} USD a month for {count(counted, 'call')} and {count(alerts, 'alert')}"
        " a month, without Bedrock's own charges",
    )


def _estimated(parameters: Mapping[str, str], calls: float, models: int, alerts: float) -> float:
    template = load(TEMPLATE)
    known = {name: value for name, value in parameters.items() if name in template["Parameters"]}
    stack = project_stack.Stack(template, known)
    options = options_of(
        stack.parameter("PrincipalMetrics") or "none",
        stack.parameter("ApplicationMetadataKey"),
        stack.parameter("EventLines"),
        stack.parameter("AlarmSet") or "all",
    )
    traffic = of_counts(
        Counts(calls=calls, models=models),
        Prices.load(),
        options,
        calls_per_batch=_CALLS_A_BATCH,
    )
    return estimate(stack, traffic, alerts=alerts).total_usd


CHECKS: Final = (
    Check("price list", price_list),
    Check("unpriced models", unpriced_models),
    Check("estimated cost", monthly_cost),
)
