"""Packs the project's files into the wheel. All the rest of the packaging is in pyproject.toml."""

import shutil
from pathlib import Path
from typing import Final

from setuptools import setup
from setuptools.command.build_py import build_py

# `bedrock_alerts_cli/project.py` finds them there.
FOLDER: Final = "bedrock_alerts_cli/_project"
# What commands read, and what `sam build` needs. The package of the shared layer is in the wheel
# anyway.
PACKED: Final = (
    "CHANGELOG.md",
    "LICENSE",
    "NOTICE",
    "alarms/*.yaml",
    "config/*.yaml",
    "docs/runbooks/*.md",
    "events/**/*.json",
    "events/**/*.ndjson",
    "functions/Makefile",
    "functions/*/handler.py",
    "layers/Makefile",
    "layers/dependencies/requirements.txt",
    "requirements/engine.txt",
    "samconfig.toml",
    "template.yaml",
)


class BuildWithProject(build_py):
    """Builds the packages, and copies the project's files beside them."""

    def run(self) -> None:
        """Build. An editable installation finds the files in the checkout."""
        super().run()
        if self.editable_mode:
            return
        root = Path(__file__).resolve().parent
        for pattern in PACKED:
            for path in sorted(root.glob(pattern)):
                target = Path(self.build_lib, FOLDER, path.relative_to(root))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


setup(cmdclass={"build_py": BuildWithProject})
