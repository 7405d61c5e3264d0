"""What `demo --keep` tells people to type, and what it needs."""

import shutil
import socket
import subprocess
import sys
from typing import Any

import pytest

from bedrock_alerts_cli.local_stack import containers
from bedrock_alerts_cli.user_errors import CommandError


def test_the_line_to_type_names_the_region_and_the_files() -> None:
    line = containers.command("RouteFunction", "route throttling")
    assert line.startswith("bedrock-alerts generate-event route throttling | ")
    assert " sam local invoke RouteFunction --region eu-west-1 " in line
    assert " -t .aws-sam/build/local.yaml --env-vars .local-stack/env.json" in line
    assert line.endswith(" -e -")


def test_it_says_where_docker_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(CommandError, match="Docker does not respond: start it first"):
        containers.bridge()


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ('[{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.9"}]', "172.17.0.9"),
        ('[{"Subnet": "172.17.0.0/16"}]', "172.17.0.1"),
    ],
)
def test_the_bridge_is_where_docker_says(
    monkeypatch: pytest.MonkeyPatch, said: str, address: str
) -> None:
    def run(*_: Any, **__: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 0, stdout=said)

    monkeypatch.setattr(shutil, "which", lambda _: "docker")
    monkeypatch.setattr(subprocess, "run", run)
    assert containers.bridge() == address


@pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"])
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the whole of 127.0.0.0/8")
def test_what_arrives_at_the_bridge_goes_to_the_loopback_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(containers, "bridge", lambda: "127.0.0.2")
    with socket.create_server(("127.0.0.1", 0)) as inside:
        port = inside.getsockname()[1]
        with (
            containers.reachable_from_containers(port),
            socket.create_connection(("127.0.0.2", port)) as outside,
        ):
            server, _ = inside.accept()
            with server:
                outside.sendall(b"question")
                assert server.recv(100) == b"question"
                server.sendall(b"answer")
                assert outside.recv(100) == b"answer"
