"""Plays a sequence of alarm events through the notifier in memory."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.alerts.events import (
    Answer,
    incident_id,
)
from bedrock_alerts.alerts.incidents.item import AlarmItem, Policy
from bedrock_alerts.alerts.incidents.learn import LookedUp
from bedrock_alerts.alerts.normalise import encode_note
from bedrock_alerts.alerts.normalise.fields import moment
from bedrock_alerts.alerts.routing import Routes
from bedrock_alerts_cli.notifier.played import messages, shows
from bedrock_alerts_cli.notifier.sequence import Line
from bedrock_alerts_cli.notifier.world import Outage, World
from bedrock_alerts_cli.user_errors import InputError

CHANNELS: Final[tuple[Channel, ...]] = ("email", "slack", "pagerduty")
AFTER_SECONDS: Final = 150.0
"""How long to play on after the last line, in seconds."""

_HOME: Final = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:"
# Every minute in between is simulated.
_LONGEST_SECONDS: Final = 455 * 86_400


class Simulation:
    """One sequence, played: the lines of a file, in the order of their times."""

    def __init__(
        self,
        lines: Sequence[Line],
        *,
        channels: Sequence[Channel] = CHANNELS,
        routes: Routes | None = None,
        policy: Policy | None = None,
        seconds_after: float = AFTER_SECONDS,
    ) -> None:
        """Play it. Raises InputError if the lines are more than 455 days apart."""
        times = [line.at for line in lines] or [0.0]
        start, end = min(times), max(times) + seconds_after
        if end - start > _LONGEST_SECONDS:
            days = _LONGEST_SECONDS // 86_400
            raise InputError(f"the first and the last line are more than {days} days apart")
        self.world = World(start - 1, channels, policy=policy)
        self.world.routes = routes or Routes()
        self.world.look_up = self._look_up
        self._described: dict[str, Mapping[str, Any]] = {}
        for line in lines:
            self._schedule(line)
        self.world.sweep_every_minute(end)
        self.world.run_until(end)

    def document(self) -> dict[str, Any]:
        """Return every message, and what each channel shows at the end, as `--json` prints it."""
        found = messages(self.world.out.sent)
        return {"messages": found, "shows": shows(self.world, self.world.out.sent)}

    def _schedule(self, line: Line) -> None:
        world, fields = self.world, line.fields
        if line.kind == "outage":
            end = line.at + 60 * float(fields["minutes"])
            pause = fields["retry_after"]
            world.outages.append(Outage(fields["what"], line.at, end, fields["status"], pause))
        elif line.kind == "routes":
            world.at(line.at, lambda: setattr(world, "routes", fields["routes"]))
        elif line.kind == "describe_alarms":
            world.at(line.at, lambda: self._described.update(fields))
        elif line.kind == "press":
            world.at(line.at, lambda: world.receive(encode_note(self._answer(fields))))
        else:
            body = json.dumps(fields["event"])
            world.at(line.at, lambda: world.receive(body))

    def _answer(self, press: Mapping[str, Any]) -> Answer:
        name = press["alarm"]
        alarm = incident_id(name if name.startswith("arn:") else _HOME + name)
        return Answer(
            kind=press["kind"],
            incident=alarm,
            user="U0EXAMPLE",
            name=press["by"],
            at=datetime.fromtimestamp(press["pressed_at"], UTC),
            seconds=press["seconds"],
            number=self._number(alarm, press["pressed_at"]),
        )

    def _number(self, alarm: str, at: float) -> int:
        """Return the incident that Slack's message showed then, 0 for none."""
        item = self.world.table.items.get(alarm)
        if item is None:
            return 0
        incident = item[0].incident
        known = [(one.number, one.since) for one in item[0].ended]
        known += [(incident.number, incident.since)] if incident else []
        return max((number for number, since in known if since <= at), default=0)

    def _look_up(self, item: AlarmItem) -> LookedUp | None:
        """Return the response of DescribeAlarms that a line sets."""
        found = self._described.get(item.arn.rpartition(":alarm:")[2])
        if found is None:
            return None
        at = moment(found.get("StateTransitionedTimestamp") or found.get("StateUpdatedTimestamp"))
        return LookedUp(
            state=found.get("StateValue"),
            since=at.timestamp() if at else 0.0,
            are_actions_enabled=found.get("ActionsEnabled", True),
        )
