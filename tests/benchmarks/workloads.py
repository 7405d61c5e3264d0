"""What the benchmarks run on: batches of invented records, as CloudWatch Logs delivers them."""

import json
import random
from datetime import datetime
from typing import Any, Final

from bedrock_alerts_cli.local_stack import sample_traffic as traffic
from bedrock_alerts_cli.samples.function_events import awslogs_event

RECORDS: Final = 200
# Invented words: as many as a text has, so that it packs like one (about 3 : 1).
_WORDS: Final = tuple(
    "".join(
        random.Random(number).choices(  # noqa: S311 - repeatable, not secret
            "eeetttaaooiinnsshhrrdlcumwfgypbvk", k=2 + number % 9
        )
    )
    for number in range(1000)
)


def small(now: datetime) -> dict[str, Any]:
    """Return a batch of 200 records of 2 to 6 KB."""
    chance = random.Random(1)  # noqa: S311 - repeatable, not secret
    return _batch([chance.randrange(2_000, 6_000) for _ in range(RECORDS)], now, chance)


def mixed(now: datetime) -> dict[str, Any]:
    """Return a batch of 200 records, a tenth of them of 50 to 95 KB."""
    chance = random.Random(2)  # noqa: S311 - repeatable, not secret
    sizes = [
        chance.randrange(50_000, 95_000) if number % 10 == 0 else chance.randrange(2_000, 6_000)
        for number in range(RECORDS)
    ]
    return _batch(sizes, now, chance)


def _batch(sizes: list[int], now: datetime, chance: random.Random) -> dict[str, Any]:
    scene = traffic.Scene("benchmark", blocked=1, throttled=1)
    minute = now.replace(second=0, microsecond=0)
    records: list[dict[str, Any]] = []
    while len(records) < len(sizes):
        records += [record for _, record in traffic.minute_of_traffic(scene, minute, chance)]
    chance.shuffle(records)
    lines = [
        json.dumps(_grown(record, size, chance))
        for record, size in zip(records, sizes, strict=False)
    ]
    return awslogs_event(lines, int(minute.timestamp() * 1000))


def _grown(record: dict[str, Any], size: int, chance: random.Random) -> dict[str, Any]:
    """Give a record the prompt that makes it as large as it should be."""
    missing = size - len(str(record))
    if missing <= 0 or "input" not in record:
        return record
    text = " ".join(chance.choices(_WORDS, k=missing // 6))
    turns = [
        {"role": role, "content": [{"text": text[start : start + 1500]}]}
        for role, start in zip(
            ("user", "assistant") * (len(text) // 3000 + 1), range(0, len(text), 1500), strict=False
        )
    ]
    return {**record, "input": {**record["input"], "inputBodyJson": {"messages": turns}}}
