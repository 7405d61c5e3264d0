"""CloudWatch's alarms, simulated: metrics in, changes of state and their events out.

What it does is what the documentation says CloudWatch does; each module names its source. Three
things are not documented and are approximated here: anomaly detection bands (`bands`), how many
periods more than needed an alarm looks at (`evaluation`), and the interpolation of percentiles
(`statistics`). Data is there at the end of its minute, or as late as `Lateness` says.
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
