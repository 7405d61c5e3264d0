"""The event lines are asked about the calls that an alarm is about, and about no others."""

from datetime import timedelta
from typing import Any

import pytest

from bedrock_alerts.alerts.events import (
    Contributor,
    Expression,
    MetricRef,
)
from bedrock_alerts.alerts.questions import SUBJECTS, question, window
from bedrock_alerts.metrics import METRICS
from tests.support.changes import AT, change_with
from tests.support.events import change_of, sample_body


def metric(name: str, *period: int, **dimensions: str) -> MetricRef:
    (seconds,) = period or (300,)
    return MetricRef(name=name, period=seconds, dimensions=tuple(dimensions.items()))


def asked(**fields: Any) -> str | None:
    """Return the filter of what is asked about such an alarm."""
    found = question(change_with(**fields), every_call=True)
    return None if found is None else found.evidence.splitlines()[0]


def test_a_question_is_asked_whole() -> None:
    found = question(change_with(metrics=(metric("Throttles", ModelId="a.model"),)))
    assert found is not None
    assert found.evidence == (
        'filter event = "invocation" and error_code = "ThrottlingException"'
        ' and (model = "a.model" or inference_profile = "a.model")\n'
        "| stats count(*) as calls, sum(usage.input_tokens) as input_tokens,"
        " sum(usage.output_tokens) as output_tokens, sum(cost_usd) as dollars"
        " by principal, model, error_code, guardrail.ids.0, guardrail.hits.0.policy,"
        " guardrail.hits.0.category\n"
        "| sort calls desc\n"
        "| limit 1000"
    )
    assert found.listing == (
        "fields @timestamp, principal, model, error_code, guardrail.verdict,"
        " guardrail.hits.0.policy, guardrail.hits.0.category, cost_usd, request_id\n"
        '| filter event = "invocation" and error_code = "ThrottlingException"'
        ' and (model = "a.model" or inference_profile = "a.model")\n'
        "| sort @timestamp desc\n"
        "| limit 200"
    )
    assert (found.start, found.end) == (AT - timedelta(minutes=5), AT + timedelta(minutes=1))
    before = found.a_day_before
    assert (found.start - before.start, found.end - before.end) == (timedelta(days=1),) * 2
    assert before.evidence == found.evidence


@pytest.mark.parametrize("name", [name for name in SUBJECTS if name in METRICS])
def test_every_metric_of_ours_that_is_asked_about_is_one(name: str) -> None:
    assert asked(metrics=(metric(name),))


@pytest.mark.parametrize(
    ("dimensions", "narrowed"),
    [
        ({"ErrorCode": "AccessDeniedException"}, 'error_code = "AccessDeniedException"'),
        ({"Principal": "role/bot"}, 'principal = "role/bot"'),
        ({"Modality": "image"}, 'modality = "image"'),
        ({"Policy": "content"}, '@message like /"policy":"content"/'),
        ({"Category": "PROMPT_ATTACK"}, '@message like /"category":"PROMPT_ATTACK"/'),
        ({"Action": "BLOCKED"}, '@message like /"action":"BLOCKED"/'),
        ({"GuardrailId": "gr0example"}, '@message like /"guardrail_id":"gr0example"/'),
    ],
)
def test_a_dimension_narrows_the_question(dimensions: dict[str, str], narrowed: str) -> None:
    found = asked(metrics=(metric("PolicyHits", **dimensions),))
    assert found is not None
    assert found.endswith(f" and {narrowed}")


@pytest.mark.parametrize(
    "dimensions",
    [
        pytest.param({"Application": "chat"}, id="a dimension that lines do not have"),
        pytest.param({"Principal": "__other__"}, id="all the others"),
        pytest.param({"Principal": 'a" or 1 = 1'}, id="a quotation mark"),
        pytest.param({"ModelId": "a\\"}, id="a backslash"),
        pytest.param({"Category": "a.*"}, id="a pattern"),
        pytest.param({"Policy": ""}, id="nothing"),
    ],
)
def test_what_cannot_be_narrowed_safely_is_not_asked(dimensions: dict[str, str]) -> None:
    assert asked(metrics=(metric("PolicyHits", **dimensions),)) is None


@pytest.mark.parametrize("name", ["Invocations", "RecordsReceived", "IteratorAge"])
def test_what_event_lines_cannot_tell_is_not_asked(name: str) -> None:
    assert asked(metrics=(metric(name),)) is None


@pytest.mark.parametrize(
    ("name", "some", "every"),
    [
        ("EstimatedCost", "usage", "usage"),
        ("UnpricedInvocations", "usage", "invocation"),
        ("Latency", "usage", "invocation"),
        ("Throttles", "invocation", "invocation"),
        ("UnguardedInvocations", None, "invocation"),
    ],
)
def test_what_lines_of_some_calls_do_not_tell_usage_lines_may(
    name: str, some: str | None, every: str
) -> None:
    change = change_with(metrics=(metric(name),))
    asked_of_some, asked_of_every = question(change), question(change, every_call=True)
    assert asked_of_every is not None
    assert f'filter event = "{every}"' in asked_of_every.evidence
    if some is None:
        assert asked_of_some is None
    else:
        assert asked_of_some is not None
        assert f'filter event = "{some}"' in asked_of_some.evidence


@pytest.mark.parametrize(
    ("name", "callers", "has_tokens"),
    [
        ("UnpricedInvocations", "stats sum(unpriced) as calls by", False),
        ("Latency", "stats sum(answered) as calls by", True),
    ],
)
def test_usage_lines_count_the_calls_that_the_metric_counts(
    name: str, callers: str, *, has_tokens: bool
) -> None:
    found = question(change_with(metrics=(metric(name),)))
    assert found is not None
    assert callers in found.callers
    assert found.callers.endswith("| sort calls desc")
    assert ("input_tokens" in found.evidence) is has_tokens


def test_usage_lines_tell_who_spent_what() -> None:
    found = question(change_with(metrics=(metric("EstimatedCost", Application="shop"),)))
    assert found is not None
    assert found.evidence == (
        'filter event = "usage" and application = "shop"\n'
        "| stats sum(calls) as calls, sum(input_tokens) as input_tokens,"
        " sum(output_tokens) as output_tokens, sum(total_usd) as dollars"
        " by principal, application, model\n| sort dollars desc\n| limit 1000"
    )
    assert found.listing.endswith("| sort dollars desc\n| limit 200")
    assert found.callers == (
        'filter event = "usage" and application = "shop"'
        " | stats sum(total_usd) as dollars by principal, model | sort dollars desc"
    )


@pytest.mark.parametrize(
    ("name", "dimension"),
    [("EstimatedCost", "Modality"), ("ContentFilteredCount", "Application")],
)
def test_lines_are_not_asked_about_what_they_do_not_tell_apart(name: str, dimension: str) -> None:
    assert question(change_with(metrics=(metric(name, **{dimension: "x"}),))) is None


def test_nothing_is_asked_where_nothing_is_watched() -> None:
    assert asked() is None


def test_of_several_metrics_the_first_that_lines_know_is_asked_about() -> None:
    metrics = (metric("Invocations"), metric("Throttles"), metric("InvocationErrors"))
    found = asked(metrics=metrics)
    assert found is not None
    assert "ThrottlingException" in found


def test_a_sum_over_several_dimensions_is_about_what_they_share() -> None:
    metrics = (
        metric("PolicyHits", Policy="sensitive_information", Action="BLOCKED"),
        metric("PolicyHits", Policy="sensitive_information", Action="ANONYMIZED"),
    )
    found = asked(metrics=metrics)
    assert found is not None
    assert "sensitive_information" in found
    assert "BLOCKED" not in found


def test_a_query_over_series_is_asked_about_its_metric_and_the_series() -> None:
    sql = 'SELECT SUM(ContentFilteredCount) FROM SCHEMA("a", Principal) GROUP BY Principal'
    series = Contributor(id="a", attributes=(("Principal", "role/bot"),))
    found = asked(expressions=(Expression(text=sql, period=3600),), contributor=series)
    assert found is not None
    assert found.endswith('guardrail.verdict = "blocked" and principal = "role/bot"')


def test_a_composite_is_asked_about_by_its_name() -> None:
    found = question(change_of(sample_body("composite")))
    assert found is not None
    assert found.subject.words == "failed"


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        pytest.param({}, timedelta(minutes=15), id="no period is said"),
        pytest.param({"metrics": (metric("m", 60),)}, timedelta(minutes=5), id="a short one"),
        pytest.param(
            {"metrics": (metric("m", 300),), "recent_values": (1.0, 2.0, 3.0)},
            timedelta(minutes=15),
            id="several periods",
        ),
        pytest.param(
            {
                "metrics": (MetricRef(name="m"),),
                "expressions": (Expression(text="e", period=3600),),
            },
            timedelta(hours=1),
            id="an expression's",
        ),
        pytest.param(
            {"metrics": (metric("m", 86400),), "recent_values": (1.0, 2.0)},
            timedelta(days=1),
            id="never more than a day",
        ),
    ],
)
def test_the_window_is_what_the_alarm_has_judged(fields: Any, length: timedelta) -> None:
    start, end = window(change_with(**fields))
    assert (AT - start, end - AT) == (length, timedelta(minutes=1))
