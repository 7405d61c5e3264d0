"""Finding an alarm by what a person calls it, among those that the notifier knows."""

import re
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts.alerts.incidents.settle import settle
from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, said_plainly
from bedrock_alerts_cli.user_errors import InputError

_ALARM_TYPES: Final = ("MetricAlarm", "CompositeAlarm")
_ARN: Final = re.compile(r"arn:[a-z-]+:cloudwatch:[a-z0-9-]+:[0-9]{12}:alarm:.+")
_NUMBERED: Final = re.compile(r"(?P<name>.+)#(?P<number>[0-9]{1,9})")


class KnownAlarm(NamedTuple):
    """An alarm as the notifier knows it now, and the number of an incident if one was asked for."""

    item: AlarmItem
    number: int = 0

    @property
    def name(self) -> str:
        """The alarm's name, or what a notice is about."""
        return name_of(self.item)


def name_of(item: AlarmItem) -> str:
    """Return an alarm's name; a notice, which has none, is called by its title."""
    name = item.arn.rpartition(":alarm:")[2]
    if item.notice is None:
        return name
    notice = item.notice
    return (
        getattr(notice, "alarm_name", "")
        or getattr(notice, "title", "")
        or notice.__class__.__name__
    )


def short_name(notifier: DeployedNotifier, item: AlarmItem) -> str:
    """Return the name without the stack's, where it is an alarm of this account and Region."""
    name = name_of(item)
    is_home = item.arn.startswith(notifier.alarms)
    return name.removeprefix(f"{notifier.stack}.") if is_home else name


def with_place(notifier: DeployedNotifier, name: str, arn: str) -> str:
    """Return a name with the account and Region of an alarm that is elsewhere."""
    if arn.startswith(notifier.alarms) or not _ARN.fullmatch(arn):
        return name
    _, _, _, region, account, *_ = arn.split(":")
    return f"{name} ({account} {region})"


def known_alarms(notifier: DeployedNotifier) -> list[AlarmItem]:
    """Return everything that is known, as it is now: what has ended is closed."""
    now = notifier.clock()
    return [settle(item, now, notifier.policy) for item in notifier.items()]


def find(notifier: DeployedNotifier, text: str) -> KnownAlarm:
    """Return the alarm that a person names: NAME, NAME#NUMBER, an ARN, or an open one's number.

    Raises InputError where there is none, or more than one.
    """
    numbered = _NUMBERED.fullmatch(text)
    name, number = (numbered["name"], int(numbered["number"])) if numbered else (text, 0)
    item = _by_its_id(notifier, name)
    if item is not None:
        return KnownAlarm(item, number)
    items = known_alarms(notifier)
    if name.isdigit():
        found = [item for item in items if item.incident and item.incident.number == int(name)]
        number = int(name)
    else:
        found = [item for item in items if name in (item.arn, name_of(item))]
        found = found or [item for item in items if name_of(item).endswith(f".{name}")]
    if len(found) > 1:
        names = ", ".join(sorted(item.arn for item in found)[:5])
        raise InputError(f"{text} can be any of {names}: give one of these")
    if not found:
        raise InputError(_unknown(notifier, name, items))
    return KnownAlarm(found[0], number)


def find_or_ask(
    stack: DeployedStack, notifier: DeployedNotifier, text: str
) -> tuple[str, AlarmItem | None]:
    """Return the ARN of an alarm, and what is known of it: it may never have changed its state.

    Raises InputError where neither the notifier nor CloudWatch knows it.
    """
    try:
        item = find(notifier, text).item
    except InputError as error:
        arn = text if _ARN.fullmatch(text) else ""
        if arn and not arn.startswith(notifier.alarms):
            return arn, None  # of another account or Region: it cannot be asked for
        name = text.removeprefix(notifier.alarms)
        for candidate in (name, f"{notifier.stack}.{name}"):
            if described(stack, candidate) is not None:
                return notifier.alarms + candidate, None
        raise InputError(f"{error} CloudWatch has none of this name in {stack.place}.") from error
    return item.arn, item


def described(stack: DeployedStack, name: str) -> Any:
    """Return what CloudWatch says of an alarm of the stack's account, None where there is none."""
    with said_plainly(f"alarm {name}"):
        answer = stack.client("cloudwatch").describe_alarms(
            AlarmNames=[name], AlarmTypes=list(_ALARM_TYPES)
        )
    found = [alarm for kind in _ALARM_TYPES for alarm in answer.get(f"{kind}s", [])]
    return found[0] if found else None


def _by_its_id(notifier: DeployedNotifier, name: str) -> AlarmItem | None:
    """Return an alarm without reading the whole table, where its name says its ARN."""
    arns = [name] if name.startswith("arn:") else []
    arns += [notifier.alarms + name, f"{notifier.alarms}{notifier.stack}.{name}"]
    for arn in arns:
        item = notifier.load(incident_id(arn))
        if item is not None:
            return settle(item, notifier.clock(), notifier.policy)
    return None


def _unknown(notifier: DeployedNotifier, name: str, items: list[AlarmItem]) -> str:
    names = {short_name(notifier, item): item for item in items if item.notice is None}
    if name.isdigit():
        example = next(iter(names), "Throttling")
        return (
            f"stack {notifier.stack} has no open incident {name}. A number counts the incidents of"
            f" one alarm: for a closed one, name the alarm too, as in {example}#{name}"
        )
    close = get_close_matches(name, names, 1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return (
        f"stack {notifier.stack} knows no alarm {name} that ever fired: see"
        f" {notifier.ours('incidents list --all')}.{hint}"
    )
