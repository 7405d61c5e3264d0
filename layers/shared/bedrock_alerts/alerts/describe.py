"""The second step: from a state change to an alert, the words and facts every channel shows."""

import hashlib
import re
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

import msgspec

from bedrock_alerts.alerts.model import (
    Alert,
    ConfigurationChange,
    Fact,
    Link,
    MetricRef,
    News,
    Severity,
    StateChange,
    Tampering,
    Telling,
    Tone,
    Unrecognised,
)

_SEVERITIES: Final[dict[str, Severity]] = {
    "critical": "critical",
    "warning": "warning",
    "info": "info",
}
_DEFAULT_SEVERITY: Final[Severity] = "warning"
_TRAILERS: Final = ("severity", "runbook", "team")
# Console hosts by ARN partition.
_CONSOLES: Final = {
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
}
_LATE_SECONDS: Final = 60.0
_CONSOLE: Final = "console.aws.amazon.com"
_REGION: Final = re.compile(r"[a-z0-9-]+")
# A link that a channel would refuse takes the whole message with it, so only plain ones are made.
_HTTPS_URL: Final = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]+)?(?:[/?#][!-~]*)?")
_NOT_IN_URLS: Final = frozenset('"<>\\^`{|}')
# What an anomaly alarm compares a metric with: the metric says more.
_BAND: Final = "ANOMALY_DETECTION_BAND("
_WHOLE_FROM: Final = 1000
_WHOLE_BELOW: Final = 1e15


def describe(event: News, telling: Telling) -> Alert:
    """Say what happened in words a tired person understands, with the facts and links that help."""
    if isinstance(event, Unrecognised):
        return _describe_unrecognised(event)
    if isinstance(event, ConfigurationChange):
        return _describe_configuration_change(event)
    if isinstance(event, Tampering):
        return _describe_tampering(event)
    change = event
    summary, trailers = split_description(change.description)
    severity = _SEVERITIES.get(trailers.get("severity", "").lower(), _DEFAULT_SEVERITY)
    tone: Tone = {"ALARM": severity, "OK": "ok"}.get(change.state, "unknown")
    return Alert(
        key=_key(
            change.incident_key,
            change.state,
            change.at.isoformat(),
            telling.kind,
            str(telling.reminders),
        ),
        tone=tone,
        status=_status(change, severity),
        title=change.alarm_name,
        summary=_summary(change, summary),
        account_id=change.account_id,
        region=change.region,
        at=change.at,
        kind=telling.kind,
        severity=severity,
        state=change.state,
        incident=change.incident_key,
        alarm_arn=change.alarm_arn,
        team=trailers.get("team", ""),
        opened_at=telling.opened_at,
        ended_at=telling.ended_at,
        facts=tuple(_facts(change, trailers)),
        reason=change.reason,
        links=tuple(_links(change, trailers)),
        recent_values=change.recent_values,
        threshold=change.threshold,
    )


def without_memory(event: News) -> Telling:
    """Return what is to be told of an event when nothing is known of what came before it."""
    if not isinstance(event, StateChange):
        return Telling(kind="plain")
    if event.state == "OK":
        return Telling(kind="resolved", opened_at=event.previous_at, ended_at=event.at)
    if event.state == "INSUFFICIENT_DATA":
        return Telling(kind="no_data")
    return Telling(kind="first", opened_at=event.at)


def split_description(description: str) -> tuple[str, dict[str, str]]:
    """Part an alarm's description into what it says and its trailers (`Severity: critical`)."""
    text: list[str] = []
    trailers: dict[str, str] = {}
    for line in description.splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip().lower() in _TRAILERS and value.strip():
            trailers[name.strip().lower()] = value.strip()
        else:
            text.append(line)
    return "\n".join(text).strip(), trailers


def lasting(duration: timedelta) -> str:
    """Write a duration the way people say it: `45 s`, `14 min`, `3 h 20 min`, `2 d 4 h`."""
    seconds = max(0, int(duration.total_seconds()))
    for size, name, smaller, smaller_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
    ):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            part = rest // smaller
            return f"{whole} {name} {part} {smaller_name}" if part else f"{whole} {name}"
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes} min" if minutes else f"{seconds} s"


def _describe_unrecognised(event: Unrecognised) -> Alert:
    return Alert(
        key=_key(event.identity, event.title),
        tone="unknown",
        status="UNKNOWN EVENT",
        title=event.title,
        summary="Bedrock Alerts does not know this kind of event. It is shown so that nothing is"
        " lost; its content is left out, because it may hold private text.",
        account_id=event.account_id,
        region=event.region,
        at=event.at,
        facts=tuple(Fact(label, value) for label, value in event.facts),
    )


def _describe_configuration_change(event: ConfigurationChange) -> Alert:
    _, trailers = split_description(event.description)
    return Alert(
        key=_key(event.alarm_arn, event.operation, event.at.isoformat()),
        tone="info",
        status="ALARM CHANGED",
        title=event.alarm_name,
        summary=f"Somebody changed this alarm: {event.operation}.",
        account_id=event.account_id,
        region=event.region,
        at=event.at,
        alarm_arn=event.alarm_arn,
        team=trailers.get("team", ""),
    )


def _describe_tampering(event: Tampering) -> Alert:
    return Alert(
        key=_key(event.event_id, event.action, event.at.isoformat()),
        tone="critical",
        status="TAMPERING",
        title=event.action,
        summary=f"{event.principal} called {event.action}.",
        account_id=event.account_id,
        region=event.region,
        at=event.at,
        severity="critical",
        facts=(Fact("Target", event.target),) if event.target else (),
    )


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _status(change: StateChange, severity: Severity) -> str:
    if change.state == "ALARM":
        return f"ALARM · {severity}"
    if change.state == "OK" and change.previous_state == "INSUFFICIENT_DATA":
        return "OK"
    return {"OK": "RESOLVED", "INSUFFICIENT_DATA": "NO DATA"}.get(change.state, change.state)


def _summary(change: StateChange, description: str) -> str:
    if change.state == "ALARM":
        return description
    if change.state == "OK":
        if change.previous_state == "ALARM" and change.previous_at is not None:
            return f"Back to normal after {lasting(change.at - change.previous_at)}."
        if change.previous_state == "INSUFFICIENT_DATA":
            return "CloudWatch can judge this alarm now, and it is not firing."
        return "Back to normal."
    if change.state == "INSUFFICIENT_DATA":
        return "CloudWatch has no data to judge this alarm by. This is not a recovery."
    return description


def _facts(change: StateChange, trailers: dict[str, str]) -> list[Fact]:
    watched = [
        item.label or item.text for item in change.expressions if not item.text.startswith(_BAND)
    ]
    watched += [_metric(metric) for metric in change.metrics]
    facts = [Fact("Metric", text) for text in watched[:1]]
    facts += _value(change)
    if "team" in trailers:
        facts.append(Fact("Team", trailers["team"]))
    # What is no link is still what somebody wrote down for this moment.
    if "runbook" in trailers and not _is_link(trailers["runbook"]):
        facts.append(Fact("Runbook", trailers["runbook"]))
    return facts


def _value(change: StateChange) -> list[Fact]:
    threshold = None if change.threshold is None else _number(change.threshold)
    if not change.recent_values:
        return [] if threshold is None else [Fact("Threshold", threshold)]
    value = _number(change.recent_values[-1])
    return [Fact("Value", value if threshold is None else f"{value} (threshold {threshold})")]


def _metric(metric: MetricRef) -> str:
    text = f"{metric.namespace} {metric.name}" if metric.namespace else metric.name
    if metric.dimensions:
        text += " (" + ", ".join(f"{name}={value}" for name, value in metric.dimensions) + ")"
    if metric.statistic and metric.period:
        text += f", {metric.statistic} over {lasting(timedelta(seconds=metric.period))}"
    return text


def _number(value: float) -> str:
    size = abs(value)
    is_whole = size < _WHOLE_BELOW and (size >= _WHOLE_FROM or value == int(value))
    return f"{value:,.0f}" if is_whole else f"{value:.4g}"


def _links(change: StateChange, trailers: dict[str, str]) -> list[Link]:
    links: list[Link] = []
    if _REGION.fullmatch(change.region):
        url = alarm_url(change.alarm_arn, change.region, change.alarm_name)
        links.append(Link("Open alarm", url))
    runbook = trailers.get("runbook", "")
    if _is_link(runbook):
        links.append(Link("Runbook", runbook))
    return links


def _is_link(text: str) -> bool:
    return bool(_HTTPS_URL.fullmatch(text)) and _NOT_IN_URLS.isdisjoint(text)


def alarm_url(arn: str, region: str, name: str) -> str:
    """Return the console's page of an alarm, in the partition that the ARN names."""
    host = _CONSOLES.get(arn.split(":")[1] if arn.startswith("arn:") else "", _CONSOLE)
    where = quote(region, safe="")
    return (
        f"https://{where}.{host}/cloudwatch/home?region={where}"
        f"#alarmsV2:alarm/{quote(name, safe='')}"
    )


def place(alert: Alert) -> str:
    """Say where it happened: account and Region, as far as they are known."""
    return " · ".join(part for part in (alert.account_id, alert.region) if part)


def sent_late(alert: Alert, waited: float) -> Alert:
    """Say so when an alert was held back for `waited` seconds, as by an outage of its channel.

    Newer news may have overtaken it: nobody shall take an old alarm for a new one.
    """
    if waited < _LATE_SECONDS:
        return alert
    late = Fact("Sent late", f"held back for {lasting(timedelta(seconds=waited))}")
    return msgspec.structs.replace(alert, facts=(late, *alert.facts))


def time_label(alert: Alert) -> str:
    """Say what the alert's time is: an alarm stands since then, all else happened at it."""
    return "Since" if alert.tone in ("critical", "warning", "info") else "At"


def utc(moment: datetime) -> str:
    """Write a moment so that nobody has to ask which time zone."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
