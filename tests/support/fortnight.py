"""Two synthetic weeks of a team's log: days and nights, a busy Monday, an attack, an outage."""

import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests import records

START: Final = datetime(2026, 11, 2, tzinfo=UTC)
DAYS: Final = 14
_MODELS: Final = (
    ("anthropic.claude-3-5-haiku-20241022-v1:0", 0.6),
    ("amazon.nova-lite-v1:0", 0.3),
    ("anthropic.claude-3-5-sonnet-20240620-v1:0", 0.1),
)
_PEOPLE: Final = tuple(f"chat-{name}" for name in ("web", "mobile", "support", "search", "batch"))
_ATTACK: Final = (START + timedelta(days=4, hours=10), START + timedelta(days=4, hours=12))
_THROTTLED: Final = (START + timedelta(days=7, hours=9), START + timedelta(days=7, hours=10))
_OUTAGE: Final = (START + timedelta(days=11, hours=15), START + timedelta(days=11, minutes=930))


def lines(calls_a_day: int = 2000, days: int = DAYS, seed: int = 7) -> Iterator[str]:
    """Write the log, a record a line, in the order of time."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    every = 86400 / calls_a_day
    at, number = START, 0
    end = START + timedelta(days=days)
    while at < end:
        at += timedelta(seconds=chance.expovariate(_busy(at) / every))
        number += 1
        yield json.dumps(_record(at, number, chance))


def _busy(at: datetime) -> float:
    """How much is going on: most around 14 h, little at night and at the weekend."""
    day = 1 + 0.9 * math.cos((at.hour + at.minute / 60 - 14) / 24 * 2 * math.pi)
    return day * (0.35 if at.weekday() >= 5 else 1.2)


def _record(at: datetime, number: int, chance: random.Random) -> dict[str, Any]:
    person = chance.choice(_PEOPLE)
    more: dict[str, Any] = {
        "model": chance.choices([name for name, _ in _MODELS], [share for _, share in _MODELS])[0],
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "requestId": f"00000000-0000-4000-8000-{number:012d}",
        "identity": {"arn": f"arn:aws:sts::111122223333:assumed-role/{person}/session"},
    }
    if _within(at, _THROTTLED) and chance.random() < 0.3:
        return records.failed("ThrottlingException", **more)
    if _within(at, _OUTAGE) and chance.random() < 0.5:
        return records.failed("ServiceUnavailableException", **more)
    if chance.random() < 0.004:
        return records.failed("ValidationException", **more)
    return records.converse(**_answer(at, chance), **more)


def _answer(at: datetime, chance: random.Random) -> dict[str, Any]:
    latency = int(chance.lognormvariate(6.6, 0.5))
    given = [records.invocation_metrics(chance.randrange(150, 400), contentPolicyUnits=1)]
    stop = "end_turn"
    if _within(at, _ATTACK) and chance.random() < 0.25:
        given.append(records.content("BLOCKED", kind="PROMPT_ATTACK"))
        stop = "guardrail_intervened"
    elif chance.random() < 0.01:
        given.append(records.pii("ANONYMIZED"))
    elif chance.random() < 0.0006:
        given.append(records.topic("BLOCKED"))
        stop = "guardrail_intervened"
    trace = records.converse_trace(records.assessment(*given))
    tokens = (chance.randrange(200, 3000), chance.randrange(50, 900))
    return {
        "tokens": tokens,
        "stop": stop,
        "trace": trace,
        "body": {"metrics": {"latencyMs": latency}},
    }


def _within(at: datetime, span: tuple[datetime, datetime]) -> bool:
    return span[0] <= at < span[1]
