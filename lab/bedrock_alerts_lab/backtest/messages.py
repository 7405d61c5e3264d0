"""How many messages each channel would have got: every change goes through the notifier's rules.

Incidents are kept, reminders come due, flapping is told as one, and routes choose the channels, by
the very code that runs in AWS. Digests and quiet hours are not played: a message that waits counts
as one.
"""

import heapq
import json
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from bedrock_alerts.alerts.describe import describe
from bedrock_alerts.alerts.incidents import Decision, Incident, Memory, Policy, decide, remember
from bedrock_alerts.alerts.model import Channel, StateChange, Timer
from bedrock_alerts.alerts.normalise import normalise
from bedrock_alerts.alerts.pipeline import EMAILED_BY_CLOUDWATCH
from bedrock_alerts.alerts.routing import Routes, destinations, subject_of, tells_bad_news
from bedrock_alerts_lab.simulator import Timeline

_EMAIL: Final = "email"


def messages(
    timeline: Timeline, channels: Sequence[Channel], routes: Routes, deployed: Collection[str]
) -> dict[str, int]:
    """Count the messages by channel that the alarms that are `deployed` would cause."""
    notifier = _Notifier(channels, routes)
    for change in timeline.changes:
        if change.alarm_name not in deployed:
            continue
        if not change.alarm_name.rpartition(".")[2].startswith(EMAILED_BY_CLOUDWATCH):
            notifier.pass_time(change.at)
            notifier.take(json.dumps(change.event()), change.at)
        elif _EMAIL in channels and "ALARM" in {change.from_state, change.to_state}:
            notifier.sent[_EMAIL] += 1
    notifier.pass_time(timeline.end)
    return dict(notifier.sent)


class _Notifier:
    """The notifier without its queues: what it decides is done at once."""

    def __init__(self, channels: Sequence[Channel], routes: Routes) -> None:
        self.sent: Counter[str] = Counter(dict.fromkeys(channels, 0))
        self._channels = channels
        self._routes = routes
        self._policy = Policy()
        self._incidents: dict[str, Incident] = {}
        self._timers: list[tuple[datetime, int, Timer]] = []
        self._set = 0

    def take(self, body: str, now: datetime) -> None:
        """Hear of one change of state."""
        for event in normalise(body):
            if isinstance(event, StateChange):
                alarm = self._incidents.get(event.alarm_arn) if event.contributor else None
                memory = Memory(self._incidents.get(event.incident_key), alarm)
                self._do(decide(memory, event, self._policy, now), now)

    def pass_time(self, until: datetime) -> None:
        """Let the timers go off that are due by then."""
        while self._timers and self._timers[0][0] <= until:
            due, _, timer = heapq.heappop(self._timers)
            incident = self._incidents.get(timer.subject)
            alarm = self._incidents.get(timer.subject.partition("#")[0])
            memory = Memory(incident, alarm if alarm is not incident else None)
            self._do(decide(memory, timer, self._policy, due), due)

    def _do(self, decision: Decision, now: datetime) -> None:
        if decision.next is None:
            return
        incident = decision.next
        if decision.telling is not None and decision.about is not None:
            alert = describe(decision.about, decision.telling)
            for destination in destinations(
                subject_of(alert),
                self._routes,
                self._channels,
                now,
                is_bad_news=tells_bad_news(alert),
            ):
                self.sent[destination.channel] += 1
            if decision.told is not None:
                incident = remember(incident, decision.told)
        self._incidents[incident.key] = incident
        for timer in decision.timers:
            self._set += 1
            heapq.heappush(self._timers, (timer.due, self._set, timer))
