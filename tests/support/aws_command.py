"""Reads commands of the AWS CLI by botocore's service models, so that a fix can be tried."""

import functools
import json
import shlex
from typing import Any, Final, NamedTuple

from botocore import xform_name
from botocore.session import Session, get_session
from botocore.validate import ParamValidator

# What the CLI calls in another way than botocore.
_SERVICES: Final = {"s3api": "s3"}
_GLOBAL: Final = ("region", "endpoint-url", "profile")
_OPTIONS: Final = {"notification-endpoint": "endpoint"}


@functools.cache
def _session() -> Session:
    return get_session()


class Command(NamedTuple):
    """A call, as the CLI would make it."""

    service: str
    operation: str
    arguments: dict[str, Any]

    def run(self, client: Any) -> Any:
        """Make the call; `client` makes a client for a service."""
        return getattr(client(self.service), xform_name(self.operation))(**self.arguments)


def read(line: str) -> Command:
    """Read a command. An AssertionError or KeyError says what of it does not exist."""
    program, service, name, *words = shlex.split(line)
    assert program == "aws", line
    service = _SERVICES.get(service, service)
    model = _session().get_service_model(service)
    operation = {xform_name(one, "-"): one for one in model.operation_names}[name]
    if model.operation_model(operation).has_streaming_output:
        words.remove("/dev/stdout")  # the file for it, in our commands always this one
    shape: Any = model.operation_model(operation).input_shape
    members = {xform_name(member, "-"): member for member in shape.members}
    arguments: dict[str, Any] = {}
    for option, values in _options(words):
        if option not in _GLOBAL:
            member = members[_OPTIONS.get(option, option)]
            arguments[member] = _value(values, shape.members[member])
    report = ParamValidator().validate(arguments, shape)
    assert not report.has_errors(), report.generate_report()
    return Command(service, operation, arguments)


def _options(words: list[str]) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for word in words:
        if word.startswith("--"):
            found.append((word.removeprefix("--"), []))
        else:
            found[-1][1].append(word)
    return found


def _value(values: list[str], shape: Any) -> Any:
    kind = shape.type_name
    if kind == "boolean":
        return True
    if kind == "list" and values[0].startswith("["):
        return json.loads(values[0])
    if kind == "list":
        return [_one(value, shape.member) for value in values]
    (value,) = values
    return _one(value, shape)


def _one(value: str, shape: Any) -> Any:
    if shape.type_name in {"double", "float"}:
        return float(value)
    if shape.type_name in {"integer", "long"}:
        return int(value)
    if shape.type_name not in {"structure", "map"}:
        return value
    if value.startswith("{"):
        return json.loads(value)
    pairs = dict(pair.split("=", 1) for pair in value.split(","))
    return {key: _one(text, shape.members[key]) for key, text in pairs.items()}
