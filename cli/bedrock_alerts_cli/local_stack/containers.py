"""Prepares `sam local invoke` to run a function in its container against the local stack."""

import contextlib
import copy
import ipaddress
import json
import platform
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, Final

from bedrock_alerts_cli import template as cfn
from bedrock_alerts_cli.local_stack.deploy import Stack, run_sam
from bedrock_alerts_cli.local_stack.engine import Engine
from bedrock_alerts_cli.project import IS_INSTALLED, work_folder
from bedrock_alerts_cli.sample_account import REGION
from bedrock_alerts_cli.user_errors import CommandError

TEMPLATE: Final = work_folder() / ".aws-sam/build/local.yaml"
ENV_VARS: Final = work_folder() / ".local-stack/env.json"
# A container's name for its host: built into Docker Desktop, on Linux set by --add-host.
_HOST: Final = "host.docker.internal"
_HERE: Final = "127.0.0.1"
_FUNCTIONS: Final = ("CollectLogsFunction", "RouteFunction", "DeliverFunction")
_SECRET: Final = "bedrock-alerts/slack-from-containers"  # noqa: S105 - its name
_BUILD_SECONDS: Final = 600
_CHUNK: Final = 65536


def write_files(engine: Engine, stack: Stack, webhook_url: str) -> None:
    """Build for Lambda, and write the template and the variables for `sam local invoke`.

    SAM passes only variables that a template declares. Hence a separate template, next to the
    build, which declares the address of the local stack.
    """
    run_sam("build", environment=engine.environment(), seconds=_BUILD_SECONDS)
    secret = engine.client("secretsmanager").create_secret(
        Name=_SECRET, SecretString=webhook_url.replace(_HERE, _HOST)
    )
    variables = {}
    for name in _FUNCTIONS:
        function = stack.resources[name]
        found = engine.client("lambda").get_function_configuration(FunctionName=function)
        own = {key: value.replace(_HERE, _HOST) for key, value in _variables(found).items()}
        variables[name] = {**own, "AWS_ENDPOINT_URL": engine.url.replace(_HERE, _HOST)}
    variables["DeliverFunction"]["SLACK_SECRET_ARN"] = secret["ARN"]
    template = copy.deepcopy(dict(cfn.load(TEMPLATE.with_name("template.yaml"))))
    template["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = ""
    TEMPLATE.write_text(cfn.dump(template))
    ENV_VARS.parent.mkdir(exist_ok=True)
    ENV_VARS.write_text(json.dumps(variables, indent=2) + "\n")


def command(function: str, event: str) -> str:
    """Return the command line to type."""
    options = f" --add-host {_HOST}:host-gateway" if sys.platform == "linux" else ""
    # The template's functions are for arm64, which this machine may not support.
    if platform.machine() in {"x86_64", "AMD64"}:
        options += " --parameter-overrides Architecture=x86_64"
    template, variables = TEMPLATE, ENV_VARS
    if not IS_INSTALLED:  # short, for a terminal in the checkout
        template, variables = (path.relative_to(work_folder()) for path in (template, variables))
    return (
        f"bedrock-alerts generate-event {event} | AWS_ACCESS_KEY_ID=local"
        f" AWS_SECRET_ACCESS_KEY=local sam local invoke {function}"
        f" --region {REGION} -t {template}"
        f" --env-vars {variables}{options} -e -"
    )


@contextlib.contextmanager
def reachable_from_containers(*ports: int) -> Iterator[None]:
    """Let containers reach these ports of this machine's loopback address, and no one else.

    On Linux a container sees the machine only at the address of Docker's bridge. Raises
    CommandError if Docker does not respond.
    """
    with contextlib.ExitStack() as stop:
        if sys.platform == "linux":
            address = bridge()
            for port in ports:
                stop.enter_context(_forwarded(address, port))
        yield


def _variables(configuration: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = configuration["Environment"]["Variables"]
    return found


def bridge() -> str:
    """Return the address of Docker's bridge. Raises CommandError if Docker does not respond."""
    docker = shutil.which("docker")
    if docker is not None:
        done = subprocess.run(
            [docker, "network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            (config, *_) = json.loads(done.stdout)
            # Docker does not always name the gateway; it is the first address of the network.
            first = next(ipaddress.ip_network(config["Subnet"]).hosts())
            return str(config.get("Gateway") or first)
    raise CommandError(
        "--keep runs functions in containers, and Docker does not respond: start it first"
    )


@contextlib.contextmanager
def _forwarded(address: str, port: int) -> Iterator[None]:
    """Forward connections at this address and port to the same port of the loopback address."""
    with socket.create_server((address, port)) as server:
        threading.Thread(target=_accept, args=(server, port), daemon=True).start()
        yield


def _accept(server: socket.socket, port: int) -> None:
    while True:
        try:
            outside, _ = server.accept()
        except OSError:  # closed by the context's end
            return
        try:
            inside = socket.create_connection((_HERE, port))
        except OSError:
            outside.close()
            continue
        threading.Thread(target=_connect, args=(outside, inside), daemon=True).start()


def _connect(outside: socket.socket, inside: socket.socket) -> None:
    """Forward in both directions, and close both sockets at the end of both."""
    with outside, inside:
        back = threading.Thread(target=_copy, args=(inside, outside), daemon=True)
        back.start()
        _copy(outside, inside)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
