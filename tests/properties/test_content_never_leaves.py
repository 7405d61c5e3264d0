"""Nothing that people wrote or models said is emitted, logged, returned or raised.

A canary stands in every text of every shape of record, except those that are meant to be passed on:
names, ids, words of Bedrock's own, request metadata. A field that is new is content until it is
written down here.
"""

import json
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings

from bedrock_alerts.invocations.invocation import Invocation
from bedrock_alerts.invocations.parse import parse
from functions.collect_logs import handler as collect_logs
from tests import records
from tests.properties.shapes import values
from tests.properties.test_hostile_input import FOUND, FULL
from tests.records import GUARDRAIL, Json, converse, converse_trace, invoke, invoke_keys, stream

CANARY: Final = "canary-7f3a9c"

# What is passed on, by its place: everything else is content.
_PASSED_ON: Final = {
    ("schemaType",), ("timestamp",), ("accountId",), ("region",), ("requestId",), ("operation",),
    ("modelId",), ("errorCode",), ("identity", "arn"), ("performanceConfig", "latency"),
}  # fmt: skip
# Words of Bedrock's and the providers' own within bodies, which say why an answer ended and so on.
_OWN_WORDS: Final = {
    "stopReason", "stop_reason", "finish_reason", "completionReason", "service_tier", "action",
    "latency", "ttl", "invokedModelId", "amazon-bedrock-guardrailAction",
}  # fmt: skip
# What is passed on of an item that a guardrail found.
_OF_ITEMS: Final = {"type", "confidence", "name"}
# What is passed on of an assessment beside its items.
_OF_DETAILS: Final = {"guardrailVersion"}

_HOLDERS: Final = {"message", "content", "messages", "translation"}
_FORGED: Final = {CANARY: CANARY, "text": [CANARY, {CANARY: 1}]}


def is_passed_on(path: records.Path) -> bool:
    if path in _PASSED_ON or path[0] == "requestMetadata":
        return True
    last = path[-1]
    if "findings" in path:
        return False
    if any(str(key).endswith("Policy") for key in path):
        return last in _OF_ITEMS | {"action"}
    if "serviceTier" in path:
        return last == "type"
    return last in _OWN_WORDS | _OF_DETAILS


def with_canaries(node: Any, path: records.Path = ()) -> Any:
    """Return a copy with the canary in every text that is content, and as a key among content."""
    is_content = bool(node) and bool(path) and path[-1] in _HOLDERS
    if isinstance(node, dict):
        planted = {key: with_canaries(value, (*path, key)) for key, value in node.items()}
        return {**planted, CANARY: _FORGED} if is_content else planted
    if isinstance(node, list):
        items = [with_canaries(item, (*path, number)) for number, item in enumerate(node)]
        return [*items, _FORGED, CANARY] if is_content else items
    if isinstance(node, str) and not (is_passed_on(path) or node == "[DONE]"):
        return f"{CANARY} {node}"
    return node


CHAT: Final = {"messages": [{"role": "user", "content": "A short question?"}]}
TOOLS: Final = {
    "toolConfig": {"tools": [{"toolSpec": {"name": "x", "inputSchema": {"json": {"a": "b"}}}}]},
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "x"},
                {"toolUse": {"toolUseId": "t", "name": "x", "input": {"a": "b"}}},
                {"toolResult": {"content": [{"text": "x"}, {"json": {"a": "b"}}]}},
                {"document": {"name": "x", "source": {"bytes": "eA=="}}},
                {"reasoningContent": {"reasoningText": {"text": "x", "signature": "x"}}},
            ],
        }
    ],
    "system": [{"text": "x"}],
    "inputText": "x",
    "texts": ["x"],
    "prompt": "x",
}
FOUND_KEYS: Final = invoke_keys(FOUND, FOUND)
SHAPES: Final[list[Json]] = [
    *FULL,
    converse(input=records.input_part(TOOLS), stop="tool_use"),
    converse(body={"output": {"message": {"content": TOOLS["messages"]}}}),
    converse(stop="guardrail_intervened", trace=converse_trace(FOUND, [{GUARDRAIL: FOUND}])),
    converse(body={"output": "x"}),
    invoke(records.anthropic(**FOUND_KEYS), request=CHAT),
    invoke(records.nova(**FOUND_KEYS), request=TOOLS),
    invoke(records.titan(**FOUND_KEYS), request=TOOLS),
    invoke(records.llama(**FOUND_KEYS)),
    invoke(records.mistral(**FOUND_KEYS)),
    invoke(records.deepseek(**FOUND_KEYS)),
    invoke(records.cohere(**FOUND_KEYS)),
    invoke(records.cohere_generations(**FOUND_KEYS)),
    invoke(records.chat_completion(**FOUND_KEYS), operation="ChatCompletions"),
    invoke({"output": [{"content": [{"text": "x"}]}], "status": "x"}, operation="Responses"),
    invoke({"embedding": [0.1], "note": "x"}, request=TOOLS),
    invoke({"embeddings": {"float": [[0.1]]}, "texts": ["x"]}, request=TOOLS),
    invoke({"images": ["x"], "error": "x", "finish_reasons": ["x"]}, request=TOOLS),
    invoke("x"),
    invoke(["x", {"choices": "x", "message": "x", "delta": "x", "outputs": {"text": "x"}}]),
    stream(records.anthropic_chunks("a", "b", first=FOUND_KEYS, last=FOUND_KEYS)),
    stream(records.titan_chunks("a", "b", each=FOUND_KEYS)),
    stream(records.nova_chunks(last=FOUND_KEYS)),
    stream([*records.chat_chunks(last=FOUND_KEYS), "x", ["x"]]),
    records.failed(message="x", errorMessage="x"),
    records.metadata_only(),
    records.offloaded(),
    records.hollow(),
    records.record("SomethingNew", payload={"text": "x"}),
]


def strings(node: Any) -> Iterator[str]:
    """Yield every text in what was logged, keys included, whatever it is an object of."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield str(key)
            yield from strings(value)
    elif isinstance(node, (list, tuple, set)):
        for item in node:
            yield from strings(item)
    else:
        yield f"{node!s} {node!r}"


def test_the_canaries_are_where_content_is() -> None:
    planted = json.dumps([with_canaries(document) for document in SHAPES])
    # One for each kind of field in which content was ever seen.
    for field in (
        "text", "match", "regex", "modelOutput", "outputText", "generation", "naturalLanguage",
        "prompt", "inputText", "content", "actionReason", "toolUseId", "bytes", "signature",
    ):  # fmt: skip
        assert f'"{field}": "{CANARY}' in planted or f'"{field}": ["{CANARY}' in planted, field
    assert planted.count(CANARY) > 900


@pytest.mark.parametrize("document", SHAPES)
def test_an_invocation_holds_no_content(document: Json) -> None:
    planted = parse(json.dumps(with_canaries(document)))
    assert isinstance(planted, Invocation)
    assert CANARY not in repr(planted)
    # Nor does content change what is read.
    assert planted == parse(json.dumps(document))


@given(assessment=values("GuardrailAssessment"))
def test_no_assessment_of_the_service_model_gives_content_away(assessment: Json) -> None:
    document = with_canaries(converse(trace=converse_trace(assessment, [{GUARDRAIL: assessment}])))
    assert CANARY not in repr(parse(json.dumps(document)))


# --- The whole function, at its most talkative --------------------------------------------------


class Talk(logging.Handler):
    """Keeps every log record with all that hangs on it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


Ask = Callable[[Any], tuple[Any, str]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Ask]:
    """Call the handler with everything switched on; return its answer and all that it said."""
    for name, value in {
        "METRICS_NAMESPACE": "Example",
        "EVENT_LINES": "all",
        "PRINCIPAL_METRICS": "all",
        "APPLICATION_METADATA_KEY": "app",
        "POWERTOOLS_LOG_LEVEL": "DEBUG",
        "POWERTOOLS_LOGGER_LOG_EVENT": "true",
    }.items():
        monkeypatch.setenv(name, value)
    collect_logs._app.cache_clear()  # noqa: SLF001
    talk = Talk()
    loggers = [logging.getLogger(name) for name in (None, "botocore", "boto3", "collect-logs")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.addHandler(talk)

    def asked(event: Any) -> tuple[Any, str]:
        capfd.readouterr()
        talk.records.clear()
        collect_logs._app.cache_clear()  # noqa: SLF001 - or it knows the events of before
        answer: Any
        try:
            answer = collect_logs.handler(event, None)
        except Exception as error:  # noqa: BLE001 - whatever is raised is searched
            answer = error
        said = capfd.readouterr()
        logged = " ".join(text for record in talk.records for text in strings(vars(record)))
        return answer, f"{said.out} {said.err} {logged}"

    yield asked
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(talk)
        logger.setLevel(level)
    collect_logs._app.cache_clear()  # noqa: SLF001


def recent(documents: list[Json]) -> list[Json]:
    at = datetime.fromtimestamp(time.time(), UTC).isoformat()
    return [
        {**document, "timestamp": at, "requestId": f"req-{number}"}
        for number, document in enumerate(documents)
    ]


def event_of(messages: list[Any]) -> Json:
    return records.awslogs(records.batch(records.log_events(messages, at=time.time())))


def test_the_collector_says_nothing_of_what_people_wrote(ask: Ask) -> None:
    documents = [with_canaries(document) for document in recent(SHAPES)]
    answer, said = ask(event_of(documents))
    assert answer == {
        "received": len(SHAPES), "processed": len(SHAPES) - 1, "rejected": 0, "skipped": 1,
        "duplicates": 0,
    }  # fmt: skip
    assert said.count('"event":"invocation"') == len(SHAPES) - 1
    assert said.count("ContentFilteredCount") > 1
    assert CANARY not in said
    assert CANARY not in repr(answer)


UNREADABLE: Final[list[str]] = [
    CANARY,
    f'{{"schemaType":"ModelInvocationLog","{CANARY}":"{CANARY}',
    json.dumps([CANARY]),
    json.dumps({"schemaType": CANARY}),
    json.dumps({"schemaType": "ModelInvocationLog", "text": CANARY}),
    json.dumps(with_canaries({**converse(), "timestamp": CANARY, "modelId": None})),
    '{"a":' * 5000 + json.dumps(CANARY),
    json.dumps(with_canaries(converse())).replace("A short answer.", "\ud83d") + "\0",
    "\0" + CANARY,
]


@pytest.mark.parametrize("message", UNREADABLE)
def test_a_line_that_cannot_be_read_is_not_repeated(ask: Ask, message: str) -> None:
    answer, said = ask(event_of([message]))
    assert answer["received"] == answer["rejected"] + answer["skipped"] == 1
    assert "RecordsReceived" in said
    assert CANARY not in said


BROKEN: Final[list[Any]] = [
    {CANARY: CANARY},
    {"awslogs": CANARY},
    {"awslogs": {"data": CANARY}},
    {"awslogs": {"data": CANARY.encode().hex()}},
    records.awslogs(CANARY.encode()),
    records.awslogs(b"\xff" + CANARY.encode()),
    records.awslogs({CANARY: CANARY}),
    records.awslogs([CANARY] * 3),
    records.awslogs({"logEvents": CANARY}),
    records.awslogs(b'{"logEvents":[{"message":"' + CANARY.encode()),
    records.awslogs(b"[" * 100_000 + CANARY.encode()),
]


@pytest.mark.parametrize("event", BROKEN)
def test_an_error_repeats_nothing_of_the_batch_that_caused_it(ask: Ask, event: Any) -> None:
    error, said = ask(event)
    assert isinstance(error, Exception)
    raised: BaseException | None = error
    while raised is not None:
        assert CANARY not in " ".join(strings([raised, raised.args, vars(raised)]))
        raised = raised.__cause__ or raised.__context__
    assert CANARY not in "".join(traceback.format_exception(error))
    assert CANARY not in said


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(answer=values("ConverseResponse"))
def test_no_answer_of_the_service_model_gives_content_away(ask: Ask, answer: Json) -> None:
    document = converse(output=records.output_part(answer, outputTokenCount=5))
    returned, said = ask(event_of([with_canaries(one) for one in recent([document])]))
    assert returned["processed"] == 1
    assert CANARY not in said
