"""Metric math."""

import pytest

from bedrock_alerts_cli.simulator.metric_math import (
    Frame,
    Name,
    Points,
    Result,
    check,
    check_no_circle,
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


def work_out(text: str, **expressions: str) -> Result:
    nodes = {name: read_expression(other) for name, other in expressions.items()}
    node = read_expression(text)
    check(node, {**dict.fromkeys(METRICS), **nodes})
    return Frame(4, METRICS, nodes).value(node)


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
        ("FILL(empty, 0)", [0] * 4),
    ],
)
def test_an_expression_comes_to(text: str, expected: Result) -> None:
    assert work_out(text) == expected


def test_expressions_may_use_each_other() -> None:
    assert work_out("share / 2", total="FILL(m1, 0) + FILL(m2, 0)", share="100 * m1 / total") == [
        pytest.approx(50 / 11),
        50,
        None,
        50,
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SEARCH('x', 'Sum')", "function SEARCH is not simulated"),
        ("SUM(METRICS())", "function SUM is not simulated"),
        ("RATE(m1)", "function RATE is not simulated"),
        ("FILL(m1, REPEAT)", "nothing has the id 'REPEAT'"),
        ("[m1, m2]", r"not understood from '\[m1"),
        ("m1 > ANOMALY_DETECTION_BAND(m1, 3)", "a band is not a time series"),
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


def test_text_is_not_a_value() -> None:
    with pytest.raises(SyntaxProblemError, match="is not a value"):
        work_out("'text' + 1")


def test_an_expression_that_needs_itself_is_refused() -> None:
    known = {"a": read_expression("b + 1"), "b": read_expression("a + 1"), "m1": None}
    with pytest.raises(SyntaxProblemError, match="its own result"):
        check_no_circle("a", known)
    check_no_circle("a", {**known, "b": read_expression("m1 + m1")})


def test_a_band_has_two_standard_deviations_if_nothing_is_said() -> None:
    assert read_band(read_expression("ANOMALY_DETECTION_BAND(m1)")) == ("m1", 2)
    assert read_band(read_expression("ANOMALY_DETECTION_BAND(m1, 0.5)")) == ("m1", 0.5)
    with pytest.raises(SyntaxProblemError):
        read_band(Name("m1"))
