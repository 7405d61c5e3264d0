"""Metrics Insights queries."""

import pytest

from bedrock_alerts_cli.simulator.insights import Condition, Order, Query, is_query, read_query
from bedrock_alerts_cli.simulator.statistics import Statistic
from bedrock_alerts_cli.simulator.unsupported import SyntaxProblemError

SUM = Statistic("Sum")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        pytest.param(
            "SELECT SUM(Blocked) FROM Example", Query(SUM, "Blocked", "Example"), id="all"
        ),
        pytest.param(
            'select avg("In Vocations") from "AWS/Bedrock"',
            Query(Statistic("Average"), "In Vocations", "AWS/Bedrock"),
            id="quoted, in small letters",
        ),
        pytest.param(
            "SELECT COUNT(m) FROM SCHEMA(\"n\", A, \"B C\") WHERE A = 'it''s' AND \"B C\" != 'x'",
            Query(
                Statistic("SampleCount"),
                "m",
                "n",
                frozenset({"A", "B C"}),
                (Condition("A", "it's", is_wanted=True), Condition("B C", "x", is_wanted=False)),
            ),
            id="with a schema and conditions",
        ),
        pytest.param(
            "SELECT MAX(m) FROM SCHEMA(n) GROUP BY A, B ORDER BY SUM() DESC LIMIT 10",
            Query(
                Statistic("Maximum"),
                "m",
                "n",
                frozenset(),
                (),
                ("A", "B"),
                Order(SUM, is_ascending=False),
                10,
            ),
            id="grouped, ranked and cut",
        ),
        pytest.param(
            "SELECT MIN(m) FROM n ORDER BY MIN() ASC",
            Query(Statistic("Minimum"), "m", "n", order=Order(Statistic("Minimum"), True)),  # noqa: FBT003
            id="the smallest first",
        ),
    ],
)
def test_a_query_is_read(text: str, query: Query) -> None:
    assert is_query(text)
    assert read_query(text) == query


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SELECT SUM() FROM n", "needs a metric's name"),
        ("SELECT P99(m) FROM n", "function P99 is not simulated"),
        ("SELECT SUM(m)", "FROM expected, not 'the end'"),
        ("SELECT SUM(m) FROM n WHERE A LIKE 'x'", "= expected, not 'LIKE'"),
        ("SELECT SUM(m) FROM n WHERE A = 'x' OR B = 'y'", "not understood from 'OR'"),
        ("SELECT SUM(m) FROM n LIMIT many", "a name or value expected"),
        ("SELECT SUM(m) FROM n; DROP", "not understood from '; DROP'"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, problem: str) -> None:
    with pytest.raises(SyntaxProblemError, match=problem):
        read_query(text)


def test_metric_math_is_no_query() -> None:
    assert not is_query("SELECTED + 1")
    assert not is_query("m1")


@pytest.mark.parametrize(
    ("where", "is_taken"),
    [
        pytest.param((("A", "1"), ("B", "2")), True, id="just the schema's dimensions"),
        pytest.param((("A", "1"), ("B", "x")), False, id="a value that is not wanted"),
        pytest.param((("A", "1"),), False, id="a dimension too few"),
        pytest.param((("A", "1"), ("B", "2"), ("C", "3")), False, id="a dimension too many"),
    ],
)
def test_a_schema_is_an_exact_set_of_dimensions(
    where: tuple[tuple[str, str], ...], *, is_taken: bool
) -> None:
    query = read_query("SELECT SUM(m) FROM SCHEMA(n, A, B) WHERE B != 'x' GROUP BY A")
    assert query.takes(where) is is_taken


def test_without_a_schema_every_set_is_read_and_what_lacks_the_dimension_is_other() -> None:
    query = read_query("SELECT SUM(m) FROM n GROUP BY A")
    assert query.takes(())
    assert query.group(()) == ("Other",)
    assert query.group((("A", "1"), ("B", "2"))) == ("1",)
