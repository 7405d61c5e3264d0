"""Puts together what `route` looks things up with."""

from collections.abc import Callable
from functools import partial

from bedrock_alerts.adapters.evidence import AccountAlias, AlarmDefinitions, EventLines
from bedrock_alerts.alerts.describe import Details
from bedrock_alerts.alerts.enrich import Ports, enrich
from bedrock_alerts.alerts.model import Alert, News
from bedrock_alerts.alerts.pipeline import Enrich
from bedrock_alerts.settings import RouteSettings


def enricher(
    settings: RouteSettings, clock: Callable[[], float], left_out: Callable[[str, str], None]
) -> Enrich:
    """Return what looks things up as the stack is set; clients are made when they are needed.

    `clock` is the one that deadlines are told by. `left_out` is told of each piece that is missing:
    its name, and the kind of error.
    """
    log = settings.event_log_group_arn
    details = Details(
        event_logs=(log,) if log else (),
        every_call=settings.event_lines == "all",
        dashboard=settings.dashboard_name or "",
    )
    ports = Ports(details=details, left_out=left_out, clock=clock)
    if log:
        ports = ports._replace(
            alarms=AlarmDefinitions(clock=clock),
            account=AccountAlias(clock=clock),
            event_lines=EventLines(details.event_logs, clock=clock),
        )
    return partial(_enrich, ports)


def _enrich(ports: Ports, news: News, alert: Alert, deadline: float) -> Alert:
    return enrich(news, alert, ports, deadline)
