"""The chapters of `template.yaml` that are made from the alarm catalogue."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bedrock_alerts_cli.maintain.documents.alarm_catalogue import AlarmFile
from bedrock_alerts_cli.maintain.documents.short_yaml import dump

_TYPES: Final = {
    "alarm": "AWS::CloudWatch::Alarm",
    "composite": "AWS::CloudWatch::CompositeAlarm",
    "rule": "AWS::Events::Rule",
    "budget": "AWS::Budgets::Budget",
}
_TITLES: Final = {
    "guardrails": "guardrails",
    "calls": "calls",
    "money": "money",
    "blind_spots": "blind spots",
    "pipeline": "Bedrock Alerts itself; CloudWatch emails these without our functions",
}
_EMAIL: Final = [{"Ref": "EmailTopic"}]
_OFF: Final = {"Fn::Sub": ",${AlarmsOff},"}


def parameters(alarms: Sequence[AlarmFile]) -> str:
    """Return what tunes single alarms, and the list of names that AlarmsOff takes."""
    names = [alarm.name for alarm in alarms]
    declared = {
        name: definition
        for alarm in alarms
        for name, definition in alarm.parameters.items()
        if definition is not None
    }
    return dump({"AlarmsOff": _alarms_off(names), **declared}, 2)


def _alarms_off(names: Sequence[str]) -> Mapping[str, Any]:
    return {
        "Type": "String",
        "Default": "",
        "Description": (
            "Alarms to leave out, separated by commas without spaces, such as"
            " MantleTraffic,SpendDay50."
        ),
        "AllowedPattern": f"^(?!,)((^|,)({'|'.join(names)}))*$",
        "ConstraintDescription": "must be names of alarms from docs/alarms.md, separated by commas",
    }


def thresholds(alarms: Sequence[AlarmFile]) -> str:
    """Return the group of those parameters for CloudFormation's console."""
    names = dict.fromkeys(name for alarm in alarms for name in alarm.parameters)
    return dump([{"Label": {"default": "Alarm thresholds"}, "Parameters": list(names)}], 6)


def switches(alarms: Iterable[AlarmFile]) -> str:
    """Return the condition of each alarm: its set is deployed, and AlarmsOff does not name it."""
    return dump({alarm.switch: _switch(alarm) for alarm in alarms}, 2)


def _switch(alarm: AlarmFile) -> Mapping[str, Any]:
    # Without the name, the list would be another.
    is_wanted = {"Fn::Equals": [{"Fn::Join": ["", {"Fn::Split": [f",{alarm.name},", _OFF]}]}, _OFF]}
    others = [
        {"Condition": name}
        for name in ("AllAlarms" if alarm.set == "all" else "", alarm.only_if)
        if name
    ]
    return {"Fn::And": [*others, is_wanted]} if others else is_wanted


def resources(alarms: Iterable[AlarmFile]) -> str:
    """Return the resources of the catalogue, under a heading for each group."""
    parts, group = list[str](), ""
    for alarm in alarms:
        if alarm.group != group:
            group = alarm.group
            parts.append(f"  # ---- alarms: {_TITLES[group]} ".ljust(100, "-") + "\n")
        parts.append(dump(_resources_of(alarm), 2) + "\n")
    return "".join(parts).removesuffix("\n")


def _resources_of(alarm: AlarmFile) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "Type": _TYPES[alarm.kind],
        "Condition": alarm.switch,
        "Properties": {**_named(alarm), **alarm.resource},
    }
    found = {alarm.logical_id: resource}
    if alarm.kind == "budget":
        resource["DependsOn"] = "EmailTopicPolicy"
    if alarm.kind in {"alarm", "composite"}:
        # The rule and its queue come first: no first change of a new alarm is lost.
        resource["DependsOn"] = ["StateChangeRule", "AlertsQueuePolicy"]
    if alarm.kind == "rule":
        resource["Properties"]["Targets"] = [_TO_ALERTS]
    band = alarm.resource.get("ThresholdMetricId")
    if band is not None:
        queries = [query for query in alarm.resource["Metrics"] if query["Id"] != band]
        detector = {
            "Type": "AWS::CloudWatch::AnomalyDetector",
            "Condition": alarm.switch,
            "Properties": {"MetricMathAnomalyDetector": {"MetricDataQueries": queries}},
        }
        found = {f"{alarm.name}Detector": detector, **found}
    return found


_TO_ALERTS: Final[Mapping[str, Any]] = {
    "Id": "alerts",
    "Arn": {"Fn::GetAtt": ["AlertsQueue", "Arn"]},
    "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400},
    "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["AlertsDeadLetterQueue", "Arn"]}},
}


def _named(alarm: AlarmFile) -> dict[str, Any]:
    if alarm.kind not in {"alarm", "composite"}:
        return {}
    # A stack's name holds no dot, so that no stack is notified of the alarms of another.
    properties: dict[str, Any] = {
        "AlarmName": {"Fn::Sub": f"${{AWS::StackName}}.{alarm.name}"},
        "AlarmDescription": {
            "Fn::Sub": [
                f"{alarm.about.strip()}\nSeverity: {alarm.severity}${{Runbook}}${{TeamLine}}",
                {
                    "Runbook": {
                        "Fn::If": [
                            "HasRunbooks",
                            {"Fn::Sub": f"\nRunbook: ${{RunbookBaseUrl}}/{alarm.name}.md"},
                            "",
                        ]
                    },
                    "TeamLine": {"Fn::If": ["HasTeam", {"Fn::Sub": "\nTeam: ${Team}"}, ""]},
                },
            ]
        },
    }
    if alarm.group == "pipeline":
        properties |= {"AlarmActions": _EMAIL, "OKActions": _EMAIL}
    return properties
