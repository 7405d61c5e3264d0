"""The wheel, built and installed as a user would, from a folder with nothing in it."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

import pytest

from bedrock_alerts_cli import project
from bedrock_alerts_cli.maintain.release.__main__ import distributions

pytestmark = pytest.mark.wheel

MAX_BYTES: Final = 40_000_000
EPOCH: Final = 1_790_000_000
NOT_SOURCE: Final = shutil.ignore_patterns(
    ".aws-sam", ".git", ".local-stack", ".venv*", ".*_cache", ".hypothesis", "__pycache__",
    "build", "dist", "site", "*.egg-info",
)  # fmt: skip


@pytest.fixture(scope="module")
def bedrock_alerts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the command, installed with the pinned packages that the wheel asks for."""
    folder = tmp_path_factory.mktemp("wheel")
    archives: list[dict[str, bytes]] = []
    for name in ("one", "two"):
        shutil.copytree(project.ROOT, folder / name, ignore=NOT_SOURCE)
        distributions(folder / name, folder / f"dist-{name}", EPOCH)
        archives.append({one.name: one.read_bytes() for one in folder.glob(f"dist-{name}/*")})
    assert len(archives[0]) == 2
    assert archives[0] == archives[1]
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    (wheel,) = folder.glob("dist-one/*.whl")
    for what in (
        ("--require-hashes", "--requirement", f"{project.ROOT}/requirements/base.txt"),
        (str(wheel),),
    ):
        subprocess.run(
            [sys.executable, "-m", "pip", "--python", python, "install", "--quiet",
             "--disable-pip-version-check", "--no-deps", *what],
            check=True,
        )  # fmt: skip
    return python.with_name(project.DISTRIBUTION)


def run(command: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [command, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_works_in_an_empty_folder(bedrock_alerts: Path, tmp_path: Path) -> None:
    assert run(bedrock_alerts, tmp_path, "--version") == f"bedrock-alerts {project.version()}\n"
    for function, file in (("collect-logs", "calls.json"), ("route", "alarm.json")):
        event = run(bedrock_alerts, tmp_path, "generate-event", function)
        (tmp_path / file).write_text(event)
    assert "claude-haiku-4-5" in run(bedrock_alerts, tmp_path, "inspect", "calls.json")
    assert "support-chat" in run(
        bedrock_alerts, tmp_path, "report", "calls.json", "--html", "report.html"
    )
    assert "<table" in (tmp_path / "report.html").read_text()
    assert '"blocks"' in run(bedrock_alerts, tmp_path, "render", "alarm.json", "--channel", "slack")
    assert "messages" in run(bedrock_alerts, tmp_path, "backtest", "calls.json")
    assert "queues" in run(bedrock_alerts, tmp_path, "stack-cost", "--calls", "1000")


def test_the_wheel_holds_the_files_of_the_project_and_fits(bedrock_alerts: Path) -> None:
    (packages,) = bedrock_alerts.parents[1].glob("lib/python*/site-packages")
    packed = packages / "bedrock_alerts_cli" / "_project"
    for file in ("template.yaml", "alarms/PromptAttack.yaml", "docs/runbooks/PromptAttack.md"):
        assert (packed / file).read_bytes() == (project.ROOT / file).read_bytes()
    assert not (packages / "bedrock_alerts_cli" / "maintain").exists()
    size = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())
    assert size < MAX_BYTES
