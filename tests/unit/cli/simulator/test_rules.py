"""Rules of composite alarms."""

import pytest

from bedrock_alerts_cli.simulator.evaluation import State
from bedrock_alerts_cli.simulator.rules import holds, named, read_rule
from bedrock_alerts_cli.simulator.unsupported import SyntaxProblemError

STATES: dict[str, State] = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA", "d e": "ALARM"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ALARM(a)", True),
        ('ALARM("b")', False),
        ("OK('b')", True),
        ("INSUFFICIENT_DATA(c)", True),
        ("ALARM(arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a)", True),
        ('ALARM("d e")', True),
        ("TRUE", True),
        ("FALSE", False),
        ("NOT ALARM(a)", False),
        ("not alarm(b) and ok(b)", True),
        ("ALARM(a) OR ALARM(b) AND FALSE", True),
        ("(ALARM(a) OR ALARM(b)) AND FALSE", False),
        ("NOT FALSE AND FALSE", False),
        ("TRUE AND TRUE AND FALSE", False),
        ("FALSE OR FALSE OR TRUE", True),
        ("NOT (FALSE AND FALSE)", True),
        ("ALARM( a )\n  OR\n  FALSE", True),
    ],
)
def test_a_rule_holds_or_not(text: str, *, expected: bool) -> None:
    assert holds(read_rule(text), STATES) is expected


def test_the_alarms_of_a_rule_are_named_in_order() -> None:
    rule = read_rule('NOT OK("b") AND (ALARM(a) OR ALARM(b)) OR TRUE')
    assert list(named(rule)) == ["b", "a", "b"]


@pytest.mark.parametrize(
    "text",
    ["", "ALARM", "ALARM()", "ALARM(a", "ALARM(a) ALARM(b)", "(ALARM(a)", "(ALARM(a) NOT", "SOON(a)", "a", "NOT",
     "AT_LEAST(1, ALARM, (a, b))"],
)  # fmt: skip
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(SyntaxProblemError):
        read_rule(text)
