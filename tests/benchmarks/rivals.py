"""The plain ways to do what the collector does, as one would write them in an afternoon.

All of them do less: no value is checked, nothing is priced, nothing is counted once that came
twice, nothing is capped. They read the fields that everybody reads (calls, errors, tokens, cache,
latency, guardrail findings) and write metrics without dimensions, by model and by policy.
"""

import base64
import contextlib
import gzip
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.data_classes import CloudWatchLogsEvent

NAMESPACE = "BedrockAlerts"
Reading = tuple[str, list[tuple[tuple[tuple[str, str], ...], dict[str, int]]]]


def standard_library(event: Mapping[str, Any]) -> str:
    """Use base64, gzip and json, and write the metrics of every record on lines of their own."""
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    return "\n".join(
        _emf_line(dimensions, values)
        for item in batch["logEvents"]
        for dimensions, values in _read(json.loads(item["message"]))[1]
    )


def standard_library_grouped(event: Mapping[str, Any]) -> str:
    """Use base64, gzip and json, and add up by minute and dimensions before writing."""
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    groups: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
    for item in batch["logEvents"]:
        minute, readings = _read(json.loads(item["message"]))
        for dimensions, values in readings:
            group = groups[minute, dimensions]
            for name, value in values.items():
                if name == "Latency":
                    group.setdefault(name, []).append(value)
                else:
                    group[name] = group.get(name, 0) + value
    return "\n".join(_emf_line(dimensions, values) for (_, dimensions), values in groups.items())


def powertools(event: Mapping[str, Any]) -> str:
    """Use Powertools: its event data class, and its Metrics flushed for every record."""
    batch = CloudWatchLogsEvent(dict(event)).parse_logs_data()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        for item in batch.log_events:
            for dimensions, values in _read(json.loads(item.message))[1]:
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


def _read(record: dict[str, Any]) -> Reading:
    source, output = record.get("input", {}), record.get("output", {})
    body = output.get("outputBodyJson") or {}
    chunks = body if isinstance(body, list) else [body]
    values = {
        "Invocations": 1,
        "InvocationErrors": 1 if record.get("errorCode") else 0,
        "InputTokens": source.get("inputTokenCount", 0),
        "OutputTokens": output.get("outputTokenCount", 0),
        "CacheReadTokens": source.get("cacheReadInputTokenCount", 0),
        "CacheWriteTokens": source.get("cacheWriteInputTokenCount", 0),
    }
    policies: list[tuple[tuple[tuple[str, str], ...], dict[str, int]]] = []
    for chunk in chunks:
        latency = chunk.get("metrics", {}).get("latencyMs") or chunk.get(
            "amazon-bedrock-invocationMetrics", {}
        ).get("invocationLatency")
        if latency:
            values["Latency"] = latency
        for kind, action in _findings(chunk):
            values["ContentFilteredCount"] = 1
            policies.append(((("Policy", kind), ("Action", action)), {"PolicyHits": 1}))
    by_model = (("ModelId", record["modelId"]),)
    return record["timestamp"][:16], [((), values), (by_model, values), *policies]


def _findings(chunk: dict[str, Any]) -> Iterator[tuple[str, str]]:
    guardrail = chunk.get("trace", {}).get("guardrail", {})
    for assessment in guardrail.get("inputAssessment", {}).values():
        for item in assessment.get("contentPolicy", {}).get("filters", []):
            yield "content", item["action"]


def _emf_line(dimensions: tuple[tuple[str, str], ...], values: Mapping[str, Any]) -> str:
    return json.dumps(
        {
            "_aws": {
                "Timestamp": 0,
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [[name for name, _ in dimensions]],
                        "Metrics": [{"Name": name, "Unit": "Count"} for name in values],
                    }
                ],
            },
            **dict(dimensions),
            **values,
        }
    )
