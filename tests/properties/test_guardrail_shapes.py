"""Every hit that Bedrock reports comes out, and no other, whatever form the log gives it."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from botocore.model import ListShape, StructureShape
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.invocations import guardrail_trace as extract
from bedrock_alerts.invocations.invocation import Billing, GuardrailUnits, Hit, Invocation, Usage
from bedrock_alerts.invocations.parse import parse
from tests.properties.shapes import enum, structure, values
from tests.records import (
    GUARDRAIL,
    OTHER_GUARDRAIL,
    Json,
    anthropic,
    anthropic_chunks,
    chat_chunks,
    converse,
    converse_trace,
    invoke,
    nova_chunks,
    stream,
    titan_chunks,
)

# What the model of the service knows today. A name that is new there fails the tests below, and
# has to be looked at, given a policy of its own in extract.py, and written down here.
ITEM_LISTS: Final = {
    ("topicPolicy", "topics"): "topic",
    ("contentPolicy", "filters"): "content",
    ("wordPolicy", "customWords"): "word",
    ("wordPolicy", "managedWordLists"): "word",
    ("sensitiveInformationPolicy", "piiEntities"): "sensitive_information",
    ("sensitiveInformationPolicy", "regexes"): "sensitive_information",
    ("contextualGroundingPolicy", "filters"): "contextual_grounding",
    ("automatedReasoningPolicy", "findings"): "automated_reasoning",
}
ITEM_FIELDS: Final = {
    "topics": {"name", "type", "action", "detected"},
    "customWords": {"match", "action", "detected"},
    "managedWordLists": {"match", "type", "action", "detected"},
    "piiEntities": {"match", "type", "action", "detected"},
    "regexes": {"name", "match", "regex", "action", "detected"},
    "contentPolicy filters": {"type", "confidence", "filterStrength", "action", "detected"},
    "contextualGroundingPolicy filters": {"type", "threshold", "score", "action", "detected"},
}
FINDINGS: Final = {
    "valid": False,
    "noTranslations": False,
    "invalid": True,
    "satisfiable": True,
    "impossible": True,
    "translationAmbiguous": True,
    "tooComplex": True,
}
UNITS: Final = {
    "topicPolicyUnits": "topic",
    "contentPolicyUnits": "content",
    "contentPolicyImageUnits": "content_image",
    "wordPolicyUnits": "word",
    "sensitiveInformationPolicyUnits": "sensitive_information",
    "sensitiveInformationPolicyFreeUnits": "sensitive_information_free",
    "contextualGroundingPolicyUnits": "contextual_grounding",
    "automatedReasoningPolicyUnits": "automated_reasoning",
    "automatedReasoningPolicies": None,  # a number of policies, not of units
}
NO_POLICIES: Final = {"invocationMetrics", "appliedGuardrailDetails"}


# --- What the service model knows, extract.py knows ---------------------------------------------


def item_lists() -> Iterator[tuple[str, str, StructureShape]]:
    """Yield policy key, list key and the shape of the items, as the service model has them."""
    for policy_key, policy in structure("GuardrailAssessment").members.items():
        if policy_key not in NO_POLICIES:
            assert isinstance(policy, StructureShape)
            for list_key, items in policy.members.items():
                assert isinstance(items, ListShape)
                assert isinstance(items.member, StructureShape)
                yield policy_key, list_key, items.member


def test_every_policy_and_list_of_the_service_model_is_read() -> None:
    modelled = {(policy, items) for policy, items, _ in item_lists()}
    read = {place: policy for place, (policy, _) in extract._ITEMS.items()}  # noqa: SLF001
    assert modelled == set(ITEM_LISTS)
    assert read == ITEM_LISTS


def test_every_field_of_an_item_is_known() -> None:
    for policy, items, item in item_lists():
        if items == "findings":
            assert set(item.members) == set(FINDINGS)
        else:
            known = ITEM_FIELDS.get(items) or ITEM_FIELDS[f"{policy} {items}"]
            assert set(item.members) == known


def test_every_action_of_the_service_model_is_known() -> None:
    modelled = {
        action
        for _, _, item in item_lists()
        if "action" in item.members
        for action in enum(item.members["action"].name)
    }
    assert modelled == set(extract._ACTIONS)  # noqa: SLF001


def test_every_unit_of_the_service_model_is_counted() -> None:
    assert set(structure("GuardrailUsage").members) == set(UNITS)
    assert {key: name for key, name in UNITS.items() if name} == extract._UNITS  # noqa: SLF001
    assert sorted(extract._UNITS.values()) == sorted(GuardrailUnits.__struct_fields__)  # noqa: SLF001


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("GuardrailTraceAssessment",
            {"modelOutput", "inputAssessment", "outputAssessments", "actionReason"}),
        ("GuardrailInvocationMetrics",
            {"guardrailProcessingLatency", "usage", "guardrailCoverage"}),
        ("ConverseTrace", {"guardrail", "promptRouter"}),
        ("ConverseMetrics", {"latencyMs"}),
        ("ConverseResponse", {"output", "stopReason", "usage", "metrics", "trace",
            "additionalModelResponseFields", "performanceConfig", "serviceTier"}),
        ("TokenUsage", {"inputTokens", "outputTokens", "totalTokens", "cacheReadInputTokens",
            "cacheWriteInputTokens", "cacheDetails"}),
    ],
)  # fmt: skip
def test_what_is_read_has_no_member_that_nobody_looked_at(name: str, members: set[str]) -> None:
    assert set(structure(name).members) == members


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CacheTTL", {"5m", "1h"}),
        ("ServiceTierType", {"default", "priority", "flex", "reserved"}),
        ("PerformanceConfigLatency", {"standard", "optimized"}),
        ("GuardrailAction", {"NONE", "GUARDRAIL_INTERVENED"}),
        ("GuardrailContentFilterConfidence", {"NONE", "LOW", "MEDIUM", "HIGH"}),
        ("StopReason", {"end_turn", "tool_use", "max_tokens", "stop_sequence",
            "guardrail_intervened", "content_filtered", "malformed_model_output",
            "malformed_tool_use", "model_context_window_exceeded"}),
    ],
)  # fmt: skip
def test_words_that_decide_something_are_those_of_the_service_model(
    name: str, words: set[str]
) -> None:
    assert set(enum(name)) == words


@pytest.mark.parametrize(
    ("policy_key", "list_key", "word"),
    [
        (policy_key, list_key, word)
        for policy_key, list_key, item in item_lists()
        if "type" in item.members and list_key != "topics"
        for word in enum(item.members["type"].name)
    ],
)
def test_every_type_of_the_service_model_is_a_category(
    policy_key: str, list_key: str, word: str
) -> None:
    items = [{"type": word, "action": "BLOCKED", "match": "x"}]
    found = read(converse(trace=converse_trace({policy_key: {list_key: items}})))
    assert [(hit.policy, hit.category) for hit in found.guardrail.hits] == [
        (ITEM_LISTS[policy_key, list_key], word)
    ]


# --- What goes in comes out ---------------------------------------------------------------------


def read(document: Json) -> Invocation:
    outcome = parse(json.dumps(document))
    assert isinstance(outcome, Invocation), outcome
    return outcome


def is_hit(policy: str, item: Json) -> bool:
    """Say by the written rules whether an item is a hit."""
    if policy == "automated_reasoning":
        return any(FINDINGS[kind] for kind in item)
    if item["action"] != "NONE":
        return True
    if "detected" in item:
        return bool(item["detected"])
    if policy == "content":
        return bool(item["confidence"] != "NONE")
    if policy == "contextual_grounding":
        return bool(item["score"] < item["threshold"])
    return True


def category(list_key: str, item: Json) -> str:
    if list_key == "findings":
        return next(iter(item))
    if list_key == "customWords":
        return "CUSTOM"
    if list_key == "regexes":
        return str(item.get("name", "")).strip() or "REGEX"
    return str(item["name" if list_key == "topics" else "type"]).strip() or "OTHER"


def hits_of(guardrail_id: str, assessment: Json, source: Any) -> Iterator[Hit]:
    details = assessment.get("appliedGuardrailDetails", {})
    for (policy_key, list_key), policy in ITEM_LISTS.items():
        for item in assessment.get(policy_key, {}).get(list_key, []):
            if is_hit(policy, item):
                yield Hit(
                    guardrail_id=guardrail_id,
                    guardrail_version=details.get("guardrailVersion") or None,
                    policy=policy,
                    category=category(list_key, item),
                    action=item.get("action", "NONE"),
                    source=source,
                    confidence=item.get("confidence"),
                )


class Findings:
    """What the guardrails of one call report, before it is put into a form."""

    def __init__(
        self, given: dict[str, Json], answered: dict[str, list[Json]], *, flagged: bool
    ) -> None:
        self.given = given
        self.answered = answered
        self.flagged = flagged

    def __repr__(self) -> str:
        return f"given={self.given!r} answered={self.answered!r} flagged={self.flagged}"

    @property
    def assessments(self) -> list[tuple[str, Json, str]]:
        return [
            *((name, one, "input") for name, one in self.given.items()),
            *((name, one, "output") for name, many in self.answered.items() for one in many),
        ]

    @property
    def hits(self) -> Counter[Hit]:
        return Counter(hit for found in self.assessments for hit in hits_of(*found))

    @property
    def units(self) -> dict[str, int]:
        units: Counter[str] = Counter()
        for _, assessment, _ in self.assessments:
            for key, amount in assessment.get("invocationMetrics", {}).get("usage", {}).items():
                name = UNITS[key]
                if name:
                    units[name] += amount
        return {name: amount for name, amount in units.items() if amount}

    @property
    def verdict(self) -> str:
        actions = {hit.action for hit in self.hits}
        if "BLOCKED" in actions:
            return "blocked"
        if "ANONYMIZED" in actions:
            return "masked"
        if self.flagged:
            return "unexplained"
        if actions:
            return "detected"
        return "clean" if self.assessments else "none"


_ASSESSMENTS: Final = values("GuardrailAssessment")
_NAMES: Final = st.sampled_from([GUARDRAIL, OTHER_GUARDRAIL, "gr0example3"])
FOUND: Final = st.builds(
    Findings,
    st.dictionaries(_NAMES, _ASSESSMENTS, max_size=2),
    st.dictionaries(_NAMES, st.lists(_ASSESSMENTS, min_size=1, max_size=2), max_size=2),
    flagged=st.booleans(),
)


def softened(found: Findings, strongest: str) -> Findings:
    """Let nothing be done that is stronger than `strongest`: most findings hold some block."""
    if strongest == "BLOCKED":
        return found
    text = json.dumps([found.given, found.answered]).replace('"BLOCKED"', f'"{strongest}"')
    if strongest == "NONE":
        text = text.replace('"ANONYMIZED"', '"NONE"')
    given_, answered = json.loads(text)
    return Findings(given_, answered, flagged=found.flagged)


def converse_map(found: Findings) -> Json:
    trace = {"inputAssessment": found.given, "outputAssessments": found.answered}
    return _converse(found, {"guardrail": trace})


def converse_list(found: Findings) -> Json:
    answered = [{name: one} for name, many in found.answered.items() for one in many]
    trace = {"inputAssessment": found.given, "outputAssessments": answered}
    return _converse(found, {"guardrails": trace})


def converse_list_of_maps(found: Findings) -> Json:
    given = [{name: [one]} for name, one in found.given.items()]
    trace = {"inputAssessment": given, "outputAssessments": [found.answered]}
    return _converse(found, {"guardrail": trace})


def _converse(found: Findings, trace: Json) -> Json:
    return converse(stop="guardrail_intervened" if found.flagged else "end_turn", trace=trace)


def _action(found: Findings) -> Json:
    return {"amazon-bedrock-guardrailAction": "INTERVENED"} if found.flagged else {}


def _trace(found: Findings) -> Json:
    outputs = [{name: one} for name, many in found.answered.items() for one in many]
    guardrail = {"modelOutput": ["withheld"], "input": found.given, "outputs": outputs}
    return {"amazon-bedrock-trace": {"guardrail": guardrail}}


def _split_trace(found: Findings) -> tuple[Json, Json]:
    """Tell the question's part of a trace first, the answer's later."""
    return (
        _trace(Findings(found.given, {}, flagged=False)),
        _trace(Findings({}, found.answered, flagged=False)),
    )


FORMS: Final[dict[str, Callable[[Findings], Json]]] = {
    "Converse, a map": converse_map,
    "Converse, a list": converse_list,
    "Converse, lists and maps within each other": converse_list_of_maps,
    "InvokeModel": lambda f: invoke(anthropic(**_action(f), **_trace(f))),
    "InvokeModel, a provider unknown": lambda f: invoke({**_action(f), **_trace(f)}),
    "Anthropic's stream": lambda f: stream(anthropic_chunks(first=_action(f), last=_trace(f))),
    "Titan's stream": lambda f: stream(titan_chunks("a", "b", each=_action(f), last=_trace(f))),
    "Nova's stream": lambda f: stream(nova_chunks(last=_action(f) | _trace(f))),
    "OpenAI's stream": lambda f: stream(chat_chunks(last=_action(f) | _trace(f))),
    "a stream that repeats its trace": lambda f: stream(
        anthropic_chunks(first=_trace(f), last=_action(f) | _trace(f))
    ),
    "a stream whose trace grows": lambda f: stream(
        anthropic_chunks(first=_action(f) | _split_trace(f)[0], last=_trace(f))
    ),
    "a stream that tells question and answer apart": lambda f: stream(
        anthropic_chunks(first=_action(f) | _split_trace(f)[0], last=_split_trace(f)[1])
    ),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
@given(found=FOUND)
def test_hits_come_out_as_they_went_in(form: Callable[[Findings], Json], found: Findings) -> None:
    guardrail = read(form(found)).guardrail
    assert Counter(guardrail.hits) == found.hits
    assert guardrail.verdict == found.verdict
    assert set(guardrail.ids) == {name for name, _, _ in found.assessments}
    assert guardrail.units == (GuardrailUnits(**found.units) if found.units else None)


@given(found=FOUND, strongest=st.sampled_from(["ANONYMIZED", "NONE"]))
def test_the_verdict_follows_from_actions_and_flag_alone(found: Findings, strongest: str) -> None:
    mild = softened(found, strongest)
    verdicts = {read(form(mild)).guardrail.verdict for form in FORMS.values()}
    assert verdicts == {mild.verdict}
    assert "blocked" not in verdicts


@given(answer=values("ConverseResponse"))
def test_an_answer_of_converse_is_read_as_the_service_model_means_it(answer: Json) -> None:
    document = converse()
    document["input"] = {"inputContentType": "application/json"}
    document["output"] = {"outputContentType": "application/json", "outputBodyJson": answer}
    usage = answer["usage"]
    invocation = read(document)
    assert invocation.stop_reason == answer["stopReason"]
    assert invocation.latency_ms == answer["metrics"]["latencyMs"]
    assert invocation.usage == Usage(
        input_tokens=usage["inputTokens"],
        output_tokens=usage["outputTokens"],
        cache_read_tokens=usage.get("cacheReadInputTokens", 0),
        cache_write_tokens=usage.get("cacheWriteInputTokens", 0),
    )
    assert invocation.billing == Billing(
        cache_write_1h_tokens=sum(
            part["inputTokens"] for part in usage.get("cacheDetails", []) if part["ttl"] == "1h"
        ),
        service_tier=answer.get("serviceTier", {}).get("type"),
        latency_mode=answer.get("performanceConfig", {}).get("latency"),
    )
    trace = answer.get("trace", {}).get("guardrail", {})
    found = Findings(
        trace.get("inputAssessment", {}),
        trace.get("outputAssessments", {}),
        flagged=answer["stopReason"] == "guardrail_intervened",
    )
    assert len(invocation.guardrail.hits) == found.hits.total()
    assert invocation.guardrail.verdict == found.verdict
    assert (invocation.body, invocation.modality) == ("inline", "text")
