"""The incidents of an alarm, and what each channel shows of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bedrock_alerts.alerts.alert import Channel, Severity
from bedrock_alerts.alerts.incidents.item import (
    AlarmItem,
    View,
    is_of_test,
    is_silenced,
    is_suppressed,
)
from bedrock_alerts.alerts.notifications.plan import Send, Wait, plan
from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier
from bedrock_alerts_cli.deployed.known_alarms import short_name

_STATES: Final = {"no_data": "no data"}


class ChannelStanding(NamedTuple):
    """One channel and one incident.

    `shows` is what it was notified of last, empty if nothing, `at` when. `lacks` is why it is to be
    notified now, `due` when that is tried. `problem` is why the last attempt failed.
    """

    channel: Channel
    is_routed: bool = True
    shows: str = ""
    at: float | None = None
    lacks: str = ""
    due: float | None = None
    problem: str = ""
    is_given_up: bool = False

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "channel": self.channel,
            "is_routed": self.is_routed,
            "shows": self.shows,
            "notified_at": stamped(self.at),
            "lacks": self.lacks,
            "due": stamped(self.due),
            "problem": self.problem,
            "is_given_up": self.is_given_up,
        }


class IncidentStanding(NamedTuple):
    """One incident of an alarm, or one notice (`state` is `notice`, and there is no number)."""

    arn: str
    name: str
    number: int
    state: str
    severity: Severity
    since: float | None
    ended_at: float | None = None
    closed_by: str = ""
    acknowledged_by: str = ""
    silenced_by: str = ""
    silenced_until: float | None = None
    is_suppressed: bool = False
    is_test: bool = False
    channels: tuple[ChannelStanding, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it is still open."""
        return self.state not in ("resolved", "notice")

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        found = self._asdict()
        for name in ("since", "ended_at", "silenced_until"):
            found[name] = stamped(found[name])
        return {
            **found,
            "is_open": self.is_open,
            "channels": [channel.document() for channel in self.channels],
        }


def stamped(at: float | None) -> str | None:
    """Return a time in JSON's format."""
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def standings(
    notifier: DeployedNotifier, item: AlarmItem, *, with_closed: bool
) -> Iterator[IncidentStanding]:
    """Yield the open incident of an alarm, then those that are closed, the newest first."""
    common: dict[str, Any] = {
        "arn": item.arn,
        "name": short_name(notifier, item),
        "severity": item.severity,
        "is_test": is_of_test(item),
    }
    if item.notice is not None:
        if with_closed:
            at = getattr(item.notice, "at", None)
            yield IncidentStanding(
                **common,
                number=0,
                state="notice",
                since=at.timestamp() if at else None,
                channels=_channels(notifier, item, 0),
            )
        return
    now, incident = notifier.clock(), item.incident
    if incident is not None:
        silence = item.silence if is_silenced(item, now) else None
        yield IncidentStanding(
            **common,
            number=incident.number,
            state=_STATES.get(incident.state, incident.state),
            since=incident.since,
            acknowledged_by=incident.acknowledged_by,
            silenced_by=silence.by if silence else "",
            silenced_until=silence.until if silence else None,
            is_suppressed=is_suppressed(item, now),
            channels=_channels(notifier, item, incident.number),
        )
    for ended in reversed(item.ended) if with_closed else ():
        yield IncidentStanding(
            **common,
            number=ended.number,
            state="resolved",
            since=ended.since,
            ended_at=ended.at,
            closed_by=ended.by,
            channels=_channels(notifier, item, ended.number),
        )


def _channels(
    notifier: DeployedNotifier, item: AlarmItem, number: int
) -> tuple[ChannelStanding, ...]:
    """Return what the channels show of an incident: of an old one, those that showed it last."""
    is_newest = number == (item.incident.number if item.incident else item.number)
    found = [
        standing_of(notifier, item, channel, number)
        for channel, view in item.views.items()
        if (is_newest and (view.rule is not None or view.refusal)) or _shows(view, number)
    ]
    return tuple(found)


def standing_of(
    notifier: DeployedNotifier, item: AlarmItem, channel: Channel, number: int
) -> ChannelStanding:
    """Return what a channel shows of an incident, and what it lacks now."""
    view, now = item.view(channel), notifier.clock()
    lacking = plan(item, channel, notifier.kind(channel), notifier.policy, now)
    is_lacking = isinstance(lacking, Send) and bool(lacking.action)
    waits = isinstance(lacking, Wait) and not _shows(view, number) and bool(view.rule)
    return ChannelStanding(
        channel=channel,
        is_routed=view.rule is not None,
        shows=_shows(view, number),
        at=max(view.last_shown, view.last_noisy) or None if _shows(view, number) else None,
        lacks=lacking.reason if isinstance(lacking, Send) and is_lacking else "",
        due=view.due if is_lacking or waits else None,
        problem=view.refusal,
        is_given_up=view.is_parked,
    )


def _shows(view: View, number: int) -> str:
    for found, perhaps in ((view.shown, ""), (view.sending, "perhaps ")):
        if found is not None and found.number == number:
            state = "notice" if number == 0 else found.state
            return perhaps + _STATES.get(state, state)
    return ""
