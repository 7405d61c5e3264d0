"""Rules of composite alarms: `ALARM("a") OR (OK("b") AND NOT TRUE)`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from bedrock_alerts_cli.simulator.evaluation import State
from bedrock_alerts_cli.simulator.unsupported import SyntaxProblemError

_STATES: Final[Mapping[str, State]] = {
    "ALARM": "ALARM",
    "OK": "OK",
    "INSUFFICIENT_DATA": "INSUFFICIENT_DATA",
}
_WORD: Final = re.compile(r"\s*(?P<word>[A-Za-z_]+|[()])")
_ALARM: Final = re.compile(
    r"""\s*\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^()"']+?))\s*\)"""
)
_ARN: Final = re.compile(r"arn:[a-z-]+:cloudwatch:[a-z0-9-]+:\d{12}:alarm:(.+)")


class Always(NamedTuple):
    """TRUE or FALSE."""

    value: bool


class Is(NamedTuple):
    """An alarm being in a state."""

    state: State
    alarm: str


class Not(NamedTuple):
    """The opposite."""

    rule: "Rule"


class Both(NamedTuple):
    """AND."""

    left: "Rule"
    right: "Rule"


class Either(NamedTuple):
    """OR."""

    left: "Rule"
    right: "Rule"


Rule: TypeAlias = Always | Is | Not | Both | Either


def holds(rule: Rule, states: Mapping[str, State]) -> bool:
    """Whether a rule is true for the states of the alarms that it names."""
    match rule:
        case Always(value):
            return value
        case Is(state, alarm):
            return states[alarm] == state
        case Not(inner):
            return not holds(inner, states)
        case Both(left, right):
            return holds(left, states) and holds(right, states)
        case Either(left, right):
            return holds(left, states) or holds(right, states)


def named(rule: Rule) -> Iterator[str]:
    """Yield the alarms of a rule in order, possibly with duplicates."""
    match rule:
        case Is(_, alarm):
            yield alarm
        case Not(inner):
            yield from named(inner)
        case Both(left, right) | Either(left, right):
            yield from named(left)
            yield from named(right)
        case _:
            pass


def alarm_name(text: str) -> str:
    """Return an alarm's name from the name or the ARN."""
    arn = _ARN.fullmatch(text)
    return arn[1] if arn else text


def read_rule(text: str) -> Rule:
    """Read a rule; raises SyntaxProblemError if it is not valid."""
    return _Reader(text).rule()


class _Reader:
    """Reads by recursive descent: NOT binds strongest, then AND, then OR."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0

    def rule(self) -> Rule:
        """Read everything."""
        rule = self._either()
        if self._text[self._place :].strip():
            raise SyntaxProblemError(f"not understood from {self._text[self._place :].strip()!r}")
        return rule

    def _peek(self) -> str:
        match = _WORD.match(self._text, self._place)
        return match["word"].upper() if match else ""

    def _take(self) -> str:
        match = _WORD.match(self._text, self._place)
        if match is None:
            rest = self._text[self._place :].strip() or "the end"
            raise SyntaxProblemError(f"ALARM(…), OK(…) or the like expected, not {rest!r}")
        self._place = match.end()
        return match["word"].upper()

    def _either(self) -> Rule:
        rule = self._both()
        while self._peek() == "OR":
            self._take()
            rule = Either(rule, self._both())
        return rule

    def _both(self) -> Rule:
        rule = self._one()
        while self._peek() == "AND":
            self._take()
            rule = Both(rule, self._one())
        return rule

    def _one(self) -> Rule:
        word = self._take()
        if word == "NOT":
            return Not(self._one())
        if word in {"TRUE", "FALSE"}:
            return Always(word == "TRUE")
        if word == "(":
            rule = self._either()
            if self._take() != ")":
                raise SyntaxProblemError("a bracket is not closed")
            return rule
        alarm = _ALARM.match(self._text, self._place)
        if word not in _STATES or alarm is None:
            raise SyntaxProblemError(f"{word} is not simulated in a rule, or lacks its alarm")
        self._place = alarm.end()
        quoted = alarm[1] if alarm[1] is not None else alarm[2]
        name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else alarm[3]
        return Is(_STATES[word], alarm_name(name))
