"""How long a cold start of collect-logs takes beyond that of an empty handler.

Both run in turn under Lambda's runtime interface emulator, which prints how long the initialisation
took. What is measured is importing; the emulator knows nothing of how AWS fetches layers.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

import samcli

ROOT: Final = Path(__file__).resolve().parents[2]
BUILT: Final = ROOT / ".lab" / "build-lambda"
PYTHON: Final = ROOT / ".venv-runtime" / "bin" / "python"
EMULATOR: Final = Path(samcli.__file__).parent / "local/rapid/aws-lambda-rie-x86_64"
ROUNDS: Final = 9
PORT: Final = 9017
EVENT: Final = (ROOT / "events/collect_logs/traffic.json").read_bytes()
_INIT: Final = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_EMPTY: Final = "def handler(event, context):\n    return {}\n"


def initialisation_ms(folder: Path) -> float:
    """Start the function in `folder` once, invoke it, and return how long it took to initialise."""
    process = subprocess.Popen(
        [
            str(EMULATOR), "--runtime-interface-emulator-address", f"127.0.0.1:{PORT}",
            str(PYTHON), "-m", "awslambdaric", "handler.handler",
        ],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",  # layers are read-only: nothing compiled is kept
            "PYTHONPATH": os.pathsep.join(
                str(BUILT / layer / "python") for layer in ("SharedLayer", "DependenciesLayerX86")
            ),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{PORT + 1}",
            "METRICS_NAMESPACE": "BedrockAlerts",
            "OWN_LOG_GROUP": "/aws/lambda/benchmark",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    try:
        _invoke()
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=20)
    found = _INIT.search(output)
    if found is None:
        raise RuntimeError(f"the emulator said nothing of the initialisation:\n{output}")
    return float(found[1])


def _invoke() -> None:
    url = f"http://127.0.0.1:{PORT}/2015-03-31/functions/function/invocations"
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, data=EVENT, timeout=30) as response:
                response.read()
                return
        except (ConnectionError, urllib.error.URLError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


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
