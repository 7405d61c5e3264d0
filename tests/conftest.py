"""What all tests share."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import settings

pytest_plugins = ["tests.support.building"]

# Examples are the same in every run, so that a failure seen once is seen again.
settings.register_profile("repeatable", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--days-ahead",
        type=int,
        default=0,
        help="Run as if today were so many days later; programs that tests start are not moved.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Move the wall clock before any test module is read: no test may depend on its day."""
    days = config.getoption("--days-ahead")
    if days:
        later = time_machine.travel(datetime.now(UTC) + timedelta(days=days), tick=True)
        later.start()
        config.add_cleanup(later.stop)


@pytest.fixture(autouse=True)
def _no_real_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the credentials and settings of whoever runs it."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """Answer Ctrl-C as on a terminal: what a shell starts in the background ignores it.

    Programs that are started meanwhile hear it as well.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
