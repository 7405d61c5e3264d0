"""Other accounts and Regions: does the bus let them in, and when did each last send an alarm."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.as_deployed import template_of
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
from bedrock_alerts_cli.deployed.doctor.routes_in_force import read_routes
from bedrock_alerts_cli.deployed.doctor.stuck_incidents import items

if TYPE_CHECKING:
    from bedrock_alerts.alerts.incidents.item import AlarmItem

_POLICY: Final = "AWS::Events::EventBusPolicy"


class Place(NamedTuple):
    """An account and Region that alarms came from."""

    account: str
    region: str


def bus(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look whether the bus takes events of everyone that `InboxAccounts` names."""
    name = stack.resources.get("MembersBus")
    if name is None:
        return
    check = "bus of the members"
    events = stack.client("events")
    try:
        found = events.describe_event_bus(Name=name)
    except events.exceptions.ResourceNotFoundException:
        fix = "Deploy with InboxAccounts empty, then with it: that makes the bus again."
        yield wrong(check, f"{name} is not there: alarms of other accounts are lost", fix)
        return
    deployed = [
        {**one.properties["Statement"], "Sid": one.properties["StatementId"]}
        for one in template_of(stack).resources(_POLICY)
    ]
    present = json.loads(found.get("Policy") or "{}").get("Statement", [])
    lacking = _let_in(deployed) - _let_in(present)
    if lacking:
        policy = json.dumps({"Version": "2012-10-17", "Statement": deployed})
        fix = stack.aws(
            f"events put-permission --event-bus-name {name} --policy {shlex.quote(policy)}"
        )
        who = ", ".join(sorted({value for _, value in lacking}))
        yield wrong(check, f"its policy does not let in {who}", f"Write it again:\n{fix}")
    else:
        yield ok(check, f"lets in {', '.join(_named(stack))}")


def last_alarms(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Say which accounts and Regions alarms have come from, and when last."""
    if "MembersBus" not in stack.resources:
        return
    names = _names(stack)
    by_place: dict[Place, list[AlarmItem]] = {}
    for item in items(stack):
        place = _place(item.arn)
        if place and place != (stack.account, stack.region):
            by_place.setdefault(place, []).append(item)
    for place, known in sorted(by_place.items()):
        newest = max((one.latest.at.timestamp() for one in known if one.latest), default=None)
        says = f"{count(len(known), 'alarm')} known"
        says += f", the last event {ago(clock(), newest)}" if newest else ""
        fire = sum(one.incident is not None for one in known)
        says += f"; {count(fire, 'open incident')}" if fire else ""
        yield ok(f"{names.get(place.account, place.account)} {place.region}", says)
    expected = {one for one in _named(stack) if one.isdigit()} | names.keys()
    for account in sorted(expected - {place.account for place in by_place} - {stack.account}):
        yield waiting(
            names.get(account, account),
            "no alarm of it has arrived yet",
            "With a profile of that account, look at its side:\n"
            "bedrock-alerts doctor --stack bedrock-alerts-members --profile PROFILE",
        )


def _let_in(statements: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Return the condition keys and values that let someone in."""
    found: set[tuple[str, str]] = set()
    for statement in statements:
        if statement.get("Effect") == "Allow":
            for key, value in statement.get("Condition", {}).get("StringEquals", {}).items():
                found |= {
                    (key, str(one)) for one in (value if isinstance(value, list) else [value])
                }
    return found


def _named(stack: DeployedStack) -> list[str]:
    given = stack.parameters.get("InboxAccounts", "").split(",")
    return [one.strip() for one in given if one.strip()]


def _names(stack: DeployedStack) -> Mapping[str, str]:
    try:
        return read_routes(stack).accounts
    except Exception:  # noqa: BLE001 - whatever it is, it is the finding of the routes
        return {}


def _place(arn: str) -> Place | None:
    parts = arn.split(":", 6)
    is_alarm = len(parts) > 6 and parts[2] == "cloudwatch" and parts[5] == "alarm"  # noqa: PLR2004
    return Place(parts[4], parts[3]) if is_alarm else None


CHECKS: Final = (Check("bus of the members", bus), Check("members", last_alarms))
