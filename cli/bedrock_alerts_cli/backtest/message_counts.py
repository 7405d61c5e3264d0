"""Counts messages, by running the state changes through the notifier itself."""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.alerts.router import EMAILED_BY_CLOUDWATCH
from bedrock_alerts.alerts.routing import Routes
from bedrock_alerts_cli.notifier.in_memory import Sent
from bedrock_alerts_cli.notifier.play import AFTER_SECONDS
from bedrock_alerts_cli.notifier.played import channel_of, notifies
from bedrock_alerts_cli.notifier.world import World
from bedrock_alerts_cli.simulator import Change, Timeline

_EMAIL: Final = "email"
SHARED: Final = "shared"
"""The reason of a message that several alerts share."""


class Messages(NamedTuple):
    """The number of messages that notify people, by channel, and by channel and reason."""

    by_channel: dict[str, int]
    by_reason: dict[str, dict[str, int]]


def messages(
    timeline: Timeline, channels: Sequence[Channel], routes: Routes, deployed: Collection[str]
) -> Messages:
    """Count the notifications of `deployed` alarms, by channel.

    The notifier runs in memory on the timeline's clock, and a little longer, so that the last
    alarms are sent too. Reminders, routes, quiet hours and digests count as they are sent. Edits,
    quiet replies and the ends of pages notify no one. CloudWatch itself emails the alarms about
    this tool.
    """
    world = World(timeline.start.timestamp(), channels)
    world.routes = routes
    sent: dict[str, Counter[str]] = {channel: Counter() for channel in channels}
    for change in timeline.changes:
        if change.alarm_name not in deployed:
            continue
        if not _is_own(change):
            body = json.dumps(change.event())
            world.at(change.at.timestamp(), lambda body=body: world.receive(body))  # type: ignore[misc]
        elif _EMAIL in channels and "ALARM" in {change.from_state, change.to_state}:
            sent[_EMAIL]["firing" if change.to_state == "ALARM" else "resolved"] += 1
    # Alarms of the last minutes are sent after the log's end.
    end = timeline.end.timestamp() + AFTER_SECONDS
    world.sweep_every_minute(end)
    world.run_until(end)
    for one in world.out.sent:
        if notifies(one):
            sent.setdefault(channel_of(one), Counter())[_reason(one)] += 1
    by_reason = {channel: dict(counts) for channel, counts in sent.items()}
    return Messages({name: sum(counts.values()) for name, counts in by_reason.items()}, by_reason)


def _reason(sent: Sent) -> str:
    reasons = sent.job.reasons if sent.job else ()
    return SHARED if len(reasons) > 1 else reasons[0] if reasons else "notice"


def _is_own(change: Change) -> bool:
    """Whether an alarm is about this tool: it has the email topic as its own action."""
    return change.alarm_name.rpartition(".")[2].startswith(EMAILED_BY_CLOUDWATCH)
