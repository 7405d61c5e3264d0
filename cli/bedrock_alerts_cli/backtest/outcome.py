"""The result of a backtest: plain data for the terminal, JSON and the page."""

from typing import Any, Final

import msgspec

from bedrock_alerts.text import clean
from bedrock_alerts_cli.terminal import moment

_DAY: Final = 86400


class ChangeOfState(msgspec.Struct, frozen=True, kw_only=True):
    """A state change of an alarm or of one contributor; `at` is in seconds.

    For an ALARM: the message's `headline` and `value` (with the threshold), and `who` it was: the
    callers with most of what the alarm is about.
    """

    at: int
    from_state: str
    to_state: str
    reason: str
    contributor: str = ""
    headline: str = ""
    value: str = ""
    who: str = ""


class AlarmHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The results of one alarm. `fired` counts how often it went to ALARM.

    `stretches` are the times in ALARM, as pairs of seconds. `is_judged` is False if the log has no
    data for the alarm: then its quiet means nothing.
    """

    name: str
    severity: str
    about: str
    changes: tuple[ChangeOfState, ...]
    stretches: tuple[tuple[int, int], ...]
    seconds_in_alarm: int
    fired: int
    is_judged: bool
    is_deployed: bool = True

    @property
    def short_name(self) -> str:
        """The name without the stack's prefix."""
        return self.name.rpartition(".")[2]

    def weekly(self, weeks: float) -> str:
        """Return the firings a week; a log of less than a day has none."""
        if weeks * 7 < 1:
            return ""
        rate = self.fired / weeks
        return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"  # noqa: PLR2004 - two digits will do


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter's value with which an alarm would have fired rarely enough.

    `value` is None if no tried value is quiet enough. `is_estimated` is True if the alarm has an
    anomaly band, which is approximated.
    """

    alarm: str
    parameter: str
    present: float
    value: float | None
    fired: int
    would_fire: int
    is_estimated: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A whole backtest. Times are seconds since 1970.

    `notifications` are the messages that notify people, by channel; `by_reason` counts them by
    reason, shared messages as `shared`. `state_changes` are those of the deployed alarms, which led
    to the messages.
    """

    start: int
    end: int
    lines: dict[str, int]
    alarms: tuple[AlarmHistory, ...]
    notifications: dict[str, int]
    by_reason: dict[str, dict[str, int]] = {}
    state_changes: int = 0
    suggestions: tuple[Suggestion, ...] = ()

    @property
    def is_short(self) -> bool:
        """Whether the log is shorter than a day, and so says little about a week."""
        return self.end - self.start < _DAY

    @property
    def weeks(self) -> float:
        """The length of the log in weeks, at least a minute."""
        return max(60, self.end - self.start) / (7 * 24 * 3600)

    def document(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "start": _stamp(self.start),
            "end": _stamp(self.end),
            "lines": self.lines,
            "alarms": [_alarm(alarm) for alarm in self.alarms],
            "short": self.is_short,
            "notifications": self.notifications,
            "notifications_by_reason": self.by_reason,
            "state_changes": self.state_changes,
            "suggestions": [msgspec.to_builtins(one) for one in self.suggestions],
        }


def _alarm(alarm: AlarmHistory) -> dict[str, Any]:
    return {
        "name": alarm.name,
        "severity": alarm.severity,
        "judged": alarm.is_judged,
        "deployed": alarm.is_deployed,
        "fired": alarm.fired,
        "seconds_in_alarm": alarm.seconds_in_alarm,
        "state_changes": [
            {
                "at": _stamp(change.at),
                "from": change.from_state,
                "to": change.to_state,
                "reason": clean(change.reason, 1023),
                **{
                    name: text
                    for name in ("contributor", "headline", "value", "who")
                    if (text := getattr(change, name))
                },
            }
            for change in alarm.changes
        ],
    }


def _stamp(seconds: int) -> str:
    return f"{moment(seconds).replace(' ', 'T')}Z"
