"""Evaluates composite alarms, and the suppression of their actions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-suppression.html
After each state change the actions wait for the suppressor (WaitPeriod); while that is in ALARM
they are suppressed (Alarm); after that they stay suppressed for a while (ExtensionPeriod). When the
suppression ends there is one more event, from the state to the same state.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from bedrock_alerts_cli.simulator import state_reasons as reasons
from bedrock_alerts_cli.simulator.alarm_definitions import CompositeAlarm
from bedrock_alerts_cli.simulator.changes import Change, Standing
from bedrock_alerts_cli.simulator.evaluation import State
from bedrock_alerts_cli.simulator.rules import holds, named

Phase: TypeAlias = Literal["", "WaitPeriod", "ExtensionPeriod", "Alarm"]


class CompositeJudge:
    """One composite alarm: its state, its suppression, and their changes. Times in seconds."""

    def __init__(self, alarm: CompositeAlarm, start: int) -> None:
        self.alarm = alarm
        self.standing = Standing(state="INSUFFICIENT_DATA", at=start)
        self.deadline: int | None = None
        self._children = tuple(dict.fromkeys(named(alarm.rule)))
        self._is_suppressing = False
        self._is_new = True

    def judge(self, now: int, standings: Mapping[str, Standing]) -> Change | None:
        """Evaluate after a change of others, or at the deadline."""
        states = {name: standing.state for name, standing in standings.items()}
        state: State = "ALARM" if holds(self.alarm.rule, states) else "OK"
        was_suppressing = self._is_suppressing
        self._is_suppressing = states.get(self.alarm.suppressor or "") == "ALARM"
        if state != self.standing.state:
            phase = self._after_change()
        elif self._is_suppressing != was_suppressing:
            phase = "Alarm" if self._is_suppressing else self._extended()
        elif self.deadline is not None and now >= self.deadline:
            phase = ""
        else:
            return None
        return self._change(now, state, phase, standings)

    def _after_change(self) -> Phase:
        if self.alarm.suppressor is None:
            return ""
        if self._is_suppressing:
            return "Alarm"
        return "WaitPeriod" if self.alarm.wait_period else ""

    def _extended(self) -> Phase:
        return "ExtensionPeriod" if self.alarm.extension_period else ""

    def _change(
        self, now: int, state: State, phase: Phase, standings: Mapping[str, Standing]
    ) -> Change:
        before = self.standing
        lasts = {
            "WaitPeriod": self.alarm.wait_period,
            "ExtensionPeriod": self.alarm.extension_period,
        }.get(phase)
        self.deadline = None if lasts is None else now + lasts
        after = msgspec.structs.replace(
            before, at=now, suppression=phase, suppressor=self.alarm.suppressor or ""
        )
        if state != before.state:
            reason, data = self._reason(state, now, standings)
            after = msgspec.structs.replace(after, state=state, reason=reason, data=data)
        self.standing = after
        return Change(alarm=self.alarm, before=before, after=after)

    def _reason(
        self, state: State, now: int, standings: Mapping[str, Standing]
    ) -> tuple[str, dict[str, object]]:
        """Return the alarms that caused the change: all of them if it is new."""
        is_new, self._is_new = self._is_new, False
        causes = {
            name: (standings[name].state, standings[name].at)
            for name in self._children
            if is_new or standings[name].at == now
        }
        return reasons.of_composite(self.alarm.name, state, causes, is_new=is_new)
