"""One invocation of a built function under Lambda's runtime interface emulator.

The emulator ships with the AWS SAM CLI. What it says about memory is not measured, so the memory of
the function's own process is read from the kernel, before it is stopped.
"""

import importlib.util
import json
import os
import platform
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli import extras
from bedrock_alerts_cli.user_errors import CommandError

_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 20
_ARCHITECTURES: Final = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_DURATION: Final = re.compile(r"^REPORT RequestId:.*?\tDuration: ([0-9.]+) ms", re.MULTILINE)
_INIT: Final = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_PEAK: Final = re.compile(r"VmHWM:\s+(\d+) kB")
# What the emulator and the runtime say, as against the function.
_NOT_THE_FUNCTIONS: Final = re.compile(
    r"(START|END|REPORT|INIT_REPORT|INIT_START) RequestId|REPORT RequestId|END RequestId"
    r"|.*\[(INFO|WARNING|DEBUG|ERROR)\] \(rapid"
    r"|\S+ \S+ \S+ \S+ \[(INFO|WARNING|DEBUG|ERROR)\]"
)


class Invoked(NamedTuple):
    """What came of an invocation. `output` is all that was written, `peak_bytes` 0 if not known."""

    answer: Any
    output: str
    peak_bytes: int

    @property
    def duration_ms(self) -> float | None:
        """Return how long it took, without the initialisation: the emulator adds that to it."""
        whole = _number(_DURATION, self.output)
        return None if whole is None else max(0.0, whole - (self.init_ms or 0.0))

    @property
    def init_ms(self) -> float | None:
        """Return how long the initialisation took."""
        return _number(_INIT, self.output)

    @property
    def is_error(self) -> bool:
        """Whether the function raised, or gave a message of its batch back."""
        said = self.answer if isinstance(self.answer, dict) else {}
        return "errorMessage" in said or bool(said.get("batchItemFailures"))

    def lines(self) -> list[str]:
        """Return the lines that the function wrote."""
        return [
            line
            for line in self.output.splitlines()
            if line.strip() and not _NOT_THE_FUNCTIONS.match(line)
        ]


def emulator() -> Path:
    """Return the emulator's path. Raises CommandError where this machine cannot run it."""
    architecture = _ARCHITECTURES.get(platform.machine())
    if not sys.platform.startswith("linux") or architecture is None:
        raise CommandError(
            "the runtime interface emulator runs on Linux only: use `sam local invoke` with Docker"
        )
    found = importlib.util.find_spec("samcli")
    if found is None or found.origin is None:
        raise CommandError(f"the AWS SAM CLI is not installed here: {extras.install('demo')}")
    path = Path(found.origin).parent / "local" / "rapid" / f"aws-lambda-rie-{architecture}"
    if not path.exists():
        raise CommandError(
            f"this AWS SAM CLI ships no emulator for {architecture}: run `make setup-dev`"
        )
    return path


def invoke_once(
    folder: Path,
    event: Mapping[str, Any],
    *,
    python: Path,
    layers: Sequence[Path],
    environment: Mapping[str, str],
    seconds: float = 60.0,
) -> Invoked:
    """Start the function in `folder` and invoke it once, for at most `seconds`.

    Raises CommandError if it does not start or does not answer in time.
    """
    address = f"127.0.0.1:{_free_port()}"
    process = subprocess.Popen(
        [
            str(emulator()), "--runtime-interface-emulator-address", address,
            str(python), "-m", "awslambdaric", "handler.handler",
        ],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, layers)),
            "PYTHONDONTWRITEBYTECODE": "1",  # layers are read-only: nothing compiled is kept
            # Its own ports, so that emulators can run side by side.
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{_free_port()}",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(max(1, int(seconds))),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    peak = 0
    try:
        url = f"http://{address}/2015-03-31/functions/function/invocations"
        answer = _post(url, event, seconds, process)
        peak = _peak_bytes(process.pid)
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=_STOP_SECONDS)
    return Invoked(answer, output, peak)


def invoke(
    folder: Path,
    event: Mapping[str, Any],
    *,
    python: Path,
    layers: Sequence[Path],
    environment: Mapping[str, str],
) -> tuple[Any, str]:
    """Invoke a function once, and return its answer and all that was written."""
    done = invoke_once(folder, event, python=python, layers=layers, environment=environment)
    return done.answer, done.output


def _post(
    url: str, event: Mapping[str, Any], seconds: float, process: subprocess.Popen[str]
) -> Any:
    request = urllib.request.Request(url, json.dumps(event).encode())  # noqa: S310 - loopback
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=seconds + 5) as response:  # noqa: S310
                return _read(response.read())
        except TimeoutError as error:
            raise CommandError(
                f"the function did not answer within {seconds:g} s: see --timeout"
            ) from error
        except (ConnectionError, urllib.error.URLError) as error:
            if process.poll() is not None:
                raise CommandError("the emulator ended before the function answered") from error
            if time.monotonic() > deadline:
                raise CommandError("the emulator does not take the event: try again") from error
            time.sleep(0.02)


def _read(answer: bytes) -> Any:
    try:
        return json.loads(answer)
    except ValueError:  # the emulator says in words what it could not do
        return {"errorMessage": answer.decode("utf-8", "replace")}


def _peak_bytes(emulator_pid: int) -> int:
    """Return the most memory that the emulator's child has had."""
    with suppress(OSError, ValueError):
        children = Path(f"/proc/{emulator_pid}/task/{emulator_pid}/children").read_text()
        for child in children.split():
            if found := _PEAK.search(Path(f"/proc/{child}/status").read_text()):
                return int(found[1]) * 1024
    return _peak_by_parent(emulator_pid)


def _peak_by_parent(emulator_pid: int) -> int:
    """Like `_peak_bytes`, where the kernel does not list children."""
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            text = status.read_text()
            if f"PPid:\t{emulator_pid}\n" in text and (found := _PEAK.search(text)):
                return int(found[1]) * 1024
    return 0


def _number(pattern: re.Pattern[str], text: str) -> float | None:
    found = pattern.search(text)
    return float(found[1]) if found else None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
