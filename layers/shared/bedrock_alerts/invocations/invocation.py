"""The types of flow 1: invocations, their usage, and the guardrail results.

No type here has a field for a prompt, a completion, a matched text or a withheld response, so
parsing a record drops its content.
"""

from typing import Annotated, Final, Literal, TypeAlias, final

import msgspec

Action: TypeAlias = Literal["BLOCKED", "ANONYMIZED", "NONE", "OTHER"]
Body: TypeAlias = Literal["inline", "offloaded", "absent"]
Modality: TypeAlias = Literal["text", "image", "embedding", "audio", "video", "unknown"]
Priced: TypeAlias = Literal["exact", "approximate", "unpriced"]
Source: TypeAlias = Literal["input", "output"]
Status: TypeAlias = Literal["ok", "error"]
Verdict: TypeAlias = Literal["none", "clean", "detected", "masked", "blocked", "unexplained"]


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one call, as the record counts them: `input_tokens` excludes the cache's."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


UNKNOWN_TIER: Final = "unknown"
Counts: TypeAlias = Literal["present", "missing", "refused", "blocked", "no-cache"]


class Billing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the price depends on, besides model, Region and `Usage`.

    `cache_write_1h_tokens` is the part of `Usage.cache_write_tokens` kept for an hour; the rest is
    kept for five minutes. It is None if only the body says it, and the body was not read.
    `service_tier` and `latency_mode` are Bedrock's own words (`default priority flex reserved`,
    `standard optimized`), None if not in the record. The tier is UNKNOWN_TIER if a body that was
    not logged may name one. `counts` says whether the record counts the usage: it is `missing` if
    nothing of what is charged is counted, `refused` or `blocked` if a failed call, or one that a
    guardrail blocked, has used nothing, and `no-cache` if the cache's tokens may be in a body that
    was not read.
    """

    cache_write_1h_tokens: int | None = 0
    images: int = 0
    service_tier: str | None = None
    latency_mode: str | None = None
    counts: Counts = "present"


_Units: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=10**9)]
_UNIT_KEYS: Final = {
    "topic": "topicPolicyUnits",
    "content": "contentPolicyUnits",
    "content_image": "contentPolicyImageUnits",
    "word": "wordPolicyUnits",
    "sensitive_information": "sensitiveInformationPolicyUnits",
    "sensitive_information_free": "sensitiveInformationPolicyFreeUnits",
    "contextual_grounding": "contextualGroundingPolicyUnits",
    "automated_reasoning": "automatedReasoningPolicyUnits",
}


class GuardrailUnits(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename=_UNIT_KEYS):
    """Text units (images for `content_image`) that a guardrail has used, by policy.

    From `invocationMetrics.usage` of every assessment in the record, added up.
    """

    topic: _Units = 0
    content: _Units = 0
    content_image: _Units = 0
    word: _Units = 0
    sensitive_information: _Units = 0
    sensitive_information_free: _Units = 0
    contextual_grounding: _Units = 0
    automated_reasoning: _Units = 0

    def charged(self) -> int:
        """Return the number of charged units: words and free units are not charged.

        https://aws.amazon.com/bedrock/pricing/
        """
        return (
            self.topic
            + self.content
            + self.content_image
            + self.sensitive_information
            + self.contextual_grounding
            + self.automated_reasoning
        )


class Hit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One policy item that a guardrail acted on, or would have (action `NONE`)."""

    guardrail_id: str
    guardrail_version: str | None
    policy: str
    category: str
    action: Action
    source: Source
    confidence: str | None


class GuardrailResult(msgspec.Struct, frozen=True, gc=False):
    """What the guardrails of one call found, all of them together."""

    verdict: Verdict
    ids: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = ()
    latency_ms: int | None = None
    units: GuardrailUnits | None = None


@final  # so that comparing types distinguishes it
class Invocation(msgspec.Struct, frozen=True, gc=False):
    """One call of a model: who, which model, outcome, usage, guardrail result.

    `epoch` is `timestamp` in seconds since 1970. `model_id` is what the record says (a bare id, a
    profile id or an ARN), `model` the foundation model's id if it is known, and `inference_profile`
    the id of the profile the call went through. `body` is about the output, which has the guardrail
    results. It is `inline` if the output was read, from the record or from S3, and `offloaded` if
    it is in S3 and was not read. `is_api_key` says that the caller is a user that Bedrock has made
    for a long-term API key. The model of an application inference profile is in `model` and
    `priced_as` after a look-up, its name in `application`. `metadata` are the names and values of
    the request's metadata.

    Records of one call are equal, whatever their event ids; records with the same request id that
    differ stay separate.
    """

    request_id: str
    timestamp: str
    epoch: float
    account_id: str
    region: str
    operation: str
    model_id: str
    model: str
    inference_profile: str | None
    principal: str
    principal_arn: str
    status: Status
    error_code: str | None
    stop_reason: str | None
    usage: Usage
    billing: Billing
    modality: Modality
    latency_ms: int | None
    first_byte_ms: int | None
    guardrail: GuardrailResult
    body: Body
    metadata: tuple[tuple[str, str], ...]
    is_api_key: bool = False
    priced_as: str = ""
    application: str = ""

    @property
    def called_id(self) -> str:
        """The id that was called, as the `ModelId` dimension of `AWS/Bedrock` shows it."""
        return self.inference_profile or self.model

    def application_by(self, key: str | None) -> str:
        """Return the application: what the metadata has under `key`, else the profile's name."""
        named = dict(self.metadata).get(key) if key else None
        return named or self.application


PICODOLLARS: Final = 10**12  # to the dollar


class Cost(msgspec.Struct, frozen=True, gc=False):
    """The cost of one call, in whole pico-dollars (1e-12 USD), so that sums stay exact.

    `model_picodollars` is None when the call is unpriced: an unknown price is never zero.
    `fallback` names the price used instead when `priced` is `approximate`. `is_listed` is False if
    the list does not have the id that was called: callers can invent ids of calls that fail.
    """

    model_picodollars: int | None
    guardrail_picodollars: int
    priced: Priced
    fallback: str | None = None
    is_listed: bool = True


PricedCall: TypeAlias = tuple[Invocation, Cost]


class Rejected(msgspec.Struct, frozen=True):
    """A line that should have been a record and could not be read."""

    reason: str
    where: str


class Skipped(msgspec.Struct, frozen=True):
    """A line or batch that is not about invocations: a control message, another kind of record."""

    reason: str
    where: str
