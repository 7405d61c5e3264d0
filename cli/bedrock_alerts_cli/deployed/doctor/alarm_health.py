"""Each alarm of the stack: present, as deployed, able to fire, its actions enabled."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.as_deployed import template_of
from bedrock_alerts_cli.deployed.doctor.finding import (
    Check,
    Clock,
    Finding,
    ago,
    ok,
    shown,
    waiting,
    wrong,
)
from bedrock_alerts_cli.deployed.doctor.newest_data import (
    History,
    Series,
    histories,
    listed,
    newest_of,
)

_TYPES: Final = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
# What CloudFormation sets and CloudWatch gives back under the same name.
_COMPARED: Final = (
    "AlarmRule", "ComparisonOperator", "DatapointsToAlarm", "Dimensions", "EvaluationPeriods",
    "ExtendedStatistic", "MetricName", "Metrics", "Namespace", "Period", "Statistic", "Threshold",
    "TreatMissingData", "AlarmActions", "OKActions",
)  # fmt: skip
_QUERY: Final = re.compile(r'\((\w+)\)\s+FROM\s+SCHEMA\("([^"]+)"\s*,\s*([\w,\s]+)\)')
_IN_TROUBLE: Final = frozenset({"EVALUATION_ERROR", "EVALUATION_FAILURE"})
# What names a resource that an alarm watches.
_NAMES: Final = ("FunctionName", "QueueName", "BucketName")
_SHOWN_DIFFERENCES: Final = 2
_NO_DATA: Final = "no data in two weeks: nothing of the kind happened"
_RECORDS: Final = "RecordsReceived"
# Stands for the fix of all alarms that have to be made again, until all are known.
_MADE_AGAIN: Final = "made again"
# What the collectors publish without dimensions of every batch with a call.
_WITH_EVERY_BATCH: Final = frozenset(
    {"ContentFilteredCount", "EstimatedCost", "RecordsReceived", "UnpricedInvocations"}
)


class _Alarm(NamedTuple):
    """An alarm as it was deployed; `label` is its name in the catalogue."""

    name: str
    label: str
    properties: Mapping[str, Any]

    @property
    def is_about_us(self) -> bool:
        return self.label.startswith(("Pipeline", "Notifier"))


class _Watched(NamedTuple):
    """The metrics of an alarm, and whether records arrive at all.

    `by_model` names those that have data of each model, and none of all models together.
    """

    found: Mapping[Series, History]
    by_model: Sequence[str]
    is_traffic_seen: bool
    now: float


def alarms(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Look at every alarm that was deployed."""
    now = clock()
    deployed = [
        _Alarm(resource.name, resource.name.removeprefix(f"{stack.name}."), resource.properties)
        for resource in template_of(stack).resources(*_TYPES)
    ]
    pages = stack.client("cloudwatch").get_paginator("describe_alarms")
    present = {
        one["AlarmName"]: one
        for page in pages.paginate(
            AlarmNamePrefix=f"{stack.name}.", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for one in (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", []))
    }
    series = {alarm.name: _series(stack, alarm.properties) for alarm in deployed}
    records = Series(stack.parameters.get("MetricsNamespace") or "BedrockAlerts", _RECORDS)
    found = histories(stack, (records, *(one for each in series.values() for one in each)), now)
    by_model = _by_model_only(stack, found, now)
    findings: list[Finding] = []
    for alarm in deployed:
        watched = _Watched(
            {one: found[one] for one in series[alarm.name]},
            by_model=[one.name for one in series[alarm.name] if one in by_model],
            is_traffic_seen=found[records].newest is not None,
            now=now,
        )
        findings.append(_looked_at(stack, alarm, present.get(alarm.name), watched))
    yield from _with_deployments(stack, findings)


def _with_deployments(stack: DeployedStack, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Say how CloudFormation makes alarms again: left out, and then no longer left out."""
    lost = [one for one in findings if one.fix == _MADE_AGAIN]
    labels = [one.check.removeprefix("alarm ") for one in lost]
    off = stack.parameters.get("AlarmsOff", "")
    without = ",".join(filter(None, (off, *labels)))
    fix = stack.deployed_again(
        "Have it made again, by two deployments",
        f"--yes --no-wait --parameter AlarmsOff={without}",
        f"--yes --no-wait --parameter AlarmsOff={off}",
    )
    for one in findings:
        if one.fix != _MADE_AGAIN:
            yield one
        elif one is lost[0]:
            yield msgspec.structs.replace(one, fix=fix)
        else:
            yield msgspec.structs.replace(one, fix=f"As for {lost[0].check}: together with it.")


def _by_model_only(
    stack: DeployedStack, found: Mapping[Series, History], now: float
) -> frozenset[Series]:
    """Return Bedrock's metrics without dimensions, of which only the models' own have data.

    AWS documents the sum over all models for the delivery of the log only.
    """
    silent = [
        one
        for one, history in found.items()
        if history.newest is None and one.namespace == "AWS/Bedrock" and not one.dimensions
    ]
    models = {one: listed(stack, one.namespace, one.name, ("ModelId",)) for one in silent}
    counted = histories(stack, (one for some in models.values() for one in some), now)
    return frozenset(
        one for one, some in models.items() if newest_of(counted[each] for each in some)
    )


def _series(stack: DeployedStack, properties: Mapping[str, Any]) -> list[Series]:
    """Return what an alarm watches; of a query, the series that it would find."""
    if properties.get("MetricName"):
        return [_one(properties, str(properties.get("Statistic") or "Sum"))]
    found: list[Series] = []
    for query in properties.get("Metrics", []):
        if "MetricStat" in query:
            found.append(_one(query["MetricStat"]["Metric"], str(query["MetricStat"]["Stat"])))
        elif match := _QUERY.search(query.get("Expression", "")):
            names = [name.strip() for name in match[3].split(",")]
            found += listed(stack, match[2], match[1], names)
    return found


def _one(metric: Mapping[str, Any], stat: str) -> Series:
    dimensions = [(one["Name"], str(one["Value"])) for one in metric.get("Dimensions", [])]
    return Series(metric["Namespace"], metric["MetricName"], tuple(dimensions), stat)


def _looked_at(
    stack: DeployedStack,
    alarm: _Alarm,
    present: Mapping[str, Any] | None,
    watched: _Watched,
) -> Finding:
    check = f"alarm {alarm.label}"
    if present is None:
        return wrong(check, "it is not there: someone deleted it", _MADE_AGAIN)
    differences = _differences(alarm.properties, present)
    if differences:
        says = "; ".join(differences[:_SHOWN_DIFFERENCES])
        more = len(differences) - _SHOWN_DIFFERENCES
        says += f"; {more} more" if more > 0 else ""
        return wrong(check, says, _MADE_AGAIN)
    if not present.get("ActionsEnabled", True):
        fix = stack.aws(f"cloudwatch enable-alarm-actions --alarm-names {alarm.name}")
        says = "its actions are disabled: no one is notified of it"
        return wrong(check, says, f"Enable them:\n{fix}")
    if present.get("EvaluationState") in _IN_TROUBLE:
        says = f"CloudWatch cannot evaluate it: {shown(present.get('StateReason', ''))}"
        return wrong(check, says, f"See docs/runbooks/{alarm.label}.md.")
    gone = _gone(stack, watched.found)
    if gone:
        return wrong(check, f"it watches {gone}, which is not there", _MADE_AGAIN)
    return _by_state(alarm, present, watched)


def _by_state(alarm: _Alarm, present: Mapping[str, Any], watched: _Watched) -> Finding:
    check = f"alarm {alarm.label}"
    state = present.get("StateValue", "INSUFFICIENT_DATA")
    since = present.get("StateTransitionedTimestamp") or present.get("StateUpdatedTimestamp")
    lasts = f" since {since:%Y-%m-%d %H:%M} UTC" if since else ""
    newest = newest_of(watched.found.values())
    data = "made of other alarms"
    if "AlarmRule" not in alarm.properties:
        data = f"newest data {ago(watched.now, newest)}" if newest else _NO_DATA
    if state == "ALARM" and alarm.is_about_us:
        runbook = f"See docs/runbooks/{alarm.label}.md."
        return wrong(check, f"firing{lasts}: {shown(present.get('StateReason', ''))}", runbook)
    if state == "ALARM":
        return ok(check, f"firing{lasts}; {data}")
    if watched.by_model:
        names = ", ".join(watched.by_model)
        says = f"it cannot fire: AWS has {names} of each model here, and not of all together"
        fix = f"Create an alarm on {names} of each model, and report this line to us."
        return wrong(check, says, fix)
    if newest is None and not watched.is_traffic_seen and "AlarmRule" not in alarm.properties:
        return waiting(check, f"as deployed; {data}")
    lost = [
        one.name
        for one, found in watched.found.items()
        if found.newest is None and (one.name in _WITH_EVERY_BATCH and not one.dimensions)
        if not one.namespace.startswith("AWS/")
    ]
    if lost and watched.is_traffic_seen:
        says = f"it cannot fire: records arrive, and {', '.join(lost)} has no data in two weeks"
        return wrong(check, says, "See docs/runbooks/PipelineUncounted.md.")
    return ok(check, f"{state}{lasts}; {data}")


def _gone(stack: DeployedStack, watched: Mapping[Series, History]) -> str:
    """Name a resource that is watched and is not one of the stack's."""
    known = {one.rpartition("/")[2] for one in stack.resources.values()}
    known |= {name.rpartition(":")[2] for name in stack.resources.values()}
    for series in watched:
        for name, value in series.dimensions:
            if name in _NAMES and value not in known:
                return value
    return ""


def _differences(deployed: Mapping[str, Any], present: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for key in _COMPARED:
        wanted, there = _plain(deployed.get(key)), _plain(present.get(key))
        if key == "DatapointsToAlarm" and wanted is None:
            continue  # CloudWatch may fill in its default
        if wanted == there:
            continue
        if key == "Metrics":
            found += _in_metrics(deployed.get(key) or [], present.get(key) or [])
        else:
            found.append(f"{key} is {_said(there)} (deployed: {_said(wanted)})")
    return found


def _in_metrics(
    deployed: Sequence[Mapping[str, Any]], present: Sequence[Mapping[str, Any]]
) -> list[str]:
    wanted = {one["Id"]: _plain(one) for one in deployed}
    there = {one["Id"]: _plain(one) for one in present}
    changed = [key for key in (wanted | there) if wanted.get(key) != there.get(key)]
    return [f"metric {key} was changed" for key in sorted(changed)]


def _said(value: Any) -> str:
    if value is None:
        return "not set"
    return f"{value:g}" if isinstance(value, float) else shown(value)


def _plain(value: Any) -> Any:
    """Write a value so that both ways of writing it are equal; what is empty is None."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        text = " ".join(value.split())
        try:
            return float(text)
        except ValueError:
            return {"true": True, "false": False}.get(text, text) or None
    if isinstance(value, Mapping):
        found = {key: _plain(item) for key, item in value.items()}
        # CloudWatch returns it, CloudFormation has it as its default.
        found.setdefault("ReturnData", True) if "Id" in found else None
        return {key: item for key, item in found.items() if item is not None} or None
    return sorted(map(_plain, value), key=repr) or None


def heartbeat(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Look whether the notifier gets its heartbeat each minute."""
    now = clock()
    namespace = stack.parameters.get("MetricsNamespace") or "BedrockAlerts"
    series = Series(namespace, "Heartbeat")
    newest = histories(stack, [series], now)[series].newest
    is_new = now - stack.created_at.timestamp() < _PATIENCE
    if newest is not None and now - newest < _PATIENCE:
        yield ok("heartbeat", f"last {ago(now, newest)}")
    elif is_new:
        yield waiting("heartbeat", "none yet; the stack is new")
    else:
        last = f"the last came {ago(now, newest)}" if newest else "none in two weeks"
        says = f"{last}: alerts may not be delivered"
        yield wrong("heartbeat", says, "See docs/runbooks/NotifierHeartbeat.md.")


_PATIENCE: Final = 20 * 60.0

CHECKS: Final = (Check("alarms", alarms), Check("heartbeat", heartbeat))
