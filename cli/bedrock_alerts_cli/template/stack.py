"""The project's template as it would be deployed, for the bill, tables and tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bedrock_alerts_cli.project import TEMPLATE
from bedrock_alerts_cli.template import resolver as deployed
from bedrock_alerts_cli.template.load import load
from bedrock_alerts_cli.template.references import references

NAME: Final = "bedrock-alerts"


class Stack:
    """A template with values for its parameters, defaults by default.

    Raises TemplateError for a value that CloudFormation would refuse.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, str] | None = None,
        name: str = NAME,
    ) -> None:
        self._template = template
        self._given = dict(parameters or {})
        self._resolver = deployed.Resolver(template, self._given, deployed.Stack(name))

    @classmethod
    def read(cls, path: Path = TEMPLATE, parameters: Mapping[str, str] | None = None) -> "Stack":
        """Read a template from a file."""
        return cls(load(path), parameters)

    def parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters, in the template's order."""
        return tuple(self._template["Parameters"])

    def parameter(self, name: str) -> str:
        """Return a parameter's value as text, empty if the template has no such parameter."""
        declared = self._template["Parameters"].get(name, {})
        return str(self._given.get(name, declared.get("Default", "")))

    def holds(self, condition: str) -> bool:
        """Return whether a condition is true."""
        return self._resolver.condition(condition)

    def has(self, resource: str) -> bool:
        """Return whether a resource is created."""
        condition = self._template["Resources"][resource].get("Condition")
        return condition is None or self.holds(condition)

    def value(self, node: Any) -> Any:
        """Resolve a part of the template."""
        return self._resolver.value(node)

    def resources(self, *kinds: str) -> dict[str, dict[str, Any]]:
        """Return the resolved properties of the created resources of these types."""
        return {
            resource.logical_id: dict(resource.properties)
            for resource in self._resolver.resources(*kinds)
        }

    def named(self, kind: str) -> list[str]:
        """Return the ids of all resources of a type, created or not."""
        return [
            name
            for name, resource in self._template["Resources"].items()
            if resource["Type"] == kind
        ]

    def switches(self, resource: str) -> set[str]:
        """Return the parameters that decide whether a resource is created."""
        condition = self._template["Resources"][resource].get("Condition")
        return set() if condition is None else self._looked_at(condition)

    def _looked_at(self, condition: str) -> set[str]:
        found: set[str] = set()
        pending: list[Any] = [self._template["Conditions"][condition]]
        while pending:
            node = pending.pop()
            found |= set(references(node))
            if isinstance(node, Mapping):
                if "Condition" in node:
                    found |= self._looked_at(node["Condition"])
                pending += node.values()
            elif isinstance(node, list):
                pending += node
        return found
