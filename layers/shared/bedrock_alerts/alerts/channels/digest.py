"""Several alerts as one message."""

from collections.abc import Iterable, Sequence
from typing import Final

from bedrock_alerts.alerts.alert import Alert, Tone
from bedrock_alerts.alerts.describe import place
from bedrock_alerts.alerts.formatting import spot
from bedrock_alerts.alerts.next_steps import entry_of, suffix_of
from bedrock_alerts.text import clean, shorten

_TONES: Final[tuple[Tone, ...]] = ("critical", "warning", "info", "unknown", "ok")
# The size of a section of a Slack message, the smallest space for a digest.
SUMMARY_CHARS: Final = 2900
_LINE_CHARS: Final = 160
_REST_CHARS: Final = 40


def as_one(alerts: Sequence[Alert], digest: str = "", chars: int = SUMMARY_CHARS) -> Alert:
    """Return the only alert, or one that lists them all, the worst first, one per line.

    Alerts that do not fit into `chars` are counted. `digest` names the digest, for channels with
    threads.
    """
    if len(alerts) == 1:
        return alerts[0]
    ordered = sorted(alerts, key=lambda alert: _TONES.index(alert.tone))
    worst = ordered[0]
    moments = [alert.at for alert in alerts if alert.at is not None]
    first, last = min(moments, default=None), max(moments, default=None)
    return Alert(
        key=digest or worst.key,
        tone=worst.tone,
        status=f"{len(alerts)} ALERTS",
        label=f"{len(alerts)} alerts",
        headline=_counts(ordered),
        title=_counts(ordered),
        summary=_list(ordered, chars, says_where=len(set(map(place, alerts))) > 1),
        account_id=_common(alert.account_id for alert in alerts),
        account_alias=_common(alert.account_alias for alert in alerts),
        region=_common(alert.region for alert in alerts),
        at=first,
        severity=worst.severity,
        opened_at=first if first != last else None,
        ended_at=last if first != last else None,
    )


def _counts(alerts: Sequence[Alert]) -> str:
    """Return the number of alerts of each state: `3 Critical, 9 Resolved`."""
    counts: dict[str, int] = {}
    for alert in alerts:
        counts[_label(alert)] = counts.get(_label(alert), 0) + 1
    return shorten(", ".join(f"{count} {status}" for status, count in counts.items()), 250)


def _list(alerts: Sequence[Alert], chars: int, *, says_where: bool) -> str:
    """Return a heading for each status with its alerts below; the worst status first."""
    groups: dict[str, list[Alert]] = {}
    for alert in alerts:
        groups.setdefault(_label(alert), []).append(alert)
    paragraphs: list[str] = []
    room, shown = chars - _REST_CHARS, 0
    for status, group in groups.items():
        lines = [clean(status, _LINE_CHARS)]
        room -= len(lines[0]) + 2
        for alert in group:
            line = _line(alert, says_where=says_where)
            room -= len(line) + 1
            if room < 0:
                break
            lines.append(line)
        shown += len(lines) - 1
        if len(lines) > 1:
            paragraphs.append("\n".join(lines))
        if room < 0:
            paragraphs.append(f"… and {len(alerts) - shown} more")
            break
    return "\n\n".join(paragraphs)


def _line(alert: Alert, *, says_where: bool) -> str:
    """Return the line of an alert: subject, value, and place if that differs."""
    line = f"• {alert.headline or alert.title}"
    value = next((fact.value for fact in alert.facts if fact.label == "Value"), "")
    if value and not alert.headline:
        line += f" ({value})"
    # The headline of one of our alarms names its contributor.
    alarm = alert.title.partition(": ")[0]
    name = suffix_of(alarm) if entry_of(alarm) else alert.title
    if name not in line:
        line += f" · {name}"
    if says_where and place(alert):
        line += f" · {spot(alert)}"
    return clean(line, _LINE_CHARS)


def _label(alert: Alert) -> str:
    return alert.label or alert.status


def _common(values: Iterable[str]) -> str:
    found = set(values)
    return found.pop() if len(found) == 1 else ""
