"""Sending again what a channel lacks, and closing an incident by hand."""

from collections.abc import Callable

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
    notifier: DeployedNotifier, arn: str, by: str, channel: Channel | None, wait: float
) -> list[ChannelStanding]:
    """Make what the channels lack due, and return what they show when it was tried.

    Raises CommandError where nothing was tried in time.
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
    notifier: DeployedNotifier, arn: str, number: int, by: str, wait: float
) -> IncidentStanding:
    """Close an incident, and return it when each channel was notified of that.

    Raises CommandError where it was not closed in time.
    """
    say(notifier, "close", arn, by, number=number)

    def closed() -> IncidentStanding | None:
        found = standings(notifier, item_now(notifier, arn), with_closed=True)
        return next((one for one in found if one.number == number and not one.is_open), None)

    _wait(notifier, lambda: closed() is not None, LEARNS_SECONDS, f"the close of incident {number}")
    notifier.wait_for(lambda: _is_shown(closed()), wait)
    found = closed()
    if found is None:  # more incidents than are kept have ended meanwhile
        raise not_learned(notifier, f"the close of incident {number}")
    return found


def _is_shown(found: IncidentStanding | None) -> bool:
    return found is not None and all(
        one.shows in ("", "resolved") or one.problem for one in found.channels
    )


def _wait(notifier: DeployedNotifier, is_so: Callable[[], bool], seconds: float, what: str) -> None:
    if not notifier.wait_for(is_so, seconds):
        raise not_learned(notifier, what)
