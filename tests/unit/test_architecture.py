"""Imports point one way: functions, pipelines, stages, models; the outside is for adapters alone."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = "bedrock_alerts"

# Who may import what of our own package. The first prefix that fits a module decides; a module that
# no line fits is out of order, so that a new folder needs a line here.
# Within the alerts: incidents know no messages, messages no channels, and nobody who works with all.
_SHARED: Final = ("errors", "limits", "text", "metrics")
_OF_ALERTS: Final = (
    "alerts.describe",
    "alerts.found",
    "alerts.incidents",
    "alerts.model",
    "alerts.next_steps",
    "alerts.ports",
    "alerts.quiet_hours",
    *_SHARED,
)
MAY_IMPORT: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("alerts.incidents", _OF_ALERTS),
    ("alerts.notifications", ("alerts.notifications", "alerts.routing", *_OF_ALERTS)),
    (
        "alerts.ports",
        ("alerts.found", "alerts.incidents", "alerts.model", "alerts.notifications", *_SHARED),
    ),
    (
        "alerts.channels",
        (
            "alerts.answers",
            "alerts.channels",
            "alerts.credentials",
            "alerts.words",
            *_OF_ALERTS,
        ),
    ),
    ("invocations", ("invocations", "errors", "limits", "text", "metrics")),
    ("alerts", ("alerts", "errors", "limits", "text", "metrics")),
    ("logging_setup", ("logging_setup", "errors", "limits", "text")),
    (
        "adapters",
        (
            "adapters",
            "alerts.found",
            "alerts.incidents",
            "alerts.model",
            "alerts.normalise",
            "alerts.notifications.pace",
            "alerts.ports",
            "alerts.upgrade",
            "invocations.model",
            "invocations.profiles",
            "logging_setup.model",
            "errors",
            "limits",
            "text",
            "metrics",
        ),
    ),
    ("collecting", ("adapters", "invocations", "settings")),
    ("looking_up", ("adapters", "alerts", "settings")),
    ("pokes", ("alerts.model", "alerts.ports", "errors")),
    (
        "settings",
        ("alerts.model", "invocations.model", "errors", "limits"),
    ),
    ("observability", ()),
    ("metrics", ("limits",)),
    ("text", ("limits",)),
    ("limits", ()),
    ("errors", ()),
    ("__init__", ()),
)
HANDLERS_MAY_IMPORT: Final = frozenset(
    {PACKAGE, "aws_lambda_powertools", "msgspec", *sys.stdlib_module_names}
)
# What talks to the outside. `http` is here for its client; its names of statuses are harmless.
OUTSIDE: Final = (
    "aiohttp",
    "boto3",
    "botocore",
    "http.client",
    "httpx",
    "requests",
    "smtplib",
    "socket",
    "ssl",
    "subprocess",
    "urllib.request",
    "urllib3",
)
FLOWS: Final = ("alerts", "invocations", "logging_setup")
# What puts the stages of a flow together: no stage knows it.
PIPELINES: Final = (
    "alerts.deliverer",
    "alerts.router",
    "invocations.pipeline",
    "logging_setup.pipeline",
)
NEVER: Final = ("bedrock_alerts_cli", "tests", "functions")
ENVIRONMENT: Final = ("os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv")


def within(name: str, *prefixes: str) -> bool:
    """Tell whether a dotted name is one of `prefixes` or below one."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def imports(tree: ast.AST) -> Iterator[str]:
    """List everything that is imported anywhere in a module, with the names taken out of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            yield from (f"{dots}{node.module or ''}.{alias.name}" for alias in node.names)


def uses(tree: ast.AST) -> Iterator[str]:
    """List the attributes of plain names that a module uses, such as `os.environ`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def problems_of_package(module: str, tree: ast.AST) -> Iterator[str]:
    """Judge one module of the package by its dotted name below it."""
    allowed = next((may for prefix, may in MAY_IMPORT if within(module, prefix)), None)
    if allowed is None:
        yield "no rule says what it may import"
        return
    for name in imports(tree):
        _, _, ours = name.partition(f"{PACKAGE}.")
        if name == PACKAGE or (ours and not within(ours, *allowed)):
            yield f"may not import {name}"
        if within(name, *OUTSIDE) and not within(module, "adapters"):
            yield f"talks to the outside with {name}"
        is_pipeline = within(ours, *PIPELINES)
        if is_pipeline and within(module, *FLOWS) and not within(module, ours):
            yield f"a stage knows its pipeline: {name}"
    if module != "settings":
        yield from problems_with_environment(tree)


def problems_of_handler(tree: ast.AST) -> Iterator[str]:
    """Judge a function's handler."""
    names = list(imports(tree))
    for name in names:
        if name.split(".")[0] not in HANDLERS_MAY_IMPORT or within(name, *OUTSIDE):
            yield f"a handler may not import {name}"
    flows = {flow for flow in FLOWS for name in names if within(name, f"{PACKAGE}.{flow}")}
    if len(flows) > 1:
        yield "a handler serves one flow"
    yield from problems_with_environment(tree)


def problems_with_environment(tree: ast.AST) -> Iterator[str]:
    """Find where the environment is read."""
    for name in [*imports(tree), *uses(tree)]:
        if name in ENVIRONMENT:
            yield f"reads the environment with {name}"


def problems(root: Path) -> list[str]:
    """List every import that points the wrong way below `root`."""
    found: list[str] = []
    shared = root / "layers" / "shared"
    package = shared / PACKAGE
    for path in sorted([*package.rglob("*.py"), *(root / "functions").rglob("*.py")]):
        tree = ast.parse(path.read_text())
        relative = [f"imports relatively: {name}" for name in imports(tree) if name.startswith(".")]
        never = [f"may not import {name}" for name in imports(tree) if within(name, *NEVER)]
        if path.is_relative_to(package):
            module = ".".join(path.relative_to(package).with_suffix("").parts)
            rest = list(problems_of_package(module, tree))
        else:
            rest = list(problems_of_handler(tree))
        where = path.relative_to(root)
        found += [f"{where}: {problem}" for problem in (*relative, *never, *rest)]
    return found


def test_every_import_points_the_right_way() -> None:
    assert problems(ROOT) == []


def test_there_is_something_to_judge() -> None:
    assert len(list((ROOT / "layers/shared/bedrock_alerts").rglob("*.py"))) > 20
    assert len(list((ROOT / "functions").glob("*/handler.py"))) >= 3


@pytest.mark.parametrize(
    ("path", "code", "problem"),
    [
        pytest.param(
            "alerts/a.py",
            "from bedrock_alerts.invocations.model import X",
            "may not import bedrock_alerts.invocations.model.X",
            id="one flow imports the other",
        ),
        pytest.param(
            "invocations/a.py",
            "from bedrock_alerts import alerts",
            "may not import bedrock_alerts.alerts",
            id="the other one imports it back, as a whole",
        ),
        pytest.param(
            "alerts/channels/a.py",
            "def f():\n    import bedrock_alerts.adapters.sqs",
            "may not import bedrock_alerts.adapters.sqs",
            id="a stage imports an adapter, hidden in a function",
        ),
        pytest.param(
            "alerts/a.py",
            "from bedrock_alerts.settings import load",
            "may not import bedrock_alerts.settings.load",
            id="a stage imports the settings",
        ),
        pytest.param(
            "invocations/a.py",
            "import bedrock_alerts",
            "may not import bedrock_alerts",
            id="the whole package is imported",
        ),
        pytest.param(
            "invocations/a.py", "import boto3", "talks to the outside with boto3", id="a stage"
        ),
        pytest.param(
            "observability.py",
            "from urllib3.util import Url",
            "talks to the outside with urllib3.util.Url",
            id="a shared module talks to the outside",
        ),
        pytest.param(
            "alerts/a.py",
            "from http import client",
            "talks to the outside with http.client",
            id="a stage uses the standard library's client",
        ),
        pytest.param(
            "alerts/a.py",
            "import os\nx = os.environ['X']",
            "reads the environment with os.environ",
            id="a stage reads the environment",
        ),
        pytest.param(
            "adapters/a.py",
            "from os import getenv",
            "reads the environment with os.getenv",
            id="an adapter reads the environment",
        ),
        pytest.param(
            "alerts/evidence.py",
            "from bedrock_alerts.alerts import router",
            "a stage knows its pipeline: bedrock_alerts.alerts.router",
            id="a stage imports its pipeline",
        ),
        pytest.param(
            "adapters/a.py",
            "from bedrock_alerts.alerts.channels.email.send import EmailSender",
            "may not import bedrock_alerts.alerts.channels.email.send.EmailSender",
            id="an adapter imports a stage",
        ),
        pytest.param(
            "adapters/a.py",
            "from bedrock_alerts.alerts.notifications.plan import plan",
            "may not import bedrock_alerts.alerts.notifications.plan.plan",
            id="an adapter decides what is lacking",
        ),
        pytest.param(
            "alerts/incidents/a.py",
            "from bedrock_alerts.alerts.notifications.plan import plan",
            "may not import bedrock_alerts.alerts.notifications.plan.plan",
            id="the facts know who is notified of them",
        ),
        pytest.param(
            "alerts/notifications/a.py",
            "from bedrock_alerts.alerts.channels.digest import as_one",
            "may not import bedrock_alerts.alerts.channels.digest.as_one",
            id="what is said knows how a channel writes it",
        ),
        pytest.param(
            "alerts/channels/a.py",
            "from bedrock_alerts.alerts.notifications.plan import plan",
            "may not import bedrock_alerts.alerts.notifications.plan.plan",
            id="a channel decides what is said",
        ),
        pytest.param(
            "text.py",
            "from bedrock_alerts.alerts.model import X",
            "may not import bedrock_alerts.alerts.model.X",
            id="a shared module imports a flow",
        ),
        pytest.param(
            "alerts/a.py", "from . import model", "imports relatively: ..model", id="relatively"
        ),
        pytest.param(
            "alerts/a.py",
            "import bedrock_alerts_cli.main",
            "may not import bedrock_alerts_cli.main",
            id="the command line is imported",
        ),
        pytest.param("novel/a.py", "", "no rule says what it may import", id="a new folder"),
    ],
)
def test_a_wrong_import_in_the_package_is_found(
    tmp_path: Path, path: str, code: str, problem: str
) -> None:
    file = tmp_path / "layers/shared/bedrock_alerts" / path
    file.parent.mkdir(parents=True)
    file.write_text(code)
    assert problems(tmp_path) == [f"layers/shared/bedrock_alerts/{path}: {problem}"]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        pytest.param("import boto3", "a handler may not import boto3", id="AWS"),
        pytest.param("import isal", "a handler may not import isal", id="any other package"),
        pytest.param("import socket", "a handler may not import socket", id="a socket"),
        pytest.param(
            "from os import environ", "reads the environment with os.environ", id="environment"
        ),
        pytest.param(
            "import bedrock_alerts.alerts.router\nimport bedrock_alerts.invocations.parse",
            "a handler serves one flow",
            id="both flows",
        ),
    ],
)
def test_a_wrong_import_in_a_handler_is_found(tmp_path: Path, code: str, problem: str) -> None:
    file = tmp_path / "functions/invented/handler.py"
    file.parent.mkdir(parents=True)
    file.write_text(code)
    assert problems(tmp_path) == [f"functions/invented/handler.py: {problem}"]


def test_a_handler_that_imports_another_one_is_found(tmp_path: Path) -> None:
    file = tmp_path / "functions/invented/handler.py"
    file.parent.mkdir(parents=True)
    file.write_text("from functions.route.handler import handler")
    assert "may not import functions.route.handler.handler" in problems(tmp_path)[0]


def test_imports_that_point_the_right_way_are_left_alone(tmp_path: Path) -> None:
    package = tmp_path / "layers/shared/bedrock_alerts"
    for path, code in {
        "alerts/router.py": "from bedrock_alerts.alerts.describe import describe",
        "alerts/describe.py": "from bedrock_alerts.alerts.model import X\nimport json",
        "adapters/http.py": "import urllib3\nfrom bedrock_alerts.alerts.model import X",
        "settings.py": "import os\nx = os.environ",
    }.items():
        file = package / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)
    handler = tmp_path / "functions/invented/handler.py"
    handler.parent.mkdir(parents=True)
    handler.write_text("import msgspec\nfrom bedrock_alerts.adapters.http import JsonPoster")
    assert problems(tmp_path) == []


def loaded_by(module: str, then: str = "pass", **environment: str) -> set[str]:
    """Import a module in a fresh interpreter, and return the packages that came along.

    `then` is code to be run before they are counted.
    """
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import {module}, sys; {then}; print(*sorted({{n.split('.')[0] for n in sys.modules}}))",
        ],
        cwd=ROOT,
        env={
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join(["layers/shared", "."]),
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())


def test_the_hot_path_loads_no_client_of_aws_or_http() -> None:
    loaded = loaded_by("functions.collect_logs.handler")
    assert PACKAGE in loaded
    assert not loaded & {"boto3", "botocore", "urllib3", "requests"}


@pytest.mark.parametrize(
    ("function", "bucket", "is_loaded"),
    [
        ("collect_logs", "", False),
        ("collect_stream", "", False),
        ("collect_logs", "example-bodies", True),
        ("collect_stream", "example-bodies", True),
    ],
)
def test_a_client_of_aws_is_loaded_only_where_bodies_are_to_be_read(
    function: str, bucket: str, *, is_loaded: bool
) -> None:
    module = f"functions.{function}.handler"
    found = loaded_by(
        module,
        f"{module}._app()",
        METRICS_NAMESPACE="BedrockAlerts",
        OWN_LOG_GROUP="/aws/lambda/own",
        OFFLOADED_BODY_BUCKET_NAME=bucket,
        AWS_DEFAULT_REGION="eu-west-1",
    )
    assert ("boto3" in found) is is_loaded


def test_what_is_loaded_is_seen() -> None:
    assert {"boto3", "urllib3"} <= loaded_by("functions.deliver.handler")
