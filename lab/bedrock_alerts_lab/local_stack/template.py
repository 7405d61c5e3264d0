"""A CloudFormation template as data, and what is left of it without some resources."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from samtranslator.yaml_helper import yaml_parse


def load(path: Path) -> dict[str, Any]:
    """Read a template; short intrinsics (`!Ref`) come out in their long form."""
    return parse(path.read_text())


def parse(text: str) -> dict[str, Any]:
    """Read a template's text; short intrinsics (`!Ref`) come out in their long form."""
    document = yaml_parse(text)
    return dict(document)


def dump(template: dict[str, Any]) -> str:
    """Write a template as YAML without short intrinsics."""
    return yaml.safe_dump(_plain(template), sort_keys=False, allow_unicode=True)


def types(template: dict[str, Any]) -> set[str]:
    """Name the types of a template's resources; custom ones are everybody's to make."""
    found = {resource["Type"] for resource in template["Resources"].values()}
    return {name for name in found if not name.startswith("Custom::")}


def math_alarms(template: dict[str, Any]) -> set[str]:
    """Name the alarms that watch an expression or a query in place of one metric."""
    return {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
    }


def without_types(
    template: dict[str, Any], types: Collection[str], names: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, str]]:
    """Leave out the resources of `types` and `names`, and whatever cannot do without one of those.

    Returns the smaller template and what was left out: logical id -> type.
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


def with_settled(template: dict[str, Any], conditions: Mapping[str, bool]) -> dict[str, Any]:
    """Put what holds and what does not in the place of conditions."""
    settled = {
        name: {"Fn::Equals": ["holds", "holds" if holds else "does not"]}
        for name, holds in conditions.items()
    }
    return {**template, "Conditions": {**template.get("Conditions", {}), **settled}}


def references(node: Any) -> Iterator[str]:
    """Name every resource or parameter that a part of a template refers to."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref" and isinstance(value, str):
                yield value
            elif key == "Fn::GetAtt":
                yield value.split(".")[0] if isinstance(value, str) else value[0]
            elif key == "Fn::Sub":
                yield from _substitutions(value)
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def _substitutions(value: Any) -> Iterator[str]:
    text, variables = value if isinstance(value, list) else (value, {})
    for part in text.split("${")[1:]:
        name = part.partition("}")[0].partition(".")[0]
        if name not in variables:
            yield name
    yield from references(list(variables.values()))


def _without_depends_on(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "DependsOn"}


def _kept_depends_on(resource: dict[str, Any], left_out: dict[str, str]) -> dict[str, Any]:
    depends = resource.get("DependsOn", [])
    names = [depends] if isinstance(depends, str) else list(depends)
    kept = [name for name in names if name not in left_out]
    smaller = _without_depends_on(resource)
    return {**smaller, "DependsOn": kept} if kept else smaller


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    return str(node) if isinstance(node, str) else node
