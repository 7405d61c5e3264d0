"""Sample alarm events of every kind and transport: what the alerts queue may hold.

Their shapes are those that AWS documents, or was recorded sending; names and numbers are ours.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bedrock_alerts.alerts.events import (
    Heartbeat,
    Timer,
)
from bedrock_alerts.alerts.normalise import encode_note
from bedrock_alerts_cli.sample_account import ACCOUNT, REGION

_REGION_NAME: Final = "EU (Ireland)"
_STACK: Final = "bedrock-alerts"
TOPIC: Final = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms-of-other-teams"
_RUNBOOKS: Final = "https://wiki.example.com/bedrock-alerts"
_TRAILERS: Final = "Severity: {severity}\nRunbook: {runbooks}/{alarm}.md\nTeam: platform"


def alarm_bodies(now: datetime) -> dict[str, str]:
    """Return the body of a message for every kind and transport, by the name of its sample."""
    bodies = {
        **_metric_alarms(now),
        **_of_many_series(now),
        **_composites(now),
        **_other_kinds(now),
        **_of_the_watching_itself(now),
    }
    return {
        name: body if isinstance(body, str) else json.dumps(body) for name, body in bodies.items()
    }


# ---- the transports ------------------------------------------------------------------------------


def eventbridge(kind: str, alarm: str, detail: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Write an event of CloudWatch as EventBridge delivers it."""
    return {
        "version": "0",
        "id": event_id(alarm, at),
        "detail-type": kind,
        "source": "aws.cloudwatch",
        "account": ACCOUNT,
        "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [alarm_arn(alarm)],
        "detail": {"alarmName": alarm, **detail},
    }


def state_change(alarm: str, detail: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Write an alarm's change of state as EventBridge delivers it."""
    return eventbridge("CloudWatch Alarm State Change", alarm, detail, at)


def alarm_action(event: Mapping[str, Any]) -> dict[str, Any]:
    """Write the same change as an alarm action hands it to a function that it calls."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": event["resources"][0],
        "accountId": event["account"],
        "time": event["time"],
        "region": event["region"],
        "alarmData": event["detail"],
    }


def sns_alarm(
    alarm: str, detail: Mapping[str, Any], trigger: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """Write the same change as an alarm action publishes it to a topic."""
    state = detail["state"]
    return {
        "AlarmName": alarm,
        "AlarmDescription": detail.get("configuration", {}).get("description"),
        "AWSAccountId": ACCOUNT,
        "AlarmConfigurationUpdatedTimestamp": "2026-11-20T10:00:00.000+0000",
        "NewStateValue": state["value"],
        "NewStateReason": state["reason"],
        "StateChangeTime": state["timestamp"],
        "Region": _REGION_NAME,
        "AlarmArn": alarm_arn(alarm),
        "OldStateValue": detail.get("previousState", {}).get("value", "OK"),
        "ActionExecutedAfterMuteWindow": False,
        "OKActions": [],
        "AlarmActions": [TOPIC],
        "InsufficientDataActions": [],
        **({"Trigger": trigger} if trigger else {}),
        **more,
    }


def notification(message: str, at: datetime, subject: str = "") -> dict[str, Any]:
    """Wrap a message as a topic puts it into a queue."""
    return {
        "Type": "Notification",
        "MessageId": event_id(message, at),
        "TopicArn": TOPIC,
        **({"Subject": subject} if subject else {}),
        "Message": message,
        "Timestamp": f"{at:%Y-%m-%dT%H:%M:%S.000Z}",
        "SignatureVersion": "1",
        "Signature": "aW52ZW50ZWQ=",
        "SigningCertURL": f"https://sns.{REGION}.amazonaws.com/invented.pem",
        "UnsubscribeURL": f"https://sns.{REGION}.amazonaws.com/?Action=Unsubscribe",
    }


def alarm_arn(alarm: str) -> str:
    """Return the ARN of an alarm of this name."""
    return f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm}"


def event_id(text: str, at: datetime) -> str:
    """Return an id that is the same in every run for the same text and time."""
    number = sum(ord(letter) * (place + 1) for place, letter in enumerate(text))
    return f"00000000-0000-4000-8000-{int(at.timestamp()) * 1000 + number % 1000:012x}"


# ---- parts of alarms -----------------------------------------------------------------------------


def stamp(at: datetime) -> str:
    """Write a time as CloudWatch does inside of an event."""
    moment = at.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def state(
    value: str, at: datetime, reason: str = "", data: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a state; its data are a JSON string, as in CloudWatch's events."""
    found = {"value": value, "reason": reason, "timestamp": stamp(at)}
    return found if data is None else {**found, "reasonData": json.dumps(data)}


def metric(
    name: str,
    namespace: str = "AWS/Bedrock",
    *,
    id_: str = "m1",
    returned: bool = True,
    **stat: Any,
) -> dict[str, Any]:
    """Write a metric that an alarm reads; `stat` are its statistic, period and dimensions."""
    return {
        "id": id_,
        "returnData": returned,
        "metricStat": {
            "metric": {
                "namespace": namespace,
                "name": name,
                "dimensions": stat.get("dimensions", {}),
            },
            "period": stat.get("period", 60),
            "stat": stat.get("stat", "Sum"),
        },
    }


def _described(text: str, alarm: str, severity: str = "warning") -> str:
    trailers = _TRAILERS.format(severity=severity, runbooks=_RUNBOOKS, alarm=alarm)
    return f"{text}\n{trailers}"


def _crossed(values: list[float], at: datetime, how: str) -> str:
    shown = ", ".join(
        f"{value} ({at - timedelta(minutes=minutes):%d/%m/%y %H:%M:%S})"
        for minutes, value in enumerate(reversed(values), 1)
    )
    count = len(values)
    return (
        f"Threshold Crossed: {count} out of the last {count} datapoints [{shown}] {how} (minimum"
        f" {count} datapoint for OK -> ALARM transition)."
    )


def _data(now: datetime, values: list[float], **more: Any) -> dict[str, Any]:
    return {
        "version": "1.0",
        "queryDate": stamp(now),
        "period": 60,
        "recentDatapoints": values,
        **more,
    }


# ---- the samples ---------------------------------------------------------------------------------


def _metric_alarms(now: datetime) -> dict[str, Any]:
    name = f"{_STACK}.Throttling"
    at = now.replace(microsecond=529_000)
    values = [0.0, 3.0, 12.0]
    detail = {
        "configuration": {
            "description": _described("Bedrock refuses calls: a quota is used up.", "Throttling"),
            "metrics": [metric("Throttles", "BedrockAlerts", dimensions={"ModelId": "a.model-v1"})],
        },
        "previousState": state("OK", at - timedelta(hours=3), "Threshold Crossed: no datapoints"),
        "state": state(
            "ALARM",
            at,
            _crossed(values[-1:], now, "was greater than or equal to the threshold (10.0)"),
            _data(now, values, statistic="Sum", threshold=10.0),
        ),
    }
    trigger = {
        "MetricName": "Throttles",
        "Namespace": "BedrockAlerts",
        "StatisticType": "Statistic",
        "Statistic": "SUM",
        "Unit": None,
        "Dimensions": [{"value": "a.model-v1", "name": "ModelId"}],
        "Period": 60,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 10.0,
        "TreatMissingData": "notBreaching",
        "EvaluateLowSampleCountPercentile": "",
    }
    event = state_change(name, detail, at)
    lost = {
        **detail,
        "previousState": detail["state"],
        "state": state(
            "INSUFFICIENT_DATA",
            at + timedelta(minutes=20),
            "Insufficient Data: 1 datapoint was unknown.",
            _data(now, [], threshold=10.0),
        ),
    }
    mute = {
        "mutedByArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm-mute-rule:deployment",
        "muteWindowStart": stamp(now - timedelta(hours=1)),
        "muteWindowEnd": stamp(now + timedelta(hours=1)),
    }
    message = json.dumps(sns_alarm(name, detail, trigger))
    return {
        "throttling": event,
        "throttling_direct": alarm_action(event),
        "throttling_sns": notification(message, at, f'ALARM: "{name}" in {_REGION_NAME}'),
        "throttling_sns_wrapped_event": notification(json.dumps(event), at),
        "throttling_muted": state_change(name, {**detail, "muteDetail": mute}, at),
        "throttling_no_data": state_change(name, lost, at + timedelta(minutes=20)),
        "math": _math(now),
        "anomaly": _anomaly(now),
    }


def _math(now: datetime) -> dict[str, Any]:
    detail = {
        "configuration": {
            "description": _described("Bedrock fails calls.", "ServerErrors", "critical"),
            "metrics": [
                metric("InvocationServerErrors", id_="errors", returned=False),
                metric("Invocations", id_="calls", returned=False),
                {
                    "id": "rate",
                    "expression": "100 * errors / (errors + calls)",
                    "label": "Failed calls (%)",
                    "returnData": True,
                },
            ],
        },
        "previousState": state(
            "INSUFFICIENT_DATA", now - timedelta(minutes=2), "Unchecked: Initial alarm creation"
        ),
        "state": state(
            "ALARM",
            now,
            _crossed([9.5, 7.25], now, "were greater than the threshold (5.0)"),
            _data(now, [0.0, 7.25, 9.5], threshold=5.0),
        ),
    }
    return state_change(f"{_STACK}.ServerErrors", detail, now)


def _anomaly(now: datetime) -> dict[str, Any]:
    detail = {
        "configuration": {
            "description": _described("Answers take longer than they use to.", "Latency"),
            "metrics": [
                metric("InvocationLatency", stat="p95", dimensions={"ModelId": "a.model-v1"}),
                {
                    "id": "band",
                    "expression": "ANOMALY_DETECTION_BAND(m1, 2)",
                    "label": "expected range",
                    "returnData": True,
                },
            ],
        },
        "previousState": state("OK", now - timedelta(hours=5), "Thresholds Crossed: no datapoints"),
        "state": state(
            "ALARM",
            now,
            "Thresholds Crossed: 3 out of the last 5 datapoints were greater than the upper"
            " thresholds [4012.5, 4000.0, 3990.0] (minimum 3 datapoints for OK -> ALARM"
            " transition).",
            _data(
                now,
                [2100.0, 8000.0, 9125.5],
                recentLowerThresholds=[900.0, 910.0, 905.0],
                recentUpperThresholds=[3990.0, 4000.0, 4012.5],
            ),
        ),
    }
    return state_change(f"{_STACK}.Latency", detail, now)


def _of_many_series(now: datetime) -> dict[str, Any]:
    name = f"{_STACK}.RepeatOffender"
    sql = 'SELECT SUM(PolicyHits) FROM SCHEMA("BedrockAlerts", Principal) GROUP BY Principal'
    query = {"id": "q1", "expression": sql, "period": 60, "returnData": True}
    text = "One caller keeps tripping guardrails."
    configuration = {
        "description": _described(text, "RepeatOffender", "critical"),
        "metrics": [query],
    }
    contributor = {"id": "0a1b2c3d4e5f6071", "attributes": {"Principal": "role/checkout-bot"}}
    kind = "CloudWatch Alarm Contributor State Change"
    fires = {
        "alarmContributor": contributor,
        "configuration": configuration,
        "state": state("ALARM", now, _crossed([9.0], now, "was greater than the threshold (5.0)")),
    }
    later = now + timedelta(minutes=14)
    gone = {**fires, "state": state("OK", later, "No data was returned for this contributor.")}
    parent = {
        "configuration": configuration,
        "previousState": state("OK", now - timedelta(days=1), "0 time series are in ALARM"),
        "state": state(
            "ALARM",
            now,
            "1 time series evaluated to ALARM",
            {"version": "1.0", "queryDate": stamp(now)},
        ),
    }
    trigger = {
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 5.0,
        "TreatMissingData": "- TreatMissingData:                    notBreaching",
        "Metrics": [{"Id": "q1", "Expression": sql, "Period": 60, "ReturnData": True}],
    }
    message = sns_alarm(
        name,
        fires,
        trigger,
        AlarmContributorId=contributor["id"],
        AlarmContributorAttributes=contributor["attributes"],
    )
    return {
        "many_series": state_change(name, parent, now),
        "contributor": eventbridge(kind, name, fires, now),
        "contributor_sns": notification(json.dumps(message), now),
        "contributor_gone": eventbridge(kind, name, gone, later),
    }


def _composites(now: datetime) -> dict[str, Any]:
    name = f"{_STACK}.BedrockDegraded"
    children = [f"{_STACK}.{child}" for child in ("Throttling", "Latency", "ServerErrors")]
    found = [("ALARM", children[0]), ("OK", children[1]), ("ALARM", children[2])]
    configuration = {
        "description": _described("Calls to Bedrock fail or are slow.", "BedrockDegraded"),
        "alarmRule": " OR ".join(f'ALARM("{child}")' for child in children),
        "actionsSuppressor": "deployment-in-progress",
        "actionsSuppressorWaitPeriod": 60,
        "actionsSuppressorExtensionPeriod": 300,
    }
    data = {
        "triggeringAlarms": [
            {
                "arn": alarm_arn(child),
                "state": {"value": value, "timestamp": stamp(now - timedelta(minutes=1))},
            }
            for value, child in found
        ]
    }
    reason = f"{alarm_arn(children[0])} transitioned to ALARM at {now:%A %d %B, %Y %H:%M:%S UTC}"
    held = {
        **state("ALARM", now - timedelta(minutes=1), reason, data),
        "actionsSuppressedBy": "WaitPeriod",
        "actionsSuppressedReason": "Actions suppressed by WaitPeriod",
    }
    before = {
        "configuration": configuration,
        "previousState": state("OK", now - timedelta(hours=9), "none of them was in ALARM"),
        "state": held,
    }
    released = {
        "configuration": configuration,
        "previousState": held,
        "state": state("ALARM", now, reason, data),
    }
    message = sns_alarm(
        name,
        released,
        {},
        AlarmRule=configuration["alarmRule"],
        TriggeringChildren=[
            {"Arn": alarm_arn(child), "State": {"Value": value, "Timestamp": stamp(now)}}
            for value, child in found
        ],
    )
    return {
        "composite_held": state_change(name, before, now - timedelta(minutes=1)),
        "composite": state_change(name, released, now),
        "composite_sns": notification(json.dumps(message), now),
    }


def _other_kinds(now: datetime) -> dict[str, Any]:
    promql = {
        "configuration": {
            "description": "Answers are slow.\nSeverity: warning",
            "evaluationCriteria": {
                "promQLCriteria": {
                    "query": "histogram_quantile(0.95, latency) > 8",
                    "pendingPeriod": 300,
                    "recoveryPeriod": 300,
                }
            },
            "evaluationInterval": 60,
        },
        "previousState": {"value": "OK", "timestamp": stamp(now - timedelta(hours=1))},
        "state": {"value": "ALARM", "timestamp": stamp(now)},
    }
    lines = ["what someone asked a model", "and what it responded"]
    log = sns_alarm(
        "errors-in-the-log",
        {
            "configuration": {"description": "The application logs errors.\nSeverity: warning"},
            "state": state("ALARM", now, f"Threshold Crossed: 7 > 5. {lines[0]}"),
        },
        {},
        QueryString="filter level = 'ERROR' | stats count()",
        LogGroups=["/example/application"],
        ActionLogLines=lines,
    )
    prose = notification(
        "Your budget has exceeded its limit. Account and amount follow here.",
        now,
        "AWS Budgets: bedrock has exceeded your alert threshold",
    )
    return {
        "promql": state_change("slow-answers", promql, now),
        "log_alarm_sns": notification(json.dumps(log), now),
        "prose_sns": prose,
    }


def _of_the_watching_itself(now: datetime) -> dict[str, Any]:
    name = f"{_STACK}.ContentFiltered"
    configuration = {
        "alarmName": name,
        "description": _described("A guardrail blocked calls.", "ContentFiltered"),
        "actionsEnabled": True,
        "timestamp": stamp(now),
        "threshold": 1.0,
        "comparisonOperator": "GreaterThanOrEqualToThreshold",
        "evaluationPeriods": 1,
        "metrics": [metric("ContentFilteredCount", "BedrockAlerts", period=300)],
        "alarmActions": [],
        "okActions": [],
        "insufficientDataActions": [],
    }
    kind = "CloudWatch Alarm Configuration Change"
    changed = {
        "operation": "update",
        "state": state("OK", now - timedelta(days=2)),
        "configuration": {**configuration, "actionsEnabled": False, "threshold": 1000.0},
        "previousConfiguration": configuration,
    }
    deleted = {
        "operation": "delete",
        "state": state("OK", now - timedelta(days=2)),
        "configuration": configuration,
    }
    call = {"requestParameters": None, "responseElements": None}
    refused = {
        "requestParameters": {
            "guardrailIdentifier": "gr0example",
            "name": "chat",
            "blockedInputMessaging": "a text that is not shown",
        },
        "errorCode": "AccessDenied",
        "errorMessage": "not authorized to perform: bedrock:UpdateGuardrail",
    }
    due = Timer(
        kind="reminder",
        subject=alarm_arn(f"{_STACK}.Throttling"),
        due=now.replace(microsecond=0),
        stamp="invented",
    )
    return {
        "alarm_changed": eventbridge(kind, name, changed, now),
        "alarm_deleted": eventbridge(kind, name, deleted, now),
        "logging_deleted": cloudtrail("DeleteModelInvocationLoggingConfiguration", call, now),
        "guardrail_refused": cloudtrail("UpdateGuardrail", refused, now),
        "timer": encode_note(due),
        "heartbeat": encode_note(Heartbeat()),
    }


def cloudtrail(action: str, call: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Write a call of Bedrock's API as EventBridge delivers CloudTrail's record of it."""
    return {
        "version": "0",
        "id": event_id(action, at),
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.bedrock",
        "account": ACCOUNT,
        "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [],
        "detail": {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": "AROAEXAMPLE:sam",
                "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Administrator/sam",
                "accountId": ACCOUNT,
            },
            "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "eventSource": "bedrock.amazonaws.com",
            "eventName": action,
            "awsRegion": REGION,
            "sourceIPAddress": "203.0.113.7",
            "userAgent": "invented",
            "requestID": event_id(action + "request", at),
            "eventID": event_id(action + "event", at),
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            **call,
        },
    }
