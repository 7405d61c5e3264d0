"""What invocations add up to, under which dimensions, in which minute."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import pytest

from bedrock_alerts.invocations.aggregate import AggregateOptions, Aggregator
from bedrock_alerts.invocations.identity import OTHER_VALUES
from bedrock_alerts.invocations.invocation import Cost, Invocation, Rejected, Skipped
from bedrock_alerts.invocations.memory import Memory
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.metrics import METRICS, Datapoint, Dimensions
from tests import records
from tests.records import (
    EPOCH,
    GUARDRAIL,
    HAIKU,
    OTHER_GUARDRAIL,
    anthropic_chunks,
    assessment,
    converse,
    converse_trace,
    failed,
    invoke,
    metadata_only,
    offloaded,
    stream,
)

MINUTE: Final = int(EPOCH)
CENT: Final = Cost(model_picodollars=10**10, guardrail_picodollars=10**9, priced="exact")
UNPRICED: Final = Cost(model_picodollars=None, guardrail_picodollars=0, priced="unpriced")


def read(document: Any) -> Invocation:
    outcome = parse(json.dumps(document))
    assert isinstance(outcome, Invocation)
    return outcome


def points(*documents: Any, cost: Cost = CENT, now: float | None = None,
           **options: Any) -> tuple[Datapoint, ...]:  # fmt: skip
    aggregator = Aggregator(AggregateOptions(**options), now=now)
    for document in documents:
        aggregator.add([(read(document), cost)])
    return aggregator.datapoints()


def table(found: Iterable[Datapoint]) -> dict[Dimensions, dict[str, Any]]:
    """Lay data points out by dimensions and metric; zeros are left out."""
    laid: dict[Dimensions, dict[str, Any]] = {}
    for point in found:
        if any(point.values):
            value = point.values[0] if len(point.values) == 1 else point.values
            laid.setdefault(point.dimensions, {})[point.metric] = value
    return laid


TOTAL: Final = {
    "Invocations": 1,
    "InputTokens": 12,
    "OutputTokens": 34,
    "EstimatedCost": 0.01,
    "Latency": 640,
    "UnguardedInvocations": 1,
    "RecordsReceived": 1,
    "RecordsProcessed": 1,
}
OF_MODEL: Final = {key: TOTAL[key] for key in TOTAL if not key.startswith("Records")}
OF_TEXT: Final = {key: TOTAL[key] for key in ("Invocations", "InputTokens", "OutputTokens")}


def test_a_plain_call_is_counted_in_all_by_model_and_by_modality() -> None:
    assert table(points(converse())) == {
        (): TOTAL,
        (("ModelId", HAIKU),): OF_MODEL,
        (("Modality", "text"),): OF_TEXT,
    }


def test_a_quiet_minute_shows_its_zeros_without_dimensions_only() -> None:
    found = points(converse())
    zeros = {point.metric for point in found if not (point.dimensions or any(point.values))}
    assert zeros == {
        "InvocationErrors",
        "Throttles",
        "ContentFilteredCount",
        "MaskedCount",
        "UnexplainedInterventions",
        "UnpricedInvocations",
        "RecordsRejected",
    }
    assert all(any(point.values) for point in found if point.dimensions)


BLOCKED: Final = converse(
    stop="guardrail_intervened",
    trace=converse_trace(
        assessment(
            records.topic(), records.content("NONE"), records.invocation_metrics(topicPolicyUnits=2)
        )
    ),
)


def test_a_blocked_call_is_one_call_however_many_its_hits() -> None:
    laid = table(points(BLOCKED))
    assert laid[()] == {
        **{key: TOTAL[key] for key in TOTAL if key != "UnguardedInvocations"},
        "GuardedInvocations": 1,
        "ContentFilteredCount": 1,
        "PolicyHits": 2,
        "GuardrailLatency": 210,
        "GuardrailUnits": 2,
        "GuardrailCost": 0.001,
    }
    del laid[()], laid[("ModelId", HAIKU),], laid[("Modality", "text"),]
    topic, insult = ("Policy", "topic"), ("Policy", "content")
    assert laid == {
        (("GuardrailId", GUARDRAIL),): {
            "GuardedInvocations": 1,
            "ContentFilteredCount": 1,
            "PolicyHits": 2,
        },
        (topic, ("Action", "BLOCKED")): {"PolicyHits": 1},
        (insult, ("Action", "NONE")): {"PolicyHits": 1},
        (topic, ("Category", "Refund advice"), ("Action", "BLOCKED")): {"PolicyHits": 1},
        (insult, ("Category", "INSULTS"), ("Action", "NONE")): {"PolicyHits": 1},
        (("Principal", "search-app"),): {"ContentFilteredCount": 1},
    }


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(
            converse(trace=converse_trace(records.pii())), {"MaskedCount": 1}, id="masked"
        ),
        pytest.param(
            converse(trace=converse_trace(records.custom_word("NONE"))),
            {"DetectedCount": 1},
            id="let through",
        ),
        pytest.param(
            converse(stop="guardrail_intervened"), {"UnexplainedInterventions": 1}, id="unexplained"
        ),
        pytest.param(
            converse(trace=converse_trace(records.invocation_metrics())), {}, id="nothing found"
        ),
    ],
)
def test_every_verdict_has_a_metric_of_its_own(document: Any, expected: dict[str, int]) -> None:
    verdicts = ("ContentFilteredCount", "MaskedCount", "DetectedCount", "UnexplainedInterventions")
    total = table(points(document))[()]
    assert total["GuardedInvocations"] == 1
    assert {name: total[name] for name in verdicts if name in total} == expected


def test_of_several_guardrails_the_verdict_is_counted_for_the_one_that_gave_it() -> None:
    trace = {
        "guardrail": {
            "inputAssessment": {
                GUARDRAIL: records.invocation_metrics(),
                OTHER_GUARDRAIL: records.topic(),
            }
        }
    }
    laid = table(points(converse(trace=trace)))
    assert laid[(("GuardrailId", GUARDRAIL),)] == {"GuardedInvocations": 1}
    assert laid[(("GuardrailId", OTHER_GUARDRAIL),)] == {
        "GuardedInvocations": 1,
        "ContentFilteredCount": 1,
        "PolicyHits": 1,
    }


@pytest.mark.parametrize(
    ("document", "is_unguarded"),
    [
        pytest.param(converse(), True, id="an answer without a guardrail"),
        pytest.param(BLOCKED, False, id="an answer with one"),
        pytest.param(metadata_only(), False, id="no body to tell by"),
        pytest.param(offloaded(), False, id="a body in S3"),
        pytest.param(failed(), False, id="a call that failed"),
    ],
)
def test_a_call_is_unguarded_only_where_a_guardrail_would_show(
    document: Any, *, is_unguarded: bool
) -> None:
    assert ("UnguardedInvocations" in table(points(document))[()]) == is_unguarded


def test_errors_are_counted_by_code_and_throttles_apart() -> None:
    found = points(failed(), failed("AccessDeniedException"), failed("ThrottlingException"))
    laid = table(found)
    assert (laid[()]["InvocationErrors"], laid[()]["Throttles"]) == (3, 2)
    assert laid[(("ErrorCode", "ThrottlingException"),)] == {"InvocationErrors": 2}
    assert laid[(("ErrorCode", "AccessDeniedException"),)] == {"InvocationErrors": 1}


def test_everything_that_a_record_counts_is_added_up() -> None:
    document = stream(
        anthropic_chunks(),
        input=records.input_part(
            {}, inputTokenCount=1, cacheReadInputTokenCount=2, cacheWriteInputTokenCount=3
        ),
    )
    total = table(points(document, document, document))[()]
    assert total["CacheReadTokens"] == 6
    assert total["CacheWriteTokens"] == 9
    assert total["TimeToFirstByte"] == (300, 300, 300)
    assert total["EstimatedCost"] == 0.03
    pictures = table(points(invoke({"images": ["a", "b"]}), offloaded(), cost=UNPRICED))
    assert pictures[()]["ImagesGenerated"] == 2
    assert pictures[()]["OffloadedBodies"] == 1
    assert pictures[()]["UnpricedInvocations"] == 2
    assert pictures[(("Modality", "image"),)]["ImagesGenerated"] == 2


def test_latencies_keep_every_value_in_order() -> None:
    found = points(*(converse(body={"metrics": {"latencyMs": ms}}) for ms in (30, 10, 20, 10)))
    assert table(found)[()]["Latency"] == (10, 10, 20, 30)


def test_each_minute_is_counted_by_itself() -> None:
    times = ("10:15:00Z", "10:15:59.999Z", "10:16:00Z", "10:14:59.999Z")
    found = points(*(converse(timestamp=f"2026-03-02T{time}") for time in times))
    counted = {
        point.minute: point.values[0]
        for point in found
        if point.metric == "Invocations" and not point.dimensions
    }
    assert counted == {MINUTE - 60: 1, MINUTE: 2, MINUTE + 60: 1}


@pytest.mark.parametrize("age", [75, 900, 3600, 86400])
def test_the_age_of_the_oldest_call_is_told_in_the_minute_it_is_counted(age: int) -> None:
    """An alarm that looks at the last half hour would never see the minute of an old call."""
    found = points(converse(), converse(), now=EPOCH + age)
    told = [(point.minute, point.values) for point in found if point.metric == "RecordAge"]
    assert told == [((EPOCH + age) // 60 * 60, (age,))]
    assert "RecordAge" not in {point.metric for point in points(converse())}


def test_lines_that_were_not_read_are_counted_with_their_reason() -> None:
    aggregator = Aggregator(AggregateOptions())
    aggregator.add_rejected(Rejected("not_json", "here"), MINUTE)
    aggregator.add_rejected(Rejected("too_deep", "here"), MINUTE)
    aggregator.add_skipped(Skipped("foreign_record", "here"), MINUTE)
    assert table(aggregator.datapoints()) == {
        (): {"RecordsReceived": 3, "RecordsRejected": 2, "RecordsSkipped": 1},
        (("Reason", "not_json"),): {"RecordsRejected": 1},
        (("Reason", "too_deep"),): {"RecordsRejected": 1},
        (("Reason", "foreign_record"),): {"RecordsSkipped": 1},
    }


@pytest.mark.parametrize(
    ("scope", "document", "expected"),
    [
        pytest.param("none", BLOCKED, None, id="nobody"),
        pytest.param("violations", converse(), None, id="violators only, and a quiet call"),
        pytest.param("violations", BLOCKED, {"ContentFilteredCount": 1}, id="violators only"),
        pytest.param("all", converse(), {"Invocations": 1}, id="everybody, and a quiet call"),
        pytest.param("all", BLOCKED, {"Invocations": 1, "ContentFilteredCount": 1}, id="everybody"),
    ],
)
def test_principals_are_counted_as_far_as_is_asked(
    scope: Any, document: Any, expected: dict[str, int] | None
) -> None:
    laid = table(points(document, principals=scope))
    assert laid.get((("Principal", "search-app"),)) == expected


def test_applications_are_counted_by_the_key_that_is_asked_for() -> None:
    document = BLOCKED | {"requestMetadata": {"app": "shop", "team": "search"}}
    laid = table(points(document, application_key="app"))
    assert laid[(("Application", "shop"),)] == {
        "Invocations": 1,
        "InputTokens": 12,
        "OutputTokens": 34,
        "EstimatedCost": 0.01,
        "ContentFilteredCount": 1,
    }
    for quiet in (points(document), points(document, application_key="another")):
        assert not any("Application" in dict(point.dimensions) for point in quiet)


def test_metadata_without_a_name_is_no_application() -> None:
    nameless = msgspec.structs.replace(read(converse()), metadata=(("", "forged"),))
    aggregator = Aggregator(AggregateOptions())
    aggregator.add([(nameless, CENT)])
    assert not any("Application" in dict(p.dimensions) for p in aggregator.datapoints())


def test_of_too_many_values_the_rarest_share_one() -> None:
    often = [converse(modelId="often")] * 3
    # One call that costs much is still one call.
    rare = [converse(modelId=f"rare-{number}", tokens=(10**6, 10**6)) for number in range(5)]
    laid = table(points(*rare, *often, values_per_hour=2))
    models = {
        dimensions[0][1]: counted["Invocations"]
        for dimensions, counted in laid.items()
        if dimensions and dimensions[0][0] == "ModelId"
    }
    assert models == {"often": 3, "rare-0": 1, OTHER_VALUES: 4}
    assert laid[()]["Invocations"] == 8


def models_of(found: Iterable[Datapoint]) -> Counter[str]:
    models: Counter[str] = Counter()
    for point in found:
        if point.metric == "Invocations" and dict(point.dimensions).keys() == {"ModelId"}:
            models[point.dimensions[0][1]] += int(sum(point.values))
    return models


def test_names_are_capped_in_each_hour() -> None:
    first = [converse(modelId=model) for model in ("a", "a", "a", "b", "b", "c")]
    same_hour = [converse(modelId=model, timestamp="2026-03-02T10:50:00Z") for model in ("c", "d")]
    next_hour = [converse(modelId=model, timestamp="2026-03-02T11:00:00Z") for model in ("c", "d")]
    found = points(*first, *same_hour, *next_hour, values_per_hour=2)
    # In the first hour `b` and `c` are as frequent: the alphabet decides.
    assert models_of(found) == {"a": 3, "b": 2, OTHER_VALUES: 3, "c": 1, "d": 1}


def test_a_warm_container_remembers_which_names_an_hour_has() -> None:
    memory = Memory()
    found: Counter[str] = Counter()
    for minute in range(60):
        aggregator = Aggregator(AggregateOptions(values_per_hour=5), memory=memory)
        stamp = f"2026-03-02T10:{minute:02}:00Z"
        calls = [read(converse(modelId=f"model-{minute}", timestamp=stamp)) for _ in range(2)]
        calls.append(read(converse(modelId="model-0", timestamp=stamp)))
        aggregator.add([(call, CENT) for call in calls])
        found.update(models_of(aggregator.datapoints()))
    assert found.keys() == {OTHER_VALUES, *(f"model-{number}" for number in range(5))}
    assert found["model-0"] == 62


def test_failed_calls_of_models_without_a_price_share_a_name() -> None:
    refused = Cost(model_picodollars=0, guardrail_picodollars=0, priced="exact", is_listed=False)
    aggregator = Aggregator(AggregateOptions())
    aggregator.add(
        [(read(failed(modelId=f"invented-{number}")), refused) for number in range(20)]
        + [(read(converse(modelId="tuned")), refused)]
    )
    assert models_of(aggregator.datapoints()) == {OTHER_VALUES: 20, "tuned": 1}


def test_calls_with_a_long_term_api_key_are_counted_apart() -> None:
    key = {"arn": "arn:aws:iam::111122223333:user/BedrockAPIKey-4kq7"}
    laid = table(points(converse(identity=key), converse()))
    assert laid[()]["ApiKeyInvocations"] == 1
    assert "ApiKeyInvocations" not in table(points(converse()))[()]


def test_values_from_outside_are_printable_ascii() -> None:
    found = points(
        converse(
            modelId="ünï\u202ecödé\n" * 200, trace=converse_trace(records.topic(name="Zoë 🦆"))
        ),
        principals="all",
    )
    for point in found:
        for name, value in point.dimensions:
            assert name.isascii()
            assert value.isascii()
            assert value.isprintable()
            assert 1 <= len(value) <= 255


def test_data_points_are_sorted_and_of_known_metrics() -> None:
    found = points(BLOCKED, converse(), failed(), now=EPOCH)
    keys = [(point.minute, point.dimensions) for point in found]
    assert keys == sorted(keys)
    assert {point.metric for point in found} <= set(METRICS)
