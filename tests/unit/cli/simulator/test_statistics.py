"""Statistics of a period's values."""

import pytest

from bedrock_alerts_cli.simulator.statistics import read_statistic
from bedrock_alerts_cli.simulator.unsupported import SyntaxProblemError

ONE_TO_TEN = [float(n) for n in range(1, 11)]


def test_plain_statistics_are_known_in_any_case() -> None:
    assert read_statistic("average").label == "Average"
    assert read_statistic("SampleCount").label == "SampleCount"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("p0", 1),
        ("p50", 5.5),
        ("p90", 9.1),
        ("p100", 10),
        ("P99.9", 9.991),
        ("tm90", 5),
        ("tc90", 9),
        ("ts90", 45),
        ("wm90", 5.41),
    ],
)
def test_ranked_statistics(name: str, expected: float) -> None:
    assert read_statistic(name).of(ONE_TO_TEN, [1.0] * 10) == pytest.approx(expected)


def test_a_value_that_came_often_counts_as_often() -> None:
    p50, values = read_statistic("p50"), [1.0, 100.0]
    assert p50.of(values, [1.0, 9.0]) == 100
    assert p50.of(values, [9.0, 1.0]) == 1
    assert p50.of(values, [1.0, 1.0]) == 50.5


@pytest.mark.parametrize("name", ["Median", "p101", "p", "TM(10%:90%)", "IQM", "pr90", ""])
def test_what_is_not_simulated_is_refused(name: str) -> None:
    with pytest.raises(SyntaxProblemError, match="is not simulated"):
        read_statistic(name)
