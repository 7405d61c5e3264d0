"""One invocation of a built function under Lambda's runtime interface emulator."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import samcli

EMULATOR: Final = Path(samcli.__file__).parent / "local/rapid/aws-lambda-rie-x86_64"
_START_SECONDS: Final = 60


def invoke(
    folder: Path,
    event: Mapping[str, Any],
    *,
    python: Path,
    layers: Sequence[Path],
    environment: Mapping[str, str],
) -> tuple[Any, str]:
    """Start the function in `folder` and invoke it once; return its answer and all it wrote."""
    address = f"127.0.0.1:{_free_port()}"
    process = subprocess.Popen(
        [
            str(EMULATOR), "--runtime-interface-emulator-address", address,
            str(python), "-m", "awslambdaric", "handler.handler",
        ],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, layers)),
            "PYTHONDONTWRITEBYTECODE": "1",  # layers are read-only: nothing compiled is kept
            # Separate ports, so that emulators can run in parallel.
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{_free_port()}",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    try:
        answer = _post(f"http://{address}/2015-03-31/functions/function/invocations", event)
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=20)
    return answer, output


def _post(url: str, event: Mapping[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(event).encode())
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.loads(response.read())
        except (ConnectionError, urllib.error.URLError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
