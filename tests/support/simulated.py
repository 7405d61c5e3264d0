"""Alarms written in a line, and metrics written as rows, for tests of what is simulated."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bedrock_alerts_cli.simulator import Alarm, Change, Datapoint
from bedrock_alerts_cli.simulator.alarm_definitions import (
    COMPOSITE_ALARM,
    METRIC_ALARM,
    check_references,
)
from bedrock_alerts_cli.simulator.alarm_definitions import read_alarm as read
from bedrock_alerts_cli.template.resolver import Resource

START: Final = 1_795_420_800  # 2026-11-23T08:00:00Z
NAMESPACE: Final = "Example"
PLAIN: Final[Mapping[str, Any]] = {
    "Namespace": NAMESPACE,
    "MetricName": "Errors",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 5,
    "ComparisonOperator": "GreaterThanThreshold",
}


def plain(name: str = "errors", **properties: Any) -> Alarm:
    """Return an alarm on one metric; `properties` replace or add, None takes away."""
    return metric_alarm(name, {**PLAIN, **properties})


def metric_alarm(name: str, properties: Mapping[str, Any]) -> Alarm:
    """Return an alarm with these properties alone."""
    given = {key: value for key, value in properties.items() if value is not None}
    return read(Resource(name.title(), METRIC_ALARM, name, given))


def math(expression: str, *metrics: str, name: str = "math", **properties: Any) -> Alarm:
    """Return an alarm on an expression over metrics `m1`, `m2`, … by these names."""
    items: list[dict[str, Any]] = [
        {
            "Id": f"m{number}",
            "ReturnData": False,
            "MetricStat": {
                "Metric": {"Namespace": NAMESPACE, "MetricName": metric},
                "Period": properties.get("Period", 60),
                "Stat": "Sum",
            },
        }
        for number, metric in enumerate(metrics, start=1)
    ]
    items.append({"Id": "e1", "Expression": expression, "ReturnData": True})
    rest = {key: value for key, value in PLAIN.items() if key not in _OF_ONE_METRIC}
    properties.pop("Period", None)
    return metric_alarm(name, {**rest, "Metrics": items, **properties})


_OF_ONE_METRIC: Final = ("Namespace", "MetricName", "Statistic", "Period")


def composite(name: str, rule: str, **properties: Any) -> Alarm:
    """Return a composite alarm."""
    given = {
        key: value for key, value in {"AlarmRule": rule, **properties}.items() if value is not None
    }
    return read(Resource(name.title(), COMPOSITE_ALARM, name, given))


def together(*alarms: Alarm) -> tuple[Alarm, ...]:
    """Return alarms whose references have been checked."""
    check_references(alarms)
    return alarms


def row(
    values: Sequence[float | None], metric: str = "Errors", *, start: int = START, **where: str
) -> Iterator[Datapoint]:
    """Return one value a minute, None for a minute without data; `where` are dimensions."""
    for minute, value in enumerate(values):
        if value is not None:
            yield Datapoint(
                namespace=NAMESPACE,
                metric=metric,
                dimensions=tuple(sorted(where.items())),
                minute=start + 60 * minute,
                values=(value,),
            )


def told(changes: Iterable[Change]) -> list[tuple[int, str]]:
    """Return the changes as minutes since the start and new states."""
    return [(_minute(change), change.to_state) for change in changes]


def _minute(change: Change) -> int:
    return int(change.at.timestamp() - START) // 60


def template(folder: Path, **parts: Any) -> Path:
    """Write a template of these parts, and return its path."""
    path = folder / "template.json"
    path.write_text(json.dumps(parts))
    return path
