"""Updates a view before and after a send: the claim, and its outcome. Pure.

A claim records what is about to be shown, and counts as perhaps shown until the outcome is known.
"""

from typing import Literal, NamedTuple, TypeAlias

import msgspec

from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.alerts.incidents.item import AlarmItem, Key, Reference, Rule, View
from bedrock_alerts.alerts.notifications.plan import Send
from bedrock_alerts.text import shorten

LEASE_SECONDS = 90.0
RETRY_SECONDS = 60.0
_LONGEST_RETRY = 900.0
PERMANENT_FAILURES = 3
# Keys of ended incidents are needed only until their resolve was accepted.
_KEPT_KEYS = 10
_REASON_CHARS = 300
Result: TypeAlias = Literal["shown", "refused", "unknown", "permanent"]


class Outcome(NamedTuple):
    """The outcome of a send. `refused` and `permanent`: certainly not shown; `unknown`: perhaps.

    `reference` is the Slack message that shows the incident from now on. `retry_at` is the earliest
    time for a retry, 0 if the channel named none. `reason` is the error.
    """

    result: Result
    reference: Reference | None = None
    retry_at: float = 0.0
    reason: str = ""


def claimed(view: View, send: Send, claim: str, now: float) -> View:
    """Return the view while `send` is in progress: no other process sends before the lease ends."""
    keys = view.keys
    if send.action == "trigger":
        known = keys.get(send.key)
        state: Literal["open", "perhaps"] = "open" if known and known.state == "open" else "perhaps"
        keys = {
            **keys,
            send.key: Key(number=send.shows.number, state=state, rotation=view.rotation),
        }
    sending = view.sending
    is_other_open = (
        sending is not None
        and sending.state != "resolved"
        and sending.number != send.shows.number
        and not (send.ended and send.ended.number == sending.number)
    )
    return msgspec.structs.replace(
        view,
        sending=sending if is_other_open else send.shows,
        sending_reason=send.reason,
        keys=keys,
        lost=send.shows.number if send.action == "post" else view.lost,
        claim=claim,
        lease=now + LEASE_SECONDS,
        due=now + LEASE_SECONDS,
    )


def after(view: View, before: View, send: Send, claim: str, outcome: Outcome, now: float) -> View:
    """Return the view after a send; `before` is what it was before the claim."""
    is_mine = view.claim == claim
    if outcome.result == "shown":
        view = _shown(view, before, send, outcome, is_mine=is_mine, now=now)
    else:
        view = _failed(view, before, send, outcome, is_mine=is_mine, now=now)
    return msgspec.structs.replace(view, claim="", lease=0.0) if is_mine else view


def _shown(
    view: View, before: View, send: Send, outcome: Outcome, *, is_mine: bool, now: float
) -> View:
    keys = dict(view.keys)
    shown = send.shows
    if send.action == "resolve":
        keys[send.key] = Key(number=shown.number, state="resolved")
        is_other = view.shown is not None and view.shown.number != shown.number
        if is_other or any(key.state != "resolved" for key in keys.values()):
            shown = view.shown or shown
    elif send.action in ("trigger", "acknowledge"):
        keys[send.key] = Key(number=shown.number, state="open", rotation=view.rotation)
    is_noisy = send.is_noisy or send.action == "trigger"
    return msgspec.structs.replace(
        view,
        shown=shown,
        sending=None if is_mine else view.sending,
        keys=_pruned(keys),
        reference=outcome.reference or view.reference,
        lost=before.lost if outcome.reference and is_mine else view.lost,
        wanted=0 if view.wanted <= shown.number else view.wanted,
        held_since=0.0 if is_noisy else view.held_since,
        last_shown=now,
        last_noisy=now if is_noisy else view.last_noisy,
        last_urgent=now if is_noisy and send.is_urgent else view.last_urgent,
        undelivered="" if is_noisy else view.undelivered,
        refusal="",
        failures=0,
        is_parked=False,
        due=now,
    )


def _failed(
    view: View, before: View, send: Send, outcome: Outcome, *, is_mine: bool, now: float
) -> View:
    failures = view.failures + (outcome.result == "permanent")
    is_parked = failures >= PERMANENT_FAILURES
    pause = RETRY_SECONDS * (2.0**failures if outcome.result == "permanent" else 1.0)
    due = max(outcome.retry_at, now + min(pause, _LONGEST_RETRY))
    view = msgspec.structs.replace(
        view,
        failures=failures,
        is_parked=is_parked,
        due=None if is_parked else due,
        refusal=shorten(outcome.reason, _REASON_CHARS),
    )
    if outcome.result == "unknown" or not is_mine:
        return view
    # Certainly not shown: the claim is undone.
    return msgspec.structs.replace(
        view,
        sending=before.sending,
        sending_reason=before.sending_reason,
        keys={**view.keys, send.key: before.keys[send.key]}
        if send.key in before.keys
        else {name: key for name, key in view.keys.items() if name != send.key},
        lost=before.lost,
    )


def _pruned(keys: dict[str, Key]) -> dict[str, Key]:
    """Drop the oldest keys that are resolved."""
    resolved = [name for name, key in keys.items() if key.state == "resolved"]
    gone = set(resolved[:-_KEPT_KEYS])
    return {name: key for name, key in keys.items() if name not in gone}


def fallen_back(item: AlarmItem, channel: Channel, text: str, now: float) -> AlarmItem:
    """Let a channel report that another was not reached; `text` names that one and the reason."""
    view = item.view(channel)
    number = item.incident.number if item.incident else 0
    shown_number = view.shown.number if view.shown else -1
    view = msgspec.structs.replace(
        view,
        rule=view.rule or Rule(),
        undelivered=text,
        wanted=number if number > shown_number else view.wanted,
        due=now,
    )
    return item.with_view(channel, view)
