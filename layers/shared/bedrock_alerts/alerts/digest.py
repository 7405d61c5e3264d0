"""Several alerts as one: what a channel shows when many come at once."""

from collections.abc import Iterable, Sequence
from typing import Final

from bedrock_alerts.alerts.describe import utc
from bedrock_alerts.alerts.model import Alert, Fact, Tone
from bedrock_alerts.text import shorten

_TONES: Final[tuple[Tone, ...]] = ("critical", "warning", "info", "unknown", "ok")
# What fits a section of a Slack message, the tightest place that a digest is shown in.
SUMMARY_CHARS: Final = 2900
_LINE_CHARS: Final = 160
_REST_CHARS: Final = 40


def as_one(alerts: Sequence[Alert], digest: str = "", chars: int = SUMMARY_CHARS) -> Alert:
    """Return the only alert, or one that lists them all: the worst first, each on a line.

    What does not fit `chars` is counted. `digest` names the digest, for channels with threads.
    """
    if len(alerts) == 1:
        return alerts[0]
    ordered = sorted(alerts, key=lambda alert: _TONES.index(alert.tone))
    worst = ordered[0]
    moments = [alert.at for alert in alerts if alert.at is not None]
    return Alert(
        key=digest or worst.key,
        tone=worst.tone,
        status=f"{len(alerts)} ALERTS",
        title=_counts(ordered),
        summary=_list(ordered, chars),
        account_id=_common(alert.account_id for alert in alerts),
        region=_common(alert.region for alert in alerts),
        at=min(moments, default=None),
        severity=worst.severity,
        facts=(Fact("Until", utc(max(moments))),) if moments else (),
    )


def _counts(alerts: Sequence[Alert]) -> str:
    """Say how many there are of each status: `3 ALARM · critical, 9 RESOLVED`."""
    counts: dict[str, int] = {}
    for alert in alerts:
        counts[alert.status] = counts.get(alert.status, 0) + 1
    return shorten(", ".join(f"{count} {status}" for status, count in counts.items()), 250)


def _list(alerts: Sequence[Alert], chars: int) -> str:
    lines: list[str] = []
    room = chars - _REST_CHARS
    for alert in alerts:
        line = shorten(f"{alert.status}: {alert.title}", _LINE_CHARS)
        room -= len(line) + 1
        if room < 0:
            return "\n".join([*lines, f"… and {len(alerts) - len(lines)} more"])
        lines.append(line)
    return "\n".join(lines)


def _common(values: Iterable[str]) -> str:
    found = set(values)
    return found.pop() if len(found) == 1 else ""
