"""From CloudFormation's request to the outcome: read, look up, decide, store, act."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from bedrock_alerts.errors import BedrockAlertsError, PermanentError
from bedrock_alerts.invocation_logging import decide
from bedrock_alerts.invocation_logging.custom_resource import read
from bedrock_alerts.invocation_logging.logging_state import (
    Answer,
    Configuration,
    LoggingProperties,
    LogGroupProperties,
    Memory,
    Outcome,
    RefusedError,
    Request,
    RoutesProperties,
    Tools,
)
from bedrock_alerts.invocation_logging.retry import ANSWER_SECONDS, Patience
from bedrock_alerts.limits import SSM_PARAMETER_BYTES
from bedrock_alerts.text import clean

PropertiesT = TypeVar("PropertiesT", bound=msgspec.Struct)

# If a configuration cannot be restored, time must be left to turn logging off.
_TURN_OFF_SECONDS: Final = 20.0
_CAUSE_CHARS: Final = 1000
_WAY_OUT: Final = (
    " · Fix that and delete again. This stack changes only what it has set, so you can also set or"
    " turn off Bedrock's logging yourself first."
)


def serve(event: Mapping[str, Any], tools: Tools, patience: Patience) -> Outcome:
    """Carry out a request and return the outcome. Never raises: a failure is an outcome too."""
    try:
        request = read(event)
        answer = _serve(request, tools, patience)
        return Outcome(succeeded=True, says=answer.says, attributes=answer.attributes)
    except BedrockAlertsError as error:
        return _failed(event, str(error))
    except Exception as error:  # noqa: BLE001 - CloudFormation waits for a response in any case
        says = f"unexpected {type(error).__name__}, see the log of the function configure-logging"
        return _failed(event, says, error)


def _failed(event: Mapping[str, Any], says: str, error: Exception | None = None) -> Outcome:
    # A stack whose deletion failed needs a person, who must know what to do.
    way_out = _WAY_OUT if event.get("RequestType") == "Delete" else ""
    return Outcome(succeeded=False, says=clean(says, _CAUSE_CHARS) + way_out, error=error)


def _serve(request: Request, tools: Tools, patience: Patience) -> Answer:
    serve_resource = _RESOURCES.get(request.resource_type)
    if serve_resource is None:
        if request.kind == "Delete":
            return Answer("Nothing was ever set.")  # its Create failed with the next line
        raise PermanentError(f"{clean(request.resource_type, 60)!r} is not a known resource type")
    return serve_resource(request, tools, patience)


def _model_invocation_logging(request: Request, tools: Tools, patience: Patience) -> Answer:
    try:
        wanted = _properties(request.properties, LoggingProperties)
    except PermanentError:
        if request.kind == "Delete":
            # A Create with these properties failed here too.
            return Answer("Nothing was ever set.")
        raise
    present = patience.insist(tools.logging.get)
    memory = _load(wanted.memory_name, tools, patience)
    if request.kind == "Delete":
        plan = decide.to_release(wanted, request, present, memory)
        says = _take_back(plan, tools, patience)
        if memory.owner == request.resource_id:
            patience.insist(lambda: tools.memory.forget(wanted.memory_name))
        return Answer(says)
    plan = decide.to_set(wanted, request, present, memory)
    # Stored first: if the function ends after this, the next run still knows what to restore.
    if plan.remember is not None and plan.remember != memory:
        _save(wanted.memory_name, plan.remember, tools, patience)
    _carry_out(plan, tools, patience)
    return Answer(plan.says)


def _take_back(plan: decide.Plan, tools: Tools, patience: Patience) -> str:
    """Carry a release out, and return a sentence on the result."""
    try:
        _carry_out(plan, tools, patience)
    except RefusedError as error:
        if plan.put is None or not plan.turn_off:
            raise
        # The previous log group or role is gone, so nothing that still worked is lost. Ours is
        # about to be deleted too: a configuration that names it would fail unseen.
        patience.insist(tools.logging.delete)
        return (
            f"Logging has been turned off. It could not be restored to {decide.describe(plan.put)}"
            f" as before this stack: {clean(str(error), _CAUSE_CHARS)}"
        )
    return plan.says


def _carry_out(plan: decide.Plan, tools: Tools, patience: Patience) -> None:
    configuration = plan.put
    if configuration is not None:
        keep = ANSWER_SECONDS + (_TURN_OFF_SECONDS if plan.turn_off else 0)
        patience.insist(lambda: tools.logging.put(configuration), keep=keep)
    elif plan.turn_off:
        patience.insist(tools.logging.delete)


def _invocation_log_group_check(request: Request, tools: Tools, patience: Patience) -> Answer:
    """Find the log group to read, create it if missing, and check that it can be read."""
    if request.kind == "Delete":
        return Answer("There was nothing to undo.")
    wanted = _properties(request.properties, LogGroupProperties)
    present: Configuration | None = None
    problem = ""
    try:
        present = patience.insist(tools.logging.get)
    except BedrockAlertsError as error:
        if wanted.mode == "auto":
            raise
        problem = f"The destination of Bedrock's logs is not known: {error}"
    own_role = request.old_properties.get("RoleArn")
    if wanted.mode == "existing" and own_role and present and decide.role_of(present) == own_role:
        present = None  # CloudFormation turns off at the end what this stack has turned on
    name = decide.group_to_read(wanted, present)
    group = patience.insist(lambda: tools.log_groups.find(name))
    if group is None and wanted.mode != "existing" and name == wanted.log_group_name:
        patience.insist(lambda: tools.log_groups.create(name, wanted.kms_key_arn))
        # Retried separately: together with the creation, a retry would find the group and stop.
        patience.insist(lambda: tools.log_groups.keep(name, wanted.retention_days))
    elif group is None:
        raise PermanentError(problem or decide.missing_log_group(name, present))
    else:
        decide.check_class(group, present)
        found = patience.insist(lambda: tools.log_groups.subscriptions(name))
        decide.check_subscriptions(name, wanted.destination_arn, found)
    says = problem or decide.what_bedrock_does(name, present)
    return Answer(says, {"LogGroupName": name})


def _stored_routes(request: Request, tools: Tools, patience: Patience) -> Answer:
    """Create the parameter that holds the routes, with the content of the former one.

    CloudFormation does not own it, because it would reset the value with every changed stack tag.
    """
    wanted = _properties(request.properties, RoutesProperties)
    if request.kind == "Delete":
        patience.insist(lambda: tools.memory.forget(wanted.name))
        return Answer("The routes were deleted with the stack.")
    former = wanted.former_name if request.kind == "Create" else ""
    # After an upgrade that was rolled back, this value is older than that of the former one.
    routes = patience.insist(lambda: tools.memory.load(former)) if former else None
    if routes is None and patience.insist(lambda: tools.memory.load(wanted.name)) is None:
        routes = "{}"
    if routes is not None:
        patience.insist(lambda: tools.memory.save(wanted.name, routes))
    return Answer("The routes are stored.", {"Name": wanted.name})


def _properties(given: Mapping[str, Any], kind: type[PropertiesT]) -> PropertiesT:
    try:
        # CloudFormation turns all numbers and booleans into text.
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise PermanentError(f"the resource's properties cannot be used: {error}") from error


def _load(name: str, tools: Tools, patience: Patience) -> Memory:
    text = patience.insist(lambda: tools.memory.load(name))
    try:
        return Memory() if text is None else msgspec.json.decode(text, type=Memory)
    except msgspec.MsgspecError as error:
        raise PermanentError(
            f"the SSM parameter {name} was not written by this stack; it should hold the previous"
            " logging configuration: restore that yourself and delete the parameter"
        ) from error


def _save(name: str, memory: Memory, tools: Tools, patience: Patience) -> None:
    text = msgspec.json.encode(memory).decode()
    if len(text.encode()) > SSM_PARAMETER_BYTES:
        raise PermanentError(
            "the existing configuration is too long to be stored, and was not changed"
        )
    patience.insist(lambda: tools.memory.save(name, text))


_RESOURCES: Final[Mapping[str, Callable[[Request, Tools, Patience], Answer]]] = {
    "Custom::ModelInvocationLogging": _model_invocation_logging,
    "Custom::InvocationLogGroupCheck": _invocation_log_group_check,
    "Custom::StoredRoutes": _stored_routes,
}
