"""The incidents table: is it there, and is anything in it that no one looks at."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from bedrock_alerts.adapters.incidents_table import IncidentsTable
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.finding import (
    Check,
    Clock,
    Finding,
    count,
    ok,
    wrong,
)

# The sweep looks each minute: what has been due for so long is not looked at.
_OVERDUE: Final = 10 * 60.0
_MOST_DUE: Final = 200
_MOST_PAGES: Final = 20
_SHOWN: Final = 3


def table(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look whether the table is there."""
    check = "incidents table"
    name = stack.resource("IncidentsTable")
    client = stack.client("dynamodb")
    try:
        found = client.describe_table(TableName=name)["Table"]
    except client.exceptions.ResourceNotFoundException:
        says = f"{name} is not there: alerts are sent without a memory, and repeat"
        fix = (
            "Restore it from its backup in the DynamoDB console, under the same name; or delete"
            " the stack, and deploy it again."
        )
        yield wrong(check, says, fix)
        return
    state = found.get("TableStatus", "ACTIVE")
    indexes = {one["IndexName"]: one for one in found.get("GlobalSecondaryIndexes", [])}
    if "due" not in indexes:
        fix = "Delete the stack, and deploy it again: the table is made again."
        yield wrong(check, f"{name} has no index `due`: nothing is swept", fix)
    else:
        yield ok(check, f"{name}, {state}")


def overdue(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Look for incidents that are due long past."""
    now = clock()
    name = stack.resource("IncidentsTable")
    found = IncidentsTable(name, client=stack.client("dynamodb"))
    late = found.due(now - _OVERDUE, _MOST_DUE)
    check = "overdue incidents"
    if late:
        names = ", ".join(one.rpartition(":alarm:")[2] for one in late[:_SHOWN])
        more = f" and {len(late) - _SHOWN} more" if len(late) > _SHOWN else ""
        says = f"{count(len(late), 'incident')} not looked at for over 10 min: {names}{more}"
        fix = "The sweep does not run, or fails: see docs/runbooks/NotifierHeartbeat.md."
        yield wrong(check, says, fix)
    else:
        yield ok(check, "none")


def given_up(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look for channels that gave up on an incident."""
    check = "given up"
    open_ = 0
    found: list[str] = []
    for item in items(stack):
        open_ += item.incident is not None
        alarm = item.arn.rpartition(":alarm:")[2]
        found += [f"{alarm} on {channel}" for channel, view in item.views.items() if view.is_parked]
    if found:
        names = ", ".join(found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        fix = (
            "Fix the channel; its next notification is tried again. The dead-letter queue of the"
            " deliveries has them: see docs/runbooks/NotifierDeliveriesDeadLetters.md."
        )
        yield wrong(check, f"failed three times, and no longer tried: {names}{more}", fix)
    else:
        yield ok(check, f"none; {count(open_, 'open incident')}")


def items(stack: DeployedStack) -> Iterator[AlarmItem]:
    """Return what the notifier knows of each alarm, at most 20,000."""
    pages = stack.client("dynamodb").get_paginator("scan")
    found = pages.paginate(
        TableName=stack.resource("IncidentsTable"),
        FilterExpression="sk = :item",
        ExpressionAttributeValues={":item": {"S": "item"}},
        PaginationConfig={"PageSize": 1000, "MaxItems": _MOST_PAGES * 1000},
    )
    for page in found:
        for item in page["Items"]:
            read = _read(item)
            if read is not None:
                yield read


def _read(item: dict[str, Any]) -> AlarmItem | None:
    try:
        return msgspec.json.decode(item["data"]["S"], type=AlarmItem)
    except (KeyError, msgspec.DecodeError):
        return None  # an item of another version: the notifier makes it again


CHECKS: Final = (
    Check("incidents table", table),
    Check("overdue incidents", overdue),
    Check("given up", given_up),
)
