"""The template's alarms, rules and budgets as people know them: name, meaning, condition."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from bedrock_alerts.alerts.describe import split_description
from bedrock_alerts_cli.template import references
from bedrock_alerts_cli.template.stack import Stack

_ALARMS: Final = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
_OTHERS: Final = ("AWS::Events::Rule", "AWS::Budgets::Budget")
_SIGNS: Final = {
    "GreaterThanOrEqualToThreshold": "≥",
    "GreaterThanThreshold": ">",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "≤",
    "GreaterThanUpperThreshold": "above the expected range",
    "LessThanLowerThreshold": "below the expected range",
    "LessThanLowerOrGreaterThanUpperThreshold": "outside the expected range",
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the catalogue. `resource` is its logical id, `condition` when it is made."""

    name: str
    resource: str
    kind: str
    condition: str | None
    severity: str
    meaning: str
    fires: str
    parameters: tuple[str, ...]


# Conditions that the template does not describe.
_EVENTS: Final = {
    "TamperLogging": (
        "critical",
        "Someone changed or deleted the configuration of model invocation logging.",
    ),
    "TamperGuardrail": ("critical", "Someone changed or deleted a guardrail."),
    "MonthlyBudget": (
        "warning",
        "The AWS budget of the month is nearly used. AWS bills 8 to 24 h late.",
    ),
}
_PERIODS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_NOT_TUNING: Final = frozenset({"MetricsNamespace", "RunbookBaseUrl", "Team"})
_IN_ALARM: Final = re.compile(r'ALARM\("?([^")]+)"?\)')


def entries(template: Mapping[str, Any], stack: Stack) -> Iterator[Entry]:
    """Give every alarm of the template in its order, made by default or not."""
    for resource, definition in template["Resources"].items():
        properties = definition.get("Properties", {})
        if definition["Type"] in _ALARMS:
            resolved = stack.value(properties)
            meaning, trailers = split_description(resolved.get("AlarmDescription", ""))
            name = str(resolved["AlarmName"]).partition(".")[2]
            severity, fires = trailers.get("severity", ""), _fires(resolved)
        elif definition["Type"] in _OTHERS and resource.removesuffix("Rule") in _EVENTS:
            name = resource.removesuffix("Rule")
            severity, meaning = _EVENTS[name]
            fires = _happens(stack.value(properties))
        else:
            continue
        yield Entry(
            name=name,
            resource=resource,
            kind=definition["Type"],
            condition=definition.get("Condition"),
            severity=severity,
            meaning=" ".join(meaning.split()),
            fires=fires,
            parameters=_parameters(properties, template["Parameters"]),
        )


def _fires(alarm: Mapping[str, Any]) -> str:
    if "AlarmRule" in alarm:
        names = (name.rpartition(".")[2] for name in _IN_ALARM.findall(str(alarm["AlarmRule"])))
        return "any of these is in ALARM: " + ", ".join(n.removesuffix("Alarm") for n in names)
    points, of = int(alarm["EvaluationPeriods"]), int(alarm["EvaluationPeriods"])
    points = int(alarm.get("DatapointsToAlarm", points))
    sign = _SIGNS[alarm["ComparisonOperator"]]
    times = "" if of == 1 else f", {points} of {of} times"
    if "MetricName" in alarm:
        watched, period = _metric(alarm), int(alarm["Period"])
    else:
        watched, period = _query(alarm)
    bound = "" if "ThresholdMetricId" in alarm else f" {alarm['Threshold']}"
    return f"{watched} {sign}{bound} in {_duration(period)}{times}"


def _metric(metric: Mapping[str, Any]) -> str:
    """Name a metric; our own with the values of its dimensions, which say what is counted."""
    name = str(metric["MetricName"])
    values = [str(one["Value"]) for one in metric.get("Dimensions", ())]
    if not values or str(metric["Namespace"]).startswith("AWS/"):
        return name
    return f"{name} ({', '.join(values)})"


def _query(alarm: Mapping[str, Any]) -> tuple[str, int]:
    queries = alarm["Metrics"]
    band = alarm.get("ThresholdMetricId")
    (returned,) = (
        query for query in queries if query.get("ReturnData", True) and query["Id"] != band
    )
    periods = [
        int(query["MetricStat"]["Period"] if "MetricStat" in query else query["Period"])
        for query in queries
        if "MetricStat" in query or "Period" in query
    ]
    if "MetricStat" in returned:
        return _metric(returned["MetricStat"]["Metric"]), max(periods)
    return str(returned.get("Label", returned["Expression"])), max(periods)


def _duration(seconds: int) -> str:
    size, unit = next((size, unit) for size, unit in _PERIODS if seconds % size == 0)
    return f"{seconds // size} {unit}"


def _happens(properties: Mapping[str, Any]) -> str:
    if "EventPattern" in properties:
        return "CloudTrail shows " + ", ".join(properties["EventPattern"]["detail"]["eventName"])
    notices = [
        f"{notice['Notification']['Threshold']}% {notice['Notification']['NotificationType']}"
        for notice in properties.get("NotificationsWithSubscribers", ())
    ]
    return f"of the budget: {', '.join(notices).lower()}"


def _parameters(properties: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the parameters that tune an alarm."""
    tuned = {
        name: part
        for name, part in properties.items()
        if name not in {"AlarmName", "AlarmDescription"}
    }
    return tuple(
        sorted({name for name in references(tuned) if name in known and name not in _NOT_TUNING})
    )
