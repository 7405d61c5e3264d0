"""What CloudFormation makes of the template: parameters, conditions and intrinsic functions."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from bedrock_alerts_lab.errors import InputError
from bedrock_alerts_lab.local_stack.template import load

TEMPLATE: Final = Path(__file__).resolve().parents[2] / "template.yaml"
_NO_VALUE: Final = object()
_VARIABLE: Final = re.compile(r"\$\{(!?)([^}]*)\}")


class Stack:
    """A template with values for its parameters; the defaults stand where none is given.

    A resource stands for its logical id, an attribute of it for `ID.Attribute`, and its ARN for one
    in the made-up account. Raises InputError at a parameter that the template does not have.
    """

    def __init__(
        self, template: Mapping[str, Any], parameters: Mapping[str, str] | None = None
    ) -> None:
        self._template = template
        self._conditions: dict[str, bool] = {}
        self._values: dict[str, Any] = {
            name: parameter.get("Default", "")
            for name, parameter in template.get("Parameters", {}).items()
        }
        for name, value in (parameters or {}).items():
            if name not in self._values:
                raise InputError(f"the template has no parameter {name}")
            self._values[name] = value
        self._pseudo: dict[str, Any] = {
            "AWS::StackName": "bedrock-alerts",
            "AWS::Region": "us-east-1",
            "AWS::AccountId": "111122223333",
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": _NO_VALUE,
        }
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.holds,
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._substituted,
            "Fn::If": self._chosen,
            "Fn::Join": lambda given: str(given[0]).join(map(str, self.value(given[1]))),
            "Fn::Select": lambda given: self.value(given[1])[int(self.value(given[0]))],
            "Fn::Split": lambda given: str(self.value(given[1])).split(given[0]),
            "Fn::Equals": lambda given: str(self.value(given[0])) == str(self.value(given[1])),
            "Fn::Not": lambda given: not self.value(given[0]),
            "Fn::And": lambda given: all(self.value(one) for one in given),
            "Fn::Or": lambda given: any(self.value(one) for one in given),
        }

    @classmethod
    def read(cls, path: Path = TEMPLATE, parameters: Mapping[str, str] | None = None) -> "Stack":
        """Read a template from a file."""
        return cls(load(path), parameters)

    def parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters, in the template's order."""
        return tuple(self._values)

    def parameter(self, name: str) -> str:
        """Return a parameter's value as text, empty if the template has no such parameter."""
        return str(self._values.get(name, ""))

    def holds(self, condition: str) -> bool:
        """Tell whether a condition holds."""
        if condition not in self._conditions:
            self._conditions[condition] = bool(self.value(self._template["Conditions"][condition]))
        return self._conditions[condition]

    def has(self, resource: str) -> bool:
        """Tell whether a resource is made."""
        condition = self._template["Resources"][resource].get("Condition")
        return condition is None or self.holds(condition)

    def switches(self, resource: str) -> set[str]:
        """Name the parameters that decide whether a resource is made."""
        condition = self._template["Resources"][resource].get("Condition")
        return set() if condition is None else self._looked_at(condition)

    def named(self, kind: str) -> list[str]:
        """Return the ids of all resources of a type, made or not."""
        return [
            name
            for name, resource in self._template["Resources"].items()
            if resource["Type"] == kind
        ]

    def resources(self, *kinds: str) -> dict[str, dict[str, Any]]:
        """Return the resolved properties of the resources that are made, of these types."""
        return {
            name: self.value(resource.get("Properties", {}))
            for name, resource in self._template["Resources"].items()
            if resource["Type"] in kinds and self.has(name)
        }

    def value(self, node: Any) -> Any:
        """Resolve a part of the template."""
        if isinstance(node, Mapping):
            if len(node) == 1:
                ((name, given),) = node.items()
                if name in self._functions:
                    return self._functions[name](given)
            resolved = {name: self.value(part) for name, part in node.items()}
            return {name: part for name, part in resolved.items() if part is not _NO_VALUE}
        if isinstance(node, list):
            return [part for part in map(self.value, node) if part is not _NO_VALUE]
        return node

    def _looked_at(self, condition: str) -> set[str]:
        found: set[str] = set()
        pending: list[Any] = [self._template["Conditions"][condition]]
        while pending:
            node = pending.pop()
            if isinstance(node, Mapping):
                found |= {node["Ref"]} if "Ref" in node else set()
                if "Condition" in node:
                    found |= self._looked_at(node["Condition"])
                pending += node.values()
            elif isinstance(node, list):
                pending += node
        return found

    def _ref(self, name: str) -> Any:
        if name in self._pseudo:
            return self._pseudo[name]
        return self._values.get(name, name)

    def _attribute(self, given: str | list[str]) -> str:
        name, _, attribute = (given if isinstance(given, str) else ".".join(given)).partition(".")
        if attribute != "Arn":
            return f"{name}.{attribute}"
        return f"arn:aws:example:us-east-1:111122223333:{name}"

    def _substituted(self, given: str | list[Any]) -> str:
        text, variables = (given, {}) if isinstance(given, str) else given

        def replaced(match: re.Match[str]) -> str:
            is_literal, name = match[1], match[2]
            if is_literal:
                return f"${{{name}}}"
            if name in variables:
                return str(self.value(variables[name]))
            return str(self._attribute(name) if "." in name else self._ref(name))

        return _VARIABLE.sub(replaced, text)

    def _chosen(self, given: list[Any]) -> Any:
        condition, then, otherwise = given
        return self.value(then if self.holds(condition) else otherwise)
