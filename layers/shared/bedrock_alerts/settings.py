"""Settings of each function: environment variables, read once, checked and typed.

Every settings class lists exactly the variables its function gets from `template.yaml`; a test
compares the two.
"""

import os
from collections.abc import Mapping
from typing import Any, Final, TypeVar, get_origin

import msgspec

from bedrock_alerts.errors import SettingsError

Text: Final = msgspec.Meta(min_length=1)
SettingsT = TypeVar("SettingsT", bound=msgspec.Struct)


def load(kind: type[SettingsT], environment: Mapping[str, str] | None = None) -> SettingsT:
    """Read the variables that `kind` names, from the process's environment by default.

    Raises SettingsError with the variable and the form it needs.
    """
    source = os.environ if environment is None else environment
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        text = source.get(field.encode_name, "")
        if text:
            is_list = get_origin(field.type) is tuple
            given[field.encode_name] = text.split(",") if is_list else text
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{kind.__name__}: {error}") from error
