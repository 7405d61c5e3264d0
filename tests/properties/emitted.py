"""What is checked about every line that a collector emits."""

import io
import json
import math
from typing import Any, Final

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.invocations.collector import Collected
from bedrock_alerts.limits import (
    EMF_LINE_BYTES,
    METRIC_MAX_AGE_SECONDS,
    METRIC_MAX_AHEAD_SECONDS,
)
from bedrock_alerts.metrics import METRICS

NAMESPACE: Final = "Example"
DIMENSIONS: Final = {
    "ModelId", "Modality", "GuardrailId", "Policy", "Category", "Action", "ErrorCode", "Reason",
    "Principal", "Application",
}  # fmt: skip
_EVENT_KEYS: Final = {
    "event", "request_id", "timestamp", "account_id", "region", "operation", "model_id", "model",
    "inference_profile", "application", "principal", "principal_arn", "status", "error_code",
    "stop_reason",
    "usage", "modality", "latency_ms", "first_byte_ms", "cost_usd", "priced", "price_fallback",
    "guardrail", "body", "metadata",
}  # fmt: skip


def emit(collected: Collected) -> bytes:
    """Return what a collector writes, as the bytes that Lambda would read."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8", errors="strict", newline="")
    EmfSink(NAMESPACE, stream).publish(collected.datapoints, collected.events)
    return raw.getvalue()


def check_emitted(output: bytes, *, now: float) -> None:
    """Assert that every line is valid, finite, within every limit, and has only keys of ours."""
    assert output == b"" or output.endswith(b"\n")
    for line in output.split(b"\n")[:-1]:
        assert len(line) <= EMF_LINE_BYTES
        text = line.decode("utf-8", "strict")
        assert text.isprintable() or not any(ord(letter) < 32 for letter in text)
        document = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        if "_aws" in document:
            _check_metrics(document, now)
        else:
            assert set(document) == _EVENT_KEYS
            assert document["event"] == "invocation"


def _check_metrics(document: dict[str, Any], now: float) -> None:
    block = document.pop("_aws")
    assert set(block) == {"Timestamp", "CloudWatchMetrics"}
    age = now - block["Timestamp"] / 1000
    assert -METRIC_MAX_AHEAD_SECONDS <= age <= METRIC_MAX_AGE_SECONDS
    (directive,) = block["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE
    (dimensions,) = directive["Dimensions"]
    assert len(dimensions) <= 30
    assert set(dimensions) <= DIMENSIONS
    for name in dimensions:
        value = document.pop(name)
        assert value.isascii()
        assert value.isprintable()
        assert 1 <= len(value.strip()) <= 1024
    metrics = directive["Metrics"]
    assert 1 <= len(metrics) <= 100
    for metric in metrics:
        assert metric["Unit"] == METRICS[metric["Name"]].unit
        values = document.pop(metric["Name"])
        values = values if isinstance(values, list) else [values]
        assert 1 <= len(values) <= 100
        assert all(type(value) in {int, float} and abs(value) < 2.0**360 for value in values)
    assert document == {}


def _refuse(word: str) -> None:
    raise AssertionError(word)


def _finite(digits: str) -> float:
    assert math.isfinite(float(digits))
    return float(digits)
