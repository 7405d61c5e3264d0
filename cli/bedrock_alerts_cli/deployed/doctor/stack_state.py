"""The state of the stack, and of the functions and rules that it is made of."""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.as_deployed import template_of
from bedrock_alerts_cli.deployed.doctor.finding import (
    Check,
    Clock,
    Finding,
    ago,
    ok,
    shown,
    waiting,
    wrong,
)
from bedrock_alerts_cli.deployed.doctor.looked_at import not_seen
from bedrock_alerts_cli.deployed.doctor.made_again import rule_again

# A stack whose creation failed can only be deleted; one whose update hangs must be freed first.
STUCK: Final[Mapping[str, tuple[str, str]]] = {
    "CREATE_FAILED": ("delete it", "sam delete --stack-name {stack}"),
    "ROLLBACK_COMPLETE": ("delete it", "sam delete --stack-name {stack}"),
    "ROLLBACK_FAILED": ("delete it", "sam delete --stack-name {stack}"),
    "DELETE_FAILED": ("delete it again in the CloudFormation console; it names what is left", ""),
    "UPDATE_ROLLBACK_FAILED": (
        "free it",
        "aws cloudformation continue-update-rollback --stack-name {stack}",
    ),
}
_FUNCTION: Final = "AWS::Lambda::Function"
_MAPPING: Final = "AWS::Lambda::EventSourceMapping"
_RULE: Final = "AWS::Events::Rule"
# What reads a queue or a stream, and which of them.
_READERS: Final[Mapping[str, str]] = {
    "RouteFunction": "queue",
    "DeliverFunction": "queue",
    "CollectObjectsFunction": "queue",
    "CollectStreamFunction": "stream",
}
_SHOWN_DIFFERENCES: Final = 3


def state(stack: DeployedStack, clock: Clock) -> Iterator[Finding]:
    """Look at what CloudFormation says of the stack."""
    since = ago(clock(), stack.updated_at.timestamp())
    evidence = f"{stack.status}, last deployed {since}"
    fix, command = STUCK.get(stack.status, ("", ""))
    if stack.status.endswith("_IN_PROGRESS"):
        yield waiting("stack state", evidence, "Wait until it has ended, then run this again.")
    elif fix:
        said = fix.capitalize()
        said += f":\n{stack.here(command.format(stack=stack.name))}" if command else "."
        yield wrong("stack state", evidence, said)
    elif stack.status == "UPDATE_ROLLBACK_COMPLETE":
        yield ok("stack state", f"{evidence}; the last update was rolled back")
    else:
        yield ok("stack state", evidence)


def functions(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look at each function: can it run, and is its environment as it was deployed."""
    for resource in template_of(stack).resources(_FUNCTION):
        name = stack.resources.get(resource.logical_id, resource.name)
        check = f"function {name}"
        try:
            found = stack.client("lambda").get_function_configuration(FunctionName=name)
        except stack.client("lambda").exceptions.ResourceNotFoundException:
            fix = "Delete the stack and deploy it again; its incidents table goes with it."
            yield wrong(check, "it is not there", fix)
        except Exception as error:  # noqa: BLE001 - the other functions are looked at
            yield not_seen(check, error)
        else:
            yield _function(check, found, resource.properties)


def _function(check: str, found: Mapping[str, Any], deployed: Mapping[str, Any]) -> Finding:
    expected = deployed.get("Environment", {}).get("Variables", {})
    present = found.get("Environment", {}).get("Variables", {})
    changed = {
        key: str(value)
        for key, value in expected.items()
        if str(present.get(key, "")) != str(value)
    }
    state_ = str(found.get("State", "Active"))
    update = str(found.get("LastUpdateStatus", "Successful"))
    if state_ in {"Failed", "Inactive"} or update == "Failed":
        reason = found.get("StateReason") or found.get("LastUpdateStatusReason") or "no reason"
        says = f"state {state_}, update {update}: {shown(reason)}"
        return wrong(
            check, says, "Remove that cause. Then deploy with another parameter or version."
        )
    if changed:
        names = ", ".join(sorted(changed))
        values = "; ".join(
            f"{key} is {shown(present.get(key, 'missing')) or 'empty'}, deployed:"
            f" {shown(value) or 'empty'}"
            for key, value in sorted(changed.items())[:_SHOWN_DIFFERENCES]
        )
        fix = f"In the Lambda console, Configuration, Environment variables, set {names} back."
        return wrong(check, values, fix)
    runtime = found.get("Runtime", "an unknown runtime")
    return ok(check, f"{state_}, {runtime}, environment as deployed")


def boto3_version(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Say which boto3 the functions have, as far as AWS says."""
    name = stack.resource("RouteFunction")
    found = stack.client("lambda").get_function_configuration(FunctionName=name)
    arn = found.get("RuntimeVersionConfig", {}).get("RuntimeVersionArn", "")
    version = f", version {arn.rpartition(':')[2][:12]}" if arn else ""
    runtime = found.get("Runtime", "")
    yield ok(
        "boto3 of the functions",
        f"comes with the runtime {runtime}{version}; AWS does not say which it is, and the"
        " functions work with 1.40.4 and later",
    )


def rules(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look at the rules that bring events: enabled, and with a target."""
    events = stack.client("events")
    for resource in template_of(stack).resources(_RULE):
        # CloudFormation calls a rule on another bus BUS|RULE.
        name = stack.resources.get(resource.logical_id, resource.name).rpartition("|")[2]
        bus = str(resource.properties.get("EventBusName", ""))
        on_bus = {"EventBusName": bus} if bus else {}
        check = f"rule {resource.logical_id}"
        try:
            found = events.describe_rule(Name=name, **on_bus)
            targets = events.list_targets_by_rule(Rule=name, **on_bus).get("Targets", [])
        except events.exceptions.ResourceNotFoundException:
            first = "If its bus is gone, create that first. " if bus else ""
            fix = f"{first}Create it again:\n{rule_again(stack, name, resource.properties)}"
            yield wrong(check, "it is not there", fix)
            continue
        except Exception as error:  # noqa: BLE001 - the other rules are looked at
            yield not_seen(check, error)
            continue
        there = {one.get("Arn") for one in targets}
        lacking = [one for one in resource.properties.get("Targets", []) if one["Arn"] not in there]
        option = f" --event-bus-name {bus}" if bus else ""
        if found.get("State") != "ENABLED":
            fix = stack.aws(f"events enable-rule --name {name}{option}")
            yield wrong(check, "it is disabled", f"Enable it:\n{fix}")
        elif lacking:
            given = shlex.quote(json.dumps(lacking))
            fix = stack.aws(f"events put-targets --rule {name}{option} --targets {given}")
            says = f"it does not send to {lacking[0]['Arn']}"
            yield wrong(check, says, f"Give it its target:\n{fix}")
        else:
            yield ok(check, "enabled, sends to its target")


def event_sources(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look at what reads the queues and the stream: Lambda's event source mappings."""
    mappings = list(template_of(stack).resources(_MAPPING))
    for logical_id, kind in _READERS.items():
        name = stack.resources.get(logical_id)
        if name is None:
            continue
        wanted = [one for one in mappings if one.properties.get("FunctionName") == name]
        check = f"reader {name.removeprefix(stack.name).lstrip('-')}"
        answer = stack.client("lambda").list_event_source_mappings(FunctionName=name)
        found = answer.get("EventSourceMappings", [])
        off = [one for one in found if one.get("State") in {"Disabled", "Disabling"}]
        if not found:
            fix = (
                _reader(stack, name, wanted[0].properties)
                if wanted
                else "Delete the stack, and deploy it again."
            )
            yield wrong(check, f"reads no {kind}: its event source mapping is gone", fix)
        for one in off:
            fix = stack.aws(f"lambda update-event-source-mapping --uuid {one['UUID']} --enabled")
            yield wrong(check, f"does not read its {kind}: it is disabled", f"Enable it:\n{fix}")
        if found and not off:
            source = str(found[0].get("EventSourceArn", "")).rpartition(":")[2]
            yield ok(check, f"reads {source}")


def _reader(stack: DeployedStack, name: str, deployed: Mapping[str, Any]) -> str:
    kinds = " ".join(deployed.get("FunctionResponseTypes", []))
    command = (
        f"lambda create-event-source-mapping --function-name {name}"
        f" --event-source-arn {deployed['EventSourceArn']} --batch-size {deployed['BatchSize']}"
        f" --function-response-types {kinds}"
    )
    if position := deployed.get("StartingPosition"):
        command += f" --starting-position {position}"
    most = deployed.get("ScalingConfig", {}).get("MaximumConcurrency")
    command += f" --scaling-config MaximumConcurrency={most}" if most else ""
    return f"Make it again:\n{stack.aws(command)}"


STATE: Final = Check("stack state", state)
RULES: Final = Check("rules", rules)
CHECKS: Final = (
    STATE,
    Check("functions", functions),
    Check("boto3 of the functions", boto3_version),
    RULES,
    Check("readers of the queues", event_sources),
)
