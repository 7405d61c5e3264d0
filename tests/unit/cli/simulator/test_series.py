"""One metric by the minute, and what its windows come to."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts_cli.simulator import Datapoint
from bedrock_alerts_cli.simulator.series import Series, Value
from bedrock_alerts_cli.simulator.statistics import read_statistic


def point(minute: int, *values: float, counts: tuple[float, ...] = ()) -> Datapoint:
    return Datapoint(namespace="N", metric="M", minute=minute * 60, values=values, counts=counts)


def statistic_set(total: float, count: float, least: float, most: float) -> Datapoint:
    return Datapoint(
        namespace="N", metric="M", minute=60, sum=total, count=count, min=least, max=most
    )


def series(*points: Datapoint) -> Series:
    kept = Series(keeps_values=True)
    for one in points:
        kept.add(one)
    return kept


def statistic(kept: Series, name: str, *window: int) -> Value:
    return kept.at(read_statistic(name), (window[0], window[1]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Sum", 15),
        ("Average", 3.75),
        ("SampleCount", 4),
        ("Minimum", 1),
        ("Maximum", 8),
        ("p50", 3),
    ],
)
def test_a_window_holds_the_values_of_its_minutes(name: str, expected: float) -> None:
    kept = series(point(10, 1, 2), point(12, 4), point(12, 8), point(13, 99))
    assert statistic(kept, name, 10, 13) == expected
    assert statistic(kept, name, 0, 10) is None
    assert statistic(kept, name, 11, 12) is None
    assert statistic(kept, name, 14, 90) is None


def test_values_come_with_how_often_they_were_measured() -> None:
    kept = series(point(1, 10, 20, 30, counts=(1, 3, 0)))
    assert statistic(kept, "Sum", 1, 2) == 70
    assert statistic(kept, "SampleCount", 1, 2) == 4
    assert statistic(kept, "Maximum", 1, 2) == 20
    assert statistic(kept, "p50", 1, 2) == 20
    assert statistic(series(point(1, 5, counts=(0,))), "Sum", 1, 2) is None


def test_a_statistic_set_has_no_percentile_unless_it_holds_one_value() -> None:
    kept = series(statistic_set(30, 3, 5, 15))
    assert statistic(kept, "Average", 1, 2) == 10
    assert statistic(kept, "Minimum", 1, 2) == 5
    assert statistic(kept, "p50", 1, 2) is None
    kept = series(statistic_set(30, 3, 10, 10))
    assert statistic(kept, "p50", 1, 2) == 10
    assert statistic(series(statistic_set(0, 0, 0, 0)), "Sum", 1, 2) is None


def test_what_comes_late_is_added_to_what_was_there() -> None:
    kept = series(point(10, 1))
    assert statistic(kept, "Sum", 0, 20) == 1
    kept.add(point(5, 2))
    kept.add(point(10, 4))
    assert statistic(kept, "Sum", 0, 20) == 7
    assert statistic(kept, "Sum", 5, 6) == 2
    assert (kept.first, kept.last) == (5, 10)


def test_nothing_is_lost_to_rounding() -> None:
    kept = series(*(point(minute, 0.1) for minute in range(10)), point(10, 1e9))
    assert statistic(kept, "Sum", 0, 10) == 1.0 != sum([0.1] * 10)
    assert statistic(kept, "Sum", 3, 10) == math.fsum([0.1] * 7)
    assert statistic(kept, "Sum", 11, 20) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"values": (1.0,), "sum": 1.0, "count": 1.0, "min": 1.0, "max": 1.0},
        {"sum": 1.0, "count": 1.0},
        {"values": (1.0, 2.0), "counts": (1.0,)},
    ],
)
def test_a_data_point_is_either_values_or_a_whole_statistic_set(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="M: give"):
        Datapoint(namespace="N", metric="M", minute=0, **wrong)  # type: ignore[arg-type] # wrong


@given(
    st.lists(st.tuples(st.integers(0, 40), st.floats(-1e6, 1e6)), min_size=1, max_size=30),
    st.randoms(use_true_random=False),
    st.integers(1, 15),
)
def test_neither_order_nor_way_of_asking_changes_a_result(
    measured: list[tuple[int, float]], chance: random.Random, period: int
) -> None:
    points = [point(minute, value) for minute, value in measured]
    mixed = chance.sample(points, len(points))
    one, other = series(*points), series(*mixed)
    for name in ("Sum", "Average", "SampleCount", "Minimum", "Maximum", "p90"):
        at_once = one.sliding(read_statistic(name), period, (-5, 60))
        assert at_once == other.sliding(read_statistic(name), period, (-5, 60))
        assert at_once == [statistic(one, name, end - period, end) for end in range(-5, 60)]
