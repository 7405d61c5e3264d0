"""How long a cold start of collect-logs takes beyond that of an empty handler.

Both run in turn under Lambda's runtime interface emulator, which prints how long the initialisation
took. What is measured is importing; the emulator knows nothing of how AWS fetches layers.
"""

import json
import re
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.support import emulator

ROOT: Final = Path(__file__).resolve().parents[2]
BUILT: Final = ROOT / ".lab" / "build-lambda"
PYTHON: Final = ROOT / ".venv-runtime" / "bin" / "python"
ROUNDS: Final = 9
EVENT: Final = json.loads((ROOT / "events/collect_logs/traffic.json").read_text())
_INIT: Final = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_EMPTY: Final = "def handler(event, context):\n    return {}\n"


def initialisation_ms(folder: Path) -> float:
    """Start the function in `folder` once, invoke it, and return how long it took to initialise."""
    _, output = emulator.invoke(
        folder,
        EVENT,
        python=PYTHON,
        layers=[BUILT / layer / "python" for layer in ("SharedLayer", "DependenciesLayerX86")],
        environment={
            "METRICS_NAMESPACE": "BedrockAlerts",
            "OWN_LOG_GROUP": "/aws/lambda/benchmark",
        },
    )
    found = _INIT.search(output)
    if found is None:
        raise RuntimeError(f"the emulator said nothing of the initialisation:\n{output}")
    return float(found[1])


def main() -> int:
    """Print both medians and their difference."""
    if not (PYTHON.exists() and BUILT.exists()):
        print("Needs python3.13 and the artefacts of `make test`.")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder)
        (empty / "handler.py").write_text(_EMPTY)
        taken: dict[str, list[float]] = {"empty handler": [], "collect-logs": []}
        for _ in range(ROUNDS):
            taken["empty handler"].append(initialisation_ms(empty))
            taken["collect-logs"].append(initialisation_ms(BUILT / "CollectLogsFunction"))
    medians = {name: statistics.median(found) for name, found in taken.items()}
    for name, median in medians.items():
        print(f"{name:<14} {median:6.0f} ms")
    print(f"{'difference':<14} {medians['collect-logs'] - medians['empty handler']:6.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
