"""CloudWatch's metric math: reads and evaluates expressions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
A value is a number or a time series (a list, None where there is no data). An operation with a
missing side, or a division by 0, has no value. Only what the alarm catalogue uses is simulated:
operators, IF, FILL with a value, and ANOMALY_DETECTION_BAND on its own. Anything else is an error
when the alarm is read.
"""

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from bedrock_alerts_cli.simulator.series import Value
from bedrock_alerts_cli.simulator.unsupported import SyntaxProblemError

Points: TypeAlias = list[Value]
Result: TypeAlias = Value | Points

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"""|(?P<text>"[^"]*"|'[^']*')|(?P<sign>&&|\|\||[<>=!]=|[-+*/^<>!(),]))"""
)


class Number(NamedTuple):
    """A number in an expression."""

    value: float


class Text(NamedTuple):
    """A text in quotes."""

    value: str


class Name(NamedTuple):
    """The id of a metric or of another expression."""

    id: str


class Call(NamedTuple):
    """A function or operator with its arguments."""

    function: str
    arguments: "tuple[Node, ...]"


Node: TypeAlias = Number | Text | Name | Call

# Operators by how strongly they bind, the weakest first.
_LEVELS: Final = (
    {"||": "||", "OR": "||"},
    {"&&": "&&", "AND": "&&"},
    {sign: sign for sign in ("<", "<=", ">", ">=", "==", "!=")},
    {"+": "+", "-": "-"},
    {"*": "*", "/": "/"},
    {"^": "^"},
)


def read_expression(text: str) -> Node:
    """Read an expression; raises SyntaxProblemError if it is not valid."""
    return _Reader(text).expression()


class _Reader:
    """Reads by recursive descent."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                raise SyntaxProblemError(f"not understood from {text[place:].strip()!r}")
            self._tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            place = match.end()
        self._next = 0

    def expression(self) -> Node:
        """Read everything."""
        node = self._level(0)
        if self._next < len(self._tokens):
            raise SyntaxProblemError(f"not understood from {self._peek()!r} in {self._text!r}")
        return node

    def _peek(self) -> str:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else ""

    def _take(self, wanted: str | None = None) -> tuple[str, str]:
        if self._next == len(self._tokens) or wanted not in {None, self._peek()}:
            found = repr(self._peek()) if self._peek() else "the end"
            raise SyntaxProblemError(f"{wanted or 'a value'} expected, not {found}")
        self._next += 1
        return self._tokens[self._next - 1]

    def _level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        node = self._level(level + 1)
        while (sign := _LEVELS[level].get(self._peek().upper())) is not None:
            self._take()
            node = Call(sign, (node, self._level(level + 1)))
        return node

    def _unary(self) -> Node:
        if self._peek() in {"-", "!"}:
            _, sign = self._take()
            return Call("negative" if sign == "-" else "!", (self._unary(),))
        kind, word = self._take()
        if kind == "sign":
            return self._in_parentheses(word)
        if kind == "name" and self._peek() == "(":
            self._take()
            return Call(word.upper(), self._arguments())
        if kind == "name":
            return Name(word)
        return Number(float(word)) if kind == "number" else Text(word[1:-1])

    def _in_parentheses(self, opened: str) -> Node:
        if opened != "(":
            raise SyntaxProblemError(f"a value expected, not {opened!r}")
        node = self._level(0)
        self._take(")")
        return node

    def _arguments(self) -> tuple[Node, ...]:
        items: list[Node] = []
        while self._peek() != ")":
            if items:
                self._take(",")
            items.append(self._level(0))
        self._take(")")
        return tuple(items)


class Frame:
    """The data for evaluating expressions: an alarm's metrics and expressions by id.

    All metrics have `size` points.
    """

    def __init__(
        self, size: int, metrics: Mapping[str, Points], expressions: Mapping[str, Node]
    ) -> None:
        self.size = size
        self.metrics = metrics
        self.expressions = expressions
        self._known: dict[str, Result] = {}

    def value(self, node: Node) -> Result:
        """Evaluate a node."""
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Text):
            raise SyntaxProblemError(f"text {node.value!r} is not a value")
        if isinstance(node, Call):
            work, *_ = FUNCTIONS[node.function]
            if work is None:
                raise SyntaxProblemError("a band is not a time series")
            return work(self, node.arguments)
        if node.id in self.metrics:
            return self.metrics[node.id]
        if node.id not in self._known:
            self._known[node.id] = self.value(self.expressions[node.id])
        return self._known[node.id]

    def points(self, node: Node) -> Points:
        """Evaluate a node that is a time series."""
        return _as_points(self.value(node), self.size)


Work: TypeAlias = Callable[[Frame, tuple[Node, ...]], Result]


class Function(NamedTuple):
    """A function, and the number of its arguments; no `work` where it has no value of its own."""

    work: Work | None
    least: int
    most: int


def each(function: Callable[..., Value], *results: Result) -> Result:
    """Apply a function of numbers to every point without a missing side."""
    sizes = [len(result) for result in results if isinstance(result, list)]
    if not sizes:
        return function(*results) if None not in results else None
    columns = [_as_points(result, sizes[0]) for result in results]
    return [function(*row) if None not in row else None for row in zip(*columns, strict=True)]


def _as_points(result: Result, size: int) -> Points:
    return result if isinstance(result, list) else [result] * size


def _plain(function: Callable[..., Value]) -> Work:
    return lambda frame, nodes: each(function, *map(frame.value, nodes))


def _finite(function: Callable[..., Any]) -> Callable[..., Value]:
    """Return None for invalid results: divided by 0, too large, a root of a negative number."""

    def guarded(*numbers: float) -> Value:
        try:
            result = function(*numbers)
        except (ArithmeticError, ValueError):
            return None
        return None if isinstance(result, complex) or not math.isfinite(result) else result

    return guarded


def _truth(function: Callable[[float, float], bool]) -> Callable[[float, float], float]:
    return lambda a, b: 1.0 if function(a, b) else 0.0


def _if(frame: Frame, nodes: tuple[Node, ...]) -> Result:
    """Choose point by point; only the chosen side needs a value."""
    condition, yes, no = map(frame.value, nodes)
    if not any(isinstance(result, list) for result in (condition, yes, no)):
        return None if condition is None else (yes if condition else no)
    columns = [_as_points(result, frame.size) for result in (condition, yes, no)]
    return [None if c is None else (y if c else n) for c, y, n in zip(*columns, strict=True)]


def _fill(frame: Frame, nodes: tuple[Node, ...]) -> Result:
    points, filler = map(frame.points, nodes)
    return [other if value is None else value for value, other in zip(points, filler, strict=True)]


FUNCTIONS: Final[Mapping[str, Function]] = {
    "+": Function(_plain(operator.add), 2, 2),
    "-": Function(_plain(operator.sub), 2, 2),
    "*": Function(_plain(_finite(operator.mul)), 2, 2),
    "/": Function(_plain(_finite(operator.truediv)), 2, 2),
    "^": Function(_plain(_finite(operator.pow)), 2, 2),
    "negative": Function(_plain(operator.neg), 1, 1),
    "!": Function(_plain(lambda a: 0.0 if a else 1.0), 1, 1),
    "<": Function(_plain(_truth(operator.lt)), 2, 2),
    "<=": Function(_plain(_truth(operator.le)), 2, 2),
    ">": Function(_plain(_truth(operator.gt)), 2, 2),
    ">=": Function(_plain(_truth(operator.ge)), 2, 2),
    "==": Function(_plain(_truth(operator.eq)), 2, 2),
    "!=": Function(_plain(_truth(operator.ne)), 2, 2),
    "&&": Function(_plain(lambda a, b: 1.0 if a and b else 0.0), 2, 2),
    "||": Function(_plain(lambda a, b: 1.0 if a or b else 0.0), 2, 2),
    "IF": Function(_if, 3, 3),
    "FILL": Function(_fill, 2, 2),
    "ANOMALY_DETECTION_BAND": Function(None, 1, 2),
}


def check(node: Node, known: Mapping[str, Node | None]) -> None:
    """Refuse functions that are not simulated, wrong numbers of arguments, and unknown ids.

    `known` has the ids that may be used: None for a metric, the expression for an expression.
    """
    if isinstance(node, Name) and node.id not in known:
        raise SyntaxProblemError(f"nothing has the id {node.id!r}")
    if not isinstance(node, Call):
        return
    function = FUNCTIONS.get(node.function)
    if function is None:
        raise SyntaxProblemError(f"function {node.function} is not simulated")
    if not function.least <= len(node.arguments) <= function.most:
        raise SyntaxProblemError(f"{node.function} takes a different number of arguments")
    if node.function == "ANOMALY_DETECTION_BAND":
        read_band(node)
    for argument in node.arguments:
        check(argument, known)


def check_no_circle(start: str, known: Mapping[str, Node | None]) -> None:
    """Refuse expressions that need their own result."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        node = known.get(waiting.pop())
        for name in ids(node) if node is not None else ():
            if name == start:
                raise SyntaxProblemError("it needs its own result")
            if name not in seen:
                seen.add(name)
                waiting.append(name)


def ids(node: Node) -> Iterator[str]:
    """Yield the ids that an expression uses."""
    if isinstance(node, Name):
        yield node.id
    elif isinstance(node, Call):
        for argument in node.arguments:
            yield from ids(argument)


def read_band(node: Node) -> tuple[str, float]:
    """Return the id and the number of standard deviations of an anomaly detection band."""
    if isinstance(node, Call) and node.function == "ANOMALY_DETECTION_BAND" and node.arguments:
        watched, width = node.arguments[0], (*node.arguments, Number(2.0))[1]
        if isinstance(watched, Name) and isinstance(width, Number):
            return watched.id, width.value
    raise SyntaxProblemError("a band is written ANOMALY_DETECTION_BAND(id, number)")
