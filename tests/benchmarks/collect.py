"""How fast a batch becomes metrics, against the plain ways to do it. Ratios within one run.

Every contender takes its turn in every round, so that whatever else the machine does hits all of
them alike; the median of its rounds counts.
"""

import html
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
DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
BASE: Final = "standard library"
OURS: Final = "Bedrock Alerts"
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
    BASE: rivals.standard_library,
    "standard library, grouped": rivals.standard_library_grouped,
    "Powertools": rivals.powertools,
    OURS: ours,
    "gunzip alone": rivals.gunzip_alone,
}


def measure(event: Mapping[str, Any]) -> dict[str, float]:
    """Return the median seconds that each contender takes for one batch."""
    taken: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(ROUNDS):
        for name, contender in CONTENDERS.items():
            started = time.process_time()
            contender(event)
            taken[name].append(time.process_time() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def table(title: str, seconds: Mapping[str, float]) -> Table:
    """Show one workload for people."""
    shown = Table(title=title, title_justify="left")
    for heading in ("", "µs a record", "speed"):
        shown.add_column(heading, justify="right" if heading else "left")
    for name, taken in seconds.items():
        shown.add_row(name, f"{_micros(taken):.1f}", f"{seconds[BASE] / taken:.2f}x")
    return shown


def page(results: Mapping[str, Mapping[str, float]]) -> str:
    """Write the page for `docs/`."""
    about = (
        "How fast `collect-logs` turns a batch into metrics, against the plain ways to do the same"
        " job: same metrics, same dimensions, same event lines. What each contender does is in"
        " `tests/benchmarks/rivals.py`. Made by `make bench`, on Python "
        f"{sys.version_info.major}.{sys.version_info.minor}. Trust the ratios, which come from one"
        " run in which all took turns, and not the microseconds, which are this machine's."
    )
    chart = "![Speed of each contender relative to the standard library](images/benchmarks.svg)"
    parts = ["# Benchmarks", about, chart]
    for title, seconds in results.items():
        rows = [
            f"| {name} | {_micros(taken):.1f} | {seconds[BASE] / taken:.2f} |"
            for name, taken in seconds.items()
        ]
        parts.append(
            "\n".join([f"## {title}", "", "| | µs a record | speed |", "|---|--:|--:|", *rows])
        )
    return "\n\n".join(parts) + "\n"


def picture(results: Mapping[str, Mapping[str, float]]) -> str:
    """Draw the ratios as bars; the text takes the colour of the page it stands on."""
    bars: list[str] = []
    y = 10
    for title, seconds in results.items():
        bars.append(f'<text x="10" y="{y + 16}" font-weight="bold">{html.escape(title)}</text>')
        y += 26
        for name, taken in seconds.items():
            ratio = seconds[BASE] / taken
            colour = "#2f7ed8" if name == OURS else "#9aa5b1"
            bars.append(
                f'<text x="190" y="{y + 14}" text-anchor="end">{html.escape(name)}</text>'
                f'<rect x="200" y="{y}" width="{ratio * 110:.0f}" height="18" fill="{colour}"/>'
                f'<text x="{208 + ratio * 110:.0f}" y="{y + 14}">{ratio:.2f}x</text>'
            )
            y += 24
        y += 14
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {y}" width="640" height="{y}" '
        'font-family="sans-serif" font-size="13">'
        "<style>text { fill: #1d2733 } @media (prefers-color-scheme: dark) { text { fill: #e6e9ee } }"
        "</style>" + "".join(bars) + "</svg>\n"
    )


def _micros(seconds: float) -> float:
    return seconds / workloads.RECORDS * 1e6


def main() -> int:
    """Measure both workloads, print the ratios, and write page and picture into `docs/`."""
    now = datetime.now(UTC)
    results = {
        "200 records of 2 to 6 KB": measure(workloads.small(now)),
        "200 records, a tenth of 50 to 95 KB": measure(workloads.mixed(now)),
    }
    console = Console()
    for title, seconds in results.items():
        console.print(table(title, seconds))
    (DOCS / "benchmarks.md").write_text(page(results))
    (DOCS / "images" / "benchmarks.svg").write_text(picture(results))
    console.print(f"Written to {DOCS / 'benchmarks.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
