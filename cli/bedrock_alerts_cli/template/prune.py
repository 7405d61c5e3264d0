"""Removes resources from a template."""

from collections.abc import Collection, Mapping
from typing import Any

from bedrock_alerts_cli.template.references import references


def types(template: Mapping[str, Any]) -> set[str]:
    """Return the types of a template's resources, without custom resources."""
    found = {resource["Type"] for resource in template["Resources"].values()}
    return {name for name in found if not name.startswith("Custom::")}


def math_alarms(template: Mapping[str, Any]) -> set[str]:
    """Return the alarms on an expression or a query instead of one metric."""
    return {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
    }


def without_types(
    template: Mapping[str, Any], types: Collection[str], names: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, str]]:
    """Remove the resources of `types` and `names`, and those that depend on them.

    Returns the smaller template and the removed resources: logical id -> type.
    """
    resources: dict[str, Any] = dict(template["Resources"])
    left_out: dict[str, str] = {}
    doomed = {
        name
        for name, resource in resources.items()
        if resource.get("Type") in types or name in names
    }
    while doomed:
        for name in doomed:
            left_out[name] = resources.pop(name)["Type"]
        doomed = {
            name
            for name, resource in resources.items()
            if any(target in left_out for target in references(_without_depends_on(resource)))
        }
    for name, resource in resources.items():
        resources[name] = _kept_depends_on(resource, left_out)
    outputs = {
        name: output
        for name, output in template.get("Outputs", {}).items()
        if not any(target in left_out for target in references(output))
    }
    return {**template, "Resources": resources, "Outputs": outputs}, left_out


def with_settled(template: Mapping[str, Any], conditions: Mapping[str, bool]) -> dict[str, Any]:
    """Replace conditions by their results."""
    settled = {
        name: {"Fn::Equals": ["holds", "holds" if holds else "does not"]}
        for name, holds in conditions.items()
    }
    return {**template, "Conditions": {**template.get("Conditions", {}), **settled}}


def _without_depends_on(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "DependsOn"}


def _kept_depends_on(resource: dict[str, Any], left_out: dict[str, str]) -> dict[str, Any]:
    depends = resource.get("DependsOn", [])
    names = [depends] if isinstance(depends, str) else list(depends)
    kept = [name for name in names if name not in left_out]
    smaller = _without_depends_on(resource)
    return {**smaller, "DependsOn": kept} if kept else smaller
