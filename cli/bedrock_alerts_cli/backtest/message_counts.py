"""Counts messages by channel, by running the state changes through the notifier itself."""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.alerts.router import EMAILED_BY_CLOUDWATCH
from bedrock_alerts.alerts.routing import Routes
from bedrock_alerts_cli.notifier.played import channel_of, notifies
from bedrock_alerts_cli.notifier.world import World
from bedrock_alerts_cli.simulator import Change, Timeline

_EMAIL: Final = "email"


def messages(
    timeline: Timeline, channels: Sequence[Channel], routes: Routes, deployed: Collection[str]
) -> dict[str, int]:
    """Return the number of notifications of `deployed` alarms, by channel.

    The notifier runs in memory on the timeline's clock: reminders, routes, quiet hours and digests
    count as they are sent. Edits, quiet replies and the ends of pages notify no one. CloudWatch
    itself emails the alarms about this tool.
    """
    world = World(timeline.start.timestamp(), channels)
    world.routes = routes
    sent: Counter[str] = Counter(dict.fromkeys(channels, 0))
    for change in timeline.changes:
        if change.alarm_name not in deployed:
            continue
        if not _is_own(change):
            body = json.dumps(change.event())
            world.at(change.at.timestamp(), lambda body=body: world.receive(body))  # type: ignore[misc]
        elif _EMAIL in channels and "ALARM" in {change.from_state, change.to_state}:
            sent[_EMAIL] += 1
    world.sweep_every_minute(timeline.end.timestamp())
    world.run_until(timeline.end.timestamp())
    sent.update(channel_of(one) for one in world.out.sent if notifies(one))
    return dict(sent)


def _is_own(change: Change) -> bool:
    """Whether an alarm is about this tool: it has the email topic as its own action."""
    return change.alarm_name.rpartition(".")[2].startswith(EMAILED_BY_CLOUDWATCH)
