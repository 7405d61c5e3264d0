"""The bill of a month, line by line: what the template makes and what the traffic uses."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from bedrock_alerts_cli.cost.rates import (
    HOURS_A_MONTH,
    METRIC,
    METRIC_TIERS,
    RATES,
    Rate,
)
from bedrock_alerts_cli.cost.traffic import Traffic
from bedrock_alerts_cli.plurals import count
from bedrock_alerts_cli.template.stack import Stack

GIGABYTE: Final = 10**9
# Assumptions for values that are not measured; `docs/cost.md` names these.
MS_A_BATCH: Final = 30.0
MS_A_CALL: Final = 1.0
MS_AN_ALERT: Final = 400.0  # for each of route and deliver
MS_A_SWEEP: Final = 80.0  # eight look-ups in the table
PLATFORM_BYTES: Final = 450  # START, END and REPORT, in the log of every run of a function
COMPRESSED: Final = 0.15  # of the size of the lines
TABLE_WRITES: Final = 20  # for each state change: the item and its index, claims, paces
TABLE_READS: Final = 16
SWEEP_READS: Final = 8 * 0.5  # for each heartbeat: eight empty looks into the index
# Lambda reads each queue with five long polls of 20 s, even if it is empty.
POLLS_A_MONTH: Final = 5 * HOURS_A_MONTH * 3600 / 20
OBJECTS_AN_HOUR: Final = 12  # of the log, when it is read from S3
ALERT_METRICS: Final = 3  # series of the alert flow: an hour with an alert has these

_HOUR_DAYS: Final = 730 / 24
_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_MINUTES: Final = {"minute": 1, "hour": 60, "day": 1440}
_SOURCE: Final = "InvocationLog"  # the source of the log is not a switch


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One line: `amount` units at `unit_usd` each, and the parameters that change it."""

    item: str
    amount: float
    unit: str
    unit_usd: float
    usd: float
    switches: tuple[str, ...] = ()
    note: str = ""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """The stack's monthly cost, and related cost of other services."""

    items: tuple[Item, ...]
    beside: tuple[Item, ...]
    total_usd: float


class _Till:
    """Prices amounts; each free allowance is used once, by the first amount."""

    def __init__(self, *, free_tier: bool) -> None:
        self._left = {id(rate): rate.free for rate in RATES.values()} if free_tier else {}
        self.free_metrics = METRIC.free if free_tier else 0.0

    def item(
        self, item: str, rate: Rate, amount: float, switches: tuple[str, ...] = (), note: str = ""
    ) -> Item:
        """Price an amount."""
        free = min(amount, self._left.get(id(rate), 0.0))
        if free:
            self._left[id(rate)] -= free
        return Item(
            item=item,
            amount=amount,
            unit=rate.unit,
            unit_usd=rate.usd,
            usd=(amount - free) * rate.usd,
            switches=switches,
            note=note,
        )


def estimate(stack: Stack, traffic: Traffic, *, alerts: float, free_tier: bool = False) -> Estimate:
    """Price a month of `traffic` with `alerts` alerts, each of which ends again."""
    till = _Till(free_tier=free_tier)
    changes = 2 * alerts
    items = (
        _metrics(stack, traffic, changes, till.free_metrics),
        *_alarms(stack, traffic, till),
        *_logs(stack, traffic, changes, till),
        *_functions(stack, traffic, changes, till),
        *_messages(stack, changes, till),
    )
    beside = []
    if traffic.bedrock_log_bytes is not None and not stack.holds("ReadsBucket"):
        gigabytes = traffic.bedrock_log_bytes / GIGABYTE
        beside.append(
            _Till(free_tier=False).item("Bedrock's own log", RATES["log_ingestion"], gigabytes)
        )
    return Estimate(items=items, beside=tuple(beside), total_usd=sum(item.usd for item in items))


def tiered(metrics: float) -> float:
    """Price custom metrics: the more, the cheaper each."""
    dollars = below = 0.0
    for tier in METRIC_TIERS:
        dollars += max(0.0, min(metrics, tier.up_to) - below) * tier.usd
        below = tier.up_to
    return dollars


def _metrics(stack: Stack, traffic: Traffic, changes: float, free: float) -> Item:
    amount = traffic.metric_months + ALERT_METRICS * min(1.0, changes / HOURS_A_MONTH)
    amount += bool(_runs(stack))  # the heartbeat
    series = count(traffic.series, "series", "series")
    return Item(
        item="custom metrics",
        amount=amount,
        unit=METRIC.unit,
        unit_usd=METRIC.usd,
        usd=tiered(max(0.0, amount - free)),
        switches=("PrincipalMetrics", "ApplicationMetadataKey"),
        note=f"{series}; each is charged for the hours in which it has data",
    )


def _alarms(stack: Stack, traffic: Traffic, till: _Till) -> Iterator[Item]:
    alarms = stack.resources("AWS::CloudWatch::Alarm")
    kinds: dict[str, list[str]] = {kind: [] for kind in ("one", "math", "band", "insights", "fast")}
    watched = dict.fromkeys(kinds, 0)
    for name, alarm in alarms.items():
        kind, metrics = _kind(alarm)
        kinds[kind].append(name)
        watched[kind] += traffic.principals if kind == "insights" else metrics
    for kind, title, rate in (
        ("one", "alarms on one metric", "alarm_metric"),
        ("math", "alarms on several metrics", "alarm_metric"),
        ("band", "alarms with an anomaly band", "alarm_metric"),
        ("insights", "alarms by principal", "alarm_metric"),
        ("fast", "alarms on seconds", "alarm_metric_high_resolution"),
    ):
        if kinds[kind]:
            note = count(len(kinds[kind]), "alarm")
            if kind == "band":
                note += "; a band is two metrics more"
            if kind == "insights":
                note += f"; one metric each for {count(traffic.principals, 'principal')}"
            yield till.item(title, RATES[rate], watched[kind], switches(stack, kinds[kind]), note)
    composite = [*stack.resources("AWS::CloudWatch::CompositeAlarm")]
    if composite:
        yield till.item(
            "composite alarms",
            RATES["alarm_composite"],
            len(composite),
            switches(stack, composite),
        )
    for title, rate, kind in (
        ("budgets", "budget", "AWS::Budgets::Budget"),
        ("dashboard", "dashboard", "AWS::CloudWatch::Dashboard"),
    ):
        made = len(stack.resources(kind))
        yield till.item(title, RATES[rate], made, switches(stack, stack.named(kind)))


def _kind(alarm: Mapping[str, Any]) -> tuple[str, int]:
    """Return how an alarm is charged, and for how many metrics."""
    queries = alarm.get("Metrics", [])
    expressions = [str(query.get("Expression", "")) for query in queries]
    metrics = sum("MetricStat" in query for query in queries) or 1
    periods = [alarm.get("Period"), *(query.get("Period") for query in queries)]
    periods += [query["MetricStat"].get("Period") for query in queries if "MetricStat" in query]
    if any(period is not None and int(period) < 60 for period in periods):  # noqa: PLR2004
        return "fast", metrics
    if any("ANOMALY_DETECTION_BAND" in expression for expression in expressions):
        return "band", metrics + 2
    if any(expression.lstrip().upper().startswith("SELECT") for expression in expressions):
        return "insights", metrics
    return ("math" if metrics > 1 else "one"), metrics


def switches(stack: Stack, names: list[str], *, most: int = 3) -> tuple[str, ...]:
    """Return the parameters that decide whether these resources are created.

    If there are more than `most`, only their number is returned.
    """
    found = sorted(
        {
            name
            for resource in names
            for name in stack.switches(resource)
            if not name.startswith(_SOURCE)
        }
    )
    return tuple(found) if len(found) <= most else (f"{len(found)} switches",)


def _logs(stack: Stack, traffic: Traffic, changes: float, till: _Till) -> Iterator[Item]:
    ingestion = RATES["log_ingestion"]
    runs = (traffic.batches + 2 * changes) * PLATFORM_BYTES
    parts = (
        ("log: event and usage lines", traffic.event_line_bytes, ("EventLines",)),
        ("log: metrics", traffic.metric_line_bytes, ()),
        ("log: runs of functions", runs, ()),
    )
    for title, size, changed_by in parts:
        yield till.item(title, ingestion, size / GIGABYTE, changed_by)
    days = float(stack.parameter("LogRetentionDays") or 30)
    kept = sum(size for _, size, _ in parts) / GIGABYTE * COMPRESSED * days / _HOUR_DAYS
    yield till.item("log: kept", RATES["log_storage"], kept, ("LogRetentionDays",))


def _functions(stack: Stack, traffic: Traffic, changes: float, till: _Till) -> Iterator[Item]:
    functions = stack.resources("AWS::Serverless::Function")
    architecture = stack.parameter("Architecture") or "arm64"
    runs = traffic.batches + 2 * changes + sum(_runs(stack).values())
    memory = {
        name: float(function.get("MemorySize", 128)) / 1024 for name, function in functions.items()
    }
    collector = max((size for name, size in memory.items() if "Collect" in name), default=0.5)
    seconds = (
        (traffic.batches * MS_A_BATCH + traffic.calls * MS_A_CALL) * collector
        + changes * MS_AN_ALERT * sum(memory.get(name, 0.5) for name in _ALERT_FLOW)
        + sum(times * MS_A_SWEEP * memory.get(name, 0.5) for name, times in _runs(stack).items())
    ) / 1000
    yield till.item("functions: requests", RATES["lambda_request"], runs)
    yield till.item(
        "functions: time", RATES[f"lambda_gb_second_{architecture}"], seconds, ("Architecture",)
    )


_ALERT_FLOW: Final = ("RouteFunction", "DeliverFunction")


def _runs(stack: Stack) -> dict[str, float]:
    """Return the monthly runs that schedules cause, by the resource with the schedule."""
    found: dict[str, float] = {}
    for name, schedule in stack.resources("AWS::Events::Rule").items():
        found[name] = _times(str(schedule.get("ScheduleExpression", "")))
    for name, function in stack.resources("AWS::Serverless::Function").items():
        for event in function.get("Events", {}).values():
            if event["Type"] in {"Schedule", "ScheduleV2"}:
                properties = event["Properties"]
                expression = properties.get("ScheduleExpression") or properties.get("Schedule")
                found[name] = found.get(name, 0.0) + _times(str(expression))
    return {name: times for name, times in found.items() if times}


def _times(expression: str) -> float:
    if match := _RATE.fullmatch(expression.strip()):
        return HOURS_A_MONTH * 60 / (int(match[1]) * _MINUTES[match[2]])
    return _HOUR_DAYS if expression.startswith("cron") else 0.0


def _messages(stack: Stack, changes: float, till: _Till) -> Iterator[Item]:
    queues = sum(
        event["Type"] == "SQS"
        for function in stack.resources("AWS::Serverless::Function").values()
        for event in function.get("Events", {}).values()
    )
    objects = OBJECTS_AN_HOUR * HOURS_A_MONTH if stack.holds("ReadsBucket") else 0.0
    yield till.item(
        "queues",
        RATES["sqs_request"],
        queues * POLLS_A_MONTH + 3 * (2 * changes + objects),
        note=f"{queues} queues are polled all the time, even when idle",
    )
    email = changes if stack.parameter("AlertEmail") else 0.0
    yield till.item("email: requests", RATES["sns_request"], changes)
    yield till.item("email: messages", RATES["sns_email"], email, ("AlertEmail",))
    secrets = [name for name in stack.parameters() if name.endswith("SecretArn")]
    used = sum(bool(stack.parameter(name)) for name in secrets)
    used += len(stack.resources("AWS::SecretsManager::Secret"))
    yield till.item("secrets", RATES["secret"], used, tuple(secrets)[:3])
    yield till.item("secrets: requests", RATES["secret_request"], changes if used else 0.0)
    tables = len(stack.resources("AWS::DynamoDB::Table"))
    yield till.item("table: writes", RATES["dynamodb_write"], tables * changes * TABLE_WRITES)
    sweeps = _runs(stack).get("HeartbeatRule", 0.0)
    reads = tables * (changes * TABLE_READS + sweeps * SWEEP_READS)
    yield till.item("table: reads", RATES["dynamodb_read"], reads)
    yield till.item("schedules", RATES["schedule"], sum(_runs(stack).values()))
    if objects:
        yield till.item("objects: events", RATES["s3_event"], objects, ("InvocationLogBucketName",))
        yield till.item("objects: reads", RATES["s3_get"], objects, ("InvocationLogBucketName",))
