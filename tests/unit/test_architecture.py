"""What `lint-imports` does not see: handlers, names of files, and what a cold start loads."""

import ast
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = "bedrock_alerts"
HANDLERS_MAY_IMPORT: Final = frozenset(
    {PACKAGE, "aws_lambda_powertools", "msgspec", *sys.stdlib_module_names}
)
OUTSIDE: Final = ("http.client", "smtplib", "socket", "ssl", "subprocess", "urllib.request")
FLOWS: Final = ("alerts", "invocations", "invocation_logging")
# Channels have one of each, and a command may be called what it is about.
MAY_REPEAT: Final = frozenset({"__init__.py", "__main__.py", "handler.py", "render.py", "send.py"})


def within(name: str, *prefixes: str) -> bool:
    """Whether a dotted name is one of `prefixes` or below one."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def imports(tree: ast.AST) -> Iterator[str]:
    """List everything that is imported anywhere in a module, with the names taken out of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            yield from (f"{dots}{node.module or ''}.{alias.name}" for alias in node.names)


def problems_of_handler(code: str) -> Iterator[str]:
    """List what a handler imports and should not."""
    names = list(imports(ast.parse(code)))
    for name in names:
        if name.split(".")[0] not in HANDLERS_MAY_IMPORT or within(name, *OUTSIDE):
            yield f"a handler may not import {name}"
    flows = {flow for flow in FLOWS for name in names if within(name, f"{PACKAGE}.{flow}")}
    if len(flows) > 1:
        yield "a handler serves one flow"


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("functions/*/handler.py")), ids=lambda path: path.parent.name
)
def test_a_handler_is_thin(path: Path) -> None:
    assert list(problems_of_handler(path.read_text())) == []


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        pytest.param("import boto3", "a handler may not import boto3", id="AWS"),
        pytest.param("import isal", "a handler may not import isal", id="any other package"),
        pytest.param("import socket", "a handler may not import socket", id="a socket"),
        pytest.param("from . import x", "a handler may not import ..x", id="relatively"),
        pytest.param(
            "from functions.route.handler import handler",
            "a handler may not import functions.route.handler.handler",
            id="another handler",
        ),
        pytest.param(
            "import bedrock_alerts.alerts.router\nimport bedrock_alerts.invocations.parse",
            "a handler serves one flow",
            id="both flows",
        ),
    ],
)
def test_a_wrong_import_in_a_handler_is_found(code: str, problem: str) -> None:
    assert list(problems_of_handler(code)) == [problem]


def test_a_file_is_found_by_its_name() -> None:
    folders = (ROOT / "layers/shared/bedrock_alerts", ROOT / "cli/bedrock_alerts_cli")
    names = Counter(
        path.name
        for folder in folders
        for path in folder.rglob("*.py")
        if path.name not in MAY_REPEAT and path.parent.name != "commands"
    )
    assert [name for name, times in names.items() if times > 1] == []


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
        OFFLOADED_BODY_BUCKET_NAME=bucket,
        AWS_DEFAULT_REGION="eu-west-1",
    )
    assert ("boto3" in found) is is_loaded


def test_what_is_loaded_is_seen() -> None:
    assert {"boto3", "urllib3"} <= loaded_by("functions.deliver.handler")
