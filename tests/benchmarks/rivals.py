"""The plain ways to do the collector's job, as one would write them in an afternoon.

They publish the same metrics with the same dimensions and write the same event lines, which `make
bench` checks before it measures. But they trust what they read: no value is checked, nothing that
came twice is counted once, nothing is capped, and half an emoji or a list where an object is due
costs them the batch.
"""

import base64
import contextlib
import gzip
import io
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.utilities.data_classes import CloudWatchLogsEvent

from bedrock_alerts.invocations.price_list import PRICES_FILE

NAMESPACE: Final = "BedrockAlerts"
MILLISECONDS: Final = ("Latency", "TimeToFirstByte", "GuardrailLatency")
UNITS: Final = {
    **dict.fromkeys(MILLISECONDS, "Milliseconds"),
    "RecordAge": "Seconds",
    "EstimatedCost": "None",
    "GuardrailCost": "None",
}
KINDS: Final = {
    "topicPolicy": ("topics", "topic"),
    "contentPolicy": ("filters", "content"),
    "wordPolicy": ("customWords", "word"),
    "sensitiveInformationPolicy": ("piiEntities", "sensitive_information"),
}
VERDICTS: Final = {
    "blocked": "ContentFilteredCount",
    "masked": "MaskedCount",
    "detected": "DetectedCount",
}
PRICES: Final = json.loads(PRICES_FILE.read_bytes())
RATES: Final = {
    (entry["model"], entry.get("region")): entry["rates"] for entry in PRICES["entries"]
}
UNIT_RATES: Final = {
    "topicPolicyUnits": PRICES["guardrail"]["topic"],
    "contentPolicyUnits": PRICES["guardrail"]["content"],
    "contentPolicyImageUnits": PRICES["guardrail"]["content_image"],
    "wordPolicyUnits": PRICES["guardrail"]["word"],
    "sensitiveInformationPolicyUnits": PRICES["guardrail"]["sensitive_information"],
    "sensitiveInformationPolicyFreeUnits": 0,
    "contextualGroundingPolicyUnits": PRICES["guardrail"]["contextual_grounding"],
    "automatedReasoningPolicyUnits": PRICES["guardrail"]["automated_reasoning"],
}
Dimensions = tuple[tuple[str, str], ...]
# Metrics and the sets of dimensions they are published with.
Measured = tuple[dict[str, Any], tuple[Dimensions, ...]]

metrics = Metrics(namespace=NAMESPACE)


def standard_library(event: Mapping[str, Any]) -> str:
    """Use base64, gzip and json, and write the metrics of every record on lines of their own."""
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    out: list[str] = []
    oldest = _now()
    for item in batch["logEvents"]:
        call = read(json.loads(item["message"]))
        oldest = min(oldest, call["minute"])
        if _is_notable(call):
            out.append(json.dumps({"event": "invocation", **call}))
        out.extend(_emf_line(call["minute"], sets, values) for values, sets in _measurements(call))
    out.append(_emf_line(oldest, ((),), _batch_values(len(batch["logEvents"]), oldest)))
    return "\n".join(out)


def standard_library_grouped(event: Mapping[str, Any]) -> str:
    """Use base64, gzip and json, and add up by minute and dimensions before writing."""
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    out: list[str] = []
    groups: defaultdict[tuple[int, Dimensions], dict[str, Any]] = defaultdict(dict)
    oldest = _now()
    for item in batch["logEvents"]:
        call = read(json.loads(item["message"]))
        oldest = min(oldest, call["minute"])
        if _is_notable(call):
            out.append(json.dumps({"event": "invocation", **call}))
        for values, sets in _measurements(call):
            for dimensions in sets:
                group = groups[call["minute"], dimensions]
                for name, value in values.items():
                    if name in MILLISECONDS:
                        group.setdefault(name, []).append(value)
                    else:
                        group[name] = group.get(name, 0) + value
    groups[oldest, ()].update(_batch_values(len(batch["logEvents"]), oldest))
    out.extend(
        _emf_line(minute, (dimensions,), values) for (minute, dimensions), values in groups.items()
    )
    return "\n".join(out)


def powertools(event: Mapping[str, Any]) -> str:
    """Use Powertools: its event data class, and its Metrics flushed for every record."""
    batch = CloudWatchLogsEvent(dict(event)).parse_logs_data()
    out = io.StringIO()
    oldest = _now()
    with contextlib.redirect_stdout(out):
        for item in batch.log_events:
            call = read(json.loads(item.message))
            oldest = min(oldest, call["minute"])
            if _is_notable(call):
                out.write(json.dumps({"event": "invocation", **call}) + "\n")
            for values, sets in _measurements(call):
                _flush(call["minute"], sets, values)
        _flush(oldest, ((),), _batch_values(len(list(batch.log_events)), oldest))
    return out.getvalue()


def _flush(minute: int, sets: tuple[Dimensions, ...], values: Mapping[str, Any]) -> None:
    metrics.set_timestamp(minute)
    first, *others = sets
    for name, value in first:
        metrics.add_dimension(name=name, value=value)
    for dimensions in others:
        metrics.add_dimensions(**dict(dimensions))
    for name, amount in values.items():
        metrics.add_metric(name=name, unit=UNITS.get(name, "Count"), value=amount)
    metrics.flush_metrics()


def gunzip_alone(event: Mapping[str, Any]) -> bytes:
    """Return the inflated batch: what the standard library needs before anything is read."""
    return gzip.decompress(base64.b64decode(event["awslogs"]["data"]))


def _now() -> int:
    return int(time.time() * 1000)


def _is_notable(call: dict[str, Any]) -> bool:
    return call["status"] == "error" or call["guardrail"]["verdict"] not in ("none", "clean")


def read(record: dict[str, Any]) -> dict[str, Any]:
    """Take out of a record what the metrics and the event line need."""
    source, output = record.get("input", {}), record.get("output", {})
    body = output.get("outputBodyJson") or {}
    chunks = body if isinstance(body, list) else [body]
    model_id = record["modelId"].split("/")[-1]
    call: dict[str, Any] = {
        "request_id": record["requestId"],
        "timestamp": record["timestamp"],
        "minute": int(datetime.fromisoformat(record["timestamp"]).timestamp() // 60) * 60_000,
        "account_id": record["accountId"],
        "region": record["region"],
        "operation": record["operation"],
        "model_id": model_id,
        "principal": record["identity"]["arn"].split("/")[1],
        "principal_arn": record["identity"]["arn"],
        "status": "error" if record.get("errorCode") else "ok",
        "error_code": record.get("errorCode"),
        "stop_reason": None,
        "usage": {
            "input_tokens": source.get("inputTokenCount", 0),
            "output_tokens": output.get("outputTokenCount", 0),
            "cache_read_tokens": source.get("cacheReadInputTokenCount", 0),
            "cache_write_tokens": source.get("cacheWriteInputTokenCount", 0),
        },
        "modality": "embedding" if "embedding" in chunks[0] else "text",
        "latency_ms": None,
        "first_byte_ms": None,
        "body": "inline" if body else "absent",
        "metadata": record.get("requestMetadata", {}),
    }
    for chunk in chunks:
        call["stop_reason"] = chunk.get("stopReason") or call["stop_reason"]
        measured = chunk.get("amazon-bedrock-invocationMetrics", {})
        latency = chunk.get("metrics", {}).get("latencyMs") or measured.get("invocationLatency")
        call["latency_ms"] = latency or call["latency_ms"]
        call["first_byte_ms"] = measured.get("firstByteLatency") or call["first_byte_ms"]
    call["guardrail"] = _guardrail(chunks)
    call["cost_usd"] = _cost(model_id, record["region"], call["usage"])
    return call


def _cost(model_id: str, region: str, usage: dict[str, int]) -> float | None:
    plain_id = model_id.partition(".")[2]
    rates = (
        RATES.get((model_id, region))
        or RATES.get((model_id, None))
        or RATES.get((plain_id, region))
        or RATES.get((plain_id, None))
    )
    if rates is None:
        return None
    amount = (
        usage["input_tokens"] * rates.get("input", 0)
        + usage["output_tokens"] * rates.get("output", 0)
        + usage["cache_read_tokens"] * rates.get("cache_read", 0)
        + usage["cache_write_tokens"] * rates.get("cache_write", 0)
    )
    return float(amount / 1e12)


def _guardrail(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    hits: list[dict[str, Any]] = []
    ids: list[str] = []
    latency: dict[str, int] = {}
    units = 0
    picodollars = 0
    for chunk in chunks:
        for guardrail, assessment, phase in _assessments(chunk):
            if guardrail not in ids:
                ids.append(guardrail)
            hits.extend(_hits(guardrail, assessment, phase))
            measured = assessment.get("invocationMetrics", {})
            took = measured.get("guardrailProcessingLatency", 0)
            latency[phase] = max(latency.get(phase, 0), took)
            for name, amount in measured.get("usage", {}).items():
                units += amount if UNIT_RATES[name] else 0
                picodollars += amount * UNIT_RATES[name]
    actions = {hit["action"] for hit in hits}
    verdict = (
        "blocked" if "BLOCKED" in actions
        else "masked" if "ANONYMIZED" in actions
        else "detected" if actions
        else "clean" if ids
        else "none"
    )  # fmt: skip
    return {
        "verdict": verdict,
        "ids": ids,
        "hits": hits,
        "latency_ms": sum(latency.values()),
        "units": units,
        "cost_usd": picodollars / 1e12,
    }


def _assessments(chunk: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    trace = (chunk.get("trace") or chunk.get("amazon-bedrock-trace") or {}).get("guardrail", {})
    for guardrail, assessment in (trace.get("inputAssessment") or trace.get("input") or {}).items():
        yield guardrail, assessment, "input"
    outputs = trace.get("outputAssessments") or trace.get("outputs") or []
    for item in outputs if isinstance(outputs, list) else [outputs]:
        for guardrail, found in item.items():
            for assessment in found if isinstance(found, list) else [found]:
                yield guardrail, assessment, "output"


def _hits(guardrail: str, assessment: dict[str, Any], phase: str) -> Iterator[dict[str, Any]]:
    for key, (items, policy) in KINDS.items():
        for item in assessment.get(key, {}).get(items, []):
            yield {
                "guardrail_id": guardrail,
                "policy": policy,
                "category": item.get("type") or item.get("name"),
                "action": item["action"],
                "source": phase,
                "confidence": item.get("confidence"),
            }


def _batch_values(calls: int, oldest: int) -> dict[str, int]:
    """Return the metrics of a batch whose oldest call was in minute `oldest` (milliseconds)."""
    age = max(0, int(time.time() - oldest / 1000))
    return {"RecordsReceived": calls, "RecordsProcessed": calls, "RecordAge": age}


def _measurements(call: dict[str, Any]) -> Iterator[Measured]:
    guardrail = call["guardrail"]
    verdict_metric = VERDICTS.get(guardrail["verdict"])
    values = _values(call, verdict_metric)
    # By modality these are more than ours, but one line is quicker than two.
    yield values, ((), (("ModelId", call["model_id"]),), (("Modality", call["modality"]),))
    for guardrail_id in guardrail["ids"]:
        theirs = [hit for hit in guardrail["hits"] if hit["guardrail_id"] == guardrail_id]
        by_guardrail = {"GuardedInvocations": 1}
        if theirs:
            by_guardrail["PolicyHits"] = len(theirs)
            if verdict_metric:
                by_guardrail[verdict_metric] = 1
        yield by_guardrail, ((("GuardrailId", guardrail_id),),)
    for hit in guardrail["hits"]:
        policy, action = ("Policy", hit["policy"]), ("Action", hit["action"])
        by_category = (policy, ("Category", hit["category"]), action)
        yield {"PolicyHits": 1}, ((policy, action), by_category)
    if call["error_code"]:
        yield {"InvocationErrors": 1}, ((("ErrorCode", call["error_code"]),),)
    if verdict_metric:
        yield {verdict_metric: 1}, ((("Principal", call["principal"]),),)


def _values(call: dict[str, Any], verdict_metric: str | None) -> dict[str, Any]:
    """Return the metrics of a call: those that alarms need also as 0, others if there is any."""
    usage, guardrail = call["usage"], call["guardrail"]
    values = {
        "Invocations": 1,
        "InputTokens": usage["input_tokens"],
        "OutputTokens": usage["output_tokens"],
        "InvocationErrors": 1 if call["error_code"] else 0,
        "Throttles": 1 if call["error_code"] == "ThrottlingException" else 0,
        "ContentFilteredCount": 0,
        "MaskedCount": 0,
        "UnpricedInvocations": 1 if call["cost_usd"] is None else 0,
    }
    if verdict_metric:
        values[verdict_metric] = 1
    if guardrail["verdict"] != "none":
        values["GuardedInvocations"] = 1
        values["GuardrailLatency"] = guardrail["latency_ms"]
        values["GuardrailUnits"] = guardrail["units"]
        values["GuardrailCost"] = guardrail["cost_usd"]
    elif call["body"] == "inline" and not call["error_code"] and call["modality"] != "embedding":
        values["UnguardedInvocations"] = 1
    optional = {
        "CacheReadTokens": usage["cache_read_tokens"],
        "CacheWriteTokens": usage["cache_write_tokens"],
        "EstimatedCost": call["cost_usd"],
        "Latency": call["latency_ms"],
        "TimeToFirstByte": call["first_byte_ms"],
        "PolicyHits": len(guardrail["hits"]),
    }
    return values | {name: value for name, value in optional.items() if value}


def _emf_line(minute: int, sets: tuple[Dimensions, ...], values: Mapping[str, Any]) -> str:
    return json.dumps(
        {
            "_aws": {
                "Timestamp": minute,
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [[name for name, _ in dimensions] for dimensions in sets],
                        "Metrics": [
                            {"Name": name, "Unit": UNITS.get(name, "Count")} for name in values
                        ],
                    }
                ],
            },
            **{name: value for dimensions in sets for name, value in dimensions},
            **values,
        }
    )
