"""What a check finds: a verdict, the evidence for it, and the fix."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from bedrock_alerts.alerts.formatting import lasting
from bedrock_alerts.text import clean
from bedrock_alerts_cli import plurals
from bedrock_alerts_cli.user_errors import CommandError

if TYPE_CHECKING:
    from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack

Verdict: TypeAlias = Literal["ok", "waiting", "unknown", "wrong"]
Clock: TypeAlias = Callable[[], float]

_TEXT_CHARS: Final = 300

count: Final = plurals.count


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    `waiting` is what has nothing to show yet, and is not wrong. `fix` says what to do; a command in
    it has a line for itself.
    """

    check: str
    verdict: Verdict
    evidence: str
    fix: str = ""


Look: TypeAlias = "Callable[[DeployedStack, Clock], Iterator[Finding]]"


class Check(NamedTuple):
    """One look at a stack; `name` says what was not seen where it fails."""

    name: str
    look: Look


class Area(NamedTuple):
    """Checks that a reader wants to see together."""

    title: str
    checks: tuple[Check, ...]


class UnseenError(CommandError):
    """Something cannot be looked at, and that says nothing about whether it works."""


def ok(check: str, evidence: str) -> Finding:
    """Return what is as it should be."""
    return Finding(check=check, verdict="ok", evidence=evidence)


def waiting(check: str, evidence: str, fix: str = "") -> Finding:
    """Return what has nothing to show yet."""
    return Finding(check=check, verdict="waiting", evidence=evidence, fix=fix)


def unknown(check: str, evidence: str, fix: str = "") -> Finding:
    """Return what cannot be seen."""
    return Finding(check=check, verdict="unknown", evidence=evidence, fix=fix)


def wrong(check: str, evidence: str, fix: str) -> Finding:
    """Return what has to be fixed."""
    return Finding(check=check, verdict="wrong", evidence=evidence, fix=fix)


def judged(check: str, evidence: str, fix: str = "") -> Finding:
    """Return what is wrong where there is a fix, and as it should be where there is none."""
    return wrong(check, evidence, fix) if fix else ok(check, evidence)


def ago(now: float, then: float) -> str:
    """Write how long ago something was: `3 min ago`."""
    return f"{lasting(timedelta(seconds=max(0.0, now - then)))} ago"


def shown(value: Any) -> str:
    """Write a value for a line of text."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return clean(text, _TEXT_CHARS)
