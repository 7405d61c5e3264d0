"""What `invoke` needs is found, or what is missing is said with the next step."""

import importlib.util
import platform
import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from bedrock_alerts_cli.commands.invoke import invoke
from bedrock_alerts_cli.emulated import built_functions, runtime_emulator
from bedrock_alerts_cli.emulated.built_functions import Build
from bedrock_alerts_cli.emulated.refusing_aws import refusing_aws
from bedrock_alerts_cli.project import TEMPLATE
from bedrock_alerts_cli.user_errors import CommandError, InputError


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Return a folder like that of `sam build`, with one function in it."""
    (tmp_path / "template.yaml").write_text(TEMPLATE.read_text())
    (tmp_path / "CollectLogsFunction").mkdir()
    (tmp_path / "CollectLogsFunction" / "handler.py").write_text("")
    return Build(tmp_path)


@pytest.mark.parametrize("name", ["collect-logs", "collect_logs", "CollectLogsFunction"])
def test_a_function_is_found_by_any_of_its_names(build: Build, name: str) -> None:
    assert build.find(name) == "CollectLogsFunction"


def test_what_is_not_there_is_said(build: Build, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no function collect: choose one of .*collect-logs"):
        build.find("collect")
    with pytest.raises(InputError, match="RouteFunction was not built: run `sam build`"):
        build.find("route")
    with pytest.raises(InputError, match="holds no build: run `sam build`"):
        Build(tmp_path / "elsewhere")


def test_variables_are_those_of_the_template(build: Build) -> None:
    variables = build.variables("CollectLogsFunction")
    assert variables["METRICS_NAMESPACE"] == "BedrockAlerts"
    assert variables["METRIC_SET"] == "essential"


def test_without_lambdas_python_the_packages_of_this_one_are_used(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = tmp_path / "DependenciesLayerX86" / "python"
    layer.mkdir(parents=True)
    (layer / "m.cpython-399-x86_64-linux-gnu.so").touch()
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(built_functions, "LAMBDA_PYTHON", tmp_path / "missing")
    monkeypatch.setattr(built_functions, "lambda_python", lambda: None)
    runtime = build.runtime(None)
    assert runtime.layers == (tmp_path / "SharedLayer" / "python",)
    assert "no Python 3.99 with awslambdaric" in runtime.note
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(CommandError, match=r"install python3\.13 .*, then run `make runtime`"):
        build.runtime(None)
    bare = tmp_path / "python3.13"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    monkeypatch.setattr(built_functions, "lambda_python", lambda: bare)
    with pytest.raises(CommandError, match="has no Lambda runtime yet: run `make runtime`"):
        build.runtime(None)
    bare.write_text("#!/bin/sh\nexit 0\n")
    assert build.runtime(None).python == bare


@pytest.mark.parametrize(
    ("system", "machine", "said"),
    [
        ("darwin", "arm64", "Linux only: use `sam local invoke` with Docker"),
        ("linux", "riscv64", "Linux only"),
    ],
)
def test_a_machine_without_an_emulator_is_said(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, said: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(CommandError, match=said):
        runtime_emulator.emulator()


def test_every_call_to_aws_is_refused_and_counted() -> None:
    with refusing_aws() as refused:
        once = Config(retries={"total_max_attempts": 1})
        for service, operation in (("sqs", "list_queues"), ("s3", "list_buckets")):
            client = boto3.client(service, endpoint_url=refused.url, config=once)  # type: ignore[call-overload]
            with pytest.raises(ClientError):
                getattr(client, operation)()
    assert refused.calls == {"sqs ListQueues": 1, "s3": 1}


@pytest.mark.parametrize("content", ["", "[]", "{", "nul\x00"])
def test_an_event_that_is_not_one_is_said(tmp_path: Path, content: str) -> None:
    event = tmp_path / "event.json"
    event.write_text(content)
    with pytest.raises(InputError, match="`generate-event` makes events"):
        invoke.main(["route", "-e", str(event)], standalone_mode=False)
