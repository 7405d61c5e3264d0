"""Alarms told step by step: what an incident's memory makes of a sequence of events."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from bedrock_alerts.alerts.incidents import Decision, Incident, Memory, Policy, decide, remember
from bedrock_alerts.alerts.incidents.deciding import Happening
from bedrock_alerts.alerts.model import ConfigurationChange, Contributor, StateChange, Timer

ARN: Final = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:chat-guardrail-blocks"
START: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def at(minute: float) -> datetime:
    """Return the moment that many minutes into the story."""
    return START + timedelta(minutes=minute)


def changed(state: str, minute: float, **more: Any) -> StateChange:
    """Return the alarm's change to a state."""
    change = StateChange(
        alarm_name="chat-guardrail-blocks",
        alarm_arn=ARN,
        account_id="111122223333",
        region="eu-west-1",
        state=state,
        at=at(minute),
        reason="Threshold Crossed",
        description="A guardrail blocked calls.\nSeverity: warning",
    )
    return msgspec.structs.replace(change, **more)


def configured(operation: str, minute: float, **more: Any) -> ConfigurationChange:
    """Return a change of the alarm itself."""
    return ConfigurationChange(
        alarm_name="chat-guardrail-blocks",
        alarm_arn=ARN,
        account_id="111122223333",
        region="eu-west-1",
        at=at(minute),
        operation=operation,
        **more,
    )


def contributor(name: str) -> Contributor:
    """Return one series of the alarm."""
    return Contributor(id=name, attributes=(("Principal", name),))


class Story:
    """An incident's memory, and everything that was told and withheld of it."""

    def __init__(self, policy: Policy | None = None, alarm: Incident | None = None) -> None:
        self.policy = policy or Policy()
        self.alarm = alarm
        self.incident: Incident | None = None
        self.decisions: list[Decision] = []
        self.timers: dict[tuple[str, str], Timer] = {}

    def happen(
        self, event: Happening, minute: float | None = None, *, dies: bool = False
    ) -> Decision:
        """Decide an event, and queue what it gives, unless the function dies before that."""
        now = at(minute) if minute is not None else getattr(event, "at", None) or event.due  # type: ignore[union-attr]
        decision = decide(Memory(self.incident, self.alarm), event, self.policy, now)
        self.take(decision, dies=dies)
        return decision

    def take(self, decision: Decision, *, dies: bool = False) -> None:
        """Store a decision, and queue what it gives."""
        self.incident = decision.next or self.incident
        if dies:
            return
        self.decisions.append(decision)
        for timer in decision.timers:
            self.timers[timer.kind, timer.stamp] = timer
        if decision.told is not None and self.incident is not None:
            self.incident = remember(self.incident, decision.told)

    def fire(self, kind: str) -> list[str]:
        """Let all timers of a kind come back, in the order in which they are due."""
        due = sorted((t for t in self.timers.values() if t.kind == kind), key=lambda t: t.due)
        self.timers = {key: timer for key, timer in self.timers.items() if timer.kind != kind}
        return [said(self.happen(timer)) for timer in due]

    @property
    def told(self) -> list[str]:
        """The kinds of what was told, in order."""
        return [decision.telling.kind for decision in self.decisions if decision.telling]

    @property
    def keys(self) -> list[str]:
        """The keys of the alerts that were made."""
        return [decision.key for decision in self.decisions if decision.telling]


def said(decision: Decision) -> str:
    """Return the kind of what a decision tells, or why it tells nothing."""
    return decision.telling.kind if decision.telling else decision.withheld


def tell(*events: Happening, policy: Policy | None = None) -> Story:
    """Let events happen, each at its own time."""
    story = Story(policy)
    for event in events:
        story.happen(event)
    return story


def kinds(events: Iterable[Happening], policy: Policy | None = None) -> list[str]:
    """Return what is told of a sequence of events."""
    return tell(*events, policy=policy).told
