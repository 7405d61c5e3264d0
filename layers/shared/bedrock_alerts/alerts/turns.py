"""Decides when a message may be sent: by the pace of its channel and its group."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.alerts.incidents.item import AlarmItem, is_of_test
from bedrock_alerts.alerts.notifications import pace
from bedrock_alerts.alerts.notifications.groups import group_of
from bedrock_alerts.alerts.notifications.plan import Send
from bedrock_alerts.alerts.notifications.shown import LEASE_SECONDS, Outcome
from bedrock_alerts.alerts.ports import JournalPort, TablePort
from bedrock_alerts.errors import TransientError

# A message waits here up to this long for its channel's next second, else it returns later.
_LONGEST_NAP_SECONDS: Final = 2.0
_ATTEMPTS: Final = 12
_READ_BY_PEOPLE: Final = frozenset({"email", "slack", "teams", "amazon_q"})


class Turns(NamedTuple):
    """The turns on all channels, stored in the table."""

    table: TablePort
    journal: JournalPort
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    first_interval: float = pace.FIRST_INTERVAL

    def take(
        self, channel: Channel, alarm: str, item: AlarmItem, send: Send, claim: str
    ) -> float | None:
        """Take a turn and claim its group; return None if it is now, else its time.

        A message that must wait joins the next one of its group. Raises TransientError.
        """
        group, now = group_of(item), self.clock()
        is_grouped = keeps_to_pace(channel, item, send)
        while True:
            state, version = self.table.load_channel(channel)
            at = now
            if is_grouped:
                at = pace.allowed_at(
                    state,
                    group,
                    alarm,
                    now,
                    is_urgent=send.is_urgent,
                    first=self.first_interval,
                )
            slot = max(at, pace.next_slot(state, now))
            if slot - now > _LONGEST_NAP_SECONDS:
                waiting = pace.waits(state, group, alarm) if is_grouped else state
                if waiting is state or self.table.put_channel(channel, waiting, version):
                    return slot
                continue
            state = pace.reserved(state, slot)
            if is_grouped:
                state = pace.claimed(state, group, claim, now + LEASE_SECONDS)
            if self.table.put_channel(channel, state, version):
                self.sleep(max(0.0, slot - now))
                return None

    def others(self, channel: Channel, alarm: str, item: AlarmItem, send: Send) -> list[str]:
        """Return the other alarms of the group that wait for a message on the channel."""
        if not keeps_to_pace(channel, item, send):
            return []
        state, _ = self.table.load_channel(channel)
        known = state.groups.get(group_of(item))
        return [other for other in (known.waiting if known else ()) if other != alarm]

    def give_up(self, channel: Channel, item: AlarmItem, send: Send, claim: str) -> None:
        """Give up a turn: nothing was sent."""
        if keeps_to_pace(channel, item, send):
            group = group_of(item)
            self._update(channel, lambda state: pace.released(state, group, claim))

    def done(
        self,
        channel: Channel,
        item: AlarmItem,
        send: Send,
        claim: str,
        outcome: Outcome,
        alarms: tuple[str, ...],
    ) -> None:
        """Record the outcome of a turn, and the alarms in the message."""
        group, now = group_of(item), self.clock()
        is_news = keeps_to_pace(channel, item, send) and outcome.result in ("shown", "unknown")

        def change(state: pace.ChannelState) -> pace.ChannelState:
            if outcome.retry_at:
                state = pace.held(state, outcome.retry_at)
            if is_news:
                return pace.notified(state, group, claim, alarms, now, self.first_interval)
            return pace.released(state, group, claim)

        self._update(channel, change)

    def _update(
        self, channel: Channel, change: Callable[[pace.ChannelState], pace.ChannelState]
    ) -> None:
        """Write a channel's pace if possible; otherwise its claims end by themselves."""
        try:
            for _ in range(_ATTEMPTS):
                state, version = self.table.load_channel(channel)
                changed = change(state)
                if changed == state or self.table.put_channel(channel, changed, version):
                    return
        except TransientError as error:
            self.journal.warning("pace not stored", extra={"reason": str(error)})


def keeps_to_pace(channel: Channel, item: AlarmItem, send: Send) -> bool:
    """Whether a message keeps to the pace of its group: those that people read do, but tests."""
    is_read = channel.partition(":")[0] in _READ_BY_PEOPLE
    return send.is_noisy and is_read and not is_of_test(item)
