"""The stored routes: valid, and each channel that they name is one that the stack has."""

from collections.abc import Iterator
from typing import Any, Final

from bedrock_alerts.alerts.routing import Routes, RoutesError, parse_routes, slack_aliases
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.finding import (
    Check,
    Clock,
    Finding,
    count,
    judged,
    ok,
    wrong,
)

# Channels of which there is one: a target of theirs leads nowhere.
_WITHOUT_TARGETS: Final = ("email", "amazon_q")
_CHECK: Final = "routes"


def routes(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look whether the stored routes can be used, and reach someone."""
    name = stack.outputs.get("RoutesParameterName", "")
    put = stack.ours("routes put config/routes.yaml")
    client = stack.client("ssm")
    try:
        found = read_routes(stack)
    except client.exceptions.ParameterNotFound:
        says = f"parameter {name} is not there: every alert goes to every channel"
        yield wrong(_CHECK, says, f"Store them:\n{put}")
        return
    except RoutesError as error:
        says = (
            "they cannot be used, so the last valid ones stay in force, or every alert goes to"
            f" every channel: {error}"
        )
        yield wrong(_CHECK, says, f"Correct the file, and store it:\n{put}")
        return
    silent = [route.name for route in found.routes if not route.channels]
    without = f"; to no one, as they say: {', '.join(silent)}" if silent else ""
    number = count(len(found.routes), "route")
    yield ok(_CHECK, f"{number if found.routes else 'none: every alert goes to all'}{without}")
    for channel in _named(found):
        kind, _, target = channel.partition(":")
        if kind in _WITHOUT_TARGETS and target:
            fix = f"Leave `:{target}` out, and store the routes:\n{put}"
            yield judged(f"route to {channel}", f"{kind} has no targets: nothing arrives", fix)


def read_routes(stack: DeployedStack) -> Routes:
    """Return the routes in force. Raises RoutesError, and what the client raises."""
    name = stack.outputs.get("RoutesParameterName", "")
    answer: Any = stack.client("ssm").get_parameter(Name=name)
    return parse_routes(answer["Parameter"]["Value"], channels(stack), slack_aliases(
        stack.parameters.get("SlackChannelId", "")
    ))  # fmt: skip


def channels(stack: DeployedStack) -> tuple[str, ...]:
    """Return the channels that the stack has."""
    return tuple(one for one in stack.outputs.get("Channels", "").split(",") if one)


def targets(stack: DeployedStack, kind: str) -> tuple[str, ...]:
    """Return the targets of a channel that routes name, the default one first.

    Where the routes cannot be read, only the default one is known; `routes` says why.
    """
    try:
        named = _named(read_routes(stack))
    except Exception:  # noqa: BLE001 - whatever it is, it is another finding's
        named = ()
    found = [one.partition(":")[2] for one in named if one.partition(":")[0] == kind]
    return tuple(dict.fromkeys(("", *found)))


def _named(found: Routes) -> tuple[str, ...]:
    every = [channel for route in found.routes for channel in route.channels]
    return tuple(dict.fromkeys((*every, *(found.default or ()))))


CHECKS: Final = (Check(_CHECK, routes),)
