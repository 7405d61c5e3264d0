"""An alert of every kind and every reason, with all that an alert can carry, and fixed times.

Made from events by `describe`, as the stack makes them. All is sample data. The tests of the
channels, the pictures and the pages about the channels show them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bedrock_alerts.alerts.alert import (
    Alert,
    Evidence,
    Notification,
    Reason,
)
from bedrock_alerts.alerts.channels.digest import as_one
from bedrock_alerts.alerts.describe import Details, Found, describe
from bedrock_alerts.alerts.events import (
    AlarmState,
    ConfigurationChange,
    Contributor,
    Expression,
    MetricRef,
    News,
    StateChange,
    Tampering,
    Unrecognised,
)
from bedrock_alerts.alerts.evidence import evidence
from bedrock_alerts.alerts.questions import (
    CALLER,
    CATEGORY,
    GUARDRAIL,
    MODEL,
    POLICY,
    question,
)
from bedrock_alerts_cli.sample_account import ACCOUNT, REGION

BEGAN: Final = datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC)
ENDED: Final = BEGAN + timedelta(minutes=14)
NOTES: Final = (
    "The routes cannot be used (line 3: no such channel), so every alert goes to every channel.",
)
_STACK: Final = Details(
    event_logs=(f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/bedrock-alerts",),
    dashboard="bedrock-alerts",
)
_BLOCKED: Final = MetricRef(
    name="PolicyHits",
    namespace="BedrockAlerts",
    statistic="Sum",
    period=1200,
    dimensions=(("Policy", "content"), ("Category", "PROMPT_ATTACK"), ("Action", "BLOCKED")),
)


def change(name: str = "PromptAttack", **changes: Any) -> StateChange:
    """Return an alarm of the stack that has begun to fire."""
    alarm = f"bedrock-alerts.{name}"
    given: dict[str, Any] = {
        "alarm_name": alarm,
        "alarm_arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm}",
        "account_id": ACCOUNT,
        "region": REGION,
        "state": "ALARM",
        "at": BEGAN,
        "reason": "Threshold Crossed: 1 datapoint [14.0 (23/11/26 07:50:00)] was greater than or"
        " equal to the threshold (3.0).",
        "description": "Guardrails blocked prompt attacks: someone tries to make a model ignore"
        " its rules.\n"
        "Severity: critical\nTeam: Assistants\n"
        "Runbook: https://wiki.example.com/bedrock/PromptAttack",
        "previous_state": "OK",
        "previous_at": BEGAN - timedelta(hours=7),
        "metrics": (_BLOCKED,),
        "threshold": 3.0,
        "operator": "GreaterThanOrEqualToThreshold",
        "recent_values": (0.0, 0.0, 14.0),
    }
    return StateChange(**{**given, **changes})


def _calls(caller: str, category: str, count: int) -> dict[str, str]:
    """Return a group of calls as Logs Insights gives it."""
    return {
        CALLER: caller,
        MODEL: "anthropic.claude-sonnet-4-5",
        GUARDRAIL: "gr4assist01",
        POLICY: "content",
        CATEGORY: category,
        "calls": str(count),
    }


def _found() -> Evidence | None:
    """Return what the event lines say about the alarm."""
    asked = question(change())
    calls = [
        _calls("assumed-role/chat-backend", "PROMPT_ATTACK", 9),
        _calls("assumed-role/batch-summaries", "PROMPT_ATTACK", 4),
        _calls("user/ci", "PROMPT_ATTACK", 1),
    ]
    before = [_calls("assumed-role/chat-backend", "PROMPT_ATTACK", 2)]
    return evidence(asked, calls, before) if asked else None


def told(
    event: News,
    kind: Reason = "firing",
    stack: Details | None = None,
    found: Evidence | None = None,
    **notification: Any,
) -> Alert:
    """Return the alert for an event, two hours after the alarm began; `stack` adds links."""
    given: dict[str, Any] = {"opened_at": BEGAN, "at": BEGAN + timedelta(hours=2)}
    reason = Notification(kind=kind, **{**given, **notification})
    return describe(event, reason, stack, Found(account_alias="prod", evidence=found))


_EVENTS: Final[Mapping[str, News]] = {
    "metric": change(),
    "math": change(
        "Throttling",
        kind="math",
        description="Bedrock throttles calls because a quota is used up.\nSeverity: warning",
        metrics=(
            MetricRef(
                name="InvocationThrottles",
                namespace="AWS/Bedrock",
                id="t",
                period=1200,
                is_shown=False,
            ),
            MetricRef(
                name="Invocations", namespace="AWS/Bedrock", id="c", period=1200, is_shown=False
            ),
        ),
        expressions=(Expression(text="100 * t / (c + t)", label="Throttled calls (%)", id="rate"),),
        threshold=2.0,
        recent_values=(0.0, 0.4, 7.25),
    ),
    "anomaly": change(
        "Latency",
        kind="anomaly",
        description="Model responses are much slower than usual.\nSeverity: warning",
        reason="Thresholds Crossed: 3 out of the last 8 datapoints were greater than the upper"
        " thresholds.",
        metrics=(
            MetricRef(
                name="InvocationLatency", namespace="AWS/Bedrock", statistic="p95", period=300
            ),
        ),
        expressions=(Expression(text="ANOMALY_DETECTION_BAND(m1, 3)", id="band"),),
        threshold=None,
        operator="GreaterThanUpperThreshold",
        recent_values=(1800.0, 2100.0, 9125.5),
        band=(900.0, 4012.0),
    ),
    "query": change(
        "RepeatOffender",
        kind="query",
        description="Guardrails blocked more than 5 calls from one caller in 3 h.\n"
        "Severity: critical",
        reason="2 time series are in ALARM.",
        metrics=(),
        expressions=(
            Expression(
                text="SELECT SUM(ContentFilteredCount) FROM BedrockAlerts GROUP BY Principal",
                label="Blocked calls of one caller within three hours",
                period=10800,
            ),
        ),
        threshold=None,
        operator=None,
        recent_values=(),
    ),
    "contributor": change(
        "RepeatOffender",
        kind="contributor",
        description="Guardrails blocked more than 5 calls from one caller in 3 h.\n"
        "Severity: critical",
        reason="Threshold Crossed: 1 datapoint [9.0] was greater than the threshold (5.0).",
        metrics=(),
        expressions=(
            Expression(
                text="SELECT SUM(ContentFilteredCount) FROM BedrockAlerts GROUP BY Principal",
                label="Blocked calls of one caller within three hours",
                period=10800,
            ),
        ),
        threshold=None,
        operator=None,
        recent_values=(),
        previous_state=None,
        contributor=Contributor(
            id="0a1b2c3d4e5f6071", attributes=(("Principal", "assumed-role/chat-backend"),)
        ),
    ),
    "composite": change(
        "BedrockDegraded",
        kind="composite",
        description="Bedrock calls are failing, throttled or slow.\nSeverity: warning",
        reason="2 alarms of its rule are in ALARM.",
        metrics=(),
        threshold=None,
        operator=None,
        recent_values=(),
        alarm_rule=" OR ".join(
            f'ALARM("bedrock-alerts.{name}")'
            for name in ("Throttling", "ClientErrors", "ServerErrors", "Latency")
        ),
        children=tuple(
            AlarmState(name=f"bedrock-alerts.{name}", arn="", state=state)
            for name, state in (
                ("Throttling", "ALARM"),
                ("ClientErrors", "OK"),
                ("ServerErrors", "OK"),
                ("Latency", "ALARM"),
            )
        ),
    ),
    "promql": change(
        "gpu-free-endpoint",
        kind="promql",
        description="",
        reason="",
        metrics=(),
        expressions=(Expression(text="sum by (model) (rate(errors_total[5m])) > 0.1"),),
        threshold=None,
        operator=None,
        recent_values=(),
    ),
    "log": change(
        "refusals",
        kind="log",
        description="Severity: info",
        reason="",
        metrics=(),
        threshold=None,
        operator=None,
        recent_values=(),
    ),
    "unknown": change(
        "from-a-test-tool",
        kind="unknown",
        state="SNOOZED",
        description="",
        reason="a test tool wrote this",
        metrics=(),
        threshold=None,
        operator=None,
        recent_values=(),
        previous_state=None,
        previous_at=None,
    ),
    "configuration change": ConfigurationChange(
        alarm_name="bedrock-alerts.PromptAttack",
        alarm_arn=f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:bedrock-alerts.PromptAttack",
        account_id=ACCOUNT,
        region=REGION,
        at=BEGAN,
        operation="update",
        description="Guardrails blocked prompt attacks.\nTeam: Assistants",
        actions_enabled=False,
        previous_actions_enabled=True,
    ),
    "tampering": Tampering(
        action="DeleteModelInvocationLoggingConfiguration",
        principal="arn:aws:sts::111122223333:assumed-role/Admin/sam",
        target="",
        account_id=ACCOUNT,
        region=REGION,
        at=BEGAN,
        event_id="6f1d0c52-0000-4000-8000-0000000000a1",
    ),
    "unrecognised": Unrecognised(
        title="Something New",
        account_id=ACCOUNT,
        region=REGION,
        at=BEGAN,
        facts=(("Source", "aws.example"), ("Id", "00000000-0000-4000-8000-000000000001")),
    ),
}

_OVER: Final = change(
    state="OK",
    at=ENDED,
    reason="Threshold Crossed: 1 datapoint [0.0 (23/11/26 08:04:00)] was not greater than or equal"
    " to the threshold (3.0).",
    previous_state="ALARM",
    previous_at=BEGAN,
    recent_values=(0.0, 14.0, 0.0),
)
_NO_DATA: Final = change(
    state="INSUFFICIENT_DATA",
    at=ENDED,
    reason="Insufficient Data: 1 datapoint was unknown.",
    previous_state="ALARM",
    previous_at=BEGAN,
    recent_values=(),
)

BY_KIND: Final[Mapping[str, Alert]] = {
    kind: told(
        event, "firing" if isinstance(event, StateChange) and event.state == "ALARM" else "notice"
    )
    for kind, event in _EVENTS.items()
}
"""What is sent first of every kind of event."""

SHORT: Final = told(change(), found=_found())
"""An alarm with evidence, and without the links that are too long to print."""

FULL: Final = told(change(), stack=_STACK, found=_found())
"""An alarm with everything that may be known of it."""

BY_REASON: Final[Mapping[str, Alert]] = {
    "firing, with evidence": FULL,
    "firing, after one of unknown end": told(
        change(),
        former_end="The incident before it has ended; when is not known.",
        note="No recovery will be reported: this alarm has no OK action.",
    ),
    "escalated": told(change(), "escalated"),
    "still_firing": told(change(), "still_firing"),
    "still_firing, on and off": told(change(), "still_firing", transitions=9, share=0.8),
    "no_data": told(_NO_DATA, "no_data"),
    "acknowledged": told(change(), "acknowledged", acked_by="Alex Doe"),
    "silenced": told(change(), "silenced", held_by="Alex Doe", until=BEGAN + timedelta(hours=4)),
    "recovering": told(change(), "recovering", ended_at=ENDED),
    "resolved": told(_OVER, "resolved", ended_at=ENDED),
    "resolved, late": told(_OVER, "resolved", ended_at=ENDED, is_late=True),
    "a digest": as_one([*BY_KIND.values(), told(_OVER, "resolved", ended_at=ENDED)], "d"),
}
"""What is sent of one alarm in the course of its life, and of many at once."""

BY_TELLING: Final = BY_REASON  # the name that the tests of the channels still use
