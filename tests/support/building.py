"""`sam build` for the tests, once a session."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from bedrock_alerts_cli.local_stack.deploy import build_folder

ROOT: Final = Path(__file__).resolve().parents[2]


def build_for_lambda() -> Path:
    """Build the template as a user would, and return the folder with the artefacts."""
    # SAM stores what it has built next to its build folder: two builds must not share that.
    folder = ROOT / ".local-stack" / "lambda" / "build"
    # Of several processes that run tests together, one builds for all.
    session, marker = os.environ.get("PYTEST_XDIST_TESTRUNUID", ""), folder.with_name("session")
    with build_folder():
        if not session or not marker.exists() or marker.read_text() != session:
            _build(folder)
            marker.write_text(session)
    return folder


def _build(folder: Path) -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("sam")), "build",
            "--build-dir", str(folder),
            "--cache-dir", str(folder.with_name("cache")),
            "--cached", "--parallel",
        ],
        cwd=ROOT,
        env={**os.environ, "LAYER_TARGET": "lambda", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def built() -> Path:
    """Return the folder with the artefacts of the template."""
    return build_for_lambda()
