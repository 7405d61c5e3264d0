"""The silences of alarms: those in force, a new one, the end of one."""

import re
from typing import Any, Final, NamedTuple

from bedrock_alerts.alerts.alert import Severity
from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts_cli.deployed.commands_to_route import (
    LEARNS_SECONDS,
    item_now,
    not_learned,
    say,
)
from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier
from bedrock_alerts_cli.deployed.known_alarms import known_alarms, short_name
from bedrock_alerts_cli.deployed.standings import stamped

_DURATION: Final = re.compile(r"(?P<count>[1-9][0-9]{0,4})(?P<unit>[mhd])")
_SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400}
MOST_SECONDS: Final = 30 * 86_400


class SilenceInForce(NamedTuple):
    """An alarm that a person has silenced; what is worse than `severity` is notified of."""

    arn: str
    name: str
    by: str
    until: float
    severity: Severity

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {**self._asdict(), "until": stamped(self.until)}


def seconds_in(duration: str) -> int | None:
    """Return how long `30m`, `2h` or `1d` is, None for anything else and for over 30 days."""
    found = _DURATION.fullmatch(duration)
    seconds = int(found["count"]) * _SECONDS[found["unit"]] if found else 0
    return seconds if 0 < seconds <= MOST_SECONDS else None


def silences(notifier: DeployedNotifier) -> list[SilenceInForce]:
    """Return the silences that are in force, the one that ends first before the others."""
    found = [in_force(notifier, item) for item in known_alarms(notifier)]
    return sorted((one for one in found if one), key=lambda one: one.until)


def in_force(notifier: DeployedNotifier, item: AlarmItem) -> SilenceInForce | None:
    """Return the silence of an alarm, None where none is in force."""
    silence = item.silence
    if silence is None or silence.until <= notifier.clock():
        return None
    name = short_name(notifier, item)
    return SilenceInForce(item.arn, name, silence.by, silence.until, silence.severity)


def add(notifier: DeployedNotifier, arn: str, seconds: int, by: str) -> SilenceInForce:
    """Silence an alarm from now on. Raises CommandError where that is not learned in time."""
    until = say(notifier, "silence", arn, by, seconds=seconds) + seconds

    def found() -> SilenceInForce | None:
        silence = in_force(notifier, item_now(notifier, arn))
        is_ours = silence is not None and abs(silence.until - until) < 1 and silence.by == by
        return silence if is_ours else None

    notifier.wait_for(lambda: found() is not None, LEARNS_SECONDS)
    silence = found()
    if silence is None:
        raise not_learned(notifier, "the silence")
    return silence


def end(notifier: DeployedNotifier, arn: str, by: str) -> None:
    """End the silence of an alarm. Raises CommandError where that is not learned in time."""
    say(notifier, "unsilence", arn, by)
    is_over = notifier.wait_for(
        lambda: in_force(notifier, item_now(notifier, arn)) is None, LEARNS_SECONDS
    )
    if not is_over:
        raise not_learned(notifier, "the end of the silence")
