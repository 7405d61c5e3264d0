"""Where the project's files are: in a checkout, or packed into the installed wheel."""

import importlib.metadata
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Final

import bedrock_alerts

DISTRIBUTION: Final = "bedrock-alerts"
# `setup.py` puts the files there when a wheel is built. A checkout has no such folder.
_PACKED: Final = Path(__file__).resolve().parent / "_project"
IS_INSTALLED: Final = _PACKED.is_dir()
ROOT: Final = _PACKED if IS_INSTALLED else Path(__file__).resolve().parents[2]
TEMPLATE: Final = ROOT / "template.yaml"
_IN_LAYER: Final = "layers/shared/bedrock_alerts"


def version() -> str:
    """Return the version of the project."""
    if IS_INSTALLED:
        return importlib.metadata.version(DISTRIBUTION)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def work_folder() -> Path:
    """Return the folder in which the stack is built: the checkout, or one of the user's own.

    A wheel may be installed where its user must not write.
    """
    if not IS_INSTALLED:
        return ROOT
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / DISTRIBUTION / version()


def sources() -> Path:
    """Return a folder with everything that `sam build` reads, and in which it may write."""
    work = work_folder()
    if IS_INSTALLED:
        without_caches = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT, work, ignore=without_caches, dirs_exist_ok=True)
        # The layer's package is the one that is installed: the wheel holds it once.
        package = Path(bedrock_alerts.__file__).parent
        shutil.copytree(package, work / _IN_LAYER, ignore=without_caches, dirs_exist_ok=True)
    return work


def lambda_python() -> Path | None:
    """Return a Python of the version that Lambda runs, None where this machine has none.

    `sam build` finds it in the same way, and compiles the layers with it.
    """
    done = subprocess.run(
        ["bash", str(ROOT / "tools" / "lambda-python")],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return Path(done.stdout.strip()) if done.stdout.strip() else None
