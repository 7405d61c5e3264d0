"""Reads a template's alarms for the simulation; properties that are not simulated are refused."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias, get_args

import msgspec

from bedrock_alerts_cli.sample_account import ACCOUNT, REGION
from bedrock_alerts_cli.simulator import clock, insights, metric_math
from bedrock_alerts_cli.simulator import rules as composite_rules
from bedrock_alerts_cli.simulator.datapoints import Dimensions
from bedrock_alerts_cli.simulator.evaluation import EXTRA_PERIODS, Rules, Treatment
from bedrock_alerts_cli.simulator.series import MINUTE
from bedrock_alerts_cli.simulator.statistics import Statistic, read_statistic
from bedrock_alerts_cli.simulator.unsupported import AlarmError, SyntaxProblemError
from bedrock_alerts_cli.template.load import load
from bedrock_alerts_cli.template.resolver import Resolver, Resource, Stack

METRIC_ALARM: Final = "AWS::CloudWatch::Alarm"
COMPOSITE_ALARM: Final = "AWS::CloudWatch::CompositeAlarm"
STATIC_OPERATORS: Final = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
BAND_OPERATORS: Final = (
    "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
)
_DAY: Final = 86400
_WEEK: Final = 7 * _DAY
_HOUR: Final = 3600
_INSIGHTS_SECONDS: Final = 3 * _HOUR
# Actions and descriptive properties do not affect an alarm's states.
_ACTIONS: Final = ("ActionsEnabled", "AlarmActions", "InsufficientDataActions", "OKActions", "Tags")
_COMMON: Final = ("AlarmName", "AlarmDescription", *_ACTIONS)
_KNOWN_OF_METRIC: Final = frozenset(
    {
        *_COMMON,
        "ComparisonOperator",
        "DatapointsToAlarm",
        "Dimensions",
        "EvaluateLowSampleCountPercentile",
        "EvaluationPeriods",
        "EvaluationWindow",
        "ExtendedStatistic",
        "MetricName",
        "Metrics",
        "Namespace",
        "Period",
        "Statistic",
        "Threshold",
        "ThresholdMetricId",
        "TreatMissingData",
        "WarmUpConfiguration",
    }
)
_KNOWN_OF_WARM_UP: Final = frozenset(
    {"OnlyStartEvaluatingAfterWarmUpPeriodEnds", "WarmUpPeriodDurationInMinutes"}
)
_KNOWN_OF_COMPOSITE: Final = frozenset(
    {
        *_COMMON,
        "ActionsSuppressor",
        "ActionsSuppressorExtensionPeriod",
        "ActionsSuppressorWaitPeriod",
        "AlarmRule",
    }
)
_KNOWN_OF_QUERY: Final = frozenset(
    {"Id", "Expression", "Label", "MetricStat", "Period", "ReturnData"}
)
_KNOWN_OF_WINDOW: Final = frozenset({"SlidingWindow", "WallClockWindow"})
_KNOWN_OF_STAT: Final = frozenset({"Metric", "Period", "Stat"})
_KNOWN_OF_METRIC_REF: Final = frozenset({"Namespace", "MetricName", "Dimensions"})
_ID: Final = re.compile(r"[a-z][A-Za-z0-9_]*")


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One statistic of one metric; `period` is in seconds."""

    namespace: str
    metric: str
    dimensions: Dimensions
    statistic: Statistic
    period: int


class Expression(msgspec.Struct, frozen=True, kw_only=True):
    """A metric math expression, as text and as a tree."""

    text: str
    node: metric_math.Node


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of an alarm's `Metrics`; exactly one of signal, expression and query is set."""

    id: str
    label: str | None = None
    is_returned: bool = True
    signal: Signal | None = None
    expression: Expression | None = None
    query: insights.Query | None = None
    query_text: str = ""


class WarmUp(NamedTuple):
    """The minutes after creation in which an alarm is not evaluated.

    It ends earlier when all of the alarm's metrics have data, unless it `lasts`.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_WarmUpConfiguration.html
    """

    minutes: int = 0
    lasts: bool = False


class MetricAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm on metrics.

    `watched` is the id of the item whose points are evaluated: against `threshold`, or if that is
    None, against the band of the item `band`. `period` is in seconds. `is_single` is True if the
    template names the metric itself, without `Metrics`. `zone` is that of a wall clock window;
    without one the window slides.
    """

    name: str
    logical_id: str
    description: str | None
    operator: str
    rules: Rules
    period: int
    items: tuple[Item, ...]
    watched: str
    threshold: float | None = None
    band: str | None = None
    is_single: bool = False
    ignores_few_samples: bool = False
    zone: tzinfo | None = None
    warm_up: WarmUp = WarmUp()

    @property
    def item(self) -> Item:
        """The item whose points are evaluated."""
        return next(item for item in self.items if item.id == self.watched)

    @property
    def query(self) -> insights.Query | None:
        """The Metrics Insights query that the alarm evaluates, if it has one."""
        return self.item.query

    @property
    def is_grouped(self) -> bool:
        """Whether it evaluates several series, its contributors."""
        return self.query is not None and bool(self.query.group_by)

    @property
    def range(self) -> int:
        """The number of periods that CloudWatch evaluates."""
        if all(item.query is None for item in self.items):
            return self.rules.periods + EXTRA_PERIODS
        most = max(_INSIGHTS_SECONDS // self.period, self.rules.periods)
        return min(self.rules.periods + EXTRA_PERIODS, most)

    @property
    def minutes_between(self) -> int:
        """How often it is evaluated: every minute, or every hour if it spans days."""
        return 60 if self.rules.periods * self.period > _DAY else 1


class CompositeAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """A composite alarm; the suppressor's periods are in seconds."""

    name: str
    logical_id: str
    description: str | None
    rule_text: str
    rule: composite_rules.Rule
    suppressor: str | None = None
    suppressor_text: str | None = None
    wait_period: int = 0
    extension_period: int = 0


Alarm: TypeAlias = MetricAlarm | CompositeAlarm


def read_alarms(
    template: Path,
    parameters: Mapping[str, Any] | None = None,
    stack_name: str = "bedrock-alerts",
    *,
    account: str = ACCOUNT,
    region: str = REGION,
) -> tuple[Alarm, ...]:
    """Read the alarms that a template creates with these parameters, in the template's order.

    Alarms with a false condition are left out. Raises TemplateError or AlarmError if something is
    wrong or not simulated.
    """
    resolver = Resolver(load(template), parameters or {}, Stack(stack_name, account, region))
    alarms = tuple(read_alarm(one) for one in resolver.resources(METRIC_ALARM, COMPOSITE_ALARM))
    check_references(alarms)
    return alarms


def read_alarm(resource: Resource) -> Alarm:
    """Read one alarm whose properties are plain values."""
    if resource.type == METRIC_ALARM:
        return _MetricAlarmReader(resource).alarm()
    return _composite(resource)


def check_references(alarms: Sequence[Alarm]) -> None:
    """Refuse duplicate names, and composites of missing alarms or of themselves.

    A suppressor may be outside the template.
    """
    names = [alarm.name for alarm in alarms]
    for alarm in alarms:
        if names.count(alarm.name) > 1:
            raise AlarmError(alarm.name, "AlarmName", "two alarms have this name")
    done = {alarm.name for alarm in alarms if isinstance(alarm, MetricAlarm)}
    waiting = [alarm for alarm in alarms if isinstance(alarm, CompositeAlarm)]
    for composite in waiting:
        absent = [name for name in composite_rules.named(composite.rule) if name not in names]
        if absent:
            raise AlarmError(composite.name, "AlarmRule", f"there is no alarm {absent[0]}")
    while waiting:
        ready = [one for one in waiting if done.issuperset(_needed(one) & set(names))]
        if not ready:
            raise AlarmError(
                waiting[0].name, "AlarmRule", "alarms depend on each other in a circle"
            )
        done.update(one.name for one in ready)
        waiting = [one for one in waiting if one.name not in done]


def _needed(composite: CompositeAlarm) -> set[str]:
    suppressor = {composite.suppressor} if composite.suppressor else set()
    return {*composite_rules.named(composite.rule)} | suppressor


class _Properties:
    """The properties of one alarm; every complaint names the alarm and the property."""

    def __init__(self, alarm: str, properties: Any, known: frozenset[str], where: str = "") -> None:
        self._alarm = alarm
        self._where = where
        if not isinstance(properties, dict):
            raise self.error("", "an object is expected")
        self.properties: Mapping[str, Any] = properties
        unknown = sorted(properties.keys() - known)
        if unknown:
            raise self.error(unknown[0], "this property is not simulated")

    def error(self, name: str, problem: str) -> AlarmError:
        return AlarmError(self._alarm, f"{self._where}{name}", problem)

    def text(self, name: str) -> str | None:
        value = self.properties.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.error(name, f"text is expected, not {value!r}")
        return value

    def needed_text(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise self.error(name, "is missing")
        return value

    def number(self, name: str) -> float | None:
        value = self.properties.get(name)
        if value is None:
            return None
        try:
            return float(value)
        except (TypeError, ValueError):
            raise self.error(name, f"a number is expected, not {value!r}") from None

    def whole(self, name: str, default: int | None = None, least: int = 1) -> int:
        value = self.number(name)
        if value is None and default is not None:
            return default
        if value is None:
            raise self.error(name, "is missing")
        if value < least or value != int(value):
            raise self.error(name, f"a whole number from {least} is expected, not {value:g}")
        return int(value)

    def truth(self, name: str, *, default: bool) -> bool:
        value = str(self.properties.get(name, default)).lower()
        if value not in {"true", "false"}:
            raise self.error(name, f"true or false is expected, not {value}")
        return value == "true"

    def period(self, name: str = "Period") -> int:
        period = self.whole(name)
        if period % MINUTE:
            raise self.error(name, "only whole minutes are simulated")
        return period

    def statistic(self, name: str) -> Statistic:
        try:
            return read_statistic(self.needed_text(name))
        except SyntaxProblemError as error:
            raise self.error(name, str(error)) from None

    def dimensions(self) -> Dimensions:
        items = self.properties.get("Dimensions", [])
        try:
            return tuple(sorted((str(item["Name"]), str(item["Value"])) for item in items))
        except (TypeError, KeyError):
            raise self.error("Dimensions", "a list of Name and Value is expected") from None

    def nested(self, name: str, known: frozenset[str]) -> "_Properties":
        where = f"{self._where}{name}."
        return _Properties(self._alarm, self.properties.get(name), known, where)


class _MetricAlarmReader(_Properties):
    """Reads an alarm on metrics."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource.name, resource.properties, _KNOWN_OF_METRIC)
        self._resource = resource

    def alarm(self) -> MetricAlarm:
        """Read everything."""
        is_single = "Metrics" not in self.properties
        items = self._single() if is_single else tuple(self._items())
        watched, band = self._watched(items)
        operator = self.needed_text("ComparisonOperator")
        allowed = tuple(STATIC_OPERATORS) if band is None else BAND_OPERATORS
        if operator not in allowed:
            raise self.error("ComparisonOperator", f"{operator} is not one of {', '.join(allowed)}")
        threshold = self.number("Threshold")
        if (threshold is None) is (band is None):
            raise self.error("Threshold", "give a threshold or a band")
        period = self._period(items)
        is_grouped = any(item.query is not None and item.query.group_by for item in items)
        return MetricAlarm(
            name=self._resource.name,
            logical_id=self._resource.logical_id,
            description=self.text("AlarmDescription"),
            operator=operator,
            rules=self._rules(period),
            period=period,
            items=items,
            watched=watched,
            threshold=threshold,
            band=band,
            is_single=is_single,
            ignores_few_samples=self._ignores_few_samples(),
            zone=self._zone(period, is_grouped=is_grouped),
            warm_up=self._warm_up(),
        )

    def _rules(self, period: int) -> Rules:
        periods = self.whole("EvaluationPeriods")
        needed = self.whole("DatapointsToAlarm", default=periods)
        if needed > periods:
            raise self.error("DatapointsToAlarm", "must not be more than EvaluationPeriods")
        if periods * period > (_WEEK if period >= _HOUR else _DAY):
            raise self.error("EvaluationPeriods", "looks back further than CloudWatch allows")
        treatment = self.text("TreatMissingData") or "missing"
        if treatment not in get_args(Treatment):
            raise self.error("TreatMissingData", f"{treatment!r} is not a treatment")
        return msgspec.convert((needed, periods, treatment), Rules)

    def _ignores_few_samples(self) -> bool:
        value = self.text("EvaluateLowSampleCountPercentile") or "evaluate"
        if value not in {"evaluate", "ignore"}:
            raise self.error("EvaluateLowSampleCountPercentile", f"{value!r} is not known")
        return value == "ignore"

    def _warm_up(self) -> WarmUp:
        if "WarmUpConfiguration" not in self.properties:
            return WarmUp()
        given = self.nested("WarmUpConfiguration", _KNOWN_OF_WARM_UP)
        return WarmUp(
            minutes=given.whole("WarmUpPeriodDurationInMinutes"),
            lasts=given.truth("OnlyStartEvaluatingAfterWarmUpPeriodEnds", default=False),
        )

    def _zone(self, period: int, *, is_grouped: bool) -> tzinfo | None:
        """Return the zone of a wall clock window."""
        if "EvaluationWindow" not in self.properties:
            return None
        window = self.nested("EvaluationWindow", _KNOWN_OF_WINDOW)
        if len(window.properties) != 1:
            raise self.error("EvaluationWindow", "give a SlidingWindow or a WallClockWindow")
        if "SlidingWindow" in window.properties:
            return None
        wall = window.nested("WallClockWindow", frozenset({"Timezone"}))
        if period not in clock.PERIODS:
            raise self.error(
                "EvaluationWindow", f"a period of {period} s is not a wall clock period"
            )
        if is_grouped:
            raise self.error("EvaluationWindow", "a wall clock with GROUP BY is not simulated")
        try:
            return clock.read_zone(wall.text("Timezone") or "UTC")
        except SyntaxProblemError as error:
            raise wall.error("Timezone", str(error)) from None

    def _single(self) -> tuple[Item, ...]:
        extended = "ExtendedStatistic" in self.properties
        if extended and "Statistic" in self.properties:
            raise self.error("ExtendedStatistic", "cannot be combined with Statistic")
        signal = Signal(
            namespace=self.needed_text("Namespace"),
            metric=self.needed_text("MetricName"),
            dimensions=self.dimensions(),
            statistic=self.statistic("ExtendedStatistic" if extended else "Statistic"),
            period=self.period(),
        )
        return (Item(id="m1", signal=signal),)

    def _items(self) -> Iterator[Item]:
        for name in ("Namespace", "MetricName", "Dimensions", "Period", "Statistic"):
            if name in self.properties:
                raise self.error(name, "cannot be combined with Metrics")
        entries = self.properties["Metrics"]
        if not isinstance(entries, list) or not entries:
            raise self.error("Metrics", "a list is expected")
        ids: list[str] = []
        for number, entry in enumerate(entries):
            item = _Properties(self._alarm, entry, _KNOWN_OF_QUERY, f"Metrics[{number}].")
            ids.append(item.needed_text("Id"))
            if not _ID.fullmatch(ids[-1]) or ids.count(ids[-1]) > 1:
                raise item.error("Id", f"{ids[-1]!r} is not a valid id, or is used twice")
            yield _item(item)

    def _watched(self, items: tuple[Item, ...]) -> tuple[str, str | None]:
        """Return the ids of the evaluated item and of its band."""
        self._check_expressions(items)
        band = self.text("ThresholdMetricId")
        returned = [item.id for item in items if item.is_returned and item.id != band]
        if len(returned) != 1:
            raise self.error("Metrics", f"exactly one must be returned, not {len(returned)}")
        (watched,) = returned
        if band is None:
            return watched, None
        node = next((i.expression.node for i in items if i.id == band and i.expression), None)
        try:
            metric_math.read_band(node or metric_math.Number(0))
        except SyntaxProblemError as error:
            raise self.error("ThresholdMetricId", str(error)) from None
        return watched, band

    def _check_expressions(self, items: tuple[Item, ...]) -> None:
        known = {item.id: item.expression.node if item.expression else None for item in items}
        for number, item in enumerate(items):
            where = f"Metrics[{number}].Expression"
            if item.query is not None and item.query.group_by and len(items) > 1:
                raise self.error(where, "GROUP BY among other metrics is not simulated")
            if item.expression is None:
                continue
            try:
                metric_math.check(item.expression.node, known)
                metric_math.check_no_circle(item.id, known)
            except SyntaxProblemError as error:
                raise self.error(where, f"{item.expression.text!r}: {error}") from None

    def _period(self, items: tuple[Item, ...]) -> int:
        periods = {item.signal.period for item in items if item.signal is not None}
        for number, item in enumerate(items):
            if item.query is not None:
                periods.add(self._nested_period(number))
        if len(periods) != 1:
            raise self.error("Metrics", "metrics of several periods, or of none, are not simulated")
        return periods.pop()

    def _nested_period(self, number: int) -> int:
        entry = self.properties["Metrics"][number]
        return _Properties(self._alarm, entry, _KNOWN_OF_QUERY, f"Metrics[{number}].").period()


def _item(entry: _Properties) -> Item:
    """Read one entry of `Metrics`."""
    if ("Expression" in entry.properties) is ("MetricStat" in entry.properties):
        raise entry.error("Expression", "give an expression or a MetricStat")
    item = Item(
        id=entry.needed_text("Id"),
        label=entry.text("Label"),
        is_returned=entry.truth("ReturnData", default=True),
    )
    if "MetricStat" in entry.properties:
        stat = entry.nested("MetricStat", _KNOWN_OF_STAT)
        metric = stat.nested("Metric", _KNOWN_OF_METRIC_REF)
        signal = Signal(
            namespace=metric.needed_text("Namespace"),
            metric=metric.needed_text("MetricName"),
            dimensions=metric.dimensions(),
            statistic=stat.statistic("Stat"),
            period=stat.period(),
        )
        return msgspec.structs.replace(item, signal=signal)
    text = entry.needed_text("Expression")
    try:
        if insights.is_query(text):
            return msgspec.structs.replace(item, query=insights.read_query(text), query_text=text)
        expression = Expression(text=text, node=metric_math.read_expression(text))
    except SyntaxProblemError as error:
        raise entry.error("Expression", f"{text!r}: {error}") from None
    return msgspec.structs.replace(item, expression=expression)


def _composite(resource: Resource) -> CompositeAlarm:
    """Read an alarm on other alarms."""
    given = _Properties(resource.name, resource.properties, _KNOWN_OF_COMPOSITE)
    text = given.needed_text("AlarmRule")
    try:
        rule = composite_rules.read_rule(text)
    except SyntaxProblemError as error:
        raise given.error("AlarmRule", str(error)) from None
    suppressor = given.text("ActionsSuppressor")
    if not suppressor:
        for name in ("ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"):
            if name in given.properties:
                raise given.error(name, "requires ActionsSuppressor")
    return CompositeAlarm(
        name=resource.name,
        logical_id=resource.logical_id,
        description=given.text("AlarmDescription"),
        rule_text=text,
        rule=rule,
        suppressor=composite_rules.alarm_name(suppressor) if suppressor else None,
        suppressor_text=suppressor or None,
        wait_period=given.whole("ActionsSuppressorWaitPeriod", 0, 0),
        extension_period=given.whole("ActionsSuppressorExtensionPeriod", 0, 0),
    )
