"""What the local stack needs on this machine, and how to install it. It imports none of that."""

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final

from bedrock_alerts_cli import extras, sam
from bedrock_alerts_cli.project import IS_INSTALLED, ROOT, work_folder
from bedrock_alerts_cli.user_errors import InputError

# A separate environment: the engine pins another botocore than aws-sam-cli.
ENGINE_PYTHON: Final = work_folder() / ".venv-engine" / "bin" / "python"


def how_to_install_engine() -> str:
    """Return the line that installs the embedded engine."""
    if not IS_INSTALLED:
        return "make demo"
    folder = ENGINE_PYTHON.parents[1]
    pins = ROOT / "requirements" / "engine.txt"
    return f'python3 -m venv "{folder}" && "{folder}/bin/pip" install --require-hashes -r "{pins}"'


def refuse_what_is_missing() -> None:
    """Raise InputError with all that is not installed, and the line that installs each."""
    lines = list(_missing())
    if lines:
        raise InputError("\n  ".join(("the demo needs what is not installed:", *lines)))


def _missing() -> Iterator[str]:
    if find_spec("boto3") is None or sam.path() is None:
        yield f"AWS SAM CLI and boto3: {extras.install('demo') if IS_INSTALLED else 'make demo'}"
    if shutil.which("make") is None:
        yield "make: install it with the package manager of your system"
    if not ENGINE_PYTHON.exists():
        yield f"the embedded engine: {how_to_install_engine()}"
