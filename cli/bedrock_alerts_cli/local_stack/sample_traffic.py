"""Synthetic but realistic Bedrock traffic: minutes of calls by several applications and models.

Every run of a seed gives the same calls. No text in it is from a real person: prompts and responses
are stock phrases that give the records their size.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli.sample_account import ACCOUNT, REGION
from bedrock_alerts_cli.simulator import Datapoint

_GUARDRAIL: Final = "gr4example7x"


class Caller(NamedTuple):
    """An application: its role, the model it calls, and what its calls look like."""

    role: str
    session: str
    model_id: str
    operation: str
    per_minute: int
    input_tokens: int
    output_tokens: int
    latency_ms: int
    guarded: bool = False


CALLERS: Final = (
    Caller("support-chat", "web", "eu.anthropic.claude-haiku-4-5-20251001-v1:0", "ConverseStream",
           14, 900, 220, 1400, guarded=True),
    Caller("search-app", "api", "amazon.nova-lite-v1:0", "Converse", 10, 400, 90, 500,
           guarded=True),
    Caller("report-writer", "nightly", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
           "InvokeModelWithResponseStream", 4, 5200, 900, 9000),
    Caller("indexer", "batch", "amazon.titan-embed-text-v2:0", "InvokeModel", 8, 300, 0, 90),
)  # fmt: skip


class Scene(NamedTuple):
    """The events of one minute, besides ordinary calls."""

    title: str
    blocked: int = 0
    throttled: int = 0


QUIET: Final = Scene("ordinary traffic")
STORY: Final = (
    QUIET,
    QUIET,
    Scene("someone tries to make the chat ignore its rules", blocked=6),
    Scene("and tries again", blocked=6),
    QUIET,
    QUIET,
    QUIET,
    QUIET,
    QUIET,
    Scene("the nightly report reaches its quota", throttled=9),
    Scene("and retries in a loop", throttled=12),
    *[QUIET] * 23,
)


# The expected state changes of the stack's alarms, in order.
EXPECTED: Final = (
    ("ContentFiltered", "ALARM"),
    ("PromptAttack", "ALARM"),
    ("RepeatOffender", "ALARM"),
    ("Throttling", "ALARM"),
    ("BedrockDegraded", "ALARM"),
    ("PromptAttack", "OK"),
    ("ContentFiltered", "OK"),
    ("Throttling", "OK"),
    ("BedrockDegraded", "OK"),
)


def minute_of_traffic(
    scene: Scene, minute: datetime, chance: random.Random
) -> list[tuple[datetime, dict[str, Any]]]:
    """Return the records of one minute in order of time."""
    calls = [
        *(
            _answered(caller, chance)
            for caller in CALLERS
            for _ in range(max(1, round(chance.gauss(caller.per_minute, caller.per_minute / 6))))
        ),
        *(_blocked(CALLERS[0], chance) for _ in range(scene.blocked)),
        *(_throttled(CALLERS[2], chance) for _ in range(scene.throttled)),
    ]
    moments = sorted(minute + timedelta(seconds=chance.randrange(60)) for _ in calls)
    chance.shuffle(calls)
    return [
        (moment, {"timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}", **call})
        for moment, call in zip(moments, calls, strict=True)
    ]


def story(
    start: datetime, seed: int = 7
) -> Iterator[tuple[Scene, list[tuple[datetime, dict[str, Any]]]]]:
    """Return the scenes of the demo, one a minute from `start`, with their records."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    for number, scene in enumerate(STORY):
        yield scene, minute_of_traffic(scene, start + timedelta(minutes=number), chance)


def native_metrics(records: list[tuple[datetime, dict[str, Any]]]) -> list[Datapoint]:
    """Return the metrics that Bedrock itself publishes for a minute's calls, over all models."""
    if not records:
        return []
    throttled = sum("errorCode" in record for _, record in records)
    counts = {"Invocations": len(records) - throttled, "InvocationThrottles": throttled}
    minute = int(records[0][0].timestamp()) // 60 * 60
    return [
        Datapoint(namespace="AWS/Bedrock", metric=metric, minute=minute, values=(1.0,) * count)
        for metric, count in counts.items()
        if count
    ]


def _head(caller: Caller, chance: random.Random) -> dict[str, Any]:
    return {
        "accountId": ACCOUNT,
        "region": REGION,
        "requestId": f"{chance.getrandbits(128):032x}",
        "operation": caller.operation,
        "modelId": caller.model_id,
        "identity": {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{caller.role}/{caller.session}"},
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
    }


def _answered(caller: Caller, chance: random.Random) -> dict[str, Any]:
    tokens_in = max(1, round(chance.gauss(caller.input_tokens, caller.input_tokens / 4)))
    tokens_out = max(0, round(chance.gauss(caller.output_tokens, caller.output_tokens / 4)))
    latency = max(30, round(chance.gauss(caller.latency_ms, caller.latency_ms / 5)))
    body: dict[str, Any] | list[Any]
    if caller.operation == "InvokeModel":
        body = {"inputTextTokenCount": tokens_in, "embedding": [0.0125, -0.0475]}
    elif caller.operation == "InvokeModelWithResponseStream":
        body = _chunks(tokens_in, tokens_out, latency)
    else:
        body = {
            "output": {"message": {"role": "assistant", "content": [{"text": "Here you are."}]}},
            "stopReason": "end_turn",
            "metrics": {"latencyMs": latency},
            "usage": {"inputTokens": tokens_in, "outputTokens": tokens_out},
        }
        if caller.guarded:
            body["trace"] = {"guardrail": {"inputAssessment": {_GUARDRAIL: _assessment()}}}
    output: dict[str, Any] = {
        "outputContentType": "application/json",
        "outputBodyJson": body,
    }
    if tokens_out:
        output["outputTokenCount"] = tokens_out
    return {**_head(caller, chance), "input": _input(tokens_in), "output": output}


def _blocked(caller: Caller, chance: random.Random) -> dict[str, Any]:
    category = chance.choice(("PROMPT_ATTACK", "MISCONDUCT", "PROMPT_ATTACK"))
    finding = {
        "type": category, "confidence": "HIGH", "filterStrength": "HIGH", "action": "BLOCKED",
        "detected": True,
    }  # fmt: skip
    return {
        **_head(caller, chance),
        "input": _input(0),
        "output": {
            "outputContentType": "application/json",
            "outputTokenCount": 0,
            "outputBodyJson": {
                "output": {"message": {"role": "assistant", "content": [{"text": "Sorry."}]}},
                "stopReason": "guardrail_intervened",
                "metrics": {"latencyMs": chance.randrange(180, 420)},
                "usage": {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0},
                "trace": {
                    "guardrail": {
                        "actionReason": "Guardrail blocked.",
                        "inputAssessment": {
                            _GUARDRAIL: {**_assessment(), "contentPolicy": {"filters": [finding]}}
                        },
                    }
                },
            },
        },
    }


def _throttled(caller: Caller, chance: random.Random) -> dict[str, Any]:
    return {**_head(caller, chance), "errorCode": "ThrottlingException"}


def _input(tokens: int) -> dict[str, Any]:
    return {
        "inputContentType": "application/json",
        "inputBodyJson": {"messages": [{"role": "user", "content": [{"text": "Good day. " * 8}]}]},
        "inputTokenCount": tokens,
    }


def _assessment() -> dict[str, Any]:
    units = ("topicPolicyUnits", "contentPolicyUnits", "wordPolicyUnits")
    return {
        "invocationMetrics": {
            "guardrailProcessingLatency": 212,
            "usage": {
                **dict.fromkeys(units, 1),
                "sensitiveInformationPolicyUnits": 0,
                "sensitiveInformationPolicyFreeUnits": 0,
                "contextualGroundingPolicyUnits": 0,
            },
            "guardrailCoverage": {"textCharacters": {"guarded": 80, "total": 80}},
        }
    }


def _chunks(tokens_in: int, tokens_out: int, latency: int) -> list[Any]:
    return [
        {"type": "message_start", "message": {"usage": {"input_tokens": tokens_in}}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Summary: "}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {
            "type": "message_stop",
            "amazon-bedrock-invocationMetrics": {
                "inputTokenCount": tokens_in,
                "outputTokenCount": tokens_out,
                "invocationLatency": latency,
                "firstByteLatency": latency // 6,
            },
        },
    ]
