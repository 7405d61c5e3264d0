"""The embedded AWS-compatible engine: a child process on a loopback port."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import boto3

from bedrock_alerts_cli.local_stack.prerequisites import ENGINE_PYTHON, how_to_install_engine
from bedrock_alerts_cli.sample_account import ACCOUNT, NO_CREDENTIAL, REGION
from bedrock_alerts_cli.user_errors import CommandError, InputError

_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 10


class Engine:
    """A running engine. Its clients and environment can reach nothing but this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://{_HOST}:{port}"

    def environment(self) -> dict[str, str]:
        """Return an environment in which AWS tools talk to this engine and to nothing else."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        }
        bundle = os.environ.get("AWS_CA_BUNDLE")
        return {
            **inherited,
            **({"AWS_CA_BUNDLE": bundle} if bundle else {}),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": NO_CREDENTIAL,
            "AWS_SECRET_ACCESS_KEY": NO_CREDENTIAL,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "SAM_CLI_TELEMETRY": "0",
            # The default is 5 s between two checks of a stack; a local engine needs no such limit.
            "SAM_CLI_POLL_DELAY": "0.2",
        }

    def client(self, service: str) -> Any:
        """Return a boto3 client for one of the engine's services."""
        return boto3.client(
            service,  # type: ignore[call-overload] # any service of the engine
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=NO_CREDENTIAL,
            aws_secret_access_key=NO_CREDENTIAL,
        )


@contextlib.contextmanager
def running_engine(port: int | None = None) -> Iterator[Engine]:
    """Start the engine on `port`, a free one by default, and stop all of it at the end.

    Raises InputError if it is not installed, CommandError if its port is in use or it does not
    start.
    """
    if not ENGINE_PYTHON.exists():
        raise InputError(f"the embedded engine is not installed: {how_to_install_engine()}")
    chosen = port or _free_port()
    if _answers(chosen):
        raise CommandError(f"port {chosen} is in use: choose another with --engine-port")
    state = Path(tempfile.mkdtemp(prefix="bedrock-alerts-engine-"))
    log = state / "engine.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(ENGINE_PYTHON), "-m", "ministack"],
            env=_engine_environment(chosen, state),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that its workers can be stopped with it
        )
    try:
        _wait_until_ready(process, chosen, log)
        yield Engine(chosen)
    finally:
        _stop(process)
        shutil.rmtree(state, ignore_errors=True)


def _engine_environment(port: int, state: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "BIND_HOST": _HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": _HOST,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        "STATE_DIR": str(state / "state"),
        "TMPDIR": str(state),
        "LOG_LEVEL": "WARNING",
    }


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(urllib.error.URLError, OSError):
            url = f"http://{_HOST}:{port}/_ministack/ready"
            with urllib.request.urlopen(url, timeout=2):
                return
        time.sleep(0.1)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    raise CommandError(f"the engine did not start; the end of its log:\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    # The workers of functions are in the same process group, and must end with it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((_HOST, port), timeout=1):
        return True
    return False
