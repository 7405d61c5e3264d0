"""A member's side: are its alarms forwarded to the central stack (members/template.yaml)."""

from collections.abc import Iterator
from typing import Final

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.finding import (
    Check,
    Clock,
    Finding,
    count,
    ok,
    waiting,
    wrong,
)
from bedrock_alerts_cli.deployed.doctor.newest_data import DAY, Series, histories
from bedrock_alerts_cli.deployed.doctor.queues_and_batches import waiting_in

_PREFIXES: Final = ("AlarmNamePrefix", "OtherAlarmNamePrefix")
_RULES: Final = ("AlarmsRule", "ChangesRule")


def alarms(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Count the alarms whose names begin with what is forwarded."""
    pages = stack.client("cloudwatch").get_paginator("describe_alarms")
    for prefix in filter(None, (stack.parameters.get(name, "") for name in _PREFIXES)):
        check = f"alarms {prefix}…"
        number = sum(
            len(page.get("MetricAlarms", [])) + len(page.get("CompositeAlarms", []))
            for page in pages.paginate(
                AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
        )
        if number:
            yield ok(check, f"{count(number, 'alarm')} here, forwarded to the central stack")
        else:
            yield waiting(
                check,
                "no alarm here has a name that begins so",
                "Deploy with the AlarmNamePrefix that your alarms have, or deploy Bedrock Alerts"
                " here too: see docs/accounts.md.",
            )


def forwarded(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Look whether the central bus took what the rules sent."""
    now = clock()
    rules = [stack.resources[name] for name in _RULES if name in stack.resources]
    series = {
        (rule, metric): Series("AWS/Events", metric, (("RuleName", rule),))
        for rule in rules
        for metric in ("MatchedEvents", "FailedInvocations")
    }
    found = histories(stack, series.values(), now)

    def total(metric: str) -> float:
        return sum(found[series[rule, metric]].total(now - DAY) for rule in rules)

    matched, failed = total("MatchedEvents"), total("FailedInvocations")
    central = stack.parameters.get("CentralBusArn", "")
    if failed:
        yield wrong(
            "forwarded events",
            f"the central bus refused {count(failed, 'event')} in 24 h",
            f"Check that {central} exists, and that InboxAccounts of the central stack names"
            f" {stack.account} or your organization.",
        )
    else:
        yield ok("forwarded events", f"{count(matched, 'event')} in 24 h, to {central}")


def failures(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look at the queue of events that could not be forwarded within a day."""
    url = stack.resource("FailuresQueue")
    messages = waiting_in(stack, "FailuresQueue")
    if not messages:
        yield ok("events not forwarded", "none")
        return
    purge = stack.aws(f"sqs purge-queue --queue-url {url}")
    yield wrong(
        "events not forwarded",
        f"{count(messages, 'event')} could not be forwarded within a day",
        "Fix what the line on forwarded events names, look in CloudWatch which alarms still fire"
        f" here, then remove these events; they are not sent again:\n{purge}",
    )


CHECKS: Final = (
    Check("alarms", alarms),
    Check("forwarded events", forwarded),
    Check("events not forwarded", failures),
)
