"""How soon an alert is out: warm, from the queue to Slack's request, and how long a start takes.

Warm is measured on the local stack, with the real template and functions; the relay in front of the
deliveries' queue tells when `route` was done. Nothing of AWS's own latency is in it.
"""

import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from tests.benchmarks import cold_start, pages
from tests.support.live_stack import LiveStack, changed, live_stack, wait_until
from tests.support.relay import Passed

SAMPLES: Final = 30
_WARM_UP: Final = 3
_TARGET_MS: Final = 300
_WARM: Final = """## From an alarm to a message

How long an alert takes from the alerts queue to the request that Slack gets: `route`, the deliveries queue, and `deliver` with a bot, warm, on the local stack. {samples} alerts, one at a time, each to Slack and by email. The engine's queues, table and polling are in it; AWS's are not, and differ. The target is {target} ms.

| | median, ms | 9 of 10 within, ms |
|---|--:|--:|
"""
_COLD: Final = """

How long a cold start takes under Lambda's runtime interface emulator: the median of {rounds}, in turn. What is measured is importing; how AWS fetches layers is not in it.

| function | initialisation, ms | beyond an empty handler, ms |
|---|--:|--:|
"""


class Sample(NamedTuple):
    """One alert: seconds until its deliveries were queued, and from then until Slack heard."""

    routed: float
    delivered: float


def one(live: LiveStack, number: int) -> Sample:
    """Let one alarm fire, and see when it is queued and when Slack hears of it."""
    queued: list[float] = []

    def look(passed: Passed) -> bool:
        if passed.operation == "SendMessageBatch":
            queued.append(passed.at)
        return False

    live.relays["SQS"].on_answer = look
    name = f"benchmark-{number}"
    started = time.time()
    live.happen(changed(name))
    wait_until(lambda: live.slack.messages(name))
    heard = live.slack.messages(name)[0].at
    wait_until(live.is_quiet)
    return Sample(queued[0] - started, heard - queued[0])


def warm() -> list[Sample]:
    """Return what alerts took, one at a time, when the functions were warm."""
    found: list[Sample] = []
    with live_stack(relayed=("SQS",)) as live:
        for number in range(_WARM_UP + SAMPLES):
            live.forget()
            found.append(one(live, number))
    return found[_WARM_UP:]


def _row(name: str, seconds: Sequence[float]) -> str:
    median, slow = statistics.median(seconds), statistics.quantiles(seconds, n=10)[-1]
    return f"| {name} | {median * 1000:.0f} | {slow * 1000:.0f} |"


def page(samples: Sequence[Sample], starts: Mapping[str, float]) -> str:
    """Write the part of the page."""
    rows = [
        _row("until the deliveries are queued", [sample.routed for sample in samples]),
        _row("from there until Slack has it", [sample.delivered for sample in samples]),
        _row("together", [sum(sample) for sample in samples]),
    ]
    text = _WARM.format(samples=SAMPLES, target=_TARGET_MS) + "\n".join(rows)
    if starts:
        empty = starts[cold_start.EMPTY]
        text += _COLD.format(rounds=cold_start.ROUNDS) + "\n".join(
            f"| {name} | {ms:.0f} | {ms - empty:.0f} |" for name, ms in starts.items()
        )
    return text


def main() -> int:
    """Measure both, and write them into `docs/benchmarks.md`."""
    starts = cold_start.medians()
    text = page(warm(), starts)
    print(text)
    pages.write_alerts(text)
    print(f"\nWritten to {pages.PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
