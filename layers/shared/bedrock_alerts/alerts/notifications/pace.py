"""The pace of a channel: a message a second, the channel's own limits, and its groups. Pure.

The first alert of a group is sent at once. Later ones share a message at an interval that doubles,
and starts again when nothing of the group was sent for an hour.
"""

from typing import Final

import msgspec

FIRST_INTERVAL: Final = 300.0
LONGEST_INTERVAL: Final = 3600.0
MOST_OF_A_DIGEST: Final = 50
_OVER_SECONDS: Final = 3600.0
_MAX_WAITING: Final = 1000
_A_WHILE: Final = 300.0
_SECONDS_A_MESSAGE: Final = 1.0
# If another message of the group is being sent, check again after this many seconds.
_LEFT_SECONDS: Final = 5.0


class Group(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When people were last notified of a group, and the alarms that wait for the next message.

    `has_more` says that the last message had no room for all waiting alarms: they follow at once.
    """

    last: float = 0.0
    interval: float = 0.0
    waiting: tuple[str, ...] = ()
    has_more: bool = False
    claim: str = ""
    lease: float = 0.0


class ChannelState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The pace of one channel; nothing is sent before `not_before`, as the channel asked."""

    next_free: float = 0.0
    not_before: float = 0.0
    groups: dict[str, Group] = {}


def allowed_at(
    state: ChannelState,
    group: str,
    alarm: str,
    now: float,
    *,
    is_urgent: bool,
    first: float = FIRST_INTERVAL,
) -> float:
    """Return when an alarm may notify people of its group; a past time means now."""
    found = state.groups.get(group) or Group()
    if found.lease > now:
        return min(found.lease, now + _LEFT_SECONDS)
    is_next = found.has_more and alarm in found.waiting
    if is_urgent or is_next or now - found.last >= _OVER_SECONDS:
        return now
    return found.last + (found.interval or first)


def next_slot(state: ChannelState, now: float) -> float:
    """Return the channel's next free second."""
    return max(now, state.next_free, state.not_before)


def reserved(state: ChannelState, slot: float) -> ChannelState:
    """Use one of the channel's seconds."""
    return msgspec.structs.replace(state, next_free=slot + _SECONDS_A_MESSAGE)


def held(state: ChannelState, until: float) -> ChannelState:
    """Send nothing to the channel until then."""
    return msgspec.structs.replace(state, not_before=max(state.not_before, until))


def waits(state: ChannelState, group: str, alarm: str) -> ChannelState:
    """Let an alarm join the next message of its group."""
    found = state.groups.get(group) or Group()
    if alarm in found.waiting or len(found.waiting) >= _MAX_WAITING:
        return state
    return _with(state, group, msgspec.structs.replace(found, waiting=(*found.waiting, alarm)))


def claimed(state: ChannelState, group: str, claim: str, until: float) -> ChannelState:
    """Claim a group until then."""
    found = state.groups.get(group) or Group()
    return _with(state, group, msgspec.structs.replace(found, claim=claim, lease=until))


def released(state: ChannelState, group: str, claim: str) -> ChannelState:
    """Give up a claim: nothing was sent."""
    found = state.groups.get(group) or Group()
    if found.claim != claim:
        return state
    return _with(state, group, msgspec.structs.replace(found, claim="", lease=0.0))


def notified(
    state: ChannelState,
    group: str,
    claim: str,
    alarms: tuple[str, ...],
    now: float,
    first: float = FIRST_INTERVAL,
) -> ChannelState:
    """Record that people were notified of a group, and of which alarms."""
    found = state.groups.get(group) or Group()
    since = now - found.last
    interval = found.interval or first
    # At the longest interval, waiting alarms are sent after an hour: that hour was not quiet.
    if since >= max(_OVER_SECONDS, interval + _A_WHILE):
        interval = first
    elif since >= interval:
        interval = min(LONGEST_INTERVAL, 2 * interval)
    is_mine = found.claim == claim
    waiting = tuple(name for name in found.waiting if name not in alarms)
    changed = msgspec.structs.replace(
        found,
        last=now,
        interval=interval,
        waiting=waiting,
        has_more=bool(waiting) and len(alarms) >= MOST_OF_A_DIGEST,
        claim="" if is_mine else found.claim,
        lease=0.0 if is_mine else found.lease,
    )
    return _with(state, group, changed)


def _with(state: ChannelState, group: str, found: Group) -> ChannelState:
    return msgspec.structs.replace(state, groups={**state.groups, group: found})
