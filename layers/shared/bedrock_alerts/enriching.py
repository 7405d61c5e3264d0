"""Puts together what `route` looks things up with."""

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from bedrock_alerts.adapters.evidence import AccountAlias, AlarmDefinitions, EventLines
from bedrock_alerts.alerts.describe import Details
from bedrock_alerts.alerts.enrich import Ports, enrich
from bedrock_alerts.alerts.model import Alert, News
from bedrock_alerts.settings import RouteSettings


class Enricher(Protocol):
    """Adds to an alert what can be found out before `deadline`, in seconds since 1970."""

    def __call__(self, event: News, alert: Alert, deadline: float) -> Alert:
        """Return the alert with what was found. Never raises."""


def enricher(settings: RouteSettings, left_out: Callable[[str, str], None]) -> Enricher:
    """Return what looks things up as the stack is set; clients are made when they are needed.

    `left_out` is told of each piece that is missing: its name, and the kind of error.
    """
    log = settings.event_log_group_arn
    details = Details(
        event_logs=(log,) if log else (),
        every_call=settings.event_lines == "all",
        dashboard=settings.dashboard_name or "",
    )
    ports = Ports(details=details, left_out=left_out, clock=time.time)
    if settings.evidence and log:
        ports = ports._replace(
            alarms=AlarmDefinitions(),
            account=AccountAlias(),
            event_lines=EventLines(details.event_logs),
        )
    return partial(_enrich, ports)


def _enrich(ports: Ports, event: News, alert: Alert, deadline: float) -> Alert:
    return enrich(event, alert, ports, deadline)
