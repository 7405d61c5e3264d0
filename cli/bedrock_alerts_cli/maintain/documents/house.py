"""The rooms of the code and their imports, in the order of the contracts of `pyproject.toml`."""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import grimp

_PACKAGE = "bedrock_alerts"


def rooms(root: Path) -> str:
    """Draw the layers of the package, the highest first, and list what each imports."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    layers = next(
        contract["layers"]
        for contract in contracts["importlinter"]["contracts"]
        if contract.get("containers") == [_PACKAGE]
    )
    picture = "\n   │\n   ▼\n".join(f" {layer}" for layer in layers)
    lines = ["```text", picture, "```", "", "| room | what is in it | imports |", "|---|---|---|"]
    arrows = _arrows()
    for layer in layers:
        for room in layer.split(" | "):
            imported = ", ".join(f"`{one}`" for one in sorted(arrows[room])) or "-"
            lines.append(f"| `{room}` | {_meaning(root, room)} | {imported} |")
    return "\n".join(lines) + "\n"


def _arrows() -> dict[str, set[str]]:
    graph = grimp.build_graph(_PACKAGE)
    found: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            importer, other = _room(module), _room(imported)
            if importer and other and importer != other:
                found[importer].add(other)
    return found


def _room(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def _meaning(root: Path, room: str) -> str:
    return next(_sentences(root / "layers" / "shared" / _PACKAGE / room))


def _sentences(path: Path) -> Iterator[str]:
    """Yield the first line of a room's docstring."""
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if file.is_file():
            text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
            yield text.partition("\n")[0]
