"""How fast a batch becomes metrics, against the plain ways to do it. Ratios within one run.

Every contender takes its turn in every round, so that whatever else the machine does hits all of
them alike. A turn is one batch to warm up, as a function's is that has work to do, and some that
are measured. The fastest of all counts: other work on the machine, also on its caches, only adds
time. Before that all have to have published the same.
"""

import base64
import gzip
import html
import io
import itertools
import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import pybase64
from rich.console import Console
from rich.table import Table

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.invocations.collector import CollectOptions, Parts, collect
from bedrock_alerts.invocations.decode import decode_event
from bedrock_alerts.invocations.gunzip import inflate
from bedrock_alerts.invocations.lenient_json import Reader
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.invocations.record import RawRecord
from bedrock_alerts.limits import MAX_BATCH_INFLATED_BYTES
from tests.benchmarks import pages, published, rivals, workloads

ROUNDS: Final = 30
BATCHES_A_TURN: Final = 3
ABOUT: Final = Path(__file__).with_name("about.md")
BASE: Final = "standard library"
OURS: Final = "Bedrock Alerts"
PRICES: Final = Prices.load()
OPTIONS: Final = CollectOptions()

Contender = Callable[[Mapping[str, Any]], object]


def ours(event: Mapping[str, Any]) -> str:
    """Do what the handler of collect-logs does, from event to text."""
    stream = io.StringIO()
    collected = collect((decode_event(event),), Parts(PRICES, OPTIONS), now=time.time())
    EmfSink("BedrockAlerts", stream).publish(collected.datapoints, collected.events)
    return stream.getvalue()


CONTENDERS: Final[Mapping[str, Contender]] = {
    BASE: rivals.standard_library,
    "standard library, grouped": rivals.standard_library_grouped,
    "Powertools": rivals.powertools,
    OURS: ours,
}
GUNZIP: Final = "gunzip alone"

# --- Steps --------------------------------------------------------------------------------------
# Each contender of this table does all of its job up to the end of a step, so that what the step
# takes is the difference to the one before.

_records: Final = Reader[RawRecord](RawRecord)


def _plain_gunzip(event: Mapping[str, Any]) -> bytes:
    return gzip.decompress(base64.b64decode(event["awslogs"]["data"]))


def _plain_lines(event: Mapping[str, Any], use: Callable[[str], object]) -> None:
    for item in json.loads(_plain_gunzip(event))["logEvents"]:
        use(item["message"])


def _our_gunzip(event: Mapping[str, Any]) -> bytes:
    packed = pybase64.b64decode(event["awslogs"]["data"], validate=True)
    return inflate(packed, MAX_BATCH_INFLATED_BYTES)


def _our_lines(event: Mapping[str, Any], use: Callable[[str], object]) -> None:
    for line in decode_event(event).log_events:
        use(line.message)


class Step(NamedTuple):
    """A step, and what each of the two does up to its end."""

    name: str
    plain: Contender
    ours: Contender


STEPS: Final = (
    Step("base64 and gunzip", _plain_gunzip, _our_gunzip),
    Step("JSON of the batch", lambda event: json.loads(_plain_gunzip(event)), decode_event),
    Step(
        "JSON of the records",
        lambda event: _plain_lines(event, json.loads),
        lambda event: _our_lines(event, _records.read),
    ),
    Step(
        "what they say",
        lambda event: _plain_lines(event, lambda line: rivals.read(json.loads(line))),
        lambda event: _our_lines(event, parse),
    ),
    Step("duplicates, prices, sums, lines", rivals.standard_library, ours),
)


class Measured(NamedTuple):
    """Seconds a batch: whole contenders by name, and the steps of the two."""

    whole: dict[str, float]
    steps: dict[str, tuple[float, float]]


def measure(event: Mapping[str, Any]) -> Measured:
    """Return the fewest seconds that each contender takes for one batch, and each step."""
    mine = ours(event)
    for name, contender in CONTENDERS.items():
        published.check_same(mine, str(contender(event)), name)
    runs: dict[Any, Contender] = {**CONTENDERS, GUNZIP: rivals.gunzip_alone}
    for step in STEPS:
        runs[step, "plain"], runs[step, "ours"] = step.plain, step.ours
    fastest = _fastest(runs, event)
    steps: dict[str, tuple[float, float]] = {}
    before = (0.0, 0.0)
    for step in STEPS:
        until = (fastest[step, "plain"], fastest[step, "ours"])
        steps[step.name] = (until[0] - before[0], until[1] - before[1])
        before = until
    return Measured({name: fastest[name] for name in (*CONTENDERS, GUNZIP)}, steps)


def _fastest(runs: Mapping[Any, Contender], event: Mapping[str, Any]) -> dict[Any, float]:
    taken = dict.fromkeys(runs, math.inf)
    for _, (name, run) in itertools.product(range(ROUNDS), runs.items()):
        run(event)
        for _ in range(BATCHES_A_TURN):
            started = time.process_time()
            run(event)
            taken[name] = min(taken[name], time.process_time() - started)
    return taken


def tables(title: str, measured: Measured) -> tuple[Table, Table]:
    """Show one workload for people."""
    whole = Table(title=title, title_justify="left")
    for heading in ("", "µs a record", "speed"):
        whole.add_column(heading, justify="right" if heading else "left")
    for name, taken in measured.whole.items():
        whole.add_row(name, f"{_micros(taken):.1f}", f"{measured.whole[BASE] / taken:.2f}x")
    steps = Table()
    for heading in ("step", BASE, OURS, "share"):
        steps.add_column(heading, justify="left" if heading == "step" else "right")
    for name, (plain, mine) in measured.steps.items():
        steps.add_row(name, f"{_micros(plain):.1f}", f"{_micros(mine):.1f}", _share(mine, measured))
    return whole, steps


def page(results: Mapping[str, Measured]) -> str:
    """Write the page for `docs/`: what `about.md` says, and the figures."""
    about = ABOUT.read_text().format(
        python=f"{sys.version_info.major}.{sys.version_info.minor}", rounds=ROUNDS
    )
    parts = [about.strip()]
    for title, measured in results.items():
        rows = [
            f"| {name} | {_micros(taken):.1f} | {measured.whole[BASE] / taken:.2f} |"
            for name, taken in measured.whole.items()
        ]
        parts.append(
            "\n".join([f"## {title}", "", "| | µs a record | speed |", "|---|--:|--:|", *rows])
        )
        steps = [
            f"| {name} | {_micros(plain):.1f} | {_micros(mine):.1f} | {_share(mine, measured)} |"
            for name, (plain, mine) in measured.steps.items()
        ]
        heads = f"| step | {BASE}, µs | {OURS}, µs | share of ours |"
        parts.append("\n".join([heads, "|---|--:|--:|--:|", *steps]))
    return "\n\n".join(parts) + "\n"


def picture(results: Mapping[str, Measured]) -> str:
    """Draw the ratios as bars; the text takes the colour of the page it stands on."""
    bars: list[str] = []
    y = 10
    for title, measured in results.items():
        seconds = measured.whole
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


def _share(seconds: float, measured: Measured) -> str:
    return f"{seconds / measured.whole[OURS]:.0%}"


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
    for title, measured in results.items():
        for shown in tables(title, measured):
            console.print(shown)
    pages.write_collect(page(results))
    (pages.DOCS / "images" / "benchmarks.svg").write_text(picture(results))
    console.print(f"Written to {pages.PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
