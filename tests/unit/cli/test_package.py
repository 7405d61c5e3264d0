"""What the wheel asks for and carries, and that commands need no more than that."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import click
import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement

from bedrock_alerts_cli import extras, main, project, sam
from bedrock_alerts_cli.local_stack import prerequisites
from bedrock_alerts_cli.user_errors import InputError

ROOT: Final = Path(__file__).resolve().parents[3]
PYPROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: Final = PYPROJECT["project"]
PACKED: Final = PYPROJECT["tool"]["bedrock_alerts"]["packed"]
SHELLS: Final = ("bash", "fish", "zsh")

# Runs commands in an interpreter that finds our own packages, the standard library and what the
# wheel asks for: everything else is as if it were not installed.
RUN: Final = """
import contextlib, importlib.abc, io, json, sys
allowed, commands = json.loads(sys.argv[1])
allowed = {*allowed, *sys.stdlib_module_names, "bedrock_alerts", "bedrock_alerts_cli"}

class NotInstalled(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed and not name.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
from bedrock_alerts_cli.main import main
for command in commands:
    sys.argv = ["bedrock-alerts", *command]
    out, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "12")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = main()
    print(json.dumps([code, *(said.buffer.getvalue().decode() for said in (out, errors))]))
"""
CALLS: Final = "events/collect_logs/traffic.ndjson"
ALARM: Final = "events/route/throttling.json"
READERS: Final = (
    ("--version",),
    ("--help",),
    ("backtest", CALLS),
    ("completion", "bash"),
    ("generate-event", "collect-logs"),
    ("inspect", CALLS),
    ("metrics", CALLS),
    ("render", ALARM, "--channel", "slack"),
    ("prices", "show"),
    ("report", CALLS, "--html", "{tmp}/report.html"),
    ("routes", "check", "config/routes.yaml"),
    ("routes", "explain", ALARM, "--routes", "config/routes.yaml"),
    ("simulate", ALARM),
    ("stack-cost", "--calls", "1000"),
)
IN_AWS: Final = (
    ("deploy", "--check"),
    ("incidents",),
    ("report", "--stack", "bedrock-alerts"),
    ("routes", "put", "config/routes.yaml", "--stack", "bedrock-alerts"),
    ("silence",),
    ("test-alert", "--yes"),
)


def pinned(file: str) -> dict[str, str]:
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text, re.MULTILINE))


def imported_by(requirements: list[str]) -> set[str]:
    """Name the modules of packages and of what those need."""
    names = set(requirements)
    for name in requirements:
        needed = map(Requirement, metadata.requires(name) or [])
        names |= {one.name for one in needed if not one.marker or one.marker.evaluate()}
    modules = metadata.packages_distributions().items()
    canonical = {name.lower().replace("_", "-") for name in names}
    return {
        module
        for module, packages in modules
        if canonical & {package.lower().replace("_", "-") for package in packages}
    }


def run_without_extras(*commands: tuple[str, ...]) -> list[tuple[int, str, str]]:
    names = [Requirement(one).name for one in PROJECT["dependencies"]]
    # What those of the wheel need in turn.
    names += ["markdown-it-py", "mdurl", "markupsafe"]
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps([sorted(imported_by(names)), commands])],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(["layers/shared", "cli"]),
            "AWS_DEFAULT_REGION": "eu-west-1",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def test_reading_logs_needs_nothing_but_what_the_wheel_asks_for(tmp_path: Path) -> None:
    commands = [tuple(one.format(tmp=tmp_path) for one in command) for command in READERS]
    for command, (code, out, errors) in zip(commands, run_without_extras(*commands), strict=True):
        assert code == 0, f"{command}: {errors}"
        assert out, command


def test_a_command_names_the_extra_that_it_needs_in_one_line() -> None:
    assert run_without_extras(*IN_AWS) == [
        (2, "", 'bedrock-alerts: this needs the extra aws: pip install "bedrock-alerts[aws]"\n')
    ] * len(IN_AWS)


def test_a_missing_module_that_is_of_no_extra_is_a_fault_of_ours() -> None:
    with pytest.raises(ModuleNotFoundError):
        extras.missing(ModuleNotFoundError("no", name="bedrock_alerts.nothing"))


def test_the_pins_are_of_what_the_wheel_asks_for_and_within_its_ranges() -> None:
    asked = [Requirement(one) for one in PROJECT["dependencies"]]
    asked_in = re.findall(
        r"^([a-z]\S+)$", (ROOT / "requirements/base.in").read_text(), re.MULTILINE
    )
    assert sorted(one.name for one in asked) == sorted(asked_in)
    for one in asked:
        assert pinned("base.txt")[one.name] in one.specifier
    for extra in PROJECT["optional-dependencies"].values():
        for one in map(Requirement, extra):
            assert pinned("cli.txt")[one.name] in one.specifier


def test_the_wheel_is_built_with_the_pinned_setuptools() -> None:
    (backend,) = map(Requirement, PYPROJECT["build-system"]["requires"])
    assert str(backend.specifier) == f"=={pinned('release.txt')['setuptools']}"


def test_the_version_is_the_newest_of_the_changelog_and_the_command_says_it() -> None:
    versions = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert PROJECT["version"] == versions[0]
    said = CliRunner().invoke(main.cli, ["--version"])
    assert said.output == f"bedrock-alerts {versions[0]}\n"


def test_the_license_is_named_and_goes_with_the_wheel() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert {*PROJECT["license-files"]} <= {*PACKED}


@pytest.mark.parametrize("pattern", PACKED)
def test_what_is_packed_exists(pattern: str) -> None:
    assert any(ROOT.glob(pattern))


@pytest.mark.parametrize(
    "path", ["alarms/PromptAttack.yaml", "docs/runbooks/PromptAttack.md", CALLS, ALARM]
)
def test_what_commands_read_is_packed(path: str) -> None:
    assert any(ROOT / path in ROOT.glob(pattern) for pattern in PACKED)


def test_what_the_packages_hold_beside_code_is_in_the_wheel() -> None:
    where = {"bedrock_alerts": ROOT / "layers/shared", "bedrock_alerts_cli": ROOT / "cli"}
    for package, patterns in PYPROJECT["tool"]["setuptools"]["package-data"].items():
        folder = where[package] / package
        named = {path for pattern in patterns for path in folder.glob(pattern)}
        held = {
            path
            for path in folder.rglob("*")
            if path.is_file() and path.suffix not in {".py", ".pyc"}
        }
        assert named == held


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return `project.py` as it is in an installed wheel."""
    packed = tmp_path / "bedrock_alerts_cli" / "_project"
    packed.mkdir(parents=True)
    (packed / "template.yaml").write_text("Resources: {}\n")
    copy = packed.with_name("project.py")
    copy.write_bytes(Path(project.__file__).read_bytes())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(metadata, "version", lambda name: f"9.9.9 of {name}")
    spec = importlib.util.spec_from_file_location("installed_project", copy)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_checkout_is_read_and_built_where_it_is() -> None:
    assert project.ROOT == ROOT
    assert project.TEMPLATE == ROOT / "template.yaml"
    assert project.sources() == project.work_folder() == ROOT


def test_an_installed_wheel_is_read_from_its_packed_files(installed: Any, tmp_path: Path) -> None:
    assert installed.TEMPLATE.read_text() == "Resources: {}\n"
    assert installed.version() == "9.9.9 of bedrock-alerts"
    assert installed.work_folder().is_relative_to(tmp_path / "cache")


def test_an_installed_wheel_is_built_from_a_copy_with_the_layers_package(installed: Any) -> None:
    for _ in range(2):  # the second time over the first
        work = installed.sources()
    assert (work / "template.yaml").exists()
    assert (work / "layers/shared/bedrock_alerts/invocations/prices.json").exists()
    assert not list(work.rglob("__pycache__"))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_gets_the_script_that_completes_for_it(shell: str) -> None:
    said = CliRunner().invoke(main.cli, ["completion", shell], catch_exceptions=False)
    assert f"_BEDROCK_ALERTS_COMPLETE={shell}_complete" in said.output
    assert "bedrock-alerts" in said.output


@pytest.mark.parametrize(
    ("words", "offered"),
    [("bedrock-alerts insp", "inspect"), ("bedrock-alerts inspect --js", "--json")],
)
def test_commands_and_options_are_completed(words: str, offered: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bedrock_alerts_cli.main"],
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'layers/shared'}{os.pathsep}{ROOT / 'cli'}",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
            "_BEDROCK_ALERTS_COMPLETE": "bash_complete",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == [f"plain,{offered}"]


def test_a_shell_that_click_does_not_know_is_bad_usage() -> None:
    with pytest.raises(click.BadParameter):
        main.cli(["completion", "tcsh"], standalone_mode=False)


@pytest.mark.parametrize("is_installed", [True, False])
def test_the_demo_names_all_that_it_misses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, is_installed: bool
) -> None:
    monkeypatch.setattr(sam, "path", lambda: None)
    monkeypatch.setattr(prerequisites, "IS_INSTALLED", is_installed)
    monkeypatch.setattr(prerequisites, "ENGINE_PYTHON", tmp_path / "engine" / "bin" / "python")
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(InputError) as raised:
        prerequisites.refuse_what_is_missing()
    title, with_sam, with_make, engine = str(raised.value).splitlines()
    assert title == "the demo needs what is not installed:"
    assert with_make.startswith("  make: ")
    if is_installed:
        assert with_sam.endswith(': pip install "bedrock-alerts[demo]"')
        assert f'python3 -m venv "{tmp_path / "engine"}" && ' in engine
    else:
        assert with_sam.endswith("boto3: make demo")
        assert engine.endswith("engine: make demo")


def test_a_missing_sam_is_said_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sam, "path", lambda: None)
    for is_installed, line in ((True, "pip install aws-sam-cli"), (False, "make setup")):
        monkeypatch.setattr(sam, "IS_INSTALLED", is_installed)
        with pytest.raises(InputError, match=line):
            sam.find_sam()
