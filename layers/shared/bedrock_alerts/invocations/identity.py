"""Reads principals and model ids from ARNs."""

import hashlib
import hmac
import re
from typing import Final, Literal, NamedTuple, TypeAlias

from bedrock_alerts.invocations.invocation import Modality
from bedrock_alerts.text import clean

UNKNOWN: Final = "unknown"
OTHER_VALUES: Final = "__other__"
"""The shared value for names beyond the limit; no caller has it."""

CallerDetail: TypeAlias = Literal["auto", "role", "session", "hashed"]
# IAM Identity Center makes these roles; the session is the name of the signed-in user.
# https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
_SSO_ROLE: Final = "AWSReservedSSO_"
# https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-how.html
_API_KEY_USER: Final = re.compile(r"arn:[a-z-]+:iam::\d*:user/(?:.*/)?BedrockAPIKey-")
_MAX_ID: Final = 256

GEOGRAPHIES: Final = frozenset({"us", "eu", "apac", "au", "jp", "ca", "in", "global", "us-gov"})
"""The geographies of system inference profiles.

AWS adds to them, so before a known vendor any word counts as one.
"""
_VENDORS: Final = frozenset(
    {
        "ai21", "amazon", "anthropic", "cohere", "deepseek", "google", "luma", "meta", "minimax",
        "mistral", "moonshot", "moonshotai", "nvidia", "openai", "qwen", "stability", "twelvelabs",
        "writer", "zai",
    }
)  # fmt: skip
_GEOGRAPHY: Final = re.compile(r"[a-z]{2,8}(?:-[a-z]{2,8})*")

# The text before the last "/" of an ARN whose last segment is an inference profile id.
_PROFILE_RESOURCES: Final = frozenset({"inference-profile", "application-inference-profile"})


# Parts of model names, for responses whose shape does not show what they are.
_MADE_BY: Final[tuple[tuple[re.Pattern[str], Modality], ...]] = (
    (re.compile(r"embed"), "embedding"),
    (re.compile(r"canvas|image|(?:^|\.)stability\.|\.sd3"), "image"),
    (re.compile(r"nova-reel|(?:^|\.)luma\.ray"), "video"),
    (re.compile(r"sonic"), "audio"),
    (re.compile(r"pegasus"), "text"),
)


_NAMED_BY_AWS: Final = frozenset({"foundation-model", "inference-profile"})


class ModelRef(NamedTuple):
    """The model behind a record's `modelId`, and the inference profile the call went through."""

    model: str
    inference_profile: str | None


def model_ref(model_id: str) -> ModelRef:
    """Split a model id into model and inference profile, for bare ids, profile ids and all ARNs.

    The id of an application inference profile, a provisioned, custom or imported model does not
    show the model behind it, and is used as the model.
    """
    resource, _, last = model_id.rpartition("/")
    kind = resource.rpartition(":")[2] if model_id.startswith("arn:") else ""
    called = clean(last, _MAX_ID) or UNKNOWN
    if kind == "application-inference-profile":
        return ModelRef(called, called)
    model = without_geography(called)
    is_profile = model != called or kind in _PROFILE_RESOURCES
    return ModelRef(model, called if is_profile else None)


def without_geography(called: str) -> str:
    """Remove the geography that a system inference profile puts before the model's id."""
    geography, dot, rest = called.partition(".")
    if not dot or "." not in rest or not _GEOGRAPHY.fullmatch(geography):
        return called
    is_geography = geography in GEOGRAPHIES or (
        geography not in _VENDORS and rest.partition(".")[0] in _VENDORS
    )
    return rest if is_geography else called


def made_by(model_id: str) -> Modality | None:
    """Return the modality of a model's output by its name, None if the name does not say it.

    Names that a user chooses, as of endpoints and custom models, say nothing.
    """
    resource, _, name = model_id.rpartition("/")
    if resource and resource.rpartition(":")[2] not in _NAMED_BY_AWS:
        return None
    return next((modality for part, modality in _MADE_BY if part.search(name)), None)


class Naming(NamedTuple):
    """How callers are named. `key` belongs to one stack: without it a hash could be looked up."""

    detail: CallerDetail = "auto"
    key: str = ""


AUTO: Final = Naming()


def principal_of(arn: str, naming: Naming = AUTO) -> str:
    """Return a short, stable caller name: a role without its session, else kind and name.

    `…:assumed-role/search-app/alice` is `search-app`, `…:user/batch` is `user/batch`. Role names
    hold no slash, so the two cannot meet. By default, the session is used for IAM Identity Center
    roles, which many people share. `session` adds it to every role, `role` to none; `hashed`
    replaces the default name by a code.
    """
    if naming.detail == "hashed":
        plain = principal_of(arn).encode()
        return f"caller-{hmac.new(naming.key.encode(), plain, hashlib.sha256).hexdigest()[:16]}"
    if not arn.startswith("arn:"):
        return arn[:_MAX_ID] or UNKNOWN
    kind, _, path = arn.split(":", 5)[-1].partition("/")
    if kind == "assumed-role":
        name = _of_role(path, naming.detail)
    else:
        name = path.rpartition("/")[2]
        if kind != "role":
            name = f"{kind}/{name}" if name else kind
    name = name[:_MAX_ID] or UNKNOWN
    return f"role/{name}" if name == OTHER_VALUES else name


def _of_role(path: str, detail: CallerDetail) -> str:
    role, _, session = path.partition("/")
    if detail == "session" and session:
        return path
    is_of_person = detail == "auto" and role.startswith(_SSO_ROLE)
    return session if is_of_person and session else role


def is_api_key(arn: str) -> bool:
    """Whether the caller is a user that Bedrock created for a long-term API key."""
    return _API_KEY_USER.match(arn) is not None
