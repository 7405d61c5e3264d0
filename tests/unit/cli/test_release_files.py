"""The files of a release: the same bytes each time, and templates that deploy without a build."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_alerts_cli import project
from bedrock_alerts_cli import template as cfn
from bedrock_alerts_cli.maintain.release import __main__ as release
from bedrock_alerts_cli.maintain.release.bill_of_materials import bill_of_materials
from bedrock_alerts_cli.maintain.release.packaged_templates import HOSTED, TEMPLATE, package
from bedrock_alerts_cli.maintain.release.release_notes import section
from bedrock_alerts_cli.maintain.release.repeatable_archives import (
    repeatable_tar,
    repeatable_zip,
    zipped_folder,
)
from bedrock_alerts_cli.template.stack import Stack
from bedrock_alerts_cli.user_errors import CommandError

EPOCH: Final = 1_790_000_000
CODE: Final = ("CodeUri", "ContentUri")
MAX_BYTES: Final = 1_000_000


def a_folder(path: Path, *, mode: int, at: int) -> Path:
    """Make a folder as it may come out of a build: with any mode and time."""
    for name in ("b.py", "a/c.so"):
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content of {name}")
        file.chmod(mode)
        os.utime(file, (at, at))
    return path


def test_a_zip_for_lambda_depends_on_nothing_but_the_content(tmp_path: Path) -> None:
    one = zipped_folder(a_folder(tmp_path / "one", mode=0o600, at=10**9), EPOCH)
    assert one == zipped_folder(a_folder(tmp_path / "two", mode=0o755, at=10**9 + 99), EPOCH)
    (tmp_path / "code.zip").write_bytes(one)
    with zipfile.ZipFile(tmp_path / "code.zip") as archive:
        files = archive.infolist()
    assert [file.filename for file in files] == ["a/c.so", "b.py"]
    assert {oct(file.external_attr >> 16) for file in files} == {"0o100644"}


def test_archives_come_out_the_same_and_keep_what_is_a_program(tmp_path: Path) -> None:
    made: list[tuple[bytes, bytes]] = []
    for name, mode, at in (("one", 0o755, 10**9), ("two", 0o700, 10**9 + 99)):
        folder = a_folder(tmp_path / name / "project", mode=mode, at=at)
        tar, wheel = tmp_path / f"{name}.tar.gz", tmp_path / f"{name}.whl"
        with tarfile.open(tar, "w:gz") as packed:
            packed.add(folder, "project")
        with zipfile.ZipFile(wheel, "w") as archive:
            for file in (folder / "b.py", folder / "a/c.so"):
                archive.write(file, file.relative_to(folder))
        repeatable_tar(tar, EPOCH)
        repeatable_zip(wheel, EPOCH)
        made.append((tar.read_bytes(), wheel.read_bytes()))
    assert made[0] == made[1]
    with tarfile.open(tmp_path / "one.tar.gz") as read:
        members = read.getmembers()
    assert [(one.name, oct(one.mode), one.mtime, one.uid, one.uname) for one in members] == [
        (f"project/{name}", "0o755", EPOCH, 0, "") for name in ("a/c.so", "b.py")
    ]
    with zipfile.ZipFile(tmp_path / "one.whl") as archive:
        assert archive.namelist() == ["b.py", "a/c.so"]  # a wheel lists its RECORD last


def test_the_notes_are_the_changelogs_section() -> None:
    changelog = "# Changelog\n\n## Unreleased\n\n## 0.2.0 - today\n\n- new\n\n## 0.1.0\n\n- old\n"
    assert section(changelog, "0.2.0") == "## 0.2.0 - today\n\n- new\n"
    assert section(changelog, "0.1.0") == "## 0.1.0\n\n- old\n"
    with pytest.raises(CommandError, match=r"no section 0\.3\.0"):
        section(changelog, "0.3.0")


def test_the_changelog_has_a_section_for_the_version() -> None:
    changelog = (project.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert section(changelog, project.version()).count("\n") > 1


def test_checksums_are_as_sha256sum_reads_them(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("b")
    (tmp_path / "a").write_text("a")
    (tmp_path / release.SUMS).write_text("of a run before")
    lines = release.sums(tmp_path).splitlines()
    assert [line[64:] for line in lines] == ["  a", "  b"]
    assert lines[0].startswith("ca978112ca1bbdca")


def test_a_program_that_fails_is_named_with_the_end_of_what_it_says(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="-c` failed:\nno luck"):
        release.run([sys.executable, "-c", "raise SystemExit('no luck')"], tmp_path)


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the templates and zips of what looks like a build."""
    built, out = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("dist")
    resources = cfn.load(project.TEMPLATE)["Resources"]
    for name, resource in resources.items():
        if any(code in resource.get("Properties", {}) for code in CODE):
            (built / name).mkdir()
            (built / name / "handler.py").write_text(f"# {name}\n")
    package(built, project.TEMPLATE, out, "1.2.3")
    return out


def test_the_template_for_sam_names_the_zips_beside_it_and_changes_nothing_else(
    packaged: Path,
) -> None:
    before = cfn.load(project.TEMPLATE)
    after = cfn.load(packaged / TEMPLATE)
    zips = {path.name for path in packaged.glob("*.zip")}
    named = set()
    for name, resource in before["Resources"].items():
        changed = after["Resources"][name]
        for code in CODE:
            if code in resource.get("Properties", {}):
                named.add(changed["Properties"][code])
                # Nothing is left to build.
                changed["Metadata"] = resource["Metadata"]
                changed["Properties"][code] = resource["Properties"][code]
        assert changed == resource
    assert named == zips


def test_the_hosted_template_needs_no_transform_and_takes_its_code_from_the_bucket(
    packaged: Path,
) -> None:
    text = (packaged / HOSTED).read_text()
    assert len(text.encode()) < MAX_BYTES
    template = json.loads(text)
    assert "Transform" not in template
    assert "AWS::Serverless" not in text
    assert '"S3Bucket": "' not in text
    parameters = template["Parameters"]
    assert list(parameters)[:3] == ["CodeBucket", "CodeBucketHasRegion", "CodePrefix"]
    assert parameters["CodePrefix"]["Default"] == "bedrock-alerts/1.2.3/"
    assert {*cfn.load(project.TEMPLATE)["Parameters"]} < {*parameters}
    for given, bucket in (
        ({"CodeBucket": "example"}, "example"),
        ({"CodeBucket": "example", "CodeBucketHasRegion": "true"}, "example-eu-west-1"),
    ):
        assert {one["S3Bucket"] for one in code(template, given)} == {bucket}
    keys = {one["S3Key"].removeprefix("bedrock-alerts/1.2.3/") for one in code(template, given)}
    assert keys == {path.name for path in packaged.glob("*.zip")}


def code(template: dict[str, Any], given: dict[str, str]) -> list[dict[str, str]]:
    """Return where each function and layer takes its code from."""
    stack = Stack(template, given)
    return [
        stack.value(resource["Properties"][part])
        for resource in template["Resources"].values()
        for part, kind in (
            ("Code", "AWS::Lambda::Function"),
            ("Content", "AWS::Lambda::LayerVersion"),
        )
        if resource["Type"] == kind
    ]


def joins(node: Any) -> Iterator[Any]:
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from joins(item)
    if isinstance(node, dict) and "Fn::Join" in node:
        yield node["Fn::Join"]


def test_cloudformation_takes_no_function_as_what_joins(packaged: Path) -> None:
    found = list(joins(json.loads((packaged / HOSTED).read_text())))
    assert found
    assert all(isinstance(delimiter, str) for delimiter, _ in found)


def test_a_template_that_is_written_in_another_way_is_refused(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text("Resources: { One: { Type: A, Properties: { CodeUri: one } } }\n")
    (tmp_path / "built" / "One").mkdir(parents=True)
    with pytest.raises(CommandError, match="code of One could not be replaced"):
        package(tmp_path / "built", template, tmp_path, "1.2.3")


def test_an_sbom_names_packages_and_licenses_and_no_registry(tmp_path: Path) -> None:
    info = tmp_path / "packages" / "example-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: example\nVersion: 1.0\nLicense-Expression: MIT\n"
        "Project-URL: Source, https://example.com/source\n"
        "Download-URL: https://registry.example.com/example\n"
    )
    made = bill_of_materials(
        release.TOOLS / "cyclonedx-py",
        tmp_path / "packages",
        project.ROOT / "pyproject.toml",
        tmp_path / "environment",
        EPOCH,
    )
    assert "registry.example.com" not in made
    assert str(tmp_path) not in made
    assert "serialNumber" not in made
    bill = json.loads(made)
    (component,) = bill["components"]
    assert component["purl"] == "pkg:pypi/example@1.0"
    assert component["licenses"][0]["license"]["id"] == "MIT"
    assert "https://example.com/source" in made
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == ("bedrock-alerts", project.version())
    (needs,) = (one for one in bill["dependencies"] if one["ref"] == root["bom-ref"])
    assert needs["dependsOn"] == [component["bom-ref"]]


def test_a_release_is_of_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "run", lambda *_: " M template.yaml\n")
    with pytest.raises(CommandError, match="not committed"):
        release.main()


def test_make_release_says_what_is_wrong_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bedrock_alerts_cli.maintain.release"],
        cwd=project.ROOT,
        env={
            "PATH": "/nowhere",
            "PYTHONPATH": os.pathsep.join([f"{project.ROOT}/layers/shared", f"{project.ROOT}/cli"]),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == "make release: the `git` command is not installed\n"
