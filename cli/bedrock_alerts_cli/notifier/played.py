"""The result of a simulation: every message, and what each channel shows at the end."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bedrock_alerts.alerts.alert import Alert
from bedrock_alerts.alerts.channels.layout import headline
from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.notifications.reasons import NOISY
from bedrock_alerts_cli.notifier.in_memory import Sent
from bedrock_alerts_cli.notifier.world import World

_TITLE_CHARS: Final = 250
_STATES: Final = {"no_data": "no_data", "resolved": "resolved", "recovering": "recovering"}
# PagerDuty's change events are not incidents and notify no one.
_IN_SILENCE: Final = "change"


def channel_of(sent: Sent) -> str:
    """Return the channel of a message, with its target if it has one: `slack:C0123456789`."""
    target = sent.job.target if sent.job else ""
    return f"{sent.channel}:{target}" if target else sent.channel


def notifies(sent: Sent) -> bool:
    """Whether a message notifies people: not an edit, a quiet reply or the end of a page."""
    return sent.action in NOISY or sent.action == "trigger"


def messages(sent: Iterable[Sent]) -> list[dict[str, Any]]:
    """Return every message in order; a shared message is one."""
    return [_message(one) for one in sent if one.action != _IN_SILENCE]


def _message(sent: Sent) -> dict[str, Any]:
    job = sent.job
    found = [_about(sent, place) for place in range(len(job.alerts) if job else 0)]
    first = found[0] if found else {}
    if len(found) > 1:
        titles = "; ".join(one["title"] for one in found)
        first = {**first, "title": f"{len(found)} alerts: {titles}"}
    return {
        "at": _stamp(sent.at),
        "channel": channel_of(sent),
        **first,
        "action": sent.action,
        "key": sent.key,
        **({"also": found[1:]} if len(found) > 1 else {}),
    }


def _about(sent: Sent, place: int) -> dict[str, Any]:
    job = sent.job
    assert job is not None  # noqa: S101 - the caller has checked that it has alerts
    alert = job.alerts[place]
    number = job.shows[place].number if place < len(job.shows) else 0
    name = _name(alert.incident) or alert.title
    return {
        "reason": _reason(sent, place),
        "alarm": name,
        "incident": f"{name}#{number}" if number else "",
        "severity": alert.severity,
        "title": headline(alert, _TITLE_CHARS),
    }


def _reason(sent: Sent, place: int) -> str:
    reasons = sent.job.reasons if sent.job else ()
    return reasons[place] if place < len(reasons) else "notice"


def shows(world: World, sent: Sequence[Sent]) -> list[dict[str, Any]]:
    """Return what each channel shows of each alarm; `nothing` if it was sent nothing."""
    alarms = [item for item, _, _ in world.table.items.values() if item.notice is None]
    known = dict.fromkeys((*world.channels, *map(channel_of, sent)))
    found = {
        (channel, incident_id(item.arn)): {
            "channel": channel,
            "alarm": _name(item.arn),
            "state": "nothing",
            "severity": item.severity,
            "since": None,
        }
        for channel in known
        for item in alarms
    }
    pages: dict[tuple[str, str], dict[str, str]] = {}
    for one in sent:
        if one.action in ("reply", _IN_SILENCE) or one.job is None:
            continue
        for place, alert in enumerate(one.job.alerts):
            about = (channel_of(one), incident_id(alert.incident.partition("#")[0]))
            if about not in found or _reason(one, place) == "notice":
                continue
            state = _state(one, place)
            if one.channel == "pagerduty":
                keys = pages.setdefault(about, {})
                keys[one.key] = "resolved" if one.action == "resolve" else state
                # One page that is still open determines what people see.
                state = next((now for now in keys.values() if now != "resolved"), "resolved")
            found[about] |= {"state": state, "severity": alert.severity, "since": _since(alert)}
    return list(found.values())


def _state(sent: Sent, place: int) -> str:
    job = sent.job
    if job is not None and place < len(job.shows):
        return str(job.shows[place].state)
    return _STATES.get(_reason(sent, place), "firing")


def _since(alert: Alert) -> str | None:
    return _stamp(alert.opened_at.timestamp()) if alert.opened_at else None


def _stamp(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _name(arn: str) -> str:
    return arn.rpartition(":alarm:")[2].partition("@")[0]
