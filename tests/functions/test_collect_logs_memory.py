"""The largest batch that Lambda takes is counted by a function that has 128 MB of memory."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.benchmarks import workloads
from tests.support.wall_clock import same_day

ROOT: Final = Path(__file__).resolve().parents[2]
MEGABYTE: Final = 2**20
# Of the 128 MB, Lambda's runtime needs some before it calls a function.
LIMIT_BYTES: Final = 100 * MEGABYTE

_CHILD: Final = """
import json, re, sys
from functions.collect_logs.handler import handler
answer = handler(json.load(sys.stdin), None)
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
print(json.dumps({"answer": answer, "peak": int(peak[1]) * 1024}), file=sys.stderr)
"""


def test_a_batch_of_one_megabyte_is_counted_within_128_megabytes() -> None:
    event = workloads.mixed(datetime.now(UTC))
    assert len(event["awslogs"]["data"]) > MEGABYTE * 0.95
    done = subprocess.run(
        [sys.executable, "-c", same_day() + _CHILD],
        input=json.dumps(event),
        cwd=ROOT,
        env={
            "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/shared'}",
            "METRICS_NAMESPACE": "BedrockAlerts",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    outcome = json.loads(done.stderr.splitlines()[-1])
    assert outcome["answer"]["processed"] == workloads.RECORDS
    assert outcome["peak"] < LIMIT_BYTES
