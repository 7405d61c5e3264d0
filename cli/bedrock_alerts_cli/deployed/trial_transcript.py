"""The transcript of a trial in an account: each step with its time, and nothing private."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, Literal, TypeAlias

import click
import msgspec

from bedrock_alerts.alerts.formatting import lasting
from bedrock_alerts.text import clean

Result: TypeAlias = Literal["ok", "failed", "stopped"]

_MARKS: Final = {"ok": "✓", "failed": "✗", "stopped": "■"}
_COLORS: Final = {"ok": "green", "failed": "red", "stopped": "yellow"}
_MAX_LINE: Final = 1000
# In this order: what an ARN or an address holds is gone before account ids are looked for.
_PRIVATE: Final = (
    (re.compile(r"(arn:[a-z-]+:(?:iam|sts|secretsmanager)):\S*"), r"\1:…"),
    (re.compile(r"https://[\w.-]*(?:slack|office|logic\.azure)[\w.-]*/\S*"), "<url>"),
    (re.compile(r"xox[a-z]-[\w-]+"), "<token>"),
    (re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"), "<email>"),
    (re.compile(r"(?<!\d)(\d{4})\d{4}(\d{4})(?!\d)"), r"\1…\2"),
)


def masked(text: str) -> str:
    """Return a text without account ids, identities, secrets and email addresses."""
    for pattern, instead in _PRIVATE:
        text = pattern.sub(instead, text)
    return text


class Step(msgspec.Struct, kw_only=True):
    """One step: what was found, and what to do where it failed."""

    name: str
    seconds: float = 0.0
    result: Result = "ok"
    lines: list[str] = []
    fix: str = ""

    def text(self, *, colored: bool = False) -> str:
        """Write the step for a person."""
        mark = _MARKS[self.result]
        mark = click.style(mark, fg=_COLORS[self.result]) if colored else mark
        took = "" if self.seconds < 1 else f"  ({_took(self.seconds)})"
        lines = [f"{mark} {self.name}{took}", *(f"    {line}" for line in self.lines)]
        if self.fix:
            lines.append(f"    What to do: {self.fix}")
        return "".join(f"{line.rstrip()}\n" for line in lines)


def _took(seconds: float) -> str:
    return lasting(timedelta(seconds=seconds)) if seconds >= 60 else f"{seconds:.0f} s"  # noqa: PLR2004 - a minute


class Transcript:
    """Collects the steps, and shows each when it ends, on standard error."""

    def __init__(self, heading: str, clock: Callable[[], float]) -> None:
        self.heading = masked(heading)
        self.steps: list[Step] = []
        self._clock = clock
        self._began = 0.0

    def begin(self, name: str) -> Step:
        """Begin a step."""
        self._began = self._clock()
        step = Step(name=name, lines=[])
        self.steps.append(step)
        click.echo(f"… {name}", err=True)
        return step

    def end(self, step: Step, result: Result | None = None, fix: str = "") -> None:
        """End a step, and show it."""
        step.seconds = round(self._clock() - self._began, 1)
        step.result = result or step.result
        step.fix = masked(clean(fix or step.fix, _MAX_LINE))
        step.lines = [masked(clean(line, _MAX_LINE)) for line in step.lines]
        click.echo(step.text(colored=True), nl=False, err=True)

    @property
    def is_fine(self) -> bool:
        """Whether every step went as it should."""
        return all(step.result == "ok" for step in self.steps)

    def text(self) -> str:
        """Return the whole transcript as text."""
        end = "All steps went well." if self.is_fine else "Not all steps went well."
        steps = "".join(step.text() for step in self.steps)
        return f"{self.heading}\n\n{steps}\n{end}\n"

    def document(self) -> dict[str, Any]:
        """Return the whole transcript as JSON values."""
        return {
            "trial": self.heading,
            "is_fine": self.is_fine,
            "steps": [msgspec.to_builtins(step) for step in self.steps],
        }
