"""Batches of lines for hypothesis, and what they come to in a form that can be compared."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from bedrock_alerts.invocations.aggregate import AggregateOptions
from bedrock_alerts.invocations.collector import Collected, CollectOptions, Parts, collect
from bedrock_alerts.invocations.decode import LogBatch, LogLine
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.metrics import METRICS
from tests import records
from tests.records import EPOCH, HAIKU, converse, converse_trace, failed, invoke, stream

NOW: Final = EPOCH + 90
PRICES: Final = Prices.load()
OPTIONS: Final = CollectOptions(
    aggregate=AggregateOptions(principals="all", application_key="app"), every_event=True
)

# --- Lines --------------------------------------------------------------------------------------

_COUNTS: Final = st.integers(0, 10**6)
_PARTS: Final = (
    records.topic(),
    records.topic("NONE", "Something else"),
    records.content("NONE", "PROMPT_ATTACK", "LOW"),
    records.pii(),
    records.regex("BLOCKED", None),
    records.invocation_metrics(120, contentPolicyUnits=3),
)
_ASSESSMENTS: Final = st.sets(st.sampled_from(range(len(_PARTS))), max_size=3).map(
    lambda chosen: records.assessment(*(_PARTS[number] for number in chosen))
)
_COMMON: Final = st.fixed_dictionaries(
    {
        "timestamp": st.sampled_from(
            ["2026-03-02T10:14:59.900Z", "2026-03-02T10:15:00Z", "2026-03-02T10:15:30Z"]
        ),
        "modelId": st.sampled_from([HAIKU, f"eu.{HAIKU}", "amazon.nova-lite-v1:0", "who.knows"]),
    },
    optional={
        "requestMetadata": st.sampled_from([{"app": "shop"}, {"app": "Zoë 🦆"}, {"other": "x"}]),
        "identity": st.sampled_from([{"arn": "arn:aws:iam::111122223333:user/batch"}, None]),
    },
)
_CALLS: Final = st.one_of(
    st.builds(converse, tokens=st.tuples(_COUNTS, _COUNTS)),
    st.builds(
        lambda found, operation: converse(trace=converse_trace(found), operation=operation),
        _ASSESSMENTS,
        st.sampled_from(["Converse", "ConverseStream"]),
    ),
    st.builds(lambda found: invoke(records.titan(**records.invoke_keys(found))), _ASSESSMENTS),
    st.builds(lambda: stream(records.anthropic_chunks())),
    st.builds(failed, st.sampled_from(["ThrottlingException", "AccessDeniedException"])),
    st.builds(records.metadata_only),
    st.builds(records.offloaded),
    st.builds(lambda: invoke({"images": ["x"]}, tokens=(5, None))),
)
_NOT_CALLS: Final[st.SearchStrategy[Any]] = st.sampled_from(
    ["no JSON", "", "[]", {"schemaType": "Other"}, {"schemaType": "ModelInvocationLog"}]
)


@st.composite
def batches_of_lines(draw: st.DrawFn) -> list[Any]:
    """Draw lines as they occur: calls, some of them with an empty twin, and what is no call."""
    lines: list[Any] = []
    for number, call in enumerate(draw(st.lists(st.tuples(_CALLS, _COMMON), max_size=8))):
        document = call[0] | call[1] | {"requestId": f"req-{number}"}
        lines.append(document)
        if draw(st.integers(0, 4)) == 0:
            lines.append(records.hollow(requestId=document["requestId"]))
    alone = [
        records.hollow(requestId=f"alone-{number}") for number in range(draw(st.integers(0, 2)))
    ]
    return draw(st.permutations(lines + alone + draw(st.lists(_NOT_CALLS, max_size=3))))


def events_of(lines: Iterable[Any], name: str = "e") -> list[LogLine]:
    return [
        LogLine(
            line if isinstance(line, str) else json.dumps(line), f"{name}{number}", EPOCH * 1000
        )
        for number, line in enumerate(lines)
    ]


def run(events: Sequence[LogLine], options: CollectOptions = OPTIONS) -> Collected:
    batch = LogBatch(log_events=tuple(events), message_type="DATA_MESSAGE")
    return collect((batch,), Parts(PRICES, options), now=NOW)


# --- What they come to --------------------------------------------------------------------------

Summary = dict[tuple[Any, ...], Any]


def summary(*results: Collected) -> Summary:
    """Lay out by minute, dimensions and metric what CloudWatch would make of some results."""
    values: defaultdict[tuple[Any, ...], list[float]] = defaultdict(list)
    for result in results:
        for point in result.datapoints:
            values[point.minute, point.dimensions, point.metric].extend(point.values)
    return {key: _combined(key[2], found) for key, found in values.items()}


def _combined(metric: str, values: list[float]) -> Any:
    how = METRICS[metric].combine
    if how == "all":
        return Counter(values)
    if how == "max":
        return max(values)
    # Dollars are whole pico-dollars until they are published.
    return round(sum(values) * 10**12) if metric.endswith("Cost") else sum(values)


def events_by_request(*results: Collected) -> dict[str, Mapping[str, Any]]:
    events = [json.loads(line) for result in results for line in result.events]
    return {event["request_id"]: event for event in events}
