"""How long a cold start of the functions takes beyond that of an empty handler.

All run in turn under Lambda's runtime interface emulator, which prints how long the initialisation
took. What is measured is importing; the emulator knows nothing of how AWS fetches layers.
"""

import json
import re
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli.emulated import runtime_emulator
from tests.support.building import ROOT, build_for_lambda

PYTHON: Final = ROOT / ".venv-runtime" / "bin" / "python"
ROUNDS: Final = 5
EMPTY: Final = "empty handler"
_LAYERS: Final = ("SharedLayer", "DependenciesLayerX86")
_ENVIRONMENT: Final = {
    "METRICS_NAMESPACE": "BedrockAlerts",
}
_INIT: Final = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_EMPTY: Final = "def handler(event, context):\n    return {}\n"


class Started(NamedTuple):
    """A function, and the event that it is called with once."""

    folder: str
    event: Mapping[str, Any]


def _functions() -> dict[str, Started]:
    traffic = json.loads((ROOT / "events/collect_logs/traffic.json").read_text())
    return {
        "collect-logs": Started("CollectLogsFunction", traffic),
        # Their settings are absent: the call ends in an error, long after they were initialised.
        "route": Started("RouteFunction", {}),
        "deliver": Started("DeliverFunction", {}),
    }


def initialisation_ms(built: Path, folder: Path, event: Mapping[str, Any]) -> float:
    """Start the function in `folder` once, invoke it, and return how long it took to initialise."""
    _, output = runtime_emulator.invoke(
        folder,
        event,
        python=PYTHON,
        layers=[built / layer / "python" for layer in _LAYERS],
        environment=_ENVIRONMENT,
    )
    found = _INIT.search(output)
    if found is None:
        raise RuntimeError(f"the emulator said nothing of the initialisation:\n{output}")
    return float(found[1])


def medians() -> dict[str, float]:
    """Return the median of each in milliseconds; nothing where Lambda's Python is not installed."""
    if not PYTHON.exists():
        return {}
    built = build_for_lambda()
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder)
        (empty / "handler.py").write_text(_EMPTY)
        taken: dict[str, list[float]] = {EMPTY: []}
        for _ in range(ROUNDS):
            taken[EMPTY].append(initialisation_ms(built, empty, {}))
            for name, started in _functions().items():
                ms = initialisation_ms(built, built / started.folder, started.event)
                taken.setdefault(name, []).append(ms)
    return {name: statistics.median(found) for name, found in taken.items()}


def main() -> int:
    """Print the medians, and what they are beyond the empty handler's."""
    found = medians()
    if not found:
        print("Needs python3.13 on this machine.")
        return 1
    for name, median in found.items():
        print(f"{name:<14} {median:6.0f} ms  {median - found[EMPTY]:+6.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
