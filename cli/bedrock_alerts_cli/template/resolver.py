"""Resolves a CloudFormation template's resource properties for given parameters.

Ids and ARNs of resources that do not exist yet are generated, always the same for the same stack.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli.sample_account import ACCOUNT, REGION
from bedrock_alerts_cli.user_errors import TemplateError

_NOTHING: Final = object()
_SUBSTITUTED: Final = re.compile(r"\$\{([^}]*)\}")
# The property that names a resource, its Ref, and its ARN after account and Region.
_NAMED_BY: Final[Mapping[str, tuple[str, str]]] = {
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch:{place}:alarm:{name}"),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName", "cloudwatch:{place}:alarm:{name}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:{place}:function:{name}"),
    "AWS::Serverless::Function": ("FunctionName", "lambda:{place}:function:{name}"),
    "AWS::SQS::Queue": ("QueueName", "sqs:{place}:{name}"),
    "AWS::SNS::Topic": ("TopicName", "sns:{place}:{name}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{place}:log-group:{name}:*"),
    "AWS::S3::Bucket": ("BucketName", "s3:::{name}"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{place}:table/{name}"),
    "AWS::Events::Rule": ("Name", "events:{place}:rule/{name}"),
    "AWS::Events::EventBus": ("Name", "events:{place}:event-bus/{name}"),
    "AWS::Kinesis::Stream": ("Name", "kinesis:{place}:stream/{name}"),
    "AWS::KinesisFirehose::DeliveryStream": (
        "DeliveryStreamName",
        "firehose:{place}:deliverystream/{name}",
    ),
    "AWS::IAM::Role": ("RoleName", "iam::{account}:role/{name}"),
}
_REF_IS_ARN: Final = ("AWS::SNS::Topic",)
_REF_IS_URL: Final = ("AWS::SQS::Queue",)
_NAME_ATTRIBUTES: Final = ("QueueName", "TopicName")


class Resource(NamedTuple):
    """A resource that would be created: its properties and its name."""

    logical_id: str
    type: str
    name: str
    properties: Mapping[str, Any]


class Stack(NamedTuple):
    """Where a template is deployed.

    `physical_ids` are those of its resources, by logical id, as far as they are known.
    """

    name: str
    account: str = ACCOUNT
    region: str = REGION
    partition: str = "aws"
    stack_id: str = ""
    physical_ids: Mapping[str, str] = {}


class Resolver:
    """Resolves a template's intrinsics for one stack."""

    def __init__(
        self, template: Mapping[str, Any], parameters: Mapping[str, Any], stack: Stack
    ) -> None:
        self._template = template
        self._stack = stack
        self._parameters = _with_defaults(template.get("Parameters", {}), parameters)
        self._resources: Mapping[str, Any] = template["Resources"]
        self._conditions: dict[str, bool] = {}
        self._names: dict[str, str] = {}
        self._intrinsics: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.condition,
            "Fn::And": lambda args: all(self._truth(arg) for arg in args),
            "Fn::Contains": lambda args: self._value(args[1]) in self._value(args[0]),
            "Fn::Equals": lambda args: _text(self._value(args[0])) == _text(self._value(args[1])),
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": lambda args: _text(self._value(args[0])).join(
                _text(item) for item in self._value(args[1])
            ),
            "Fn::Not": lambda args: not self._truth(args[0]),
            "Fn::Or": lambda args: any(self._truth(arg) for arg in args),
            "Fn::Select": lambda args: self._value(args[1])[int(self._value(args[0]))],
            "Fn::Split": lambda args: _text(self._value(args[1])).split(self._value(args[0])),
            "Fn::Sub": self._sub,
        }

    def resources(self, *types: str) -> Iterator[Resource]:
        """Return the resources of some types that would be created, in the template's order."""
        for logical_id, body in self._resources.items():
            if body.get("Type") not in types:
                continue
            if "Condition" in body and not self.condition(body["Condition"]):
                continue
            try:
                properties = self._value(body.get("Properties", {}))
                name = self._name(logical_id)
            except TemplateError as error:
                raise TemplateError(f"{logical_id}: {error}") from error
            except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
                raise TemplateError(f"{logical_id}: an intrinsic is wrong: {error!r}") from error
            yield Resource(logical_id, body["Type"], name, properties)

    def condition(self, name: str) -> bool:
        """Return whether a condition of the template is true."""
        if name not in self._conditions:
            conditions = self._template.get("Conditions", {})
            if name not in conditions:
                raise TemplateError(f"there is no condition {name}")
            self._conditions[name] = self._truth(conditions[name])
        return self._conditions[name]

    def value(self, node: Any) -> Any:
        """Resolve any part of the template, even of resources that are not created."""
        return self._value(node)

    def _value(self, node: Any) -> Any:
        """Resolve a part of the template."""
        if isinstance(node, list):
            return [one for one in map(self._value, node) if one is not _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name in self._intrinsics and (name != "Condition" or isinstance(argument, str)):
                return self._intrinsics[name](argument)
            if str(name).startswith("Fn::"):
                raise TemplateError(f"{name} is not understood")
        resolved = {key: self._value(value) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value is not _NOTHING}

    def _truth(self, node: Any) -> bool:
        value = self._value(node)
        return value if isinstance(value, bool) else _text(value).lower() == "true"

    def _if(self, arguments: list[Any]) -> Any:
        condition, yes, no = arguments
        return self._value(yes if self.condition(condition) else no)

    def _find_in_map(self, arguments: list[Any]) -> Any:
        table, row, column = (_text(self._value(argument)) for argument in arguments)
        return self._value(self._template["Mappings"][table][row][column])

    def _ref(self, name: str) -> Any:
        if name in self._parameters:
            return self._parameters[name]
        pseudo = self._pseudo(name)
        if pseudo is not None:
            return pseudo
        if name not in self._resources:
            raise TemplateError(f"there is no parameter or resource {name}")
        if name in self._stack.physical_ids:
            return self._stack.physical_ids[name]
        kind = self._resources[name].get("Type")
        if kind in _REF_IS_ARN:
            return self._arn(name)
        if kind in _REF_IS_URL:
            host = f"https://sqs.{self._stack.region}.amazonaws.com"
            return f"{host}/{self._stack.account}/{self._name(name)}"
        return self._name(name)

    def _pseudo(self, name: str) -> Any:
        stack = self._stack
        place = f"{stack.region}:{stack.account}"
        return {
            "AWS::AccountId": stack.account,
            "AWS::NoValue": _NOTHING,
            "AWS::NotificationARNs": [],
            "AWS::Partition": stack.partition,
            "AWS::Region": stack.region,
            "AWS::StackId": stack.stack_id
            or f"arn:aws:cloudformation:{place}:stack/{stack.name}/sample",
            "AWS::StackName": stack.name,
            "AWS::URLSuffix": "amazonaws.com",
        }.get(name)

    def _get_att(self, argument: Any) -> str:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        if name not in self._resources:
            raise TemplateError(f"there is no resource {name}")
        resource = self._resources[name]
        given = resource.get("Properties", {}).get(attribute)
        if given is not None and str(resource["Type"]).startswith("Custom::"):
            # Ours return their inputs, unless the account already has another configuration.
            return _text(self._value(given))
        if attribute.endswith("Arn"):
            return self._arn(name)
        if attribute in _NAME_ATTRIBUTES:
            return self._name(name)
        return f"{self._name(name)}.{attribute}"

    def _sub(self, argument: Any) -> str:
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def substitute(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in variables:
                return _text(self._value(variables[name]))
            return _text(self._get_att(name) if "." in name else self._ref(name))

        return _SUBSTITUTED.sub(substitute, text)

    def _name(self, logical_id: str) -> str:
        """Return a resource's physical name, as given or generated."""
        if logical_id not in self._names:
            body = self._resources[logical_id]
            given = body.get("Properties", {}).get(_NAMED_BY.get(body.get("Type"), ("", ""))[0])
            invented = hashlib.sha256(f"{self._stack.name}/{logical_id}".encode()).hexdigest()
            self._names[logical_id] = self._stack.physical_ids.get(
                logical_id, f"{self._stack.name}-{logical_id}-{invented[:12].upper()}"
            )
            value = _NOTHING if given is None else self._value(given)
            if value is not _NOTHING:
                self._names[logical_id] = _text(value)
        return self._names[logical_id]

    def _arn(self, logical_id: str) -> str:
        kind = self._resources[logical_id].get("Type", "")
        _, pattern = _NAMED_BY.get(kind, ("", "invented:{place}:{name}"))
        stack = self._stack
        place = f"{stack.region}:{stack.account}"
        name = self._name(logical_id)
        found = pattern.format(place=place, account=stack.account, name=name)
        return f"arn:{stack.partition}:{found}"


def _with_defaults(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of every parameter; raises TemplateError for unknown and missing ones."""
    unknown = sorted(given.keys() - declared.keys())
    if unknown:
        raise TemplateError(f"the template has no parameter {', '.join(unknown)}")
    values: dict[str, Any] = {}
    for name, body in declared.items():
        value = given.get(name, body.get("Default"))
        if value is None:
            raise TemplateError(f"parameter {name} has no default: give it a value")
        text = _text(value)
        _check(name, body, text)
        is_list = body.get("Type", "").startswith(("CommaDelimitedList", "List<"))
        values[name] = [item.strip() for item in text.split(",")] if is_list else text
    return values


def _check(name: str, body: Mapping[str, Any], text: str) -> None:
    """Raise TemplateError for values that CloudFormation would refuse."""
    allowed = body.get("AllowedValues")
    pattern = body.get("AllowedPattern")
    # CloudFormation matches the pattern with each value of a list.
    is_list = body.get("Type") == "CommaDelimitedList"
    matched = [item.strip() for item in text.split(",")] if is_list else [text]
    wrong = (allowed is not None and text not in {_text(item) for item in allowed}) or (
        pattern is not None and any(re.fullmatch(pattern, item) is None for item in matched)
    )
    if body.get("Type") == "Number":
        try:
            number = float(text)
        except ValueError:
            raise TemplateError(f"parameter {name}: {text!r} is not a number") from None
        wrong |= number < float(body.get("MinValue", number))
        wrong |= number > float(body.get("MaxValue", number))
    if wrong:
        why = body.get("ConstraintDescription") or "the template does not allow this value"
        raise TemplateError(f"parameter {name}: {text!r}: {why}")


def _text(value: Any) -> str:
    """Return a scalar in CloudFormation's format."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return str(value)
