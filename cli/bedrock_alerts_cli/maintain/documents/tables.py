"""Tables for people, in Markdown: parameters, alarms and metrics."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from bedrock_alerts.alerts.notifications.reasons import TABLE, Action
from bedrock_alerts.metrics import METRICS
from bedrock_alerts_cli.maintain.documents.alarm_catalogue import AlarmFile
from bedrock_alerts_cli.maintain.documents.catalogue import Entry

# A group of metrics begins with this one, in the order of METRICS.
_GROUPS: Final = {
    "Invocations": "Usage",
    "GuardedInvocations": "Guardrails",
    "RecordsReceived": "The pipeline itself",
    "StateChanges": "Alerts",
}
GROUP_TITLES: Final = {
    "guardrails": "Guardrails",
    "calls": "Calls",
    "money": "Money",
    "blind_spots": "Blind spots",
    "pipeline": "Bedrock Alerts itself",
}
"""The groups of the alarm catalogue, as people read them."""

_DECISION: Final = re.compile(r"^## (\d{4}-\d{2}-\d{2}) · (.+)$", re.MULTILINE)
_UNITS: Final = {"None": "US dollars", "Count": "count"}
_ALERT_FLOW: Final = "route and deliver"
_COLLECTORS: Final = "the collectors"


_ACTIONS: Final[Mapping[Action, str]] = {
    "send": "a message",
    "post": "a new message",
    "edit": "the message is edited, quietly",
    "reply": "a quiet reply",
    "broadcast": "the message is edited, and a reply notifies the channel",
    "trigger": "trigger",
    "acknowledge": "acknowledge",
    "resolve": "resolve",
    "change": "a change event",
    "": "-",
}


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; bars inside of cells are escaped."""
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    lines += [
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def alarms_in_full(entries: Iterable[Entry], runbooks: str) -> str:
    """Return the table of the alarms' own page."""
    return table(
        ("alarm", "what it means", "fires when (by default)", "severity", "tuned by"),
        (
            (
                f"[{entry.name}]({runbooks}/{entry.name}.md)",
                entry.meaning,
                entry.fires,
                entry.severity,
                ", ".join(f"`{name}`" for name in entry.parameters) or "-",
            )
            for entry in entries
        ),
    )


def reasons() -> str:
    """Return what each reason does on each kind of channel."""
    return table(
        ("reason", "email, Teams, webhooks, Amazon Q", "Slack with a bot", "PagerDuty"),
        (
            (f"`{reason}`", *(_ACTIONS[action] for action in (row.plain, row.bot, row.pagerduty)))
            for reason, row in TABLE.items()
        ),
    )


def alarm_in_short(entry: Entry) -> str:
    """Return the head of an alarm's page."""
    return f"{entry.meaning}\n\nFires when: {entry.fires}. Severity: **{entry.severity}**.\n"


def runbooks(entries: Iterable[Entry], alarms: Iterable[AlarmFile], folder: str) -> str:
    """Return the index of the alarms' pages: a table for each group of the catalogue."""
    known = {entry.name: entry for entry in entries}
    return "\n".join(
        f"## {GROUP_TITLES[group]}\n\n"
        + table(
            ("alarm", "what it means", "severity", "AlarmSet"),
            (
                (
                    f"[{alarm.name}]({folder}/{alarm.name}.md)",
                    known[alarm.name].meaning,
                    alarm.severity,
                    alarm.set,
                )
                for alarm in found
            ),
        )
        for group, found in groupby(alarms, key=lambda alarm: alarm.group)
    )


def runbooks_of_site(alarms: Iterable[AlarmFile], folder: str) -> str:
    """Return the alarms' pages as entries of the site's menu."""
    lines: list[str] = []
    for group, found in groupby(alarms, key=lambda alarm: alarm.group):
        lines.append(f"      - {GROUP_TITLES[group]}:")
        lines += [f"          - {folder}/{alarm.name}.md" for alarm in found]
    return "\n".join(lines) + "\n"


def decisions(page: str, name: str) -> str:
    """Return the index of a page of dated decisions, which is called `name`."""
    return table(
        ("date", "decision"),
        (
            (date, f"[{title}]({name}#{_anchor(f'{date} · {title}')})")
            for date, title in _DECISION.findall(page)
        ),
    )


def parameter_groups(template: Mapping[str, Any], page: str) -> str:
    """Return the parameters by group, linked to the page that describes them."""
    return table(
        ("about", "parameters"),
        (
            (f"[{label}]({page}#{_anchor(label)})", ", ".join(f"`{name}`" for name in names))
            for label, names in _parameter_groups(template)
        ),
    )


def parameters_in_full(template: Mapping[str, Any]) -> str:
    """Return a section for each group of parameters."""
    return "\n".join(
        f"## {label}\n\n"
        + table(
            ("parameter", "default", "meaning"),
            (
                (f"`{name}`", _default(template, name), _described(template["Parameters"][name]))
                for name in names
            ),
        )
        for label, names in _parameter_groups(template)
    )


def metrics_in_full(sets: Mapping[str, Sequence[Sequence[str]]]) -> str:
    """Return a section for each group of metrics; `sets` are the dimensions that were seen."""
    return "\n".join(
        f"## {group}\n\n"
        + table(
            ("metric", "unit", "meaning", "with dimensions", "published by"),
            (
                (
                    f"`{name}`",
                    _UNITS.get(METRICS[name].unit, METRICS[name].unit.lower()),
                    METRICS[name].meaning,
                    _shown(sets.get(name, ((),))),
                    _COLLECTORS if name in sets else _ALERT_FLOW,
                )
                for name in names
            ),
        )
        for group, names in _metric_groups()
    )


def _shown(sets: Sequence[Sequence[str]]) -> str:
    return " · ".join(", ".join(f"`{name}`" for name in names) or "none" for names in sets)


def _metric_groups() -> Iterator[tuple[str, list[str]]]:
    group, names = "", list[str]()
    for name in METRICS:
        if name in _GROUPS:
            if names:
                yield group, names
            group, names = _GROUPS[name], []
        names.append(name)
    yield group, names


def _parameter_groups(template: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    for group in interface["ParameterGroups"]:
        yield group["Label"]["default"], group["Parameters"]


def _default(template: Mapping[str, Any], name: str) -> str:
    default = str(template["Parameters"][name].get("Default", ""))
    return f"`{default}`" if default else "empty"


def _described(parameter: Mapping[str, Any]) -> str:
    text = " ".join(str(parameter["Description"]).split())
    values = parameter.get("AllowedValues")
    return f"{text} One of: {', '.join(map(str, values))}." if values else text


def _anchor(heading: str) -> str:
    """Return what a heading is linked by."""
    kept = "".join(one for one in heading.lower() if one.isalnum() or one in " -_")
    return kept.replace(" ", "-")
