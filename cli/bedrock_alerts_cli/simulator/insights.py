"""Metrics Insights: reads `SELECT … FROM … GROUP BY …`, and selects a query's metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
"""

import re
from typing import Final, NamedTuple

from bedrock_alerts_cli.simulator.datapoints import Dimensions
from bedrock_alerts_cli.simulator.statistics import Statistic
from bedrock_alerts_cli.simulator.unsupported import SyntaxProblemError

MOST_SERIES: Final = 500
OTHER: Final = "Other"
_STATISTICS: Final = {
    "AVG": Statistic("Average"),
    "COUNT": Statistic("SampleCount"),
    "MAX": Statistic("Maximum"),
    "MIN": Statistic("Minimum"),
    "SUM": Statistic("Sum"),
}
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|"(?P<quoted>[^"]*)"|'(?P<text>(?:[^']|'')*)'"""
    r"|(?P<number>\d+)|(?P<sign>!=|[=(),]))"
)
_END: Final = ("", "")


class Condition(NamedTuple):
    """A condition on a dimension."""

    dimension: str
    value: str
    is_wanted: bool


class Order(NamedTuple):
    """The order of series, and whether the smallest come first."""

    statistic: Statistic
    is_ascending: bool


class Query(NamedTuple):
    """A query; `dimensions` is None if no SCHEMA names a set of dimensions."""

    statistic: Statistic
    metric: str
    namespace: str
    dimensions: frozenset[str] | None = None
    conditions: tuple[Condition, ...] = ()
    group_by: tuple[str, ...] = ()
    order: Order | None = None
    limit: int = MOST_SERIES

    def takes(self, dimensions: Dimensions) -> bool:
        """Whether the query reads a metric with these dimensions."""
        names = dict(dimensions)
        if self.dimensions is not None and self.dimensions != names.keys():
            return False
        return all((names.get(c.dimension) == c.value) is c.is_wanted for c in self.conditions)

    def group(self, dimensions: Dimensions) -> tuple[str, ...]:
        """Return the values by which a metric is grouped."""
        names = dict(dimensions)
        return tuple(names.get(name, OTHER) for name in self.group_by)


def is_query(expression: str) -> bool:
    """Whether an expression is a query, not metric math."""
    return expression.lstrip().upper().startswith("SELECT ")


def read_query(text: str) -> Query:
    """Read a query; raises SyntaxProblemError if it is not valid."""
    return _Reader(text).query()


class _Reader:
    """Reads word by word."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                raise SyntaxProblemError(f"not understood from {text[place:].strip()!r}")
            kind = str(match.lastgroup)
            self._tokens.append((kind, match[kind].replace("''", "'")))
            place = match.end()
        self._next = 0

    def query(self) -> Query:
        """Read everything."""
        self._word("SELECT")
        statistic, metric = self._aggregate()
        if not metric:
            raise SyntaxProblemError("SELECT needs a metric's name, such as SUM(Invocations)")
        self._word("FROM")
        namespace, dimensions = self._source()
        query = Query(
            statistic=statistic,
            metric=metric,
            namespace=namespace,
            dimensions=dimensions,
            conditions=self._where(),
            group_by=self._group_by(),
            order=self._order_by(),
            limit=self._limit(),
        )
        if self._next < len(self._tokens):
            raise SyntaxProblemError(f"not understood from {self._peek()[1]!r}")
        return query

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else _END

    def _is(self, word: str) -> bool:
        kind, text = self._peek()
        return kind in {"name", "sign"} and text.upper() == word

    def _word(self, word: str) -> None:
        if not self._is(word):
            raise SyntaxProblemError(f"{word} expected, not {self._peek()[1] or 'the end'!r}")
        self._next += 1

    def _text(self, *kinds: str) -> str:
        kind, text = self._peek()
        if kind not in kinds:
            raise SyntaxProblemError(f"a name or value expected, not {text or 'the end'!r}")
        self._next += 1
        return text

    def _aggregate(self) -> tuple[Statistic, str]:
        function = self._text("name").upper()
        if function not in _STATISTICS:
            raise SyntaxProblemError(f"function {function} is not simulated")
        self._word("(")
        metric = "" if self._is(")") else self._text("name", "quoted")
        self._word(")")
        return _STATISTICS[function], metric

    def _source(self) -> tuple[str, frozenset[str] | None]:
        if not self._is("SCHEMA"):
            return self._text("name", "quoted"), None
        self._word("SCHEMA")
        self._word("(")
        namespace = self._text("name", "quoted")
        dimensions: list[str] = []
        while not self._is(")"):
            self._word(",")
            dimensions.append(self._text("name", "quoted"))
        self._word(")")
        return namespace, frozenset(dimensions)

    def _where(self) -> tuple[Condition, ...]:
        if not self._is("WHERE"):
            return ()
        self._next += 1
        conditions = [self._condition()]
        while self._is("AND"):
            self._next += 1
            conditions.append(self._condition())
        return tuple(conditions)

    def _condition(self) -> Condition:
        dimension = self._text("name", "quoted")
        is_wanted = not self._is("!=")
        self._word("=" if is_wanted else "!=")
        return Condition(dimension, self._text("text", "quoted"), is_wanted)

    def _group_by(self) -> tuple[str, ...]:
        if not self._is("GROUP"):
            return ()
        self._next += 1
        self._word("BY")
        names = [self._text("name", "quoted")]
        while self._is(","):
            self._next += 1
            names.append(self._text("name", "quoted"))
        return tuple(names)

    def _order_by(self) -> Order | None:
        if not self._is("ORDER"):
            return None
        self._next += 1
        self._word("BY")
        statistic, _ = self._aggregate()
        is_ascending = not self._is("DESC")
        if self._is("ASC") or self._is("DESC"):
            self._next += 1
        return Order(statistic, is_ascending)

    def _limit(self) -> int:
        if not self._is("LIMIT"):
            return MOST_SERIES
        self._next += 1
        return min(int(self._text("number")), MOST_SERIES)
