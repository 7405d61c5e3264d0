"""What to do about one alert on one channel: tell it, tell it otherwise, wait, or leave it."""

import random
from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

import msgspec

from bedrock_alerts.alerts.model import Alert, LedgerEntry, TellingKind
from bedrock_alerts.errors import TransientError

# A claim this old is a dead function's: the queue has given its message out again by then.
STALE_SECONDS: Final = 360.0
# The same message comes back only when its function has ended, which it does within a minute.
OWN_STALE_SECONDS: Final = 90.0
LONGEST_PAUSE_SECONDS: Final = 900.0
_FIRST_PAUSE_SECONDS: Final = 5.0
_MAX_TRIPLINGS: Final = 5  # 5 s tripled five times is above the longest pause
# What says that an alarm stands: to be told otherwise when it is over by now.
STANDING: Final[frozenset[TellingKind]] = frozenset({"first", "release", "escalation", "reminder"})
_OF_AN_ALARM: Final[frozenset[TellingKind]] = STANDING | {
    "late",
    "no_data",
    "flapping",
    "settled",
}
Verdict = Literal["go", "skip", "wait"]


def judge_claim(found: LedgerEntry, owner: str, now: float) -> Verdict:
    """Say what somebody's entry means for who wants to send the same: go on, skip it, or wait."""
    if found.status == "sent":
        return "skip"
    if found.status != "sending":
        return "go"
    patience = OWN_STALE_SECONDS if found.owner == owner else STALE_SECONDS
    return "go" if now - found.at >= patience else "wait"


def judge_recovery(entries: Iterable[LedgerEntry], alert: Alert, now: float) -> Verdict:
    """Say whether a channel hears that an alarm is over: only if it has heard of the alarm.

    Where that waits to be sent, or has failed, it will be told together with its end.
    """
    if alert.opened_at is None:  # nobody remembers
        return "go"
    told = [
        entry
        for entry in entries
        if entry.opened_at == alert.opened_at and entry.kind in _OF_AN_ALARM
    ]
    if any(entry.status == "sent" and entry.kind != "late" for entry in told):
        return "go"
    sending = [entry for entry in told if entry.status == "sending"]
    if any(now - entry.at < STALE_SECONDS for entry in sending):
        return "wait"
    # Who died while sending may have been heard.
    return "go" if sending else "skip"


def ended_in(entries: Iterable[LedgerEntry], alert: Alert) -> datetime | None:
    """Return when an alarm ended whose end was withheld, because its beginning was not out yet."""
    ends = [
        entry.ended_at
        for entry in entries
        if entry.kind == "resolved" and entry.status != "sent" and entry.ended_at is not None
        if entry.opened_at == alert.opened_at is not None
    ]
    return max(ends, default=None)


def told_late(alert: Alert, ended_at: datetime) -> Alert:
    """Say of an alarm that it is over already: one message for its beginning and its end."""
    summary = "This alarm is over already; it could not be told in time."
    return msgspec.structs.replace(
        alert,
        kind="late",
        tone="ok",
        status=f"{alert.status} → RESOLVED",
        summary=f"{summary}\n{alert.summary}".strip(),
        ended_at=ended_at,
    )


def pause_before_retry(error: BaseException, attempt: int) -> float:
    """Return the seconds to wait after the `attempt`-th failure (1 for the first).

    The pauses triple up to a quarter of an hour, and are longer where the other side asks for it:
    never shorter, because twelve quick attempts would park a delivery within seconds. A little
    chance is added, so that a storm of alerts does not come back as one.
    """
    pause = _FIRST_PAUSE_SECONDS * 3.0 ** min(attempt - 1, _MAX_TRIPLINGS)
    asked = error.retry_after if isinstance(error, TransientError) else None
    if asked is not None:
        pause = max(pause, asked)
    return min(pause, LONGEST_PAUSE_SECONDS) * random.uniform(1.0, 1.2)  # noqa: S311 - spreads retries, guards nothing
