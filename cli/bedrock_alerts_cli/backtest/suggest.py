"""Suggests thresholds with at most a given number of alarms a week."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli.backtest.outcome import AlarmHistory, Suggestion
from bedrock_alerts_cli.backtest.run import Fired, Setup
from bedrock_alerts_cli.simulator import Alarm, MetricAlarm
from bedrock_alerts_cli.template.load import load

# Round thresholds, as a person would set.
_LADDER: Final = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
_MOST_STEPS: Final = 60
_PROBE: Final = 3.0


class Knob(NamedTuple):
    """A numeric parameter that decides when an alarm fires, with its value and its bounds."""

    parameter: str
    present: float
    least: float
    most: float
    is_whole: bool


def suggestions(
    alarms: Sequence[AlarmHistory], setup: Setup, fired: Fired, most: float
) -> tuple[Suggestion, ...]:
    """Suggest a value for each alarm that fired more than `most` times.

    A higher threshold does not always make an alarm rarer, so each suggestion was tried: it is the
    first of a series of round numbers that is quiet enough.
    """
    knobs = _knobs(setup)
    bands = {one.name for one in setup.alarms() if isinstance(one, MetricAlarm) and one.band}
    found = []
    for alarm in alarms:
        if alarm.fired <= most or alarm.name not in knobs:
            continue
        knob = knobs[alarm.name]
        value, would_fire = _search(alarm, knob, fired, most)
        found.append(
            Suggestion(
                alarm=alarm.name,
                parameter=knob.parameter,
                present=knob.present,
                value=value,
                fired=alarm.fired,
                would_fire=would_fire,
                is_estimated=alarm.name in bands,
            )
        )
    return tuple(found)


def _search(alarm: AlarmHistory, knob: Knob, fired: Fired, most: float) -> tuple[float | None, int]:
    """Return the first quiet step: by bisection, then downward while it stays quiet."""
    steps = list(_steps(knob))
    count: dict[int, int] = {}

    def tried(place: int) -> int:
        if place not in count:
            count[place] = fired(alarm.name, {knob.parameter: _written(steps[place])})
        return count[place]

    if not steps or tried(len(steps) - 1) > most:
        return None, tried(len(steps) - 1) if steps else alarm.fired
    low, high = 0, len(steps) - 1
    while low < high:
        middle = (low + high) // 2
        if tried(middle) <= most:
            high = middle
        else:
            low = middle + 1
    while high and tried(high - 1) <= most:
        high -= 1
    return steps[high], tried(high)


def _steps(knob: Knob) -> Iterator[float]:
    """Yield round numbers above the present value; for a fraction, in steps of its size."""
    size, taken = 0.001, 0
    while taken < _MOST_STEPS and size <= knob.most:
        for step in _LADDER:
            value = round(step * size, 6)
            if knob.is_whole and value != int(value):
                continue
            if knob.present < value <= knob.most and value >= knob.least:
                taken += 1
                yield value
        size *= 10


def _written(value: float) -> str:
    return f"{value:.10g}"


def _knobs(setup: Setup) -> dict[str, Knob]:
    """Return, for each alarm, the parameter that changes its threshold, by trying each.

    If none changes the threshold itself (budgets are in expressions), it is one that changes the
    alarm and as few others as possible.
    """
    parameters: Mapping[str, Any] = load(setup.template).get("Parameters", {})
    before = {alarm.name: alarm for alarm in setup.alarms()}
    found: dict[str, list[tuple[tuple[bool, int], Knob]]] = {}
    for name, described in parameters.items():
        knob = _knob(name, described, setup.parameters)
        if knob is None:
            continue
        probe = min(knob.most, max(knob.least, _PROBE * max(knob.present, 1)))
        after = {alarm.name: alarm for alarm in setup.alarms(**{name: _written(probe)})}
        changed = [one for one in before if one in after and after[one] != before[one]]
        for alarm in changed:
            is_threshold = _threshold(after[alarm]) != _threshold(before[alarm])
            found.setdefault(alarm, []).append(((not is_threshold, len(changed)), knob))
    return {alarm: min(rated)[1] for alarm, rated in found.items()}


def _knob(name: str, described: Mapping[str, Any], given: Mapping[str, str]) -> Knob | None:
    if described.get("Type") != "Number" or "AllowedValues" in described:
        return None
    try:
        present = float(given.get(name, described.get("Default", "")))
    except ValueError:
        return None
    least, most = float(described.get("MinValue", 0)), float(described.get("MaxValue", 1e12))
    if present <= 0:  # switched off, or never meant to be compared with
        return None
    return Knob(name, present, least, most, isinstance(described.get("MinValue", 0.5), int))


def _threshold(alarm: Alarm) -> float | None:
    return alarm.threshold if isinstance(alarm, MetricAlarm) else None
