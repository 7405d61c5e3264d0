"""What the item of a test's alarm says of each hop: when it was learned, claimed, shown, ended."""

from typing import Any, Final, Literal, TypeAlias

import msgspec

from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.alerts.incidents.item import AlarmItem, View
from bedrock_alerts.alerts.notifications.shown import LEASE_SECONDS

Result: TypeAlias = Literal["yes", "refused", "no_answer", "not_asked"]
_CLOCKS_SECONDS: Final = 5.0


class ChannelHops(msgspec.Struct, kw_only=True):
    """When a channel was claimed, notified, and notified of the end; `refusal` is why not.

    A time that the item does not hold is when this was seen.
    """

    channel: Channel
    is_asked: bool = True
    claimed_at: float | None = None
    notified_at: float | None = None
    end_at: float | None = None
    refusal: str = ""

    @property
    def result(self) -> Result:
        """What the channel said to the alert, and to its end."""
        if not self.is_asked:
            return "not_asked"
        if self.refusal:
            return "refused"
        return "no_answer" if self.notified_at is None or self.end_at is None else "yes"


PUT: Final = ("event put into the alerts queue", "end put into the alerts queue")
"""How a test begins and ends in words, where its events are put into the queue."""


class Hops:
    """Collects the hops of incident `number` and later ones, by looking at the item often."""

    def __init__(
        self,
        after_number: int,
        put_at: float,
        channels: tuple[Channel, ...],
        said: tuple[str, str] = PUT,
    ) -> None:
        self._after = after_number
        self.put_at = put_at
        self.said = said
        self.learned_at: float | None = None
        self.end_put_at: float | None = None
        self.end_learned_at: float | None = None
        self.number = 0
        self.note = ""
        self._stack_channels = channels
        self.channels: dict[Channel, ChannelHops] = {}

    def look(self, item: AlarmItem | None, now: float) -> None:
        """Take in what the item says now."""
        if item is None or item.number <= self._after:
            return
        self.note = item.note
        if self.learned_at is None:
            self.learned_at = self._plausible(item.actions_at, now)
            self.number = item.number
            self._ask(item)
        if self.end_learned_at is None and self._is_closed(item):
            self.end_learned_at = now
        for channel, hops in self.channels.items():
            if hops.is_asked:
                self._look(hops, item.view(channel), now)
        sent = [hops.claimed_at or hops.notified_at for hops in self.channels.values()]
        self.learned_at = min([self.learned_at, *(at for at in sent if at is not None)])

    def _ask(self, item: AlarmItem) -> None:
        """Note who is to be notified: that is decided when the event is learned."""
        asked = [name for name, view in item.views.items() if view.rule is not None]
        names = dict.fromkeys((*self._stack_channels, *asked))
        self.channels = {name: ChannelHops(channel=name, is_asked=name in asked) for name in names}

    def _is_closed(self, item: AlarmItem) -> bool:
        return item.incident is None or item.incident.number != self.number

    def _look(self, hops: ChannelHops, view: View, now: float) -> None:
        if view.claim and hops.claimed_at is None:
            hops.claimed_at = self._plausible(view.lease - LEASE_SECONDS, now)
        shown = view.shown
        is_shown = shown is not None and shown.number == self.number
        is_end = shown is not None and is_shown and shown.state == "resolved"
        if is_shown and hops.notified_at is None:
            at = now if is_end else self._plausible(view.last_noisy, now)
            hops.notified_at = at
        if is_end and hops.end_at is None:
            hops.end_at = self._plausible(view.last_noisy, now, since=self.end_put_at)
        hops.refusal = view.refusal

    def _plausible(self, stored: float, seen: float, since: float | None = None) -> float:
        """Return the stored time where it is one of this test, else when it was seen."""
        first = (self.put_at if since is None else since) - _CLOCKS_SECONDS
        if since is not None:
            first = since
        return stored if first <= stored <= seen + _CLOCKS_SECONDS else seen

    # ---- how far it is ---------------------------------------------------------------------------

    def asked(self) -> list[ChannelHops]:
        """Return the channels that are to be notified."""
        return [hops for hops in self.channels.values() if hops.is_asked]

    def is_notified(self) -> bool:
        """Whether every channel was notified or has refused."""
        return self.learned_at is not None and all(
            hops.notified_at is not None or hops.refusal for hops in self.asked()
        )

    def is_over(self) -> bool:
        """Whether every channel that was notified was notified of the end."""
        return self.end_learned_at is not None and all(
            hops.end_at is not None or hops.refusal for hops in self.asked()
        )

    def is_fine(self) -> bool:
        """Whether all went as it should; no channel at all is not fine."""
        asked = self.asked()
        return bool(asked) and all(hops.result == "yes" for hops in asked)

    def document(self) -> dict[str, Any]:
        """Return everything as JSON has it, times in seconds since the event was put."""
        return {
            "learned_seconds": self._since(self.learned_at),
            "end_put_seconds": self._since(self.end_put_at),
            "end_learned_seconds": self._since(self.end_learned_at),
            "channels": [
                {
                    "channel": one.channel,
                    "result": one.result,
                    "reason": one.refusal,
                    "claimed_seconds": self._since(one.claimed_at),
                    "notified_seconds": self._since(one.notified_at),
                    "end_seconds": self._since(one.end_at),
                }
                for one in self.channels.values()
            ],
            "note": self.note,
        }

    def _since(self, at: float | None) -> float | None:
        return None if at is None else round(at - self.put_at, 3)
