"""How fast a batch becomes metrics, against the plain ways to do it. Ratios within one run.

Every contender takes its turn in every round, so that whatever else the machine does hits all of
them alike; the median of its rounds counts.
"""

import gc
import io
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.invocations.decode import decode_event
from bedrock_alerts.invocations.pipeline import CollectOptions, collect
from bedrock_alerts.invocations.pricing import Prices
from tests.benchmarks import rivals, workloads

ROUNDS: Final = 40
RESULT: Final = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
PRICES: Final = Prices.load()
OPTIONS: Final = CollectOptions()

Contender = Callable[[Mapping[str, Any]], object]


def ours(event: Mapping[str, Any]) -> str:
    """Do what the handler of collect-logs does, from event to text."""
    stream = io.StringIO()
    collected = collect((decode_event(event),), PRICES, OPTIONS, now=time.time())
    EmfSink("BedrockAlerts", stream).publish(collected.datapoints, collected.events)
    return stream.getvalue()


CONTENDERS: Final[Mapping[str, Contender]] = {
    "standard library": rivals.standard_library,
    "standard library, grouped": rivals.standard_library_grouped,
    "Powertools": rivals.powertools,
    "Bedrock Alerts": ours,
    "gunzip alone": rivals.gunzip_alone,
}


def measure(event: Mapping[str, Any]) -> dict[str, float]:
    """Return the median seconds that each contender takes for one batch."""
    taken: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(ROUNDS):
        for name, contender in CONTENDERS.items():
            gc.collect()
            started = time.process_time()
            contender(event)
            taken[name].append(time.process_time() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def main() -> int:
    """Measure both workloads and print the ratios."""
    now = datetime.now(UTC)
    console = Console()
    for title, event in (
        ("200 records of 2-6 KB", workloads.small(now)),
        ("200 records, a tenth of 50-95 KB", workloads.mixed(now)),
    ):
        seconds = measure(event)
        base = seconds["standard library"]
        table = Table(title=title, title_justify="left")
        for heading in ("", "µs a record", "speed"):
            table.add_column(heading, justify="right" if heading else "left")
        for name, taken in seconds.items():
            table.add_row(name, f"{taken / workloads.RECORDS * 1e6:.1f}", f"{base / taken:.2f}x")
        console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
