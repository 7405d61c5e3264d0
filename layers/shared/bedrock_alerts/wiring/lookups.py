"""Builds the look-ups of `route`."""

from collections.abc import Callable

from bedrock_alerts.adapters.cloudwatch import AlarmDefinitions
from bedrock_alerts.adapters.iam import AccountAlias
from bedrock_alerts.adapters.logs_insights import EventLines
from bedrock_alerts.alerts.alert import Notification
from bedrock_alerts.alerts.describe import Details, Found
from bedrock_alerts.alerts.events import News
from bedrock_alerts.alerts.lookup import Ports, look_up
from bedrock_alerts.wiring.notifier_settings import (
    DeliverSettings,
    RouteSettings,
)


def details_of(settings: RouteSettings | DeliverSettings) -> Details:
    """Return the details that the stack adds to an event."""
    log = settings.event_log_group_arn
    return Details(
        event_logs=(log,) if log else (),
        every_call=settings.event_lines == "all",
        dashboard=settings.dashboard_name or "",
    )


def looker(
    settings: RouteSettings, clock: Callable[[], float], left_out: Callable[[str, str], None]
) -> Callable[[News, float], Found]:
    """Return the look-ups that the stack's settings ask for; clients are created on first use.

    Deadlines are measured by `clock`. `left_out` is called for each missing piece, with its name
    and the kind of error.
    """
    details = details_of(settings)
    ports = Ports(details=details, left_out=left_out, clock=clock)
    if details.event_logs:
        ports = ports._replace(
            alarms=AlarmDefinitions(clock=clock),
            account=AccountAlias(clock=clock),
            event_lines=EventLines(details.event_logs, clock=clock),
        )
    return lambda news, deadline: look_up(news, Notification(kind="firing"), ports, deadline)
