"""An SBOM of what a folder holds: the packages, their licenses, and who needs whom."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any, Final

from bedrock_alerts_cli.user_errors import CommandError

# Where a package is fetched from is everyone's own setting: no address of a registry.
_FETCHED: Final = "distribution"


def bill_of_materials(tool: Path, packages: Path, project: Path, work: Path, epoch: int) -> str:
    """Return the CycloneDX SBOM (JSON) of the Python packages in the folder `packages`.

    `tool` is `cyclonedx-py`, `project` the pyproject.toml of what needs them, `work` a folder that
    does not exist yet. Raises CommandError where the tool fails.
    """
    # The tool looks into an environment: this one has nothing but the folder.
    venv.create(work, with_pip=False, symlinks=True)
    (site,) = work.glob("lib/python*/site-packages")
    (site / "packages.pth").write_text(f"{packages}\n")
    done = subprocess.run(
        [
            str(tool), "environment",
            "--pyproject", str(project),
            "--mc-type", "application",
            "--output-reproducible",
            "--output-format", "JSON",
            str(work / "bin" / "python"),
        ],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
        check=False,
        capture_output=True,
        text=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise CommandError(f"the SBOM could not be made:\n{done.stderr}")
    bill = json.loads(done.stdout)
    for component in (*bill["components"], *bill["metadata"]["tools"]["components"]):
        links = component.pop("externalReferences", [])
        kept = [link for link in links if link["type"] != _FETCHED]
        component.update({"externalReferences": kept} if kept else {})
    _depend_on_all(bill)
    return json.dumps(bill, indent=2, sort_keys=True) + "\n"


def _depend_on_all(bill: dict[str, Any]) -> None:
    """Let the project depend on what no other package needs: not all is in its pyproject.toml."""
    root = bill["metadata"]["component"]["bom-ref"]
    graph = {one["ref"]: one for one in bill["dependencies"]}
    needed = {
        name for ref, one in graph.items() if ref != root for name in one.get("dependsOn", [])
    }
    own = set(graph[root].get("dependsOn", []))
    graph[root]["dependsOn"] = sorted(own | (graph.keys() - needed - {root}))


def install(requirements: Path, folder: Path) -> None:
    """Install pinned and hashed requirements into a folder. Raises CommandError if pip fails."""
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "install",
            "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps",
            "--require-hashes", "--requirement", str(requirements),
            "--target", str(folder),
        ],
        check=False,
        capture_output=True,
        text=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise CommandError(f"{requirements.name} could not be installed:\n{done.stderr}")
