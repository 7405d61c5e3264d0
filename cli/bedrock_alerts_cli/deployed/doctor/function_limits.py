"""What limits the functions: the account's concurrency, reservations, throttles, errors."""

from collections.abc import Iterator
from typing import Any, Final

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.finding import (
    Check,
    Clock,
    Finding,
    count,
    ok,
    wrong,
)
from bedrock_alerts_cli.deployed.doctor.looked_at import not_seen
from bedrock_alerts_cli.deployed.doctor.newest_data import DAY, HOUR, Series, histories

# The collectors and the notifier together: fewer leave them waiting for each other.
_ENOUGH: Final = 10
FUNCTIONS: Final = (
    "CollectLogsFunction", "CollectObjectsFunction", "CollectStreamFunction", "RouteFunction",
    "DeliverFunction", "AnswerFunction", "WeeklyReportFunction",
)  # fmt: skip


def account_concurrency(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look at what the account allows Lambda in this Region."""
    check = "account concurrency"
    limits = stack.client("lambda").get_account_settings()["AccountLimit"]
    total = int(limits.get("ConcurrentExecutions", 0))
    free = int(limits.get("UnreservedConcurrentExecutions", 0))
    says = f"{total:,} in this Region, {free:,} unreserved"
    if free < _ENOUGH:
        ask = stack.aws(
            "service-quotas request-service-quota-increase --service-code lambda"
            " --quota-code L-B99A9384 --desired-value 1000",
        )
        fix = f"Release reservations of other functions, or request a higher quota:\n{ask}"
        yield wrong(check, f"{says}: too few, the functions are throttled", fix)
    elif total <= _ENOUGH:
        yield ok(check, f"{says}: few; request a higher quota before traffic grows")
    else:
        yield ok(check, says)


def reservations(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look whether a function is throttled on purpose: a reservation of 0 stops it."""
    client: Any = stack.client("lambda")
    fine: list[str] = []
    for name in _names(stack):
        check = f"concurrency of {name}"
        try:
            found = client.get_function_concurrency(FunctionName=name)
        except Exception as error:  # noqa: BLE001 - the other functions are looked at
            yield not_seen(check, error)
            continue
        reserved = found.get("ReservedConcurrentExecutions")
        if reserved == 0:
            fix = stack.aws(f"lambda delete-function-concurrency --function-name {name}")
            says = "its concurrency is set to 0: it is throttled, and never runs"
            yield wrong(check, says, f"Let it run:\n{fix}")
        else:
            fine.append(f"{name} ({reserved})" if reserved else name)
    if fine:
        says = f"none of {count(len(fine), 'function')} is stopped"
        yield ok("reserved concurrency", says)


def throttles_and_errors(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Look whether runs of functions were throttled or failed."""
    now = clock()
    names = _names(stack)
    series = {
        (name, metric): Series("AWS/Lambda", metric, (("FunctionName", name),))
        for name in names
        for metric in ("Throttles", "Errors", "Invocations")
    }
    found = histories(stack, series.values(), now)
    for metric, what, page in (
        ("Throttles", "throttled", "PipelineThrottles"),
        ("Errors", "failed", "PipelineErrors"),
    ):
        check = f"{what} runs"
        bad = {name: found[series[name, metric]].total(now - DAY) for name in names}
        recent = {name: found[series[name, metric]].total(now - HOUR) for name in names}
        runs = sum(found[series[name, "Invocations"]].total(now - DAY) for name in names)
        said = ", ".join(f"{name} {number:,.0f}" for name, number in bad.items() if number)
        if any(recent.values()):
            yield wrong(check, f"in 24 h: {said}", f"See docs/runbooks/{page}.md.")
        elif said:
            yield ok(check, f"none in the last hours; in 24 h: {said}")
        else:
            yield ok(check, f"none of {count(runs, 'run')} in 24 h")


def _names(stack: DeployedStack) -> list[str]:
    return [stack.resources[one] for one in FUNCTIONS if one in stack.resources]


CHECKS: Final = (
    Check("account concurrency", account_concurrency),
    Check("reserved concurrency", reservations),
    Check("throttled and failed runs", throttles_and_errors),
)
