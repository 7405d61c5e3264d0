"""Invented invocation records, built the way Bedrock logs them.

Nothing here was ever logged: accounts, names, texts and numbers are made up. The shapes follow
AWS's documentation of the invocation log and the service model of `bedrock-runtime`.
"""

import base64
import copy
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

ACCOUNT: Final = "111122223333"
REGION: Final = "eu-west-1"
TIMESTAMP: Final = "2026-03-02T10:15:00Z"
EPOCH: Final = 1_772_446_500.0
HAIKU: Final = "anthropic.claude-haiku-4-5-20251001-v1:0"
CALLER: Final = f"arn:aws:sts::{ACCOUNT}:assumed-role/search-app/alice@example.com"
GUARDRAIL: Final = "gr0example1"
OTHER_GUARDRAIL: Final = "gr0example2"
LOG_GROUP: Final = "/aws/bedrock/invocations"


# --- Records ------------------------------------------------------------------------------------


def record(operation: str = "Converse", model: str = HAIKU, **more: Any) -> Json:
    """Build the top level of a record, as it is when a call failed: no input, no output."""
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": TIMESTAMP,
        "accountId": ACCOUNT,
        "region": REGION,
        "requestId": "req-0001",
        "operation": operation,
        "modelId": model,
        "identity": {"arn": CALLER},
        **more,
    }


def converse(
    text: str = "A short answer.",
    *,
    stop: str = "end_turn",
    trace: Json | None = None,
    tokens: tuple[int, int] = (12, 34),
    body: Json | None = None,
    usage: Json | None = None,
    **more: Any,
) -> Json:
    """Build a Converse record: one assembled answer, streamed or not."""
    answer: Json = {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": stop,
        "metrics": {"latencyMs": 640},
        "usage": {
            "inputTokens": tokens[0],
            "outputTokens": tokens[1],
            "totalTokens": sum(tokens),
            **(usage or {}),
        },
        **({} if trace is None else {"trace": trace}),
        **(body or {}),
    }
    return record(
        **{
            "operation": "Converse",
            "input": input_part(
                {
                    "messages": [{"role": "user", "content": [{"text": "A short question?"}]}],
                    "system": [{"text": "Be brief."}],
                    "inferenceConfig": {"maxTokens": 200},
                },
                inputTokenCount=tokens[0],
                cacheReadInputTokenCount=0,
                cacheWriteInputTokenCount=0,
            ),
            "output": output_part(answer, outputTokenCount=tokens[1]),
            **more,
        }
    )


def invoke(
    body: Any,
    *,
    model: str = HAIKU,
    request: Any = None,
    tokens: tuple[int | None, int | None] = (12, 34),
    counters: Json | None = None,
    **more: Any,
) -> Json:
    """Build an InvokeModel record around a provider's answer, or a stream's list of chunks."""
    tokens_in = {} if tokens[0] is None else {"inputTokenCount": tokens[0]}
    tokens_out = {} if tokens[1] is None else {"outputTokenCount": tokens[1]}
    return record(
        **{
            "operation": "InvokeModel",
            "model": model,
            "input": input_part(request or {"prompt": "A short question?"}, **tokens_in),
            "output": output_part(body, **tokens_out, **(counters or {})),
            **more,
        }
    )


def stream(chunks: Sequence[Any], **more: Any) -> Json:
    """Build an InvokeModelWithResponseStream record around its chunks."""
    return invoke(list(chunks), **{"operation": "InvokeModelWithResponseStream", **more})


def failed(error_code: str = "ThrottlingException", **more: Any) -> Json:
    """Build the record of a refused call, which has neither input nor output."""
    return record(**{"operation": "ConverseStream", "errorCode": error_code, **more})


def metadata_only(**more: Any) -> Json:
    """Build a record as it is when the delivery of texts is switched off: counters, no bodies."""
    return record(
        **{
            "input": {"inputContentType": "application/json", "inputTokenCount": 12},
            "output": {"outputContentType": "application/json", "outputTokenCount": 34},
            **more,
        }
    )


def offloaded(*, output: bool = True, **more: Any) -> Json:
    """Build a record whose input, and on request output, was too large and went to S3."""
    line = converse(**more)
    folder = f"s3://example-bodies/AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/{REGION}/data"
    for part, is_away in (("input", True), ("output", output)):
        if is_away:
            del line[part][f"{part}BodyJson"]
            line[part][f"{part}BodyS3Path"] = f"{folder}/{line['requestId']}_{part}.json.gz"
    return line


def hollow(**more: Any) -> Json:
    """Build the empty record that a stream may log before its real one."""
    return record(
        **{
            "operation": "ConverseStream",
            "input": {"inputContentType": "application/json", "inputTokenCount": 0},
            "output": {"outputContentType": "application/json", "outputTokenCount": 0},
            **more,
        }
    )


def input_part(body: Any, **counters: Any) -> Json:
    return {"inputContentType": "application/json", **counters, "inputBodyJson": body}


def output_part(body: Any, **counters: Any) -> Json:
    return {"outputContentType": "application/json", **counters, "outputBodyJson": body}


# --- Providers' answers -------------------------------------------------------------------------


def anthropic(text: str = "A short answer.", **more: Any) -> Json:
    return {
        "id": "msg_example",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 34},
        **more,
    }


def anthropic_chunks(
    *texts: str, first: Json | None = None, last: Json | None = None, usage: Json | None = None
) -> list[Any]:
    """Build Anthropic's events; `first` goes onto the first piece of text, `last` onto the end."""
    pieces: list[Json] = [
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": text},
            **((first or {}) if number == 0 else {}),
        }
        for number, text in enumerate(texts or ("A short", " answer."))
    ]
    return [
        {
            "type": "message_start",
            "message": {
                "id": "msg_example",
                "role": "assistant",
                "content": [],
                "stop_reason": None,
                "usage": {
                    "input_tokens": 40,
                    "output_tokens": 1,
                    "cache_creation": {
                        "ephemeral_5m_input_tokens": 0,
                        "ephemeral_1h_input_tokens": 0,
                    },
                    **(usage or {}),
                },
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *pieces,
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 9},
        },
        {"type": "message_stop", "amazon-bedrock-invocationMetrics": METRICS, **(last or {})},
    ]


METRICS: Final = {
    "inputTokenCount": 40,
    "outputTokenCount": 9,
    "invocationLatency": 800,
    "firstByteLatency": 300,
}


def nova(text: str = "A short answer.", **more: Any) -> Json:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 12, "outputTokens": 34, "totalTokens": 46},
        **more,
    }


def nova_chunks(*texts: str, last: Json | None = None) -> list[Json]:
    return [
        {"messageStart": {"role": "assistant"}},
        *(
            {"contentBlockDelta": {"delta": {"text": text}, "contentBlockIndex": 0}}
            for text in texts or ("A short", " answer.")
        ),
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "max_tokens"}},
        {
            "metadata": {"usage": {"inputTokens": 40, "outputTokens": 9}, "metrics": {}},
            "amazon-bedrock-invocationMetrics": METRICS,
            **(last or {}),
        },
    ]


def titan(text: str = "A short answer.", *, reason: str = "FINISH", **more: Any) -> Json:
    return {
        "inputTextTokenCount": 12,
        "results": [{"tokenCount": 34, "outputText": text, "completionReason": reason}],
        **more,
    }


def titan_chunks(*texts: str, each: Json | None = None, last: Json | None = None) -> list[Json]:
    """Build Titan's chunks; `each` goes onto every one of them, `last` onto the last."""
    pieces: list[Json] = [
        {
            "outputText": text,
            "index": number,
            "totalOutputTextTokenCount": None,
            "completionReason": None,
            "inputTextTokenCount": 40,
            **(each or {}),
        }
        for number, text in enumerate(texts or ("A short", " answer."))
    ]
    pieces[-1] |= {
        "totalOutputTextTokenCount": 9,
        "completionReason": "FINISH",
        "amazon-bedrock-invocationMetrics": METRICS,
        **(last or {}),
    }
    return pieces


def llama(text: str = "A short answer.", **more: Any) -> Json:
    return {
        "generation": text,
        "prompt_token_count": 12,
        "generation_token_count": 34,
        "stop_reason": "stop",
        **more,
    }


def mistral(text: str = "A short answer.", **more: Any) -> Json:
    return {"outputs": [{"text": text, "stop_reason": "stop"}], **more}


def deepseek(text: str = "A short answer.", **more: Any) -> Json:
    return {"choices": [{"text": text, "stop_reason": "length"}], **more}


def cohere(text: str = "A short answer.", **more: Any) -> Json:
    return {"response_id": "r-1", "text": text, "finish_reason": "COMPLETE", **more}


def cohere_generations(text: str = "A short answer.", **more: Any) -> Json:
    return {"generations": [{"id": "g-1", "text": text, "finish_reason": "MAX_TOKENS"}], **more}


def chat_completion(text: str = "A short answer.", **more: Any) -> Json:
    """Build what AI21, Qwen, gpt-oss and others that speak OpenAI's language answer."""
    return {
        "id": "chatcmpl-example",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46},
        **more,
    }


def chat_chunks(*texts: str, last: Json | None = None) -> list[Any]:
    pieces: list[Json] = [
        {
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
        }
        for text in texts or ("A short", " answer.")
    ]
    return [
        *pieces,
        {
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
            "amazon-bedrock-invocationMetrics": METRICS,
            **(last or {}),
        },
        "[DONE]",
    ]


# --- Guardrails ---------------------------------------------------------------------------------


def topic(action: str = "BLOCKED", name: str = "Refund advice", **more: Any) -> Json:
    return {"topicPolicy": {"topics": [{"name": name, "type": "DENY", "action": action, **more}]}}


def content(
    action: str = "BLOCKED", kind: str = "INSULTS", confidence: str = "HIGH", **more: Any
) -> Json:
    return {
        "contentPolicy": {
            "filters": [
                {
                    "type": kind,
                    "confidence": confidence,
                    "filterStrength": "LOW",
                    "action": action,
                    **more,
                }
            ]
        }
    }


def custom_word(action: str = "BLOCKED", **more: Any) -> Json:
    words = [{"match": "sensitive", "action": action, **more}]
    return {"wordPolicy": {"customWords": words, "managedWordLists": []}}


def profanity(action: str = "BLOCKED", **more: Any) -> Json:
    words = [{"match": "sensitive", "type": "PROFANITY", "action": action, **more}]
    return {"wordPolicy": {"customWords": [], "managedWordLists": words}}


def pii(action: str = "ANONYMIZED", kind: str = "EMAIL", **more: Any) -> Json:
    found = [{"match": "alice@example.com", "type": kind, "action": action, **more}]
    return {"sensitiveInformationPolicy": {"piiEntities": found, "regexes": []}}


def regex(action: str = "BLOCKED", name: str | None = "Ticket number", **more: Any) -> Json:
    named = {} if name is None else {"name": name}
    found = [{**named, "match": "T-1", "regex": "T-[0-9]+", "action": action, **more}]
    return {"sensitiveInformationPolicy": {"piiEntities": [], "regexes": found}}


def grounding(action: str = "BLOCKED", score: float = 0.2, **more: Any) -> Json:
    item = {"type": "GROUNDING", "threshold": 0.7, "score": score, "action": action, **more}
    return {"contextualGroundingPolicy": {"filters": [item]}}


def reasoning(*kinds: str) -> Json:
    claims = {"translation": {"claims": [{"naturalLanguage": "It rains."}], "confidence": 0.9}}
    return {"automatedReasoningPolicy": {"findings": [{kind: claims} for kind in kinds]}}


def invocation_metrics(latency: int = 210, **units: int) -> Json:
    """Build what every assessment holds, also one that found nothing; `units` by policy key."""
    required = ("topic", "content", "word", "sensitiveInformation", "contextualGrounding")
    usage = {f"{policy}PolicyUnits": 0 for policy in required}
    usage["sensitiveInformationPolicyFreeUnits"] = 0
    return {
        "invocationMetrics": {
            "guardrailProcessingLatency": latency,
            "usage": {**usage, **units},
            "guardrailCoverage": {"textCharacters": {"guarded": 17, "total": 17}},
        }
    }


def details(version: str = "3", guardrail: str = GUARDRAIL) -> Json:
    return {
        "appliedGuardrailDetails": {
            "guardrailId": guardrail,
            "guardrailVersion": version,
            "guardrailArn": f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/{guardrail}",
            "guardrailOrigin": ["REQUEST"],
            "guardrailOwnership": "SELF",
        }
    }


def assessment(*parts: Json) -> Json:
    """Put policies together; the items of one policy that comes twice are joined."""
    whole: Json = {}
    for part in copy.deepcopy(parts):
        for key, value in part.items():
            if key not in whole:
                whole[key] = value
                continue
            for name, items in value.items():
                whole[key][name] = whole[key].get(name, []) + items
    return whole


def converse_trace(
    given: Json | None = None, answered: Any = None, *, guardrail: str = GUARDRAIL
) -> Json:
    """Build `trace`: one input assessment, and what stands under `outputAssessments`."""
    trace: Json = {"modelOutput": ["A withheld answer."], "actionReason": "Guardrail blocked."}
    if given is not None:
        trace["inputAssessment"] = {guardrail: given}
    if answered is not None:
        trace["outputAssessments"] = answered
    return {"guardrail": trace}


def invoke_keys(
    given: Json | None = None,
    *answered: Json,
    action: str = "INTERVENED",
    guardrail: str = GUARDRAIL,
) -> Json:
    """Build what Bedrock adds to a provider's answer: the action, and the trace if there is one."""
    keys: Json = {"amazon-bedrock-guardrailAction": action}
    if given is not None or answered:
        keys["amazon-bedrock-trace"] = {
            "guardrail": {
                "modelOutput": ["A withheld answer."],
                "actionReason": "Guardrail blocked.",
                **({} if given is None else {"input": {guardrail: given}}),
                "outputs": [{guardrail: one} for one in answered],
            }
        }
    return keys


# --- Delivery -----------------------------------------------------------------------------------


def log_events(messages: Iterable[Any], *, at: float = EPOCH) -> list[Json]:
    """Wrap messages, or records to be dumped, as CloudWatch Logs delivers them."""
    return [
        {
            "id": f"{number:056}",
            "timestamp": int(at * 1000),
            "message": message if isinstance(message, str) else json.dumps(message),
        }
        for number, message in enumerate(messages)
    ]


def batch(events: Sequence[Any], **more: Any) -> Json:
    return {
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": LOG_GROUP,
        "logStream": "aws/bedrock/modelinvocations",
        "subscriptionFilters": ["bedrock-alerts"],
        "logEvents": list(events),
        **more,
    }


def awslogs(document: Any) -> Json:
    """Pack a batch (or any bytes in its place) into the event that a function is invoked with."""
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return {"awslogs": {"data": base64.b64encode(gzip.compress(text, 1)).decode()}}


# --- Walking and changing -----------------------------------------------------------------------

Path: TypeAlias = tuple[str | int, ...]


def paths(node: Any, above: Path = ()) -> Iterator[Path]:
    """Yield the way to every value of a document, the document itself left out."""
    children: Iterable[tuple[str | int, Any]] = ()
    if isinstance(node, Mapping):
        children = node.items()
    elif isinstance(node, list):
        children = enumerate(node)
    for key, child in children:
        yield (*above, key)
        yield from paths(child, (*above, key))


def value_at(document: Any, path: Path) -> Any:
    for key in path:
        document = document[key]
    return document


def changed(document: Any, path: Path, value: Any) -> Any:
    """Return a copy of `document` with `value` at the end of `path`."""
    document = copy.deepcopy(document)
    value_at(document, path[:-1])[path[-1]] = value
    return document
