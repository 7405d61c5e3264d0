"""What the tests on the local stack share."""

from collections.abc import Iterator

import pytest

from bedrock_alerts_lab.local_stack.deploy import build, build_folder
from bedrock_alerts_lab.local_stack.engine import running_engine
from tests.support.local_account import Account


@pytest.fixture
def account() -> Iterator[Account]:
    with running_engine() as engine, build_folder():
        yield Account(engine, build(engine))
