"""Alarm state changes on every transport: EventBridge, SNS, and Lambda alarm actions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from bedrock_alerts.alerts.events import (
    AlarmKind,
    AlarmState,
    Contributor,
    Expression,
    MetricRef,
    StateChange,
    Transport,
)
from bedrock_alerts.alerts.normalise.bands import NUMBER, breach_in
from bedrock_alerts.alerts.normalise.fields import (
    alarm_name_of,
    alarm_place,
    decoded,
    first,
    items,
    lines,
    mapping,
    moment,
    number,
    numbers,
    pairs,
    period,
    pick,
    word,
)
from bedrock_alerts.limits import (
    ALARM_DESCRIPTION_CHARS,
    ALARM_NAME_CHARS,
    ALARM_REASON_CHARS,
    ALARM_RULE_CHARS,
)

_MAX_ARN: Final = 512
_MAX_QUERY: Final = 2000
_MAX_METRICS: Final = 20
_MAX_DIMENSIONS: Final = 30
_MAX_CHILDREN: Final = 100
_MAX_ATTRIBUTES: Final = 20
_MAX_TAGS: Final = 50
_BAND: Final = "ANOMALY_DETECTION_BAND("
# Prefixes of fields that only alarms over log queries have.
_OF_LOG_ALARMS: Final = ("log", "query", "scheduledquery", "actionlog")
_STATISTICS: Final = {
    "SUM": "Sum",
    "AVERAGE": "Average",
    "MINIMUM": "Minimum",
    "MAXIMUM": "Maximum",
    "SAMPLECOUNT": "SampleCount",
    "SAMPLE_COUNT": "SampleCount",
}
# The operator, which only the reason of a state change names. The longer ones first.
_ABOVE: Final = "greater than the upper threshold"
_BELOW: Final = "less than the lower threshold"
_OPERATORS: Final = (
    (_ABOVE, "GreaterThanUpperThreshold"),
    (_BELOW, "LessThanLowerThreshold"),
    ("greater than or equal to the threshold", "GreaterThanOrEqualToThreshold"),
    ("less than or equal to the threshold", "LessThanOrEqualToThreshold"),
    ("greater than the threshold", "GreaterThanThreshold"),
    ("less than the threshold", "LessThanThreshold"),
)
# `[12.0 (23/11/26 08:05:00), 4.0 (…)]`, the newest first.
_VALUE_IN_REASON: Final = re.compile(rf"(?<![\w.]){NUMBER} \(\d\d/")
_THRESHOLD_IN_REASON: Final = re.compile(rf"the threshold \({NUMBER}\)")


class _State(NamedTuple):
    """A state, as EventBridge and Lambda alarm actions send it."""

    value: str
    at: datetime | None
    reason: str
    data: Mapping[str, Any]
    suppressed_by: str
    evaluation: str


class _Watched(NamedTuple):
    """The metrics of an alarm."""

    kind: AlarmKind
    metrics: tuple[MetricRef, ...] = ()
    expressions: tuple[Expression, ...] = ()


def from_eventbridge(event: Mapping[str, Any]) -> StateChange | None:
    """Read `CloudWatch Alarm State Change` and `CloudWatch Alarm Contributor State Change`."""
    where = (first(event.get("resources")), event.get("account"), event.get("region"))
    return _in_camel_case(mapping(event.get("detail")), where, event.get("time"), "eventbridge")


def from_detail(event: Mapping[str, Any]) -> StateChange | None:
    """Read such an event from a rule with `InputPath: $.detail`: it has no account and no ARN."""
    return _in_camel_case(event, (None, None, None), event.get("time"), "eventbridge")


def from_lambda(event: Mapping[str, Any]) -> StateChange | None:
    """Read the event of a Lambda alarm action."""
    where = (event.get("alarmArn"), event.get("accountId"), event.get("region"))
    return _in_camel_case(mapping(event.get("alarmData")), where, event.get("time"), "lambda")


def _in_camel_case(
    detail: Mapping[str, Any], where: tuple[Any, Any, Any], time: Any, transport: Transport
) -> StateChange | None:
    arn, account, region = where
    name = word(detail.get("alarmName"), ALARM_NAME_CHARS)
    state = _state(mapping(detail.get("state")))
    at = state.at or moment(time)
    if not name or not state.value or at is None:
        return None
    configuration = mapping(detail.get("configuration"))
    contributor = _contributor(detail.get("alarmContributor"))
    watched = _watched(configuration, configuration.get("metrics"), contributor)
    previous = _state(mapping(detail.get("previousState")))
    mute = detail.get("muteDetail")
    values = numbers(state.data.get("recentDatapoints")) or _values_in(state.reason)
    breach = breach_in(state.data, state.reason, values)
    place = alarm_place(arn, name, account, region)
    return StateChange(
        alarm_name=name,
        alarm_arn=place.arn,
        account_id=place.account_id,
        region=place.region,
        state=state.value,
        at=at,
        reason=_reason(watched, state.reason),
        kind=watched.kind,
        transport=transport,
        description=lines(configuration.get("description"), ALARM_DESCRIPTION_CHARS),
        previous_state=previous.value or None,
        previous_at=previous.at,
        metrics=watched.metrics,
        expressions=watched.expressions,
        threshold=_threshold(state),
        operator=_operator_in(state.reason),
        recent_values=values,
        band=breach.band,
        contributor=contributor,
        alarm_rule=word(configuration.get("alarmRule"), ALARM_RULE_CHARS),
        children=_children(state.data.get("triggeringAlarms")),
        suppressed_by=state.suppressed_by,
        muted_by="" if mute is None else word(mapping(mute).get("mutedByArn"), _MAX_ARN) or "mute",
        muted_until=moment(mapping(mute).get("muteWindowEnd")),
        sent_at=moment(time),
        tags=pairs(pick(detail, "tags", "alarmTags") or configuration.get("tags"), _MAX_TAGS),
        value=breach.value,
        unit=word(state.data.get("unit")),
        evaluation=state.evaluation,
    )


def from_sns(message: Mapping[str, Any]) -> StateChange | None:
    """Read the SNS message of an alarm action: in PascalCase and without `reasonData`."""
    name = word(message.get("AlarmName"), ALARM_NAME_CHARS)
    value = word(message.get("NewStateValue"))
    at = moment(message.get("StateChangeTime"))
    if not name or not value or at is None:
        return None
    reason = word(message.get("NewStateReason"), ALARM_REASON_CHARS)
    trigger = mapping(message.get("Trigger"))
    values = _values_in(reason)
    breach = breach_in({}, reason, values)
    attributes = message.get("AlarmContributorAttributes")
    contributor = _contributor({"id": message.get("AlarmContributorId"), "attributes": attributes})
    watched = _watched({**message, **trigger}, _metrics_of(trigger), contributor)
    place = alarm_place(
        message.get("AlarmArn"), name, message.get("AWSAccountId"), message.get("Region")
    )
    return StateChange(
        alarm_name=name,
        alarm_arn=place.arn,
        account_id=place.account_id,
        region=place.region,
        state=value,
        at=at,
        reason=_reason(watched, reason),
        kind=watched.kind,
        transport="sns",
        description=lines(message.get("AlarmDescription"), ALARM_DESCRIPTION_CHARS),
        previous_state=word(message.get("OldStateValue")) or None,
        metrics=watched.metrics,
        expressions=watched.expressions,
        threshold=number(trigger.get("Threshold")),
        operator=word(trigger.get("ComparisonOperator")) or _operator_in(reason),
        recent_values=values,
        band=breach.band,
        contributor=contributor,
        alarm_rule=word(message.get("AlarmRule"), ALARM_RULE_CHARS),
        children=_children(message.get("TriggeringChildren")),
        has_ok_actions=bool(message["OKActions"]) if "OKActions" in message else None,
        tags=pairs(pick(message, "alarmTags", "tags"), _MAX_TAGS),
        value=breach.value,
        unit=word(trigger.get("Unit")),
        evaluation=word(message.get("EvaluationState")),
    )


def _reason(watched: _Watched, reason: str) -> str:
    """Leave out the reason of an alarm over log lines: it may quote them, including prompts."""
    return "" if watched.kind == "log" else reason


def _state(state: Mapping[str, Any]) -> _State:
    return _State(
        value=word(state.get("value")),
        at=moment(state.get("timestamp")),
        reason=word(state.get("reason"), ALARM_REASON_CHARS),
        data=_reason_data(state.get("reasonData")),
        suppressed_by=word(state.get("actionsSuppressedBy")),
        evaluation=word(state.get("evaluationState")),
    )


def _reason_data(value: Any) -> Mapping[str, Any]:
    """Read `reasonData`: optional JSON in a string; a state set by hand may have any text."""
    try:
        return mapping(decoded(value)) if isinstance(value, str) else {}
    except ValueError:
        return {}


def _watched(
    configuration: Mapping[str, Any], metrics: Any, contributor: Contributor | None
) -> _Watched:
    """Return the kind of alarm, by its metrics."""
    if pick(configuration, "alarmRule") is not None:
        return _Watched("composite")
    criteria = mapping(pick(configuration, "evaluationCriteria")) or configuration
    promql = mapping(pick(criteria, "promQLCriteria", "promqlCriteria"))
    if promql:
        query = Expression(text=word(pick(promql, "query"), _MAX_QUERY))
        return _Watched("contributor" if contributor else "promql", expressions=(query,))
    if any(key.lower().startswith(_OF_LOG_ALARMS) for key in configuration):
        text = word(pick(configuration, "queryString"), _MAX_QUERY)
        return _Watched("log", expressions=(Expression(text=text),) if text else ())
    read = [_metric(item) or _expression(item) for item in items(metrics, _MAX_METRICS)]
    refs = tuple(item for item in read if isinstance(item, MetricRef))
    expressions = tuple(item for item in read if isinstance(item, Expression))
    return _Watched(
        "contributor" if contributor else _kind(refs, expressions),
        # The evaluated item comes before its inputs.
        metrics=tuple(sorted(refs, key=lambda item: not item.is_shown)),
        expressions=tuple(sorted(expressions, key=lambda item: not item.is_shown)),
    )


def _kind(metrics: tuple[MetricRef, ...], expressions: tuple[Expression, ...]) -> AlarmKind:
    if any(item.text.startswith(_BAND) for item in expressions):
        return "anomaly"
    if any(item.text.upper().startswith("SELECT ") for item in expressions):
        return "query"
    if expressions:
        return "math"
    return "metric" if metrics else "unknown"


def _metrics_of(trigger: Mapping[str, Any]) -> Any:
    """Return the metrics of an SNS message, where a single metric has no list."""
    if trigger.get("Metrics") is not None:
        return trigger["Metrics"]
    statistic = word(trigger.get("Statistic"))
    stat = _STATISTICS.get(statistic.upper(), statistic) or trigger.get("ExtendedStatistic")
    return [{"MetricStat": {"Metric": trigger, "Period": trigger.get("Period"), "Stat": stat}}]


def _metric(entry: Mapping[str, Any]) -> MetricRef | None:
    stat = mapping(pick(entry, "metricStat"))
    metric = mapping(pick(stat, "metric"))
    name = word(pick(metric, "metricName", "name"))
    if not name:
        return None
    return MetricRef(
        name=name,
        namespace=word(pick(metric, "namespace")) or None,
        statistic=word(pick(stat, "stat")) or None,
        period=period(pick(stat, "period")),
        dimensions=pairs(pick(metric, "dimensions"), _MAX_DIMENSIONS),
        id=word(pick(entry, "id")),
        is_shown=pick(entry, "returnData") is not False,
        account_id=word(pick(entry, "accountId")),
        unit=word(pick(stat, "unit")),
    )


def _expression(entry: Mapping[str, Any]) -> Expression | None:
    text = word(pick(entry, "expression"), _MAX_QUERY)
    if not text:
        return None
    return Expression(
        text=text,
        label=word(pick(entry, "label")),
        id=word(pick(entry, "id")),
        period=period(pick(entry, "period")),
        is_shown=pick(entry, "returnData") is not False,
    )


def _contributor(value: Any) -> Contributor | None:
    """Read the contributor; one without an id is identified by its attributes."""
    found = mapping(value)
    attributes = found.get("attributes")
    if isinstance(attributes, str):
        attributes = _reason_data(attributes)
    told_apart_by = pairs(attributes, _MAX_ATTRIBUTES)
    name = word(found.get("id"))
    if not name and told_apart_by:
        name = hashlib.sha256(repr(sorted(told_apart_by)).encode()).hexdigest()[:16]
    return Contributor(id=name, attributes=told_apart_by) if name else None


def _children(value: Any) -> tuple[AlarmState, ...]:
    children: list[AlarmState] = []
    for item in items(value, _MAX_CHILDREN):
        arn = word(pick(item, "arn"), _MAX_ARN)
        state = mapping(pick(item, "state"))
        if arn:
            children.append(
                AlarmState(
                    name=alarm_name_of(arn),
                    arn=arn,
                    state=word(pick(state, "value")),
                    at=moment(pick(state, "timestamp")),
                )
            )
    return tuple(children)


def _threshold(state: _State) -> float | None:
    """Return the threshold; for a contributor, only the reason names it."""
    said = _THRESHOLD_IN_REASON.search(state.reason)
    if "threshold" in state.data or said is None:
        return number(state.data.get("threshold"))
    return number(float(said[1]))


def _operator_in(reason: str) -> str | None:
    text = reason.lower()
    if _ABOVE in text and _BELOW in text:
        return "LessThanLowerOrGreaterThanUpperThreshold"
    return next((operator for words, operator in _OPERATORS if words in text), None)


def _values_in(reason: str) -> tuple[float, ...]:
    """Read the values that a reason names, oldest first; its dates are not reliable."""
    found = [float(text) for text in _VALUE_IN_REASON.findall(reason)]
    return numbers(found[::-1])
