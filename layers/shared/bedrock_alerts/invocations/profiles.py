"""Application inference profiles: the model of each, and the id that it is priced by.

A record holds only the profile's opaque id. `bedrock:GetInferenceProfile` says which models it may
run, each in a Region, but not what it was made from; the set of Regions shows it. Source: the
service model of `bedrock`, and "Increase throughput with cross-Region inference" in the user guide.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from bedrock_alerts.invocations.identity import made_by, model_ref, without_geography
from bedrock_alerts.invocations.invocation import Invocation
from bedrock_alerts.text import clean

_MAX_NAME: Final = 64
_MODEL_ARN: Final = re.compile(
    r"arn:[a-z-]+:bedrock:(?P<region>[a-z0-9-]*):\d*:foundation-model/(?P<model>[^\s/]{1,200})"
)
# The geographies of cross-Region profiles, the narrower first: a set of Regions may be in two.
_GEOGRAPHIES: Final = (
    ("us-gov", re.compile(r"us-gov-")),
    ("us", re.compile(r"us-(?!gov)")),
    ("eu", re.compile(r"eu-")),
    ("jp", re.compile(r"ap-northeast-[13]")),
    ("in", re.compile(r"ap-south-[12]")),
    ("au", re.compile(r"ap-southeast-[24]")),
    ("apac", re.compile(r"ap-")),
    ("ca", re.compile(r"(?:ca|us)-")),
)


# No AWS profile begins like this: the price is looked up without it, and is approximate.
_NO_GEOGRAPHY: Final = "mixed"


class Profile(NamedTuple):
    """A profile: its model, and the id that the model is priced by.

    `name` is the application: the value of the chosen tag, or the profile's own name.
    """

    name: str
    model: str
    priced_as: str


class Profiles(Protocol):
    """Looks up application inference profiles."""

    def profile(self, arn: str, *, ask: bool) -> Profile | None:
        """Return a profile by its ARN, None if unknown.

        Never raises. Without `ask`, only stored profiles are returned.
        """


def read_profile(answer: Mapping[str, Any]) -> Profile | None:
    """Read the response of GetInferenceProfile; None if it names no foundation model."""
    found = [
        match
        for model in answer.get("models") or ()
        if (match := _MODEL_ARN.fullmatch(str(model.get("modelArn"))))
    ]
    models = {match["model"] for match in found}
    if len(models) != 1:
        return None
    (model,) = models
    geography = _geography({match["region"] for match in found})
    name = application_of(answer.get("inferenceProfileName"))
    return Profile(name, model, f"{geography}.{model}" if geography else model)


def application_of(text: object) -> str:
    """Return the name of an application, made harmless and at most 64 characters long."""
    return clean(str(text or ""), _MAX_NAME)


def _geography(regions: set[str]) -> str:
    """Return the prefix of the model's id in the price list, empty for a single Region."""
    if "" in regions:
        return "global"
    if len(regions) == 1:
        return ""
    fitting = [name for name, one in _GEOGRAPHIES if all(one.match(region) for region in regions)]
    return fitting[0] if fitting else _NO_GEOGRAPHY


def is_opaque(call: Invocation) -> bool:
    """Whether a call went through an application inference profile, which hides the model."""
    return call.inference_profile is not None and call.inference_profile == call.model


def resolved(call: Invocation, profiles: Profiles) -> Invocation:
    """Return a call through a profile with its model, if that is known."""
    # A refused call costs nothing, and may name any profile.
    profile = profiles.profile(call.model_id, ask=call.billing.counts != "refused")
    if profile is None:
        return call
    modality = call.modality
    if call.body != "inline":  # only its name shows it
        modality = made_by(profile.model) or modality
    return msgspec.structs.replace(
        call,
        model=profile.model,
        priced_as=profile.priced_as,
        application=profile.name,
        modality=modality,
    )


class ListedProfiles:
    """Profiles from a user's file: ids or ARNs with the model, or AWS's responses."""

    def __init__(self, text: bytes) -> None:
        """Read JSON: `{"ID": "MODEL"}`, or responses of Get- or ListInferenceProfiles.

        Raises ValueError.
        """
        document = msgspec.json.decode(text, type=dict[str, Any])
        self._profiles = dict(_listed(document))
        if not self._profiles:
            raise ValueError("names no profile")

    def profile(self, arn: str, *, ask: bool = True) -> Profile | None:
        """Return a profile by its ARN, or by the id at its end."""
        del ask
        return self._profiles.get(arn) or self._profiles.get(arn.rpartition("/")[2])


def _listed(document: Mapping[str, Any]) -> Iterator[tuple[str, Profile]]:
    answers = document.get("inferenceProfileSummaries")
    if answers is None and "models" in document:
        answers = [document]
    if answers is not None:
        for answer in answers:
            profile = read_profile(answer)
            if profile is not None:
                yield str(answer.get("inferenceProfileId")), profile
        return
    for arn, model in msgspec.convert(document, dict[str, str]).items():
        priced_as = model_ref(model).inference_profile or model
        yield arn.rpartition("/")[2], Profile("", without_geography(priced_as), priced_as)
