"""Reads a file of application inference profiles: one or several answers of AWS, or a mapping."""

from typing import Any, Final

import msgspec

from bedrock_alerts.invocations.profiles import ListedProfiles
from bedrock_alerts_cli.logs.log_json import loaded, values

_EXPECTED: Final = (
    'expected is JSON {"ID": "MODEL"}, or what `aws bedrock get-inference-profile` or'
    " `list-inference-profiles` prints, once or several times"
)


class _Model(msgspec.Struct, rename="camel"):
    model_arn: str


class _Answer(msgspec.Struct, rename="camel"):
    """What AWS says of a profile, as far as it must be there."""

    inference_profile_id: str
    models: list[_Model]


def read_profiles(text: bytes) -> ListedProfiles:
    """Read a file of profiles. Raises ValueError, which says what is expected."""
    answers: list[Any] = []
    models: dict[str, str] = {}
    try:
        for document in map(loaded, values(text)):
            found = msgspec.convert(document, dict[str, Any])
            if "inferenceProfileSummaries" in found:
                answers += msgspec.convert(found["inferenceProfileSummaries"], list[Any])
            elif "models" in found:
                answers.append(found)
            else:
                models |= msgspec.convert(found, dict[str, str])
        msgspec.convert(answers, list[_Answer])
    except msgspec.ValidationError as error:
        raise ValueError(f"{_EXPECTED} ({error})") from error
    if bool(answers) == bool(models):
        raise ValueError(f"{_EXPECTED}, not both" if answers else f"names no profile; {_EXPECTED}")
    listed = {"inferenceProfileSummaries": answers} if answers else models
    return ListedProfiles(msgspec.json.encode(listed))
