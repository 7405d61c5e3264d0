"""Ways to ask a template's resources, as CloudFormation gets them."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from bedrock_alerts_cli import template as cfn

Resources: TypeAlias = dict[str, dict[str, Any]]


def of_type(resources: Resources, kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of all resources of a type, by their logical ids."""
    return {
        name: resource.get("Properties", {})
        for name, resource in resources.items()
        if resource["Type"] == kind
    }


def target(node: Any) -> str:
    """Name the one resource that a value refers to."""
    (name,) = {name for name in cfn.references(node) if not name.startswith("AWS::")}
    return name


def statements(resources: Resources) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every statement of roles' policies, with the logical id of role or policy."""
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        assert not role.get("ManagedPolicyArns"), f"{name} has permissions nobody wrote down"
        for policy in role["Policies"]:
            yield from ((name, statement) for statement in statements_of(policy))
    for name, policy in of_type(resources, "AWS::IAM::Policy").items():
        yield from ((name, statement) for statement in statements_of(policy))


def statements_of(policy: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the statements of a policy, those under a condition too."""
    for statement in policy["PolicyDocument"]["Statement"]:
        yield statement.get("Fn::If", [None, statement])[1]


def as_list(value: Any) -> list[Any]:
    """Return a value that may stand alone as a list."""
    return value if isinstance(value, list) else [value]
