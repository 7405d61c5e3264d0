"""Sending again what a channel lacks, and closing an incident by hand."""

from collections.abc import Callable
from typing import TypeAlias

from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.alerts.incidents.item import AlarmItem, View
from bedrock_alerts_cli.deployed.commands_to_route import (
    LEARNS_SECONDS,
    item_now,
    not_learned,
    say,
)
from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier
from bedrock_alerts_cli.deployed.standings import ChannelStanding, IncidentStanding, standings

Note: TypeAlias = Callable[[str], None]


def newest(notifier: DeployedNotifier, item: AlarmItem) -> IncidentStanding | None:
    """Return the open incident of an alarm, else the last one, None where there was none."""
    return next(standings(notifier, item, with_closed=True), None)


def lacking(
    notifier: DeployedNotifier, item: AlarmItem, channel: Channel | None
) -> list[ChannelStanding]:
    """Return the channels that lack something of an alarm at this moment."""
    found = newest(notifier, item)
    return [
        one
        for one in (found.channels if found else ())
        if channel in (None, one.channel) and (one.lacks or one.is_given_up)
    ]


def resend(
    notifier: DeployedNotifier,
    arn: str,
    by: str,
    channel: Channel | None,
    wait: float,
    note: Note,
) -> list[ChannelStanding]:
    """Make what the channels lack due, and return what they show when it was tried, or `wait` over.

    `note` shows what it waits for.
    """
    known = item_now(notifier, arn)
    before = lacking(notifier, known, channel)
    put_at = say(notifier, "resend", arn, by, channel=channel or "")

    def is_tried() -> bool:
        item = item_now(notifier, arn)
        return all(
            not lacking(notifier, item, one.channel)
            or _has_failed_again(item.view(one.channel), known.view(one.channel), put_at)
            for one in before
        )

    note(f"Waiting up to {wait:g} s for {', '.join(one.channel for one in before)}.")
    notifier.wait_for(is_tried, wait)
    after = newest(notifier, item_now(notifier, arn))
    names = {one.channel for one in before}
    return [one for one in (after.channels if after else ()) if one.channel in names]


def _has_failed_again(view: View, before: View, put_at: float) -> bool:
    """Whether an attempt since then has failed: it is looked again later, or never."""
    is_postponed = view.due is None or view.due > put_at + 1
    is_changed = (view.due, view.failures) != (before.due, before.failures)
    return bool(view.refusal) and not view.claim and is_postponed and is_changed


def close(
    notifier: DeployedNotifier, arn: str, number: int, by: str, wait: float, note: Note
) -> IncidentStanding:
    """Close an incident, and return it when each channel was notified of that, or `wait` is over.

    `note` shows that it is closed, and each channel. Raises CommandError where it was not
    closed in time.
    """
    say(notifier, "close", arn, by, number=number)

    def closed() -> IncidentStanding | None:
        found = standings(notifier, item_now(notifier, arn), with_closed=True)
        return next((one for one in found if one.number == number and not one.is_open), None)

    _wait(notifier, lambda: closed() is not None, LEARNS_SECONDS, f"the close of incident {number}")
    note(f"Incident {number} is closed.")
    _wait_for_channels(notifier, closed, wait, note)
    found = closed()
    if found is None:  # more incidents than are kept have ended meanwhile
        raise not_learned(notifier, f"the close of incident {number}")
    return found


def _wait_for_channels(
    notifier: DeployedNotifier,
    closed: Callable[[], IncidentStanding | None],
    wait: float,
    note: Note,
) -> None:
    """Wait until each channel that was notified of the incident is notified of its end."""
    waiting = {one.channel for one in _channels(closed()) if one.shows not in ("", "resolved")}
    if not waiting:
        return
    note(f"Waiting up to {wait:g} s for {', '.join(sorted(waiting))}.")

    def are_notified() -> bool:
        for one in _channels(closed()):
            if one.channel in waiting and (one.shows == "resolved" or one.problem):
                waiting.remove(one.channel)
                note(f"{one.channel}: {one.problem or 'notified'}")
        return not waiting

    notifier.wait_for(are_notified, wait)


def _channels(found: IncidentStanding | None) -> tuple[ChannelStanding, ...]:
    return found.channels if found else ()


def _wait(notifier: DeployedNotifier, is_so: Callable[[], bool], seconds: float, what: str) -> None:
    if not notifier.wait_for(is_so, seconds):
        raise not_learned(notifier, what)
