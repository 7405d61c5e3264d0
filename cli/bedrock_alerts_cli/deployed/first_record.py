"""Waits until a deployed stack has counted its first record."""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import click

from bedrock_alerts.alerts.formatting import lasting
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, said_plainly
from bedrock_alerts_cli.terminal import write
from bedrock_alerts_cli.user_errors import CommandError

PATIENCE_SECONDS: Final = 600.0
_POLL_SECONDS: Final = 5.0
_LOG_GROUPS: Final = ("CollectLogsLogGroup", "CollectObjectsLogGroup", "CollectStreamLogGroup")
# The collector writes it about every call, minutes before CloudWatch shows the metric. Lines that
# are not calls, as CloudWatch Logs sends one to a new subscription, have another.
_CALLS: Final = "Invocations"


def saw_first_record(
    stack: DeployedStack,
    patience: float = PATIENCE_SECONDS,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait for a record that is counted from now on, and say when it came.

    False where none came in time, or the collector's log cannot be read. Raises KeyboardInterrupt.
    """
    started = clock()
    write(
        f"\nWaiting for the first record, at most {lasting(timedelta(seconds=patience))}."
        " Call a model meanwhile; Ctrl-C ends the wait, and changes nothing.\n"
    )
    while True:
        try:
            has_come = has_record(stack, started)
        except CommandError as error:
            write(f"✗ {error}\n")
            return False
        waited = clock() - started
        if has_come:
            _show("")
            write(f"✓ First record after {lasting(timedelta(seconds=waited))}.\n")
            return True
        if waited >= patience:
            _show("")
            return False
        _show(f"  {lasting(timedelta(seconds=waited))}")
        sleep(_POLL_SECONDS)


def has_record(stack: DeployedStack, since: float) -> bool:
    """Look into the collector's log."""
    group = next(stack.resources[one] for one in _LOG_GROUPS if one in stack.resources)
    with said_plainly("the collector's log"):
        pages = stack.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(
            logGroupName=group,
            startTime=int(since * 1000),
            filterPattern=f'"{_CALLS}"',
        )
        return any(f'"{_CALLS}":' in one["message"] for page in found for one in page["events"])


def _show(text: str) -> None:
    """Show how long it has been, on one line of the terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{text}", nl=False, err=True)
