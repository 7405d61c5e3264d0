"""Finds the references of a part of a template."""

from collections.abc import Iterator
from typing import Any


def references(node: Any) -> Iterator[str]:
    """Return every resource or parameter that a part of a template refers to."""
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
