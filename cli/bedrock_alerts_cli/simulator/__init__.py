"""Simulates CloudWatch alarms: from metrics to state changes and their events.

It follows CloudWatch's documentation; each module names its source. Three things are not documented
and are approximated here: anomaly detection bands (`anomaly_bands`), the number of extra periods
that an alarm evaluates (`evaluation`), and the interpolation of percentiles (`statistics`). Data is
visible at the end of its minute, or as late as `Lateness` says.
"""

from bedrock_alerts_cli.simulator.alarm_definitions import (
    Alarm,
    CompositeAlarm,
    MetricAlarm,
    read_alarms,
)
from bedrock_alerts_cli.simulator.changes import Change, Contributor
from bedrock_alerts_cli.simulator.datapoints import Datapoint, published
from bedrock_alerts_cli.simulator.simulation import Simulator, Timeline, simulate
from bedrock_alerts_cli.simulator.store import Lateness
from bedrock_alerts_cli.simulator.unsupported import AlarmError
from bedrock_alerts_cli.user_errors import TemplateError

__all__ = [
    "Alarm",
    "AlarmError",
    "Change",
    "CompositeAlarm",
    "Contributor",
    "Datapoint",
    "Lateness",
    "MetricAlarm",
    "Simulator",
    "TemplateError",
    "Timeline",
    "published",
    "read_alarms",
    "simulate",
]
