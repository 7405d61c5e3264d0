"""Why an alarm is in its state, in CloudWatch's sentences, and the data behind them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli.simulator import anomaly_bands as bands
from bedrock_alerts_cli.simulator.alarm_definitions import STATIC_OPERATORS, MetricAlarm
from bedrock_alerts_cli.simulator.changes import arn, moment, stamp
from bedrock_alerts_cli.simulator.evaluation import State, Verdict
from bedrock_alerts_cli.simulator.series import Value

NO_DATA_OF_CONTRIBUTOR: Final = "No data was returned for this contributor"
_MOST_CONTRIBUTORS: Final = 100
_TREATED: Final = {
    "missing": "Missing",
    "ignore": "Ignore",
    "breaching": "Breaching",
    "notBreaching": "NonBreaching",
}
_FILLING: Final = ("breaching", "notBreaching")


class Shown(NamedTuple):
    """One period of the evaluation range, by its beginning in seconds."""

    start: int
    value: Value
    is_breaching: bool
    lower: Value = None
    upper: Value = None
    samples: float | None = None


def of_metric(
    alarm: MetricAlarm, state: State, verdict: Verdict, shown: Sequence[Shown], now: int
) -> tuple[str, dict[str, Any]]:
    """Return the reason and its data; `shown` are the evaluated periods, the newest first."""
    judged = [shown[place] for place in verdict.places]
    data = _data(alarm, judged, shown, now)
    if state == "INSUFFICIENT_DATA":
        n = alarm.rules.periods
        return f"Insufficient Data: {_datapoints(n)} {_were(n)} unknown.", data
    if verdict.filled and alarm.rules.treatment in _FILLING:
        return _filled(alarm, verdict), data
    decisive = [one for one in judged if one.is_breaching is (state == "ALARM")]
    return _crossed(alarm, state, decisive), data


def of_contributor(
    alarm: MetricAlarm, state: State, verdict: Verdict, judged: Sequence[Shown]
) -> str:
    """Return a contributor's reason; `judged` are its periods with data, newest first."""
    if verdict.filled and alarm.rules.treatment in _FILLING:
        return _filled(alarm, verdict)
    decisive = [one for one in judged if one.is_breaching is (state == "ALARM")]
    words = STATIC_OPERATORS[alarm.operator]
    n = len(decisive)
    negation = "" if state == "ALARM" else "not "
    return (
        f"Threshold Crossed: {_datapoints(n)} {_were(n)} {negation}{words} the threshold"
        f" ({alarm.threshold}). The most recent datapoint which crossed the threshold:"
        f" [{_dated(decisive[0])}]."
    )


def of_parent(alarm: MetricAlarm, breaching: int, series: int) -> str:
    """Return the reason of an alarm with contributors."""
    if not series:
        treated = _TREATED[alarm.rules.treatment]
        return (
            "No time series were returned by the query. Treat missing data is configured as"
            f" [{treated}]."
        )
    if not breaching:
        return f"{series} time series evaluated to OK"
    if breaching > _MOST_CONTRIBUTORS:
        return f"{_MOST_CONTRIBUTORS}+ time series evaluated to ALARM"
    return f"{breaching} out of {series} time series evaluated to ALARM"


def of_composite(
    name: str, state: State, causes: Mapping[str, tuple[State, int]], *, is_new: bool
) -> tuple[str, dict[str, Any]]:
    """Return the reason of a composite alarm: `causes` are alarms, their states, and since when."""
    data = {
        "triggeringAlarms": [
            {"arn": arn(cause), "state": {"value": value, "timestamp": stamp(at)}}
            for cause, (value, at) in causes.items()
        ]
    }
    if is_new or not causes:
        return f"{arn(name)} was created and its alarm rule evaluates to {state}", data
    cause, (value, at) = next(iter(causes.items()))
    when = f"{moment(at):%A %d %B, %Y %H:%M:%S} UTC"
    return f"{arn(cause)} transitioned to {value} at {when}", data


def _crossed(alarm: MetricAlarm, state: State, decisive: Sequence[Shown]) -> str:
    n, rules = len(decisive), alarm.rules
    points = ", ".join(_dated(one) for one in decisive)
    is_alarm = state == "ALARM"
    negation = "" if is_alarm else "not "
    least = rules.needed if is_alarm else rules.periods - rules.needed + 1
    way = "OK -> ALARM" if is_alarm else "ALARM -> OK"
    if alarm.band is None:
        title = "Threshold"
        compared = f"{negation}{STATIC_OPERATORS[alarm.operator]} the threshold ({alarm.threshold})"
        note = ""
    else:
        title, note = "Thresholds", bands.NOTE
        compared = _compared_with_band(alarm.operator, decisive, negation)
    return (
        f"{title} Crossed: {n} out of the last {_datapoints_only(rules.periods)} [{points}]"
        f" {_were(n)} {compared} (minimum {_datapoints(least)} for {way} transition).{note}"
    )


def _compared_with_band(operator: str, decisive: Sequence[Shown], negation: str) -> str:
    lower = f"{negation}less than the lower thresholds [{_listed(o.lower for o in decisive)}]"
    upper = f"{negation}greater than the upper thresholds [{_listed(o.upper for o in decisive)}]"
    if operator == "LessThanLowerThreshold":
        return lower
    return upper if operator == "GreaterThanUpperThreshold" else f"{lower} or {upper}"


def _filled(alarm: MetricAlarm, verdict: Verdict) -> str:
    real, n, filled = len(verdict.places), alarm.rules.periods, verdict.filled
    received = _datapoints(real) if real else "no datapoints"
    periods = "1 period" if n == 1 else f"{n} periods"
    missing = "1 missing datapoint was" if filled == 1 else f"{filled} missing datapoints were"
    return (
        f"Threshold Crossed: {received} {_were(real)} received for {periods} and {missing} treated"
        f" as [{_TREATED[alarm.rules.treatment]}]."
    )


def _data(
    alarm: MetricAlarm, judged: Sequence[Shown], shown: Sequence[Shown], now: int
) -> dict[str, Any]:
    data: dict[str, Any] = {"version": "1.0", "queryDate": stamp(now)}
    if judged:
        data["startDate"] = stamp(judged[-1].start)
    signal = alarm.item.signal
    if alarm.is_single and signal is not None:
        data["statistic"] = signal.statistic.label
    data["period"] = alarm.period
    data["recentDatapoints"] = [one.value for one in reversed(judged)]
    if alarm.band is None:
        data["threshold"] = alarm.threshold
    else:
        if alarm.operator != "GreaterThanUpperThreshold":
            data["recentLowerThresholds"] = [one.lower for one in reversed(judged)]
        if alarm.operator != "LessThanLowerThreshold":
            data["recentUpperThresholds"] = [one.upper for one in reversed(judged)]
    data["evaluatedDatapoints"] = [
        _evaluated(one) for one in judged or shown[: alarm.rules.periods]
    ]
    return data


def _evaluated(one: Shown) -> dict[str, Any]:
    entry: dict[str, Any] = {"timestamp": stamp(one.start)}
    if one.value is not None:
        if one.samples is not None:
            entry["sampleCount"] = one.samples
        entry["value"] = one.value
    return entry


def _dated(one: Shown) -> str:
    return f"{one.value} ({moment(one.start):%d/%m/%y %H:%M:%S})"


def _listed(values: Any) -> str:
    return ", ".join(str(value) for value in values)


def _datapoints(n: int) -> str:
    return "1 datapoint" if n == 1 else f"{n} datapoints"


def _datapoints_only(n: int) -> str:
    return f"{n} datapoints"


def _were(n: int) -> str:
    return "was" if n == 1 else "were"
