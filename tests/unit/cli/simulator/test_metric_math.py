"""Metric math."""

import pytest

from bedrock_alerts_cli.simulator.metric_math import (
    Frame,
    Name,
    Points,
    Result,
    check,
    check_no_circle,
    is_local,
    read_band,
    read_expression,
)
from bedrock_alerts_cli.simulator.unsupported import SyntaxProblemError

METRICS: dict[str, Points] = {
    "m1": [1.0, 2.0, None, 8.0],
    "m2": [10.0, None, 30.0, 0.0],
    "errors1": [0.0, 1.0, 0.0, 1.0],
    "empty": [None, None, None, None],
}


def band(watched: str, width: float) -> tuple[Points, Points]:
    assert watched == "m1"
    return [-width] * 4, [width] * 4


def work_out(text: str, **expressions: str) -> Result:
    nodes = {name: read_expression(other) for name, other in expressions.items()}
    node = read_expression(text)
    check(node, {**dict.fromkeys(METRICS), **nodes})
    starts = [0, 60, 120, 180]
    return Frame(starts, 60, METRICS, nodes, band).value(node)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 ^ 2", 19),
        ("(1 + 2) * 3", 9),
        ("-m1", [-1, -2, None, -8]),
        ("2 - -1", 3),
        ("8 - 2 - 1", 5),
        ("100 * m1 / m2", [10, None, None, None]),
        ("m1 + m2", [11, None, None, 8]),
        ("m1 / 0", [None] * 4),
        ("1e3 + .5", 1000.5),
        ("m1 > 1", [0, 1, None, 1]),
        ("m1 >= 2 AND m1 != 8", [0, 1, None, 0]),
        ("m1 < 2 || m1 == 8", [1, 0, None, 1]),
        ("m1 <= 1 OR errors1 == 1", [1, 1, None, 1]),
        ("!errors1", [1, 0, 1, 0]),
        ("IF(m1 > 1, m1, 0)", [0, 2, None, 8]),
        ("IF(errors1, m1, m2)", [10, 2, 30, 8]),
        ("IF(1 > 0, 5, 6)", 5),
        ("IF(errors1, 1 / 0, 2)", [2, None, 2, None]),
        ("FILL(m1, 0)", [1, 2, 0, 8]),
        ("FILL(m2, m1)", [10, 2, 30, 0]),
        ("FILL(m1, REPEAT)", [1, 2, 2, 8]),
        ("FILL(m1, LINEAR)", [1, 2, 5, 8]),
        ("FILL(empty, 0)", [0] * 4),
        ("FILL(empty, REPEAT)", [None] * 4),
        ("SUM(METRICS('m'))", [11, 2, 30, 8]),
        ("SUM([m1, m2])", [11, 2, 30, 8]),
        ("MAX([m1, m2])", [10, 2, 30, 8]),
        ("MIN([m1, m2, 5])", [1, 2, 5, 0]),
        ("AVG([m1, m2])", [5.5, 2, 30, 4]),
        ("SUM(m1)", 11),
        ("AVG(m1)", pytest.approx(11 / 3)),
        ("MAX(m1) - MIN(m1)", 7),
        ("SUM(empty)", None),
        ("SUM([empty])", [None] * 4),
        ("m1 / SUM(m1) * 11", [1, 2, None, 8]),
        ("METRIC_COUNT(METRICS())", 4),
        ("ABS(-m1)", [1, 2, None, 8]),
        ("CEIL(m1 / 4)", [1, 1, None, 2]),
        ("FLOOR(m1 / 4)", [0, 0, None, 2]),
        ("SUM(ABS([0 - m1, m2]))", [11, 2, 30, 8]),
        ("LOG10(m2)", [1, None, pytest.approx(1.4771212), None]),
        ("DIFF(m1)", [None, 1, None, 6]),
        ("DIFF_TIME(m1)", [None, 60, None, 120]),
        ("RATE(m1)", [None, 1 / 60, None, 0.05]),
        ("RUNNING_SUM(m1)", [1, 3, 3, 11]),
        ("PERIOD(m1)", 60),
        ("m1 * PERIOD(m1)", [60, 120, None, 480]),
        ("TIME_SERIES(3)", [3] * 4),
        ("MAX(2)", 2),
        ("SUM(FILL([m1, m2], 0))", [11, 2, 30, 8]),
        ("SUM(FILL([m1, m2], REPEAT))", [11, 12, 32, 8]),
        ("SUM(RUNNING_SUM([errors1, m1]))", [1, 4, 4, 13]),
        ("MINUTE(m1)", [0, 1, 2, 3]),
        ("HOUR(m1)", [0] * 4),
        ("DAY(m1)", [4] * 4),
        ("EPOCH(m1)", [0, 60, 120, 180]),
        ("FIRST([m1, m2])", [1, 2, None, 8]),
        ("IF(m1 > LAST(ANOMALY_DETECTION_BAND(m1, 3)), 1, 0)", [0, 0, None, 1]),
    ],
)
def test_an_expression_comes_to(text: str, expected: Result) -> None:
    assert work_out(text) == expected


def test_expressions_may_use_each_other() -> None:
    assert work_out("share / 2", total="SUM([m1, m2])", share="100 * m1 / total") == [
        pytest.approx(50 / 11),
        50,
        None,
        50,
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SEARCH('x', 'Sum')", "function SEARCH is not simulated"),
        ("m1 +", "a value expected, not the end"),
        ("m1 m2", "not understood from 'm2'"),
        ("(m1", r"\) expected"),
        ("m1 # m2", "not understood from '# m2'"),
        ("IF(m1, 1)", "IF takes a different number of arguments"),
        ("m3 * 2", "nothing has the id 'm3'"),
        ("ANOMALY_DETECTION_BAND(m1 * 2)", "a band is written"),
        (", m1", "a value expected, not ','"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, problem: str) -> None:
    with pytest.raises(SyntaxProblemError, match=problem):
        work_out(text)


@pytest.mark.parametrize(
    "text", ["[m1, m2] + 1", "IF(m1, [m1], 0)", "IF([m1], 1, 2)", "[[m1]]", "'text' + 1"]
)
def test_what_is_no_time_series_is_refused_where_one_is_needed(text: str) -> None:
    node = read_expression(text)
    with pytest.raises(SyntaxProblemError):
        Frame([0, 60, 120, 180], 60, METRICS, {}, band).points(node)


def test_an_expression_that_needs_itself_is_refused() -> None:
    known = {"a": read_expression("b + 1"), "b": read_expression("a + 1"), "m1": None}
    with pytest.raises(SyntaxProblemError, match="its own result"):
        check_no_circle("a", known)
    check_no_circle("a", {**known, "b": read_expression("m1 + m1")})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IF(m1 > 5, m1 / m2, FILL(m2, 0))", True),
        ("SUM([m1, m2])", True),
        ("SUM(METRICS())", True),
        ("MAX(FILL(METRICS(), 0))", True),
        ("other * 2", True),
        ("SUM(m1)", False),
        ("m1 - AVG(other)", False),
        ("FILL(m1, REPEAT)", False),
        ("DIFF(m1)", False),
        ("whole + 1", False),
    ],
)
def test_what_looks_at_more_than_one_point_is_known(text: str, *, expected: bool) -> None:
    known = {
        "m1": None,
        "m2": None,
        "other": read_expression("m1 + 1"),
        "whole": read_expression("RUNNING_SUM(m1)"),
    }
    assert is_local(read_expression(text), known) is expected


def test_a_band_has_two_standard_deviations_if_nothing_is_said() -> None:
    assert read_band(read_expression("ANOMALY_DETECTION_BAND(m1)")) == ("m1", 2)
    assert read_band(read_expression("ANOMALY_DETECTION_BAND(m1, 0.5)")) == ("m1", 0.5)
    with pytest.raises(SyntaxProblemError):
        read_band(Name("m1"))
