"""Reads a CloudFormation template, and writes it without short intrinsics (`!Ref`)."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from bedrock_alerts_cli.user_errors import TemplateError


def load(path: Path) -> Mapping[str, Any]:
    """Read a template, YAML or JSON; raises TemplateError if it is neither.

    An unchanged file is read once, because trying many parameters reads it many times.
    """
    try:
        stat = path.stat()
        return _load(path, (stat.st_mtime_ns, stat.st_size))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise TemplateError(f"{path} cannot be read: {error}") from error


@lru_cache(maxsize=4)
def _load(path: Path, _state: tuple[int, int]) -> Mapping[str, Any]:
    document = parse(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError(f"{path} is not a CloudFormation template: it has no Resources")
    return document


def parse(text: str) -> Any:
    """Read YAML, with short intrinsics in their long form. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader


def dump(template: Mapping[str, Any]) -> str:
    """Return a template as YAML without short intrinsics."""
    return yaml.safe_dump(_plain(template), sort_keys=False, allow_unicode=True)


class _Loader(yaml.SafeLoader):
    """A safe loader that knows the short intrinsics (`!Ref`)."""


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = str(value).split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type] # the third kind
    return {name: value}


_Loader.add_multi_constructor("!", _intrinsic)


def _plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    return str(node) if isinstance(node, str) else node
