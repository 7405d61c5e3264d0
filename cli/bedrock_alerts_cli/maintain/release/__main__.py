"""`make release`: write the files of a release into a folder. Nothing is published.

Two runs of the same commit on the same machine write the same bytes.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from bedrock_alerts_cli import project
from bedrock_alerts_cli.maintain.release.bill_of_materials import bill_of_materials, install
from bedrock_alerts_cli.maintain.release.packaged_templates import package
from bedrock_alerts_cli.maintain.release.release_notes import section
from bedrock_alerts_cli.maintain.release.repeatable_archives import repeatable_tar, repeatable_zip
from bedrock_alerts_cli.sam import find_sam
from bedrock_alerts_cli.user_errors import CommandError

OUT: Final = project.ROOT / "dist"
TOOLS: Final = project.ROOT / ".venv-release" / "bin"
SUMS: Final = "SHA256SUMS"
NOTES: Final = "RELEASE_NOTES.md"
MEMBERS: Final = "template-members.yaml"
# Both layers of dependencies have the same packages, compiled for two architectures.
_LAYER: Final = "DependenciesLayerArm64"


def release(source: Path, out: Path, epoch: int) -> None:
    """Make everything from `source`, a copy of the repository in which to build.

    Raises CommandError where a step fails.
    """
    version = project.version()
    # First: it is at hand, and says soonest that something is missing.
    notes = section((source / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    (out / NOTES).write_text(notes, encoding="utf-8")
    distributions(source, out, epoch)
    built = source / ".aws-sam" / "build"
    environment = {**os.environ, "LAYER_TARGET": "lambda", "PYTHON": sys.executable}
    run([find_sam(), "build", "--build-dir", str(built), "--parallel"], source, environment)
    package(built, source / "template.yaml", out, version)
    shutil.copy(source / "members" / "template.yaml", out / MEMBERS)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        install(source / "requirements" / "base.txt", work / "command")
        for name, packages in (
            ("layers", built / _LAYER / "python"),
            ("command", work / "command"),
        ):
            bill = bill_of_materials(
                TOOLS / "cyclonedx-py",
                packages,
                source / "pyproject.toml",
                work / f"environment-{name}",
                epoch,
            )
            (out / f"sbom-{name}.cdx.json").write_text(bill, encoding="utf-8")
    (out / SUMS).write_text(sums(out), encoding="utf-8")


def distributions(source: Path, out: Path, epoch: int) -> None:
    """Build the wheel and the source archive. Raises CommandError where that fails."""
    run(
        [str(TOOLS / "python"), "-m", "build", "--no-isolation", "--outdir", str(out), "."],
        source,
        {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
    )
    for wheel in out.glob("*.whl"):
        repeatable_zip(wheel, epoch)
    for archive in out.glob("*.tar.gz"):
        repeatable_tar(archive, epoch)


def sums(folder: Path) -> str:
    """Return the checksums of a folder's files, as `sha256sum --check` reads them."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.iterdir())
        if path.name != SUMS
    )


def run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    """Run a program and return what it prints. Raises CommandError with the end of that."""
    program = shutil.which(command[0])
    if program is None:
        raise CommandError(f"the `{command[0]}` command is not installed")
    done = subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        raise CommandError(f"`{Path(command[0]).name} {command[1]}` failed:\n{tail}")
    return done.stdout


def main() -> None:
    """Release the commit that is checked out."""
    if run(["git", "status", "--porcelain"], project.ROOT):
        raise CommandError("there are changes that are not committed: a release is of a commit")
    epoch = int(run(["git", "log", "-1", "--format=%ct"], project.ROOT))
    with tempfile.TemporaryDirectory(prefix="bedrock-alerts-release-") as folder:
        source, out = Path(folder, "source"), Path(folder, "dist")
        for made in (source, out):
            made.mkdir()
        run(["git", "archive", "--output", f"{folder}/source.tar", "HEAD"], project.ROOT)
        shutil.unpack_archive(f"{folder}/source.tar", source, filter="data")
        release(source, out, epoch)
        shutil.rmtree(OUT, ignore_errors=True)
        shutil.copytree(out, OUT)
    for path in sorted(OUT.iterdir()):
        print(f"{path.stat().st_size:>10,}  {path.relative_to(project.ROOT)}")


if __name__ == "__main__":
    try:
        main()
    except CommandError as error:
        sys.exit(f"make release: {error}")
