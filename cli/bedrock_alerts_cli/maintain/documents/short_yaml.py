"""CloudFormation as people write it: YAML with short intrinsics (`!Ref`, `!Sub`, `!If`)."""

import re
from typing import Any, Final

import yaml
from yaml.nodes import Node, ScalarNode

_WIDTH: Final = 100
# PyYAML quotes every text with a tag.
_QUOTED: Final = re.compile(r"(!(?:Ref|GetAtt|Condition)) '([A-Za-z0-9:.]+)'")
_SHORT: Final = 3
_SHORT_TEXT: Final = 30
_LONG_TEXT: Final = 70


def dump(node: Any, indent: int) -> str:
    """Write a part of a template, every line `indent` blanks from the left."""
    text = yaml.dump(
        node, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH - indent
    )
    text = _QUOTED.sub(r"\1 \2", text)
    blanks = " " * indent
    return "".join(f"{blanks}{line}\n" if line else "\n" for line in text.splitlines())


class _Dumper(yaml.SafeDumper):
    """Writes intrinsics short, and lists that are indented below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's signature
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _represent_mapping(dumper: yaml.SafeDumper, data: dict[str, Any]) -> Node:
    if len(data) == 1:
        ((name, value),) = data.items()
        if name == "Fn::GetAtt":
            return ScalarNode("!GetAtt", value if isinstance(value, str) else ".".join(value))
        if name in {"Ref", "Condition"} or name.startswith("Fn::"):
            tag = f"!{name.removeprefix('Fn::')}"
            if isinstance(value, str):
                return ScalarNode(tag, value, style=_sub_style(value) if tag == "!Sub" else None)
            node = dumper.represent_data(value)
            node.tag = tag
            return node
    node = dumper.represent_dict(data.items())
    # What fits is written on one line, like a dimension: { Name: Policy, Value: content }.
    node.flow_style = 1 < len(data) <= _SHORT and all(map(_is_short, data.values()))
    return node


def _sub_style(text: str) -> str:
    if len(text) > _LONG_TEXT:
        return "|" if "\n" in text else ">"
    return "'" if '"' in text else '"'


def _is_short(value: Any) -> bool:
    if isinstance(value, dict):
        return len(value) == 1 and isinstance(value.get("Ref"), str)
    return not isinstance(value, list) and len(str(value)) <= _SHORT_TEXT


def _represent_text(dumper: yaml.SafeDumper, data: str) -> Node:
    style = "|" if "\n" in data.strip("\n") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(data), style=style)


_Dumper.add_representer(dict, _represent_mapping)
_Dumper.add_multi_representer(dict, _represent_mapping)
_Dumper.add_representer(str, _represent_text)
_Dumper.add_multi_representer(str, _represent_text)
