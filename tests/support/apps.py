"""Rebuilds what a handler builds at its first call, for tests with other settings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


def app_of(handler_module: ModuleType) -> Any:
    """Return what the handler works with, built if it was not yet."""
    return vars(handler_module)["_app"]()


@contextmanager
def built_anew(handler_module: ModuleType) -> Iterator[None]:
    """Let the handler read its settings again, and leave nothing of them behind."""
    forget: Callable[[], None] = vars(handler_module)["_app"].cache_clear
    forget()
    yield
    forget()
