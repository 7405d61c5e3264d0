"""Findings for a person: by area, what is fine on few lines, what is wrong last, with its fix."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import click

from bedrock_alerts_cli.deployed.doctor.finding import Finding, Verdict, count, unknown
from bedrock_alerts_cli.deployed.doctor.looked_at import Seen, is_wrong

_MARKS: Final[Mapping[Verdict, str]] = {"ok": "✓", "waiting": "…", "unknown": "?", "wrong": "✗"}
_COLORS: Final[Mapping[Verdict, str]] = {
    "ok": "green", "waiting": "cyan", "unknown": "yellow", "wrong": "red",
}  # fmt: skip
_WORDS: Final[Mapping[Verdict, str]] = {
    "ok": "ok", "waiting": "waiting", "unknown": "not checked", "wrong": "wrong",
}  # fmt: skip
_COMMANDS: Final = ("AWS_PROFILE=", "aws ", "bedrock-alerts ", "make ", "sam ")
_WIDTH: Final = 80
_WIDEST: Final = 100
_NAME_WIDTH: Final = 22
# So many of a kind that are fine, such as alarms, share a line.
_MANY: Final = 3


class Looked(NamedTuple):
    """What doctor found of one stack; `where` is what a reader calls its account and Region.

    `unread` says why the stack cannot be read.
    """

    stack: str
    where: str
    account: str
    region: str
    seen: Sequence[Seen] = ()
    unread: str = ""

    @property
    def exit_code(self) -> int:
        """Return 1 if something is wrong, 2 if the stack cannot be read."""
        return 2 if self.unread else int(is_wrong(self.seen))


def in_json(looked: Sequence[Looked]) -> str:
    """Write all findings as a JSON list."""
    found: list[dict[str, Any]] = [
        {
            "stack": one.stack,
            "account": one.account,
            "region": one.region,
            "check": finding.check,
            "verdict": finding.verdict,
            "evidence": finding.evidence,
            "fix": finding.fix,
        }
        for one in looked
        for finding in _all_of(one)
    ]
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def sums(looked: Sequence[Looked]) -> str:
    """Write a line for each stack."""
    width = max(len(one.where) for one in looked)
    text = "".join(
        f"{one.where.ljust(width)}  {one.unread or _sum(_all_of(one))}\n" for one in looked
    )
    return text if sys.stdout.isatty() else click.unstyle(text)


def _all_of(one: Looked) -> list[Finding]:
    if one.unread:
        return [unknown("stack", one.unread)]
    return [finding for area in one.seen for finding in area.findings]


def as_text(place: str, seen: Sequence[Seen], *, every: bool = False) -> str:
    """Write findings for a person: in color, and as wide as the terminal, where there is one.

    `every` gives each finding a line.
    """
    is_terminal = sys.stdout.isatty()
    width = min(_WIDEST, shutil.get_terminal_size((_WIDTH, 24)).columns) if is_terminal else _WIDTH
    text = "".join(f"{line}\n" for line in _lines(place, seen, width, every=every))
    return text if is_terminal else click.unstyle(text)


def _lines(place: str, seen: Sequence[Seen], width: int, *, every: bool) -> Iterator[str]:
    yield place[0].upper() + place[1:]
    for area in seen:
        if not area.findings:
            continue
        shown = [one for one in area.findings if one.verdict != "wrong"]
        bad = len(area.findings) - len(shown)
        title = area.title + (f" ({bad} wrong, see below)" if bad else "")
        yield ""
        yield click.style(title, bold=True)
        for finding in shown if every else _shared(shown):
            yield from _finding(finding, width)
    wrong = [one for area in seen for one in area.findings if one.verdict == "wrong"]
    if wrong:
        yield ""
        yield click.style("Wrong", bold=True, fg="red")
        for finding in wrong:
            yield from _finding(finding, width)
    yield ""
    yield _sum([one for area in seen for one in area.findings])


def _shared(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Put what is fine, or waits for the same, on one line where there is much of its kind."""
    kinds: dict[tuple[str, Verdict], list[Finding]] = {}
    for finding in findings:
        kinds.setdefault(_kind(finding), []).append(finding)
    done: set[tuple[str, Verdict]] = set()
    for finding in findings:
        kind = _kind(finding)
        alike = kinds[kind]
        if len(alike) <= _MANY or finding.verdict not in _TOGETHER or finding.fix:
            yield finding
        elif kind not in done:
            done.add(kind)
            yield _together(kind[0], alike)


_TOGETHER: Final = frozenset({"ok", "waiting"})


def _kind(finding: Finding) -> tuple[str, Verdict]:
    return finding.check.partition(" ")[0], finding.verdict


def _together(kind: str, alike: Sequence[Finding]) -> Finding:
    said = {finding.evidence for finding in alike}
    names = ", ".join(finding.check.removeprefix(f"{kind} ") for finding in alike)
    evidence = f"{said.pop()}: {names}" if len(said) == 1 else f"{_SUMS.get(kind, 'fine')}: {names}"
    if alike[0].verdict == "waiting":
        evidence = f"waiting for data: {names}"
    return Finding(check=count(len(alike), kind), verdict=alike[0].verdict, evidence=evidence)


_SUMS: Final = {
    "alarm": "as deployed, actions enabled",
    "function": "environment as deployed",
    "queue": "nothing waits for long",
}


def _finding(finding: Finding, width: int) -> Iterator[str]:
    mark = click.style(_MARKS[finding.verdict], fg=_COLORS[finding.verdict], bold=True)
    is_long = len(finding.check) > _NAME_WIDTH
    first, *rest = _wrapped(finding.evidence, width - _NAME_WIDTH - 5)
    room = " " * (_NAME_WIDTH + 5)
    if is_long:
        yield f"  {mark} {finding.check}"
        yield room + first
    else:
        yield f"  {mark} {finding.check.ljust(_NAME_WIDTH)} {first}"
    yield from (room + line for line in rest)
    if finding.fix:
        yield from _fix(finding.fix, width)


def _fix(fix: str, width: int) -> Iterator[str]:
    for number, line in enumerate(fix.splitlines()):
        if line.startswith(_COMMANDS):
            # Never wrapped, so that a copy of it is complete.
            yield click.style(f"      {line}", fg="cyan")
        else:
            lead = "    → " if number == 0 else "      "
            first, *rest = _wrapped(line, width - 6)
            yield lead + first
            yield from (f"      {one}" for one in rest)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def _sum(findings: Sequence[Finding]) -> str:
    verdicts: tuple[Verdict, ...] = ("ok", "waiting", "unknown", "wrong")
    parts = []
    for verdict in verdicts:
        number = sum(one.verdict == verdict for one in findings)
        if number:
            color = _COLORS[verdict]
            parts.append(click.style(f"{number} {_WORDS[verdict]}", fg=color, bold=True))
    return ", ".join(parts) + "."
