"""Sample alarm events, in the formats that CloudWatch documents or was recorded sending.

They are here and not under `events/` because `make events` renews those with the present time, and
snapshots need times that stay.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

ACCOUNT: Final = "111122223333"
REGION: Final = "eu-west-1"
HOSTILE: Final = (
    "<!channel> <@U012AB3CD> <https://evil.example.com|Open alarm> & &lt;!here&gt; *bold* `code` "
    "\u202egnp.exe\u202c\x00\x1b[31m \U000e0041"
)


def alarm_event(**changes: Any) -> dict[str, Any]:
    """Return an ordinary alarm; `changes` replace parts of `detail`, None takes them out."""
    detail: dict[str, Any] = {
        "alarmName": "chat-guardrail-blocks",
        "configuration": {
            "description": "A guardrail blocked calls of the chat.\nSeverity: critical\n"
            "Runbook: https://wiki.example.com/guardrails#blocks\nTeam: Chat",
            "metrics": [
                metric(
                    "ContentFilteredCount",
                    namespace="BedrockAlerts",
                    dimensions={"Application": "chat"},
                    period=300,
                )
            ],
        },
        "previousState": state("OK", "…", "2026-11-23T07:02:41.530+0000"),
        "state": state(
            "ALARM",
            "Threshold Crossed: 1 datapoint [12.0 (23/11/26 08:05:00)] was greater than or equal to"
            " the threshold (10.0).",
            "2026-11-23T08:10:41.529+0000",
            {"version": "1.0", "recentDatapoints": [4.0, 12.0], "threshold": 10.0},
        ),
    }
    detail.update(changes)
    detail = {key: value for key, value in detail.items() if value is not None}
    return envelope("CloudWatch Alarm State Change", detail)


def envelope(detail_type: str, detail: Any) -> dict[str, Any]:
    """Wrap `detail` the way EventBridge does."""
    name = detail.get("alarmName", "") if isinstance(detail, dict) else ""
    return {
        "version": "0",
        "id": "6f1d0c52-0000-4000-8000-0000000000a1",
        "detail-type": detail_type,
        "source": "aws.cloudwatch",
        "account": ACCOUNT,
        "time": "2026-11-23T08:10:41Z",
        "region": REGION,
        "resources": [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"],
        "detail": detail,
    }


def state(
    value: str, reason: str, timestamp: str, data: Mapping[str, Any] | str | None = None
) -> dict[str, Any]:
    """Return an alarm's state; `data` is put into a string as CloudWatch does."""
    found: dict[str, Any] = {"value": value, "reason": reason, "timestamp": timestamp}
    if data is not None:
        found["reasonData"] = data if isinstance(data, str) else json.dumps(data)
    return found


def metric(
    name: str,
    *,
    namespace: str,
    dimensions: Mapping[str, str] | None = None,
    period: float = 60,
    returned: bool = True,
) -> dict[str, Any]:
    """Return an item of `metrics` that reads a metric."""
    return {
        "id": name.lower(),
        "returnData": returned,
        "metricStat": {
            "metric": {"namespace": namespace, "name": name, "dimensions": dict(dimensions or {})},
            "period": period,
            "stat": "Sum",
        },
    }


def _at(minute: int) -> str:
    return f"2026-11-23T08:{minute:02}:41.529+0000"


_SAMPLES: Final[Mapping[str, Any]] = {
    "an alarm fires": alarm_event(),
    "an alarm is over": alarm_event(
        previousState=state("ALARM", "…", _at(10)),
        state=state(
            "OK",
            "Threshold Crossed: 1 datapoint [0.0 (23/11/26 08:19:00)] was not greater than or equal"
            " to the threshold (10.0).",
            _at(24),
            {"version": "1.0", "recentDatapoints": [12.0, 0.0], "threshold": 10.0},
        ),
    ),
    "an alarm has lost its data": alarm_event(
        previousState=state("ALARM", "…", _at(10)),
        state=state(
            "INSUFFICIENT_DATA",
            "Insufficient Data: 1 datapoint was unknown.",
            _at(30),
            {"version": "1.0", "recentDatapoints": [], "threshold": 10.0},
        ),
    ),
    "a new alarm has its first data": alarm_event(
        previousState=state("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation", _at(9)),
        state=state("OK", "Threshold Crossed: 1 datapoint was not greater.", _at(10)),
    ),
    "metric math": alarm_event(
        alarmName="bedrock-throttle-rate",
        configuration={
            "description": "Severity: info",
            "metrics": [
                {
                    "id": "rate",
                    "expression": "100 * throttles / calls",
                    "label": "Throttled calls (%)",
                    "returnData": True,
                },
                metric("InvocationThrottles", namespace="AWS/Bedrock", returned=False),
                metric("Invocations", namespace="AWS/Bedrock", returned=False),
            ],
        },
        state=state(
            "ALARM",
            "Threshold Crossed: 1 datapoint [2.3456 (23/11/26 08:05:00)] was greater.",
            _at(10),
            {"version": "1.0", "recentDatapoints": [0.0, 2.3456], "threshold": 2.0},
        ),
    ),
    "anomaly detection": alarm_event(
        alarmName="bedrock-latency-anomaly",
        configuration={
            "metrics": [
                metric("InvocationLatency", namespace="AWS/Bedrock"),
                {"id": "ad1", "expression": "ANOMALY_DETECTION_BAND(m1, 2)", "returnData": True},
            ]
        },
        state=state(
            "ALARM",
            "Thresholds Crossed: 1 datapoint [9125.5 (23/11/26 08:05:00)] was greater than the"
            " upper thresholds.",
            _at(10),
            {"recentDatapoints": [9125.5], "recentUpperThresholds": [4000.0]},
        ),
    ),
    "a composite alarm": alarm_event(
        alarmName="any-guardrail-problem",
        configuration={
            "alarmRule": 'ALARM("chat-guardrail-blocks")',
            "actionsSuppressor": "deploy-in-progress",
            "actionsSuppressorWaitPeriod": 60,
        },
        state=state(
            "ALARM",
            "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:chat-guardrail-blocks transitioned to"
            " ALARM at Monday 23 November, 2026 08:10:41 UTC",
            _at(10),
            {"triggeringAlarms": [{"arn": "…", "state": {"value": "ALARM"}}]},
        ),
    ),
    "an alarm over many series": alarm_event(
        alarmName="throttles-by-model",
        configuration={
            "metrics": [
                {
                    "id": "q1",
                    "expression": 'SELECT SUM(Throttles) FROM "BedrockAlerts" GROUP BY ModelId',
                    "period": 60,
                    "returnData": True,
                }
            ]
        },
        previousState=None,
        state=state("ALARM", "3 time series are in ALARM", _at(10), {"version": "1.0"}),
    ),
    "a state set by hand": alarm_event(
        state=state("ALARM", "testing", _at(10), "not JSON"),
        previousState=state("ALARM", "testing", _at(9)),
    ),
    "a state nobody knows": alarm_event(state=state("SNOOZED", "a test tool wrote this", _at(10))),
    "hostile text": alarm_event(
        alarmName=HOSTILE,
        configuration={
            "description": f"{HOSTILE}\nSeverity: {HOSTILE}\nTeam: {HOSTILE}\n"
            f"Runbook: https://evil.example.com|{HOSTILE}",
            "metrics": [
                metric(HOSTILE, namespace=HOSTILE, dimensions={HOSTILE: HOSTILE}, period=1e300)
            ],
        },
        state=state(
            "ALARM",
            HOSTILE,
            _at(10),
            {"recentDatapoints": [1e300], "threshold": HOSTILE},
        ),
    ),
    "an incomplete alarm event": envelope("CloudWatch Alarm State Change", {"alarmName": "half"}),
    "an unknown event": {
        **envelope("Something New", {"logLines": ["the prompt of a person"]}),
        "source": "aws.example",
    },
    "no object": ["the prompt of a person"],
}

ALARMS: Final[Mapping[str, str]] = {
    **{name: json.dumps(event) for name, event in _SAMPLES.items()},
    "no JSON": "the prompt of a person",
}
"""Every sample's message body by its name."""
