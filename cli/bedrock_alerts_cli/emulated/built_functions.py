"""The functions that `sam build` has made: where they are, what runs them, what they are set to."""

import importlib.util
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli.project import IS_INSTALLED, lambda_python, work_folder
from bedrock_alerts_cli.template.load import load
from bedrock_alerts_cli.template.stack import NAME, Stack
from bedrock_alerts_cli.user_errors import CommandError, InputError, TemplateError

BUILD: Final = work_folder() / ".aws-sam" / "build"
LAMBDA_PYTHON: Final = work_folder() / ".venv-runtime" / "bin" / "python"

_PREPARE: Final = "python3.13 -m pip install awslambdaric" if IS_INSTALLED else "make runtime"
_SHARED: Final = "SharedLayer"
_DEPENDENCIES: Final = {
    "x86_64": "DependenciesLayerX86",
    "aarch64": "DependenciesLayerArm64",
    "arm64": "DependenciesLayerArm64",
}
_TAG: Final = re.compile(r"\.cpython-(\d)(\d+)-")


class Runtime(NamedTuple):
    """A Python, the layers that fit it, and what is to be said about it."""

    python: Path
    layers: tuple[Path, ...]
    note: str = ""


class Build:
    """A folder that `sam build` has written."""

    def __init__(self, folder: Path) -> None:
        template = folder / "template.yaml"
        if not template.exists():
            raise InputError(f"{folder} holds no build: run `sam build`, or give --build-dir")
        self.folder = folder
        self._template = load(template)
        self._functions = {
            name: resource["Properties"]
            for name, resource in self._template["Resources"].items()
            if resource["Type"] == "AWS::Serverless::Function"
        }

    def names(self) -> dict[str, str]:
        """Return the functions' logical ids by the names they are called by, as `collect-logs`."""
        prefix = f"{NAME}-"
        stack = Stack(self._template)
        return {
            str(stack.value(properties["FunctionName"])).removeprefix(prefix): logical
            for logical, properties in self._functions.items()
        }

    def find(self, name: str) -> str:
        """Return the logical id of a function. Raises InputError with those that there are."""
        names = self.names()
        found = names.get(name.replace("_", "-"), name)
        if found not in self._functions:
            raise InputError(f"there is no function {name}: choose one of {', '.join(names)}")
        if not (self.folder / found / "handler.py").exists():
            raise InputError(f"{found} was not built: run `sam build`")
        return found

    def variables(self, logical: str) -> dict[str, str]:
        """Return the variables of a function as the template's defaults set them."""
        stack = Stack(self._template)
        globals_ = self._template.get("Globals", {}).get("Function", {})
        own = self._functions[logical]
        found: dict[str, str] = {}
        for properties in (globals_, own):
            variables = properties.get("Environment", {}).get("Variables", {})
            for name, node in variables.items():
                value = _value(stack, node)
                if isinstance(value, str) and value:
                    found[name] = value
        return found

    def runtime(self, python: Path | None) -> Runtime:
        """Return what runs the functions here. Raises CommandError with what is missing."""
        shared = self.folder / _SHARED / "python"
        dependencies = self.folder / _DEPENDENCIES.get(platform.machine(), "") / "python"
        wanted = _wanted_version(dependencies)
        if python is not None:
            return Runtime(python, (shared, dependencies))
        if wanted == sys.version_info[:2] or wanted is None:
            if _has_runtime():
                return Runtime(Path(sys.executable), (shared, dependencies))
        elif ready := _lambda_python():
            return Runtime(ready, (shared, dependencies))
        if _has_runtime():
            # The build's packages are for another Python; those installed beside this one fit.
            here = ".".join(map(str, sys.version_info[:2]))
            version = ".".join(map(str, wanted)) if wanted else "Lambda's"
            note = (
                f"run with Python {here}: this machine has no Python {version} with awslambdaric,"
                f" which `{_PREPARE}` prepares"
            )
            return Runtime(Path(sys.executable), (shared,), note)
        installed = lambda_python()
        raise CommandError(
            f"{installed} has no Lambda runtime yet: run `{_PREPARE}`"
            if installed
            else "Python 3.13, which Lambda runs, is not installed here: install python3.13 from"
            f" your packages or by `pyenv install 3.13`, then run `{_PREPARE}`"
        )


def _value(stack: Stack, node: Any) -> Any:
    try:
        return stack.value(node)
    except TemplateError:  # only CloudFormation knows it
        return None


def _wanted_version(layer: Path) -> tuple[int, int] | None:
    """Return the Python that a layer's wheels were built for, by the names of their libraries."""
    for library in layer.rglob("*.so"):
        if found := _TAG.search(library.name):
            return int(found[1]), int(found[2])
    return None


def _lambda_python() -> Path | None:
    """Return a Python of Lambda's version that has its runtime, None where there is none."""
    if LAMBDA_PYTHON.exists():
        return LAMBDA_PYTHON
    found = lambda_python()
    return found if found and _succeeds(str(found), "-c", "import awslambdaric") else None


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _has_runtime() -> bool:
    return importlib.util.find_spec("awslambdaric") is not None


def with_access(variables: Mapping[str, str], endpoint_url: str, region: str) -> dict[str, str]:
    """Return the variables with which all calls to AWS go to one address, without credentials."""
    return {
        **variables,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "NO_PROXY": "127.0.0.1,localhost",
    }
