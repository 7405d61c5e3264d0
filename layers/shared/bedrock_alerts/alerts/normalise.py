"""The first step: from the body of a queue message to a state change, or to a plain unknown event.

Read from EventBridge's `CloudWatch Alarm State Change`:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bedrock_alerts.alerts.model import MetricRef, StateChange, Unrecognised
from bedrock_alerts.limits import (
    ALARM_DESCRIPTION_CHARS,
    ALARM_NAME_CHARS,
    ALARM_PERIOD_SECONDS,
    ALARM_REASON_CHARS,
)
from bedrock_alerts.text import clean, clean_lines

_STATE_CHANGE: Final = "CloudWatch Alarm State Change"
_MAX_ARN: Final = 512
_MAX_WORD: Final = 256
_MAX_METRICS: Final = 20
_MAX_DIMENSIONS: Final = 30
_MAX_VALUES: Final = 60
# The only fields of an unknown event that are shown: its envelope, never its content.
_ENVELOPE: Final = ("detail-type", "source", "account", "region", "time", "id")


def normalise(body: str) -> StateChange | Unrecognised:
    """Recognise what a message is about, by its shape. Whatever it holds, a value comes back."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return _unrecognised({}, "a message that is no JSON")
    if not isinstance(event, dict):
        return _unrecognised({}, "a message that is no JSON object")
    if event.get("detail-type") == _STATE_CHANGE:
        return _state_change(event) or _unrecognised(event, "an incomplete alarm event")
    return _unrecognised(event, "an event of an unknown kind")


def _state_change(event: Mapping[str, Any]) -> StateChange | None:
    detail = _mapping(event.get("detail"))
    state = _mapping(detail.get("state"))
    previous = _mapping(detail.get("previousState"))
    configuration = _mapping(detail.get("configuration"))
    name = _word(detail.get("alarmName"), ALARM_NAME_CHARS)
    value = _word(state.get("value"))
    at = _moment(state.get("timestamp")) or _moment(event.get("time"))
    if not name or not value or at is None:
        return None
    account, region = _word(event.get("account")), _word(event.get("region"))
    data = _reason_data(state.get("reasonData"))
    metrics, expressions = _metrics(configuration.get("metrics"))
    return StateChange(
        alarm_name=name,
        alarm_arn=_arn(event.get("resources"))
        or f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}",
        account_id=account,
        region=region,
        state=value,
        at=at,
        reason=_word(state.get("reason"), ALARM_REASON_CHARS),
        description=_lines(configuration.get("description"), ALARM_DESCRIPTION_CHARS),
        previous_state=_word(previous.get("value")) or None,
        previous_at=_moment(previous.get("timestamp")),
        metrics=metrics,
        expressions=expressions,
        threshold=_number(data.get("threshold")),
        recent_values=_numbers(data.get("recentDatapoints")),
    )


def _unrecognised(event: Mapping[str, Any], what: str) -> Unrecognised:
    facts = tuple((key, _word(event[key])) for key in _ENVELOPE if isinstance(event.get(key), str))
    return Unrecognised(
        title=f"Received {what}",
        account_id=_word(event.get("account")),
        region=_word(event.get("region")),
        at=_moment(event.get("time")),
        facts=facts,
    )


def _metrics(items: Any) -> tuple[tuple[MetricRef, ...], tuple[str, ...]]:
    """Split an alarm's `metrics` into the metrics it reads and the expressions over them."""
    metrics: list[MetricRef] = []
    expressions: list[str] = []
    for item in items[:_MAX_METRICS] if isinstance(items, list) else ():
        entry = _mapping(item)
        stat = _mapping(entry.get("metricStat"))
        metric = _mapping(stat.get("metric"))
        if _word(metric.get("name")):
            dimensions = _mapping(metric.get("dimensions"))
            metrics.append(
                MetricRef(
                    name=_word(metric.get("name")),
                    namespace=_word(metric.get("namespace")) or None,
                    statistic=_word(stat.get("stat")) or None,
                    period=_period(stat.get("period")),
                    dimensions=tuple(
                        (_word(key), _word(value))
                        for key, value in list(dimensions.items())[:_MAX_DIMENSIONS]
                    ),
                )
            )
        elif _word(entry.get("expression")):
            expressions.append(_word(entry.get("label")) or _word(entry.get("expression")))
    return tuple(metrics), tuple(expressions)


def _period(value: Any) -> int | None:
    seconds = _number(value)
    return int(seconds) if seconds is not None and 0 < seconds <= ALARM_PERIOD_SECONDS else None


def _reason_data(value: Any) -> Mapping[str, Any]:
    """Read `reasonData`: JSON in a string, optional, and anything for who sets a state by hand."""
    if not isinstance(value, str):
        return {}
    try:
        return _mapping(json.loads(value))
    except (ValueError, RecursionError):
        return {}


def _arn(resources: Any) -> str:
    return _word(resources[0], _MAX_ARN) if isinstance(resources, list) and resources else ""


def _moment(value: Any) -> datetime | None:
    """Read CloudWatch's two ways to write a time, with offset and with `Z`."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _word(value: Any, limit: int = _MAX_WORD) -> str:
    return clean(value, limit) if isinstance(value, str) else ""


def _lines(value: Any, limit: int) -> str:
    return clean_lines(value, limit) if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON's integers have no end
        return None
    return number if math.isfinite(number) else None


def _numbers(value: Any) -> tuple[float, ...]:
    found = (_number(item) for item in value[-_MAX_VALUES:]) if isinstance(value, list) else ()
    return tuple(number for number in found if number is not None)
