"""What is read in one pass and what is read value by value come to the same.

Records whose types are all as expected are checked by the parser itself, and traces without a
finding are decided by it; everything else goes a longer way. Here records are made to go the longer
way by something odd that means nothing, and have to come to what they came to before.
"""

import json
from typing import Any, Final

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.invocations.guardrail_trace import _without_findings  # the short way itself
from bedrock_alerts.invocations.invocation import Invocation
from bedrock_alerts.invocations.parse import parse
from tests import records
from tests.properties.batches import batches_of_lines
from tests.properties.shapes import values
from tests.properties.test_hostile_input import FULL
from tests.records import GUARDRAIL, OTHER_GUARDRAIL, Json, converse, converse_trace, invoke

# Keys that are read, each with a value that does not fit and counts as absent.
_ODD: Final[tuple[tuple[tuple[str, ...], dict[str, Any]], ...]] = (
    ((), {"performanceConfig": 7, "region": ["x"]}),
    (("input",), {"cacheReadInputTokenCount": "many", "cacheWriteInputTokenCount": -1}),
    (("output",), {"outputImagesCount": {}, "outputImageCount": "x"}),
    (("output", "outputBodyJson"), {"serviceTier": [], "completion_reason": 7}),
    (("output", "outputBodyJson", "usage"), {"cacheDetails": 7, "cache_creation": [1]}),
    (("output", "outputBodyJson", "trace"), {"promptRouter": "x"}),
)


def with_odd_values(document: Json) -> Json:
    """Add something that does not fit to every object that lacks it."""
    changed: Json = json.loads(json.dumps(document))
    for path, odd in _ODD:
        found: Any = changed
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        for place in found if isinstance(found, list) else [found]:
            if isinstance(place, dict):
                place |= {key: value for key, value in odd.items() if key not in place}
    return changed


def check_both_ways(document: Json) -> None:
    plain = parse(json.dumps(document))
    assert parse(json.dumps(with_odd_values(document))) == plain
    assert parse(json.dumps(with_odd_values(document)).encode()) == plain


@given(lines=batches_of_lines())
def test_odd_values_change_nothing_else_in_records_as_they_occur(lines: list[Any]) -> None:
    for line in lines:
        if isinstance(line, dict):
            check_both_ways(line)


def test_odd_values_change_nothing_else_in_records_with_every_field() -> None:
    for document in FULL:
        assert isinstance(parse(json.dumps(document)), Invocation)
        check_both_ways(document)


@given(answer=values("ConverseResponse"))
def test_odd_values_change_nothing_else_in_answers_of_the_service_model(answer: Json) -> None:
    document = converse()
    document["output"]["outputBodyJson"] = answer
    check_both_ways(document)


# --- Traces ---------------------------------------------------------------------------------------

_NAMES: Final = st.sampled_from(
    [GUARDRAIL, OTHER_GUARDRAIL, f"arn:aws:bedrock:eu-west-1:111122223333:guardrail/{GUARDRAIL}"]
)


def _quiet(amounts: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """Return assessments without a finding."""
    metrics = st.fixed_dictionaries(
        {"guardrailProcessingLatency": amounts},
        optional={
            "usage": st.dictionaries(
                st.sampled_from(["topicPolicyUnits", "wordPolicyUnits", "otherUnits"]), amounts
            ),
            "guardrailCoverage": st.just({"textCharacters": {"guarded": 1, "total": 2}}),
        },
    )
    details = st.just(records.details()["appliedGuardrailDetails"])
    return st.fixed_dictionaries(
        {"invocationMetrics": metrics | st.just({})}, optional={"appliedGuardrailDetails": details}
    )


def _traces(found: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    by_id = st.dictionaries(_NAMES, found, max_size=3)
    several_by_id = st.dictionaries(_NAMES, st.lists(found, max_size=3), max_size=2)
    converse_s = {"inputAssessment": by_id, "outputAssessments": several_by_id}
    invoke_s = {"input": by_id, "outputs": st.lists(by_id, max_size=2)}
    return st.one_of(
        *(st.fixed_dictionaries({}, optional=keys) for keys in (converse_s, invoke_s)),
        st.fixed_dictionaries({}, optional=converse_s | invoke_s),
    )


_AMOUNTS: Final = st.integers(0, 9)
_ODD_AMOUNTS: Final = _AMOUNTS | st.sampled_from([10**9 - 1, 10**9, -1, 1.0, "1"])
_FINDINGS: Final = st.sampled_from([records.topic(), records.content("NONE")])
_TRACES: Final = st.one_of(
    _traces(_quiet(_AMOUNTS)), _traces(_quiet(_ODD_AMOUNTS)), _traces(_quiet(_AMOUNTS) | _FINDINGS)
)


def with_new_keys(trace: Any) -> Any:
    """Add to each assessment a key of the future, which says nothing yet."""
    if isinstance(trace, list):
        return [with_new_keys(item) for item in trace]
    if not isinstance(trace, dict):
        return trace
    changed = {key: with_new_keys(value) for key, value in trace.items()}
    return changed | {"newKey": {}} if "invocationMetrics" in trace else changed


@given(trace=_TRACES, intervened=st.booleans(), ran=st.booleans())
def test_a_trace_comes_to_the_same_by_the_short_way_and_by_the_long(
    trace: Json, *, intervened: bool, ran: bool
) -> None:
    def read(guardrail: Json) -> Invocation:
        flags = {"stop_reason": "guardrail_intervened"} if intervened else {}
        flags |= {"amazon-bedrock-guardrailAction": "NONE"} if ran else {}
        outcome = parse(
            json.dumps(invoke({**flags, "amazon-bedrock-trace": {"guardrail": guardrail}}))
        )
        assert isinstance(outcome, Invocation)
        return outcome

    assert read(with_new_keys(trace)) == read(trace)


def test_a_trace_without_a_finding_goes_the_short_way() -> None:
    quiet = records.assessment(
        records.invocation_metrics(120, contentPolicyUnits=3), records.details()
    )
    for trace in (
        converse_trace(quiet, {GUARDRAIL: [quiet]})["guardrail"],
        {"input": {GUARDRAIL: quiet}, "outputs": [{GUARDRAIL: quiet}]},
    ):
        assert _without_findings(msgspec.Raw(json.dumps(trace)), "none") is not None
