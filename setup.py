"""Packs the project's files into the wheel. All the rest of the packaging is in pyproject.toml."""

import shutil
import tomllib
from pathlib import Path
from typing import Final

from setuptools import setup
from setuptools.command.build_py import build_py

# `bedrock_alerts_cli/project.py` finds them there.
FOLDER: Final = "bedrock_alerts_cli/_project"


class BuildWithProject(build_py):
    """Builds the packages, and copies the project's files beside them."""

    def run(self) -> None:
        """Build. An editable installation finds the files in the checkout."""
        super().run()
        if self.editable_mode:
            return
        root = Path(__file__).resolve().parent
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        for pattern in project["tool"]["bedrock_alerts"]["packed"]:
            for path in sorted(root.glob(pattern)):
                target = Path(self.build_lib, FOLDER, path.relative_to(root))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


setup(cmdclass={"build_py": BuildWithProject})
