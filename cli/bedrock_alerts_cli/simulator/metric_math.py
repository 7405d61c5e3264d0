"""CloudWatch's metric math: reads and evaluates expressions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
A value is a number, a time series (a list, None where there is no data), or an array of series (a
tuple). An operation with a missing side, or a division by 0, has no value. A function that is not
simulated is an error when the alarm is read.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias

from bedrock_alerts_cli.simulator.series import Value
from bedrock_alerts_cli.simulator.unsupported import SyntaxProblemError

Points: TypeAlias = list[Value]
Result: TypeAlias = Value | Points | tuple[Points, ...]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"""|(?P<text>"[^"]*"|'[^']*')|(?P<sign>&&|\|\||[<>=!]=|[-+*/^<>!(),\[\]]))"""
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
    """A function or operator with its arguments; `[…]` is a call of `[`."""

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
            return self._in_brackets(word)
        if kind == "name" and self._peek() == "(":
            self._take()
            return Call(word.upper(), self._list(")"))
        if kind == "name":
            return Name(word)
        return Number(float(word)) if kind == "number" else Text(word[1:-1])

    def _in_brackets(self, opened: str) -> Node:
        if opened == "[":
            return Call("[", self._list("]"))
        if opened != "(":
            raise SyntaxProblemError(f"a value expected, not {opened!r}")
        node = self._level(0)
        self._take(")")
        return node

    def _list(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while self._peek() != end:
            if items:
                self._take(",")
            items.append(self._level(0))
        self._take(end)
        return tuple(items)


class Frame:
    """The data for evaluating an expression.

    `starts` are the beginnings of the points' periods, in seconds; `period` is in seconds;
    `metrics` are the alarm's metrics by id, `expressions` its expressions, and `band` returns lower
    and upper bounds for the metric of an id and a number of standard deviations.
    """

    def __init__(
        self,
        starts: Sequence[int],
        period: int,
        metrics: Mapping[str, Points],
        expressions: Mapping[str, Node],
        band: Callable[[str, float], tuple[Points, Points]],
    ) -> None:
        self.starts = starts
        self.period = period
        self.metrics = metrics
        self.expressions = expressions
        self.band = band
        self._known: dict[str, Result] = {}

    def value(self, node: Node) -> Result:
        """Evaluate a node."""
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Text):
            raise SyntaxProblemError(f"text {node.value!r} is not a value")
        if isinstance(node, Call):
            return FUNCTIONS[node.function].work(self, node.arguments)
        if node.id in self.metrics:
            return self.metrics[node.id]
        if node.id not in self._known:
            self._known[node.id] = self.value(self.expressions[node.id])
        return self._known[node.id]

    def points(self, node: Node) -> Points:
        """Evaluate a node that is a time series."""
        result = self.value(node)
        if isinstance(result, tuple):
            raise SyntaxProblemError("an array is used where one time series is needed")
        return result if isinstance(result, list) else [result] * len(self.starts)


Work: TypeAlias = Callable[[Frame, tuple[Node, ...]], Result]


class Function(NamedTuple):
    """A function: the number of its arguments, and whether it uses one point at a time.

    `is_local` is None if that depends on its argument: for arrays yes, for one series no.
    """

    work: Work
    least: int
    most: int
    is_local: bool | None = True


def each(function: Callable[..., Value], *results: Result) -> Result:
    """Apply a function of numbers to every point without a missing side."""
    arrays = [len(result) for result in results if isinstance(result, tuple)]
    if arrays:
        return tuple(
            _as_points(
                each(function, *(r[place] if isinstance(r, tuple) else r for r in results)), 0
            )
            for place in range(min(arrays))
        )
    sizes = [len(result) for result in results if isinstance(result, list)]
    if not sizes:
        return function(*results) if None not in results else None
    columns = [_as_points(result, sizes[0]) for result in results]
    return [function(*row) if None not in row else None for row in zip(*columns, strict=True)]


def _as_points(result: Result, size: int) -> Points:
    if isinstance(result, list):
        return result
    if isinstance(result, tuple):
        raise SyntaxProblemError("an array is used where one time series is needed")
    return [result] * size


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
        if isinstance(condition, tuple):
            raise SyntaxProblemError("IF does not accept arrays")
        return None if condition is None else (yes if condition else no)
    size = len(frame.starts)
    columns = [_as_points(result, size) for result in (condition, yes, no)]
    return [None if c is None else (y if c else n) for c, y, n in zip(*columns, strict=True)]


def _reduce(function: Callable[[list[float]], float]) -> Work:
    """Make one series of an array, or one number of a series."""

    def work(frame: Frame, nodes: tuple[Node, ...]) -> Result:
        result = frame.value(nodes[0])
        if isinstance(result, tuple):
            rows = ([v for v in row if v is not None] for row in zip(*result, strict=True))
            return [function(row) if row else None for row in rows]
        if isinstance(result, list):
            present = [value for value in result if value is not None]
            return function(present) if present else None
        return result

    return work


def _metrics(frame: Frame, nodes: tuple[Node, ...]) -> Result:
    part = nodes[0].value if nodes and isinstance(nodes[0], Text) else ""
    return tuple(points for name, points in frame.metrics.items() if part in name)


def _array(frame: Frame, nodes: tuple[Node, ...]) -> Result:
    return tuple(frame.points(node) for node in nodes)


def _fill(frame: Frame, nodes: tuple[Node, ...]) -> Result:
    result = frame.value(nodes[0])
    if isinstance(nodes[1], Name) and nodes[1].id in {"REPEAT", "LINEAR"}:
        how = _repeated if nodes[1].id == "REPEAT" else _interpolated
        if isinstance(result, tuple):
            return tuple(how(points) for points in result)
        return how(_as_points(result, len(frame.starts)))
    filler = _as_points(frame.value(nodes[1]), len(frame.starts))
    if isinstance(result, tuple):
        return tuple(_filled(points, filler) for points in result)
    return _filled(_as_points(result, len(frame.starts)), filler)


def _filled(points: Points, filler: Points) -> Points:
    return [other if value is None else value for value, other in zip(points, filler, strict=True)]


def _repeated(points: Points) -> Points:
    filled: Points = []
    for value in points:
        filled.append(value if value is not None or not filled else filled[-1])
    return filled


def _interpolated(points: Points) -> Points:
    filled = list(points)
    known = [place for place, value in enumerate(points) if value is not None]
    for left, right in pairwise(known):
        start, end = points[left] or 0.0, points[right] or 0.0
        for place in range(left + 1, right):
            filled[place] = start + (end - start) * (place - left) / (right - left)
    return filled


def _differences(frame: Frame, points: Points) -> Iterable[tuple[Value, int]]:
    """Return the step from the value before to each value, and the seconds between them."""
    before: tuple[float, int] | None = None
    for value, start in zip(points, frame.starts, strict=True):
        if value is None or before is None:
            yield None, 1
        else:
            yield value - before[0], start - before[1]
        before = before if value is None else (value, start)


def _by_series(function: Callable[[Frame, Points], Points]) -> Work:
    def work(frame: Frame, nodes: tuple[Node, ...]) -> Result:
        result = frame.value(nodes[0])
        if isinstance(result, tuple):
            return tuple(function(frame, points) for points in result)
        return function(frame, _as_points(result, len(frame.starts)))

    return work


def _diff(frame: Frame, points: Points) -> Points:
    return [step for step, _ in _differences(frame, points)]


def _diff_time(frame: Frame, points: Points) -> Points:
    return [None if step is None else float(s) for step, s in _differences(frame, points)]


def _rate(frame: Frame, points: Points) -> Points:
    return [None if step is None else step / s for step, s in _differences(frame, points)]


def _running_sum(_frame: Frame, points: Points) -> Points:
    total, sums = 0.0, []
    for value in points:
        total += value or 0.0
        sums.append(total)
    return list[Value](sums)


def _period(frame: Frame, _nodes: tuple[Node, ...]) -> Result:
    return float(frame.period)


def _metric_count(frame: Frame, nodes: tuple[Node, ...]) -> Result:
    result = frame.value(nodes[0])
    return float(len(result)) if isinstance(result, tuple) else 1.0


def _time_series(frame: Frame, nodes: tuple[Node, ...]) -> Result:
    return frame.points(nodes[0])


def _from_time(part: Callable[[int], float]) -> Work:
    return lambda frame, _nodes: [part(start) for start in frame.starts]


def _band(frame: Frame, nodes: tuple[Node, ...]) -> Result:
    watched, width = read_band(Call("ANOMALY_DETECTION_BAND", nodes))
    return frame.band(watched, width)


def _edge(place: int) -> Work:
    def work(frame: Frame, nodes: tuple[Node, ...]) -> Result:
        result = frame.value(nodes[0])
        return result[place] if isinstance(result, tuple) else result

    return work


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
    "[": Function(_array, 1, 100),
    "ABS": Function(_plain(abs), 1, 1),
    "CEIL": Function(_plain(lambda a: float(math.ceil(a))), 1, 1),
    "FLOOR": Function(_plain(lambda a: float(math.floor(a))), 1, 1),
    "LOG": Function(_plain(_finite(math.log)), 1, 1),
    "LOG10": Function(_plain(_finite(math.log10)), 1, 1),
    "IF": Function(_if, 3, 3),
    "FILL": Function(_fill, 2, 2),
    "SUM": Function(_reduce(math.fsum), 1, 1, is_local=None),
    "MIN": Function(_reduce(min), 1, 1, is_local=None),
    "MAX": Function(_reduce(max), 1, 1, is_local=None),
    "AVG": Function(_reduce(lambda row: math.fsum(row) / len(row)), 1, 1, is_local=None),
    "METRICS": Function(_metrics, 0, 1),
    "METRIC_COUNT": Function(_metric_count, 1, 1),
    "TIME_SERIES": Function(_time_series, 1, 1),
    "DIFF": Function(_by_series(_diff), 1, 1, is_local=False),
    "DIFF_TIME": Function(_by_series(_diff_time), 1, 1, is_local=False),
    "RATE": Function(_by_series(_rate), 1, 1, is_local=False),
    "RUNNING_SUM": Function(_by_series(_running_sum), 1, 1, is_local=False),
    "PERIOD": Function(_period, 1, 1),
    "EPOCH": Function(_from_time(float), 1, 1),
    "MINUTE": Function(_from_time(lambda start: float(start // 60 % 60)), 1, 1),
    "HOUR": Function(_from_time(lambda start: float(start // 3600 % 24)), 1, 1),
    # Monday is 1, and 1970 began on a Thursday.
    "DAY": Function(_from_time(lambda start: float((start // 86400 + 3) % 7 + 1)), 1, 1),
    "FIRST": Function(_edge(0), 1, 1),
    "LAST": Function(_edge(-1), 1, 1),
    "ANOMALY_DETECTION_BAND": Function(_band, 1, 2),
}
_ARRAYS: Final = ("[", "METRICS", "ANOMALY_DETECTION_BAND")
_ARRAYS_FROM_ARRAYS: Final = ("ABS", "CEIL", "FLOOR", "FILL", "DIFF", "RATE", "RUNNING_SUM")


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
    filler = node.function == "FILL" and node.arguments[1] in {Name("REPEAT"), Name("LINEAR")}
    for argument in node.arguments[: 1 if filler else None]:
        if not isinstance(argument, Text):
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


def is_local(node: Node, known: Mapping[str, Node | None]) -> bool:
    """Whether each point of the result depends only on the same point of the metrics."""
    if isinstance(node, Name):
        inner = known.get(node.id)
        return inner is None or is_local(inner, known)
    if not isinstance(node, Call):
        return True
    local = FUNCTIONS[node.function].is_local
    if local is None:
        local = _is_array(node.arguments[0], known)
    if node.function == "FILL" and node.arguments[1] in {Name("REPEAT"), Name("LINEAR")}:
        local = False
    return local and all(is_local(argument, known) for argument in node.arguments)


def _is_array(node: Node, known: Mapping[str, Node | None]) -> bool:
    if isinstance(node, Name):
        inner = known.get(node.id)
        return inner is not None and _is_array(inner, known)
    return isinstance(node, Call) and (
        node.function in _ARRAYS
        or (node.function in _ARRAYS_FROM_ARRAYS and _is_array(node.arguments[0], known))
    )


def read_band(node: Node) -> tuple[str, float]:
    """Return the id and the number of standard deviations of an anomaly detection band."""
    if isinstance(node, Call) and node.function == "ANOMALY_DETECTION_BAND" and node.arguments:
        watched, width = node.arguments[0], (*node.arguments, Number(2.0))[1]
        if isinstance(watched, Name) and isinstance(width, Number):
            return watched.id, width.value
    raise SyntaxProblemError("a band is written ANOMALY_DETECTION_BAND(id, number)")
