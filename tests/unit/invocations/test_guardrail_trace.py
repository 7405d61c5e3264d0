"""What guardrails found: the ten shapes of their results, every policy, and the verdict."""

import json
from typing import Any

import msgspec
import pytest

from bedrock_alerts.invocations.guardrail_trace import guardrail_result
from bedrock_alerts.invocations.invocation import GuardrailResult, GuardrailUnits, Hit, Invocation
from bedrock_alerts.invocations.parse import parse
from tests.records import (
    ACCOUNT,
    GUARDRAIL,
    OTHER_GUARDRAIL,
    REGION,
    Json,
    anthropic,
    anthropic_chunks,
    assessment,
    chat_chunks,
    content,
    converse,
    converse_trace,
    custom_word,
    details,
    grounding,
    invocation_metrics,
    invoke,
    invoke_keys,
    metadata_only,
    nova,
    nova_chunks,
    offloaded,
    pii,
    profanity,
    reasoning,
    regex,
    stream,
    titan,
    titan_chunks,
    topic,
)


def hit(
    policy: str = "topic",
    category: str = "Refund advice",
    action: Any = "BLOCKED",
    source: Any = "input",
    **more: Any,
) -> Hit:
    return Hit(
        **{
            "guardrail_id": GUARDRAIL,
            "guardrail_version": None,
            "policy": policy,
            "category": category,
            "action": action,
            "source": source,
            "confidence": None,
            **more,
        }
    )


def result(verdict: Any, *hits: Hit, **more: Any) -> GuardrailResult:
    ids = () if verdict in ("none", "unexplained") and not hits else (GUARDRAIL,)
    return GuardrailResult(**{"verdict": verdict, "ids": ids, "hits": hits, **more})


def read(document: Json) -> GuardrailResult:
    outcome = parse(json.dumps(document))
    assert isinstance(outcome, Invocation), outcome
    return outcome.guardrail


def intervened(trace: Json | None) -> Json:
    return converse(stop="guardrail_intervened", trace=trace)


INSULT = hit("content", "INSULTS", confidence="HIGH", source="output")
METERED = assessment(invocation_metrics(topicPolicyUnits=1))
METERS = {"latency_ms": 210, "units": GuardrailUnits(topic=1)}
SHAPES = [
    pytest.param(
        intervened(converse_trace(topic())),
        result("blocked", hit()),
        id="a: Converse, the question",
    ),
    pytest.param(
        intervened(converse_trace(METERED, [{GUARDRAIL: content(detected=True)}])),
        result("blocked", INSULT, **METERS),
        id="b: Converse, the answer's assessments in a list",
    ),
    pytest.param(
        intervened(converse_trace(METERED, {GUARDRAIL: [content(detected=True)]})),
        result("blocked", INSULT, **METERS),
        id="c: Converse, the answer's assessments in a map",
    ),
    pytest.param(
        intervened(converse_trace(None, {GUARDRAIL: content(detected=True)})),
        result("blocked", INSULT),
        id="c: Converse, the answer's assessment alone in a map",
    ),
    pytest.param(
        intervened(converse_trace(None, [{GUARDRAIL: [content()]}, {GUARDRAIL: [content()]}])),
        result("blocked", INSULT, INSULT),
        id="b and c: lists within a list, each counted",
    ),
    pytest.param(
        converse(trace={"guardrail": {"inputAssessment": [{GUARDRAIL: [topic()]}]}}),
        result("blocked", hit()),
        id="a: the question's assessment in lists",
    ),
    pytest.param(
        intervened({"guardrails": converse_trace(topic())["guardrail"]}),
        result("blocked", hit()),
        id="a: under the name that one page of the documentation uses",
    ),
    pytest.param(
        invoke(anthropic(**invoke_keys(custom_word(), {}))),
        result("blocked", hit("word", "CUSTOM")),
        id="d: InvokeModel, the question",
    ),
    pytest.param(
        invoke(anthropic(**invoke_keys(None, content(), content("NONE", "HATE", "LOW")))),
        result(
            "blocked",
            INSULT,
            hit("content", "HATE", "NONE", "output", confidence="LOW"),
        ),
        id="d: InvokeModel, every one of several outputs",
    ),
    pytest.param(
        invoke({"anything": 1, **invoke_keys(topic())}),
        result("blocked", hit()),
        id="d: InvokeModel, a provider nobody knows",
    ),
    pytest.param(
        invoke(anthropic(**invoke_keys(topic(), action="NONE"))),
        result("blocked", hit()),
        id="d: a block counts although the action says NONE",
    ),
    pytest.param(
        invoke(
            anthropic(
                **invoke_keys(
                    topic(),
                    guardrail=f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/{GUARDRAIL}",
                )
            )
        ),
        result("blocked", hit()),
        id="d: the guardrail named by its ARN",
    ),
    pytest.param(
        stream(anthropic_chunks(first=invoke_keys(), last=invoke_keys(None, topic()))),
        result("blocked", hit(source="output")),
        id="e: Anthropic's stream, action on a piece and trace on the last chunk",
    ),
    pytest.param(
        stream(titan_chunks("a", "b", "c", each=invoke_keys(), last=invoke_keys(topic()))),
        result("blocked", hit()),
        id="e: Titan's stream, action on every chunk and trace on the last",
    ),
    pytest.param(
        stream(chat_chunks(last=invoke_keys(topic()))),
        result("blocked", hit()),
        id="e: OpenAI's stream, both on the last chunk",
    ),
    pytest.param(
        stream(nova_chunks(last=invoke_keys(topic()))),
        result("blocked", hit()),
        id="e: Nova's stream",
    ),
    pytest.param(
        stream(anthropic_chunks(first=invoke_keys(topic()), last=invoke_keys(topic()))),
        result("blocked", hit()),
        id="e: a stream that repeats its trace",
    ),
    pytest.param(
        stream(
            anthropic_chunks(
                first=invoke_keys(topic()), last=invoke_keys(topic(), content(), content())
            )
        ),
        result("blocked", hit(), INSULT, INSULT),
        id="e: a stream whose trace grows",
    ),
    pytest.param(
        stream(
            [
                invoke_keys(assessment(topic(), invocation_metrics(100, topicPolicyUnits=1))),
                invoke_keys(
                    assessment(
                        {"topicPolicy": {"topics": [*topic()["topicPolicy"]["topics"]] * 2}},
                        content(),
                        invocation_metrics(130, topicPolicyUnits=1, contentPolicyUnits=1),
                    )
                ),
            ]
        ),
        result(
            "blocked",
            hit("content", "INSULTS", confidence="HIGH"),
            hit(),
            hit(),
            latency_ms=130,
            units=GuardrailUnits(topic=1, content=1),
        ),
        id="e: a stream whose assessment grows",
    ),
    pytest.param(
        stream(
            [
                invoke_keys(None, invocation_metrics(100, topicPolicyUnits=1), action="NONE"),
                invoke_keys(None, invocation_metrics(130, topicPolicyUnits=1), action="NONE"),
            ]
        ),
        result("clean", latency_ms=230, units=GuardrailUnits(topic=2)),
        id="e: a stream with a second check that finds nothing either",
    ),
    pytest.param(
        converse(
            trace=converse_trace(
                METERED, {GUARDRAIL: [METERED, METERED], OTHER_GUARDRAIL: [METERED]}
            )
        ),
        result(
            "clean",
            ids=(GUARDRAIL, OTHER_GUARDRAIL),
            latency_ms=630,
            units=GuardrailUnits(topic=4),
        ),
        id="h: checks of one guardrail in sequence, beside another guardrail's",
    ),
    pytest.param(
        stream([{**invoke_keys(None, pii(match="a"))}, {**invoke_keys(None, pii(match="b"))}]),
        result(
            "masked",
            hit("sensitive_information", "EMAIL", "ANONYMIZED", "output"),
            hit("sensitive_information", "EMAIL", "ANONYMIZED", "output"),
        ),
        id="e: a stream that finds another thing of the same kind later",
    ),
    pytest.param(
        stream([*anthropic_chunks(first=invoke_keys()), "[DONE]"]),
        result("unexplained"),
        id="f: a stream with an action and no trace",
    ),
    pytest.param(
        converse(trace=converse_trace(topic("NONE", detected=True))),
        result("detected", hit(action="NONE")),
        id="g: detect mode",
    ),
    pytest.param(
        converse(trace=converse_trace(METERED, {GUARDRAIL: [METERED]})),
        result("clean", latency_ms=420, units=GuardrailUnits(topic=2)),
        id="h: it ran on question and answer and found nothing",
    ),
    pytest.param(
        invoke(anthropic(**invoke_keys(action="NONE"))),
        GuardrailResult(verdict="clean"),
        id="h: InvokeModel, action NONE and no trace",
    ),
    pytest.param(
        intervened(converse_trace(pii(), {GUARDRAIL: [regex("ANONYMIZED")]})),
        result(
            "masked",
            hit("sensitive_information", "EMAIL", "ANONYMIZED"),
            hit("sensitive_information", "Ticket number", "ANONYMIZED", "output"),
        ),
        id="i: Converse, masked and nothing blocked",
    ),
    pytest.param(
        invoke(nova(**invoke_keys(None, pii()))),
        result("masked", hit("sensitive_information", "EMAIL", "ANONYMIZED", "output")),
        id="i: InvokeModel, masked and nothing blocked",
    ),
    pytest.param(
        invoke({"action": "GUARDRAIL_INTERVENED"}),
        result("unexplained"),
        id="j: ApplyGuardrail's word for it",
    ),
    pytest.param(
        invoke(anthropic(**invoke_keys(action="GUARDRAIL_INTERVENED"))),
        result("unexplained"),
        id="j: ApplyGuardrail's word under InvokeModel's key",
    ),
    pytest.param(
        invoke(titan(reason="CONTENT_FILTERED", **invoke_keys(topic()))),
        result("blocked", hit()),
        id="j: the model's filter and a guardrail",
    ),
    pytest.param(
        converse(
            trace=converse_trace(
                {"invocationMetrics": {"usage": {"contentPolicyImageUnits": 2}}},
            )
        ),
        result("clean", units=GuardrailUnits(content_image=2)),
        id="j: units of pictures without a text's coverage",
    ),
]
NO_GUARDRAIL = [
    pytest.param(converse(), result("none"), id="Converse without a guardrail"),
    pytest.param(invoke(anthropic()), result("none"), id="InvokeModel without a guardrail"),
    pytest.param(stream(anthropic_chunks()), result("none"), id="a stream without a guardrail"),
    pytest.param(metadata_only(), result("none"), id="no body to see a guardrail in"),
    pytest.param(offloaded(), result("none"), id="a body in S3"),
    pytest.param(converse(stop="content_filtered"), result("none"), id="the model's own filter"),
    pytest.param(converse(trace={"promptRouter": {}}), result("none"), id="another kind of trace"),
    pytest.param(converse(trace={"guardrail": {}}), result("none"), id="an empty trace"),
    pytest.param(
        intervened(None), result("unexplained"), id="a stop reason without a trace to explain it"
    ),
    pytest.param(
        intervened({"guardrail": {"modelOutput": ["withheld"], "actionReason": "Blocked."}}),
        result("unexplained"),
        id="a trace that explains nothing",
    ),
    pytest.param(
        intervened(converse_trace(METERED)),
        result("unexplained", ids=(GUARDRAIL,), **METERS),
        id="an intervention with an assessment that found nothing",
    ),
    pytest.param(
        intervened(converse_trace(topic("NONE", detected=True))),
        result("unexplained", hit(action="NONE")),
        id="an intervention beside findings that were let through",
    ),
    pytest.param(
        stream([{"messageStop": {"stopReason": "guardrail_intervened"}}]),
        result("unexplained"),
        id="a stop reason in a chunk",
    ),
]
POLICIES = [
    pytest.param(topic(), hit(), id="a topic, blocked"),
    pytest.param(topic("NONE"), hit(action="NONE"), id="a topic, let through, in older records"),
    pytest.param(topic(name=""), hit(category="OTHER"), id="a topic without a name"),
    pytest.param(
        topic(name="a\u202eb\n" + "c" * 200),
        hit(category="a b " + "c" * 95 + "…"),
        id="a topic with a name that would not fit on a line",
    ),
    *(
        pytest.param(
            content(kind=kind), hit("content", kind, confidence="HIGH"), id=f"content: {kind}"
        )
        for kind in ("INSULTS", "HATE", "SEXUAL", "VIOLENCE", "MISCONDUCT", "PROMPT_ATTACK")
    ),
    *(
        pytest.param(
            content("NONE", confidence=level),
            hit("content", "INSULTS", "NONE", confidence=level),
            id=f"content let through, confidence {level}",
        )
        for level in ("LOW", "MEDIUM", "HIGH")
    ),
    pytest.param(
        content("NONE", confidence="NONE", detected=True),
        hit("content", "INSULTS", "NONE", confidence="NONE"),
        id="content, detected in so many words",
    ),
    pytest.param(custom_word(), hit("word", "CUSTOM"), id="a word of the account's own"),
    pytest.param(profanity(), hit("word", "PROFANITY"), id="a word of a managed list"),
    pytest.param(
        pii(), hit("sensitive_information", "EMAIL", "ANONYMIZED"), id="personal data, masked"
    ),
    pytest.param(
        pii("BLOCKED", "PASSWORD"),
        hit("sensitive_information", "PASSWORD"),
        id="personal data, blocked",
    ),
    pytest.param(
        pii("NONE", "NAME"),
        hit("sensitive_information", "NAME", "NONE"),
        id="personal data, let through",
    ),
    pytest.param(
        pii(match="*****"),
        hit("sensitive_information", "EMAIL", "ANONYMIZED"),
        id="personal data that the log group masks",
    ),
    pytest.param(
        regex(), hit("sensitive_information", "Ticket number"), id="a pattern with a name"
    ),
    pytest.param(
        regex(name=None), hit("sensitive_information", "REGEX"), id="a pattern without a name"
    ),
    pytest.param(
        {"sensitiveInformationPolicy": {"regexes": [{"action": "BLOCKED"}]}},
        hit("sensitive_information", "REGEX"),
        id="a pattern of which only the action is told",
    ),
    pytest.param(
        grounding(), hit("contextual_grounding", "GROUNDING"), id="an answer without ground"
    ),
    pytest.param(
        grounding(type="RELEVANCE"),
        hit("contextual_grounding", "RELEVANCE"),
        id="an answer beside the point",
    ),
    pytest.param(
        grounding("NONE", 0.699),
        hit("contextual_grounding", "GROUNDING", "NONE"),
        id="a score just under the threshold, let through",
    ),
    *(
        pytest.param(
            reasoning(kind), hit("automated_reasoning", kind, "NONE"), id=f"a finding: {kind}"
        )
        for kind in ("invalid", "satisfiable", "impossible", "translationAmbiguous", "tooComplex")
    ),
    pytest.param(
        reasoning("aFindingUnknownToday"),
        hit("automated_reasoning", "aFindingUnknownToday", "NONE"),
        id="a finding unknown today",
    ),
    pytest.param(
        {"moodPolicy": {"moods": [{"type": "GLOOMY", "action": "BLOCKED"}]}},
        hit("OTHER", "GLOOMY"),
        id="a policy unknown today",
    ),
    pytest.param(
        {"wordPolicy": {"borrowedWords": [{"match": "sensitive", "action": "BLOCKED"}]}},
        hit("word", "OTHER"),
        id="a list unknown today in a policy known",
    ),
    pytest.param(topic("REPHRASED"), hit(action="OTHER"), id="an action unknown today"),
    pytest.param(topic(action=None), hit(action="OTHER"), id="no action"),  # type: ignore[arg-type]
    pytest.param(
        assessment(topic(), details("DRAFT")),
        hit(guardrail_version="DRAFT"),
        id="a draft of a guardrail",
    ),
    pytest.param(assessment(topic(), details("")), hit(), id="a guardrail whose version is empty"),
]
NO_HITS = [
    pytest.param(topic("NONE", detected=False), id="a topic that was not detected"),
    pytest.param(content("NONE", confidence="NONE"), id="content of no confidence"),
    pytest.param(content("NONE", detected=False), id="content that was not detected"),
    pytest.param(custom_word("NONE", detected=False), id="a word that was not detected"),
    pytest.param(profanity("NONE", detected=False), id="a managed word that was not detected"),
    pytest.param(pii("NONE", detected=False), id="personal data that was not detected"),
    pytest.param(regex("NONE", detected=False), id="a pattern that was not detected"),
    pytest.param(grounding("NONE", 0.7), id="a score at the threshold"),
    pytest.param(grounding("NONE", 0.1, detected=False), id="a score that was not detected"),
    pytest.param(grounding("NONE", "0.1"), id="a score that is no number"),  # type: ignore[arg-type]
    pytest.param(topic("REPHRASED", detected=False), id="an unknown action, not detected"),
    pytest.param(reasoning("valid", "noTranslations"), id="findings that find nothing wrong"),
    pytest.param({"topicPolicy": {"topics": []}}, id="an empty list"),
    pytest.param({"topicPolicy": {"topics": ["text", 7, None]}}, id="items that are no objects"),
    pytest.param({"topicPolicy": {"topics": "text"}}, id="a text in place of a list"),
    pytest.param({"topicPolicy": ["text"]}, id="a list in place of a policy"),
    pytest.param({"topics": [{"action": "BLOCKED"}]}, id="items outside any policy"),
    pytest.param({"appliedGuardrailDetails": "text"}, id="details that are none"),
    pytest.param({"invocationMetrics": 7}, id="metrics that are none"),
    pytest.param({}, id="nothing at all"),
]


@pytest.mark.parametrize(("document", "expected"), [*SHAPES, *NO_GUARDRAIL])
def test_a_record_shows_exactly_this_of_its_guardrails(
    document: Json, expected: GuardrailResult
) -> None:
    assert read(document) == expected


@pytest.mark.parametrize(("found", "expected"), POLICIES)
def test_an_item_comes_to_exactly_this_hit(found: Json, expected: Hit) -> None:
    assert read(converse(trace=converse_trace(found))).hits == (expected,)


@pytest.mark.parametrize("found", NO_HITS)
def test_what_is_listed_without_having_been_found_is_no_hit(found: Json) -> None:
    assert read(converse(trace=converse_trace(found))) == result("clean")


BLOCK, MASK, DETECT, ADVICE = topic(), pii(), custom_word("NONE"), reasoning("invalid")
VERDICTS = [
    pytest.param([BLOCK, MASK, DETECT, ADVICE], True, "blocked", id="a block beats all else"),
    pytest.param([BLOCK], False, "blocked", id="a block needs no flag"),
    pytest.param([MASK, DETECT, ADVICE], True, "masked", id="masking beats what was let through"),
    pytest.param([MASK], False, "masked", id="masking needs no flag"),
    pytest.param([DETECT], True, "unexplained", id="what was let through explains no flag"),
    pytest.param([ADVICE], True, "unexplained", id="advice explains no flag"),
    pytest.param([topic("REPHRASED")], True, "unexplained", id="nor does an unknown action"),
    pytest.param([DETECT], False, "detected", id="let through"),
    pytest.param([ADVICE], False, "detected", id="advice is never a block"),
    pytest.param([topic("REPHRASED")], False, "detected", id="an unknown action was seen"),
    pytest.param([METERED], False, "clean", id="nothing found"),
]


@pytest.mark.parametrize(("parts", "flagged", "expected"), VERDICTS)
def test_the_verdict_is_the_strongest_thing_that_happened(
    parts: list[Json], *, flagged: bool, expected: str
) -> None:
    whole = assessment(*parts)
    for trace in (
        converse_trace(whole),
        converse_trace(None, {GUARDRAIL: [whole]}),
        converse_trace(METERED, [{OTHER_GUARDRAIL: whole}]),
    ):
        stop = "guardrail_intervened" if flagged else "end_turn"
        assert read(converse(stop=stop, trace=trace)).verdict == expected


def test_every_guardrail_of_a_call_is_read() -> None:
    trace = {
        "guardrail": {
            "inputAssessment": {
                GUARDRAIL: assessment(
                    content("NONE"), invocation_metrics(100, contentPolicyUnits=1), details("1")
                ),
                OTHER_GUARDRAIL: assessment(
                    topic(),
                    invocation_metrics(250, topicPolicyUnits=2, contentPolicyUnits=4),
                    details("7", OTHER_GUARDRAIL),
                ),
            },
            "outputAssessments": {
                GUARDRAIL: [
                    assessment(pii(), invocation_metrics(30, automatedReasoningPolicyUnits=5))
                ],
            },
        }
    }
    assert read(intervened(trace)) == GuardrailResult(
        verdict="blocked",
        ids=(GUARDRAIL, OTHER_GUARDRAIL),
        hits=(
            hit("content", "INSULTS", "NONE", confidence="HIGH", guardrail_version="1"),
            hit(guardrail_id=OTHER_GUARDRAIL, guardrail_version="7"),
            hit("sensitive_information", "EMAIL", "ANONYMIZED", "output"),
        ),
        latency_ms=280,
        units=GuardrailUnits(topic=2, content=5, automated_reasoning=5),
    )


def test_units_of_every_policy_are_added_up() -> None:
    units = invocation_metrics(
        5,
        topicPolicyUnits=1,
        contentPolicyUnits=2,
        contentPolicyImageUnits=3,
        wordPolicyUnits=4,
        sensitiveInformationPolicyUnits=5,
        sensitiveInformationPolicyFreeUnits=6,
        contextualGroundingPolicyUnits=7,
        automatedReasoningPolicyUnits=8,
        automatedReasoningPolicies=9,
    )
    found = read(converse(trace=converse_trace(units, {GUARDRAIL: [units]})))
    assert found.units == GuardrailUnits(
        topic=2,
        content=4,
        content_image=6,
        word=8,
        sensitive_information=10,
        sensitive_information_free=12,
        contextual_grounding=14,
        automated_reasoning=16,
    )


@pytest.mark.parametrize("value", [-1, 10**10, True, "7", None, [], 1e300])
def test_latencies_and_units_that_cannot_be_are_not_counted(value: Any) -> None:
    metrics = {"guardrailProcessingLatency": value, "usage": {"topicPolicyUnits": value}}
    found = read(converse(trace=converse_trace({"invocationMetrics": metrics})))
    assert found == result("clean")


@pytest.mark.parametrize("trace", [None, 7, "text", [], [{}], True])
def test_a_trace_that_is_none_is_no_evidence(trace: Any) -> None:
    traces = (msgspec.Raw(json.dumps(trace)),)
    assert guardrail_result(traces) == result("none")
    assert guardrail_result(traces, intervened=True) == result("unexplained")
    assert guardrail_result(traces, ran=True) == GuardrailResult(verdict="clean")


def test_a_guardrail_without_a_name_is_counted_under_another() -> None:
    found = read(converse(trace=converse_trace(topic(), guardrail="\u200b")))
    assert (found.ids, found.hits[0].guardrail_id) == (("OTHER",), "OTHER")
