"""Reads guardrail results: hits from assessments, and one verdict for the call.

One walk handles every form of trace: Converse and InvokeModel name the same things differently, and
output assessments are a map or a list. All words are open sets: an unknown policy or action is
counted as `OTHER`, and never raises or disappears.

Read from an assessment: kinds, actions, confidences, counts, ids. Never read: `match`, `regex`,
`modelOutput`, the bodies of automated reasoning findings; they contain users' text.

Source: GuardrailTraceAssessment and GuardrailAssessment in the `bedrock-runtime` service model.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, Final, TypeAlias, TypeGuard

import msgspec
from msgspec.structs import asdict

from bedrock_alerts.invocations.invocation import (
    Action,
    GuardrailResult,
    GuardrailUnits,
    Hit,
    Source,
    Verdict,
)
from bedrock_alerts.invocations.lenient_json import mend
from bedrock_alerts.text import clean

OTHER: Final = "OTHER"
_MAX_NAME: Final = 100  # topic names are at most 100 characters, and ids far shorter
_MAX_ARN: Final = 2048
_MAX_UNITS: Final = 10**9

# The places of an assessment's items: (policy key, list key) -> (policy, name for an item without a
# type or name).
_ITEMS: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("topicPolicy", "topics"): ("topic", OTHER),
    ("contentPolicy", "filters"): ("content", OTHER),
    ("wordPolicy", "customWords"): ("word", "CUSTOM"),
    ("wordPolicy", "managedWordLists"): ("word", OTHER),
    ("sensitiveInformationPolicy", "piiEntities"): ("sensitive_information", OTHER),
    ("sensitiveInformationPolicy", "regexes"): ("sensitive_information", "REGEX"),
    ("contextualGroundingPolicy", "filters"): ("contextual_grounding", OTHER),
    ("automatedReasoningPolicy", "findings"): ("automated_reasoning", OTHER),
}
_POLICIES: Final = {policy_key: policy for (policy_key, _), (policy, _) in _ITEMS.items()}
_ACTIONS: Final[dict[Any, Action]] = {
    "BLOCKED": "BLOCKED",
    "ANONYMIZED": "ANONYMIZED",
    "NONE": "NONE",
}
# Findings that mean "nothing wrong" or "nothing to check"; all others are counted.
_HARMLESS_FINDINGS: Final = frozenset({"valid", "noTranslations"})
_UNITS: Final = {one.encode_name: one.name for one in msgspec.structs.fields(GuardrailUnits)}
# The keys of a trace that hold assessments: Converse's names, then InvokeModel's.
_SOURCES: Final[dict[str, Source]] = {
    "inputAssessment": "input",
    "input": "input",
    "outputAssessments": "output",
    "outputs": "output",
}

_MOST: Final = _MAX_UNITS - 1
_Amount: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]


_NOT_READ: Final = msgspec.Raw()


class _QuietMetrics(msgspec.Struct, frozen=True, gc=False):
    """An assessment's `invocationMetrics`."""

    latency_ms: _Amount | None = msgspec.field(default=None, name="guardrailProcessingLatency")
    usage: GuardrailUnits | None = None


class _Quiet(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An assessment that holds nothing but metrics: the guardrail ran and found nothing."""

    metrics: _QuietMetrics = msgspec.field(name="invocationMetrics")
    details: msgspec.Raw = msgspec.field(default=_NOT_READ, name="appliedGuardrailDetails")


class _QuietTrace(msgspec.Struct, frozen=True, gc=False):
    """A trace without a finding, the most frequent form: Converse's or InvokeModel's."""

    input_assessment: dict[str, _Quiet] | None = msgspec.field(default=None, name="inputAssessment")
    output_assessments: dict[str, list[_Quiet]] | None = msgspec.field(
        default=None, name="outputAssessments"
    )
    input: dict[str, _Quiet] | None = None
    outputs: list[dict[str, _Quiet]] | None = None


_decode_trace: Final = msgspec.json.Decoder().decode
_decode_quiet: Final = msgspec.json.Decoder(_QuietTrace).decode

_Assessment: TypeAlias = tuple[str, dict[str, Any], Source]

_WITHOUT_TRACE: Final[dict[Verdict, GuardrailResult]] = {
    "unexplained": GuardrailResult(verdict="unexplained"),
    "clean": GuardrailResult(verdict="clean"),
    "none": GuardrailResult(verdict="none"),
}


def guardrail_result(
    traces: Sequence[msgspec.Raw], *, intervened: bool = False, ran: bool = False
) -> GuardrailResult:
    """Return the guardrail result of a call, over all its phases, chunks and guardrails.

    `traces` are the objects under `trace.guardrail` (Converse) or `amazon-bedrock-trace.guardrail`
    (InvokeModel) of all chunks. `intervened` is Bedrock's own flag: it is set for masking as well
    as for blocking, and is not set in detect mode. `ran` is set by an explicit action `NONE`.
    """
    flagged: Verdict = "unexplained" if intervened else "clean" if ran else "none"
    if not traces:
        return _WITHOUT_TRACE[flagged]
    if len(traces) == 1:
        quiet = _without_findings(traces[0], flagged)
        if quiet is not None:
            return quiet
    ids: dict[str, None] = {}
    hits: list[Hit] = []
    latency: dict[Source, dict[str, int]] = {}
    units: dict[str, int] = {}
    for guardrail_id, assessment, source in _assessments(traces):
        ids[guardrail_id] = None
        metrics = assessment.get("invocationMetrics")
        if isinstance(metrics, dict):
            _add_metrics(metrics, latency.setdefault(source, {}), guardrail_id, units)
            if len(assessment) == 1:
                continue  # the guardrail ran and found nothing: the most frequent case
        details = assessment.get("appliedGuardrailDetails")
        version = _word(details.get("guardrailVersion")) if isinstance(details, dict) else None
        hits.extend(_hits(assessment, guardrail_id, version, source))
    return GuardrailResult(
        verdict=_verdict(hits, flagged, assessed=bool(ids)),
        ids=tuple(sorted(ids)),
        hits=tuple(hits),
        latency_ms=_total(latency.values()),
        units=GuardrailUnits(**units) if units else None,
    )


def _read(trace: msgspec.Raw) -> Any:
    try:
        return _decode_trace(trace)
    except ValueError:
        return _decode_trace(mend(bytes(trace)))


def _without_findings(trace: msgspec.Raw, flagged: Verdict) -> GuardrailResult | None:
    """Return the result of a trace in which no assessment found anything, None for all others.

    The parser decides that: any trace not exactly of that type is read in full.
    """
    try:
        quiet = _decode_quiet(trace)
    except ValueError:
        return None
    if (quiet.input_assessment and quiet.input) or (quiet.output_assessments and quiet.outputs):
        return None  # both forms at once, which no record has
    ids: dict[str, None] = {}
    units: list[GuardrailUnits] = []
    read = _measure((quiet.input_assessment or quiet.input or {}).items(), ids, units)
    written = None
    if quiet.output_assessments:
        by_id = quiet.output_assessments.items()
        written = _measure([(key, one) for key, some in by_id for one in some], ids, units)
    elif quiet.outputs:
        written = _measure(chain.from_iterable(map(dict.items, quiet.outputs)), ids, units)
    return GuardrailResult(
        "clean" if ids and flagged == "none" else flagged,
        tuple(ids) if len(ids) == 1 else tuple(sorted(ids)),
        (),
        read if written is None else written if read is None else read + written,
        _added_up(tuple(units)) if units else None,
    )


def _measure(
    assessments: Iterable[tuple[str, _Quiet]], ids: dict[str, None], units: list[GuardrailUnits]
) -> int | None:
    """Record the guardrails of one phase and their usage, and return its time, None if unknown."""
    latency: dict[str, int] = {}
    for key, assessment in assessments:
        guardrail_id = _guardrail_id(key[:_MAX_ARN])
        ids[guardrail_id] = None
        metrics = assessment.metrics
        if metrics.usage is not None:
            units.append(metrics.usage)
        if metrics.latency_ms is not None:
            latency[guardrail_id] = latency.get(guardrail_id, 0) + metrics.latency_ms
    return max(latency.values()) if latency else None


@lru_cache(maxsize=1024)  # units are small numbers that repeat
def _added_up(units: tuple[GuardrailUnits, ...]) -> GuardrailUnits | None:
    total: Counter[str] = Counter()
    for found in units:
        total.update(asdict(found))
    return GuardrailUnits(**total) if any(total.values()) else None


def _verdict(hits: list[Hit], flagged: Verdict, *, assessed: bool) -> Verdict:
    actions = {hit.action for hit in hits}
    if "BLOCKED" in actions:
        return "blocked"
    if "ANONYMIZED" in actions:
        return "masked"
    if actions and flagged != "unexplained":
        return "detected"
    return "clean" if assessed and flagged == "none" else flagged


def _assessments(traces: Sequence[msgspec.Raw]) -> Iterable[_Assessment]:
    """Return every assessment once, even if a stream repeats its trace, whole or growing.

    Two equal assessments in one trace are two; again in a later trace they are the same two. One
    with all content of an earlier one replaces it.
    """
    if len(traces) == 1:
        return _of_trace(_read(traces[0]))
    merged: list[_Assessment] = []
    places: dict[str, list[int]] = defaultdict(list)  # of equal assessments in `merged`
    groups: dict[tuple[str, Source], list[int]] = defaultdict(list)
    for trace in traces:
        used: Counter[str] = Counter()
        matched: set[int] = set()
        news: list[tuple[str, _Assessment]] = []
        for found in _of_trace(_read(trace)):
            key = repr(found)
            if used[key] < len(places[key]):
                matched.add(places[key][used[key]])
                used[key] += 1
            else:
                news.append((key, found))
        grown: dict[tuple[str, Source], _Candidates] = {}
        for key, found in news:
            guardrail_id, assessment, source = found
            group = groups[guardrail_id, source]
            if (guardrail_id, source) not in grown:
                grown[guardrail_id, source] = _Candidates(group, matched)
            candidates = grown[guardrail_id, source]
            place = candidates.first
            if place is not None and _holds(assessment, merged[place][1]):
                places[repr(merged[place])].remove(place)
                merged[place] = found
                candidates.drop()
            else:
                place = len(merged)
                merged.append(found)
                group.append(place)
            places[key].append(place)
    return merged


class _Candidates:
    """The places of one guardrail and phase that a trace does not repeat, the earliest first."""

    def __init__(self, group: list[int], matched: set[int]) -> None:
        # Not those that the same trace adds to the group.
        here = map(group.__getitem__, range(len(group)))
        self._rest = (place for place in here if place not in matched)
        self.first = next(self._rest, None)

    def drop(self) -> None:
        """Go on to the next one."""
        self.first = next(self._rest, None)


def _holds(later: dict[str, Any], earlier: dict[str, Any]) -> bool:
    """Whether an assessment has all findings of an earlier one, so that it replaces that one.

    Each check is charged: two checks without findings are two.
    """
    has_findings = False
    for key, known in earlier.items():
        found = later.get(key)
        if key == "invocationMetrics" or found == known:
            continue
        if not (isinstance(known, dict) and isinstance(found, dict)):
            return False
        for name, items in known.items():
            rest = found.get(name)
            if not (isinstance(items, list) and isinstance(rest, list)):
                return False
            if Counter(map(repr, items)) - Counter(map(repr, rest)):
                return False
            has_findings |= bool(items)
    return has_findings or later.get("invocationMetrics") == earlier.get("invocationMetrics")


def _of_trace(trace: Any) -> list[_Assessment]:
    """Walk `{id: assessment}`, `{id: [assessment]}` and a list of either, in both phases."""
    found: list[_Assessment] = []
    for key, source in _SOURCES.items() if isinstance(trace, dict) else ():
        value = trace.get(key)
        for by_id in value if isinstance(value, list) else (value,):
            for guardrail, assessments in sorted(by_id.items()) if isinstance(by_id, dict) else ():
                guardrail_id = _guardrail_id(guardrail[:_MAX_ARN])
                found += [
                    (guardrail_id, assessment, source)
                    for assessment in (
                        assessments if isinstance(assessments, list) else (assessments,)
                    )
                    if isinstance(assessment, dict)
                ]
    return found


@lru_cache(maxsize=1024)  # few guardrails, many traces
def _guardrail_id(key: str) -> str:
    """Return the id that a guardrail's key ends with: the key may be an ARN."""
    return clean(key.rpartition("/")[2], _MAX_NAME) or OTHER


def _hits(
    assessment: dict[str, Any], guardrail_id: str, version: str | None, source: Source
) -> Iterator[Hit]:
    # Tools that copy records sort keys: the same findings have the same order.
    for policy_key, lists in sorted(assessment.items()):
        if not policy_key.endswith("Policy") or not isinstance(lists, dict):
            continue
        for list_key, items in sorted(lists.items()):
            if not isinstance(items, list):
                continue
            policy, unnamed = _ITEMS.get(
                (policy_key, list_key), (_POLICIES.get(policy_key, OTHER), OTHER)
            )
            for item in items:
                if not isinstance(item, dict):
                    continue
                action = _action(policy, item)
                if action is None:
                    continue
                yield Hit(
                    guardrail_id=guardrail_id,
                    guardrail_version=version,
                    policy=policy,
                    category=_category(policy, item, unnamed),
                    action=action,
                    source=source,
                    confidence=_word(item.get("confidence")),
                )


def _action(policy: str, item: dict[str, Any]) -> Action | None:
    """Return the action on an item, None if it is not a hit."""
    if policy == "automated_reasoning":
        return "NONE" if set(item) - _HARMLESS_FINDINGS else None
    action = _ACTIONS.get(_hashable(item.get("action")), OTHER)
    if action != "NONE":
        # `detected: false` cannot undo a block; an unknown or absent action is left to `detected`.
        return action if action != OTHER or item.get("detected") is not False else None
    return "NONE" if _is_detected(policy, item) else None


def _is_detected(policy: str, item: dict[str, Any]) -> bool:
    """Whether an item is an allowed hit, and not an item that a full trace lists without a hit."""
    detected = item.get("detected")
    if isinstance(detected, bool):
        return detected
    if policy == "content":
        return item.get("confidence") != "NONE"
    if policy == "contextual_grounding":
        score, threshold = item.get("score"), item.get("threshold")
        return _is_number(score) and _is_number(threshold) and score < threshold
    return True  # older records list a topic, word, entity or pattern only when it was found


def _category(policy: str, item: dict[str, Any], unnamed: str) -> str:
    if policy == "automated_reasoning":
        return next((_word(key) or OTHER for key in item if key not in _HARMLESS_FINDINGS), OTHER)
    own = item.get("name") if policy == "topic" or unnamed == "REGEX" else item.get("type")
    return _word(own) or unnamed


def _total(phases: Iterable[Mapping[str, int]]) -> int | None:
    """Return the time of all checks, None if unknown.

    Guardrails of a phase run in parallel; one guardrail's checks, and the phases, run in sequence.
    """
    longest = [max(by_guardrail.values()) for by_guardrail in phases if by_guardrail]
    return sum(longest) if longest else None


def _add_metrics(
    metrics: dict[str, Any], latency: dict[str, int], guardrail_id: str, units: dict[str, int]
) -> None:
    took = metrics.get("guardrailProcessingLatency")
    if _is_number(took) and 0 <= took < _MAX_UNITS:
        latency[guardrail_id] = latency.get(guardrail_id, 0) + int(took)
    usage = metrics.get("usage")
    if isinstance(usage, dict):
        for key, count in usage.items():
            name = _UNITS.get(key)
            if count and name and _is_number(count) and 0 < count < _MAX_UNITS:
                units[name] = units.get(name, 0) + int(count)


def _word(value: Any) -> str | None:
    return clean(value, _MAX_NAME) or None if isinstance(value, str) else None


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str) else None


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
