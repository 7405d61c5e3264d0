"""Applies the routes to an alarm's facts: the channels to notify from now on. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.alerts.describe.trailers import trailers_of
from bedrock_alerts.alerts.events import (
    ConfigurationChange,
    StateChange,
)
from bedrock_alerts.alerts.incidents.item import (
    ALARM,
    NO_DATA,
    AlarmItem,
    Rule,
    is_silenced,
    is_suppressed,
)
from bedrock_alerts.alerts.routing import Routes, Subject, destinations, escalation_minutes
from bedrock_alerts.alerts.test_marks import channels_of_test


def routed(
    item: AlarmItem, routes: Routes, channels: Sequence[Channel], note: str, now: float
) -> AlarmItem:
    """Return the item with a rule for each channel that a route names, and `note` in messages."""
    subject = subject_of_item(item, now)
    at = datetime.fromtimestamp(now, UTC)
    rules = {
        one.channel: Rule(
            mentions=one.mentions,
            quiet_hours=one.quiet_hours,
            digest_seconds=one.digest_seconds,
        )
        for one in destinations(subject, routes, channels, at, is_bad_news=True)
    }
    asked = channels_of_test(item.about or item.latest)
    if asked:
        kinds = {channel.partition(":")[0] for channel in channels}
        known = [channel for channel in asked if channel.partition(":")[0] in kinds]
        rules = {channel: rules.get(channel, Rule()) for channel in known}
    views = {
        channel: msgspec.structs.replace(item.view(channel), rule=rules.get(channel))
        for channel in dict.fromkeys((*item.views, *rules))
    }
    incident, escalate_at = item.incident, None
    if incident is not None and not incident.acknowledged_by:
        moments = [incident.since + 60 * each for each in escalation_minutes(subject, routes)]
        escalate_at = min((each for each in moments if each > now), default=None)
    if incident is not None:
        # A channel that a route newly names for an incident is notified of it.
        is_held = is_suppressed(item, now) or is_silenced(item, now)
        for channel in (name for name in rules if item.view(name).rule is None):
            wanted = views[channel].wanted if is_held else incident.number
            views[channel] = msgspec.structs.replace(views[channel], wanted=wanted, due=now)
    return msgspec.structs.replace(
        item,
        views=views,
        escalate_at=escalate_at,
        note=note,
        account_name=routes.accounts.get(subject.account_id, ""),
    )


def subject_of_item(item: AlarmItem, now: float) -> Subject:
    """Return what routes match."""
    about = item.about or item.latest or item.series or item.change or item.notice
    incident = item.incident
    unacknowledged = None
    if incident is not None and not incident.acknowledged_by:
        unacknowledged = (now - incident.since) / 60
    if isinstance(about, StateChange | ConfigurationChange):
        return Subject(
            alarm_name=about.alarm_name,
            severity=item.severity,
            team=team_of(about),
            account_id=about.account_id,
            region=about.region,
            state=_state(item),
            callers=_of_contributors(item, "Principal"),
            applications=_of_contributors(item, "Application"),
            models=_of_contributors(item, "ModelId"),
            unacknowledged_minutes=unacknowledged,
        )
    return Subject(
        alarm_name=getattr(about, "title", "") or getattr(about, "action", ""),
        severity=item.severity,
        account_id=getattr(about, "account_id", ""),
        region=getattr(about, "region", ""),
    )


def _state(item: AlarmItem) -> str:
    if item.incident is None:
        return item.latest.state if item.latest else ""
    return {"firing": ALARM, "no_data": NO_DATA}.get(item.incident.state, ALARM)


def _of_contributors(item: AlarmItem, name: str) -> tuple[str, ...]:
    if item.series is None or item.series.contributor is None:
        return ()
    return tuple(value for key, value in item.series.contributor.attributes if key == name)


def team_of(event: StateChange | ConfigurationChange) -> str:
    """Return the team that an alarm's description or tags name."""
    return trailers_of(event).get("team", "")
