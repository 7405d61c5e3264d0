"""The plain ways to do the collector's job, as one would write them in an afternoon.

They publish the same metrics with the same dimensions and write the same event lines, and they
trust what they read: no value is checked, nothing that came twice is counted once, nothing is
capped, and half an emoji or a list where an object is due costs them the batch.
"""

import base64
import contextlib
import gzip
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.data_classes import CloudWatchLogsEvent

from bedrock_alerts.invocations.pricing import PRICES_FILE

NAMESPACE: Final = "BedrockAlerts"
UNITS: Final = {"Latency": "Milliseconds", "TimeToFirstByte": "Milliseconds"}
KINDS: Final = {
    "topicPolicy": ("topics", "topic"),
    "contentPolicy": ("filters", "content"),
    "wordPolicy": ("customWords", "word"),
    "sensitiveInformationPolicy": ("piiEntities", "sensitive_information"),
}
RATES: Final = {
    entry["model"]: entry["rates"] for entry in json.loads(PRICES_FILE.read_bytes())["entries"]
}
Dimensions = tuple[tuple[str, str], ...]
# Metrics and the sets of dimensions they are published with.
Measured = tuple[dict[str, Any], tuple[Dimensions, ...]]


def standard_library(event: Mapping[str, Any]) -> str:
    """Use base64, gzip and json, and write the metrics of every record on lines of their own."""
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    out: list[str] = []
    for item in batch["logEvents"]:
        call = _read(json.loads(item["message"]))
        if call["error_code"] or call["verdict"] not in ("none", "clean"):
            out.append(json.dumps({"event": "invocation", **call}))
        out.extend(_emf_line(call["minute"], sets, values) for values, sets in _measurements(call))
    return "\n".join(out)


def standard_library_grouped(event: Mapping[str, Any]) -> str:
    """Use base64, gzip and json, and add up by minute and dimensions before writing."""
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    out: list[str] = []
    groups: defaultdict[tuple[int, Dimensions], dict[str, Any]] = defaultdict(dict)
    for item in batch["logEvents"]:
        call = _read(json.loads(item["message"]))
        if call["error_code"] or call["verdict"] not in ("none", "clean"):
            out.append(json.dumps({"event": "invocation", **call}))
        for values, sets in _measurements(call):
            for dimensions in sets:
                group = groups[call["minute"], dimensions]
                for name, value in values.items():
                    if name in UNITS:
                        group.setdefault(name, []).append(value)
                    else:
                        group[name] = group.get(name, 0) + value
    out.extend(
        _emf_line(minute, (dimensions,), values) for (minute, dimensions), values in groups.items()
    )
    return "\n".join(out)


def powertools(event: Mapping[str, Any]) -> str:
    """Use Powertools: its event data class, and its Metrics flushed for every record."""
    batch = CloudWatchLogsEvent(dict(event)).parse_logs_data()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        for item in batch.log_events:
            call = _read(json.loads(item.message))
            if call["error_code"] or call["verdict"] not in ("none", "clean"):
                out.write(json.dumps({"event": "invocation", **call}) + "\n")
            for values, sets in _measurements(call):
                for dimensions in sets:
                    metrics = EphemeralMetrics(namespace=NAMESPACE)
                    for name, value in dimensions:
                        metrics.add_dimension(name=name, value=value)
                    for name, amount in values.items():
                        metrics.add_metric(name=name, unit=MetricUnit.Count, value=amount)
                    metrics.flush_metrics()
    return out.getvalue()


def gunzip_alone(event: Mapping[str, Any]) -> bytes:
    """Return the inflated batch: what the standard library needs before anything is read."""
    return gzip.decompress(base64.b64decode(event["awslogs"]["data"]))


def _read(record: dict[str, Any]) -> dict[str, Any]:
    source, output = record.get("input", {}), record.get("output", {})
    body = output.get("outputBodyJson") or {}
    chunks = body if isinstance(body, list) else [body]
    call: dict[str, Any] = {
        "request_id": record["requestId"],
        "timestamp": record["timestamp"],
        "minute": int(datetime.fromisoformat(record["timestamp"]).timestamp() // 60) * 60_000,
        "account_id": record["accountId"],
        "region": record["region"],
        "operation": record["operation"],
        "model_id": record["modelId"].split("/")[-1],
        "principal": record["identity"]["arn"].split("/")[1],
        "principal_arn": record["identity"]["arn"],
        "error_code": record.get("errorCode"),
        "input_tokens": source.get("inputTokenCount", 0),
        "output_tokens": output.get("outputTokenCount", 0),
        "cache_read_tokens": source.get("cacheReadInputTokenCount", 0),
        "cache_write_tokens": source.get("cacheWriteInputTokenCount", 0),
        "modality": "embedding" if "embedding" in chunks[0] else "text",
        "stop_reason": None,
        "latency_ms": None,
        "first_byte_ms": None,
    }
    hits: list[dict[str, Any]] = []
    guardrails: list[str] = []
    for chunk in chunks:
        call["stop_reason"] = chunk.get("stopReason") or call["stop_reason"]
        metrics = chunk.get("amazon-bedrock-invocationMetrics", {})
        latency = chunk.get("metrics", {}).get("latencyMs") or metrics.get("invocationLatency")
        call["latency_ms"] = latency or call["latency_ms"]
        call["first_byte_ms"] = metrics.get("firstByteLatency") or call["first_byte_ms"]
        for guardrail, assessment, phase in _assessments(chunk):
            guardrails.append(guardrail)
            hits.extend(_hits(guardrail, assessment, phase))
    actions = {hit["action"] for hit in hits}
    call["verdict"] = (
        "blocked" if "BLOCKED" in actions
        else "masked" if "ANONYMIZED" in actions
        else "detected" if actions
        else "clean" if guardrails
        else "none"
    )  # fmt: skip
    call["hits"], call["guardrails"] = hits, guardrails
    rates = RATES.get(call["model_id"]) or RATES.get(call["model_id"].partition(".")[2])
    call["cost"] = (
        None
        if rates is None
        else (
            call["input_tokens"] * rates.get("input", 0)
            + call["output_tokens"] * rates.get("output", 0)
            + call["cache_read_tokens"] * rates.get("cache_read", 0)
            + call["cache_write_tokens"] * rates.get("cache_write_5m", 0)
        )
        / 1e12
    )
    return call


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
            }


def _measurements(call: dict[str, Any]) -> Iterator[Measured]:
    values = {
        "Invocations": 1,
        "InvocationErrors": 1 if call["error_code"] else 0,
        "Throttles": 1 if call["error_code"] == "ThrottlingException" else 0,
        "InputTokens": call["input_tokens"],
        "OutputTokens": call["output_tokens"],
        "CacheReadTokens": call["cache_read_tokens"],
        "CacheWriteTokens": call["cache_write_tokens"],
        "ContentFilteredCount": 1 if call["verdict"] == "blocked" else 0,
        "MaskedCount": 1 if call["verdict"] == "masked" else 0,
        "GuardedInvocations": 1 if call["guardrails"] else 0,
        "UnguardedInvocations": 0 if call["guardrails"] else 1,
    }
    if call["cost"] is None:
        values["UnpricedInvocations"] = 1
    else:
        values["EstimatedCost"] = call["cost"]
    for name, key in (("Latency", "latency_ms"), ("TimeToFirstByte", "first_byte_ms")):
        if call[key]:
            values[name] = call[key]
    yield values, ((), (("ModelId", call["model_id"]),), (("Modality", call["modality"]),))
    for guardrail in call["guardrails"]:
        yield {"GuardedInvocations": 1}, ((("GuardrailId", guardrail),),)
    for hit in call["hits"]:
        policy, action = ("Policy", hit["policy"]), ("Action", hit["action"])
        by_category = (policy, ("Category", hit["category"]), action)
        yield {"PolicyHits": 1}, ((policy, action), by_category)
    if call["error_code"]:
        yield {"InvocationErrors": 1}, ((("ErrorCode", call["error_code"]),),)
    if call["verdict"] == "blocked":
        yield {"ContentFilteredCount": 1}, ((("Principal", call["principal"]),),)


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
