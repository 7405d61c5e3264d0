"""The alarm catalogue: one file an alarm, under `alarms/`. Its keys are described in AlarmFile."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from bedrock_alerts_cli.template import parse

GROUPS: Final = ("guardrails", "calls", "money", "blind_spots", "pipeline")
Group = Literal["guardrails", "calls", "money", "blind_spots", "pipeline"]


class AlarmFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One alarm. `resource` holds the properties of its CloudFormation resource, as they are.

    `set` says with which AlarmSet it is made, `only_if` names a further condition of the template.
    `parameters` are declared with the first alarm that has them; a later one names them with null.
    """

    name: str
    kind: Literal["alarm", "composite", "rule", "budget"]
    group: Group
    severity: Literal["critical", "warning", "info"]
    about: str
    resource: Mapping[str, Any]
    set: Literal["essential", "all"] = "all"
    only_if: str = ""
    headline: str = ""
    unit: str = ""
    parameters: Mapping[str, Mapping[str, Any] | None] = {}
    next_steps: tuple[str, ...] = ()

    @property
    def logical_id(self) -> str:
        """The name of its resource in the template."""
        suffix = {"alarm": "Alarm", "composite": "Alarm", "rule": "Rule", "budget": ""}
        return f"{self.name}{suffix[self.kind]}"

    @property
    def switch(self) -> str:
        """The condition under which it is made."""
        return f"{self.name}On"


def read_catalogue(folder: Path) -> tuple[AlarmFile, ...]:
    """Read every file, by group and then by name. Raises ValueError, which names the file."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found.append(
                msgspec.convert(
                    {"name": path.stem, **parse(path.read_text(encoding="utf-8"))}, AlarmFile
                )
            )
        except msgspec.ValidationError as error:
            raise ValueError(f"{path.name}: {error}") from error
    return tuple(sorted(found, key=lambda alarm: (GROUPS.index(alarm.group), alarm.name)))
