"""Runs the checks of all areas at the same time; one that fails never stops the others."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, is_login_over
from bedrock_alerts_cli.deployed.doctor.finding import (
    Area,
    Check,
    Clock,
    Finding,
    UnseenError,
    shown,
    unknown,
)
from bedrock_alerts_cli.deployed.doctor.read_permissions import ACTIONS, POLICY_PAGE

_WORKERS: Final = 8
_DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "UnauthorizedOperation",
    }
)
_EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
)
# AWS names the action in the message of most services.
_ACTION: Final = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")


class Seen(NamedTuple):
    """What the checks of an area have found."""

    title: str
    findings: tuple[Finding, ...]


def look_at(stack: DeployedStack, areas: Sequence[Area], clock: Clock) -> tuple[Seen, ...]:
    """Run all checks, and return their findings in the order of the areas."""
    shared = replace(stack, client=_one_at_a_time(stack.client))
    with ThreadPoolExecutor(_WORKERS) as pool:
        running = [
            (area, [pool.submit(partial(_run, check, shared, clock)) for check in area.checks])
            for area in areas
        ]
        return tuple(
            Seen(area.title, tuple(finding for each in found for finding in each.result()))
            for area, found in running
        )


def is_wrong(seen: Sequence[Seen]) -> bool:
    """Whether anything has to be fixed."""
    return any(finding.verdict == "wrong" for area in seen for finding in area.findings)


def _run(check: Check, stack: DeployedStack, clock: Clock) -> list[Finding]:
    return list(_findings(check, stack, clock))


def _findings(check: Check, stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    try:
        yield from check.look(stack, clock)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other checks go on
        yield not_seen(check.name, error)


def not_seen(check: str, error: BaseException) -> Finding:
    """Say why something could not be looked at, and what would let it."""
    from botocore.exceptions import (  # noqa: PLC0415 - boto3 takes longer to load than the rest
        BotoCoreError,
        ClientError,
        NoCredentialsError,
    )

    cause: BaseException = error
    while not isinstance(cause, ClientError | BotoCoreError) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, NoCredentialsError):
        return unknown(check, "there are no AWS credentials", "Log in:\naws configure")
    if isinstance(cause, ClientError):
        return _refused(check, cause.operation_name, cause.response.get("Error", {}))
    if isinstance(cause, BotoCoreError):
        says = shown(str(cause))
        if is_login_over(cause):
            return unknown(check, f"the AWS credentials are not valid: {says}", "Log in again.")
        return unknown(check, f"AWS cannot be reached: {says}", "Check the network, and run again.")
    if isinstance(error, UnseenError):
        return unknown(check, str(error))
    kind = type(error).__name__
    return unknown(
        check,
        f"this check failed itself: {kind}: {shown(str(error))}",
        "Report it with this line; the other checks are not affected.",
    )


def _refused(check: str, operation: str, error: Any) -> Finding:
    code, message = str(error.get("Code", "unknown")), str(error.get("Message", ""))
    if code in _EXPIRED:
        return unknown(check, f"the AWS credentials are not valid ({code})", "Log in again.")
    if code in _DENIED:
        found = _ACTION.search(message)
        action = found[1] if found else ACTIONS.get(operation, operation)
        return unknown(
            check, f"not allowed: {action}", f"Allow your user or role {action}: {POLICY_PAGE}."
        )
    says = f"AWS refused {operation}: {code}. {shown(message)}".rstrip(". ")
    return unknown(check, says, "Run again; if it stays, check it in the console.")


def _one_at_a_time(client: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let one thread at a time make clients: a session is not safe for several, a client is."""
    lock = threading.Lock()

    def locked(service: str) -> Any:
        with lock:
            return client(service)

    return locked
