"""What the tests on the local stack share: one build, and an account each."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bedrock_alerts_cli.local_stack.deploy import build, build_folder
from bedrock_alerts_cli.local_stack.engine import running_engine
from tests.support.local_account import Account


@pytest.fixture(scope="session")
def locally_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the template as built for the local stack: a copy, which no other build changes."""
    folder = tmp_path_factory.mktemp("local") / "build"
    with running_engine() as engine, build_folder():
        shutil.copytree(build(engine).parent, folder)
    return folder / "template.yaml"


@pytest.fixture
def account(locally_built: Path) -> Iterator[Account]:
    with running_engine() as engine:
        yield Account(engine, locally_built)
