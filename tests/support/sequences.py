"""Sequences of sample alarm events, as `Simulation` plays them: lines in the order of time."""

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bedrock_alerts.alerts.routing import parse_routes
from bedrock_alerts_cli.notifier.in_memory import Sent
from bedrock_alerts_cli.notifier.play import Simulation
from bedrock_alerts_cli.notifier.sequence import read_lines

START: Final = datetime(2026, 11, 20, 8, tzinfo=UTC).timestamp()
MINUTE: Final = 60.0
HOUR: Final = 3600.0
NOTIFIES: Final = frozenset({"send", "post", "broadcast", "trigger"})
_FIXTURES: Final = Path(__file__).parents[1] / "fixtures" / "sequences"
_HOME: Final = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:"
_LONG_QUERY: Final = [
    {
        "id": "q1",
        "expression": 'SELECT SUM(ContentFilteredCount) FROM "BedrockAlerts" GROUP BY Principal',
        "period": 10800,
        "returnData": True,
    }
]
_NUMBERS: Final = itertools.count(1)
Line = dict[str, Any]


def play_file(name: str) -> Simulation:
    """Play a sequence of the fixtures, with its own routes where it has some."""
    routes = _FIXTURES / f"{name}.routes.json"
    return Simulation(
        read_lines((_FIXTURES / f"{name}.jsonl").read_text(), name),
        routes=parse_routes(routes.read_text()) if routes.exists() else None,
    )


def play(lines: Sequence[Line], **options: Any) -> Simulation:
    """Play lines as a file would have them."""
    text = "\n".join(json.dumps(one) for one in lines)
    return Simulation(read_lines(text, "a test"), **options)


def shows(played: Simulation) -> list[dict[str, Any]]:
    """Return what each channel shows of each alarm at the end."""
    found: list[dict[str, Any]] = played.document()["shows"]
    return found


def sent(played: Simulation, channel: str, *actions: str) -> list[Sent]:
    """Return what a channel was sent, all of it or the given actions."""
    return [
        one
        for one in played.world.out.sent
        if one.channel == channel and (not actions or one.action in actions)
    ]


def told(played: Simulation, channel: str) -> list[str]:
    """Return what a channel was sent: the time, and why or, on PagerDuty, what was done."""
    return [
        f"{clock(one.at)} {one.action if channel == 'pagerduty' else reasons(one)[0]}"
        for one in sent(played, channel)
        if one.action != "reply"
    ]


def reasons(one: Sent) -> list[str]:
    """Return why something was sent, of each alarm in it."""
    return list(one.job.reasons) if one.job else []


def clock(at: float) -> str:
    """Return the time of day."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M}"


def shown(played: Simulation) -> dict[str, str]:
    """Return what each channel shows at the end of the only alarm that it shows."""
    return {one["channel"]: one["state"] for one in shows(played) if one["state"] != "nothing"}


def noise(played: Simulation, channel: str) -> int:
    """Return how many messages of a channel notified people."""
    return sum(one.action in NOTIFIES for one in sent(played, channel))


# ---- events --------------------------------------------------------------------------------------


def stamp(at: float) -> str:
    """Return a time as CloudWatch writes it."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def line(at: float, **what: Any) -> Line:
    """Return a line of a sequence."""
    return {"at": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}", **what}


def until(at: float) -> Line:
    """Let time pass until then: an outage of no length."""
    return line(at, outage={"channel": "email", "minutes": 0})


def change(
    name: str,
    state: str,
    at: float,
    since: float,
    *,
    severity: str = "critical",
    query: Sequence[Line] = (),
) -> Line:
    """Return an alarm's change of state, with the other state before it since `since`."""
    before = "OK" if state == "ALARM" else "ALARM"
    return _event(
        "State",
        name,
        at,
        {
            "configuration": {
                "description": f"A part of orders.\nSeverity: {severity}",
                "metrics": list(query),
            },
            "previousState": {"value": before, "timestamp": stamp(since)},
            "state": {"value": state, "reason": "Threshold Crossed", "timestamp": stamp(at)},
        },
    )


def contributor(name: str, who: str, state: str, at: float) -> Line:
    """Return a contributor's change of state, of an alarm that looks back for three hours."""
    return _event(
        "Contributor State",
        name,
        at,
        {
            "alarmContributor": {"id": f"id-{who}", "attributes": {"Principal": f"role/{who}"}},
            "configuration": {
                "description": "A caller is blocked.\nSeverity: critical",
                "metrics": _LONG_QUERY,
            },
            "state": {"value": state, "reason": "Threshold Crossed", "timestamp": stamp(at)},
        },
    )


def _event(kind: str, name: str, at: float, detail: Line) -> Line:
    event = {
        "version": "0",
        "id": f"00000000-0000-4000-8000-{next(_NUMBERS):012d}",
        "detail-type": f"CloudWatch Alarm {kind} Change",
        "source": "aws.cloudwatch",
        "account": "111122223333",
        "time": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": "us-east-1",
        "resources": [_HOME + name],
        "detail": {"alarmName": name, **detail},
    }
    return line(at + 1, event=event)


# ---- generators ----------------------------------------------------------------------------------


def flapping(on: float, off: float, *, hours: float = 8) -> list[Line]:
    """Return a critical alarm that fires for `on` minutes and recovers for `off`, for hours."""
    found, at, since = [], START, START - 6 * HOUR
    while at < START + hours * HOUR:
        for state, minutes in (("ALARM", on), ("OK", off)):
            found.append(change("bedrock-alerts.ServerErrors", state, at, since))
            since, at = at, at + minutes * MINUTE
    return [*found, until(at + HOUR)]


def storm(alarms: int, *, refused: float = 0, severity: str = "info") -> list[Line]:
    """Return many alarms of one minute, while Slack asks to be left alone for `refused` minutes."""
    found = []
    if refused:
        outage = {"channel": "slack", "minutes": refused, "status": 429, "retry_after": 30}
        found.append(line(START - 1, outage=outage))
    for number in range(alarms):
        at = START + number * 50 // alarms
        name = f"orders-{number:03d}-errors"
        found.append(change(name, "ALARM", at, START - 5 * HOUR, severity=severity))
    return [*found, until(START + (refused + 50) * MINUTE)]


def attack(seed: int) -> list[Line]:
    """Return an attack of two hours: alarms on and off, and callers that cross the line."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    end = START + 2 * HOUR
    waves = [
        ("bedrock-alerts.PromptAttack", "critical", (3, 9), (2, 7)),
        ("bedrock-alerts.ContentFiltered", "warning", (14, 30), (3, 8)),
    ]
    if seed % 2:  # pauses that are longer than the recovery window
        waves = [(*wave[:2], (3, 12), (8, 16)) for wave in waves]
    found: list[Line] = []
    for name, severity, on, off in waves:
        found += _wave(chance, name, severity, on, off, end)
    found += _long("bedrock-alerts.InterventionRate", START + 11 * MINUTE, end + 9 * MINUTE)
    found += _offenders(chance, end)
    found.sort(key=lambda one: str(one["at"]))
    return [*found, until(end + 4 * HOUR)]


def _wave(
    chance: random.Random,
    name: str,
    severity: str,
    on: tuple[int, int],
    off: tuple[int, int],
    end: float,
) -> Iterator[Line]:
    at, since = START + chance.randint(1, 3) * MINUTE, START - 9 * HOUR
    while at < end:
        over = min(at + chance.randint(*on) * MINUTE, end + 6 * MINUTE)
        yield change(name, "ALARM", at, since, severity=severity)
        yield change(name, "OK", over, at, severity=severity)
        since, at = over, over + chance.randint(*off) * MINUTE


def _long(name: str, first: float, last: float) -> list[Line]:
    return [
        change(name, "ALARM", first, START - 9 * HOUR, severity="warning"),
        change(name, "OK", last, first, severity="warning"),
    ]


def _offenders(chance: random.Random, end: float) -> Iterator[Line]:
    name, count = "bedrock-alerts.RepeatOffender", chance.randint(1, 8)
    crossings = sorted(START + chance.randint(8, 100) * MINUTE for _ in range(count))
    last = end + 3 * HOUR + 2 * MINUTE
    yield change(name, "ALARM", crossings[0], START - 9 * HOUR, query=_LONG_QUERY)
    for number, at in enumerate(crossings):
        yield contributor(name, f"orders-{number}", "ALARM", at + 5)
        yield contributor(name, f"orders-{number}", "OK", end + 3 * HOUR + 10 * number)
    yield change(name, "OK", last, crossings[0], query=_LONG_QUERY)
