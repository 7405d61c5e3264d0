"""Every alarm of the catalogue says what to do."""

import re
from pathlib import Path

import pytest

from bedrock_alerts.alerts.next_steps import ABOUT_QUOTAS, catalogue, steps_for, suffix_of

TEMPLATE = Path(__file__).parents[3] / "template.yaml"
ALARMS = re.findall(
    r'AlarmName: !Sub "\$\{AWS::StackName\}\.(\w+)"', TEMPLATE.read_text(encoding="utf-8")
)


def test_there_are_alarms() -> None:
    assert len(ALARMS) > 30


@pytest.mark.parametrize("alarm", ALARMS)
def test_every_alarm_says_what_to_do(alarm: str) -> None:
    steps = steps_for(f"any-stack.{alarm}")
    assert 1 <= len(steps) <= 3
    assert all(10 < len(step) <= 120 and step[-1] in ".?" for step in steps)


def test_no_advice_is_left_of_an_alarm_that_is_gone() -> None:
    advised = {name for name, entry in catalogue().items() if entry.next_steps}
    assert advised == {path.stem for path in (TEMPLATE.parent / "alarms").glob("*.yaml")}
    assert advised >= ABOUT_QUOTAS


def test_an_alarm_of_somebody_else_gets_no_advice() -> None:
    assert steps_for("chat-blocks") == ()


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.b.Throttling", "Throttling"), ("Throttling", "Throttling"), ("", "")],
)
def test_the_suffix_is_what_stands_behind_the_stack(name: str, suffix: str) -> None:
    assert suffix_of(name) == suffix


def test_the_trace_is_named_for_each_api() -> None:
    text = " ".join(steps_for("stack.UnexplainedInterventions"))
    assert "guardrailConfig.trace" in text
    assert "X-Amzn-Bedrock-Trace" in text
